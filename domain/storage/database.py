"""Transactions on SQLite and PostgreSQL: their locks, retries and faults. Orders are unknown here."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import asyncpg
import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.storage.engines import (
    IN_DOUBT,
    PRIVATE,
    STATEMENT_SECONDS,
    beginning,
    check_readable,
    database_address,
    driver_of,
    file_identity,
    path_of,
    postgresql_engine,
    read_only_url,
    sqlite_engine,
    why_unopened,
)
from domain.storage.hints import Hints, PostgresqlHints, ProcessHints
from domain.storage.postgresql import PostgresqlAddress, reason_of

_T = TypeVar("_T")

# What transactions are given, under a name that needs no import of SQLAlchemy.
Connection = AsyncConnection
Work = Callable[[Connection], Awaitable[_T]]

# The shop of a transaction that is about every shop: it may read all, and write where mails and keys wait.
EVERY_SHOP = "\n"  # no shop's ID has a line feed

_ATTEMPTS = 5
_LONGEST_PAUSE = 0.2
# No attempt begins later than this.
_PATIENCE_SECONDS = 10
# For a connection, or for the turn to write: over before an operation is given up, so that callers hear why.
_LONGEST_WAIT_SECONDS = 3
# How many connections are kept, and opened beyond them while that many are in use.
_POSTGRESQL: dict[str, Any] = {"pool_size": 10, "max_overflow": 10}
_SQLITE_READERS: dict[str, Any] = {"pool_size": 4, "max_overflow": 4}
_SQLITE_WRITER: dict[str, Any] = {"pool_size": 1, "max_overflow": 0}
# Conflicts of two transactions: serialization failure and deadlock.
_CONFLICTS = frozenset({"40001", "40P01"})
# Waited too long, for a lock or for the statement.
_TIMEOUTS = frozenset({"55P03", "57014", "SQLITE_BUSY", "SQLITE_LOCKED"})
# The database cannot be used, or takes no writes; of PostgreSQL also whole classes of codes (53: something is full).
_OUTAGES = frozenset(
    {
        "25006",
        "SQLITE_CANTOPEN",
        "SQLITE_CORRUPT",
        "SQLITE_FULL",
        "SQLITE_IOERR",
        "SQLITE_NOTADB",
        "SQLITE_READONLY",
    }
)
_DENIED = "42501"
_OUTAGE_CLASSES = frozenset({"08", "28", "3D", "53", "57", "58"})
# How transactions begin that write, and those that read.
_BEGIN = ("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
_BEGIN_ON_SQLITE = ("BEGIN IMMEDIATE", "BEGIN")
_COMMIT = "COMMIT;"
_ROLLBACK = "ROLLBACK;"
_ENDINGS = (_COMMIT, _ROLLBACK)
# Of statements that are run on its connection.
_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, sqlite3.Error)
# PostgreSQL ends the connection; the driver may hear of the end a little later. It is confused by what it hears before.
# One that takes no writes any more (25006) is left: another server may be the primary now.
_ENDS = frozenset({"25006", "57P01", "57P02", "57P03"})
_ANNOUNCED = "announced"


def announce(connection: AsyncConnection, topic: str) -> None:
    """Has the topic's listeners woken once the transaction is committed."""
    connection.info[_ANNOUNCED].add(topic)


class BusyError(Exception):
    """The transaction had to wait too long and was given up; nothing of it is stored."""


class UnavailableError(Exception):
    """The database cannot be reached or cannot write; nothing of the transaction is known to be stored.

    The message says which database and why, for who runs it: callers are not told where it is.
    """


class DeniedError(UnavailableError):
    """The role of the database lacks a permission for it."""


class UnknownOutcomeError(UnavailableError):
    """The answer to a commit was lost: the transaction is stored, or not, or will be in a moment."""


