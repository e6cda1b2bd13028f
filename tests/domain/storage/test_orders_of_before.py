"""Orders that an earlier version stored: the migration decides what they would be if they came in now."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.order import value
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.migrations import runner
from domain.storage.tables import metadata, order_events, orders, package_items, packages
from tests.support.invariants import assert_sound

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
HELD, RELEASED, HELD_AGAIN = ("UNPAID", "ON_HOLD"), ("ON_HOLD", "AWAITING_SHIPMENT"), ("AWAITING_SHIPMENT", "ON_HOLD")


@value
class Before:
    """An order of two units for 10.00 each, in its present status; some of them came in cancelled, in a package A.

    `moves` of the order were logged; the last of its two units was `split` off, or cancelled here.
    """

    number: str
    status: str
    paid_at: datetime | None = None
    came_cancelled: int = 0
    moves: tuple[tuple[str, str], ...] = ()
    is_split: bool = False
    is_cancelled: bool = False


STORED = (
    Before("unpaid", "UNPAID"),
    Before("unpaid, one came cancelled", "UNPAID", came_cancelled=1),
    Before("unpaid, held", "ON_HOLD", moves=(HELD,)),
    Before("unpaid, held, one came cancelled", "ON_HOLD", came_cancelled=1, moves=(HELD,)),
    Before("unpaid, released, held", "ON_HOLD", AT, moves=(HELD, RELEASED, HELD_AGAIN)),
    Before("held", "ON_HOLD"),
    Before("held, one came cancelled", "ON_HOLD", came_cancelled=1),
    Before("came cancelled", "CANCELLED", came_cancelled=2),
    Before("came cancelled, paid", "CANCELLED", AT, came_cancelled=2),
    Before("one came cancelled, then the other", "CANCELLED", came_cancelled=1, is_cancelled=True),
    Before("open, split", "AWAITING_SHIPMENT", is_split=True),
)


def rows_of(order: Before, index: int) -> list[tuple[str, dict[str, object]]]:
    """All rows of the order, except its events, with the columns of revision 0006."""
    order_id, left = UUID(int=index), 2 - order.came_cancelled
    of_order = {"shop_id": "demo", "order_id": order_id}
    amounts: dict[str, object] = {"seller_discount": 0, "platform_discount": 0}
    cancelled = order.came_cancelled + order.is_cancelled
    head = {
        "shop_id": "demo",
        "id": order_id,
        "number": order.number,
        "status": order.status,
        "version": 1 + len(order.moves) + order.is_split + order.is_cancelled,
        "event_sequence": len(events_of(order, index)),
        "currency": "USD",
        "prices_include_tax": True,
        "placed_at": AT,
        "paid_at": order.paid_at,
        "updated_at": AT,
        "buyer_name": "Ada Buyer",
        "buyer_email": "ada@example.com",
        "buyer_locale": "en_US",
        "shipping_fee": 0,
        "shipping_tax": 0,
        "fees": [],
        "total": 2000,
        "refunded": 1000 * cancelled,
        "content_hash": b"hash",
        "shipping_refund_policy": "NEVER",
    }
    names = {"sku": "SKU", "product_id": "P", "product_name": "Product", "search_name": "product"}
    item = {**of_order, **amounts, **names, "position": 1, "is_gift": False, "quantity": 2, "subtotal": 2000, "tax": 0}
    found: list[tuple[str, dict[str, object]]] = [("orders", head), ("order_items", item)]

    def pack(position: int, number: str, units: int, *, is_gone: bool) -> None:
        status = "CANCELLED" if is_gone else "AWAITING_SHIPMENT"
        found.append(("packages", {**of_order, "position": position, "number": number, "status": status}))
        held = {**of_order, "item": 1, "package": position, "quantity": units, "cancelled_quantity": units * is_gone}
        found.append(("package_items", held))

    if order.came_cancelled:
        pack(1, "A", order.came_cancelled, is_gone=True)
    if left:
        pack(2, f"{order.number}-1", left - order.is_split, is_gone=order.is_cancelled)
    if order.is_split:
        pack(3, f"{order.number}-1-2", 1, is_gone=False)
    return found


def events_of(order: Before, index: int) -> list[dict[str, object]]:
    parts: list[dict[str, object]] = [{"type": "ORDER_IMPORTED"}]
    parts += [{"type": "ORDER_STATUS_CHANGED", "before": before, "after": after} for before, after in order.moves]
    if order.is_split:
        parts.append({"type": "PACKAGE_SPLIT", "package": 2, "new_package": 3})
    if order.is_cancelled:
        parts.append({"type": "ITEMS_CANCELLED", "cancellation_id": UUID(int=100 + index)})
        ended: dict[str, object] = {
            "type": "PACKAGE_STATUS_CHANGED",
            "before": "AWAITING_SHIPMENT",
            "after": "CANCELLED",
        }
        parts += [ended | {"package": 2}, ended | {"type": "ORDER_STATUS_CHANGED"}]
    common = {"shop_id": "demo", "order_id": UUID(int=index), "occurred_at": AT, "actor": "import"}
    return [common | {"sequence": sequence} | part for sequence, part in enumerate(parts, 1)]


def cancellation_of(index: int) -> list[tuple[str, dict[str, object]]]:
    of_order, made = {"shop_id": "demo", "order_id": UUID(int=index)}, UUID(int=100 + index)
    amounts: dict[str, object] = {"seller_discount": 0, "platform_discount": 0, "total": 1000}
    head = {
        **of_order,
        **amounts,
        "id": made,
        "scope": "ORDER",
        "reason": "OTHER",
        "prices_include_tax": True,
        "items_subtotal": 1000,
        "item_tax": 0,
        "shipping_fee": 0,
        "shipping_tax": 0,
        "fees": [],
        "fees_total": 0,
        "refund_status": "PENDING",
        "actor": "seller",
        "idempotency_key": "key-1",
        "created_at": AT,
    }
    line = {"cancellation_id": made, "line": 1, "item": 1, "package": 2, "quantity": 1, "subtotal": 1000, "tax": 0}
    mail = {
        "shop_id": "demo",
        "topic": "cancellation",
        "id": made,
        "payload": {},
        "state": "QUEUED",
        "attempts": 0,
        "queued_at": AT,
        "visible_at": AT,
    }
    return [("cancellations", head), ("cancellation_lines", {**of_order, **amounts, **line}), ("outbox", mail)]


def insert_all(connection: sa.Connection) -> None:
    """Creates the tables of revision 0006 and fills them."""
    command.upgrade(runner.config(connection), "0006")
    events = [event for index, order in enumerate(STORED, 1) for event in events_of(order, index)]
    shop = {
        "id": "demo",
        "name": "Demo Shop",
        "shipping_refund_policy": "NEVER",
        "cursor_key": b"key",
        "last_event": len(events),
        "created_at": AT,
    }
    rows = [("shops", shop), *(row for index, order in enumerate(STORED, 1) for row in rows_of(order, index))]
    rows += [row for index, order in enumerate(STORED, 1) if order.is_cancelled for row in cancellation_of(index)]
    rows += [("order_events", {"number": number, **event}) for number, event in zip(count(1), events, strict=False)]
    for name, row in rows:
        types = {column.name: column.type for column in metadata.tables[name].columns}
        texts = {column: sa.String() for column, type_ in types.items() if isinstance(type_, sa.Enum)}
        table = sa.table(name, *(sa.column(column, (types | texts)[column]) for column in row))
        connection.execute(sa.insert(table).values(row))


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may create tables."""
    return as_owner(database_url)


