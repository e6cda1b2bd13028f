"""Followers are woken by hints, and by a tick when a hint was lost."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from structlog.testing import capture_logs

from domain.storage.engine import hints
from domain.storage.engine.database import Database
from domain.storage.engine.hints import ProcessHints, hint_or_tick
from domain.storage.engine.nats_hints import NatsHints
from tests.support.nats_server import NatsServer
from tests.support.patience import PATIENCE_SECONDS


async def test_every_listener_of_a_topic_is_woken() -> None:
    bus = ProcessHints()

    with bus.listening("orders") as one, bus.listening("orders") as two, bus.listening("mail") as other:
        bus.publish(["orders"])

    assert [one.is_set(), two.is_set(), other.is_set()] == [True, True, False]


async def test_a_listener_that_has_left_is_not_woken() -> None:
    bus = ProcessHints()

    with bus.listening("orders") as staying:
        with bus.listening("orders") as leaving:
            pass
        bus.publish(["orders"])

    assert [staying.is_set(), leaving.is_set()] == [True, False]


async def test_a_hint_ends_the_wait_and_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "TICK_SECONDS", 2 * PATIENCE_SECONDS)
    hint = asyncio.Event()
    hint.set()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await hint_or_tick(hint)

    assert not hint.is_set()


async def test_without_a_hint_the_wait_ends_with_a_tick() -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await hint_or_tick(asyncio.Event())


# Between processes, over PostgreSQL and over NATS


@pytest.fixture(params=["postgresql", "nats"])
async def new_process(request: pytest.FixtureRequest, postgresql_url: str) -> Callable[[], Database]:
    """Makes databases that share only the server and one kind of bus."""
    if request.param == "postgresql":
        return lambda: Database(postgresql_url)
    server: NatsServer = request.getfixturevalue("nats_server")
    return lambda: Database(postgresql_url, hints=NatsHints(server.url))


@pytest.fixture
async def processes(new_process: Callable[[], Database]) -> AsyncIterator[tuple[Database, Database]]:
    both = new_process(), new_process()
    yield both
    for database in both:
        await database.close()


async def is_heard(speaker: Database, listener: Database, topic: str) -> None:
    """Repeats a hint until the listener hears it."""
    with listener.hints.listening(topic) as hint:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not hint.is_set():
                speaker.hints.publish([topic])
                await asyncio.sleep(0.05)


async def test_a_hint_is_heard_in_other_processes(processes: tuple[Database, Database]) -> None:
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")

    with listener.hints.listening("events:Größe ' 雪") as hint, listener.hints.listening("mail") as other:
        speaker.hints.publish(["events:Größe ' 雪"])
        async with asyncio.timeout(PATIENCE_SECONDS):
            await hint.wait()

    assert not other.is_set()


async def test_a_process_is_not_woken_again_by_its_own_hint(processes: tuple[Database, Database]) -> None:
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")
    await is_heard(listener, speaker, "warm-up")  # a new connection wakes every listener

    with speaker.hints.listening("orders") as own, listener.hints.listening("orders") as others:
        speaker.hints.publish(["orders"])
        own.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await others.wait()

    assert not own.is_set()


async def test_hints_are_heard_again_after_the_connection_is_lost(postgresql_url: str) -> None:
    """Catches a listener that does not reconnect and leaves its followers to the tick for good."""
    speaker, listener = Database(postgresql_url), Database(postgresql_url)
    await is_heard(speaker, listener, "warm-up")

    administrator = await asyncpg.connect(postgresql_url)
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_notify%' AND pid <> $1"
    await administrator.fetch(terminate, administrator.get_server_pid())
    await administrator.close()

    await is_heard(speaker, listener, "orders")
    await is_heard(listener, speaker, "orders")
    await speaker.close()
    await listener.close()


async def test_hints_are_heard_as_soon_as_the_bus_is_back(sqlite_url: str) -> None:
    """A server that is missing at the start, or goes away, costs only waits until the next tick."""
    server = NatsServer()
    speaker, listener = (Database(sqlite_url, hints=NatsHints(server.url)) for _ in range(2))

    with listener.hints.listening("orders"):
        await asyncio.sleep(0.1)
        server.start()
        await is_heard(speaker, listener, "orders")
        server.kill()
        await asyncio.sleep(0.1)
        server.start()
        with listener.hints.listening("orders") as woken:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await woken.wait()  # by the new connection alone
        await is_heard(speaker, listener, "orders")
    await speaker.close()
    await listener.close()
    server.kill()


@pytest.mark.parametrize("password", ["p%40ss", "wrong"])
async def test_a_password_is_never_logged_and_a_wrong_one_costs_only_ticks(
    nats_server: NatsServer, sqlite_url: str, password: str
) -> None:
    url = nats_server.url.replace("p%40ss", password)
    database = Database(sqlite_url, hints=NatsHints(url))

    with capture_logs() as lines, database.hints.listening("orders") as hint:
        database.hints.start()
        database.hints.publish(["orders"])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not lines:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.05)
        await database.close()

    assert hint.is_set()
    assert {line["event"] for line in lines} == {"hints.heard" if password == "p%40ss" else "hints.connection_lost"}
    assert not [line for line in lines if password in str(line)]


async def test_the_last_hint_is_sent_before_the_process_ends(
    processes: tuple[Database, Database], new_process: Callable[[], Database]
) -> None:
    speaker, listener = processes
    await is_heard(speaker, listener, "warm-up")
    short_lived = new_process()

    with listener.hints.listening("orders") as hint:
        short_lived.hints.publish(["orders"])
        await short_lived.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await hint.wait()

    assert hint.is_set()