class NewerTablesError(UnavailableError):
    """The tables are those of a later version."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} has the tables of a newer version than this program: run the newer one.")


class _LostError(Exception):
    """The connection was lost; what was under way on it may have been done."""


class _LostCommitError(_LostError):
    """It was lost while a transaction was being committed."""


_FAULTS = (DBAPIError, sa.exc.TimeoutError, OSError, _LostError, *_DRIVER_ERRORS)


@dataclass(frozen=True)
class PoolUse:
    """Of the connections for one purpose: how many are in use, are open beside them, and there may be at most."""

    purpose: str
    in_use: int
    idle: int
    most: int


class FileInUseError(Exception):
    """Another process writes to this SQLite file."""


class _Turn:
    """Lets one in after another; BusyError for whoever would have to wait too long."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await self._lock.acquire()
        except TimeoutError as error:
            raise BusyError("Others write for too long.") from error

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class Database:
    """One database: `sqlite:///path` or `postgresql://user:password@host/name`; any other url is a ValueError.

    On PostgreSQL a statement ends after `statement_seconds`, unless that is None. `hints` are those of another bus than
    the process's or PostgreSQL's own; the database closes them. PostgreSQL's are heard at `listen_url`, if that is
    another one. With `read_only` a SQLite file is opened beside the process that writes to it, and it is never made.
    """

    def __init__(
        self,
        url: str,
        *,
        statement_seconds: int | None = STATEMENT_SECONDS,
        read_only: bool = False,
        listen_url: str | None = None,
        hints: Hints | None = None,
    ) -> None:
        self._address = database_address(url)
        self._path = None if isinstance(self._address, PostgresqlAddress) else path_of(self._address)
        self.is_sqlite = self._path is not None
        self._statement_seconds = statement_seconds
        # False from a write that the database could not take until it is known to have room again; that a small one
        # succeeds, as some do on a full disk, says nothing of the next large one.
        self.is_writable = True
        self._file: tuple[int, int] | None = None
        self.hints: Hints
        self._write_turn: AbstractAsyncContextManager[Any] = nullcontext()
        if isinstance(self._address, sa.URL):
            self.hints = hints or ProcessHints()
            self._writer = sqlite_engine(self._address, **_SQLITE_WRITER)
            reader_url = read_only_url(self._address) if read_only else self._address
            self._reader = sqlite_engine(reader_url, **_SQLITE_READERS, query_only=True)
            # Waiting here instead of in SQLite's busy handler keeps the longest wait short.
            self._write_turn = _Turn()
        else:
            self.hints = hints or PostgresqlHints(PostgresqlAddress(listen_url) if listen_url else self._address)
            wait = {"pool_timeout": _LONGEST_WAIT_SECONDS}
            self._writer = postgresql_engine(self._address, statement_seconds=statement_seconds, **_POSTGRESQL, **wait)
            self._reader = self._writer
        self._under_way: set[asyncio.Task[Any]] = set()
        self._file_lock: FileLock | None = None

    async def close(self) -> None:
        """Waits for the transactions under way, then closes every connection."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self.hints.close()
        await self._writer.dispose()
        await self._reader.dispose()
        if self._file_lock:
            self._file_lock.release()

    def claim_file(self) -> None:
        """Makes this process the only one that writes to the SQLite file; FileInUseError if another one does."""
        if path := self._path:
            if not path.parent.is_dir():
                raise UnavailableError(f"There is no folder {path.parent} for the database.")
            lock = FileLock(f"{path}.lock", mode=PRIVATE)
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                message = f"{path} is in use by another process; SQLite takes one that writes."
                raise FileInUseError(message) from error
            except OSError as error:
                raise self._unavailable(error) from error
            self._file_lock = lock

    def pools(self) -> list[PoolUse]:
        """How the connections for transactions are used now."""
        if self.is_sqlite:
            return [_use("reads", self._reader, _SQLITE_READERS), _use("writes", self._writer, _SQLITE_WRITER)]
        return [_use("transactions", self._writer, _POSTGRESQL)]

    def exists(self) -> bool:
        """False only for a SQLite file that is not there; opening it would create it."""
        return self._path is None or self._path.exists()

    @asynccontextmanager
    async def reading(self, shop_id: str) -> AsyncIterator[AsyncConnection]:
        """One snapshot of a shop, read only. Raises BusyError and UnavailableError."""
        try:
            async with self._begun(self._reader, shop_id, is_writing=False) as connection:
                yield connection
                await _send(connection, _COMMIT)
        except _FAULTS as error:
            self._raise_classified(error)

    async def writing(self, shop_id: str, work: Work[_T]) -> _T:
        """Runs `work` in one transaction and commits it; rolls back if it raises or has rolled back itself.

        It is run again from its start when it conflicts with another transaction or the connection is lost, even while
        committing: `work` begins by finding out whether it is done already. When the caller is cancelled it is rolled
        back, unless it is being committed: a commit is never cut in half. Raises BusyError and UnavailableError; where
        it may have been committed, that is an UnknownOutcomeError.
        """
        is_given_up = asyncio.Event()
        task = asyncio.create_task(self._write(shop_id, work, is_given_up))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            is_given_up.set()
            task.add_done_callback(asyncio.Task.exception)  # nobody else asks for it
            raise

    async def _write(self, shop_id: str, work: Work[_T], is_given_up: asyncio.Event) -> _T:
        attempt, give_up_at = 1, asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        may_be_done = False
        while True:
            try:
                return await self._write_once(shop_id, work, is_given_up)
            except _FAULTS as error:
                may_be_done = may_be_done or isinstance(error, _LostCommitError)
                is_last = attempt == _ATTEMPTS or asyncio.get_running_loop().time() > give_up_at
                if is_last or is_given_up.is_set() or not _may_succeed_at_once(error):
                    self.is_writable = self.is_writable and not _is_outage(error)
                    if may_be_done:
                        raise UnknownOutcomeError(
                            "Nobody knows whether it was stored; look before it is repeated."
                        ) from error
                    self._raise_classified(error)
            attempt += 1
            await asyncio.sleep(random.uniform(0.005, _LONGEST_PAUSE))  # noqa: S311 - jitter, no secret

    async def _write_once(self, shop_id: str, work: Work[_T], is_given_up: asyncio.Event) -> _T:
        is_committing = False
        try:
            async with self._write_turn, self._begun(self._writer, shop_id, is_writing=True) as connection:
                topics = connection.info[_ANNOUNCED] = set[str]()
                result = await work(connection)
                if _is_open(connection) and not is_given_up.is_set():
                    is_committing = True
                    await _commit(connection)
                    is_committing = False
                    self.hints.publish(topics)
                return result
        except _FAULTS as error:
            if is_committing and _is_lost(error):
                raise _LostCommitError from error
            raise

    @asynccontextmanager
    async def _begun(self, engine: AsyncEngine, shop_id: str, *, is_writing: bool) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction; if it is not committed, the pool rolls it back before anybody else has it."""
        self._check_file()
        begin, snapshot = _BEGIN_ON_SQLITE if self.is_sqlite else _BEGIN
        text = begin if is_writing else snapshot
        async with engine.connect() as connection:
            try:
                connection.info[IN_DOUBT] = True
                await _send(connection, text if self.is_sqlite else beginning(text, shop_id, self._statement_seconds))
                yield connection
            except TimeoutError:
                await connection.invalidate()  # the server does not answer, to a rollback neither
                raise
            except (DBAPIError, *_DRIVER_ERRORS) as error:
                if _has_ended(connection, error):
                    await connection.invalidate()
                    raise _LostError from error
                raise

    def _check_file(self) -> None:
        """SQLite goes on with a file that was removed or replaced, and what it writes there nobody finds again."""
        if self._path:
            if self._file is None:
                check_readable(self._path)
            found = file_identity(self._path)
            self._file = self._file or found
            if found != self._file:
                raise UnavailableError(f"{self.place} cannot be used: the file was removed or replaced.")

    def _raise_classified(self, error: Exception) -> NoReturn:
        """Gives a fault our name; a bug is raised as it is."""
        if _is_busy(error):
            raise BusyError("Others hold what this transaction needs.") from error
        if _is_outage(error):
            raise self._unavailable(error) from error
        if _code(error) == _DENIED:
            raise DeniedError(f"{self.place} does not allow it: {_cause(error)}.") from error
        raise error

    def _unavailable(self, error: Exception) -> UnavailableError:
        is_unopened = _code(error) == "SQLITE_CANTOPEN"
        cause = why_unopened(self._path) if self._path and is_unopened else _cause(error)
        return UnavailableError(f"{self.place} cannot be used: {cause.rstrip('.')}.")

    @property
    def place(self) -> str:
        """Which database it is, as the beginning of a sentence; without a user or a password."""
        return f"The database {self._path or self._address}"


