"""Imports ended by SIGKILL, or run twice at once: in the end the database is as if each file had come in once."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from domain import ingestion
from domain.rules.order import Shop
from domain.storage import tables
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql
from tests.support.command import Copy, an_environment
from tests.support.invariants import assert_sound
from tests.support.market.orders import AWAITING_COLLECTION, IN_TRANSIT, MARKETS, MarketOrder, Unit, document
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW, a_shop

# Some more than two batches.
ORDERS = 1_100
Record = Callable[[str, object], None]
# What chance and the clock decide; the shop's log has a batch's events in the order of the commits.
UNLIKE = {"shop_id", "number of event", "actor", "updated_at", "occurred_at", "created_at", "queued_at", "visible_at"}


def on_the_first_day(place: int) -> MarketOrder:
    market = MARKETS[2 + place % 4]
    kept = Unit("7001", 1_500, 100, package="8001")
    units = (kept, kept, Unit("7002", 2_000 + place % 7, package="8001" if place % 2 else "8002"))
    return MarketOrder(f"5{place:05}", market, units, is_cod=place % 5 == 0, shipping_fee=100)


def on_the_second_day(place: int) -> MarketOrder:
    """Of twelve orders eight are as before, and four cancelled, moved on, repacked or otherwise changed."""
    order = replace(on_the_first_day(place), updated_at=1_790_099_999)
    first, last = order.units[0], order.units[2]
    changes: dict[int, dict[int, Unit]] = {
        0: {0: replace(first, is_cancelled=True, cancelled_by="BUYER", cancelled_why="No longer needed")},
        1: {n: replace(unit, stage=IN_TRANSIT, carrier="Swift") for n, unit in enumerate(order.units)},
        2: {0: replace(first, package="8003")},
        3: {2: replace(last, stage=AWAITING_COLLECTION)} if last.package == "8002" else {},
    }
    changed = order.with_units(changes.get(place % 12, {}))
    return replace(changed, name="Bea Buyer") if place % 12 == 3 else changed


@pytest.fixture
def days(tmp_path: Path) -> tuple[Path, Path]:
    """The files of two days, as JSON lines."""
    paths = (tmp_path / "day-1.jsonl", tmp_path / "day-2.jsonl")
    for path, told in zip(paths, (on_the_first_day, on_the_second_day), strict=True):
        path.write_text("".join(json.dumps(document(told(place))) + "\n" for place in range(ORDERS)))
    return paths


class Importing:
    """`shortship import` in a process of its own."""

    def __init__(self, url: str, shop: Shop, path: Path, name: str = "import") -> None:
        self._out = path.with_name(f"{name}.out")
        self._err = path.with_name(f"{name}.err")
        arguments = ("import", "--shop", shop.id, str(path))
        environment = an_environment({"database_url": url})
        self.process = Copy(*arguments, folder=path.parent, environment=environment, err=self._err, out=self._out)

    async def ended(self) -> tuple[int, str]:
        """The exit code and the last line of stdout."""
        code = await asyncio.to_thread(self.process.wait, PATIENCE_SECONDS)
        lines = self._out.read_text().splitlines()
        return code, lines[-1] if lines else ""


async def killed_in_the_middle(database: Database, importing: Importing, shop: Shop) -> int:
    """Kills it once some of the file is stored; returns how many of the shop's events were written by then."""
    before = await events_of(database, shop)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await events_of(database, shop) == before:
            assert importing.process.poll() is None
            await asyncio.sleep(0.01)
    importing.process.kill()
    await asyncio.to_thread(importing.process.wait, PATIENCE_SECONDS)
    return await events_of(database, shop) - before


async def events_of(database: Database, shop: Shop) -> int:
    async with database.reading(EVERY_SHOP) as connection:
        asked = sa.select(tables.shops.c.last_event).where(tables.shops.c.id == shop.id)
        return int((await connection.execute(asked)).scalar_one())


async def import_once(database: Database, shop: Shop, path: Path) -> None:
    async for _ in ingestion.import_file(database, shop, path, actor="import", clock=lambda: NOW):
        pass


async def content(database: Database, shop: Shop) -> dict[str, list[str]]:
    """The shop's rows without ids and the times of acts, by table."""
    async with database.reading(EVERY_SHOP) as connection:
        if not database.has_single_writer:
            await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        asked = sa.select(tables.orders.c.id, tables.orders.c.number).where(tables.orders.c.shop_id == shop.id)
        numbers = {row.id: row.number for row in await connection.execute(asked)}
        found = {}
        for table in tables.metadata.sorted_tables:
            if "shop_id" in table.columns:
                rows = await connection.execute(sa.select(table).where(table.c.shop_id == shop.id))
                found[table.name] = sorted(alike(table.name, row, numbers) for row in rows.mappings())
    return found


def alike(table: str, row: sa.RowMapping, numbers: Mapping[UUID, str]) -> str:
    """The row as text; an order's id becomes its number, and other ids are left out."""
    is_event = table == tables.order_events.name
    parts = {}
    for name, content in row.items():
        if name in UNLIKE or (is_event and name == "number"):
            continue
        parts[name] = numbers.get(content, "") if isinstance(content, UUID) else content
        if isinstance(content, datetime):
            parts[name] = content.isoformat()
    return repr(parts)


async def assert_like(database: Database, shop: Shop, other: Shop) -> None:
    mine, theirs = await content(database, shop), await content(database, other)
    assert mine.keys() == theirs.keys()
    for table, rows in mine.items():
        assert rows == theirs[table], table
    await assert_sound(database)


async def test_an_import_that_was_killed_is_finished_by_the_next(
    database: Database, database_url: str, days: tuple[Path, Path], record_property: Record
) -> None:
    """Catches an order that a kill leaves half stored or half brought up to date, or that the repetition doubles."""
    shop, other = await a_shop(database), await a_shop(database, "other")

    stored = []
    ends = []
    for day in days:
        stored.append(await killed_in_the_middle(database, Importing(database_url, shop, day), shop))
        ends.append(await Importing(database_url, shop, day).ended())
        await import_once(database, other, day)

    record_property("events at the kills", stored)
    all_events = await events_of(database, shop)
    assert all_events == await events_of(database, other)
    assert 0 < stored[0] < ORDERS
    assert 0 < stored[1] < all_events - ORDERS
    assert [code for code, _ in ends] == [0, 0]
    assert ends[0][1] == f"created {ORDERS - stored[0]}, updated 0, unchanged {stored[0]}, rejected 0"
    await assert_like(database, shop, other)


@on_postgresql
async def test_two_imports_of_one_file_at_once_do_its_work_once(
    database: Database, database_url: str, days: tuple[Path, Path], record_property: Record
) -> None:
    """Catches two processes that both bring an order up to date, or wait for each other for good.

    On a busy machine one of them may have to give up on orders that the other holds; it is then run again.
    """
    shop, other = await a_shop(database), await a_shop(database, "other")

    runs = 0
    for day in days:
        codes = [1]
        while any(codes):
            both = [Importing(database_url, shop, day, name) for name in ("left", "right")]
            codes = [code for code, _ in await asyncio.gather(*(each.ended() for each in both))]
            runs += 1
        await import_once(database, other, day)

    record_property("runs", runs)
    assert await events_of(database, shop) == await events_of(database, other)
    await assert_like(database, shop, other)
