"""Brings a database's tables to the newest revision, and tells whether they are there."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.database import EVERY_SHOP, Database

_MIGRATING = 1_397_247_314  # any number that no other advisory lock has


async def migrate(database: Database) -> None:
    """Does what is missing, in one transaction; nothing if nothing is."""

    async def upgrade(connection: AsyncConnection) -> None:
        if not database.is_sqlite:
            await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            # Others that migrate the same database wait for their turn, but nobody waits long for a table.
            await connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            await connection.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
        await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))

    await database.writing(EVERY_SHOP, upgrade)


async def is_ready(database: Database) -> bool:
    """Whether a server that runs can go on: it has its tables and, where it last took no write, takes one again.

    A later version may have migrated meanwhile: while servers are replaced one by one, the old ones are still needed.
    """
    if not database.exists():
        return False
    present = await _present(database)
    if present != _newest() and (not present or present & _known()):
        return False
    if not database.is_writable:
        await database.writing(EVERY_SHOP, _write)
    return True


async def _write(connection: AsyncConnection) -> None:
    """The least that is written: what is there, again."""
    await connection.execute(sa.text("UPDATE alembic_version SET version_num = version_num"))


async def is_migrated(database: Database) -> bool:
    """Whether the database is at exactly the revision that this version of the code needs."""
    if not database.exists():
        return False
    return await _present(database) == _newest()


async def _present(database: Database) -> frozenset[str]:
    async with database.reading(EVERY_SHOP) as connection:
        found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return frozenset(found)


@cache
def _newest() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(config()).get_heads())


@cache
def _known() -> frozenset[str]:
    """All that this version knows; of any other a later one has made the tables."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def config(connection: sa.Connection | None = None) -> Config:
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(Path(__file__).parent))
    return settings
