"""Brings a database's tables to the newest revision, and tells whether they are there and can be written to."""

import asyncio
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage.database import EVERY_SHOP, Database, NewerTablesError, UnavailableError, roll_back
from domain.storage.engines import LOCK_SECONDS
from domain.storage.tables import shops

_ROOM = 2**20  # bytes
_MIGRATING = 1_397_247_314  # any number that no other advisory lock has


async def migrate(database: Database) -> None:
    """Does what is missing, in one transaction; nothing if nothing is. Raises NewerTablesError."""

    async def upgrade(connection: AsyncConnection) -> None:
        if not database.is_sqlite:
            await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            # Others that migrate the same database wait for their turn, but nobody waits long for a table.
            await connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        if _is_newer(await connection.run_sync(_revisions)):
            raise NewerTablesError(database.place)
        await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))

    await database.writing(EVERY_SHOP, upgrade)


async def is_ready(database: Database, *, patience_seconds: float) -> bool:
    """Whether a server that runs can go on: it has its tables and, where it last took no write, has room for one again.

    A later version may have migrated meanwhile: while servers are replaced one by one, the old ones are still needed.
    Raises BusyError, and UnavailableError also where nothing of the tables is heard within so many seconds.
    """
    if not database.exists():
        return False
    try:
        async with asyncio.timeout(patience_seconds):
            present = await _present(database)
    except TimeoutError as error:
        raise UnavailableError(f"{database.place} does not answer within {patience_seconds:g} s.") from error
    if present != _newest() and not _is_newer(present):
        return False
    if not database.is_writable:
        await database.writing(EVERY_SHOP, _find_room)
        database.is_writable = True
    return True


async def _find_room(connection: AsyncConnection) -> None:
    """Takes as much room on the disk as what the largest request brings, and gives it back."""
    is_sqlite = connection.dialect.name == "sqlite"
    row = {
        "id": f"{EVERY_SHOP}{uuid4()}",
        "name": "",
        "shipping_refund_policy": ShippingRefundPolicy.NEVER,
        "cursor_key": os.urandom(_ROOM),  # which cannot be compressed
        "last_event": 0,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    if is_sqlite:  # it would keep the pages in memory until the commit that never comes
        kept = (await connection.execute(sa.text("PRAGMA cache_size"))).scalar_one()
        await connection.execute(sa.text("PRAGMA cache_size = 8"))
    try:
        await connection.execute(sa.insert(shops), row)
        await roll_back(connection)
    finally:
        if is_sqlite:
            await connection.execute(sa.text(f"PRAGMA cache_size = {kept}"))


async def is_migrated(database: Database) -> bool:
    """Whether the database is at exactly the revision that this version of the code needs. Raises NewerTablesError."""
    if not database.exists():
        return False
    present = await _present(database)
    if _is_newer(present):
        raise NewerTablesError(database.place)
    return present == _newest()


async def _present(database: Database) -> frozenset[str]:
    async with database.reading(EVERY_SHOP) as connection:
        return await connection.run_sync(_revisions)


def _revisions(connection: sa.Connection) -> frozenset[str]:
    return frozenset(MigrationContext.configure(connection).get_current_heads())


def _is_newer(present: frozenset[str]) -> bool:
    """Whether a later version than this one has made the tables."""
    return bool(present) and not present & _known()


@cache
def _newest() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(config()).get_heads())


@cache
def _known() -> frozenset[str]:
    """All that this version knows."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def config(connection: sa.Connection | None = None) -> Config:
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).parent))
    return settings
