"""Migrates a database, and checks that it is migrated and writable."""

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
from domain.storage.engine.backend import EVERY_SHOP, Connection, backend_of
from domain.storage.engine.compiled import insert
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import NewerTablesError, UnavailableError
from domain.storage.tables import shops

_ROOM = 2**20  # bytes


async def migrate(database: Database) -> None:
    """Runs the missing migrations, if any, in one transaction. Raises NewerTablesError."""

    async def upgrade(connection: Connection) -> None:
        await backend_of(connection).begin_migration(connection)
        if _is_newer(await connection.run_sync(_revisions)):
            raise NewerTablesError(database.place)
        await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))

    await database.writing(EVERY_SHOP, upgrade)


async def is_ready(database: Database, *, patience_seconds: float) -> bool:
    """Whether a running server can use the database: it is migrated and, if a write has failed, has room again.

    A newer version may have migrated it: during a rolling upgrade, old servers are still needed. Raises BusyError, and
    UnavailableError also if the database does not answer within `patience_seconds`.
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
    """Writes as much to the disk as the largest request would, and rolls it back."""
    row = {
        "id": f"room-{uuid4()}",
        "name": "",
        "shipping_refund_policy": ShippingRefundPolicy.NEVER,
        "cursor_key": os.urandom(_ROOM),  # incompressible
        "last_event": 0,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    async with backend_of(connection).filling(connection):
        await insert(connection, shops, [row])
        await roll_back(connection)


async def is_migrated(database: Database) -> bool:
    """Whether the database is at exactly the revision that this version needs. Raises NewerTablesError."""
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
    """Whether a newer version has migrated the database."""
    return bool(present) and not present & _known()


@cache
def _newest() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(config()).get_heads())


@cache
def _known() -> frozenset[str]:
    """Every revision that this version knows."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def config(connection: sa.Connection | None = None) -> Config:
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).parent))
    return settings
