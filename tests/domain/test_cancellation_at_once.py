"""Concurrent callers: each unit is cancelled once, refunds add up to the cent, and each key has one effect."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from domain import cancellation, fulfillment
from domain.cancellation import CancellationOutcome
from domain.rules.order import Order, Shop
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.transitions import PackageMove
from domain.rules.vocabulary import OrderStatus, PackageStatus
from domain.storage import cancellations
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.support.cancelling import LATER, a_request, cancel, codes, everything, happened, package, package_id, units
from tests.support.invariants import assert_sound
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store, stored


async def test_when_two_tabs_cancel_the_last_unit_one_succeeds(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=1)))
    tabs = [a_request(units(order, ("SKU-dress", 1)), "tab-1"), a_request(everything(order), "tab-2")]

    outcomes = await asyncio.gather(*(cancel(database, shop, request) for request in tabs))

    after = await stored(database, shop, "1001")
    assert sorted(codes(outcome) for outcome in outcomes) == [[], ["NOT_CANCELLABLE"]]
    assert {outcome.order for outcome in outcomes} == {after}
    assert (after.version, after.refunded, after.status) == (2, 3000, OrderStatus.CANCELLED)
    await assert_sound(database)


async def test_of_sixty_callers_twelve_get_the_twelve_units(database: Database) -> None:
    shop = await a_shop(database)
    given = an_order_input(
        "1001", an_item_input("dress", quantity=12, subtotal="100.00", seller_discount="0.05"), shipping_fee="4.99"
    )
    [order] = await store(database, shop, given)
    requests = [a_request(units(order, ("SKU-dress", 1)), f"caller-{number}") for number in range(60)]

    outcomes = await asyncio.gather(*(cancel(database, shop, request) for request in requests))

    made = [outcome.cancellation for outcome in outcomes if outcome.cancellation]
    after = await stored(database, shop, "1001")
    assert Counter(tuple(codes(outcome)) for outcome in outcomes) == {(): 12, ("NOT_CANCELLABLE",): 48}
    assert sum(each.breakdown.total for each in made) == after.refunded == after.total == 10494
    assert (after.version, after.status) == (13, OrderStatus.CANCELLED)
    await assert_sound(database)


async def test_callers_who_ask_for_too_many_units_learn_how_many_are_left(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=5)))
    requests = [a_request(units(order, ("SKU-dress", 3)), f"caller-{number}") for number in range(8)]

    outcomes = await asyncio.gather(*(cancel(database, shop, request) for request in requests))

    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert Counter((problem.code.name, problem.cancellable_quantity) for problem in problems) == {
        ("QUANTITY_EXCEEDED", 2): 7
    }
    assert (await stored(database, shop, "1001")).items[0].cancelled_quantity == 3
    await assert_sound(database)


async def test_times_follow_the_order_of_the_acts_even_if_clocks_disagree(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=9)))
    clocks = [LATER + timedelta(seconds=seconds) for seconds in (9, 3, 7)]
    requests = [a_request(units(order, ("SKU-dress", 1)), f"key-{number}") for number in range(3)]

    made = [
        await cancellation.cancel(database, shop, request, cancellation_id=uuid4(), actor="seller", now=clock)
        for request, clock in zip(requests, clocks, strict=True)
    ]
    moved = await fulfillment.update_package_status(
        database,
        shop,
        PackageMove(package_id(order, "1001-1"), PackageStatus.AWAITING_COLLECTION),
        actor="warehouse",
        now=LATER,
    )

    at = [outcome.cancellation.created_at for outcome in made if outcome.cancellation]
    instant = timedelta(microseconds=1)
    assert at == [clocks[0], clocks[0] + instant, clocks[0] + 2 * instant]
    assert moved.order
    assert moved.order.updated_at == clocks[0] + 3 * instant
    async with database.reading(EVERY_SHOP) as connection:
        listed = await cancellations.list_by_order(connection, shop.id, [order.id])
    assert [each.idempotency_key for each in listed[order.id]] == ["key-0", "key-1", "key-2"]
    await assert_sound(database)


async def test_ten_calls_with_one_key_have_one_effect(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=9)))
    request = a_request(units(order, ("SKU-dress", 2)))

    outcomes = await asyncio.gather(*(cancel(database, shop, request) for _ in range(10)))

    after = await stored(database, shop, "1001")
    assert Counter(outcome.replayed for outcome in outcomes) == {True: 9, False: 1}
    assert len({outcome.cancellation for outcome in outcomes}) == 1
    assert {outcome.order for outcome in outcomes} == {after}
    assert (after.items[0].cancelled_quantity, after.version) == (2, 2)
    await assert_sound(database)


async def test_a_key_used_for_two_requests_serves_one_of_them(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=9)))
    requests = [a_request(units(order, ("SKU-dress", 1 + number % 2))) for number in range(10)]

    outcomes = await asyncio.gather(*(cancel(database, shop, request) for request in requests))

    assert Counter(tuple(codes(outcome)) for outcome in outcomes) == {(): 5, ("IDEMPOTENCY_KEY_REUSED",): 5}
    assert len({outcome.cancellation for outcome in outcomes if outcome.cancellation}) == 1
    await assert_sound(database)


async def test_orders_of_one_shop_are_cancelled_side_by_side(database: Database) -> None:
    shop = await a_shop(database)
    orders = await store(database, shop, *(an_order_input(f"{number}") for number in range(30)))
    requests = [a_request(everything(order), f"caller-{order.number}") for order in orders]

    outcomes = await asyncio.gather(*(cancel(database, shop, request) for request in requests))

    after = [await stored(database, shop, order.number) for order in orders]
    assert {tuple(codes(outcome)) for outcome in outcomes} == {()}
    assert {order.refunded for order in after} == {3000}
    await assert_sound(database)


async def test_a_replay_during_other_cancellations_sees_the_order_in_a_consistent_state(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=50, subtotal="50.00")))
    first = a_request(units(order, ("SKU-dress", 1)), "first")
    await cancel(database, shop, first)
    is_done = asyncio.Event()

    async def go_on() -> None:
        for number in range(49):
            await cancel(database, shop, a_request(units(order, ("SKU-dress", 1)), f"then-{number}"))
        is_done.set()

    async def replay() -> list[CancellationOutcome]:
        seen = []
        while not is_done.is_set():
            seen.append(await cancel(database, shop, first))
        return seen

    _, *replays = await asyncio.gather(go_on(), replay(), replay(), replay())

    seen = [outcome.order for outcomes in replays for outcome in outcomes if outcome.order]
    assert all(outcome.replayed for outcomes in replays for outcome in outcomes)
    assert [(each.version, each.refunded) for each in seen] == [
        (1 + each.items[0].cancelled_quantity, 100 * each.items[0].cancelled_quantity) for each in seen
    ]
    await assert_sound(database)


# A cancellation racing a package that moves on


async def move(database: Database, shop: Shop, package_id: str, status: PackageStatus) -> FulfillmentOutcome:
    return await fulfillment.update_package_status(
        database, shop, PackageMove(package_id, status), actor="warehouse", now=LATER
    )


CANCELLED_FIRST = [
    "ORDER_IMPORTED",
    "ITEMS_CANCELLED",
    "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT AWAITING_COLLECTION",
    "ORDER_STATUS_CHANGED AWAITING_SHIPMENT AWAITING_COLLECTION",
]
MOVED_FIRST = [
    "ORDER_IMPORTED",
    "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT AWAITING_COLLECTION",
    "ORDER_STATUS_CHANGED AWAITING_SHIPMENT AWAITING_COLLECTION",
]
CANCELLED_WHOLE = [
    "ORDER_IMPORTED",
    "ITEMS_CANCELLED",
    "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT CANCELLED",
    "ORDER_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
]
ENDS = {
    PackageStatus.CANCELLED: ([], ["TRANSITION_NOT_ALLOWED"]),
    PackageStatus.IN_TRANSIT: (["NOT_CANCELLABLE"], []),
}
ALLOWED = {
    "some units": [
        ([], [], 1, CANCELLED_FIRST),
        (["NOT_CANCELLABLE"], [], 0, MOVED_FIRST),
    ],
    "all units": [
        ([], ["TRANSITION_NOT_ALLOWED"], 3, CANCELLED_WHOLE),
        (["NOT_CANCELLABLE"], [], 0, MOVED_FIRST),
    ],
}


@pytest.mark.parametrize(("quantity", "allowed"), [(1, ALLOWED["some units"]), (3, ALLOWED["all units"])], ids=ALLOWED)
async def test_a_package_moves_on_before_or_after_a_cancellation_of_its_units(
    database: Database, quantity: int, allowed: list[tuple[list[str], list[str], int, list[str]]]
) -> None:
    shop = await a_shop(database)
    orders = await store(database, shop, *(an_order_input(f"{number}") for number in range(30)))

    async def cancelling(order: Order) -> CancellationOutcome:
        return await cancel(database, shop, a_request(units(order, ("SKU-dress", quantity)), order.number))

    async def moving(order: Order) -> FulfillmentOutcome:
        return await move(database, shop, package_id(order, f"{order.number}-1"), PackageStatus.AWAITING_COLLECTION)

    # Half of the rounds start the cancellation first, half the move.
    begun_by_cancelling = [asyncio.gather(cancelling(order), moving(order)) for order in orders[:15]]
    begun_by_moving = [asyncio.gather(moving(order), cancelling(order)) for order in orders[15:]]
    rounds = [*await asyncio.gather(*begun_by_cancelling)]
    rounds += [(cancelled, moved) for moved, cancelled in await asyncio.gather(*begun_by_moving)]

    stories = [
        (
            codes(cancelled),
            [problem.code.name for problem in moved.problems],
            (await stored(database, shop, order.number)).items[0].cancelled_quantity,
            await happened(database, order),
        )
        for order, (cancelled, moved) in zip(orders, rounds, strict=True)
    ]
    assert [story for story in stories if story not in allowed] == []
    await assert_sound(database)


async def test_a_package_cancelled_whole_moves_nowhere_else(database: Database) -> None:
    shop = await a_shop(database)
    packages = (a_package_input("A", PackageStatus.AWAITING_COLLECTION, dress=3),)
    orders = await store(database, shop, *(an_order_input(f"{n}", packages=packages) for n in range(20)))

    rounds = await asyncio.gather(
        *(
            asyncio.gather(
                cancel(database, shop, a_request(package(order, "A"), order.number)),
                move(database, shop, package_id(order, "A"), PackageStatus.IN_TRANSIT),
            )
            for order in orders
        )
    )

    after = [await stored(database, shop, order.number) for order in orders]
    stories = [(codes(cancelled), [problem.code.name for problem in moved.problems]) for cancelled, moved in rounds]
    assert [ENDS[order.packages[0].status] for order in after] == stories
    await assert_sound(database)
