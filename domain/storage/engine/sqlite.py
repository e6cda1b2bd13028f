"""SQLite: a file written by one process, one transaction at a time."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain.storage.engine.backend import (
    IN_DOUBT,
    JSON,
    LONGEST_WAIT_SECONDS,
    Connection,
    PoolUse,
    ShopScope,
    driver_of,
    pool_use,
)
from domain.storage.engine.faults import (
    DRIVER_ERRORS,
    BusyError,
    FileInUseError,
    UnavailableError,
    code_of,
    reason_of,
    root_cause,
)
from domain.storage.engine.hints import Hints, ProcessHints

SCHEMES = ("sqlite", "sqlite+aiosqlite")
_READERS: dict[str, Any] = {"pool_size": 4, "max_overflow": 4}
_WRITER: dict[str, Any] = {"pool_size": 1, "max_overflow": 0}
# Files with orders are readable only by their owner.
_PRIVATE = 0o600
_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON", "busy_timeout = 1500", "trusted_schema = OFF")


def sqlite_address(text: str) -> sa.URL:
    """The file's address; raises ValueError, whose message never quotes it."""
    try:
        url = sa.make_url(text).set(drivername="sqlite+aiosqlite")
    except (sa.exc.ArgumentError, ValueError):
        url = sa.URL.create("sqlite")
    if url.host or url.query or url.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file: use sqlite:///path, without a host or parameters.")
    return url


class Sqlite:
    """The backend for a file; with `read_only` it can be opened beside the process that writes to it."""

    has_single_writer = True
    has_nulls_last = False

    def __init__(self, url: sa.URL, *, read_only: bool) -> None:
        self._path = Path(str(url.database))
        self._identity: tuple[int, int] | None = None
        self._lock: FileLock | None = None
        self.writer = _engine(url, self._path, **_WRITER)
        reader_url = _read_only_url(url, self._path) if read_only else url
        self.reader = _engine(reader_url, self._path, **_READERS, query_only=True)
        # Waiting here instead of in SQLite's busy handler keeps the longest wait short.
        self.write_turn: AbstractAsyncContextManager[Any] = _Turn()

    @property
    def place(self) -> str:
        return f"The database {self._path}"

    def hints(self, _listen_url: str | None) -> Hints:
        return ProcessHints()

    def pools(self) -> list[PoolUse]:
        return [pool_use("reads", self.reader, _READERS), pool_use("writes", self.writer, _WRITER)]

    def exists(self) -> bool:
        return self._path.exists()

    def claim(self) -> None:
        _check_readable(self._path)
        lock = FileLock(f"{self._path}.lock", mode=_PRIVATE)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise FileInUseError(f"{self._path} is in use by another process; only one may write to it.") from error
        self._lock = lock

    def release(self) -> None:
        if self._lock:
            self._lock.release()

    def check(self) -> None:
        # SQLite carries on with a file that was removed or replaced, and nobody would find what it writes there.
        if self._identity is None:
            _check_readable(self._path)
        found = _identity(self._path)
        self._identity = self._identity or found
        if found != self._identity:
            raise UnavailableError(f"{self.place} cannot be used: the file was removed or replaced.")

    def cause(self, error: Exception) -> str:
        if code_of(error) == "SQLITE_CANTOPEN":
            return _why_unopened(self._path)
        return reason_of(root_cause(error))

    async def begin(self, connection: Connection, _shop: ShopScope, *, is_writing: bool) -> None:
        await self._run(connection, "BEGIN IMMEDIATE" if is_writing else "BEGIN")

    async def commit(self, connection: Connection) -> None:
        try:
            await self._run(connection, "COMMIT")
        except DRIVER_ERRORS:
            await connection.invalidate()  # it keeps the transaction open when it refuses the commit
            raise
        connection.info[IN_DOUBT] = False

    async def roll_back(self, connection: Connection) -> None:
        # A no-op if the driver's thread has meanwhile completed the commit of a cancelled caller.
        await driver_of(connection).rollback()

    def is_open(self, connection: Connection) -> bool:
        return bool(driver_of(connection).in_transaction)

    def is_ended_by(self, _connection: Connection, _error: Exception) -> bool:
        return False

    async def fetch(self, connection: Connection, text: str, arguments: Sequence[Any]) -> list[Any]:
        rows: list[Any] = await driver_of(connection).execute_fetchall(text, arguments)
        return rows

    def inserts_json(self, _rows: int) -> bool:
        return False

    def updates_by_column(self, _rows: int) -> bool:
        return False

    async def expect_rows(self, connection: Connection, rows: int, *, of_one_order: bool) -> None:
        """SQLite needs no preparation."""

    @asynccontextmanager
    async def filling(self, connection: Connection) -> AsyncIterator[None]:
        # With a large cache the pages would stay in memory until a commit that never comes.
        [(kept,)] = await self.fetch(connection, "PRAGMA cache_size", ())
        await self._run(connection, "PRAGMA cache_size = 8")
        try:
            yield
        finally:
            await self._run(connection, f"PRAGMA cache_size = {kept}")

    async def begin_migration(self, connection: Connection) -> None:
        """Only one transaction writes at a time, so there is no wait."""

    async def expect_full_scans(self, connection: Connection) -> None:
        """SQLite needs no preparation."""

    async def _run(self, connection: Connection, text: str) -> None:
        await driver_of(connection).execute_fetchall(text)


