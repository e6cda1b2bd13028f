"""What SQLAlchemy has for PostgreSQL alone though SQLite writes it alike, and what no database can hold."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.engines import driver_of

# From so many rows on, what PostgreSQL's plans cost counts more than what planning costs.
_MANY = 50
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
