"""Splits are stored, move no money, and take turns with cancellations of the same units."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from domain import fulfillment
from domain.rules import ids
from domain.rules.order import Cancellation, ItemEntry, Order, Package, PackageItem, Selection, Shop
from domain.rules.order_input import FeeInput
from domain.rules.outcomes import FulfillmentOutcome, Problem
from domain.rules.splits import PackageSplit
from domain.rules.vocabulary import FeeKind, FulfillmentErrorCode, OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage.engine.database import Database
from tests.support.cancelling import (
    LATER,
    a_request,
    cancel,
    cancel_well,
    codes,
    everything,
    happened,
    package,
    package_id,
    units,
)
from tests.support.fulfilling import move, refused, split
from tests.support.invariants import assert_sound, dump
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store, stored
from tests.support.troubles import held_by_others

WAITING = PackageStatus.AWAITING_SHIPMENT
UNKNOWN = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")


async def an_order(database: Database, shop: Shop, number: str = "1001") -> Order:
    """Three dresses and two scarves in package A for 30.99, of which 6.00 are shipping and a fee."""
    given = an_order_input(
        number,
        an_item_input("dress", quantity=3, subtotal="10.00"),
        an_item_input("scarf", quantity=2, subtotal="20.00", seller_discount="5.01"),
        packages=(a_package_input("A", dress=3, scarf=2),),
        shipping_fee="4.99",
        fees=(FeeInput(FeeKind.SMALL_ORDER, "1.01"),),
    )
    return (await store(database, shop, given))[0]


@pytest.mark.parametrize(
    ("entries", "left", "moved"),
    [
        ([("SKU-dress", 1)], [(1, 2), (2, 2)], [(1, 1)]),
        ([("SKU-dress", 3)], [(2, 2)], [(1, 3)]),
        ([("SKU-scarf", 1), ("SKU-dress", 3)], [(2, 1)], [(1, 3), (2, 1)]),
    ],
    ids=["part of an item", "all of an item", "both"],
)
async def test_a_split_is_stored(
    database: Database,
    shop: Shop,
    entries: list[tuple[str, int]],
    left: list[tuple[int, int]],
    moved: list[tuple[int, int]],
) -> None:
    order = await an_order(database, shop)

    outcome = await split(database, shop, order, "A", *entries)

    after = await stored(database, shop, "1001")
    old = Package(
        1,
        "A",
        WAITING,
        None,
        None,
        is_numbered_here=False,
        items=tuple(PackageItem(item, quantity, 0) for item, quantity in left),
    )
    new = Package(
        2,
        "A-2",
        WAITING,
        None,
        None,
        is_numbered_here=True,
        items=tuple(PackageItem(item, quantity, 0) for item, quantity in moved),
    )
    assert outcome == FulfillmentOutcome(after, package=old, new_package=new)
    assert after == replace(order, packages=(old, new), version=2, updated_at=LATER, event_sequence=2, feed_number=2)
    assert await happened(database, order) == ["ORDER_IMPORTED", "PACKAGE_SPLIT 1 2"]


async def test_a_package_is_split_again_and_again(database: Database, shop: Shop) -> None:
    order = await an_order(database, shop)
    await split(database, shop, order, "A", ("SKU-dress", 2))
    after = await stored(database, shop, "1001")
    await split(database, shop, after, "A", ("SKU-scarf", 1))

    await split(database, shop, after, "A-2", ("SKU-dress", 1))

    after = await stored(database, shop, "1001")
    assert [(each.number, each.position, each.items) for each in after.packages] == [
        ("A", 1, (PackageItem(1, 1, 0), PackageItem(2, 1, 0))),
        ("A-2", 2, (PackageItem(1, 1, 0),)),
        ("A-2-2", 4, (PackageItem(1, 1, 0),)),
        ("A-3", 3, (PackageItem(2, 1, 0),)),
    ]
    assert (after.version, after.status) == (4, OrderStatus.AWAITING_SHIPMENT)
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "PACKAGE_SPLIT 1 2",
        "PACKAGE_SPLIT 1 3",
        "PACKAGE_SPLIT 2 4",
    ]


async def test_the_new_package_has_no_carrier_and_moves_on_its_own(database: Database, shop: Shop) -> None:
    packages = (
        replace(a_package_input("A", dress=2), carrier="Swift", tracking_number="T-1"),
        a_package_input("B", PackageStatus.IN_TRANSIT, dress=1),
    )
    [order] = await store(database, shop, an_order_input("1001", packages=packages))
    outcome = await split(database, shop, order, "A", ("SKU-dress", 1))
    after = await stored(database, shop, "1001")

    await move(database, shop, after, "A-2", PackageStatus.AWAITING_COLLECTION)

    after = await stored(database, shop, "1001")
    assert outcome.new_package
    assert (outcome.new_package.carrier, outcome.new_package.tracking_number) == (None, None)
    assert [(each.number, each.status.name, each.carrier) for each in after.packages] == [
        ("A", "AWAITING_SHIPMENT", "Swift"),
        ("A-2", "AWAITING_COLLECTION", None),
        ("B", "IN_TRANSIT", None),
    ]
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "PACKAGE_SPLIT 1 3",
        "PACKAGE_STATUS_CHANGED 3 AWAITING_SHIPMENT AWAITING_COLLECTION",
    ]


async def test_cancelled_units_stay_in_the_package(database: Database, shop: Shop) -> None:
    order = await an_order(database, shop)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))

    outcome = await split(database, shop, order, "A", ("SKU-dress", 2), ("SKU-scarf", 1))

    after = await stored(database, shop, "1001")
    assert outcome.order == after
    assert [each.items for each in after.packages] == [
        (PackageItem(1, 1, 1), PackageItem(2, 1, 0)),
        (PackageItem(1, 2, 0), PackageItem(2, 1, 0)),
    ]
    assert (after.refunded, after.items[0].cancelled_quantity) == (333, 1)


async def test_cancelling_the_last_live_unit_of_a_split_package_ends_it(database: Database, shop: Shop) -> None:
    order = await an_order(database, shop)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))
    await split(database, shop, order, "A", ("SKU-dress", 2), ("SKU-scarf", 1))

    made = await cancel_well(database, shop, a_request(package(order, "A"), "key-2"))

    after = await stored(database, shop, "1001")
    assert [(each.number, each.status.name) for each in after.packages] == [
        ("A", "CANCELLED"),
        ("A-2", "AWAITING_SHIPMENT"),
    ]
    assert [(line.item, line.package, line.quantity) for line in made.breakdown.lines] == [(2, 1, 1)]
    assert (after.status, after.refunded) == (OrderStatus.AWAITING_SHIPMENT, 333 + 750)


# Refunds with and without a split

NEVER, FULL, SHARED = (
    ShippingRefundPolicy.NEVER,
    ShippingRefundPolicy.ON_FULL_CANCELLATION,
    ShippingRefundPolicy.PROPORTIONAL,
)


Select = Callable[[Order], Selection]


def by_item(order: Order) -> Selection:
    return units(order, ("SKU-dress", 2))


def by_package(order: Order) -> Selection:
    """Two dresses and a scarf: the new package or, without a split, the same units of the only one."""
    if len(order.packages) > 1:
        return package(order, "A-2")
    return units(order, ("SKU-dress", 2), ("SKU-scarf", 1))


async def cancel_in_turn(database: Database, shop: Shop, order: Order, *selections: Selection) -> list[Cancellation]:
    return [
        await cancel_well(database, shop, a_request(selection, f"{order.number}-{number}"))
        for number, selection in enumerate(selections)
    ]


@pytest.mark.parametrize(
    ("policy", "select", "expected"),
    [
        pytest.param(FULL, by_item, [667, 2432], id="by item, shipping with the last unit"),
        pytest.param(FULL, by_package, [1417, 1682], id="by package, shipping with the last unit"),
        pytest.param(FULL, everything, [3099], id="the order, shipping with the last unit"),
        pytest.param(SHARED, by_item, [827, 2272], id="by item, shipping in proportion"),
        pytest.param(SHARED, by_package, [1757, 1342], id="by package, shipping in proportion"),
        pytest.param(SHARED, everything, [3099], id="the order, shipping in proportion"),
        pytest.param(NEVER, by_item, [667, 1832], id="by item, shipping never"),
        pytest.param(NEVER, by_package, [1417, 1082], id="by package, shipping never"),
        pytest.param(NEVER, everything, [2499], id="the order, shipping never"),
    ],
)
async def test_refunds_with_and_without_a_split_are_equal_to_the_cent(
    database: Database, policy: ShippingRefundPolicy, select: Select, expected: list[int]
) -> None:
    shop = await a_shop(database, policy=policy)
    whole, order = await an_order(database, shop, "1000"), await an_order(database, shop, "1001")
    await split(database, shop, order, "A", ("SKU-dress", 2), ("SKU-scarf", 1))
    divided = await stored(database, shop, "1001")
    selects = [select, *[everything] * (len(expected) - 1)]
    unsplit = await cancel_in_turn(database, shop, whole, *(each(whole) for each in selects))

    made = await cancel_in_turn(database, shop, divided, *(each(divided) for each in selects))

    assert [each.breakdown.total for each in made] == expected
    assert [replace(each.breakdown, lines=()) for each in made] == [
        replace(each.breakdown, lines=()) for each in unsplit
    ]
    assert (await stored(database, shop, "1001")).status is OrderStatus.CANCELLED
    await assert_sound(database)


# Refusals


async def test_a_refused_split_writes_nothing(database: Database, shop: Shop) -> None:
    elsewhere, order = await an_order(database, shop, "1002"), await an_order(database, shop)
    entries = (
        ItemEntry(ids.of_item(elsewhere.id, 1), 1),
        ItemEntry(ids.of_item(order.id, 1), 4),
        ItemEntry(ids.of_item(order.id, 1), 1),
        ItemEntry(ids.of_item(order.id, 2), 0),
    )
    before = await dump(database)

    outcome = await fulfillment.split_package(
        database, shop, PackageSplit(package_id(order, "A"), entries), actor="warehouse", now=LATER
    )

    assert (outcome.order, outcome.package, outcome.new_package) == (order, order.packages[0], None)
    assert refused(outcome) == [
        ("NOT_FOUND", ("items", "0", "itemId")),
        ("QUANTITY_EXCEEDED", ("items", "1", "quantity")),
        ("DUPLICATE_ITEM", ("items", "2", "itemId")),
        ("INVALID_QUANTITY", ("items", "3", "quantity")),
    ]
    assert await dump(database) == before


async def test_a_split_cannot_take_all_units_of_a_package(database: Database, shop: Shop) -> None:
    order = await an_order(database, shop)
    before = await dump(database)

    outcome = await split(database, shop, order, "A", ("SKU-dress", 3), ("SKU-scarf", 2))

    assert refused(outcome) == [("INVALID_VALUE", ("items",))]
    assert await dump(database) == before


async def test_unknown_and_foreign_packages_get_the_same_answer(database: Database, shop: Shop) -> None:
    foreign = await an_order(database, await a_shop(database, "other"))
    order = await an_order(database, shop)
    mine = package_id(order, "A")
    strange = ["", "A", "\0", "\ud800", mine.upper(), f"{mine} ", f"{mine}_1", ids.of_package(order.id, 2)]
    strange += [ids.of_package(UNKNOWN, 1), package_id(foreign, "A"), ids.of_order(order.id), ids.of_item(order.id, 1)]
    entries = (ItemEntry(ids.of_item(order.id, 1), 99), ItemEntry(ids.of_item(foreign.id, 1), 1))
    before = await dump(database)

    outcomes = [
        await fulfillment.split_package(database, shop, PackageSplit(each, entries), actor="warehouse", now=LATER)
        for each in strange
    ]

    problem = Problem(FulfillmentErrorCode.NOT_FOUND, "The shop has no package with this id.", ("packageId",))
    assert set(outcomes) == {FulfillmentOutcome(problems=(problem,))}
    assert await dump(database) == before


async def test_items_from_elsewhere_get_the_same_answer(database: Database, shop: Shop) -> None:
    foreign = await an_order(database, await a_shop(database, "other"))
    elsewhere = await an_order(database, shop, "1002")
    packages = (a_package_input("A", dress=3), a_package_input("B", scarf=1))
    items = (an_item_input("dress"), an_item_input("scarf", quantity=1))
    [order] = await store(database, shop, an_order_input("1003", *items, packages=packages))
    mine = ids.of_item(order.id, 1)
    strange = ["", "SKU-dress", "\0", "\ud800", mine.upper(), f"{mine} ", ids.of_item(order.id, 3)]
    strange += [ids.of_item(each, 1) for each in (UNKNOWN, foreign.id, elsewhere.id)]
    strange += [ids.of_item(order.id, 2), package_id(order, "A"), ids.of_order(order.id)]
    before = await dump(database)

    outcomes = [
        await fulfillment.split_package(
            database,
            shop,
            PackageSplit(package_id(order, "A"), (ItemEntry(each, 1),)),
            actor="warehouse",
            now=LATER,
        )
        for each in strange
    ]

    message = "The package holds no units of an item with this id."
    problem = Problem(FulfillmentErrorCode.NOT_FOUND, message, ("items", "0", "itemId"))
    assert set(outcomes) == {FulfillmentOutcome(order, package=order.packages[0], problems=(problem,))}
    assert await dump(database) == before


async def test_a_package_of_a_locked_order_can_be_split_later(
    database: Database, shop: Shop, database_url: str
) -> None:
    order = await an_order(database, shop)

    async with held_by_others(database, database_url):
        outcome = await split(database, shop, order, "A", ("SKU-dress", 1))

    assert (outcome.order, outcome.package, refused(outcome)) == (None, None, [("TRY_AGAIN", ())])
    assert (await split(database, shop, order, "A", ("SKU-dress", 1))).problems == ()


# A split racing a cancellation of the same units, two of three dresses

CANCELLED_FIRST = ("", "QUANTITY_EXCEEDED", ["ORDER_IMPORTED", "ITEMS_CANCELLED"], ["A 3 2"])
SPLIT_FIRST = ("QUANTITY_EXCEEDED", "", ["ORDER_IMPORTED", "PACKAGE_SPLIT 1 2"], ["A 1 0", "A-2 2 0"])
BOTH = (
    "",
    "",
    ["ORDER_IMPORTED", "PACKAGE_SPLIT 1 2", "ITEMS_CANCELLED", "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT CANCELLED"],
    ["A 1 1", "A-2 2 1"],
)


def contents(order: Order) -> list[str]:
    """Each package's number, units and cancelled units."""
    return [f"{each.number} {packed.quantity} {packed.cancelled_quantity}" for each, packed in order.package_items()]


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [(("SKU-dress", 2, "A"), [CANCELLED_FIRST, SPLIT_FIRST]), (("SKU-dress", 2), [CANCELLED_FIRST, BOTH])],
    ids=["of this package", "of any package"],
)
async def test_a_concurrent_split_and_cancellation_take_effect_one_after_the_other(
    database: Database, shop: Shop, entry: tuple[str, int] | tuple[str, int, str], allowed: list[object]
) -> None:
    packages = (a_package_input("A", dress=3),)
    orders = await store(database, shop, *(an_order_input(f"{number}", packages=packages) for number in range(10)))
    requests = [a_request(units(each, entry), each.number) for each in orders]
    # Half of the rounds start the cancellation first, half the split.
    cancelling = [cancel(database, shop, request) for request in requests]
    splitting = [split(database, shop, each, "A", ("SKU-dress", 2)) for each in orders]

    ended = await asyncio.gather(
        asyncio.gather(*cancelling[:5]),
        asyncio.gather(*splitting),
        asyncio.gather(*cancelling[5:]),
    )

    cancelled, divided = [*ended[0], *ended[2]], ended[1]
    stories = [
        (
            " ".join(codes(first)),
            " ".join(problem.code.name for problem in second.problems),
            await happened(database, each),
            contents(await stored(database, shop, each.number)),
        )
        for first, second, each in zip(cancelled, divided, orders, strict=True)
    ]
    assert [story for story in stories if story not in allowed] == []
