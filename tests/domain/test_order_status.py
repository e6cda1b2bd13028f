"""Orders are held, released and completed, as the log records; a held order is not cancelled, moved or split."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from domain import fulfillment
from domain.rules import ids
from domain.rules.order import Shop
from domain.rules.outcomes import FulfillmentOutcome, Problem
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import LATER, a_request, cancel, codes, happened, package_id, units
from tests.support.fulfilling import move, refused, set_status, split
from tests.support.invariants import dump
from tests.support.stored import NOW, a_package_input, a_shop, an_order_input, store, stored
from tests.support.troubles import held_by_others

UNKNOWN = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")


@pytest.mark.parametrize(
    ("start", "to", "end", "paid_at"),
    [
        ("UNPAID", "ON_HOLD", "ON_HOLD", None),
        ("UNPAID", "AWAITING_SHIPMENT", "AWAITING_SHIPMENT", LATER),
        ("ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_SHIPMENT", LATER),
        ("AWAITING_SHIPMENT", "ON_HOLD", "ON_HOLD", None),
        ("DELIVERED", "COMPLETED", "COMPLETED", None),
    ],
)
async def test_an_order_makes_each_allowed_transition(
    database: Database, shop: Shop, start: str, to: str, end: str, paid_at: datetime | None
) -> None:
    [order] = await store(database, shop, an_order_input("1001", status=OrderStatus[start]))

    outcome = await set_status(database, shop, order, OrderStatus[to])

    after = await stored(database, shop, "1001")
    assert outcome == FulfillmentOutcome(after)
    assert after == replace(
        order,
        status=OrderStatus[end],
        paid_at=paid_at,
        is_paid=(start, end) != ("UNPAID", "ON_HOLD"),
        version=2,
        updated_at=LATER,
        event_sequence=2,
        feed_number=2,
    )
    assert await happened(database, order) == ["ORDER_IMPORTED", f"ORDER_STATUS_CHANGED {start} {end}"]


async def test_a_released_order_takes_the_status_of_its_packages_and_keeps_its_time_of_payment(
    database: Database, shop: Shop
) -> None:
    packages = (a_package_input("A", dress=1), a_package_input("B", PackageStatus.IN_TRANSIT, dress=2))
    given = an_order_input("1001", status=OrderStatus.ON_HOLD, packages=packages, paid_at=NOW)
    [order] = await store(database, shop, given)

    outcome = await set_status(database, shop, order, OrderStatus.AWAITING_SHIPMENT)

    after = await stored(database, shop, "1001")
    assert outcome == FulfillmentOutcome(after)
    assert (after.status, after.paid_at) == (OrderStatus.PARTIALLY_SHIPPING, NOW)
    assert await happened(database, order) == ["ORDER_IMPORTED", "ORDER_STATUS_CHANGED ON_HOLD PARTIALLY_SHIPPING"]


@pytest.mark.parametrize("status", [OrderStatus.UNPAID, OrderStatus.AWAITING_SHIPMENT, OrderStatus.COMPLETED])
async def test_setting_the_present_status_writes_nothing(database: Database, shop: Shop, status: OrderStatus) -> None:
    [order] = await store(database, shop, an_order_input("1001", status=status))
    before = await dump(database)

    outcome = await set_status(database, shop, order, status)

    assert outcome == FulfillmentOutcome(order)
    assert await dump(database) == before


@pytest.mark.parametrize(
    ("status", "to"),
    [
        (OrderStatus.ON_HOLD, OrderStatus.UNPAID),
        (OrderStatus.AWAITING_SHIPMENT, OrderStatus.COMPLETED),
        (OrderStatus.COMPLETED, OrderStatus.ON_HOLD),
        (OrderStatus.CANCELLED, OrderStatus.AWAITING_SHIPMENT),
    ],
)
async def test_a_refused_status_writes_nothing(
    database: Database, shop: Shop, status: OrderStatus, to: OrderStatus
) -> None:
    [order] = await store(database, shop, an_order_input("1001", status=status))
    before = await dump(database)

    outcome = await set_status(database, shop, order, to)

    message = f"An order that is {status.name} cannot become {to.name}."
    problem = Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("status",))
    assert outcome == FulfillmentOutcome(order, problems=(problem,))
    assert await dump(database) == before


async def test_a_held_order_is_not_cancelled_moved_or_split(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    await set_status(database, shop, order, OrderStatus.ON_HOLD)
    before = await dump(database)

    cancelled = await cancel(database, shop, a_request(units(order, ("SKU-dress", 1))))
    moved = await move(database, shop, order, "1001-1", PackageStatus.AWAITING_COLLECTION)
    divided = await split(database, shop, order, "1001-1", ("SKU-dress", 1))

    assert codes(cancelled) == ["NOT_CANCELLABLE"]
    assert refused(moved) == [("TRANSITION_NOT_ALLOWED", ("status",))]
    assert refused(divided) == [("TRANSITION_NOT_ALLOWED", ("packageId",))]
    assert await dump(database) == before


async def test_units_of_a_released_order_can_be_cancelled_again(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    await set_status(database, shop, order, OrderStatus.ON_HOLD)
    await set_status(database, shop, order, OrderStatus.AWAITING_SHIPMENT)

    cancelled = await cancel(database, shop, a_request(units(order, ("SKU-dress", 3))))

    after = await stored(database, shop, "1001")
    assert cancelled.order == after
    assert (after.version, after.status, after.paid_at) == (4, OrderStatus.CANCELLED, LATER)
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT ON_HOLD",
        "ORDER_STATUS_CHANGED ON_HOLD AWAITING_SHIPMENT",
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT CANCELLED",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
    ]


async def test_unknown_and_foreign_orders_get_the_same_answer(database: Database, shop: Shop) -> None:
    [foreign] = await store(database, await a_shop(database, "other"), an_order_input("1001"))
    [order] = await store(database, shop, an_order_input("1001"))
    mine = ids.of_order(order.id)
    strange = ["", "1001", "\0", "\ud800", mine.upper(), f"{mine} ", f"{mine}_1", order.id.hex]
    strange += [ids.of_order(UNKNOWN), ids.of_order(foreign.id), package_id(order, "1001-1"), ids.of_item(order.id, 1)]
    before = await dump(database)

    outcomes = [
        await fulfillment.update_order_status(database, shop, each, OrderStatus.ON_HOLD, actor="marketplace", now=LATER)
        for each in strange
    ]

    problem = Problem(FulfillmentErrorCode.NOT_FOUND, "The shop has no order with this id.", ("orderId",))
    assert set(outcomes) == {FulfillmentOutcome(problems=(problem,))}
    assert await dump(database) == before


async def test_a_call_on_a_locked_order_is_told_to_try_again(database: Database, shop: Shop, database_url: str) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    before = await dump(database)

    async with held_by_others(database, database_url):
        outcome = await set_status(database, shop, order, OrderStatus.ON_HOLD)

    message = "The order is busy; try again in a moment."
    problem = Problem(FulfillmentErrorCode.TRY_AGAIN, message, ())
    assert outcome == FulfillmentOutcome(problems=(problem,))
    assert await dump(database) == before
    assert (await set_status(database, shop, order, OrderStatus.ON_HOLD)).problems == ()
