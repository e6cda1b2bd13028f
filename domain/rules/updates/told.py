"""What a source last told of an order: the part of its input that later inputs are compared with."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from domain.rules.new_order import CancelledUnits, NewOrder
from domain.rules.order import Buyer, Order, Package, PackageItem, value
from domain.rules.vocabulary import OrderStatus, PackageStatus

# Where a source says that units are: the package that it names, or their status if it names none.
Place = str | PackageStatus
# Units by place, then by the position of their item.
Places = Mapping[Place, Counter[int]]


@value
class ToldPackage:
    """`number` is None for units that the source names no package for; there is one such package for each status.

    Items are positions in the stored order.
    """

    number: str | None
    status: PackageStatus
    carrier: str | None
    tracking_number: str | None
    items: tuple[PackageItem, ...]

    @property
    def place(self) -> Place:
        return self.status if self.number is None else self.number


@value
class Told:
    """`deposits` and `cancelled` are those of NewOrder; their items are positions in the stored order."""

    status: OrderStatus
    paid_at: datetime | None
    ship_by: datetime | None
    buyer: Buyer
    packages: tuple[ToldPackage, ...]
    deposits: tuple[tuple[int, int], ...] = ()
    cancelled: tuple[CancelledUnits, ...] = ()

    def at(self) -> dict[Place, ToldPackage]:
        return {package.place: package for package in self.packages}

    def live(self) -> Places:
        """The live units."""
        found: defaultdict[Place, Counter[int]] = defaultdict(Counter)
        for package in self.packages:
            for packed in package.items:
                found[package.place][packed.item] += packed.live_quantity
        return found

    def units(self) -> Places:
        """All units."""
        live, gone = self.live(), self.gone()
        return defaultdict(Counter, {place: live[place] + gone[place] for place in [*live]})

    def gone(self) -> Places:
        """The cancelled units."""
        found: defaultdict[Place, Counter[int]] = defaultdict(Counter)
        for package in self.packages:
            for packed in package.items:
                found[package.place][packed.item] += packed.cancelled_quantity
        return found


def told(order: NewOrder) -> Told:
    """What this input tells; items keep its own positions, which are those of the stored order if it is new."""
    packages = tuple(map(_told_package, order.packages))
    return Told(order.status, order.paid_at, order.ship_by, order.buyer, packages, order.deposits, order.cancelled)


def stored_as_told(order: Order) -> Told:
    """What is stored, as if its source had told it: for orders from before it was kept.

    Packages that were split off here count as part of the source's: it has never told of them.
    """
    named = {package.number: package for package in order.packages if not package.is_numbered_here}
    packages = dict(named)
    for package in order.packages:
        if package.is_numbered_here:
            number = next((number for number in named if is_split_of(package, number)), package.number)
            whole = packages.get(number)
            packages[number] = replace(whole, items=_joined(whole.items, package.items)) if whole else package
    return Told(order.status, order.paid_at, order.ship_by, order.buyer, tuple(map(_told_package, packages.values())))


def is_split_of(package: Package, number: str) -> bool:
    """Whether it was split off a package with this number here."""
    return package.is_numbered_here and package.number.startswith(f"{number}-")


def _joined(items: tuple[PackageItem, ...], others: tuple[PackageItem, ...]) -> tuple[PackageItem, ...]:
    held, gone = Counter[int](), Counter[int]()
    for packed in (*items, *others):
        held[packed.item] += packed.quantity
        gone[packed.item] += packed.cancelled_quantity
    return tuple(PackageItem(item, count, gone[item]) for item, count in sorted(held.items()))


def _told_package(package: Package) -> ToldPackage:
    number = None if package.is_numbered_here else package.number
    return ToldPackage(number, package.status, package.carrier, package.tracking_number, package.items)
