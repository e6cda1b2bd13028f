"""Databases in trouble: others hold the locks, or the answer to a commit is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.storage.engine import postgresql
from domain.storage.engine.backend import ShopScope
from domain.storage.engine.database import Database, Work, roll_back


class ForgetfulDatabase(Database):
    """Loses the answer to each commit and retries, as if the connection had broken just then."""

    async def writing(self, shop_id: ShopScope, work: Work[Any]) -> Any:  # like the method it overrides
        await super().writing(shop_id, work)
        return await super().writing(shop_id, work)


class UnluckyDatabase(Database):
    """Rolls each transaction back once and retries, as after a conflict."""

    async def writing(self, shop_id: ShopScope, work: Work[Any]) -> Any:  # like the method it overrides
        async def undone(connection: AsyncConnection) -> None:
            await work(connection)
            await roll_back(connection)

        await super().writing(shop_id, undone)
        await self.meanwhile()
        return await super().writing(shop_id, work)

    async def meanwhile(self) -> None:
        """What others do before the retry."""


@asynccontextmanager
async def held(url: str, *statements: str) -> AsyncIterator[None]:
    """Inside the block, another transaction of the shop `demo` holds the statements' locks."""
    other, holds, done = Database(url), asyncio.Event(), asyncio.Event()

    async def hold(connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(sa.text(statement))
        holds.set()
        await done.wait()
        await roll_back(connection)

    holding = asyncio.create_task(other.writing("demo", hold))
    await holds.wait()
    try:
        yield
    finally:
        done.set()
        await holding
        await other.close()


@asynccontextmanager
async def held_by_others(database: Database, database_url: str) -> AsyncIterator[None]:
    """Inside the block, others lock all orders of the shop `demo`, and `database` soon gives up on them."""

    async def be_impatient(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("PRAGMA busy_timeout = 20"))

    with pytest.MonkeyPatch.context() as patch:
        if database.has_single_writer:
            await database.writing("demo", be_impatient)
        else:
            patch.setattr(postgresql, "LOCK_SECONDS", 0.02)
        async with held(database_url, "UPDATE orders SET version = version", "UPDATE shops SET name = name"):
            yield
