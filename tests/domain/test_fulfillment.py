"""Packages make the allowed transitions and no others; the order follows, and the log records it."""

from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from domain import fulfillment
from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.transitions import PackageMove
from domain.rules.vocabulary import OrderStatus, PackageStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import LATER, a_request, cancel_well, happened, package_id, units
from tests.support.fulfilling import refused
from tests.support.invariants import dump
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store, stored

WAYS = {
    (PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_COLLECTION),
    (PackageStatus.AWAITING_COLLECTION, PackageStatus.AWAITING_SHIPMENT),
    (PackageStatus.AWAITING_COLLECTION, PackageStatus.IN_TRANSIT),
    (PackageStatus.IN_TRANSIT, PackageStatus.DELIVERED),
}
PAIRS = sorted(product(PackageStatus, PackageStatus), key=str)
NO_WAYS = [pair for pair in PAIRS if pair not in WAYS and pair[0] is not pair[1]]
RESTING = (OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.COMPLETED)


def names(value: object) -> str | None:
    return value.name if isinstance(value, PackageStatus | OrderStatus) else None


async def a_split_order(database: Database, shop: Shop, one: PackageStatus, other: PackageStatus) -> Order:
    packages = (a_package_input("A", one, dress=1), a_package_input("B", other, dress=2))
    return (await store(database, shop, an_order_input("1001", packages=packages)))[0]


async def move(database: Database, shop: Shop, order: Order, status: PackageStatus, **more: Any) -> FulfillmentOutcome:
    """Moves package A; `more` may hold its carrier and tracking number."""
    request = PackageMove(package_id(order, "A"), status, **more)
    return await fulfillment.update_package_status(database, shop, request, actor="warehouse", now=LATER)


@pytest.mark.parametrize(("start", "end"), sorted(WAYS, key=str), ids=names)
async def test_a_package_makes_each_allowed_transition(
    database: Database, shop: Shop, start: PackageStatus, end: PackageStatus
) -> None:
    order = await a_split_order(database, shop, start, PackageStatus.CANCELLED)

    outcome = await move(database, shop, order, end)

    after = await stored(database, shop, "1001")
    assert outcome == FulfillmentOutcome(after, package=after.packages[0])
    assert after.packages == (replace(order.packages[0], status=end), order.packages[1])
    assert (after.status, after.version, after.updated_at) == (OrderStatus[end.name], 2, LATER)
    assert after.refunded == order.refunded == 2000
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        f"PACKAGE_STATUS_CHANGED 1 {start.name} {end.name}",
        f"ORDER_STATUS_CHANGED {start.name} {end.name}",
    ]


@pytest.mark.parametrize(("start", "end"), NO_WAYS, ids=names)
async def test_a_package_makes_no_other_transition(
    database: Database, shop: Shop, start: PackageStatus, end: PackageStatus
) -> None:
    order = await a_split_order(database, shop, start, PackageStatus.AWAITING_SHIPMENT)
    before = await dump(database)

    outcome = await move(database, shop, order, end, carrier="Swift", tracking_number="T-1")

    assert (outcome.order, outcome.package) == (order, order.packages[0])
    assert refused(outcome) == [("TRANSITION_NOT_ALLOWED", ("status",))]
    assert await dump(database) == before


@pytest.mark.parametrize("status", PackageStatus, ids=names)
async def test_setting_the_present_status_writes_nothing(database: Database, shop: Shop, status: PackageStatus) -> None:
    order = await a_split_order(database, shop, status, PackageStatus.AWAITING_SHIPMENT)
    before = await dump(database)

    outcome = await move(database, shop, order, status)

    assert outcome == FulfillmentOutcome(order, package=order.packages[0])
    assert await dump(database) == before


