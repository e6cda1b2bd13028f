"""Tells the state of each unit, which is its own (docs/rules.md, "Orders in the marketplace's format")."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from domain.intake.findings import Findings
from domain.intake.tiktok.texts import kept, words
from domain.intake.tiktok.wire import LineItem
from domain.rules.order import value
from domain.rules.texts import LONGEST_NUMBER, cut, without_control_characters
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus

# From the least advanced on.
PROGRESS = (
    PackageStatus.AWAITING_SHIPMENT,
    PackageStatus.AWAITING_COLLECTION,
    PackageStatus.IN_TRANSIT,
    PackageStatus.DELIVERED,
)
PACKAGE_STATUSES = {
    "TO_FULFILL": PackageStatus.AWAITING_SHIPMENT,
    "PROCESSING": PackageStatus.AWAITING_COLLECTION,
    "FULFILLING": PackageStatus.IN_TRANSIT,
    "COMPLETED": PackageStatus.DELIVERED,
    "CANCELLED": PackageStatus.CANCELLED,
}
# None says nothing of a unit.
DISPLAY_STATUSES = {
    "UNPAID": PackageStatus.AWAITING_SHIPMENT,
    "ON_HOLD": PackageStatus.AWAITING_SHIPMENT,
    "AWAITING_SHIPMENT": PackageStatus.AWAITING_SHIPMENT,
    "PARTIALLY_SHIPPING": None,
    "AWAITING_COLLECTION": PackageStatus.AWAITING_COLLECTION,
    "IN_TRANSIT": PackageStatus.IN_TRANSIT,
    "DELIVERED": PackageStatus.DELIVERED,
    "COMPLETED": PackageStatus.DELIVERED,
    "CANCELLED": PackageStatus.CANCELLED,
}
_NO_PACKAGE = frozenset({"", "0"})
_LONGEST_WORD = 50


@value
class Unit:
    """`package` is empty if the source names none; a unit that is not live is CANCELLED."""

    line: LineItem
    package: str
    status: PackageStatus


def units(lines: Sequence[LineItem], order_status: OrderStatus | None, findings: Findings) -> list[Unit]:
    """Every unit in its order; `order_status` is None if it is not known."""
    of_order = DISPLAY_STATUSES[order_status.name] if order_status else PackageStatus.AWAITING_SHIPMENT
    return [_unit(index, line, of_order, findings) for index, line in enumerate(lines)]


def more_advanced(one: PackageStatus, other: PackageStatus) -> PackageStatus:
    """The more advanced one of two statuses of live units."""
    return max(one, other, key=PROGRESS.index)


def must_be_one_of(known: Iterable[str], word: str) -> str:
    """Says of a word that it is not known, as a phrase that follows its path."""
    return f'must be one of {", ".join(known)}, not "{cut(without_control_characters(word), _LONGEST_WORD)}"'


def _unit(index: int, line: LineItem, of_order: PackageStatus | None, findings: Findings) -> Unit:
    place = ("line_items", str(index))
    package = kept(line.get("package_id"), findings, *place, "package_id", longest=LONGEST_NUMBER)
    refused = len(findings.problems)
    by_package = _read(line, "package_status", PACKAGE_STATUSES, findings, place)
    by_display = _read(line, "display_status", DISPLAY_STATUSES, findings, place)
    if PackageStatus.CANCELLED in (by_package, by_display, of_order):
        status: PackageStatus | None = PackageStatus.CANCELLED
    elif by_package and by_display and by_package is not by_display:
        status = more_advanced(by_package, by_display)
        what = f"is {by_package.name} by package_status but {by_display.name} by display_status"
        findings.note(ImportNoteCode.STATUS_CONFLICT, f"{what}: {status.name} counts", *place)
    else:
        status = by_package or by_display or of_order
    if status is None and len(findings.problems) == refused:
        what = "has no status of its own, and PARTIALLY_SHIPPING says nothing of a single unit"
        findings.refuse(f"{_id(line)}{what}", *place)
    return Unit(line, "" if package in _NO_PACKAGE else package, status or PackageStatus.AWAITING_SHIPMENT)


def _read(
    line: LineItem,
    name: Literal["package_status", "display_status"],
    known: Mapping[str, PackageStatus | None],
    findings: Findings,
    place: Sequence[str],
) -> PackageStatus | None:
    """What a word says of its unit; None if nothing, or if it is refused."""
    word = line.get(name)
    if not word:
        return None
    if word not in known:
        findings.refuse(f"{_id(line)}{must_be_one_of(known, word)}", *place, name)
        return None
    return known[word]


def _id(line: LineItem) -> str:
    """The unit's id, to begin a phrase that follows its path; empty if there is none that can be shown."""
    given = line.get("id")
    shown = words(given, _LONGEST_WORD) if isinstance(given, str) else ""
    return f"(id {shown}) " if shown and shown.isprintable() else ""
