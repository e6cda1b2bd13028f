"""The migrations create exactly the tables that tables.py describes, and run once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
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
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import NewerTablesError
from domain.storage.migrations import runner
from domain.storage.tables import metadata
from tests.support.invariants import assert_sound


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may create tables."""
    return as_owner(database_url)


@pytest.fixture
async def empty(database: Database) -> Database:
    """A database without tables."""

    async def drop_all(connection: AsyncConnection) -> None:
        await connection.run_sync(metadata.drop_all)
        await connection.execute(sa.text("DROP TABLE alembic_version"))

    await database.writing(EVERY_SHOP, drop_all)
    return database


def differences(connection: sa.Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def checks(connection: sa.Connection) -> dict[str, dict[str | None, str]]:
    """Each table's CHECKs by name, which Alembic does not compare."""
    inspector = sa.inspect(connection)
    return {
        table: {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)}
        for table in metadata.tables
    }


def recreate(connection: sa.Connection) -> None:
    metadata.drop_all(connection)
    metadata.create_all(connection)


async def test_migrated_tables_match_the_code(database: Database) -> None:
    async with database.reading(EVERY_SHOP) as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_migrated_checks_match_the_code(database: Database) -> None:
    async def compare(connection: AsyncConnection) -> tuple[Any, Any]:
        migrated = await connection.run_sync(checks)
        await connection.run_sync(recreate)
        return migrated, await connection.run_sync(checks)

    migrated, described = await database.writing(EVERY_SHOP, compare)

    assert migrated == described
    assert migrated["orders"]["ck_orders_refunded_within_total"]


async def test_a_database_at_the_newest_revision_is_migrated(empty: Database) -> None:
    before = await runner.is_migrated(empty)
    await runner.migrate(empty)
    after = await runner.is_migrated(empty)

    assert (before, after) == (False, True)


async def move_to(database: Database, revision: str) -> None:
    move = sa.text("UPDATE alembic_version SET version_num = :revision").bindparams(revision=revision)
    await database.writing(EVERY_SHOP, lambda connection: connection.execute(move))


async def test_a_database_at_an_earlier_revision_is_not_migrated(database: Database) -> None:
    await move_to(database, "0001")

    assert not await runner.is_migrated(database)


async def test_the_tables_of_a_later_version_are_neither_used_nor_touched(database: Database) -> None:
    await move_to(database, "9999")

    for use in (runner.is_migrated, runner.migrate):
        with pytest.raises(NewerTablesError, match="migrated by a newer version"):
            await use(database)
    async with database.reading(EVERY_SHOP) as connection:
        assert (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalars().all() == [
            "9999"
        ]


@pytest.mark.parametrize(("revision", "expected"), [("0001", False), ("9999", True)], ids=["earlier", "later"])
async def test_a_server_stays_ready_beside_the_tables_of_a_later_version(
    database: Database, revision: str, *, expected: bool
) -> None:
    """During a rolling upgrade, the load balancer still needs the old servers."""
    await move_to(database, revision)

    assert await runner.is_ready(database, patience_seconds=30) is expected


async def test_asking_does_not_create_a_missing_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing.db")

    migrated = await runner.is_migrated(database)
    await database.close()

    assert not migrated
    assert not database.exists()


async def test_migrating_again_changes_nothing(database: Database) -> None:
    async def insert(connection: AsyncConnection) -> None:
        await connection.execute(
            sa.text(
                "INSERT INTO shops (id, name, shipping_refund_policy, cursor_key, last_event, created_at)"
                " VALUES ('shop', 'Shop', 'NEVER', '', 0, '2026-03-01 00:00:00')"
            )
        )

    await database.writing(EVERY_SHOP, insert)
    await runner.migrate(database)
    async with database.reading(EVERY_SHOP) as connection:
        names = (await connection.execute(sa.text("SELECT name FROM shops"))).scalars().all()

    assert names == ["Shop"]


async def test_two_concurrent_migrations_both_succeed(empty: Database) -> None:
    await asyncio.gather(runner.migrate(empty), runner.migrate(empty))

    assert await runner.is_migrated(empty)


async def test_a_failed_migration_leaves_nothing_behind(empty: Database) -> None:
    async def occupy(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("CREATE TABLE orders (id integer)"))

    await empty.writing(EVERY_SHOP, occupy)
    with pytest.raises(sa.exc.DBAPIError):
        await runner.migrate(empty)
    async with empty.reading(EVERY_SHOP) as connection:
        tables = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())

    assert tables == ["orders"]


