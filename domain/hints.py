"""Who is woken when something was committed. A hint only says that it is time to look; a lost one costs a tick."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

TICK_SECONDS = 1.0


class Hints:
    """Hints inside this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Event]] = {}

    def publish(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for hint in self._listeners.get(topic, ()):
                hint.set()

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set at each hint; whoever waits for it clears it."""
        hint = asyncio.Event()
        listeners = self._listeners.setdefault(topic, set())
        listeners.add(hint)
        try:
            yield hint
        finally:
            listeners.discard(hint)
            if not listeners:
                del self._listeners[topic]


async def hint_or_tick(hint: asyncio.Event) -> None:
    """Waits for the hint, but not longer than a tick, and clears it."""
    try:
        async with asyncio.timeout(TICK_SECONDS):
            await hint.wait()
    except TimeoutError:
        pass
    hint.clear()
