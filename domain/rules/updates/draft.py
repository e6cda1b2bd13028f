"""An order while it is brought up to date: what was done to it so far, in the order of the events."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from domain.rules.order import ImportNote, Order, Package, PackageItem
from domain.rules.status import order_status
from domain.rules.texts import made_numbers
from domain.rules.updates.acts import Act, CancelledThere, PackageMoved, Repacked
from domain.rules.updates.told import ToldPackage
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus

# How far a package has come.
RANK = {status: rank for rank, status in enumerate(PackageStatus)}
_MOST_NAMED = 3


class Draft:
    """Packages are given by position."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.packages = {package.position: package for package in order.packages}
        self.acts: list[Act] = []
        self.notes: list[ImportNote] = []

    def note(self, code: ImportNoteCode, message: str) -> None:
        note = ImportNote(code, message)
        if note not in self.notes:
            self.notes.append(note)

    def live(self) -> dict[int, Counter[int]]:
        """The live units of each package, by item."""
        return {
            position: +Counter({packed.item: packed.live_quantity for packed in package.items})
            for position, package in self.packages.items()
        }

    def number(self, position: int) -> str:
        return self.packages[position].number

    def by_number(self) -> list[Package]:
        return sorted(self.packages.values(), key=lambda package: package.number)

    def named(self, number: str | None) -> Package | None:
        return next((package for package in self.packages.values() if package.number == number), None)

    def least_advanced(self) -> list[Package]:
        """Least advanced first, then by number."""
        return sorted(self.by_number(), key=lambda package: RANK[package.status])

    def cancel(self, act: CancelledThere) -> None:
        self.order = act.plan.after
        self.packages = {package.position: package for package in self.order.packages}
        self.acts.append(act)

    def create(self, number: str, status: PackageStatus, told: ToldPackage | None = None) -> int:
        """A new package without units; its number is ours unless the source has told of it."""
        position = 1 + max(self.packages)
        carrier, tracking_number = (told.carrier, told.tracking_number) if told else (None, None)
        self.packages[position] = Package(
            position, number, status, carrier, tracking_number, is_numbered_here=told is None, items=()
        )
        return position

    def move(self, source: int, target: int, units: Mapping[int, int]) -> None:
        """Moves live units."""
        self.packages[source] = _with(self.packages[source], {item: -count for item, count in units.items()})
        self.packages[target] = _with(self.packages[target], units)
        self.acts.append(Repacked(source, target))
        places = f"from package {self.number(source)} to {self.number(target)}"
        self.note(ImportNoteCode.REPACKED, f"Moved {places}: {self.described(units)}.")

    def end_empty(self) -> None:
        """Packages that have lost their last live unit become CANCELLED."""
        for package in self.by_number():
            if not package.is_live and package.status is not PackageStatus.CANCELLED:
                self.packages[package.position] = replace(package, status=PackageStatus.CANCELLED)
                self.acts.append(PackageMoved(package.position, package.status, PackageStatus.CANCELLED))

    def set_status(self, position: int, status: PackageStatus) -> None:
        package = self.packages[position]
        self.packages[position] = replace(package, status=status)
        self.acts.append(PackageMoved(position, package.status, status))
        message = f"Package {package.number} went from {package.status.name} to {status.name}."
        self.note(ImportNoteCode.PACKAGE_STATUS, message)

    def change(self, position: int, **fields: str | bool | None) -> None:
        """Changes a package's number, carrier or tracking number."""
        self.packages[position] = replace(self.packages[position], **fields)  # type: ignore[arg-type] # its fields

    def free_number(self) -> str:
        """The next number of ours that is free."""
        return next(made_numbers(self.order.number, {package.number for package in self.packages.values()}))

    def described(self, units: Mapping[int, int]) -> str:
        """Such as "2 units of SKU x and 1 unit of SKU y", for a note."""
        skus = {item.position: item.sku for item in self.order.items}
        counts = Counter[str]()
        for item, count in units.items():
            counts[skus[item]] += count
        parts = [f"{count} unit{'' if count == 1 else 's'} of SKU {sku}" for sku, count in counts.items()]
        if len(parts) > _MOST_NAMED:
            parts = [*parts[:_MOST_NAMED], f"units of {len(parts) - _MOST_NAMED} more SKUs"]
        return " and ".join(parts)

    def finished(self, present: OrderStatus) -> Order:
        """The order with these packages; `present` is the status that is set on it, if one is."""
        packages = tuple(self.by_number())
        return replace(self.order, packages=packages, status=order_status(present, packages))


def _with(package: Package, units: Mapping[int, int]) -> Package:
    """The package with so many more live units of each item, or less."""
    held = {packed.item: packed for packed in package.items}
    for item, count in units.items():
        packed = held.get(item, PackageItem(item, 0, 0))
        held[item] = replace(packed, quantity=packed.quantity + count)
    return replace(package, items=tuple(held[item] for item in sorted(held) if held[item].quantity))
