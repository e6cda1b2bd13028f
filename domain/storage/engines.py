"""How connections to SQLite and PostgreSQL are opened, with what must hold on each of them."""

import errno
import os
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.storage.postgresql import PostgresqlAddress

_SQLITE = ("sqlite", "sqlite+aiosqlite")
_POSTGRESQL = ("postgres", "postgresql", "postgresql+asyncpg")
_EXAMPLES = "Use sqlite:///path or postgresql://user:password@host/database."
# The server ends a statement that takes too long; a server that says nothing at all is given up a little later.
STATEMENT_SECONDS = 5
_SILENCE_SECONDS = 2
# Of files with orders in them: for their owner alone.
PRIVATE = 0o600
# Of a connection that may be in a transaction: nobody has seen its last one end.
IN_DOUBT = "in doubt"
# So long a transaction waits for a lock, and the server for a transaction's next statement.
LOCK_SECONDS = 2
IDLE_SECONDS = 5
_SQLITE_PRAGMAS = (
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 1500",
    "trusted_schema = OFF",
)
_JSON: dict[str, Any] = {  # any JSON value
    "json_serializer": lambda content: orjson.dumps(content).decode(),
    "json_deserializer": orjson.loads,
}


def database_address(text: str) -> PostgresqlAddress | sa.URL:
    """Where the database is: PostgreSQL, or else a file of SQLite's.

    ValueError says what addresses there are, or what is wrong with this one, and nothing of its password.
    """
    scheme = text.partition("://")[0]
    if scheme in _POSTGRESQL:
        return PostgresqlAddress(text)
    if scheme not in _SQLITE:
        raise ValueError(_EXAMPLES)
    try:
        url = sa.make_url(text).set(drivername="sqlite+aiosqlite")
    except (sa.exc.ArgumentError, ValueError):
        raise ValueError(_EXAMPLES) from None
    if url.host or url.query or url.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file, and nothing else: sqlite:///path.")
    return url


def postgresql_engine(address: PostgresqlAddress, *, statement_seconds: int | None, **pool: Any) -> AsyncEngine:
    """Statements may take as long as they like where `statement_seconds` is None."""
    patience = None if statement_seconds is None else statement_seconds + _SILENCE_SECONDS
    # Faults are logged, and buyers' addresses are not: hence no parameters in them. Transactions are begun and ended on
    # the driver's connection: SQLAlchemy would begin them with the first statement that goes through it.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args={"async_creator_fn": partial(address.connect, command_timeout=patience)},
        **_JSON,
        **pool,
    )

    @sa.event.listens_for(engine.sync_engine, "reset")
    def end(connection: Any, record: Any, state: sa.PoolResetState) -> None:  # neither has a type in common
        # No other caller gets it before a transaction that was not ended is. The driver itself may not know of one: its
        # BEGIN was under way when whoever sent it was cancelled.
        if record.info.get(IN_DOUBT) and state.asyncio_safe and not connection.driver_connection.is_closed():
            connection.run_async(_roll_back)
            record.info[IN_DOUBT] = False

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(connection: Any, _record: object, _proxy: object) -> None:  # as for SQLite
        # After a restart of the server all that wait in the pool are; another one is opened at once.
        if connection.driver_connection.is_closed():
            raise sa.exc.DisconnectionError

    return engine


def beginning(begin: str, shop_id: str, statement_seconds: int | None) -> str:
    """Begins a transaction of PostgreSQL's with what is set for it alone, in one word to the server.

    Nothing is set for a session: a pooler may give it to others between two transactions. Row-level security goes by
    the shop.
    """
    shop = shop_id.replace("\\", r"\\").replace("'", "''")
    return (
        f"{begin}; SET LOCAL shortship.shop = E'{shop}'; "
        f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; SET LOCAL statement_timeout = '{statement_seconds or 0}s'; "
        f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s';"
    )


async def _roll_back(driver: asyncpg.Connection) -> None:
    """Waits for what is under way on the connection, and ends its transaction; or else the connection."""
    try:
        await driver.execute("ROLLBACK;", timeout=_SILENCE_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        driver.terminate()


def sqlite_engine(url: sa.URL, *, query_only: bool = False, **pool: Any) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, **_JSON, **pool)

    @sa.event.listens_for(engine.sync_engine, "do_connect")
    def make_private(*_: object) -> None:
        # SQLite would make it for everybody to read; what it makes beside it has the same mode.
        if "mode" not in url.query:
            with suppress(OSError):  # it is there, or SQLite says what is wrong
                os.close(os.open(path_of(url), os.O_CREAT | os.O_EXCL, PRIVATE))

    @sa.event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # the driver's connection has no common type
        connection.isolation_level = None  # the driver would begin by itself, too late and not IMMEDIATE
        pragmas = _SQLITE_PRAGMAS if query_only else ("journal_mode = WAL", *_SQLITE_PRAGMAS)
        try:
            cursor = connection.cursor()
            for pragma in (*pragmas, f"query_only = {int(query_only)}"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except sqlite3.Error:
            connection.close()  # nobody else does, and its thread would outlive the loop
            raise

    return engine


def driver_of(connection: AsyncConnection) -> Any:  # the drivers have no common type
    """The driver's own connection, which is asyncpg's or aiosqlite's."""
    if connection.sync_connection is None:
        raise AssertionError("a connection that is not open")
    # AsyncConnection would go through a greenlet for it, though nothing waits here.
    return connection.sync_connection.connection.driver_connection


def read_only_url(url: sa.URL) -> sa.URL:
    """The same SQLite file, opened so that nothing can be written."""
    path, query = path_of(url), {"mode": "ro", "uri": "true"}
    # Even to read it SQLite makes files beside it. Where it cannot, and there are none, all that was written is in the
    # file: it is taken for one that does not change.
    if path.exists() and not os.access(path.parent, os.W_OK) and not (_size(path, "-wal") or _size(path, "-shm")):
        query["immutable"] = "1"
    return url.set(database=path.absolute().as_uri(), query=query)


def check_readable(path: Path) -> None:
    """Raises OSError. SQLite's driver leaves a thread behind when it cannot open a file.

    Nothing is opened for it here: closing a file ends all locks that SQLite has on it for this process.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def why_unopened(path: Path) -> str:
    """What SQLite does not say of a file that it cannot open."""
    if _size(path, "-wal"):
        return f"nothing can be written beside it, as reading {path.name}-wal requires; copy both to another folder"
    return "nothing can be written beside it"


def _size(path: Path, suffix: str) -> int:
    """Of a file that SQLite has beside its own; 0 where there is none."""
    beside = path.with_name(path.name + suffix)
    return beside.stat().st_size if beside.exists() else 0


def path_of(url: sa.URL) -> Path:
    """The file of a SQLite database."""
    return Path(str(url.database))


def file_identity(path: Path) -> tuple[int, int] | None:
    """Which file is there now; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
