"""Resolves a request to units, or to every problem with it (docs/rules.md, "What may be cancelled")."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from domain.rules import ids
from domain.rules.eligibility import UNLOCKS, Verdict, eligibility
from domain.rules.order import (
    ItemEntry,
    ItemsSelection,
    Order,
    OrderSelection,
    Package,
    PackageSelection,
    Pick,
    Selection,
    value,
)
from domain.rules.outcomes import NO_ORDER, NO_PACKAGE, CancellationProblem, Problem
from domain.rules.table import table
from domain.rules.vocabulary import CancellationErrorCode, CancellationReason, CancellationScope, NotCancellableReason

_SCOPES: dict[type[Selection], CancellationScope] = {
    ItemsSelection: CancellationScope.ITEMS,
    PackageSelection: CancellationScope.PACKAGE,
    OrderSelection: CancellationScope.ORDER,
}


@table(NotCancellableReason)
def _WHY_NOT(reason: NotCancellableReason) -> str:  # noqa: N802 it becomes a table
    match reason:
        case NotCancellableReason.UNPAID:
            return "the order has not been paid"
        case NotCancellableReason.ON_HOLD:
            return "the order is on hold"
        case NotCancellableReason.AWAITING_COLLECTION:
            return "the package is waiting for the carrier and can only be cancelled whole"
        case NotCancellableReason.SHIPPED:
            return "the carrier has collected it"
        case NotCancellableReason.ALREADY_CANCELLED:
            return "nothing is left to cancel"
        case _:
            assert_never(reason)


@value
class Judgement:
    """Every problem, or else the units, sorted by item, then by package number."""

    problems: tuple[CancellationProblem, ...]
    picks: tuple[Pick, ...]


def scope_of(selection: Selection) -> CancellationScope:
    return _SCOPES[type(selection)]


def duplicates(entries: Sequence[ItemEntry]) -> set[int]:
    """The indexes of entries that repeat the item and package of an earlier one."""
    seen: set[tuple[str, str | None]] = set()
    found: set[int] = set()
    for index, entry in enumerate(entries):
        key = (entry.item_id, entry.package_id)
        if key in seen:
            found.add(index)
        seen.add(key)
    return found


def judge(order: Order | None, selection: Selection, reason: CancellationReason) -> Judgement:
    """Judges a request for `order`, which is None if the shop has no such order or package."""
    reason_problems = _not_unlocked(reason, scope_of(selection))
    if isinstance(selection, ItemsSelection):
        return _judge_items(order, selection.entries, reason_problems)
    if isinstance(selection, PackageSelection):
        return _judge_package(order, selection.package_id, reason_problems)
    return _judge_order(order, reason_problems)


def _judge_items(
    order: Order | None, entries: Sequence[ItemEntry], reason_problems: list[CancellationProblem]
) -> Judgement:
    message = "Select at least one item to cancel."
    problems = [] if entries else [Problem(CancellationErrorCode.EMPTY_SELECTION, message, ("items",))]
    problems += reason_problems
    if order is None:
        return Judgement((_order_not_found(), *problems, *_without_order(entries)), ())
    entry_problems, picks = _serve(order, entries)
    return _judgement(problems + entry_problems, picks)


def _judge_package(order: Order | None, package_id: str, reason_problems: list[CancellationProblem]) -> Judgement:
    package = ids.find_package(order, package_id) if order else None
    if order is None or package is None:
        code = CancellationErrorCode.PACKAGE_NOT_FOUND
        return Judgement((Problem(code, NO_PACKAGE, ("packageId",), package_id=package_id), *reason_problems), ())
    verdict = eligibility(order).packages[package.position]
    return _judgement(reason_problems + _whole_refused(verdict, "packageId", package_id), _live_units(package))


def _judge_order(order: Order | None, reason_problems: list[CancellationProblem]) -> Judgement:
    if order is None:
        return Judgement((_order_not_found(), *reason_problems), ())
    verdicts = eligibility(order)
    blocking: list[str | None] = [None]
    if verdicts.order.reason is NotCancellableReason.SHIPPED:
        blocking = [
            ids.of_package(order.id, package.position)
            for package in order.packages
            if verdicts.packages[package.position].reason is NotCancellableReason.SHIPPED
        ]
    refused = [problem for package_id in blocking for problem in _whole_refused(verdicts.order, "orderId", package_id)]
    return _judgement(reason_problems + refused, [pick for package in order.packages for pick in _live_units(package)])


def _judgement(problems: list[CancellationProblem], picks: list[Pick]) -> Judgement:
    """`picks` must be sorted by package number; sorting by item is stable."""
    return Judgement(tuple(problems), () if problems else tuple(sorted(picks, key=lambda pick: pick.item)))


def _without_order(entries: Sequence[ItemEntry]) -> list[CancellationProblem]:
    repeated = duplicates(entries)
    judged = (_wrong_by_itself(i, entry, is_duplicate=i in repeated) for i, entry in enumerate(entries))
    return [problem for problem in judged if problem]


def _serve(order: Order, entries: Sequence[ItemEntry]) -> tuple[list[CancellationProblem], list[Pick]]:
    """Serves entries with a package first, the others from the rest; refused entries take nothing."""
    units = _Units(order)
    repeated = duplicates(entries)
    problems: dict[int, CancellationProblem] = {}
    for index, entry in sorted(enumerate(entries), key=lambda numbered: numbered[1].package_id is None):
        problem = units.refuse(index, entry, is_duplicate=index in repeated)
        if problem:
            problems[index] = problem
        else:
            units.take(entry)
    return [problem for _, problem in sorted(problems.items())], units.picks()


class _Units:
    """An order's units, from which the entries of a request are served."""

    def __init__(self, order: Order) -> None:
        self._verdicts = eligibility(order)
        self._items = {ids.of_item(order.id, item.position): item.position for item in order.items}
        # (package, item) positions, by an entry's ids; without a package id, all of the item's by package number.
        self._places = defaultdict[tuple[str, str | None], list[tuple[int, int]]](list)
        for package, packed in order.package_items():
            item_id, package_id = ids.of_item(order.id, packed.item), ids.of_package(order.id, package.position)
            for key in ((item_id, package_id), (item_id, None)):
                self._places[key].append((package.position, packed.item))
        self._free = {place: verdict.quantity for place, verdict in self._verdicts.package_items.items()}

    def refuse(self, index: int, entry: ItemEntry, *, is_duplicate: bool) -> CancellationProblem | None:
        """The first problem with the entry."""
        item = self._items.get(entry.item_id)
        if item is None:
            message = "The order has no item with this id."
            return _of_entry(CancellationErrorCode.ITEM_NOT_FOUND, message, index, "itemId", entry)
        places = self._places[entry.item_id, entry.package_id]
        if not places:
            message = "The order has no package with this id that holds units of this item."
            return _of_entry(CancellationErrorCode.PACKAGE_NOT_FOUND, message, index, "packageId", entry)
        if problem := _wrong_by_itself(index, entry, is_duplicate=is_duplicate):
            return problem
        by_item = entry.package_id is None
        verdict = self._verdicts.items[item] if by_item else self._verdicts.package_items[places[0]]
        if verdict.reason:
            message = f"No unit can be cancelled: {_WHY_NOT[verdict.reason]}."
            problem = _of_entry(CancellationErrorCode.NOT_CANCELLABLE, message, index, "itemId", entry)
            return replace(problem, not_cancellable_reason=verdict.reason)
        left = sum(self._free[place] for place in places)
        if entry.quantity > left:
            message = f"You asked for {entry.quantity}, but only {left} can be cancelled."
            problem = _of_entry(CancellationErrorCode.QUANTITY_EXCEEDED, message, index, "quantity", entry)
            return replace(problem, cancellable_quantity=left)
        return None

    def take(self, entry: ItemEntry) -> None:
        wanted = entry.quantity
        for place in self._places[entry.item_id, entry.package_id]:
            units = min(wanted, self._free[place])
            self._free[place] -= units
            wanted -= units

    def picks(self) -> list[Pick]:
        """The units taken, sorted by package number."""
        return [
            Pick(item, package, taken)
            for (package, item), verdict in self._verdicts.package_items.items()
            if (taken := verdict.quantity - self._free[package, item])
        ]


