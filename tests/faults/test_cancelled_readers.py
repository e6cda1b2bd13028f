"""Readers that go away at any moment: whoever has their connection next notices nothing."""

import asyncio
from contextlib import suppress

import pytest

from domain.rules.order import Shop
from domain.storage import orders
from domain.storage.database import Database
from tests.faults.proxy import Proxy
from tests.support.stored import a_shop, an_order_input, store

# More than a pool has connections.
_AT_ONCE = 20


async def read(database: Database, shop_id: str) -> bool:
    """Whether the shop has the order 1001."""
    async with database.reading(shop_id) as connection:
        return await orders.find_by_number(connection, shop_id, "1001") is not None


async def leave(database: Database, proxy: Proxy, shop_id: str, *, after_words: int) -> None:
    """A reader that is cancelled when it has said so much, and has no answer to the last of it; then that comes."""
    reader = asyncio.create_task(read(database, shop_id))
    await proxy.silence.after(after_words)
    reader.cancel()
    await asyncio.sleep(0)
    proxy.silence.break_()
    with suppress(asyncio.CancelledError):
        await reader


@pytest.mark.parametrize("after_words", [1, 2, 3, 4])
async def test_no_transaction_of_a_cancelled_reader_is_left_to_the_next(
    through: Database, proxy: Proxy, after_words: int
) -> None:
    """A writer that finds itself in a transaction that only reads: UNAVAILABLE on a healthy server."""
    shop = await a_shop(through)
    await leave(through, proxy, "other", after_words=after_words)

    stored = await asyncio.gather(*(store(through, shop, an_order_input(str(number))) for number in range(_AT_ONCE)))

    assert [order.number for [order] in stored] == [str(number) for number in range(_AT_ONCE)]


@pytest.mark.parametrize("after_words", [1, 2, 3])
async def test_no_shop_of_a_cancelled_reader_is_left_to_the_next(
    through: Database, proxy: Proxy, after_words: int
) -> None:
    """A connection that goes by another shop than it is taken for: its own orders are not found."""
    shop = await a_shop(through)
    await store(through, shop, an_order_input("1001"))
    assert await read(through, shop.id)
    await leave(through, proxy, "other", after_words=after_words)

    found = await asyncio.gather(*(read(through, shop.id) for _ in range(_AT_ONCE)))

    assert found == [True] * _AT_ONCE


async def test_readers_that_go_away_at_any_moment_disturb_no_writer(through: Database, shop_of_all: Shop) -> None:
    """The same without a proxy's help, a turn of the loop later each time."""
    for turns in range(60):
        reader = asyncio.create_task(read(through, shop_of_all.id))
        for _ in range(turns):
            await asyncio.sleep(0)
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader

    stored = await asyncio.gather(*(store(through, shop_of_all, an_order_input(f"after-{n}")) for n in range(_AT_ONCE)))

    assert len(stored) == _AT_ONCE


@pytest.fixture
async def shop_of_all(through: Database) -> Shop:
    return await a_shop(through)
