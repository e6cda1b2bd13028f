"""Idempotency keys are deleted after seven days and not before."""

import asyncio
from datetime import timedelta

import sqlalchemy as sa

from domain import retention
from domain.rules.order import Shop
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.tables import idempotency_keys
from tests.support.cancelling import LATER, a_request, cancel, cancel_well, codes, units
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, an_item_input, an_order_input, store

WEEK = timedelta(days=7)


async def keys(database: Database) -> list[str]:
    statement = sa.select(idempotency_keys.c.key).order_by(idempotency_keys.c.key)
    async with database.reading(EVERY_SHOP) as connection:
        return list((await connection.execute(statement)).scalars())


async def test_keys_of_every_shop_are_kept_for_seven_days(database: Database, shop: Shop) -> None:
    other = await a_shop(database, "other")
    [order] = await store(database, shop, an_order_input("1001"))
    [others] = await store(database, other, an_order_input("1001"))
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "ours"))
    await cancel_well(database, other, a_request(units(others, ("SKU-dress", 1)), "theirs"))

    too_early = await retention.sweep(database, now=LATER + WEEK)
    kept = await keys(database)
    in_time = await retention.sweep(database, now=LATER + WEEK + timedelta(microseconds=1))

    assert (too_early, kept, in_time) == (0, ["ours", "theirs"], 2)
    assert await keys(database) == []


async def test_more_keys_than_a_batch_are_swept_by_concurrent_sweeps(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    made = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "first"))
    rows = [
        {"shop_id": shop.id, "key": f"k{n}", "request_hash": b"", "cancellation_id": made.id, "created_at": LATER}
        for n in range(1200)
    ]
    await database.writing(shop.id, lambda connection: connection.execute(sa.insert(idempotency_keys), rows))

    swept = await asyncio.gather(*(retention.sweep(database, now=LATER + 2 * WEEK) for _ in range(3)))

    assert sum(swept) == 1201
    assert await keys(database) == []


async def test_a_key_that_was_swept_is_free_again(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=9)))
    request = a_request(units(order, ("SKU-dress", 1)))
    await cancel_well(database, shop, request)

    await retention.sweep(database, now=LATER + 2 * WEEK)
    again = await cancel(database, shop, request)

    assert (codes(again), again.replayed) == ([], False)


async def test_the_sweep_goes_on_until_it_is_told_to_stop(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))
    stop = asyncio.Event()

    sweeping = retention.run(database, clock=lambda: LATER + 2 * WEEK, stop=stop, first_after_seconds=0.01)
    running = asyncio.create_task(sweeping)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await keys(database):  # noqa: ASYNC110 - the loop signals nobody
            await asyncio.sleep(0.01)
    stop.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await running

    assert await keys(database) == []
