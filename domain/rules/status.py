"""Derives an order's status from its packages; says what moves to what (docs/rules.md, "What moves to what")."""

from datetime import datetime
from typing import assert_never

from domain.rules.order import Order, Package
from domain.rules.table import table
from domain.rules.vocabulary import OrderStatus, PackageStatus, RefundStatus

# Set on the order itself; these override the status of its packages while any unit is live.
SET_ON_ORDER = frozenset({OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.COMPLETED})
PAYMENT_BLOCKED = frozenset({OrderStatus.UNPAID, OrderStatus.ON_HOLD})
SHIPPED = frozenset({PackageStatus.IN_TRANSIT, PackageStatus.DELIVERED})


@table(PackageStatus)
def PACKAGE_TRANSITIONS(status: PackageStatus) -> frozenset[PackageStatus]:  # noqa: N802 it becomes a table
    match status:
        case PackageStatus.AWAITING_SHIPMENT:
            return frozenset({PackageStatus.AWAITING_COLLECTION})
        case PackageStatus.AWAITING_COLLECTION:
            return frozenset({PackageStatus.AWAITING_SHIPMENT, PackageStatus.IN_TRANSIT})
        case PackageStatus.IN_TRANSIT:
            return frozenset({PackageStatus.DELIVERED})
        case PackageStatus.DELIVERED | PackageStatus.CANCELLED:
            return frozenset()
        case _:
            assert_never(status)


@table(OrderStatus)
def ORDER_TRANSITIONS(status: OrderStatus) -> frozenset[OrderStatus]:  # noqa: N802 it becomes a table
    match status:
        case OrderStatus.UNPAID:
            return frozenset({OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT})
        case OrderStatus.ON_HOLD:
            return frozenset({OrderStatus.AWAITING_SHIPMENT})
        case OrderStatus.AWAITING_SHIPMENT:
            return frozenset({OrderStatus.ON_HOLD})
        case OrderStatus.DELIVERED:
            return frozenset({OrderStatus.COMPLETED})
        case OrderStatus.PARTIALLY_SHIPPING | OrderStatus.AWAITING_COLLECTION | OrderStatus.IN_TRANSIT:
            return frozenset()
        case OrderStatus.COMPLETED | OrderStatus.CANCELLED:
            return frozenset()
        case _:
            assert_never(status)


@table(RefundStatus)
def REFUND_TRANSITIONS(status: RefundStatus) -> frozenset[RefundStatus]:  # noqa: N802 it becomes a table
    match status:
        case RefundStatus.PENDING:
            return frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED})
        case RefundStatus.FAILED:
            return frozenset({RefundStatus.SUCCEEDED})
        case RefundStatus.SUCCEEDED | RefundStatus.NOT_NEEDED:
            return frozenset()
        case _:
            assert_never(status)


def can_move_package(order: Order, package: Package, to: PackageStatus) -> bool:
    """True if the warehouse may now move the package to this status."""
    return order.status not in SET_ON_ORDER and to in PACKAGE_TRANSITIONS[package.status]


def can_move_order(order: Order, to: OrderStatus) -> bool:
    """True if the order may now move to this status; AWAITING_SHIPMENT releases it."""
    return to in ORDER_TRANSITIONS[order.status]


def is_paid(status: OrderStatus, paid_at: datetime | None, *, collect_on_delivery: bool) -> bool:
    """Whether an order that comes in like this has been paid; decided once."""
    if status is OrderStatus.UNPAID:
        return False
    return paid_at is not None or not (collect_on_delivery or status is OrderStatus.CANCELLED)


def order_status(present: OrderStatus, packages: tuple[Package, ...]) -> OrderStatus:
    """The status of an order with these packages; `present` is its current one."""
    live = {package.status for package in packages if package.is_live}
    if not live:
        return OrderStatus.CANCELLED
    return present if present in SET_ON_ORDER else derived(live)


def derived(live: set[PackageStatus]) -> OrderStatus:
    """The status of an order whose live packages have these statuses; at least one."""
    if len(live) == 1:
        return OrderStatus[next(iter(live)).name]
    return OrderStatus.IN_TRANSIT if live == SHIPPED else OrderStatus.PARTIALLY_SHIPPING