def _use(purpose: str, engine: AsyncEngine, size: dict[str, Any]) -> PoolUse:
    pool: Any = engine.pool  # what all pools have in common does not tell
    return PoolUse(purpose, pool.checkedout(), pool.checkedin(), sum(size.values()))


async def roll_back(connection: AsyncConnection) -> None:
    """Ends the transaction; nothing of it is stored."""
    if connection.dialect.name == "sqlite":
        # A commit whose caller was cancelled may be done by now, in the driver's thread: then there is nothing to end.
        await driver_of(connection).rollback()
    else:
        await _send(connection, _ROLLBACK)


async def _commit(connection: AsyncConnection) -> None:
    try:
        await _send(connection, _COMMIT)
    except _DRIVER_ERRORS:
        if connection.dialect.name == "sqlite":
            await connection.invalidate()  # it keeps a transaction open when it refuses its commit
        raise


async def _send(connection: AsyncConnection, text: str) -> None:
    """Begins or ends a transaction, which SQLAlchemy would take longer for than for all that is between."""
    driver = driver_of(connection)
    await (driver.execute_fetchall(text) if connection.dialect.name == "sqlite" else driver.execute(text))
    connection.info[IN_DOUBT] = text not in _ENDINGS


def _is_open(connection: AsyncConnection) -> bool:
    """Whether a transaction is under way, which one is still when its connection was lost."""
    driver = driver_of(connection)
    if connection.dialect.name == "sqlite":
        return bool(driver.in_transaction)
    return bool(driver.is_in_transaction())