@pytest.mark.parametrize("status", [status for status in PackageStatus if status is not PackageStatus.CANCELLED])
async def test_a_carrier_sent_with_the_present_status_is_stored_without_an_event(
    database: Database, shop: Shop, status: PackageStatus
) -> None:
    order = await a_split_order(database, shop, status, PackageStatus.AWAITING_SHIPMENT)

    outcome = await move(database, shop, order, status, carrier="Swift", tracking_number="T-1")

    after = await stored(database, shop, "1001")
    assert outcome == FulfillmentOutcome(after, package=after.packages[0])
    assert after == replace(
        order,
        version=2,
        updated_at=LATER,
        packages=(replace(order.packages[0], carrier="Swift", tracking_number="T-1"), order.packages[1]),
    )
    assert await happened(database, order) == ["ORDER_IMPORTED"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("Swift", "T-1")),
        ({"carrier": "Slow"}, ("Slow", "T-1")),
        ({"tracking_number": "T-2"}, ("Swift", "T-2")),
        ({"carrier": "Slow", "tracking_number": "T-2"}, ("Slow", "T-2")),
    ],
    ids=["neither", "carrier", "tracking number", "both"],
)
@pytest.mark.parametrize("end", [PackageStatus.AWAITING_COLLECTION, PackageStatus.IN_TRANSIT], ids=names)
async def test_a_carrier_or_tracking_number_that_is_left_out_stays(
    database: Database, shop: Shop, end: PackageStatus, given: dict[str, str], expected: tuple[str, str]
) -> None:
    order = await a_split_order(database, shop, PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT)
    await move(database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier="Swift", tracking_number="T-1")

    outcome = await move(database, shop, order, end, **given)

    after = (await stored(database, shop, "1001")).packages[0]
    assert outcome.package == after
    assert (after.status, after.carrier, after.tracking_number) == (end, *expected)


async def test_a_carrier_that_is_stored_already_changes_nothing(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop, PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT)
    await move(database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier="Swift")
    before = await dump(database)

    outcome = await move(database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier="Swift")

    assert outcome.problems == ()
    assert await dump(database) == before


@pytest.mark.parametrize(
    ("start", "end", "other", "before", "after"),
    [
        ("AWAITING_SHIPMENT", "AWAITING_COLLECTION", "AWAITING_SHIPMENT", "AWAITING_SHIPMENT", "PARTIALLY_SHIPPING"),
        ("AWAITING_COLLECTION", "IN_TRANSIT", "AWAITING_COLLECTION", "AWAITING_COLLECTION", "PARTIALLY_SHIPPING"),
        ("AWAITING_COLLECTION", "IN_TRANSIT", "IN_TRANSIT", "PARTIALLY_SHIPPING", "IN_TRANSIT"),
        ("AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "PARTIALLY_SHIPPING", "IN_TRANSIT"),
        ("IN_TRANSIT", "DELIVERED", "DELIVERED", "IN_TRANSIT", "DELIVERED"),
        ("AWAITING_COLLECTION", "AWAITING_SHIPMENT", "AWAITING_SHIPMENT", "PARTIALLY_SHIPPING", "AWAITING_SHIPMENT"),
    ],
)
async def test_the_order_follows_its_packages(  # noqa: PLR0913, PLR0917 - a row of the table
    database: Database, shop: Shop, start: str, end: str, other: str, before: str, after: str
) -> None:
    order = await a_split_order(database, shop, PackageStatus[start], PackageStatus[other])

    outcome = await move(database, shop, order, PackageStatus[end])

    assert order.status is OrderStatus[before]
    assert outcome.order == await stored(database, shop, "1001")
    assert outcome.order.status is OrderStatus[after]
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        f"PACKAGE_STATUS_CHANGED 1 {start} {end}",
        f"ORDER_STATUS_CHANGED {before} {after}",
    ]


async def test_an_order_whose_status_stays_gets_no_event_of_its_own(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop, PackageStatus.IN_TRANSIT, PackageStatus.AWAITING_SHIPMENT)

    await move(database, shop, order, PackageStatus.DELIVERED)

    after = await stored(database, shop, "1001")
    assert (after.status, after.event_sequence) == (OrderStatus.PARTIALLY_SHIPPING, 2)
    assert await happened(database, order) == ["ORDER_IMPORTED", "PACKAGE_STATUS_CHANGED 1 IN_TRANSIT DELIVERED"]


