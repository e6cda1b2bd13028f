"""Who is woken when something was committed. A hint only says that it is time to look; a lost one costs a tick."""

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

from domain.storage.postgresql_address import PostgresqlAddress, is_direct

TICK_SECONDS = 1.0
_CHANNEL = "shortship"
# What is said within this time goes out together: a NOTIFY holds a lock that the whole server shares.
_TOGETHER_SECONDS = 0.02
# A connection that is dead without a sign is found out when nothing was said for so long.
_QUIET_SECONDS = 10.0
_PATIENCE_SECONDS = 7
_NOTIFY = "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic"

log = structlog.get_logger(__name__)


class Hints(Protocol):
    """A bus for hints."""

    def publish(self, topics: Iterable[str]) -> None:
        """Wakes the topics' listeners, never waits and never fails."""

    def listening(self, topic: str) -> AbstractContextManager[asyncio.Event]:
        """An event that is set at each hint; whoever waits for it clears it."""

    def start(self) -> None:
        """Connects, where that is needed to hear, and logs by what hints are heard; else that waits until it has to."""

    async def close(self) -> None:
        """Says what has not been said yet, if that can be done at once."""


class ProcessHints:
    """Hints inside this process."""

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
        """Nothing is needed."""

    async def close(self) -> None:
        """Nothing is left to say."""


Say = Callable[[Sequence[str]], Awaitable[None]]


class SharedHints(ProcessHints):
    """Hints for every process on the same bus, on one connection of its own.

    While that is lost, others' hints are too; as soon as it is back, everyone is woken.
    """

    def __init__(self) -> None:
        super().__init__()
        self._unsaid: set[str] = set()
        self._something_to_do = asyncio.Event()
        self._all_said = asyncio.Event()
        self._all_said.set()
        self._connection: asyncio.Task[None] | None = None
        self._tells = False

    def publish(self, topics: Iterable[str]) -> None:
        topics = set(topics)
        super().publish(topics)
        if topics:
            self._unsaid |= topics
            self._all_said.clear()
            self._something_to_do.set()
            self._connect()

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        self._connect()
        with super().listening(topic) as hint:
            yield hint

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await self._all_said.wait()
        if self._connection:
            self._connection.cancel()
            await asyncio.wait([self._connection])

    def connected(self) -> AbstractAsyncContextManager[Say]:
        """A connection that hears, and what says topics on it; saying none finds out whether it still is there."""
        raise NotImplementedError

    def hear(self, topic: str) -> None:
        """Another process has said it."""
        super().publish([topic])

    def look(self, *_: object) -> None:
        """Something may have become of the connection."""
        self._something_to_do.set()

    def start(self) -> None:
        self._tells = True
        self._connect()

    def heard_by(self, bus: str | None) -> None:
        """Logs it for whoever starts a server; nobody hears where it is None."""
        if self._tells and bus:
            log.info("hints.heard", by=bus)
        elif self._tells:
            log.warning("hints.unheard", reason="a pooler has no LISTEN; set SHORTSHIP_LISTEN_URL")

    def _connect(self) -> None:
        if self._connection is None:
            self._connection = asyncio.create_task(self._stay_connected(), name="hints")

    async def _stay_connected(self) -> None:
        while True:
            try:
                async with self.connected() as say:
                    super().publish(list(self._listeners))
                    await self._say_all(say)
            except Exception as error:  # noqa: BLE001 - whatever it is, the tick goes on without it
                log.warning("hints.connection_lost", error=type(error).__name__)
            await asyncio.sleep(TICK_SECONDS)

    async def _say_all(self, say: Say) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_QUIET_SECONDS):
                    await self._something_to_do.wait()
            self._something_to_do.clear()
            topics, self._unsaid = self._unsaid, set()
            await say(list(topics))
            if not self._unsaid:
                self._all_said.set()
            await asyncio.sleep(_TOGETHER_SECONDS)


class PostgresqlHints(SharedHints):
    """By LISTEN and NOTIFY, among the processes on one database.

    A pooler has nobody who listens: through it, hints are said and not heard.
    """

    def __init__(self, address: PostgresqlAddress) -> None:
        super().__init__()
        self._address = address

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Say]:
        driver = await self._address.connect(command_timeout=_PATIENCE_SECONDS)
        try:
            driver.add_termination_listener(self.look)
            if await is_direct(driver):
                await driver.add_listener(_CHANNEL, self._hear)
                self.heard_by("LISTEN")
            else:
                self.heard_by(None)

            async def say(topics: Sequence[str]) -> None:
                await driver.execute(_NOTIFY, _CHANNEL, topics)

            yield say
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # it may be what went wrong
                await driver.close(timeout=TICK_SECONDS)

    def _hear(self, driver: Any, speaker: int, _channel: str, topic: str) -> None:  # the same
        if speaker != driver.get_server_pid():  # what we said ourselves was heard here at once
            self.hear(topic)


async def hint_or_tick(hint: asyncio.Event) -> None:
    """Waits for the hint, but not longer than a tick, and clears it."""
    try:
        async with asyncio.timeout(TICK_SECONDS):
            await hint.wait()
    except TimeoutError:
        pass
    hint.clear()
