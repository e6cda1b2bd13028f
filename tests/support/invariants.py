"""The invariants of the stored data, which every test on a database checks at its end."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa

from domain.rules.order import Shop
from domain.rules.refunds import due
from domain.storage import orders, tables
from domain.storage.engine.backend import EVERY_SHOP, Connection
from domain.storage.engine.database import Database
from domain.storage.invariants.check import INVARIANTS, violations
from domain.storage.invariants.invariant import Breaches

Rows = Sequence[sa.Row[Any]]


def _count(breaches: Breaches) -> sa.ScalarSelect[int]:
    """Counts, because for EXISTS PostgreSQL would plan to find only the first row."""
    return sa.select(sa.func.count()).select_from(breaches.subquery()).scalar_subquery()


# One statement for all: one by one they take longer than most tests. `violations` says exactly what is wrong.
BROKEN = sa.union_all(*(sa.select(sa.literal(each.name)).where(_count(each.breaches) > 0) for each in INVARIANTS))
_UNHURRIED = ("idle_in_transaction_session_timeout = 0", "statement_timeout = 0", "enable_nestloop = off")


async def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything stored, by table."""
    async with _looking(database) as connection:
        found = {table.name: await _rows(connection, table) for table in tables.metadata.sorted_tables}
    return {name: sorted(map(tuple, rows), key=repr) for name, rows in found.items()}


async def assert_sound(database: Database) -> None:
    """Checks all that `shortship check` does, what SQL cannot express, and what holds only while keys are kept."""
    async with _looking(database) as connection:
        if (await connection.execute(BROKEN)).first():
            raise AssertionError(await violations(connection))
        stored = await _rows(connection, tables.orders)
        for row in await _rows(connection, tables.shops):
            shop = Shop(row.id, row.name, row.shipping_refund_policy, row.cursor_key)
            mine = [each.id for each in stored if each.shop_id == shop.id]
            read = await orders.find_orders(connection, shop.id, mine)
            assert len(read) == len(mine)
            for order in read.values():
                cancelled = due(order, order.shipping_refund_policy)
                assert order.refunded + order.taken_off == cancelled, f"{shop.id} {order.number}"
        kept = await _rows(connection, tables.idempotency_keys)
        cancellations = await _rows(connection, tables.cancellations)
    keys = {(row.shop_id, row.cancellation_id): row.key for row in kept}
    made = {(row.shop_id, row.id): row.idempotency_key for row in cancellations}
    assert keys.items() <= made.items()  # servers sweep keys that are a week old by their clocks
    assert len(kept) == len(keys)


@asynccontextmanager
async def _looking(database: Database) -> AsyncIterator[Connection]:
    """Reads every shop and whole tables, without the time limits that PostgreSQL sets for the service."""
    async with database.reading(EVERY_SHOP) as connection:
        if not database.has_single_writer:
            for setting in _UNHURRIED:
                await connection.execute(sa.text(f"SET LOCAL {setting}"))
        yield connection


async def _rows(connection: Connection, table: sa.Table) -> Rows:
    return (await connection.execute(sa.select(table).order_by(*table.primary_key.columns))).all()
