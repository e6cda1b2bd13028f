"""What SQLAlchemy has for PostgreSQL alone though SQLite writes it alike, and what no database can hold."""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# PostgreSQL takes no NUL, and UTF-8 has no halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


def insert_or_ignore(table: sa.Table) -> postgresql.Insert:
    """An INSERT that leaves rows alone whose key is taken; SQLite writes it alike."""
    return postgresql.insert(table).on_conflict_do_nothing()


def storable(texts: Iterable[str]) -> list[str]:
    """Those that a database can hold at all; no row has any of the others."""
    return [text for text in texts if not _UNSTORABLE.search(text)]