@pytest.fixture
async def migrated(database: Database) -> Database:
    """The orders of before, at the newest revision."""

    async def fill(connection: AsyncConnection) -> None:
        await connection.run_sync(metadata.drop_all)
        await connection.execute(sa.text("DROP TABLE alembic_version"))
        await connection.run_sync(insert_all)

    await database.writing(EVERY_SHOP, fill)
    await runner.migrate(database)
    return database


async def test_they_count_as_paid_unless_they_would_come_in_unpaid(migrated: Database) -> None:
    columns = (orders.c.number, orders.c.is_paid, orders.c.refunded, orders.c.taken_off)
    async with migrated.reading(EVERY_SHOP) as connection:
        rows = (await connection.execute(sa.select(*columns))).all()

    assert {number: (is_paid, refunded, taken_off) for number, is_paid, refunded, taken_off in rows} == {
        "unpaid": (False, 0, 0),
        "unpaid, one came cancelled": (False, 0, 1000),
        "unpaid, held": (False, 0, 0),
        "unpaid, held, one came cancelled": (False, 0, 1000),
        "unpaid, released, held": (True, 0, 0),
        "held": (True, 0, 0),
        "held, one came cancelled": (True, 1000, 0),
        "came cancelled": (False, 0, 2000),
        "came cancelled, paid": (True, 2000, 0),
        "one came cancelled, then the other": (True, 2000, 0),
        "open, split": (True, 0, 0),
    }


async def test_what_came_in_cancelled_is_told_from_what_was_cancelled_here(migrated: Database) -> None:
    columns = (package_items.c.package, package_items.c.cancelled_quantity, package_items.c.came_cancelled)
    joined = package_items.join(orders, orders.c.id == package_items.c.order_id)
    selected = sa.select(orders.c.number, *columns).select_from(joined).where(package_items.c.cancelled_quantity > 0)
    async with migrated.reading(EVERY_SHOP) as connection:
        rows = (await connection.execute(selected.order_by(orders.c.number, package_items.c.package))).all()

    assert [tuple(row) for row in rows] == [
        ("came cancelled", 1, 2, 2),
        ("came cancelled, paid", 1, 2, 2),
        ("held, one came cancelled", 1, 1, 1),
        ("one came cancelled, then the other", 1, 1, 1),
        ("one came cancelled, then the other", 2, 1, 0),
        ("unpaid, held, one came cancelled", 1, 1, 1),
        ("unpaid, one came cancelled", 1, 1, 1),
    ]


async def test_numbers_that_this_service_made_are_known(migrated: Database) -> None:
    joined = packages.join(orders, orders.c.id == packages.c.order_id)
    selected = sa.select(packages.c.number, packages.c.is_numbered_here).select_from(joined)
    shown = orders.c.number.in_(("open, split", "unpaid, one came cancelled"))
    async with migrated.reading(EVERY_SHOP) as connection:
        rows = (await connection.execute(selected.where(shown))).all()

    assert {row.number: row.is_numbered_here for row in rows} == {
        "open, split-1": True,
        "open, split-1-2": True,
        "A": False,
        "unpaid, one came cancelled-1": True,
    }


async def test_they_are_sound_and_their_log_has_no_notes(migrated: Database) -> None:
    async with migrated.reading(EVERY_SHOP) as connection:
        notes = (await connection.execute(sa.select(order_events.c.notes))).scalars().all()

    assert set(notes) == {None}
    await assert_sound(migrated)
