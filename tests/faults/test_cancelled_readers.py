"""Readers that go away at any moment leave nothing on their connection for its next user."""

import asyncio
from contextlib import suppress

import pytest

from domain.rules.order import Shop
from domain.storage import orders
from domain.storage.engine.database import Database
from tests.faults.proxy import Proxy
from tests.support.stored import a_shop, an_order_input, store

# More than a pool has connections.
_AT_ONCE = 20


async def read(database: Database, shop_id: str) -> bool:
    """True if the shop has the order 1001."""
    async with database.reading(shop_id) as connection:
        return await orders.find_by_number(connection, shop_id, "1001") is not None


async def leave(database: Database, proxy: Proxy, shop_id: str, *, after_words: int) -> None:
    """Cancels a reader whose last of this many messages is unanswered; then the answer arrives."""
    reader = asyncio.create_task(read(database, shop_id))
    await proxy.silence.after(after_words)
    reader.cancel()
    await asyncio.sleep(0)
    proxy.silence.break_()
    with suppress(asyncio.CancelledError):
        await reader


@pytest.mark.parametrize("after_words", [1, 2, 3, 4])
async def test_a_cancelled_reader_leaves_no_transaction_on_its_connection(
    through: Database, proxy: Proxy, after_words: int
) -> None:
    """Catches a writer that finds itself in a read-only transaction: UNAVAILABLE on a healthy server."""
    shop = await a_shop(through)
    await leave(through, proxy, "other", after_words=after_words)

    stored = await asyncio.gather(*(store(through, shop, an_order_input(str(number))) for number in range(_AT_ONCE)))

    assert [order.number for [order] in stored] == [str(number) for number in range(_AT_ONCE)]


@pytest.mark.parametrize("after_words", [1, 2, 3])
async def test_a_cancelled_reader_leaves_no_shop_on_its_connection(
    through: Database, proxy: Proxy, after_words: int
) -> None:
    """Catches a connection that is still set to another shop: the caller's own orders are not found."""
    shop = await a_shop(through)
    await store(through, shop, an_order_input("1001"))
    assert await read(through, shop.id)
    await leave(through, proxy, "other", after_words=after_words)

    found = await asyncio.gather(*(read(through, shop.id) for _ in range(_AT_ONCE)))

    assert found == [True] * _AT_ONCE


async def test_readers_cancelled_at_any_moment_disturb_no_writer(through: Database, shop_of_all: Shop) -> None:
    """Catches the same without the proxy's help, cancelling one turn of the loop later each time."""
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