def _has_ended(connection: AsyncConnection, error: Exception) -> bool:
    """Whether PostgreSQL's connection is lost with this error; SQLite's never is."""
    if connection.dialect.name == "sqlite":
        return False
    if connection.invalidated or isinstance(error, asyncpg.InternalClientError) or _code(error) in _ENDS:
        return True
    return _is_closed(connection)


def _is_closed(connection: AsyncConnection) -> bool:
    """Whether PostgreSQL's connection was lost; SQLite's never is."""
    return connection.dialect.name != "sqlite" and bool(driver_of(connection).is_closed())


def _may_succeed_at_once(error: Exception) -> bool:
    """Whether to run the transaction again: it met another one, or there was no connection or it was lost."""
    return _is_lost(error) or _code(error) in _CONFLICTS


def _is_outage(error: Exception) -> bool:
    """Whether the database cannot be reached or used."""
    code = _code(error)
    return not _is_busy(error) and (_is_lost(error) or code in _OUTAGES or code[:2] in _OUTAGE_CLASSES)


def _is_lost(error: Exception) -> bool:
    """Whether there was no connection, or it was lost."""
    return isinstance(error, OSError | _LostError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sa.exc.TimeoutError) or _code(error) in _CONFLICTS | _TIMEOUTS


def _cause(error: BaseException) -> str:
    """What was behind it at first."""
    while not isinstance(error, (OSError, *_DRIVER_ERRORS)) and error.__cause__:
        error = error.__cause__
    return reason_of(error)


def _code(error: Exception) -> str:
    """PostgreSQL's SQLSTATE, SQLite's name without details (SQLITE_IOERR of SQLITE_IOERR_WRITE), or an empty text."""
    fault = getattr(error, "orig", error)
    name = getattr(fault, "sqlite_errorname", "")
    return "_".join(name.split("_")[:2]) or getattr(fault, "sqlstate", None) or ""
