"""An order's status follows from its packages; moves follow the tables."""

from datetime import datetime

import pytest

from domain.rules.order import Package
from domain.rules.status import can_move_order, can_move_package, is_paid, order_status
from domain.rules.vocabulary import OrderStatus, PackageStatus
from tests.support.builders import PLACED_AT, a_package, an_order

WAITING, ARRANGED, TRAVELLING, THERE = (
    PackageStatus.AWAITING_SHIPMENT,
    PackageStatus.AWAITING_COLLECTION,
    PackageStatus.IN_TRANSIT,
    PackageStatus.DELIVERED,
)


def packages_in(*statuses: PackageStatus) -> tuple[Package, ...]:
    return tuple(a_package(position, status, units={1: 1}) for position, status in enumerate(statuses, start=1))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([WAITING], OrderStatus.AWAITING_SHIPMENT),
        ([ARRANGED], OrderStatus.AWAITING_COLLECTION),
        ([TRAVELLING], OrderStatus.IN_TRANSIT),
        ([THERE], OrderStatus.DELIVERED),
        ([WAITING, WAITING], OrderStatus.AWAITING_SHIPMENT),
        ([THERE, THERE], OrderStatus.DELIVERED),
        ([TRAVELLING, THERE], OrderStatus.IN_TRANSIT),
        ([THERE, TRAVELLING], OrderStatus.IN_TRANSIT),
        ([WAITING, ARRANGED], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, TRAVELLING], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, THERE], OrderStatus.PARTIALLY_SHIPPING),
        ([ARRANGED, TRAVELLING], OrderStatus.PARTIALLY_SHIPPING),
        ([ARRANGED, THERE], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, ARRANGED, TRAVELLING], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, ARRANGED, THERE], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, TRAVELLING, THERE], OrderStatus.PARTIALLY_SHIPPING),
        ([ARRANGED, TRAVELLING, THERE], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, ARRANGED, TRAVELLING, THERE], OrderStatus.PARTIALLY_SHIPPING),
    ],
    ids=lambda value: "+".join(status.name for status in value) if isinstance(value, list) else value.name,
)
def test_an_order_has_the_status_of_its_packages(statuses: list[PackageStatus], expected: OrderStatus) -> None:
    assert order_status(OrderStatus.AWAITING_SHIPMENT, packages_in(*statuses)) is expected


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (OrderStatus.UNPAID, OrderStatus.UNPAID),
        (OrderStatus.ON_HOLD, OrderStatus.ON_HOLD),
        (OrderStatus.AWAITING_SHIPMENT, OrderStatus.DELIVERED),
        (OrderStatus.PARTIALLY_SHIPPING, OrderStatus.DELIVERED),
        (OrderStatus.AWAITING_COLLECTION, OrderStatus.DELIVERED),
        (OrderStatus.IN_TRANSIT, OrderStatus.DELIVERED),
        (OrderStatus.DELIVERED, OrderStatus.DELIVERED),
        (OrderStatus.COMPLETED, OrderStatus.COMPLETED),
        (OrderStatus.CANCELLED, OrderStatus.DELIVERED),
    ],
    ids=lambda status: status.name,
)
def test_only_a_status_set_on_the_order_wins_over_its_packages(present: OrderStatus, expected: OrderStatus) -> None:
    assert order_status(present, packages_in(PackageStatus.DELIVERED)) is expected


@pytest.mark.parametrize("present", OrderStatus, ids=lambda status: status.name)
def test_an_order_without_a_live_unit_is_cancelled_whatever_it_was(present: OrderStatus) -> None:
    assert order_status(present, packages_in(PackageStatus.CANCELLED, PackageStatus.CANCELLED)) is OrderStatus.CANCELLED


def test_cancelled_packages_do_not_count() -> None:
    packages = packages_in(PackageStatus.CANCELLED, PackageStatus.DELIVERED, PackageStatus.CANCELLED)

    assert order_status(OrderStatus.PARTIALLY_SHIPPING, packages) is OrderStatus.DELIVERED


