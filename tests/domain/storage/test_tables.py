"""The second line of defence: statements that bypass every rule cannot corrupt the data on either database."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    EventType,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)
from domain.storage import tables
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_shop(shop_id: str) -> dict[str, Any]:
    return {
        "id": shop_id,
        "name": "Shop",
        "shipping_refund_policy": ShippingRefundPolicy.NEVER,
        "cursor_key": b"key",
        "last_event": 0,
        "created_at": NOON,
    }


def an_order(shop_id: str, number: int, first_event: int = 1) -> list[tuple[sa.Table, Mapping[str, Any]]]:
    """An order of two units at 1000, one of them cancelled; positions and ids derive from its number."""
    of_order = {"shop_id": shop_id, "order_id": UUID(int=number)}
    cancellation_id = UUID(int=100 + number)
    money = {"seller_discount": 0, "platform_discount": 0}
    event = {"occurred_at": NOON, "actor": "import", "package": number}
    return [
        (
            tables.orders,
            {
                "shop_id": shop_id,
                "id": UUID(int=number),
                "number": f"N-{number}",
                "status": OrderStatus.AWAITING_SHIPMENT,
                "version": 2,
                "event_sequence": 2,
                "currency": "USD",
                "prices_include_tax": True,
                "placed_at": NOON,
                "updated_at": NOON,
                "buyer_name": "Ada Buyer",
                "buyer_email": "ada@example.com",
                "buyer_locale": "en_US",
                "shipping_fee": 0,
                "shipping_tax": 0,
                "fees": [["HANDLING", 100]],
                "total": 2100,
                "refunded": 1000,
                "content_hash": b"hash",
                "shipping_refund_policy": ShippingRefundPolicy.NEVER,
                "taken_off": 0,
                "is_paid": True,
                "collect_on_delivery": False,
            },
        ),
        (
            tables.order_items,
            {
                **of_order,
                **money,
                "position": number,
                "sku": "SKU",
                "product_id": "P",
                "product_name": "Product",
                "search_name": "product",
                "is_gift": False,
                "quantity": 2,
                "subtotal": 2000,
                "tax": 0,
            },
        ),
        (
            tables.packages,
            {
                **of_order,
                "position": number,
                "number": "1",
                "status": PackageStatus.AWAITING_SHIPMENT,
                "is_numbered_here": True,
            },
        ),
        (
            tables.package_items,
            {
                **of_order,
                "item": number,
                "package": number,
                "quantity": 2,
                "cancelled_quantity": 1,
                "came_cancelled": 0,
            },
        ),
        (
            tables.cancellations,
            {
                **of_order,
                **money,
                "id": cancellation_id,
                "scope": CancellationScope.ITEMS,
                "reason": CancellationReason.OUT_OF_STOCK,
                "prices_include_tax": True,
                "items_subtotal": 1000,
                "item_tax": 0,
                "shipping_fee": 0,
                "shipping_tax": 0,
                "fees": [],
                "fees_total": 0,
                "total": 1000,
                "refund_status": RefundStatus.PENDING,
                "actor": "seller",
                "idempotency_key": f"key-{number}",
                "created_at": NOON,
            },
        ),
        (
            tables.cancellation_lines,
            {
                **of_order,
                **money,
                "cancellation_id": cancellation_id,
                "line": 1,
                "item": number,
                "package": number,
                "quantity": 1,
                "subtotal": 1000,
                "tax": 0,
                "total": 1000,
            },
        ),
        (
            tables.order_events,
            {**of_order, **event, "number": first_event, "sequence": 1, "type": EventType.ORDER_IMPORTED},
        ),
        (
            tables.order_events,
            {
                **of_order,
                **event,
                "number": first_event + 1,
                "sequence": 2,
                "type": EventType.ITEMS_CANCELLED,
                "cancellation_id": cancellation_id,
            },
        ),
        (
            tables.idempotency_keys,
            {
                "shop_id": shop_id,
                "key": f"key-{number}",
                "request_hash": b"hash",
                "cancellation_id": cancellation_id,
                "created_at": NOON,
            },
        ),
        (
            tables.outbox,
            {
                "shop_id": shop_id,
                "topic": "mail",
                "id": cancellation_id,
                "payload": {"locale": "en_US"},
                "state": NotificationStatus.QUEUED,
                "attempts": 0,
                "queued_at": NOON,
                "visible_at": NOON,
            },
        ),
    ]


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may write to several shops in one transaction."""
    return as_owner(database_url)