@pytest.mark.parametrize("status", RESTING, ids=names)
async def test_packages_of_an_unpaid_held_or_completed_order_do_not_move(
    database: Database, shop: Shop, status: OrderStatus
) -> None:
    starts = {OrderStatus.COMPLETED: PackageStatus.DELIVERED}
    start = starts.get(status, PackageStatus.AWAITING_SHIPMENT)
    packages = (a_package_input("A", start, dress=3),)
    [order] = await store(database, shop, an_order_input("1001", status=status, packages=packages))
    before = await dump(database)

    outcomes = [await move(database, shop, order, end) for end in PackageStatus if end is not start]

    assert [refused(outcome) for outcome in outcomes] == [[("TRANSITION_NOT_ALLOWED", ("status",))]] * 4
    assert {outcome.order for outcome in outcomes} == {order}
    assert await dump(database) == before


async def test_a_package_moves_on_without_its_cancelled_units(database: Database, shop: Shop) -> None:
    packages = (a_package_input("A", dress=2, scarf=1),)
    given = an_order_input(
        "1001", an_item_input("dress", quantity=2), an_item_input("scarf", quantity=1), packages=packages
    )
    [order] = await store(database, shop, given)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))

    outcome = await move(database, shop, order, PackageStatus.AWAITING_COLLECTION)

    after = await stored(database, shop, "1001")
    assert outcome.order == after
    assert [(each.item, each.live_quantity) for each in after.packages[0].items] == [(1, 1), (2, 1)]
    assert (after.version, after.refunded) == (3, 1500)


async def test_unknown_and_foreign_packages_get_the_same_answer(database: Database, shop: Shop) -> None:
    foreign = await a_split_order(
        database, await a_shop(database, "other"), PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT
    )
    order = await a_split_order(database, shop, PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT)
    mine = package_id(order, "A")
    unknown = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")
    strange = ["", "A", "\0", "\ud800", mine.upper(), f"{mine} ", ids.of_package(order.id, 3)]
    strange += [ids.of_package(unknown, 1), package_id(foreign, "A"), ids.of_order(order.id), ids.of_item(order.id, 1)]
    before = await dump(database)

    outcomes = [
        await fulfillment.update_package_status(
            database, shop, PackageMove(each, PackageStatus.AWAITING_COLLECTION), actor="warehouse", now=LATER
        )
        for each in strange
    ]

    assert set(outcomes) == {outcomes[0]}
    assert (outcomes[0].order, outcomes[0].package) == (None, None)
    assert refused(outcomes[0]) == [("NOT_FOUND", ("packageId",))]
    assert await dump(database) == before


async def test_carrier_and_tracking_number_must_be_texts_that_can_be_stored(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop, PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT)
    before = await dump(database)
    unfit = [("c" * 501, "n" * 101), ("a\0", "\n"), ("\x85", "\ud800")]
    fit = ("c" * 499 + "\u202e", "n" * 99 + "\U0001f4e6")

    outcomes = [
        await move(database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier=carrier, tracking_number=number)
        for carrier, number in unfit
    ]
    after_refusals = await dump(database)
    outcome = await move(
        database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier=fit[0], tracking_number=fit[1]
    )

    expected = [("INVALID_VALUE", ("carrier",)), ("INVALID_VALUE", ("trackingNumber",))]
    assert [refused(each) for each in outcomes] == [expected] * 3
    assert after_refusals == before
    assert outcome.package == (await stored(database, shop, "1001")).packages[0]
    assert (outcome.package.carrier, outcome.package.tracking_number) == fit


async def test_an_empty_carrier_removes_the_carrier(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop, PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT)
    await move(database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier="Swift", tracking_number="T-1")

    outcome = await move(database, shop, order, PackageStatus.AWAITING_COLLECTION, carrier="")

    assert outcome.package
    assert (outcome.package.carrier, outcome.package.tracking_number) == (None, "T-1")


async def test_all_problems_of_a_move_are_reported(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop, PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT)

    outcome = await move(database, shop, order, PackageStatus.DELIVERED, carrier="\0")

    assert refused(outcome) == [("TRANSITION_NOT_ALLOWED", ("status",)), ("INVALID_VALUE", ("carrier",))]