# One of two units is cancelled and the e-mail sent: every table has a row, and every column that can has a value.
AT = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
ORDER, MADE = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b"), UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6c")
OF_ORDER = {"shop_id": "demo", "order_id": ORDER}
OF_EVENT = {**OF_ORDER, "occurred_at": AT, "package": None, "cancellation_id": None, "before": None, "after": None}
FIRST: dict[str, list[dict[str, object]]] = {
    "shops": [
        {
            "id": "demo",
            "name": "Demo Shop",
            "shipping_refund_policy": ShippingRefundPolicy.NEVER,
            "cursor_key": b"\x00key\xff",
            "last_event": 3,
            "created_at": AT,
        }
    ],
    "orders": [
        {
            "shop_id": "demo",
            "id": ORDER,
            "number": "1001",
            "status": OrderStatus.AWAITING_SHIPMENT,
            "version": 2,
            "event_sequence": 3,
            "currency": "USD",
            "prices_include_tax": True,
            "placed_at": AT,
            "paid_at": AT,
            "ship_by": AT,
            "updated_at": AT,
            "buyer_name": "Ada Buyer \N{PACKAGE}",
            "buyer_email": "ada@example.com",
            "buyer_locale": "en_US",
            "shipping_fee": 499,
            "shipping_tax": 0,
            "fees": [["SMALL_ORDER", 101]],
            "total": 2600,
            "refunded": 1000,
            "content_hash": b"\x00hash\xff",
        }
    ],
    "order_items": [
        {
            **OF_ORDER,
            "position": 1,
            "sku": "SKU-dress",
            "product_id": "P-dress",
            "product_name": "The dress",
            "search_name": "the dress",
            "variant_name": "Sage, M",
            "image_url": "https://img.example/dress.jpg",
            "is_gift": False,
            "quantity": 2,
            "subtotal": 2500,
            "seller_discount": 300,
            "platform_discount": 200,
            "tax": 0,
        }
    ],
    "packages": [
        {
            **OF_ORDER,
            "position": 1,
            "number": "A",
            "status": PackageStatus.AWAITING_SHIPMENT,
            "carrier": "Swift",
            "tracking_number": "T-1",
        }
    ],
    "package_items": [{**OF_ORDER, "item": 1, "package": 1, "quantity": 2, "cancelled_quantity": 1}],
    "cancellations": [
        {
            **OF_ORDER,
            "id": MADE,
            "scope": CancellationScope.ITEMS,
            "reason": CancellationReason.OUT_OF_STOCK,
            "note": "Out of sage\n",
            "package": None,
            "prices_include_tax": True,
            "items_subtotal": 1250,
            "seller_discount": 150,
            "platform_discount": 100,
            "item_tax": 0,
            "shipping_fee": 0,
            "shipping_tax": 0,
            "fees": [],
            "fees_total": 0,
            "total": 1000,
            "refund_status": RefundStatus.PENDING,
            "actor": "seller@desk-1",
            "idempotency_key": "key-1",
            "created_at": AT,
        }
    ],
    "cancellation_lines": [
        {
            **OF_ORDER,
            "cancellation_id": MADE,
            "line": 1,
            "item": 1,
            "package": 1,
            "quantity": 1,
            "subtotal": 1250,
            "seller_discount": 150,
            "platform_discount": 100,
            "tax": 0,
            "total": 1000,
        }
    ],
    "idempotency_keys": [
        {
            "shop_id": "demo",
            "key": "key-1",
            "request_hash": b"\x00request\xff",
            "cancellation_id": MADE,
            "created_at": AT,
        }
    ],
    "outbox": [
        {
            "shop_id": "demo",
            "topic": "cancellation",
            "id": MADE,
            "payload": {"buyer": {"name": "Ada Buyer"}, "total": 1000},
            "state": NotificationStatus.SENT,
            "attempts": 1,
            "created_at": AT,
            "visible_at": AT,
            "lease": MADE,
            "done_at": AT,
            "last_error": "451 Later",
        }
    ],
    "order_events": [
        {**OF_EVENT, "number": 1, "sequence": 1, "type": EventType.ORDER_IMPORTED, "actor": "import"},
        {
            **OF_EVENT,
            "number": 2,
            "sequence": 2,
            "type": EventType.ITEMS_CANCELLED,
            "actor": "seller@desk-1",
            "package": 1,
            "cancellation_id": MADE,
        },
        {
            **OF_EVENT,
            "number": 3,
            "sequence": 3,
            "type": EventType.NOTIFICATION_STATUS_CHANGED,
            "actor": "mail",
            "cancellation_id": MADE,
            "before": "QUEUED",
            "after": "SENT",
        },
    ],
}


def row_after(table: str, row: dict[str, object]) -> dict[str, object]:
    """A row of the first revision after migration."""
    added: dict[str, dict[str, object]] = {
        "cancellations": {"provider_reference": None},
        "order_events": {"new_package": None, "notes": None},
        "orders": {
            "shipping_refund_policy": ShippingRefundPolicy.NEVER,
            "taken_off": 0,
            "is_paid": True,
            "collect_on_delivery": False,
            "source_updated_at": None,
            "source_hash": None,
            "told": None,
        },
        "outbox": {"queued_at": AT},
        "packages": {"is_numbered_here": False},
        "package_items": {"came_cancelled": 0},
    }
    return {column: value for column, value in row.items() if (table, column) != ("outbox", "created_at")} | added.get(
        table, {}
    )


def insert_first(connection: sa.Connection) -> None:
    """Creates the tables of the first revision and fills them."""
    command.upgrade(runner.config(connection), "0001")
    for name, rows in FIRST.items():
        types = {column.name: column.type for column in metadata.tables[name].columns}
        types["created_at"] = types.get("created_at", types.get("queued_at", sa.types.NULLTYPE))
        table = sa.table(name, *(sa.column(column, types[column]) for column in rows[0]))
        connection.execute(sa.insert(table), rows)


async def test_a_database_at_the_first_revision_is_migrated_without_losing_a_value(empty: Database) -> None:
    await empty.writing(EVERY_SHOP, lambda connection: connection.run_sync(insert_first))

    await runner.migrate(empty)

    async with empty.reading(EVERY_SHOP) as connection:
        found = {
            name: [dict(row) for row in (await connection.execute(sa.select(metadata.tables[name]))).mappings()]
            for name in FIRST
        }
    assert found == {name: [row_after(name, row) for row in rows] for name, rows in FIRST.items()}
    assert set(FIRST) == set(metadata.tables)
    assert await runner.is_migrated(empty)
    await assert_sound(empty)