@pytest.fixture
async def books(database: Database) -> Database:
    """Orders 1 and 2 of shop `one`, order 3 of shop `two`, and a shop `three` without orders."""
    rows = [
        *((tables.shops, a_shop(shop_id)) for shop_id in ("one", "two", "three")),
        *an_order("one", 1),
        *an_order("one", 2, first_event=3),
        *an_order("two", 3),
    ]

    async def insert(connection: AsyncConnection) -> None:
        for table, row in rows:
            await connection.execute(sa.insert(table).values(row))

    await database.writing(EVERY_SHOP, insert)
    return database


async def outcomes(database: Database, statements: Iterable[str]) -> dict[str, str]:
    """Runs the statements in turn; for each, the check or the kind of key that refused it, or "done"."""
    found = {}
    for statement in statements:
        found[statement] = await outcome(database, sa.text(statement))
    return found


async def outcome(database: Database, statement: sa.TextClause) -> str:
    try:
        await database.writing(EVERY_SHOP, lambda connection: connection.execute(statement))
    except (
        IntegrityError,
        sqlite3.IntegrityError,
        asyncpg.IntegrityConstraintViolationError,
    ) as error:  # the last two at commit
        return "".join(re.findall("ck_[a-z_]+|foreign key|unique constraint", str(error), re.IGNORECASE)).lower()
    return "done"


async def test_wrong_amounts_and_counts_are_refused(books: Database) -> None:
    expected = {
        "UPDATE package_items SET cancelled_quantity = 3": "ck_package_items_cancelled",
        "UPDATE package_items SET quantity = 0, cancelled_quantity = 0": "ck_package_items_quantity",
        "UPDATE package_items SET came_cancelled = 2": "ck_package_items_came_cancelled",
        "UPDATE package_items SET came_cancelled = -1": "ck_package_items_came_cancelled",
        "UPDATE orders SET refunded = -1": "ck_orders_refunded_within_total",
        "UPDATE orders SET taken_off = -1": "ck_orders_taken_off_within_total",
        "UPDATE orders SET taken_off = total - refunded + 1": "ck_orders_taken_off_within_total",
        "UPDATE orders SET shipping_fee = -1": "ck_orders_amounts",
        "UPDATE orders SET shipping_tax = -1": "ck_orders_amounts",
        "UPDATE orders SET version = 0": "ck_orders_counters",
        "UPDATE orders SET event_sequence = 0": "ck_orders_counters",
        "UPDATE order_items SET quantity = 0": "ck_order_items_quantity",
        "UPDATE order_items SET seller_discount = -1": "ck_order_items_amounts",
        "UPDATE order_items SET platform_discount = -1": "ck_order_items_amounts",
        "UPDATE order_items SET tax = -1": "ck_order_items_amounts",
        "UPDATE order_items SET seller_discount = 2001": "ck_order_items_discounts_within_subtotal",
        "UPDATE order_items SET platform_discount = 2001": "ck_order_items_discounts_within_subtotal",
        "UPDATE cancellations SET total = total + 1": "ck_cancellations_total",
        "UPDATE cancellations SET seller_discount = 1": "ck_cancellations_total",
        "UPDATE cancellations SET fees_total = 1": "ck_cancellations_total",
        "UPDATE cancellations SET item_tax = 7, prices_include_tax = false": "ck_cancellations_total",
        "UPDATE cancellations SET shipping_tax = 7, prices_include_tax = false": "ck_cancellations_total",
        "UPDATE cancellations SET fees_total = -1, total = total - 1": "ck_cancellations_amounts",
        "UPDATE cancellations SET seller_discount = 1001, total = -1": "ck_cancellations_amounts",
        "UPDATE cancellation_lines SET quantity = 0": "ck_cancellation_lines_quantity",
        "UPDATE cancellation_lines SET total = total + 1": "ck_cancellation_lines_total",
        "UPDATE cancellation_lines SET platform_discount = 1001, total = -1": "ck_cancellation_lines_amounts",
        "UPDATE outbox SET attempts = -1": "ck_outbox_attempts",
        "UPDATE shops SET last_event = -1": "ck_shops_last_event",
    }

    found = await outcomes(books, expected)

    assert found == expected


async def test_what_two_checks_refuse_is_refused_by_one_of_them(books: Database) -> None:
    expected = {
        "UPDATE package_items SET cancelled_quantity = -1": {
            "ck_package_items_cancelled",
            "ck_package_items_came_cancelled",
        },
        "UPDATE orders SET refunded = total + 1": {
            "ck_orders_refunded_within_total",
            "ck_orders_taken_off_within_total",
        },
    }

    found = await outcomes(books, expected)

    assert [found[statement] in names for statement, names in expected.items()] == [True, True]


