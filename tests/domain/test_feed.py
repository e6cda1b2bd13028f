"""Followers get every event after their number once, in order; a slow follower harms only itself."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import asyncpg
import pytest

from domain import ingestion
from domain.feed import Feed, SlowConsumerError
from domain.rules.order import OrderEvent, Shop
from domain.storage import events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import UnavailableError
from tests.support.cancelling import a_request, cancel, everything
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW, a_shop, an_order_input, store

Following = AsyncGenerator[OrderEvent]


async def take(following: Following, count: int) -> list[int]:
    """The numbers of the next events."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [(await anext(following)).number for _ in range(count)]


def readers() -> int:
    """The number of tasks that read the log for followers."""
    return sum(task.get_name() == "feed:demo" for task in asyncio.all_tasks())


async def arrive(database: Database, shop: Shop, prefix: str, count: int = 1) -> None:
    """Imports `count` orders in one transaction, with one event each."""
    given = [an_order_input(f"{prefix}-{number}") for number in range(count)]
    await ingestion.import_orders(database, shop, given, actor="import", now=NOW)


async def test_a_follower_gets_the_events_after_its_number_and_then_new_ones(database: Database) -> None:
    shop = await a_shop(database)
    await arrive(database, shop, "before", 3)

    async with aclosing(Feed(database).follow(shop.id, 1)) as following:
        before = await take(following, 2)
        await arrive(database, shop, "then")
        then = await take(following, 1)
        await arrive(database, shop, "later", 2)
        later = await take(following, 2)

    assert (before, then, later) == ([2, 3], [4], [5, 6])


