"""Transactions on SQLite and PostgreSQL: their locks, retries and faults. Orders are unknown here."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import orjson
import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction, create_async_engine

from domain.hints import Hints

_T = TypeVar("_T")

# What transactions are given, under a name that needs no import of SQLAlchemy.
Connection = AsyncConnection
Work = Callable[[Connection], Awaitable[_T]]

_ATTEMPTS = 5
_LONGEST_PAUSE = 0.2
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_POSTGRESQL_SETTINGS = {
    "application_name": "shortship",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
}
_SQLITE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 5000",
    "trusted_schema = OFF",
)
# Conflicts of two transactions: serialization failure and deadlock.
_CONFLICTS = frozenset({"40001", "40P01"})
# Waited too long, for a lock or for the statement.
_TIMEOUTS = frozenset({"55P03", "57014", "SQLITE_BUSY", "SQLITE_LOCKED"})
# The database cannot be used, or takes no writes; of PostgreSQL also whole classes of codes (53: something is full).
_OUTAGES = frozenset({"25006", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOTADB", "SQLITE_READONLY"})
_OUTAGE_CLASSES = frozenset({"08", "28", "3D", "53", "57", "58"})
_FAULTS = (DBAPIError, sa.exc.TimeoutError, OSError)
_ANNOUNCED = "announced"


def announce(connection: AsyncConnection, topic: str) -> None:
    """Has the topic's listeners woken once the transaction is committed."""
    connection.info[_ANNOUNCED].add(topic)


class BusyError(Exception):
    """The transaction had to wait too long and was given up; nothing of it is stored."""


class UnavailableError(Exception):
    """The database cannot be reached or cannot write; nothing of the transaction is known to be stored."""


class FileInUseError(Exception):
    """Another process writes to this SQLite file."""


class Database:
    """One database: `sqlite:///path` or `postgresql://user:password@host/name`; any other url is a ValueError."""

    def __init__(self, url: str) -> None:
        self.hints = Hints()
        self._url = driver_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._write_turn: AbstractAsyncContextManager[Any] = nullcontext()
        if self.is_sqlite:
            self._writer = _sqlite_engine(self._url, "BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
            self._reader = _sqlite_engine(self._url, "BEGIN", pool_size=4, max_overflow=4, query_only=True)
            # Waiting here instead of in SQLite's busy handler keeps the longest wait short.
            self._write_turn = asyncio.Lock()
        else:
            self._writer = create_async_engine(
                self._url,
                pool_size=10,
                max_overflow=10,
                pool_timeout=5,
                json_serializer=_to_json,
                json_deserializer=orjson.loads,
                hide_parameters=True,  # faults are logged, and buyers' addresses are not
                connect_args={"server_settings": _POSTGRESQL_SETTINGS, "timeout": 5},
            )
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._file_lock: FileLock | None = None

    async def close(self) -> None:
        """Waits for the transactions under way, then closes every connection."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._writer.dispose()
        await self._reader.dispose()
        if self._file_lock:
            self._file_lock.release()

    def claim_file(self) -> None:
        """Makes this process the only one that writes to the SQLite file; FileInUseError if another one does."""
        if self.is_sqlite:
            folder = Path(str(self._url.database)).parent
            if not folder.is_dir():
                raise UnavailableError(f"There is no folder {folder} for the database.")
            lock = FileLock(f"{self._url.database}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                message = f"{self._url.database} is in use by another process; SQLite takes one that writes."
                raise FileInUseError(message) from error
            self._file_lock = lock

    def exists(self) -> bool:
        """False only for a SQLite file that is not there; opening it would create it."""
        return not self.is_sqlite or Path(str(self._url.database)).exists()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot, read only. Raises BusyError and UnavailableError."""
        try:
            async with self._reader.connect() as connection, connection.begin():
                yield connection
        except _FAULTS as error:
            _raise_classified(error)

    async def writing(self, work: Work[_T]) -> _T:
        """Runs `work` in one transaction and commits it; rolls back if it raises or has rolled back itself.

        It is run again from its start when it conflicts with another transaction or the connection is lost, even while
        committing: `work` begins by finding out whether it is done already. It goes on when the caller is cancelled, so
        that a commit is never cut in half. Raises BusyError and UnavailableError.
        """
        task = asyncio.create_task(self._write(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _write(self, work: Work[_T]) -> _T:
        attempt = 1
        while True:
            try:
                async with self._write_turn, self._writer.connect() as connection:
                    transaction = await connection.begin()
                    topics = connection.info[_ANNOUNCED] = set[str]()
                    result = await work(connection)
                    if transaction.is_active:
                        await _commit(connection, transaction)
                        self.hints.publish(topics)
                    return result
            except _FAULTS as error:
                if attempt == _ATTEMPTS or not _may_succeed_at_once(error):
                    _raise_classified(error)
            attempt += 1
            await asyncio.sleep(random.uniform(0.005, _LONGEST_PAUSE))  # noqa: S311 - jitter, no secret


async def _commit(connection: AsyncConnection, transaction: AsyncTransaction) -> None:
    try:
        await transaction.commit()
    except DBAPIError:
        await connection.invalidate()  # SQLite keeps a transaction open when it refuses its commit
        raise


def _may_succeed_at_once(error: Exception) -> bool:
    """Whether to run the transaction again: it met another one, or there was no connection or it was lost."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _code(error) in _CONFLICTS
    return not isinstance(error, TimeoutError | sa.exc.TimeoutError)


def _raise_classified(error: Exception) -> NoReturn:
    """Gives a fault our name; a bug is raised as it is."""
    code = _code(error)
    if isinstance(error, sa.exc.TimeoutError) or code in _CONFLICTS | _TIMEOUTS:
        raise BusyError("Others hold what this transaction needs.") from error
    is_lost = not isinstance(error, DBAPIError) or error.connection_invalidated
    if is_lost or code in _OUTAGES or code[:2] in _OUTAGE_CLASSES:
        raise UnavailableError("The database cannot be reached, or it cannot write.") from error
    raise error


def _code(error: Exception) -> str:
    """PostgreSQL's SQLSTATE, SQLite's name without details (SQLITE_IOERR of SQLITE_IOERR_WRITE), or an empty text."""
    fault = getattr(error, "orig", None)
    name = getattr(fault, "sqlite_errorname", "")
    return "_".join(name.split("_")[:2]) or getattr(fault, "sqlstate", None) or ""


def driver_url(url: str) -> sa.URL:
    """The address with the driver that is used for it; ValueError says what addresses there are."""
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    except (sa.exc.ArgumentError, KeyError) as error:
        raise ValueError("Use sqlite:///path or postgresql://user:password@host/database.") from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file: sqlite:///path.")
    return parsed


def _to_json(content: Any) -> str:  # any JSON value
    return orjson.dumps(content).decode()


def _sqlite_engine(url: sa.URL, begin: str, *, query_only: bool = False, **pool: int) -> AsyncEngine:
    engine = create_async_engine(
        url, json_serializer=_to_json, json_deserializer=orjson.loads, hide_parameters=True, **pool
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # the driver's connection has no common type
        connection.isolation_level = None  # the driver would begin by itself, too late and not IMMEDIATE
        cursor = connection.cursor()
        for pragma in (*_SQLITE_PRAGMAS, f"query_only = {int(query_only)}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