async def test_no_row_refers_to_another_order_or_shop_or_to_nothing(books: Database) -> None:
    statements = [
        "UPDATE orders SET shop_id = 'nowhere' WHERE shop_id = 'two'",
        "UPDATE order_items SET shop_id = 'three' WHERE shop_id = 'two'",
        "UPDATE packages SET shop_id = 'three' WHERE shop_id = 'two'",
        "UPDATE package_items SET shop_id = 'one' WHERE shop_id = 'two'",
        "UPDATE package_items SET item = 2 WHERE item = 1",
        "UPDATE package_items SET package = 2 WHERE package = 1",
        "UPDATE cancellations SET package = 2 WHERE idempotency_key = 'key-1'",
        "UPDATE cancellation_lines SET shop_id = 'two' WHERE item = 1",
        "UPDATE cancellation_lines SET item = 2 WHERE item = 1",
        "UPDATE cancellation_lines SET package = 2 WHERE package = 1",
        "UPDATE cancellation_lines SET cancellation_id = '00000000000000000000000000000066' WHERE item = 1",
        "UPDATE idempotency_keys SET shop_id = 'one' WHERE shop_id = 'two'",
        "UPDATE outbox SET shop_id = 'nowhere' WHERE shop_id = 'two'",
        "DELETE FROM orders",
        "DELETE FROM cancellations",
    ]

    found = await outcomes(books, statements)

    assert found == dict.fromkeys(statements, "foreign key")


async def test_unique_rows_are_not_stored_twice(books: Database) -> None:
    statements = [
        "UPDATE orders SET number = 'N-1' WHERE number = 'N-2'",
        "INSERT INTO order_items SELECT * FROM order_items",
        "INSERT INTO packages SELECT shop_id, order_id, 9, number, status, NULL, NULL, is_numbered_here FROM packages",
        "INSERT INTO package_items SELECT * FROM package_items",
        "INSERT INTO cancellations SELECT * FROM cancellations",
        "INSERT INTO cancellation_lines SELECT * FROM cancellation_lines",
        "INSERT INTO idempotency_keys SELECT * FROM idempotency_keys",
        "INSERT INTO outbox SELECT * FROM outbox",
    ]

    found = await outcomes(books, statements)

    assert found == dict.fromkeys(statements, "unique constraint")


async def test_valid_changes_are_let_through(books: Database) -> None:
    statements = [
        "UPDATE cancellations SET seller_discount = -1, total = total + 1",
        "UPDATE cancellations SET item_tax = 70, shipping_tax = 30",
        "UPDATE cancellations SET prices_include_tax = false, total = total + 100",
        "UPDATE cancellation_lines SET platform_discount = -1, total = total + 1",
        "UPDATE cancellation_lines SET tax = 70, total = total + 70",
        "UPDATE orders SET refunded = total",
        "UPDATE orders SET refunded = 1000, taken_off = total - 1000",
        "UPDATE package_items SET came_cancelled = 1",
        "UPDATE package_items SET cancelled_quantity = quantity",
        "UPDATE order_items SET seller_discount = 1500, platform_discount = 500",
    ]

    found = await outcomes(books, statements)

    assert found == dict.fromkeys(statements, "done")


async def test_times_are_read_back_aware_and_in_utc(books: Database) -> None:
    in_india = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    async def write(connection: AsyncConnection) -> None:
        await connection.execute(sa.update(tables.orders).values(paid_at=in_india))

    await books.writing(EVERY_SHOP, write)
    async with books.reading(EVERY_SHOP) as connection:
        row = (await connection.execute(sa.select(tables.orders).limit(1))).one()

    assert (row.placed_at, row.paid_at, row.ship_by) == (NOON, NOON, None)
    assert row.paid_at.utcoffset() == timedelta(0)


async def test_values_are_read_back_as_stored(books: Database) -> None:
    async with books.reading(EVERY_SHOP) as connection:
        row = (await connection.execute(sa.select(tables.orders).order_by(tables.orders.c.id).limit(1))).one()

    assert (row.id, row.status, row.fees, row.content_hash, row.prices_include_tax) == (
        UUID(int=1),
        OrderStatus.AWAITING_SHIPMENT,
        [["HANDLING", 100]],
        b"hash",
        True,
    )