def _wrong_by_itself(index: int, entry: ItemEntry, *, is_duplicate: bool) -> CancellationProblem | None:
    """The entry's problem that shows without its order."""
    if entry.quantity < 1:
        return _of_entry(CancellationErrorCode.INVALID_QUANTITY, "Cancel at least 1 unit.", index, "quantity", entry)
    if is_duplicate:
        message = "An earlier entry names this item and package; combine them into one."
        return _of_entry(CancellationErrorCode.DUPLICATE_ITEM, message, index, "itemId", entry)
    return None


def _live_units(package: Package) -> list[Pick]:
    return [
        Pick(packed.item, package.position, packed.live_quantity) for packed in package.items if packed.live_quantity
    ]


def _not_unlocked(reason: CancellationReason, scope: CancellationScope) -> list[CancellationProblem]:
    if scope in UNLOCKS[reason]:
        return []
    message = f"{reason.name} does not unlock {scope.name}; cancellationReasons lists what each reason unlocks."
    return [Problem(CancellationErrorCode.REASON_NOT_ALLOWED, message, ("reason",))]


def _order_not_found() -> CancellationProblem:
    return Problem(CancellationErrorCode.ORDER_NOT_FOUND, NO_ORDER, ("orderId",))


def _whole_refused(verdict: Verdict, argument: str, package_id: str | None) -> list[CancellationProblem]:
    """The problem with cancelling a whole package or order; empty if it can be cancelled."""
    if verdict.reason is None:
        return []
    message = f"It cannot be cancelled: {_WHY_NOT[verdict.reason]}."
    code = CancellationErrorCode.NOT_CANCELLABLE
    return [Problem(code, message, (argument,), package_id=package_id, not_cancellable_reason=verdict.reason)]


def _of_entry(
    code: CancellationErrorCode, message: str, index: int, field: str, entry: ItemEntry
) -> CancellationProblem:
    path = ("items", str(index), field)
    return Problem(code, message, path, item_id=entry.item_id, package_id=entry.package_id)
