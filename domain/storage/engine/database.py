"""Transactions: begun, committed, rolled back and retried here, and nowhere else."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.storage.engine import postgresql, sqlite
from domain.storage.engine.backend import BACKEND, IN_DOUBT, Backend, Connection, PoolUse, ShopScope, backend_of
from domain.storage.engine.faults import (
    DRIVER_ERRORS,
    FAULTS,
    BusyError,
    DeniedError,
    LostCommitError,
    LostError,
    UnavailableError,
    UnknownOutcomeError,
    is_busy,
    is_denied,
    is_lost,
    is_outage,
    is_transient,
)
from domain.storage.engine.hints import Hints
from domain.storage.engine.postgresql import STATEMENT_SECONDS, Postgresql
from domain.storage.engine.postgresql_address import PostgresqlAddress
from domain.storage.engine.sqlite import Sqlite, sqlite_address

_T = TypeVar("_T")

Work = Callable[[Connection], Awaitable[_T]]

_ATTEMPTS = 5
_LONGEST_PAUSE = 0.2
# No attempt begins later than this.
_PATIENCE_SECONDS = 10
_ANNOUNCED = "announced"
_EXAMPLES = "Use sqlite:///path or postgresql://user:password@host/database."


def database_address(text: str) -> PostgresqlAddress | sa.URL:
    """Parses the address of a PostgreSQL database or a SQLite file.

    Raises ValueError with what is wrong, without quoting the password.
    """
    scheme = text.partition("://")[0]
    if scheme in postgresql.SCHEMES:
        return PostgresqlAddress(text)
    if scheme not in sqlite.SCHEMES:
        raise ValueError(_EXAMPLES)
    return sqlite_address(text)


class Database:
    """One database: `sqlite:///path` or `postgresql://user:password@host/name`; raises ValueError for other urls.

    On PostgreSQL, statements time out after `statement_seconds` unless that is None. `hints` replaces the database's
    own bus, which on PostgreSQL listens at `listen_url` if that is given; closing the database closes it. With
    `read_only`, a SQLite file is opened beside the process that writes to it, and never created.
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
        address = database_address(url)
        self._backend: Backend
        if isinstance(address, PostgresqlAddress):
            self._backend = Postgresql(address, statement_seconds=statement_seconds)
        else:
            self._backend = Sqlite(address, read_only=read_only)
        self.hints = hints or self._backend.hints(listen_url)
        self.has_single_writer = self._backend.has_single_writer
        # False from a failed write until there is known to be room again: that a small write succeeds on a full disk
        # says nothing about the next large one.
        self.is_writable = True
        self._in_flight: set[asyncio.Task[Any]] = set()

    @property
    def place(self) -> str:
        """The database as the start of a sentence, without user and password."""
        return self._backend.place

    async def close(self) -> None:
        """Waits for the transactions in flight, then closes every connection."""
        if self._in_flight:
            await asyncio.wait(self._in_flight)
        await self.hints.close()
        await self._backend.writer.dispose()
        await self._backend.reader.dispose()
        self._backend.release()

    def claim_file(self) -> None:
        """Makes this process the only one that writes to a SQLite file; FileInUseError if another one does."""
        try:
            self._backend.claim()
        except OSError as error:
            raise self._unavailable(error) from error

    def pools(self) -> list[PoolUse]:
        """How the connections are being used."""
        return self._backend.pools()

    def exists(self) -> bool:
        """False only for a SQLite file that is missing; opening it would create it."""
        return self._backend.exists()

    @asynccontextmanager
    async def reading(self, shop_id: ShopScope) -> AsyncIterator[Connection]:
        """One read-only snapshot of a shop, by its ID. Raises BusyError and UnavailableError."""
        try:
            async with self._begun(self._backend.reader, shop_id, is_writing=False) as connection:
                yield connection
                await self._backend.commit(connection)
        except FAULTS as error:
            self._raise_classified(error)

    async def writing(self, shop_id: ShopScope, work: Work[_T]) -> _T:
        """Runs `work` in one transaction and commits it, unless it raises or has rolled back itself.

        `work` is retried after a conflict with another transaction or a lost connection, even one lost during the
        commit, so it must first check whether it is already done. If the caller is cancelled, the transaction is rolled
        back, unless it is already being committed: commits are never interrupted. Raises BusyError or UnavailableError,
        or UnknownOutcomeError if it may have been committed.
        """
        is_given_up = asyncio.Event()
        task = asyncio.create_task(self._write(shop_id, work, is_given_up))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            is_given_up.set()
            task.add_done_callback(asyncio.Task.exception)  # nobody else retrieves it
            raise

    async def _write(self, shop_id: ShopScope, work: Work[_T], is_given_up: asyncio.Event) -> _T:
        attempt, give_up_at = 1, asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        may_be_done = False
        while True:
            try:
                return await self._write_once(shop_id, work, is_given_up)
            except FAULTS as error:
                may_be_done = may_be_done or isinstance(error, LostCommitError)
                is_last = attempt == _ATTEMPTS or asyncio.get_running_loop().time() > give_up_at
                if is_last or is_given_up.is_set() or not is_transient(error):
                    self.is_writable = self.is_writable and not is_outage(error)
                    if may_be_done:
                        raise UnknownOutcomeError(
                            "It is unknown whether this was stored; check before you repeat it."
                        ) from error
                    self._raise_classified(error)
            attempt += 1
            await asyncio.sleep(random.uniform(0.005, _LONGEST_PAUSE))  # noqa: S311 - jitter, no secret

    async def _write_once(self, shop_id: ShopScope, work: Work[_T], is_given_up: asyncio.Event) -> _T:
        backend, is_committing = self._backend, False
        try:
            async with backend.write_turn, self._begun(backend.writer, shop_id, is_writing=True) as connection:
                topics = connection.info[_ANNOUNCED] = set[str]()
                result = await work(connection)
                if backend.is_open(connection) and not is_given_up.is_set():
                    is_committing = True
                    await backend.commit(connection)
                    is_committing = False
                    self.hints.publish(topics)
                return result
        except FAULTS as error:
            if is_committing and is_lost(error):
                raise LostCommitError from error
            raise

    @asynccontextmanager
    async def _begun(self, engine: AsyncEngine, shop_id: ShopScope, *, is_writing: bool) -> AsyncIterator[Connection]:
        """A connection in a transaction; the pool rolls back what is not committed before anybody else gets it."""
        self._backend.check()
        async with engine.connect() as connection:
            try:
                connection.info[BACKEND] = self._backend
                connection.info[IN_DOUBT] = True
                await self._backend.begin(connection, shop_id, is_writing=is_writing)
                yield connection
            except TimeoutError:
                await connection.invalidate()  # a server that does not answer will not answer a rollback either
                raise
            except (DBAPIError, *DRIVER_ERRORS) as error:
                if self._backend.is_ended_by(connection, error):
                    await connection.invalidate()
                    raise LostError from error
                raise

    def _raise_classified(self, error: Exception) -> NoReturn:
        """Raises faults as errors of our own, and bugs unchanged."""
        if is_busy(error):
            raise BusyError("Other transactions hold what this one needs.") from error
        if is_outage(error):
            raise self._unavailable(error) from error
        if is_denied(error):
            raise DeniedError(f"{self.place} does not allow it: {self._backend.cause(error)}.") from error
        raise error

    def _unavailable(self, error: Exception) -> UnavailableError:
        return UnavailableError(f"{self.place} cannot be used: {self._backend.cause(error).rstrip('.')}.")


async def roll_back(connection: Connection) -> None:
    """Rolls back and ends the transaction."""
    await backend_of(connection).roll_back(connection)


def announce(connection: Connection, topic: str) -> None:
    """Wakes the topic's listeners once the transaction is committed."""
    connection.info[_ANNOUNCED].add(topic)
