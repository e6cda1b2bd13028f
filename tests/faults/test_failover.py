"""A standby takes over from a lost primary: the address names both, and nothing else has to be done."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from domain.storage.engine.database import Database
from domain.storage.migrations import runner
from tests.faults.load import Load, some_orders
from tests.faults.servers import serving
from tests.faults.test_postgresql_restart import a_probe, recover
from tests.support.invariants import assert_sound
from tests.support.postgresql import SETTINGS, EmbeddedServer, connected
from tests.support.stored import a_shop


@pytest.fixture
async def primary() -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(SETTINGS | {"wal_level": "replica", "max_wal_senders": "4"})
    await (await connected(server.url)).close()
    yield server
    server.stop()


@pytest.fixture
async def standby(primary: EmbeddedServer) -> AsyncIterator[EmbeddedServer]:
    """A standby that the primary waits for at every commit."""
    server = EmbeddedServer(SETTINGS | {"wal_level": "replica", "max_wal_senders": "4"}, primary=primary)
    await (await connected(server.url)).close()
    connection = await connected(primary.url)
    await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
    yield server
    server.stop()


async def test_nothing_is_lost_when_a_standby_takes_over(
    primary: EmbeddedServer,
    standby: EmbeddedServer,
    tmp_path: Path,
    chance: random.Random,
    record_property: Callable[[str, object], None],
) -> None:
    """Catches a pool that stays with the old primary or uses a standby, and acknowledged data that only it had."""
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    url = f"postgresql://postgres:{primary.password}@{hosts}/postgres?target_session_attrs=read-write"
    database = Database(url)
    await runner.migrate(database)
    shop = await a_shop(database)
    orders = await some_orders(database, shop)
    probe = await a_probe(database, shop)

    async with serving(tmp_path, url) as [server]:
        load = Load([server], orders, chance)
        async with load.running():
            await load.answers(50)
            await asyncio.to_thread(primary.crash)
            was_ready = await server.is_ready()
            await asyncio.to_thread(standby.promote)
            await recover(server, probe)
            await load.answers(50)

    lost, doubled = await load.lost_and_doubled(database, shop)
    record_property("calls", load.calls)
    record_property("unanswered", load.unanswered.total())
    assert (lost, doubled) == (Counter(), Counter())
    assert set(load.unanswered) <= {"UNAVAILABLE", "TIMEOUT", "TRY_AGAIN"}
    assert not was_ready
    await assert_sound(database)
    await database.close()
