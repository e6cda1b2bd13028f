"""The differences between SQLite and PostgreSQL behind one protocol; only their two modules know which is in use."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.storage.engine.hints import Hints

# Lets use cases pass connections around without importing SQLAlchemy.
Connection = AsyncConnection

# The longest wait for a connection or to write; shorter than an operation may take, so that callers learn the reason.
LONGEST_WAIT_SECONDS = 3
# Keys of a connection's info. IN_DOUBT is set while a transaction may be open: the last one was not seen to end.
BACKEND = "backend"
IN_DOUBT = "in doubt"

JSON: dict[str, Any] = {  # settings of an engine
    "json_serializer": lambda content: orjson.dumps(content).decode(),
    "json_deserializer": orjson.loads,
}


class EveryShop(Enum):
    EVERY_SHOP = auto()


ShopScope = str | EveryShop
# Scopes a transaction to all shops: it may read everything, add shops, claim mail and delete old keys.
EVERY_SHOP = EveryShop.EVERY_SHOP


@dataclass(frozen=True)
class PoolUse:
    """Connections for one purpose: in use, idle, and the most there may be."""

    purpose: str
    in_use: int
    idle: int
    most: int


class Backend(Protocol):
    """One database, with its connections."""

    reader: AsyncEngine
    writer: AsyncEngine
    # Entered around each transaction that writes.
    write_turn: AbstractAsyncContextManager[Any]
    # Whether only one process, and in it one transaction at a time, may write.
    has_single_writer: bool
    # Whether indexes keep NULLs after all values, as lists show them.
    has_nulls_last: bool

    @property
    def place(self) -> str:
        """The database as the start of a sentence, without user and password."""
        ...

    def hints(self, listen_url: str | None) -> Hints:
        """The bus that comes with the database."""
        ...

    def pools(self) -> list[PoolUse]: ...

    def exists(self) -> bool:
        """False only for a SQLite file that is missing; opening it would create it."""
        ...

    def claim(self) -> None:
        """Makes this process the only one that writes, where only one may; raises FileInUseError and OSError."""
        ...

    def release(self) -> None:
        """Undoes `claim`."""
        ...

    def check(self) -> None:
        """Raises OSError or UnavailableError if the database is not the one that was opened."""
        ...

    def cause(self, error: Exception) -> str:
        """Why the database cannot be used."""
        ...

    async def begin(self, connection: Connection, shop: ShopScope, *, is_writing: bool) -> None: ...

    async def commit(self, connection: Connection) -> None: ...

    async def roll_back(self, connection: Connection) -> None: ...

    def is_open(self, connection: Connection) -> bool:
        """Whether a transaction is open; it still is after its connection was lost."""
        ...

    def is_ended_by(self, connection: Connection, error: Exception) -> bool:
        """Whether the connection is lost with this error."""
        ...

    async def fetch(self, connection: Connection, text: str, arguments: Sequence[Any]) -> list[Any]:
        """Runs a statement; raises the driver's errors."""
        ...

    def inserts_json(self, rows: int) -> bool:
        """Whether to insert this many rows as one JSON text."""
        ...

    def updates_by_column(self, rows: int) -> bool:
        """Whether to update this many rows as one array per column."""
        ...

    async def expect_rows(self, connection: Connection, rows: int, *, of_one_order: bool) -> None:
        """Prepares the transaction for writing this many rows."""
        ...

    def filling(self, connection: Connection) -> AbstractAsyncContextManager[None]:
        """Makes writes inside this context reach the disk at once."""
        ...

    async def begin_migration(self, connection: Connection) -> None:
        """Waits its turn to migrate, without a time limit."""
        ...

    async def expect_full_scans(self, connection: Connection) -> None:
        """Prepares the transaction for comparing whole tables."""
        ...


def backend_of(connection: Connection) -> Backend:
    """The backend of a connection in a transaction."""
    backend: Backend = connection.info[BACKEND]
    return backend


def driver_of(connection: Connection) -> Any:  # the drivers have no common type
    """The driver's own connection: asyncpg's or aiosqlite's."""
    if connection.sync_connection is None:
        raise AssertionError("the connection is not open")
    # Nothing waits here, so AsyncConnection's detour through a greenlet is not needed.
    return connection.sync_connection.connection.driver_connection


def pool_use(purpose: str, engine: AsyncEngine, size: dict[str, Any]) -> PoolUse:
    pool: Any = engine.pool  # the pools' common type does not count
    return PoolUse(purpose, pool.checkedout(), pool.checkedin(), sum(size.values()))
