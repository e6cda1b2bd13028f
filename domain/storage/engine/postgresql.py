"""PostgreSQL: any number of processes, each transaction scoped to one shop by row-level security."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain.storage.engine.backend import (
    IN_DOUBT,
    JSON,
    LONGEST_WAIT_SECONDS,
    Connection,
    EveryShop,
    PoolUse,
    ShopScope,
    driver_of,
    pool_use,
)
from domain.storage.engine.faults import DRIVER_ERRORS, LostError, code_of, reason_of, root_cause
from domain.storage.engine.hints import Hints, PostgresqlHints
from domain.storage.engine.postgresql_address import PostgresqlAddress

SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
# The server cancels statements that take too long; if it is silent, we give up a little later.
STATEMENT_SECONDS = 5
_SILENCE_SECONDS = 2
# How long a transaction waits for a lock, and the server for a transaction's next statement.
LOCK_SECONDS = 2
_IDLE_SECONDS = 5
# How many connections to keep, and how many more to open while those are in use.
_POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 10}
_BEGIN, _BEGIN_SNAPSHOT = "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Selects every shop in the policies of migration 0004; no shop's ID contains a line feed.
_EVERY_SHOP = "\n"
_MIGRATING = 1_397_247_314  # any number that no other advisory lock uses
# Errors that end the connection. 25006: the server is read-only; another one may be the primary now.
_ENDS = frozenset({"25006", "57P01", "57P02", "57P03"})
# For more rows JSON takes half the time; for fewer it takes longer.
_ROWS_WITHOUT_JSON = 10
# From this many rows on it pays to plan again, and to ANALYZE the tables first.
_ROWS_TO_REPLAN = 50
_ROWS_TO_ANALYZE = 500
_ANALYZED = ("orders", "order_items", "packages", "package_items", "order_events", "cancellation_lines")
# Whether any table has outgrown its statistics while all are small: autovacuum keeps up with large tables.
_ARE_STALE = """
SELECT bool_or(pg_relation_size(oid) > 1.5 * relpages * current_setting('block_size')::integer)
AND bool_and(pg_relation_size(oid) < 64 * 2^20)
FROM pg_class WHERE oid = ANY ($1::regclass[])
"""
_ANALYZE = f"ANALYZE (SKIP_LOCKED) {', '.join(_ANALYZED)};"


class Postgresql:
    """The backend for a server; statements have no time limit if `statement_seconds` is None."""

    has_single_writer = False
    has_nulls_last = True

    def __init__(self, address: PostgresqlAddress, *, statement_seconds: int | None) -> None:
        self._address = address
        self._statement_seconds = statement_seconds
        self.writer = self.reader = _engine(address, statement_seconds)
        self.write_turn: AbstractAsyncContextManager[Any] = nullcontext()

    @property
    def place(self) -> str:
        return f"The database {self._address}"

    def hints(self, listen_url: str | None) -> Hints:
        return PostgresqlHints(PostgresqlAddress(listen_url) if listen_url else self._address)

    def pools(self) -> list[PoolUse]:
        return [pool_use("transactions", self.writer, _POOL)]

    def exists(self) -> bool:
        return True

    def claim(self) -> None:
        """Any number of processes may write."""

    def release(self) -> None:
        """Nothing was claimed."""

    def check(self) -> None:
        """Connecting checks it."""

    def cause(self, error: Exception) -> str:
        return reason_of(root_cause(error))

    async def begin(self, connection: Connection, shop: ShopScope, *, is_writing: bool) -> None:
        """Begins the transaction with its settings, in one round trip.

        Nothing is set for the session: between two transactions, a pooler may give it to other clients.
        """
        scope = _EVERY_SHOP if isinstance(shop, EveryShop) else shop
        quoted = scope.replace("\\", r"\\").replace("'", "''")
        await driver_of(connection).execute(
            f"{_BEGIN if is_writing else _BEGIN_SNAPSHOT}; SET LOCAL shortship.shop = E'{quoted}'; "
            f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; "
            f"SET LOCAL statement_timeout = '{self._statement_seconds or 0}s'; "
            f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';"
        )

    async def commit(self, connection: Connection) -> None:
        await driver_of(connection).execute("COMMIT;")
        connection.info[IN_DOUBT] = False

    async def roll_back(self, connection: Connection) -> None:
        await driver_of(connection).execute("ROLLBACK;")
        connection.info[IN_DOUBT] = False

    def is_open(self, connection: Connection) -> bool:
        return bool(driver_of(connection).is_in_transaction())

    def is_ended_by(self, connection: Connection, error: Exception) -> bool:
        # After a lost answer the driver misreads the next one, and may notice only later that the connection is closed.
        if connection.invalidated or isinstance(error, asyncpg.InternalClientError) or code_of(error) in _ENDS:
            return True
        return bool(driver_of(connection).is_closed())

    async def fetch(self, connection: Connection, text: str, arguments: Sequence[Any]) -> list[Any]:
        rows: list[Any] = await driver_of(connection).fetch(text, *arguments)
        return rows

    def inserts_json(self, rows: int) -> bool:
        return rows > _ROWS_WITHOUT_JSON

    def updates_by_column(self, rows: int) -> bool:
        return rows > 1

    async def expect_rows(self, connection: Connection, rows: int, *, of_one_order: bool) -> None:
        """Makes the server plan its foreign key checks again, after ANALYZE for tables that have grown.

        A connection keeps plans from when the tables were empty, which read the whole shop for each row: the first
        import into a new database fell to 300 orders a second. Without statistics, all indexes on the order look alike
        to the server, and each check may read a whole order. ANALYZE skips tables of other owners.
        """
        driver = driver_of(connection)
        if of_one_order and rows >= _ROWS_TO_ANALYZE and await driver.fetchval(_ARE_STALE, _ANALYZED):
            await driver.execute(_ANALYZE)
        if rows >= _ROWS_TO_REPLAN:
            await driver.execute("DISCARD PLANS;")

    @asynccontextmanager
    async def filling(self, _connection: Connection) -> AsyncIterator[None]:
        yield  # large values are written at once

    async def begin_migration(self, connection: Connection) -> None:
        driver = driver_of(connection)
        await driver.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;")
        # Migrations of one database take turns, but nobody waits long for a table.
        await driver.execute(f"SELECT pg_advisory_xact_lock({_MIGRATING});")
        await driver.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s';")

    async def expect_full_scans(self, connection: Connection) -> None:
        # No nested loops, which the planner would choose for tables that it believes are small.
        await driver_of(connection).execute(
            "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL enable_nestloop = off;"
        )


def _engine(address: PostgresqlAddress, statement_seconds: int | None) -> AsyncEngine:
    patience = None if statement_seconds is None else statement_seconds + _SILENCE_SECONDS
    # Faults are logged, and parameters contain buyers' addresses. Transactions are begun and ended on the driver's
    # connection: SQLAlchemy would begin them with the first statement that goes through it.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args={"async_creator_fn": partial(address.connect, command_timeout=patience)},
        pool_timeout=LONGEST_WAIT_SECONDS,
        **JSON,
        **_POOL,
    )

    for name in ("setup_asyncpg_json_codec", "setup_asyncpg_jsonb_codec"):
        setattr(engine.dialect, name, _ending_lost(getattr(engine.dialect, name)))

    @sa.event.listens_for(engine.sync_engine, "reset")
    def end(connection: Any, record: Any, state: sa.PoolResetState) -> None:  # both have no public type
        # The transaction must end before anybody else gets the connection. The driver may not know of it: its BEGIN was
        # in flight when the caller was cancelled.
        if record.info.get(IN_DOUBT) and state.asyncio_safe and not connection.driver_connection.is_closed():
            connection.run_async(_roll_back)
            record.info[IN_DOUBT] = False

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(connection: Any, _record: object, _proxy: object) -> None:  # the same
        # After a server restart every idle connection is closed; this opens another one at once.
        if connection.driver_connection.is_closed():
            raise sa.exc.DisconnectionError

    return engine


def _ending_lost(set_up: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """A step of setting up a connection, which SQLAlchemy would not close, nor report as lost, if it fails."""

    async def set_up_or_end(connection: Any) -> None:  # has no public type
        try:
            await set_up(connection)
        except (*DRIVER_ERRORS, OSError) as error:
            connection.driver_connection.terminate()
            raise LostError from error

    return set_up_or_end


async def _roll_back(driver: asyncpg.Connection) -> None:
    """Waits for the statement in flight, then rolls back or, failing that, closes the connection."""
    try:
        await driver.execute("ROLLBACK;", timeout=_SILENCE_SECONDS)
    except (*DRIVER_ERRORS, OSError):
        driver.terminate()