class _Turn:
    """Lets in one writer at a time; raises BusyError for those that wait too long."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                await self._lock.acquire()
        except TimeoutError as error:
            raise BusyError("Other transactions have been writing for too long.") from error

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


def _engine(url: sa.URL, path: Path, *, query_only: bool = False, **pool: Any) -> AsyncEngine:
    # Faults are logged, and parameters contain buyers' addresses.
    engine = create_async_engine(url, hide_parameters=True, **JSON, **pool)

    @sa.event.listens_for(engine.sync_engine, "do_connect")
    def make_private(*_: object) -> None:
        # SQLite would make the file readable for everybody; the files it adds beside it get the same mode.
        if "mode" not in url.query:
            with suppress(OSError):  # it exists, or SQLite will say what is wrong
                os.close(os.open(path, os.O_CREAT | os.O_EXCL, _PRIVATE))

    @sa.event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # the driver's connection has no public type
        connection.isolation_level = None  # the driver would begin by itself, too late and not IMMEDIATE
        pragmas = _PRAGMAS if query_only else ("journal_mode = WAL", *_PRAGMAS)
        try:
            cursor = connection.cursor()
            for pragma in (*pragmas, f"query_only = {int(query_only)}"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except sqlite3.Error:
            connection.close()  # otherwise its thread would outlive the event loop
            raise

    return engine


def _read_only_url(url: sa.URL, path: Path) -> sa.URL:
    query = {"mode": "ro", "uri": "true"}
    # SQLite creates files beside a database even to read it. If it cannot, and there are none, the file itself has all
    # the data and can be opened as immutable.
    if path.exists() and not os.access(path.parent, os.W_OK) and not (_size(path, "-wal") or _size(path, "-shm")):
        query["immutable"] = "1"
    return url.set(database=path.absolute().as_uri(), query=query)


def _check_readable(path: Path) -> None:
    """Raises OSError. SQLite's driver leaves a thread behind when it cannot open a file.

    Nothing is opened here: closing a file drops all locks that SQLite holds on it for this process.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _why_unopened(path: Path) -> str:
    """The reason that SQLite does not give for a file that it cannot open."""
    if _size(path, "-wal"):
        return f"nothing can be written beside it, which reading {path.name}-wal requires; copy both to another folder"
    return "nothing can be written beside it"


def _size(path: Path, suffix: str) -> int:
    """The size of a file that SQLite keeps beside the database, 0 if there is none."""
    beside = path.with_name(path.name + suffix)
    return beside.stat().st_size if beside.exists() else 0


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file; None if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