def test_a_package_counts_as_long_as_one_unit_is_live() -> None:
    packages = (
        a_package(1, PackageStatus.AWAITING_SHIPMENT, units={1: 3, 2: 1}, cancelled={1: 2, 2: 1}),
        a_package(2, PackageStatus.DELIVERED, units={1: 1}),
    )

    assert order_status(OrderStatus.DELIVERED, packages) is OrderStatus.PARTIALLY_SHIPPING


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (PackageStatus.AWAITING_SHIPMENT, [PackageStatus.AWAITING_COLLECTION]),
        (PackageStatus.AWAITING_COLLECTION, [PackageStatus.AWAITING_SHIPMENT, PackageStatus.IN_TRANSIT]),
        (PackageStatus.IN_TRANSIT, [PackageStatus.DELIVERED]),
        (PackageStatus.DELIVERED, []),
        (PackageStatus.CANCELLED, []),
    ],
    ids=lambda value: "" if isinstance(value, list) else value.name,
)
def test_a_package_makes_only_allowed_moves(present: PackageStatus, expected: list[PackageStatus]) -> None:
    package = a_package(1, present, units={1: 2})
    order = an_order(packages=(package,))

    reached = [to for to in PackageStatus if can_move_package(order, package, to)]

    assert reached == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (OrderStatus.UNPAID, False),
        (OrderStatus.ON_HOLD, False),
        (OrderStatus.AWAITING_SHIPMENT, True),
        (OrderStatus.PARTIALLY_SHIPPING, True),
        (OrderStatus.AWAITING_COLLECTION, True),
        (OrderStatus.IN_TRANSIT, True),
        (OrderStatus.DELIVERED, True),
        (OrderStatus.COMPLETED, False),
    ],
    ids=lambda value: value.name if isinstance(value, OrderStatus) else "",
)
def test_packages_stand_still_while_a_status_is_set_on_the_order(status: OrderStatus, *, expected: bool) -> None:
    order = an_order(status=status)

    assert can_move_package(order, order.packages[0], PackageStatus.AWAITING_COLLECTION) is expected


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (OrderStatus.UNPAID, [OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT]),
        (OrderStatus.ON_HOLD, [OrderStatus.AWAITING_SHIPMENT]),
        (OrderStatus.AWAITING_SHIPMENT, [OrderStatus.ON_HOLD]),
        (OrderStatus.PARTIALLY_SHIPPING, []),
        (OrderStatus.AWAITING_COLLECTION, []),
        (OrderStatus.IN_TRANSIT, []),
        (OrderStatus.DELIVERED, [OrderStatus.COMPLETED]),
        (OrderStatus.COMPLETED, []),
        (OrderStatus.CANCELLED, []),
    ],
    ids=lambda value: "" if isinstance(value, list) else value.name,
)
def test_an_order_makes_only_allowed_moves(present: OrderStatus, expected: list[OrderStatus]) -> None:
    order = an_order(status=present)

    assert [to for to in OrderStatus if can_move_order(order, to)] == expected


@pytest.mark.parametrize("is_collected", [False, True], ids=["paid in advance", "paid at the door"])
@pytest.mark.parametrize("paid_at", [None, PLACED_AT], ids=["without paidAt", "with paidAt"])
@pytest.mark.parametrize("status", OrderStatus, ids=lambda status: status.name)
def test_an_order_comes_in_paid_unless_it_is_unpaid_or_tells_no_payment_where_one_is_told(
    status: OrderStatus, paid_at: datetime | None, *, is_collected: bool
) -> None:
    """A table of each status: in advance without and with paidAt, then at the door without and with it."""
    expected = {
        OrderStatus.UNPAID: (False, False, False, False),
        OrderStatus.ON_HOLD: (True, True, False, True),
        OrderStatus.AWAITING_SHIPMENT: (True, True, False, True),
        OrderStatus.PARTIALLY_SHIPPING: (True, True, False, True),
        OrderStatus.AWAITING_COLLECTION: (True, True, False, True),
        OrderStatus.IN_TRANSIT: (True, True, False, True),
        OrderStatus.DELIVERED: (True, True, False, True),
        OrderStatus.COMPLETED: (True, True, False, True),
        OrderStatus.CANCELLED: (False, True, False, True),
    }[status]

    found = is_paid(status, paid_at, collect_on_delivery=is_collected)

    assert found is expected[2 * is_collected + (paid_at is not None)]
