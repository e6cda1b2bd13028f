"""Checks the packages of an incoming order; an order without any gets one that holds everything."""

from collections.abc import Mapping, Sequence

from domain.intake.findings import Findings, is_plain
from domain.rules.new_order import MOST_UNITS
from domain.rules.order import OrderItem, Package, PackageItem
from domain.rules.order_input import Incoming, OrderInput, PackageInput, PackageItemInput
from domain.rules.texts import LONGEST_MADE_NUMBER, LONGEST_NUMBER
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus

# The status of the only package when none are given; a partially shipped order must come with its packages.
_OF_ONE_PACKAGE = {
    OrderStatus.UNPAID: PackageStatus.AWAITING_SHIPMENT,
    OrderStatus.ON_HOLD: PackageStatus.AWAITING_SHIPMENT,
    OrderStatus.AWAITING_SHIPMENT: PackageStatus.AWAITING_SHIPMENT,
    OrderStatus.AWAITING_COLLECTION: PackageStatus.AWAITING_COLLECTION,
    OrderStatus.IN_TRANSIT: PackageStatus.IN_TRANSIT,
    OrderStatus.DELIVERED: PackageStatus.DELIVERED,
    OrderStatus.COMPLETED: PackageStatus.DELIVERED,
    OrderStatus.CANCELLED: PackageStatus.CANCELLED,
}


def checked_packages(
    incoming: Incoming, positions: Mapping[str, int], items: Sequence[OrderItem], findings: Findings
) -> tuple[Package, ...]:
    """The packages to store; every package of a CANCELLED order, or without a live unit, is CANCELLED.

    `positions` are those of the items, by ref.
    """
    given = incoming.order
    if not given.packages:
        return _one_package(given, items, findings)
    for index in repeated([package.number for package in given.packages]):
        findings.refuse("repeats the number of an earlier package", "packages", str(index), "number")
    reader = _Reader(incoming, positions, findings)
    return tuple([reader.package(index, package) for index, package in enumerate(given.packages)])


def repeated(names: Sequence[str]) -> list[int]:
    """The indexes of names that repeat an earlier one."""
    if len(set(names)) == len(names):
        return []
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    return [index for index, name in enumerate(names) if first[name] != index]


def _one_package(given: OrderInput, items: Sequence[OrderItem], findings: Findings) -> tuple[Package, ...]:
    status = _OF_ONE_PACKAGE.get(given.status)
    if status is None:
        findings.has_bad_units = True
        findings.refuse("must not be PARTIALLY_SHIPPING without packages", "status")
        return ()
    is_cancelled = status is PackageStatus.CANCELLED
    content = tuple(PackageItem(item.position, item.quantity, item.quantity if is_cancelled else 0) for item in items)
    return (Package(1, f"{given.number}-1", status, None, None, is_numbered_here=True, items=content),)


class _Reader:
    """Reads the packages of one order, whose items have these positions by ref."""

    def __init__(self, incoming: Incoming, positions: Mapping[str, int], findings: Findings) -> None:
        self._numbered_here = incoming.numbered_here
        self._is_cancelled = incoming.order.status is OrderStatus.CANCELLED
        self._positions = positions
        self._findings = findings

    def package(self, index: int, given: PackageInput) -> Package:
        findings, path = self._findings, ("packages", str(index))
        is_numbered_here = given.number in self._numbered_here
        longest = LONGEST_MADE_NUMBER if is_numbered_here else LONGEST_NUMBER
        if not given.items:
            findings.refuse("must not be empty", *path, "items", code=FulfillmentErrorCode.EMPTY_SELECTION)
        for entry in repeated([packed.ref for packed in given.items]):
            what = "repeats the ref of an earlier entry in this package"
            findings.refuse(what, *path, "items", str(entry), "ref", code=FulfillmentErrorCode.DUPLICATE_ITEM)
        carrier, tracking_number = given.carrier or None, given.tracking_number or None
        texts = f"{given.number}{carrier}{tracking_number}"
        if not given.number or not is_plain(texts, LONGEST_NUMBER):  # pragma: no mutate: saves time
            findings.number(given.number, *path, "number", longest=longest)
            findings.optional(carrier, *path, "carrier")
            findings.optional(tracking_number, *path, "trackingNumber", longest=LONGEST_NUMBER)
        items = self._items(given, path)
        is_live = any(packed.live_quantity for packed in items)
        status = given.status if is_live else PackageStatus.CANCELLED
        return Package(index + 1, given.number, status, carrier, tracking_number, is_numbered_here, items)

    def _items(self, given: PackageInput, path: Sequence[str]) -> tuple[PackageItem, ...]:
        is_cancelled = self._is_cancelled or given.status is PackageStatus.CANCELLED
        found = []
        for entry, packed in enumerate(given.items):
            position = self._positions.get(packed.ref)
            quantity, cancelled = packed.quantity, packed.cancelled_quantity or 0
            is_count = 1 <= quantity <= MOST_UNITS  # pragma: no mutate: saves time
            if position is None or not is_count or not 0 <= cancelled <= quantity:  # pragma: no mutate: saves time
                self._refuse(packed, (*path, "items", str(entry)))
            if position:
                found.append(PackageItem(position, quantity, quantity if is_cancelled else cancelled))
        return tuple(found)

    def _refuse(self, given: PackageItemInput, path: Sequence[str]) -> None:
        findings = self._findings
        if given.ref not in self._positions:
            findings.has_bad_units = True
            findings.refuse("does not match any item of the order", *path, "ref", code=FulfillmentErrorCode.NOT_FOUND)
        quantity = findings.quantity(given.quantity, *path, "quantity")
        if not 0 <= (given.cancelled_quantity or 0) <= max(quantity, 0):
            what = "must be between 0 and the quantity"
            findings.refuse(what, *path, "cancelledQuantity", code=FulfillmentErrorCode.INVALID_QUANTITY)
