"""Followers are woken by hints, and by a tick when a hint was lost."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.database import Database
from domain.hints import TICK_SECONDS, ProcessHints, hint_or_tick


async def test_every_listener_of_a_topic_is_woken() -> None:
    bus = ProcessHints()

    with bus.listening("orders") as one, bus.listening("orders") as two, bus.listening("mail") as other:
        bus.publish(["orders"])

    assert [one.is_set(), two.is_set(), other.is_set()] == [True, True, False]


async def test_who_stopped_listening_is_left_alone() -> None:
    bus = ProcessHints()

    with bus.listening("orders") as staying:
        with bus.listening("orders") as leaving:
            pass
        bus.publish(["orders"])

    assert [staying.is_set(), leaving.is_set()] == [True, False]


async def test_a_hint_ends_the_wait_and_is_used_up() -> None:
    hint = asyncio.Event()
    hint.set()

    async with asyncio.timeout(TICK_SECONDS / 2):
        await hint_or_tick(hint)

    assert not hint.is_set()


async def test_without_a_hint_the_wait_ends_with_a_tick() -> None:
    async with asyncio.timeout(TICK_SECONDS * 3):
        await hint_or_tick(asyncio.Event())


# Between processes, on PostgreSQL


@pytest.fixture
async def processes(postgresql_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two databases that share nothing but the server."""
    both = Database(postgresql_url), Database(postgresql_url)
    yield both
    for database in both:
        await database.close()


async def is_heard(speaker: Database, listener: Database, topic: str) -> None:
    """Says it again and again until it is heard."""
    with listener.hints.listening(topic) as hint:
        async with asyncio.timeout(20):
            while not hint.is_set():
                speaker.hints.publish([topic])
                await asyncio.sleep(0.05)


async def test_a_hint_is_heard_in_other_processes(processes: tuple[Database, Database]) -> None:
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")

    with listener.hints.listening("events:Größe ' 雪") as hint, listener.hints.listening("mail") as other:
        speaker.hints.publish(["events:Größe ' 雪"])
        async with asyncio.timeout(20):
            await hint.wait()

    assert not other.is_set()


async def test_what_one_hears_of_oneself_is_heard_once(processes: tuple[Database, Database]) -> None:
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")

    with speaker.hints.listening("orders") as own, listener.hints.listening("orders") as others:
        speaker.hints.publish(["orders"])
        own.clear()
        async with asyncio.timeout(20):
            await others.wait()

    assert not own.is_set()


async def test_hints_are_heard_again_after_the_connection_was_lost(
    processes: tuple[Database, Database], postgresql_url: str
) -> None:
    """A listener that does not reconnect would leave its followers to the tick for ever."""
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")

    administrator = await asyncpg.connect(postgresql_url)
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_notify%' AND pid <> $1"
    await administrator.fetch(terminate, administrator.get_server_pid())
    await administrator.close()

    await is_heard(speaker, listener, "orders")
    await is_heard(listener, speaker, "orders")


async def test_what_was_committed_last_is_said_before_the_process_ends(
    processes: tuple[Database, Database], postgresql_url: str
) -> None:
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")
    short_lived = Database(postgresql_url)

    with listener.hints.listening("orders") as hint:
        short_lived.hints.publish(["orders"])
        await short_lived.close()
        async with asyncio.timeout(20):
            await hint.wait()

    assert hint.is_set()
