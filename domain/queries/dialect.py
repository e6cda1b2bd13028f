"""What SQLite and PostgreSQL write differently, or cannot hold."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

# PostgreSQL takes no NUL, and UTF-8 has no halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


def insert_or_ignore(connection: AsyncConnection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that leaves rows alone whose key is taken."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def storable(texts: Iterable[str]) -> list[str]:
    """Those that a database can hold at all; no row has any of the others."""
    return [text for text in texts if not _UNSTORABLE.search(text)]
