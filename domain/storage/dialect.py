"""What SQLAlchemy has for PostgreSQL alone though SQLite writes it alike, and what no database can hold."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.storage.engines import driver_of

# From so many rows on, what PostgreSQL's plans cost counts more than what planning costs, and then than looking.
_MANY = 50
_VERY_MANY = 500
_LOOKED_AT = ("orders", "order_items", "packages", "package_items", "order_events", "cancellation_lines")
# While all of them are small: of large ones autovacuum has known for long.
_HAVE_GROWN = """
SELECT bool_or(pg_relation_size(oid) > 1.5 * relpages * current_setting('block_size')::integer)
AND bool_and(pg_relation_size(oid) < 64 * 2^20)
FROM pg_class WHERE oid = ANY ($1::regclass[])
"""
_LOOK = f"ANALYZE (SKIP_LOCKED) {', '.join(_LOOKED_AT)};"
# PostgreSQL takes no NUL, and UTF-8 has no halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


def insert_or_ignore(table: sa.Table) -> postgresql.Insert:
    """An INSERT that leaves rows alone whose key is taken; SQLite writes it alike."""
    return postgresql.insert(table).on_conflict_do_nothing()


def storable(texts: Iterable[str]) -> list[str]:
    """Those that a database can hold at all; no row has any of the others."""
    return [text for text in texts if not _UNSTORABLE.search(text)]


async def forget_plans(connection: AsyncConnection, *, rows: int) -> None:
    """Has PostgreSQL plan anew how it checks foreign keys, where many rows are about to be written.

    A connection keeps the plans that it made while the tables were empty, and these read the whole shop for each row:
    the first import into a new database fell to 300 orders a second, until the tables were analysed.
    """
    if rows >= _MANY and connection.dialect.name == "postgresql":
        await driver_of(connection).execute("DISCARD PLANS;")


async def look_at_tables(connection: AsyncConnection, *, rows: int) -> None:
    """Has PostgreSQL look at tables that have grown since it did, where very many rows of one order are written.

    As long as it knows nothing of a table, indexes that name the order look alike to it, and each check of a foreign
    key may read the whole order. Where the tables are somebody else's, it says so in its log and leaves them.
    """
    if rows >= _VERY_MANY and connection.dialect.name == "postgresql":
        driver = driver_of(connection)
        if await driver.fetchval(_HAVE_GROWN, _LOOKED_AT):
            await driver.execute(_LOOK)
