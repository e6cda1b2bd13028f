"""Followers of the log miss nothing and hear nothing twice, despite concurrent writers and broken connections."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feed import Feed
from domain.rules.order import Shop
from domain.storage import events
from domain.storage.engine.backend import EVERY_SHOP, ShopScope
from domain.storage.engine.database import Database, Work
from domain.storage.engine.faults import BusyError, UnavailableError
from tests.domain.test_feed import arrive, take
from tests.faults.writing import NAIVE_LOG, TwoLogsDatabase, write_at_once
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop

Record = Callable[[str, object], None]
# Writers, and orders for each, in both databases of this process and in both of the other processes
WRITERS, ORDERS = 6, 8
EVENTS = 4  # per order
FOLLOWERS = 6
_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'shortship' ORDER BY md5(pid || $1) LIMIT 1
"""


@pytest.fixture
def postgresql_url(postgresql_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may create tables."""
    return as_owner(postgresql_url)


class HeldDatabase(Database):
    """Its transactions do everything but commit, and then wait until they may."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_done, self.may_commit = asyncio.Event(), asyncio.Event()

    async def writing(self, shop_id: ShopScope, work: Work[Any]) -> Any:  # like the method it overrides
        async def held(connection: AsyncConnection) -> object:
            result = await work(connection)
            self.is_done.set()
            await self.may_commit.wait()
            return result

        return await super().writing(shop_id, held)


@pytest.fixture
async def administrator(postgresql_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgresql_url)
    yield connection
    await connection.close()


async def somebody_waits_for_a_lock(administrator: asyncpg.Connection) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await administrator.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            pass


async def test_an_event_is_not_seen_before_an_earlier_one_of_a_slower_writer(
    postgresql_url: str, administrator: asyncpg.Connection
) -> None:
    """Catches a log that gives out numbers before they are visible: 3 would be seen, and 2 never."""
    first, second = HeldDatabase(postgresql_url), Database(postgresql_url)
    shop = await a_shop(second)
    await arrive(second, shop, "before")

    async with aclosing(Feed(second).follow(shop.id, 0)) as following:
        before = await take(following, 1)
        writing = [asyncio.create_task(arrive(first, shop, "first"))]
        await first.is_done.wait()
        writing.append(asyncio.create_task(arrive(second, shop, "second")))
        await somebody_waits_for_a_lock(administrator)
        async with second.reading(EVERY_SHOP) as connection:
            meanwhile = await events.list_events(connection, shop.id, after=1, limit=10)
        first.may_commit.set()
        then = await take(following, 2)

    await asyncio.gather(*writing)
    assert (before, meanwhile, then) == ([1], [], [2, 3])
    await assert_sound(second)
    await first.close()
    await second.close()


async def test_a_reader_of_a_sequence_skips_a_row_in_the_same_situation(
    postgresql_url: str, administrator: asyncpg.Connection
) -> None:
    """Shows the point of the test above: with ids from a sequence, the slower writer's row is never seen."""
    await administrator.execute(NAIVE_LOG)
    first, second = await asyncpg.connect(postgresql_url), await asyncpg.connect(postgresql_url)
    transaction = first.transaction()
    await transaction.start()
    await first.execute("INSERT INTO naive_log DEFAULT VALUES")
    await second.execute("INSERT INTO naive_log DEFAULT VALUES")
    naive = NaiveReader(administrator)

    await naive.poll()
    await transaction.commit()
    await naive.poll()

    assert naive.seen == [2]
    assert await naive.count_lost() == 1
    await first.close()
    await second.close()


class NaiveReader:
    """Polls the naive log for rows after the last one that it has seen."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.seen: list[int] = []
        self._connection = connection

    async def poll(self) -> None:
        last = self.seen[-1] if self.seen else 0
        rows = await self._connection.fetch("SELECT id FROM naive_log WHERE id > $1 ORDER BY id", last)
        self.seen += [row["id"] for row in rows]

    async def count_lost(self) -> int:
        return int(await self._connection.fetchval("SELECT count(*) FROM naive_log")) - len(self.seen)


@dataclass
class Load:
    """The activity in a shop; `last` is the number of its final event, once known."""

    chance: Random
    last: int | None = None
    resumed: int = 0
    broken: int = 0
    killed: int = 0

    async def follow(self, feed: Feed, shop: Shop) -> list[int]:
        """The numbers that a follower gets, which leaves at random and resumes after its last one."""
        heard = [0]
        while heard[-1] != self.last:
            try:
                async with aclosing(feed.follow(shop.id, heard[-1])) as following:
                    staying = self.chance.randint(1, 80)
                    while staying and heard[-1] != self.last:
                        heard.append((await anext(following)).number)
                        staying -= 1
            except (BusyError, UnavailableError):
                self.broken += 1
            self.resumed += 1
            await asyncio.sleep(self.chance.choice([0, 0, 0.01, 0.1]))
        return heard[1:]

    async def end(self, database: Database, shop: Shop) -> None:
        """Writes the last order, after all other writers have finished."""
        async with database.reading(EVERY_SHOP) as connection:
            self.last = await events.last_number(connection, shop.id) + EVENTS
        await write_at_once(database, shop, "end", writers=1, count=1)

    async def kill(self, administrator: asyncpg.Connection) -> None:
        """Cuts a random connection now and then until cancelled."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 1))
            self.killed += bool(await administrator.fetchval(_KILL, str(self.chance.random())))


@asynccontextmanager
async def going_on(*forever: Any) -> AsyncIterator[None]:
    """Runs endless tasks for as long as the block lasts."""
    tasks = [asyncio.ensure_future(each) for each in forever]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


async def write_elsewhere(url: str, shop: Shop, rounds: int, name: str) -> int | None:
    """Runs the same writers in a separate process; returns its exit code."""
    arguments = [url, shop.id, name, str(WRITERS), str(ORDERS * rounds)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.writing", *arguments, cwd=Path(__file__).parents[2]
    )
    return await process.wait()


async def test_followers_that_come_and_go_hear_every_event_once(
    postgresql_url: str, administrator: asyncpg.Connection, chance: Random, rounds: int, record_property: Record
) -> None:
    """Catches events skipped or repeated: between writers, on resuming, or when connections are lost."""
    await administrator.execute(NAIVE_LOG)
    ours = [TwoLogsDatabase(postgresql_url), TwoLogsDatabase(postgresql_url)]
    feeds, shop, load = [Feed(each) for each in ours], await a_shop(ours[0]), Load(chance)
    watcher = await asyncpg.connect(postgresql_url)
    naive = NaiveReader(watcher)

    async with asyncio.timeout(2 * PATIENCE_SECONDS * rounds), going_on(load.kill(administrator), keep_polling(naive)):
        following = [asyncio.create_task(load.follow(feeds[each % 2], shop)) for each in range(FOLLOWERS)]
        await write_here(ours, shop, rounds)
        codes = await asyncio.gather(
            *(write_elsewhere(postgresql_url, shop, rounds, f"there-{each}") for each in range(2))
        )
        await load.end(ours[0], shop)
        heard = await asyncio.gather(*following)

    await naive.poll()
    lost = await naive.count_lost()
    assert load.last
    record_property("events", load.last)
    record_property("resumed", load.resumed)
    record_property("broken", load.broken)
    record_property("killed connections", load.killed)
    record_property("lost by a sequence", f"{lost} of {lost + len(naive.seen)}")
    assert codes == [0, 0]
    assert heard == [list(range(1, load.last + 1))] * FOLLOWERS
    await watcher.close()
    await asyncio.gather(*(each.close() for each in ours))
    unharmed = Database(postgresql_url)
    await assert_sound(unharmed)
    await unharmed.close()


async def write_here(databases: list[TwoLogsDatabase], shop: Shop, rounds: int) -> None:
    writing = (
        write_at_once(each, shop, f"here-{number}", writers=WRITERS, count=ORDERS * rounds)
        for number, each in enumerate(databases)
    )
    await asyncio.gather(*writing)


async def keep_polling(naive: NaiveReader) -> None:
    while True:
        await naive.poll()
        await asyncio.sleep(0.002)
