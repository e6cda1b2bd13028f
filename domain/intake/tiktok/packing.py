"""Puts the units of a marketplace's order into packages (docs/rules.md, "Orders in the marketplace's format")."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from domain.intake.findings import Findings
from domain.intake.tiktok.texts import kept, name
from domain.intake.tiktok.units import PROGRESS, Unit, more_advanced
from domain.rules.order import value
from domain.rules.order_input import PackageInput, PackageItemInput
from domain.rules.texts import LONGEST_NUMBER, made_numbers
from domain.rules.vocabulary import ImportNoteCode, PackageStatus

_ORDER = (*PROGRESS, PackageStatus.CANCELLED)


@value
class Packed:
    """`numbered_here` are the numbers of the packages that the source does not name."""

    packages: tuple[PackageInput, ...]
    numbered_here: frozenset[str]


def packed(order_number: str, units: Sequence[Unit], refs: Mapping[int, str], findings: Findings) -> Packed:
    """The packages of the order; `refs` are those of the units' items, by index.

    Packages that the source names come first, then one for each status among the live units without a package.
    """
    packing = _Packing(findings)
    cancelled = []
    for index, unit in enumerate(units):
        if unit.status is PackageStatus.CANCELLED:
            cancelled.append(index)
        else:
            packing.add(index, unit, refs[index])
    for index in cancelled:  # a package is what its live units say, so these come first
        packing.add(index, units[index], refs[index])
    return packing.packed(order_number)


class _Packing:
    """Takes the units of one order, live ones first."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._named = defaultdict[str, _Package](_Package)
        self._made = defaultdict[PackageStatus, _Package](_Package)

    def add(self, index: int, unit: Unit, ref: str) -> None:
        package = self._package(unit)
        if package.status is PackageStatus.CANCELLED:
            package.status = unit.status
        elif unit.status not in (package.status, PackageStatus.CANCELLED):
            advanced = more_advanced(package.status, unit.status)
            what = f"is {unit.status.name} in a package that is {package.status.name}: {advanced.name} counts for both"
            self._findings.note(ImportNoteCode.STATUS_CONFLICT, what, "line_items", str(index))
            package.status = advanced
        package.add(index, unit, ref, self._findings)

    def packed(self, order_number: str) -> Packed:
        made: dict[str, _Package] = {}
        if self._made:  # pragma: no mutate: only saves time
            numbers = made_numbers(order_number, self._named)
            made = {next(numbers): self._made[status] for status in _ORDER if status in self._made}
        packages = [package.input(number) for number, package in (self._named | made).items()]
        return Packed(tuple(packages), frozenset(made))

    def _package(self, unit: Unit) -> "_Package":
        if unit.package:
            return self._named[unit.package]
        if unit.status is PackageStatus.CANCELLED and self._made:
            return self._made[min(self._made, key=_ORDER.index)]
        return self._made[unit.status]


class _Package:
    """A package that is being filled; CANCELLED until a live unit comes."""

    def __init__(self) -> None:
        self.status = PackageStatus.CANCELLED
        self._carrier = ""
        self._tracking_number = ""
        self._quantities: dict[str, int] = {}
        self._cancelled: dict[str, int] = {}

    def add(self, index: int, unit: Unit, ref: str, findings: Findings) -> None:
        line, is_cancelled = unit.line, unit.status is PackageStatus.CANCELLED
        self._quantities[ref] = self._quantities.get(ref, 0) + 1
        if is_cancelled:
            self._cancelled[ref] = self._cancelled.get(ref, 0) + 1
            if self.status is not PackageStatus.CANCELLED:
                return
        if not self._carrier and "shipping_provider_name" in line:
            path = ("line_items", str(index), "shipping_provider_name")
            self._carrier = name(line["shipping_provider_name"], findings, *path)
        if not self._tracking_number and "tracking_number" in line:
            path = ("line_items", str(index), "tracking_number")
            self._tracking_number = kept(line["tracking_number"], findings, *path, longest=LONGEST_NUMBER)

    def input(self, number: str) -> PackageInput:
        held = [PackageItemInput(ref, quantity, self._cancelled.get(ref)) for ref, quantity in self._quantities.items()]
        return PackageInput(number, self.status, tuple(held), self._carrier or None, self._tracking_number or None)
