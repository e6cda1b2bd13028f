"""Streams a shop's events live: one reader of the log per shop, shared by all followers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import structlog

from domain.rules.order import OrderEvent
from domain.storage import events
from domain.storage.engine.backend import Connection
from domain.storage.engine.database import Database
from domain.storage.engine.faults import BusyError, UnavailableError
from domain.storage.engine.hints import TICK_SECONDS, hint_or_tick

_T = TypeVar("_T")
_Reading = Callable[[str], AbstractAsyncContextManager[Connection]]

_PAGE = 500
_QUEUE = 256
# An event wakes hundreds of followers at once; their reads must leave connections for everyone else.
_READS_AT_ONCE = 5

log = structlog.get_logger(__name__)


class SlowConsumerError(Exception):
    """A follower read too slowly and was dropped; the last event it received is `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Feed:
    """The followers of every shop in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readers: dict[str, _Reader] = {}
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self._together: dict[Hashable, asyncio.Future[Any]] = {}  # reads in flight, by key

    @asynccontextmanager
    async def reading(self, shop_id: str) -> AsyncIterator[Connection]:
        """One database snapshot for a follower; waits while too many others are reading."""
        async with self._reads, self._database.reading(shop_id) as connection:
            yield connection

    async def together(self, key: Hashable, read: Callable[[], Awaitable[_T]]) -> _T:
        """Reads once for all concurrent callers with this key: an event may wake a thousand of them."""
        while (others := self._together.get(key)) is not None:
            await asyncio.wait([others])
            if not others.cancelled():
                read_by_others: _T = others.result()
                return read_by_others
        ours = self._together[key] = asyncio.get_running_loop().create_future()
        try:
            result = await read()
            ours.set_result(result)
            return result
        finally:
            del self._together[key]
            ours.cancel()  # if the read failed, the others read for themselves

    async def follow(
        self, shop_id: str, after: int | None, *, is_live: asyncio.Event | None = None
    ) -> AsyncGenerator[OrderEvent]:
        """Yields the events after this number, then new ones as they are committed, without gaps or repeats.

        It never ends. If `after` is None, it starts with the next event. Sets `is_live` once it has caught up. Raises
        SlowConsumerError.
        """
        async with self.reading(shop_id) as connection:
            last = await events.last_number(connection, shop_id)
        number = last if after is None else after
        reader = self._readers.get(shop_id)
        if reader is None:
            reader = self._readers[shop_id] = _Reader(self._database, shop_id, last)
        queue = _Queue()
        reader.followers.add(queue)
        try:
            # Nothing is queued until the follower has caught up with the reader.
            while number < reader.number:
                for event in await patiently(partial(_read, self.reading, shop_id, number)):
                    yield event
                    number = event.number
            queue.is_open = True
            if is_live:
                is_live.set()
            while True:
                event = await queue.get(number)
                if event.number > number:
                    yield event
                    number = event.number
        finally:
            reader.followers.discard(queue)
            if not reader.followers:
                del self._readers[shop_id]
                reader.task.cancel()
                await asyncio.wait([reader.task])


async def patiently(read: Callable[[], Awaitable[_T]]) -> _T:
    """Retries a read until the database is available, so that followers need not start over."""
    while True:
        try:
            return await read()
        except (BusyError, UnavailableError):
            await asyncio.sleep(TICK_SECONDS)


class _Queue:
    """Events waiting for one follower; closed until the follower has caught up."""

    def __init__(self) -> None:
        self.is_open = False
        self._has_overflowed = False
        self._events: asyncio.Queue[OrderEvent] = asyncio.Queue()

    def put(self, page: Sequence[OrderEvent]) -> None:
        """Queues the whole page, since nobody can read meanwhile, unless too many earlier events are still unread."""
        if not self.is_open or self._has_overflowed:
            return
        if self._events.qsize() > _QUEUE:
            self._has_overflowed = True
            return
        for event in page:
            self._events.put_nowait(event)

    async def get(self, number: int) -> OrderEvent:
        if self._has_overflowed and self._events.empty():
            raise SlowConsumerError(number)
        return await self._events.get()


class _Reader:
    """Reads a shop's log once for all its followers, up to event `number` so far."""

    def __init__(self, database: Database, shop_id: str, number: int) -> None:
        self.number = number
        self.followers: set[_Queue] = set()
        self.task = asyncio.create_task(self._run(database, shop_id), name=f"feed:{shop_id}")

    async def _run(self, database: Database, shop_id: str) -> None:
        with database.hints.listening(events.topic(shop_id)) as hint:
            while True:
                try:
                    page = await _read(database.reading, shop_id, self.number)
                except Exception as error:  # if this ended, followers would wait forever
                    is_outage = isinstance(error, BusyError | UnavailableError)
                    reason, trace = (str(error), None) if is_outage else (type(error).__name__, error)
                    log.error("feed.fault", shop=shop_id, error=reason, exc_info=trace)  # noqa: TRY400
                    page = []
                if page:
                    for follower in self.followers:
                        follower.put(page)
                    self.number = page[-1].number
                if len(page) < _PAGE:
                    await hint_or_tick(hint)


async def _read(reading: _Reading, shop_id: str, number: int) -> list[OrderEvent]:
    async with reading(shop_id) as connection:
        return await events.list_events(connection, shop_id, after=number, limit=_PAGE)
