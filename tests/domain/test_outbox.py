"""The table of what is to be sent: who gets which message, and until when."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from domain import outbox
from domain.database import EVERY_SHOP, Database
from domain.hints import hint_or_tick
from domain.order import NotificationStatus
from domain.outbox import Claimed
from domain.tables import outbox as table
from tests.stored import NOW, a_shop

TOPIC = "letter"


async def add(database: Database, number: int, *, shop: str = "demo", error: str | None = None) -> None:
    """The higher the number the later."""
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


async def claim(database: Database, *, limit: int = 10, after: timedelta = timedelta(seconds=1)) -> list[Claimed]:
    """The messages in the order of their numbers, claimed so long after NOW."""
    claimed = await outbox.claim(database, TOPIC, limit=limit, now=NOW + after)
    return sorted(claimed, key=lambda message: message.id)


def numbers(claimed: list[Claimed]) -> list[int]:
    return [message.id.int for message in claimed]


async def settle(database: Database, claimed: Claimed) -> bool:
    return await database.writing(
        claimed.shop_id, lambda connection: outbox.settle(connection, claimed, NotificationStatus.SENT, now=NOW)
    )


async def row(database: Database) -> dict[str, Any]:
    """The only one."""
    async with database.reading(EVERY_SHOP) as connection:
        return dict((await connection.execute(sa.select(table))).mappings().one())


async def test_a_message_is_claimed_with_what_was_added(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)

    [claimed] = await claim(database)

    assert (claimed.shop_id, claimed.topic, claimed.id, claimed.payload) == ("demo", TOPIC, UUID(int=1), {"number": 1})
    assert (claimed.attempts, claimed.queued_at) == (1, NOW + timedelta(microseconds=1))
    assert claimed.leased_until == NOW + timedelta(seconds=61)


async def test_a_message_is_there_only_when_its_transaction_was_committed(database: Database) -> None:
    await a_shop(database)

    with pytest.raises(ZeroDivisionError):
        await database.writing("demo", add_and_fail)

    assert await claim(database) == []


async def add_and_fail(connection: Any) -> None:
    await outbox.add(connection, "demo", TOPIC, UUID(int=1), {}, now=NOW)
    raise ZeroDivisionError


async def test_listeners_are_told_of_a_new_message(database: Database) -> None:
    await a_shop(database)

    with database.hints.listening(outbox.HINT) as hint:
        await add(database, 1)
        was_told = hint.is_set()
        await hint_or_tick(hint)

    assert was_told


async def test_a_message_that_failed_from_the_start_is_never_claimed(database: Database) -> None:
    await a_shop(database)

    await add(database, 1, error="no address")

    stored = await row(database)
    assert (stored["state"], stored["attempts"], stored["last_error"]) == (NotificationStatus.FAILED, 0, "no address")
    assert await claim(database) == []


async def test_the_oldest_go_first_and_only_as_many_as_asked_for(database: Database) -> None:
    await a_shop(database)
    for number in (3, 1, 2):
        await add(database, number)

    first, second = await claim(database, limit=2), await claim(database, limit=2)

    assert (numbers(first), numbers(second)) == ([1, 2], [3])


async def test_a_message_is_not_claimed_before_it_is_due(database: Database) -> None:
    await a_shop(database)
    await add(database, 1)

    assert await claim(database, after=timedelta(0)) == []


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


async def test_whoever_lost_the_lease_changes_nothing(database: Database) -> None:
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

    await database.writing(
        claimed.shop_id, lambda connection: outbox.try_again(connection, claimed, now=NOW, error="451 later")
    )

    stored = await row(database)
    assert (stored["state"], stored["last_error"], stored["lease"]) == (NotificationStatus.QUEUED, "451 later", None)
    assert NOW <= stored["visible_at"] <= NOW + timedelta(seconds=5)
    assert [message.attempts for message in await claim(database, after=timedelta(seconds=6))] == [2]


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 1.0, 5), (2, 1.0, 10), (2, 0.25, 2.5), (7, 1.0, 320), (9, 1.0, 900), (10_000, 1.0, 900), (5, 0.0, 0)],
)
def test_pauses_double_up_to_15_minutes_and_are_spread(attempts: int, chance: float, seconds: float) -> None:
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


async def test_claims_at_once_never_get_the_same_message(database: Database) -> None:
    await a_shop(database)
    for number in range(30):
        await add(database, number)

    claims = await asyncio.gather(*(claim(database, limit=4) for _ in range(10)))

    claimed = [number for some in claims for number in numbers(some)]
    assert len(claimed) == len(set(claimed))
    assert max(map(len, claims)) <= 4
