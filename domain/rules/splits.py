"""Splits a package: moves some of its units to a new one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.rules import ids
from domain.rules.new_order import MOST_PACKAGE_ITEMS
from domain.rules.order import ItemEntry, Order, Package, PackageItem, value
from domain.rules.outcomes import FulfillmentOutcome, FulfillmentProblem, Problem
from domain.rules.selection import duplicates
from domain.rules.status import SET_ON_ORDER
from domain.rules.transitions import no_package
from domain.rules.vocabulary import FulfillmentErrorCode, PackageStatus


@value
class PackageSplit:
    """The units that move to a new package; entries have no package id."""

    package_id: str
    entries: tuple[ItemEntry, ...]


def split_package(order: Order | None, split: PackageSplit) -> FulfillmentOutcome:
    """Moves these units to a package of their own; cancelled units stay."""
    message = "Name at least one item to move."
    problems = [] if split.entries else [_refused(message, FulfillmentErrorCode.EMPTY_SELECTION, "items")]
    package = ids.find_package(order, split.package_id) if order else None
    if order is None or package is None:
        wrong = (wrong for wrong in _wrong_by_themselves(split.entries) if wrong)
        return FulfillmentOutcome(problems=(no_package(), *problems, *wrong))
    problems = [*_not_split(order, package), *problems]
    problems += _entry_problems(order, package, split.entries, is_open=not problems)
    if problems:
        return FulfillmentOutcome(order, package=package, problems=tuple(problems))
    quantities = {entry.item_id: entry.quantity for entry in split.entries}
    moving = {packed.item: quantities.get(ids.of_item(order.id, packed.item), 0) for packed in package.items}
    left = replace(package, items=_without(package, moving))
    new = Package(
        position=1 + max(each.position for each in order.packages),
        number=_free_number(order, package.number),
        status=package.status,
        carrier=None,
        tracking_number=None,
        is_numbered_here=True,
        items=tuple(PackageItem(item, quantity, 0) for item, quantity in moving.items() if quantity),
    )
    packages = [new, *(left if each is package else each for each in order.packages)]
    after = replace(order, packages=tuple(sorted(packages, key=lambda each: each.number)))
    return FulfillmentOutcome(after, package=left, new_package=new)


def _not_split(order: Order, package: Package) -> list[FulfillmentProblem]:
    if package.status is PackageStatus.AWAITING_SHIPMENT and order.status not in SET_ON_ORDER:
        return []
    message = f"A package that is {package.status.name} in an order that is {order.status.name} cannot be split."
    return [_refused(message, FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, "packageId")]


def _entry_problems(
    order: Order, package: Package, entries: Sequence[ItemEntry], *, is_open: bool
) -> list[FulfillmentProblem]:
    """At most one per entry, in their order. Quantities are checked only if the package `is_open` to splitting."""
    live = {ids.of_item(order.id, packed.item): packed.live_quantity for packed in package.items}
    wrong = _wrong_by_themselves(entries)
    problems = []
    for index, entry in enumerate(entries):
        if entry.item_id not in live:
            message = "The package holds no units of an item with this id."
            problems.append(_refused(message, FulfillmentErrorCode.NOT_FOUND, "items", str(index), "itemId"))
        elif alone := wrong[index]:
            problems.append(alone)
        elif is_open and entry.quantity > live[entry.item_id]:
            message = f"You asked for {entry.quantity}, but the package holds {live[entry.item_id]}."
            problems.append(_refused(message, FulfillmentErrorCode.QUANTITY_EXCEEDED, "items", str(index), "quantity"))
    if problems or not is_open:
        return problems
    return _impossible_split(order, sum(live.values()), entries)


def _impossible_split(order: Order, live: int, entries: Sequence[ItemEntry]) -> list[FulfillmentProblem]:
    """Problems with the entries together, each of them being valid; `live` counts the package's live units."""
    messages = []
    if sum(entry.quantity for entry in entries) == live:
        messages.append("At least one unit must stay in the package.")
    if sum(len(package.items) for package in order.packages) + len(entries) > MOST_PACKAGE_ITEMS:
        messages.append(f"An order can have at most {MOST_PACKAGE_ITEMS:,} package items; this would exceed that.")
    return [_refused(message, FulfillmentErrorCode.INVALID_VALUE, "items") for message in messages]


def _wrong_by_themselves(entries: Sequence[ItemEntry]) -> list[FulfillmentProblem | None]:
    """For each entry, the problem that shows without its package."""
    repeated = duplicates(entries)
    found: list[FulfillmentProblem | None] = []
    for index, entry in enumerate(entries):
        if entry.quantity < 1:
            message = "Move at least 1 unit."
            found.append(_refused(message, FulfillmentErrorCode.INVALID_QUANTITY, "items", str(index), "quantity"))
        elif index in repeated:
            message = "An earlier entry names this item; combine them into one."
            found.append(_refused(message, FulfillmentErrorCode.DUPLICATE_ITEM, "items", str(index), "itemId"))
        else:
            found.append(None)
    return found


def _without(package: Package, units: Mapping[int, int]) -> tuple[PackageItem, ...]:
    """The package's items without these units, which are keyed by item position."""
    left = (replace(packed, quantity=packed.quantity - units[packed.item]) for packed in package.items)
    return tuple(packed for packed in left if packed.quantity)


def _free_number(order: Order, number: str) -> str:
    """The package's number with the first free suffix: -2, -3, ...

    There is one among as many suffixes as packages: the package's own number takes none.
    """
    taken = {package.number for package in order.packages}
    return next(free for suffix, _ in enumerate(taken, 2) if (free := f"{number}-{suffix}") not in taken)


def _refused(message: str, code: FulfillmentErrorCode, *path: str) -> FulfillmentProblem:
    return Problem(code, message, path)
