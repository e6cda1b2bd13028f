"""The outbox: who claims which message, and for how long."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.vocabulary import NotificationStatus
from domain.storage import outbox
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.hints import hint_or_tick
from domain.storage.outbox import Claimed
from domain.storage.tables import outbox as table
from tests.support.stored import NOW, a_shop

TOPIC = "letter"


async def add(database: Database, number: int, *, shop: str = "demo", error: str | None = None) -> None:
    """Adds a message; higher numbers are queued later."""
    await database.writing(
        shop,
        lambda connection: outbox.add(
            connection,
            shop,
            TOPIC,
            UUID(int=number),
            {"number": number},
            now=NOW + timedelta(microseconds=number),
            error=error,
        ),
    )


async def bring_back(database: Database, *, after: timedelta) -> bool:
    return await outbox.bring_back(database, TOPIC, now=NOW + after)


async def claim(database: Database, *, limit: int = 10, after: timedelta = timedelta(seconds=1)) -> list[Claimed]:
    """Claims messages at `after` past NOW; returns them by number."""
    claimed = await outbox.claim(database, TOPIC, limit=limit, now=NOW + after)
    return sorted(claimed, key=lambda message: message.id)


def numbers(claimed: list[Claimed]) -> list[int]:
    return [message.id.int for message in claimed]


async def settle(database: Database, claimed: Claimed) -> bool:
    return await database.writing(
        claimed.shop_id, lambda connection: outbox.settle(connection, claimed, NotificationStatus.SENT, now=NOW)
    )


async def put_back(database: Database, claimed: Claimed, *, after: timedelta = timedelta(0)) -> None:
    await database.writing(
        claimed.shop_id, lambda connection: outbox.try_again(connection, claimed, now=NOW + after, error="451 later")
    )


async def row(database: Database) -> dict[str, Any]:
    """The only row."""
    async with database.reading(EVERY_SHOP) as connection:
        return dict((await connection.execute(sa.select(table))).mappings().one())


async def test_a_message_is_claimed_as_it_was_added(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)

    [claimed] = await claim(database)

    assert (claimed.shop_id, claimed.topic, claimed.id, claimed.payload) == ("demo", TOPIC, UUID(int=1), {"number": 1})
    assert (claimed.attempts, claimed.queued_at) == (1, NOW + timedelta(microseconds=1))
    assert (await row(database))["visible_at"] == NOW + timedelta(seconds=61)


async def test_a_message_whose_transaction_fails_is_not_queued(database: Database) -> None:
    await a_shop(database)

    with pytest.raises(ZeroDivisionError):
        await database.writing("demo", add_and_fail)

    assert await claim(database) == []


async def add_and_fail(connection: Any) -> None:
    await outbox.add(connection, "demo", TOPIC, UUID(int=1), {}, now=NOW)
    raise ZeroDivisionError


async def test_a_new_message_wakes_listeners(database: Database) -> None:
    await a_shop(database)

    with database.hints.listening(outbox.HINT) as hint:
        await add(database, 1)
        is_woken = hint.is_set()
        await hint_or_tick(hint)

    assert is_woken


async def test_a_message_that_failed_from_the_start_is_never_claimed(database: Database) -> None:
    await a_shop(database)

    await add(database, 1, error="no address")

    stored = await row(database)
    assert (stored["state"], stored["attempts"], stored["last_error"]) == (NotificationStatus.FAILED, 0, "no address")
    assert await claim(database) == []


async def test_the_oldest_messages_are_claimed_first_up_to_the_limit(database: Database) -> None:
    await a_shop(database)
    for number in (3, 1, 2):
        await add(database, number)

    first, second = await claim(database, limit=2), await claim(database, limit=2)

    assert (numbers(first), numbers(second)) == ([1, 2], [3])


async def test_a_message_is_not_claimed_before_it_is_due(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)

    assert await claim(database, after=timedelta(0)) == []


BACK = timedelta(hours=-2)


async def test_a_message_queued_by_a_clock_ahead_is_brought_back_to_the_present(
    database: Database,
) -> None:
    await a_shop(database)
    await add(database, 1)

    await bring_back(database, after=BACK)

    [claimed] = await claim(database, after=BACK)
    assert claimed.queued_at == NOW + BACK


async def test_many_messages_are_brought_back_in_batches(database: Database) -> None:
    """Catches a single statement for all of them, which would time out and bring back none."""
    await a_shop(database)
    await a_shop(database, "other")
    await add(database, 0, shop="other")
    await add(database, 0)

    async def copy(connection: AsyncConnection) -> None:
        found = dict((await connection.execute(sa.select(table).where(table.c.shop_id == "demo"))).mappings().one())
        await connection.execute(sa.insert(table), [found | {"id": UUID(int=number)} for number in range(1, 1001)])

    await database.writing("demo", copy)

    brought = [await bring_back(database, after=BACK) for _ in range(4)]

    assert brought == [True, True, True, False]
    claimed = [await claim(database, limit=1001, after=BACK) for _ in range(3)]
    assert sorted(map(len, claimed)) == [0, 1, 1001]


async def test_a_pause_longer_than_any_allowed_is_over(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)
    [claimed] = await claim(database, after=timedelta(hours=3))
    await put_back(database, claimed, after=timedelta(hours=3))

    await bring_back(database, after=timedelta(hours=2, minutes=55))
    waiting = await claim(database, after=timedelta(hours=2, minutes=55))
    await bring_back(database, after=timedelta(hours=1))
    afterwards = await claim(database, after=timedelta(hours=1))

    assert waiting == []
    assert [message.attempts for message in afterwards] == [2]
    assert afterwards[0].queued_at == NOW + timedelta(microseconds=1)


async def test_a_lease_holds_for_its_full_time_after_the_clock_is_set_back(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)
    [claimed] = await claim(database)

    for seconds in (0, 30, 59):
        await bring_back(database, after=BACK + timedelta(seconds=seconds))
    during = await claim(database, after=BACK + timedelta(seconds=59))
    is_ours = await settle(database, claimed)

    assert during == []
    assert is_ours


async def test_a_lease_ends_after_its_full_time_even_if_the_clock_is_set_back(
    database: Database,
) -> None:
    await a_shop(database)
    await add(database, 1)
    await claim(database)
    for seconds in (0, 30, 59):
        await bring_back(database, after=BACK + timedelta(seconds=seconds))

    [claimed] = await claim(database, after=BACK + outbox.LEASE)

    assert claimed.attempts == 2


async def test_only_messages_of_the_topic_are_brought_back(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)

    await outbox.bring_back(database, "other", now=NOW + BACK)

    assert (await row(database))["queued_at"] == NOW + timedelta(microseconds=1)


async def test_a_message_of_another_topic_is_left_alone(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)

    assert await outbox.claim(database, "other", limit=10, now=NOW + timedelta(seconds=1)) == []


async def test_a_claimed_message_is_claimed_again_only_after_its_lease(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)
    await claim(database)

    during = await claim(database, after=timedelta(seconds=60))
    afterwards = await claim(database, after=timedelta(seconds=61))

    assert during == []
    assert [message.attempts for message in afterwards] == [2]


async def test_a_settled_message_is_done(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)
    [claimed] = await claim(database)

    is_ours = await settle(database, claimed)

    stored = await row(database)
    assert is_ours
    assert (stored["state"], stored["done_at"], stored["lease"]) == (NotificationStatus.SENT, NOW, None)
    assert await claim(database, after=timedelta(days=1)) == []


async def test_a_worker_that_lost_its_lease_changes_nothing(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)
    [slow] = await claim(database)
    [quick] = await claim(database, after=timedelta(seconds=100))

    settled = [await settle(database, slow), await settle(database, quick), await settle(database, quick)]

    assert settled == [False, True, False]


async def test_a_message_that_is_put_back_waits(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)
    [claimed] = await claim(database)

    await put_back(database, claimed)

    stored = await row(database)
    assert (stored["state"], stored["last_error"], stored["lease"]) == (NotificationStatus.QUEUED, "451 later", None)
    assert NOW <= stored["visible_at"] <= NOW + timedelta(seconds=5)
    assert [message.attempts for message in await claim(database, after=timedelta(seconds=6))] == [2]


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 1.0, 5), (2, 1.0, 10), (2, 0.25, 2.5), (7, 1.0, 320), (9, 1.0, 900), (10_000, 1.0, 900), (5, 0.0, 0)],
)
def test_pauses_double_up_to_15_minutes_with_jitter(attempts: int, chance: float, seconds: float) -> None:
    assert outbox.pause_after(attempts, chance) == timedelta(seconds=seconds)


async def test_a_message_is_too_old_after_48_hours(database: Database) -> None:
    await a_shop(database)
    await add(database, 0)
    [claimed] = await claim(database)

    assert not claimed.is_too_old(NOW + timedelta(hours=48, seconds=-1))
    assert claimed.is_too_old(NOW + timedelta(hours=48))


async def test_a_shop_with_many_messages_does_not_hold_up_another(database: Database) -> None:
    await a_shop(database, "busy")
    await a_shop(database, "quiet")
    for number in range(100):
        await add(database, number, shop="busy")
    await add(database, 1000, shop="quiet")

    rounds = [await claim(database, limit=1) for _ in range(50)]

    assert 1000 in [number for claimed in rounds for number in numbers(claimed)]


async def test_concurrent_claims_never_get_the_same_message(database: Database) -> None:
    await a_shop(database)
    for number in range(30):
        await add(database, number)

    claims = await asyncio.gather(*(claim(database, limit=4) for _ in range(10)))

    claimed = [number for some in claims for number in numbers(some)]
    assert len(claimed) == len(set(claimed))
    assert max(map(len, claims)) <= 4
