"""Followers are woken by hints, and by a tick when a hint was lost."""

import asyncio

from domain.hints import TICK_SECONDS, Hints, hint_or_tick


async def test_every_listener_of_a_topic_is_woken() -> None:
    bus = Hints()

    with bus.listening("orders") as one, bus.listening("orders") as two, bus.listening("mail") as other:
        bus.publish(["orders"])

    assert [one.is_set(), two.is_set(), other.is_set()] == [True, True, False]


async def test_who_stopped_listening_is_left_alone() -> None:
    bus = Hints()

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
