"""Checks the packages of an incoming order; an order without any gets one that holds everything."""

from collections import Counter
from collections.abc import Mapping, Sequence

from domain.intake.notes import Notes
from domain.rules.order import OrderItem, Package, PackageItem
from domain.rules.order_input import OrderInput, PackageInput, PackageItemInput
from domain.rules.texts import LONGEST_NUMBER
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


def checked_packages(given: OrderInput, items: Sequence[OrderItem], notes: Notes) -> tuple[Package, ...]:
    """The packages to store; every package of a CANCELLED order is CANCELLED."""
    if not given.packages:
        return _one_package(given, items, notes)
    for index in repeated([package.number for package in given.packages]):
        notes.refuse("repeats the number of an earlier package", "packages", str(index), "number")
    positions = {item.ref: position for position, item in enumerate(given.items, 1)}
    is_cancelled = given.status is OrderStatus.CANCELLED
    return tuple(
        _package(index, package, PackageStatus.CANCELLED if is_cancelled else package.status, positions, notes=notes)
        for index, package in enumerate(given.packages)
    )


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


def _one_package(given: OrderInput, items: Sequence[OrderItem], notes: Notes) -> tuple[Package, ...]:
    status = _OF_ONE_PACKAGE.get(given.status)
    if status is None:
        notes.has_bad_units = True
        notes.refuse("must not be PARTIALLY_SHIPPING without packages", "status")
        return ()
    content = tuple(_packed(item.position, item.quantity, status) for item in items)
    return (Package(1, f"{given.number}-1", status, None, None, content),)


def _package(
    index: int, given: PackageInput, status: PackageStatus, positions: Mapping[str, int], *, notes: Notes
) -> Package:
    path = ("packages", str(index))
    if not given.items:
        notes.refuse("must not be empty", *path, "items", code=FulfillmentErrorCode.EMPTY_SELECTION)
    for entry in repeated([packed.ref for packed in given.items]):
        what = "repeats the ref of an earlier entry in this package"
        notes.refuse(what, *path, "items", str(entry), "ref", code=FulfillmentErrorCode.DUPLICATE_ITEM)
    return Package(
        position=index + 1,
        number=notes.number(given.number, *path, "number"),
        status=status,
        carrier=notes.optional(given.carrier, *path, "carrier"),
        tracking_number=notes.optional(given.tracking_number, *path, "trackingNumber", longest=LONGEST_NUMBER),
        items=tuple(
            _packed(position, packed.quantity, status)
            for entry, packed in enumerate(given.items)
            if (position := _position(packed, positions, notes, (*path, "items", str(entry))))
        ),
    )


def _position(given: PackageItemInput, positions: Mapping[str, int], notes: Notes, path: Sequence[str]) -> int | None:
    """The position of the item, None if there is none with this ref."""
    position = positions.get(given.ref)
    if position is None:
        notes.has_bad_units = True
        notes.refuse("does not match any item of the order", *path, "ref", code=FulfillmentErrorCode.NOT_FOUND)
    notes.quantity(given.quantity, *path, "quantity")
    return position


def _packed(item: int, quantity: int, status: PackageStatus) -> PackageItem:
    return PackageItem(item, quantity, quantity if status is PackageStatus.CANCELLED else 0)
