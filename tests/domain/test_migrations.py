"""The migrations make exactly the tables that tables.py describes, once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.database import Database
from domain.migrations import runner
from domain.tables import metadata


@pytest.fixture
async def empty(database: Database) -> Database:
    """A database without a table."""

    async def drop_all(connection: AsyncConnection) -> None:
        await connection.run_sync(metadata.drop_all)
        await connection.execute(sa.text("DROP TABLE alembic_version"))

    await database.writing(drop_all)
    return database


def differences(connection: sa.Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def checks(connection: sa.Connection) -> dict[str, dict[str | None, str]]:
    """What Alembic does not compare: each table's CHECKs by name."""
    inspector = sa.inspect(connection)
    return {
        table: {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)}
        for table in metadata.tables
    }


def recreate(connection: sa.Connection) -> None:
    metadata.drop_all(connection)
    metadata.create_all(connection)


async def test_migrated_tables_are_those_of_the_code(database: Database) -> None:
    async with database.reading() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_migrated_checks_are_those_of_the_code(database: Database) -> None:
    async def compare(connection: AsyncConnection) -> tuple[Any, Any]:
        migrated = await connection.run_sync(checks)
        await connection.run_sync(recreate)
        return migrated, await connection.run_sync(checks)

    migrated, described = await database.writing(compare)

    assert migrated == described
    assert migrated["orders"]["ck_orders_refunded_within_total"]


async def test_a_database_is_migrated_once_it_has_the_newest_revision(empty: Database) -> None:
    before = await runner.is_migrated(empty)
    await runner.migrate(empty)
    after = await runner.is_migrated(empty)

    assert (before, after) == (False, True)


async def test_a_database_of_another_revision_is_not_migrated(database: Database) -> None:
    async def pretend(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = 'another'"))

    await database.writing(pretend)

    assert not await runner.is_migrated(database)


async def test_asking_does_not_make_a_missing_file(tmp_path: Path) -> None:
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

    await database.writing(insert)
    await runner.migrate(database)
    async with database.reading() as connection:
        names = (await connection.execute(sa.text("SELECT name FROM shops"))).scalars().all()

    assert names == ["Shop"]


async def test_two_that_migrate_at_once_both_end_well(empty: Database) -> None:
    await asyncio.gather(runner.migrate(empty), runner.migrate(empty))

    assert await runner.is_migrated(empty)


async def test_a_failed_migration_leaves_nothing(empty: Database) -> None:
    async def occupy(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("CREATE TABLE orders (id integer)"))

    await empty.writing(occupy)
    with pytest.raises(sa.exc.DBAPIError):
        await runner.migrate(empty)
    async with empty.reading() as connection:
        tables = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())

    assert tables == ["orders"]
