"""Hints that wake listeners after a commit. A hint only says that it is time to look; a lost one costs a tick."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from typing import Any, Protocol

import asyncpg
import structlog

from domain.storage.engine.postgresql_address import PostgresqlAddress, is_direct

TICK_SECONDS = 1.0
_CHANNEL = "shortship"
# Hints within this time are sent together: NOTIFY takes a lock shared by the whole server.
_BATCH_SECONDS = 0.02
# After this long without a hint the connection is tested, as it may have died unnoticed.
_KEEPALIVE_SECONDS = 10.0
_PATIENCE_SECONDS = 7
_NOTIFY = "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic"

log = structlog.get_logger(__name__)


class Hints(Protocol):
    """A bus for hints."""

    def publish(self, topics: Iterable[str]) -> None:
        """Wakes the topics' listeners; never waits and never fails."""

    def listening(self, topic: str) -> AbstractContextManager[asyncio.Event]:
        """An event that each hint sets; the listener clears it."""

    def start(self) -> None:
        """Connects now rather than at first use and logs how hints are received, if the bus needs a connection."""

    async def close(self) -> None:
        """Flushes pending hints if that takes less than a tick, and disconnects."""


class ProcessHints:
    """Hints within this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Event]] = {}

    def publish(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for hint in self._listeners.get(topic, ()):
                hint.set()

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        hint = asyncio.Event()
        listeners = self._listeners.setdefault(topic, set())
        listeners.add(hint)
        try:
            yield hint
        finally:
            listeners.discard(hint)
            if not listeners:
                del self._listeners[topic]

    def start(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """There is nothing to flush."""


Send = Callable[[Sequence[str]], Awaitable[None]]


class SharedHints(ProcessHints):
    """Hints shared by all processes on one bus, over a dedicated connection.

    While it is lost, so are other processes' hints; once it is back, every listener is woken.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pending: set[str] = set()
        self._has_work = asyncio.Event()
        self._is_flushed = asyncio.Event()
        self._is_flushed.set()
        self._connection: asyncio.Task[None] | None = None
        self._is_logging = False

    def publish(self, topics: Iterable[str]) -> None:
        topics = set(topics)
        super().publish(topics)
        if topics:
            self._pending |= topics
            self._is_flushed.clear()
            self._has_work.set()
            self._connect()

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        self._connect()
        with super().listening(topic) as hint:
            yield hint

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await self._is_flushed.wait()
        if self._connection:
            self._connection.cancel()
            await asyncio.wait([self._connection])

    def connected(self) -> AbstractAsyncContextManager[Send]:
        """Connects, listens, and yields a function that sends topics; sending none tests the connection."""
        raise NotImplementedError

    def hear(self, topic: str) -> None:
        """Called when another process has sent the topic."""
        super().publish([topic])

    def look(self, *_: object) -> None:
        """Called when the connection may be lost: has it tested."""
        self._has_work.set()

    def start(self) -> None:
        self._is_logging = True
        self._connect()

    def heard_by(self, bus: str | None) -> None:
        """Logs how hints are received, None if they are not; a no-op before `start`."""
        if self._is_logging and bus:
            log.info("hints.heard", by=bus)
        elif self._is_logging:
            log.warning("hints.unheard", reason="a pooler does not support LISTEN; set SHORTSHIP_LISTEN_URL")

    def _connect(self) -> None:
        if self._connection is None:
            self._connection = asyncio.create_task(self._stay_connected(), name="hints")

    async def _stay_connected(self) -> None:
        while True:
            try:
                async with self.connected() as send:
                    super().publish(list(self._listeners))
                    await self._send_all(send)
            except Exception as error:  # noqa: BLE001 - listeners fall back to the tick
                log.warning("hints.connection_lost", error=type(error).__name__)
            await asyncio.sleep(TICK_SECONDS)

    async def _send_all(self, send: Send) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_KEEPALIVE_SECONDS):
                    await self._has_work.wait()
            self._has_work.clear()
            topics, self._pending = self._pending, set()
            await send(list(topics))
            if not self._pending:
                self._is_flushed.set()
            await asyncio.sleep(_BATCH_SECONDS)


class PostgresqlHints(SharedHints):
    """Hints by LISTEN and NOTIFY, shared by all processes on one database.

    Through a pooler, which does not support LISTEN, hints are sent but not received.
    """

    def __init__(self, address: PostgresqlAddress) -> None:
        super().__init__()
        self._address = address

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Send]:
        driver = await self._address.connect(command_timeout=_PATIENCE_SECONDS)
        try:
            driver.add_termination_listener(self.look)
            if await is_direct(driver):
                await driver.add_listener(_CHANNEL, self._hear)
                self.heard_by("LISTEN")
            else:
                self.heard_by(None)

            async def send(topics: Sequence[str]) -> None:
                await driver.execute(_NOTIFY, _CHANNEL, topics)

            yield send
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # the connection may be lost
                await driver.close(timeout=TICK_SECONDS)

    def _hear(self, driver: Any, sender: int, _channel: str, topic: str) -> None:  # asyncpg is untyped
        if sender != driver.get_server_pid():  # our own hints were delivered here at once
            self.hear(topic)


async def hint_or_tick(hint: asyncio.Event) -> None:
    """Waits for the hint, but no longer than a tick, and clears it."""
    try:
        async with asyncio.timeout(TICK_SECONDS):
            await hint.wait()
    except TimeoutError:
        pass
    hint.clear()
