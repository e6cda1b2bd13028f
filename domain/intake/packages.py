"""Checks the packages of an incoming order; an order without any gets one that holds everything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.intake.findings import Findings
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


def checked_packages(incoming: Incoming, items: Sequence[OrderItem], findings: Findings) -> tuple[Package, ...]:
    """The packages to store; every package of a CANCELLED order, or without a live unit, is CANCELLED."""
    given = incoming.order
    if not given.packages:
        return _one_package(given, items, findings)
    for index in repeated([package.number for package in given.packages]):
        findings.refuse("repeats the number of an earlier package", "packages", str(index), "number")
    positions = {item.ref: position for position, item in enumerate(given.items, 1)}
    reader = _Reader(incoming, positions, findings)
    return tuple(reader.package(index, package) for index, package in enumerate(given.packages))


def units(packages: Sequence[Package]) -> Counter[int]:
    """The units in the packages, keyed by item position."""
    found = Counter[int]()
    for package in packages:
        for packed in package.items:
            found[packed.item] += packed.quantity
    return found


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
        is_cancelled = self._is_cancelled or given.status is PackageStatus.CANCELLED
        package = Package(
            position=index + 1,
            number=findings.number(given.number, *path, "number", longest=longest),
            status=given.status,
            carrier=findings.optional(given.carrier, *path, "carrier"),
            tracking_number=findings.optional(given.tracking_number, *path, "trackingNumber", longest=LONGEST_NUMBER),
            is_numbered_here=is_numbered_here,
            items=tuple(
                _packed(position, packed, is_cancelled=is_cancelled)
                for entry, packed in enumerate(given.items)
                if (position := self._position(packed, (*path, "items", str(entry))))
            ),
        )
        return package if package.is_live else replace(package, status=PackageStatus.CANCELLED)

    def _position(self, given: PackageItemInput, path: Sequence[str]) -> int | None:
        """The position of the item; None if there is none with this ref."""
        findings, position = self._findings, self._positions.get(given.ref)
        if position is None:
            findings.has_bad_units = True
            findings.refuse("does not match any item of the order", *path, "ref", code=FulfillmentErrorCode.NOT_FOUND)
        quantity = findings.quantity(given.quantity, *path, "quantity")
        if not 0 <= (given.cancelled_quantity or 0) <= max(quantity, 0):
            what = "must be between 0 and the quantity"
            findings.refuse(what, *path, "cancelledQuantity", code=FulfillmentErrorCode.INVALID_QUANTITY)
        return position


def _packed(item: int, given: PackageItemInput, *, is_cancelled: bool) -> PackageItem:
    return PackageItem(item, given.quantity, given.quantity if is_cancelled else given.cancelled_quantity or 0)
