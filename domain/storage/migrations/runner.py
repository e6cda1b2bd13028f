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

from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage.backend import EVERY_SHOP, Connection, backend_of
from domain.storage.compiled import insert
from domain.storage.database import Database, roll_back
from domain.storage.faults import NewerTablesError, UnavailableError
from domain.storage.tables import shops

_ROOM = 2**20  # bytes


async def migrate(database: Database) -> None:
    """Does what is missing, in one transaction; nothing if nothing is. Raises NewerTablesError."""

    async def upgrade(connection: Connection) -> None:
        await backend_of(connection).begin_migration(connection)
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


async def _find_room(connection: Connection) -> None:
    """Takes as much room on the disk as what the largest request brings, and gives it back."""
    row = {
        "id": f"room-{uuid4()}",
        "name": "",
        "shipping_refund_policy": ShippingRefundPolicy.NEVER,
        "cursor_key": os.urandom(_ROOM),  # which cannot be compressed
        "last_event": 0,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    async with backend_of(connection).filling(connection):
        await insert(connection, shops, [row])
        await roll_back(connection)


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
