"""Writers that keep a shop's log busy, here or in a separate process: `python -m tests.faults.writing`."""

import asyncio
import sys
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ingestion
from domain.rules.order import Shop
from domain.storage import shops
from domain.storage.engine.backend import EVERY_SHOP, ShopScope
from domain.storage.engine.database import Database, Work
from domain.storage.engine.faults import BusyError, UnavailableError
from tests.support.cancelling import a_request, cancel, everything
from tests.support.stored import NOW, an_order_input, stored

# A log numbered by a sequence, the careless way to do it; each transaction writes one row.
NAIVE_LOG = "CREATE TABLE naive_log (id bigserial PRIMARY KEY)"


class TwoLogsDatabase(Database):
    """A PostgreSQL database whose transactions write to the naive log too."""

    async def writing(self, shop_id: ShopScope, work: Work[Any]) -> Any:  # like the method it overrides
        async def logged(connection: AsyncConnection) -> object:
            await connection.execute(sa.text("INSERT INTO naive_log DEFAULT VALUES"))
            return await work(connection)

        return await super().writing(shop_id, logged)


async def write(database: Database, shop: Shop, name: str, count: int) -> None:
    """Imports and cancels `count` orders, despite broken connections; each has four events."""
    for number in range(count):
        while not await _is_written(database, shop, f"{name}-{number}"):
            pass


async def _is_written(database: Database, shop: Shop, number: str) -> bool:
    """False if the database was busy or unreachable; the caller then retries with the same key."""
    try:
        [result] = await ingestion.import_orders(database, shop, [an_order_input(number)], actor="import", now=NOW)
        if result.problems:
            return False
        order = await stored(database, shop, number)
        return (await cancel(database, shop, a_request(everything(order), number))).problems == ()
    except (BusyError, UnavailableError):
        return False


async def write_at_once(database: Database, shop: Shop, name: str, *, writers: int, count: int) -> None:
    await asyncio.gather(*(write(database, shop, f"{name}-{writer}", count) for writer in range(writers)))


async def _main(url: str, shop_id: str, name: str, writers: int, count: int) -> None:
    database = TwoLogsDatabase(url)
    async with database.reading(EVERY_SHOP) as connection:
        shop = await shops.find_shop(connection, shop_id)
    assert shop
    await write_at_once(database, shop, name, writers=writers, count=count)
    await database.close()


if __name__ == "__main__":
    [url, shop_id, name, writers, count] = sys.argv[1:]
    asyncio.run(_main(url, shop_id, name, int(writers), int(count)))