async def test_followers_get_events_as_stored(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001"))
    await cancel(database, shop, a_request(everything(order)))

    async with aclosing(Feed(database).follow(shop.id, 0)) as following:
        given = [await anext(following) for _ in range(4)]

    async with database.reading(EVERY_SHOP) as connection:
        assert given == await events.list_events(connection, shop.id, after=0, limit=10)


async def test_without_a_number_a_follower_gets_only_new_events(database: Database) -> None:
    shop = await a_shop(database)
    await arrive(database, shop, "before", 5)

    async with aclosing(Feed(database).follow(shop.id, None)) as following:
        first = asyncio.create_task(anext(following))
        arrived = 5
        while not first.done():
            arrived += 1
            await arrive(database, shop, f"then-{arrived}")
        rest = await take(following, arrived - first.result().number)

    assert first.result().number > 5
    assert rest == list(range(first.result().number + 1, arrived + 1))


async def test_a_shop_without_events_can_be_followed(database: Database) -> None:
    shop = await a_shop(database)

    async with aclosing(Feed(database).follow(shop.id, 0)) as following:
        first = asyncio.create_task(anext(following))
        await arrive(database, shop, "first")

        assert (await first).number == 1


async def test_a_shop_does_not_see_the_events_of_another(database: Database) -> None:
    shop, other = await a_shop(database), await a_shop(database, "other")
    feed = Feed(database)
    await arrive(database, shop, "mine")
    await arrive(database, other, "theirs", 2)

    async with aclosing(feed.follow(shop.id, 0)) as mine, aclosing(feed.follow(other.id, 0)) as theirs:
        seen = [await take(mine, 1), await take(theirs, 2)]
        await arrive(database, other, "more")
        await arrive(database, shop, "more")
        seen += [await take(mine, 1), await take(theirs, 1)]

    assert seen == [[1], [1, 2], [2], [3]]


async def test_nothing_is_lost_or_repeated_while_many_write(database: Database) -> None:
    shop = await a_shop(database)
    feed = Feed(database)
    has_begun = [asyncio.Event() for _ in range(6)]

    async def write(worker: int) -> None:
        for number in range(6):
            [order] = await store(database, shop, an_order_input(f"{worker}-{number}"))
            await cancel(database, shop, a_request(everything(order), order.number))
            has_begun[number].set()

    async def follow(start: asyncio.Event) -> list[int]:
        await start.wait()
        async with aclosing(feed.follow(shop.id, 0)) as following:
            return await take(following, 120)

    seen = await asyncio.gather(*(follow(start) for start in has_begun), *(write(worker) for worker in range(5)))

    assert seen[:6] == [list(range(1, 121))] * 6
    await assert_sound(database)


async def test_an_import_larger_than_a_page_does_not_cut_off_a_follower_that_keeps_up(database: Database) -> None:
    shop = await a_shop(database)
    await arrive(database, shop, "first")

    async with aclosing(Feed(database).follow(shop.id, 0)) as following:
        await take(following, 1)
        await arrive(database, shop, "many", 700)
        seen = await take(following, 700)

    assert seen == list(range(2, 702))


async def test_a_follower_far_behind_catches_up_page_by_page(database: Database) -> None:
    shop = await a_shop(database)
    await arrive(database, shop, "many", 1100)

    async with aclosing(Feed(database).follow(shop.id, 0)) as following:
        seen = await take(following, 1100)
        await arrive(database, shop, "one more")
        seen += await take(following, 1)

    assert seen == list(range(1, 1102))


async def test_a_follower_waits_for_a_number_that_is_still_to_come(database: Database) -> None:
    shop = await a_shop(database)
    await arrive(database, shop, "before", 2)

    async with aclosing(Feed(database).follow(shop.id, 3)) as following:
        first = asyncio.create_task(anext(following))
        await arrive(database, shop, "then", 2)

        assert (await first).number == 4


async def test_only_a_slow_follower_is_ended_and_learns_where_to_resume(database: Database) -> None:
    shop = await a_shop(database)
    feed = Feed(database)
    await arrive(database, shop, "first")

    async with aclosing(feed.follow(shop.id, 0)) as slow, aclosing(feed.follow(shop.id, 0)) as quick:
        taken = [await take(slow, 1), await take(quick, 1)]
        nexts = [asyncio.create_task(take(each, 1)) for each in (slow, quick)]
        await arrive(database, shop, "awaited")
        taken += [await each for each in nexts]
        seen = []
        for number in range(3):
            await arrive(database, shop, f"many-{number}", 300)
            seen += await take(quick, 300)
        kept = await take(slow, 300)
        with pytest.raises(SlowConsumerError) as ended:
            await anext(slow)

    async with aclosing(feed.follow(shop.id, ended.value.number)) as again:
        rest = await take(again, 600)

    assert taken == [[1], [1], [2], [2]]
    assert seen == list(range(3, 903))
    assert kept == list(range(3, 303))
    assert ended.value.number == 302
    assert rest == list(range(303, 903))


async def test_one_reader_serves_all_followers_and_stops_with_the_last(database: Database) -> None:
    shop = await a_shop(database)
    feed = Feed(database)
    await arrive(database, shop, "first")
    alone = readers()

    one, two = feed.follow(shop.id, 0), feed.follow(shop.id, 0)
    await take(one, 1)
    with_one = readers()
    await take(two, 1)
    with_two = readers()
    await one.aclose()
    without_one = readers()
    await arrive(database, shop, "then")
    still = await take(two, 1)
    await two.aclose()
    without_any = readers()
    async with aclosing(feed.follow(shop.id, 0)) as later:
        again = await take(later, 2)

    assert (alone, with_one, with_two, without_one, without_any) == (0, 1, 1, 1, 0)
    assert (still, again) == ([2], [1, 2])


async def test_a_follower_whose_task_is_cancelled_is_forgotten(database: Database) -> None:
    shop = await a_shop(database)
    feed = Feed(database)
    await arrive(database, shop, "first")
    has_begun = asyncio.Event()

    async def follow() -> None:
        async with aclosing(feed.follow(shop.id, 0)) as following:
            async for _ in following:
                has_begun.set()

    task = asyncio.create_task(follow())
    await has_begun.wait()
    reading = readers()
    task.cancel()
    await asyncio.wait([task])

    assert reading == 1
    assert readers() == 0


async def test_events_from_another_process_are_found_without_a_hint(database: Database, database_url: str) -> None:
    shop = await a_shop(database)
    await arrive(database, shop, "first")
    other = Database(database_url)

    async with aclosing(Feed(database).follow(shop.id, 0)) as following:
        await take(following, 1)
        await arrive(other, shop, "elsewhere")
        seen = await take(following, 1)

    assert seen == [2]
    await other.close()


async def test_followers_outlive_an_outage_of_the_database(postgresql_url: str) -> None:
    database, other = Database(postgresql_url), Database(postgresql_url)
    shop = await a_shop(database)
    await arrive(database, shop, "first")

    async with aclosing(Feed(database).follow(shop.id, 0)) as following:
        await take(following, 1)
        administrator = await asyncpg.connect(postgresql_url)
        await administrator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await administrator.close()
        await arrive(other, shop, "meanwhile", 2)
        seen = await take(following, 2)

    assert seen == [2, 3]
    await database.close()
    await other.close()


class Read:
    """Counts how often it is read; the first read raises `failing`, if given."""

    def __init__(self, failing: type[BaseException] | None = None) -> None:
        self.count = 0
        self._failing = failing

    async def __call__(self) -> int:
        self.count += 1
        failing, self._failing = self._failing, None
        await asyncio.sleep(0)
        if failing:
            raise failing
        return self.count


async def test_concurrent_reads_of_the_same_key_are_shared(database: Database) -> None:
    feed, read = Feed(database), Read()

    first = await asyncio.gather(*(feed.together("order", read) for _ in range(100)))
    later = await feed.together("order", read)
    another = await asyncio.gather(*(feed.together(key, read) for key in ("a", "b")))

    assert first == [1] * 100
    assert later == 2
    assert len(another) == 2
    assert read.count == 4


@pytest.mark.parametrize("failing", [UnavailableError, asyncio.CancelledError])
async def test_callers_that_share_a_failed_read_read_again(database: Database, failing: type[BaseException]) -> None:
    feed, read = Feed(database), Read(failing)

    first, *others = await asyncio.gather(*(feed.together("order", read) for _ in range(10)), return_exceptions=True)

    assert isinstance(first, failing)
    assert others == [2] * 9
