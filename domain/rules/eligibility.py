"""Decides what may be cancelled, and why not (docs/rules.md, "What may be cancelled").

These verdicts are the one policy behind `cancellable` fields, previews and mutations.
"""

from typing import assert_never

from domain.rules.order import Order, value
from domain.rules.table import table
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    NotCancellableReason,
    OrderStatus,
    PackageStatus,
)

_ANY_SCOPE = (CancellationScope.ITEMS, CancellationScope.PACKAGE, CancellationScope.ORDER)
_WHOLE_ONLY = (CancellationScope.PACKAGE, CancellationScope.ORDER)


@table(CancellationReason)
def UNLOCKS(reason: CancellationReason) -> tuple[CancellationScope, ...]:  # noqa: N802 it becomes a table
    """The scopes that a reason unlocks."""
    match reason:
        case CancellationReason.OUT_OF_STOCK:
            return _ANY_SCOPE
        case CancellationReason.PRICING_ERROR | CancellationReason.UNDELIVERABLE_ADDRESS:
            return _WHOLE_ONLY
        case CancellationReason.BUYER_REQUESTED | CancellationReason.OTHER:
            return _WHOLE_ONLY
        case _:
            assert_never(reason)


@value
class Verdict:
    """The number of units that may be cancelled; `reason` is set only if it is 0."""

    quantity: int
    reason: NotCancellableReason | None

    @property
    def is_cancellable(self) -> bool:
        return self.reason is None


_SHIPPED = Verdict(0, NotCancellableReason.SHIPPED)
_AWAITING_COLLECTION = Verdict(0, NotCancellableReason.AWAITING_COLLECTION)
_ALREADY_CANCELLED = Verdict(0, NotCancellableReason.ALREADY_CANCELLED)

# Order statuses that block every cancellation.
_BLOCKED = {
    OrderStatus.UNPAID: Verdict(0, NotCancellableReason.UNPAID),
    OrderStatus.ON_HOLD: Verdict(0, NotCancellableReason.ON_HOLD),
}


@table(PackageStatus)
def _BY_ITEM(status: PackageStatus) -> Verdict | None:  # noqa: N802 it becomes a table
    """The refusal of single items in a package with this status."""
    match status:
        case PackageStatus.AWAITING_SHIPMENT:
            return None
        case PackageStatus.AWAITING_COLLECTION:
            return _AWAITING_COLLECTION
        case PackageStatus.IN_TRANSIT | PackageStatus.DELIVERED:
            return _SHIPPED
        case PackageStatus.CANCELLED:
            return _ALREADY_CANCELLED
        case _:
            assert_never(status)


_WHOLE = _BY_ITEM | {PackageStatus.AWAITING_COLLECTION: None}
OPEN_FOR_ITEMS = frozenset(status for status, refusal in _BY_ITEM.items() if refusal is None)

# The first of several refusals is shown; ALREADY_CANCELLED only when it is the only one.
_FOREMOST = (*_BLOCKED.values(), _SHIPPED, _AWAITING_COLLECTION)


@value
class Eligibility:
    """Every verdict on an order, keyed by position; package items are keyed by (package, item)."""

    order: Verdict
    items: dict[int, Verdict]
    packages: dict[int, Verdict]
    package_items: dict[tuple[int, int], Verdict]

    @property
    def items_cancellable(self) -> bool:
        return any(verdict.is_cancellable for verdict in self.items.values())


def eligibility(order: Order) -> Eligibility:
    """The verdicts on an order and all its parts."""
    blocked = _BLOCKED.get(order.status)
    items: dict[int, list[Verdict]] = {item.position: [] for item in order.items}
    packages: dict[int, Verdict] = {}
    package_items: dict[tuple[int, int], Verdict] = {}
    for package in order.packages:
        by_item = blocked or _BY_ITEM[package.status]
        live = 0
        for packed in package.items:
            verdict = _verdict(packed.live_quantity, by_item)
            package_items[package.position, packed.item] = verdict
            items[packed.item].append(verdict)
            live += packed.live_quantity
        packages[package.position] = _verdict(live, blocked or _WHOLE[package.status])
    whole = [*packages.values()]
    return Eligibility(
        # One shipped live package blocks the whole order.
        order=_SHIPPED if _SHIPPED in whole else _together(whole),
        items={position: _together(verdicts) for position, verdicts in items.items()},
        packages=packages,
        package_items=package_items,
    )


def _verdict(live: int, refusal: Verdict | None) -> Verdict:
    """The verdict on `live` units in one place; None as `refusal` allows it."""
    if not live:
        return _ALREADY_CANCELLED
    return refusal or Verdict(live, None)


def _together(verdicts: list[Verdict]) -> Verdict:
    """The verdict on units in several places."""
    if quantity := sum([verdict.quantity for verdict in verdicts]):
        return Verdict(quantity, None)
    return next((refusal for refusal in _FOREMOST if refusal in verdicts), _ALREADY_CANCELLED)
