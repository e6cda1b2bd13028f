"""Derives an order's status from its packages; says what moves to what (docs/rules.md, "What moves to what")."""

from domain.rules.order import Order, Package
from domain.rules.vocabulary import OrderStatus, PackageStatus, RefundStatus

# Set on the order itself; these override the status of its packages while any unit is live.
SET_ON_ORDER = frozenset({OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.COMPLETED})
PAYMENT_BLOCKED = frozenset({OrderStatus.UNPAID, OrderStatus.ON_HOLD})
SHIPPED = frozenset({PackageStatus.IN_TRANSIT, PackageStatus.DELIVERED})

PACKAGE_TRANSITIONS: dict[PackageStatus, frozenset[PackageStatus]] = {
    PackageStatus.AWAITING_SHIPMENT: frozenset({PackageStatus.AWAITING_COLLECTION}),
    PackageStatus.AWAITING_COLLECTION: frozenset({PackageStatus.AWAITING_SHIPMENT, PackageStatus.IN_TRANSIT}),
    PackageStatus.IN_TRANSIT: frozenset({PackageStatus.DELIVERED}),
    PackageStatus.DELIVERED: frozenset(),
    PackageStatus.CANCELLED: frozenset(),
}
ORDER_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.UNPAID: frozenset({OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT}),
    OrderStatus.ON_HOLD: frozenset({OrderStatus.AWAITING_SHIPMENT}),
    OrderStatus.AWAITING_SHIPMENT: frozenset({OrderStatus.ON_HOLD}),
    OrderStatus.PARTIALLY_SHIPPING: frozenset(),
    OrderStatus.AWAITING_COLLECTION: frozenset(),
    OrderStatus.IN_TRANSIT: frozenset(),
    OrderStatus.DELIVERED: frozenset({OrderStatus.COMPLETED}),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}
REFUND_TRANSITIONS: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset({RefundStatus.SUCCEEDED}),
    RefundStatus.SUCCEEDED: frozenset(),
    RefundStatus.NOT_NEEDED: frozenset(),
}


def can_move_package(order: Order, package: Package, to: PackageStatus) -> bool:
    """True if the warehouse may now move the package to this status."""
    return order.status not in SET_ON_ORDER and to in PACKAGE_TRANSITIONS[package.status]


def can_move_order(order: Order, to: OrderStatus) -> bool:
    """True if the order may now move to this status; AWAITING_SHIPMENT releases it."""
    return to in ORDER_TRANSITIONS[order.status]


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
