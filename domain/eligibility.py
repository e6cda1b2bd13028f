"""What may be cancelled, and why not. Pure (specification, section 2).

These verdicts are the one policy behind the `cancellable` fields, previews and mutations.
"""

from collections.abc import Iterable

from domain.order import (
    CancellationReason,
    CancellationScope,
    NotCancellableReason,
    Order,
    OrderStatus,
    PackageStatus,
    value,
)

_ANY_SCOPE = (CancellationScope.ITEMS, CancellationScope.PACKAGE, CancellationScope.ORDER)
_WHOLE_ONLY = (CancellationScope.PACKAGE, CancellationScope.ORDER)

# What each reason unlocks. Another reason that unlocks single items is one line here.
UNLOCKS: dict[CancellationReason, tuple[CancellationScope, ...]] = {
    CancellationReason.OUT_OF_STOCK: _ANY_SCOPE,
    CancellationReason.PRICING_ERROR: _WHOLE_ONLY,
    CancellationReason.UNDELIVERABLE_ADDRESS: _WHOLE_ONLY,
    CancellationReason.BUYER_REQUESTED: _WHOLE_ONLY,
    CancellationReason.OTHER: _WHOLE_ONLY,
}
# In which status a package gives single units, and in which it can be cancelled whole.
OPEN_FOR_ITEMS = frozenset({PackageStatus.AWAITING_SHIPMENT})
OPEN_WHOLE = frozenset({PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_COLLECTION})

_BLOCKED_BY_ORDER = {
    OrderStatus.UNPAID: NotCancellableReason.UNPAID,
    OrderStatus.ON_HOLD: NotCancellableReason.ON_HOLD,
}
# From the most to the least advanced: the first that applies is the reason that is shown.
_BLOCKED_BY_PACKAGE = {
    PackageStatus.DELIVERED: NotCancellableReason.SHIPPED,
    PackageStatus.IN_TRANSIT: NotCancellableReason.SHIPPED,
    PackageStatus.AWAITING_COLLECTION: NotCancellableReason.AWAITING_COLLECTION,
}


@value
class Verdict:
    """How many units may be cancelled; `reason` says why none can, and is None otherwise."""

    quantity: int
    reason: NotCancellableReason | None

    @property
    def is_cancellable(self) -> bool:
        return self.reason is None


@value
class Eligibility:
    """Every verdict about an order. Keys are positions: of items, of packages, and (package, item) of package items."""

    order: Verdict
    items: dict[int, Verdict]
    packages: dict[int, Verdict]
    package_items: dict[tuple[int, int], Verdict]

    @property
    def items_cancellable(self) -> bool:
        return any(verdict.is_cancellable for verdict in self.items.values())


def eligibility(order: Order) -> Eligibility:
    """The verdicts on everything of an order, each made once."""
    items: dict[int, list[tuple[PackageStatus, int]]] = {item.position: [] for item in order.items}
    packages: dict[int, list[tuple[PackageStatus, int]]] = {package.position: [] for package in order.packages}
    package_items: dict[tuple[int, int], Verdict] = {}
    for package, packed in order.package_items():
        units = (package.status, packed.live_quantity)
        items[packed.item].append(units)
        packages[package.position].append(units)
        package_items[package.position, packed.item] = _verdict(order, [units], OPEN_FOR_ITEMS)
    return Eligibility(
        order=_whole_order(order),
        items={position: _verdict(order, units, OPEN_FOR_ITEMS) for position, units in items.items()},
        packages={position: _verdict(order, units, OPEN_WHOLE) for position, units in packages.items()},
        package_items=package_items,
    )


def _whole_order(order: Order) -> Verdict:
    """One live package that has left blocks the whole order."""
    units = [(package.status, packed.live_quantity) for package, packed in order.package_items()]
    gone = [(status, live) for status, live in units if live and status not in OPEN_WHOLE]
    return _verdict(order, gone or units, OPEN_WHOLE)


def _verdict(
    order: Order, units: Iterable[tuple[PackageStatus, int]], open_statuses: frozenset[PackageStatus]
) -> Verdict:
    """The verdict on units, given as pairs of their package's status and how many of them are live."""
    live = [(status, quantity) for status, quantity in units if quantity]
    if not live:
        return Verdict(0, NotCancellableReason.ALREADY_CANCELLED)
    if order.status in _BLOCKED_BY_ORDER:
        return Verdict(0, _BLOCKED_BY_ORDER[order.status])
    if free := sum(quantity for status, quantity in live if status in open_statuses):
        return Verdict(free, None)
    statuses = {status for status, _ in live}
    return Verdict(0, next(reason for status, reason in _BLOCKED_BY_PACKAGE.items() if status in statuses))
