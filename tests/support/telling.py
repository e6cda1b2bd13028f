"""Orders as a source tells them, day after day, and what is stored of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.rules.new_order import CancelledUnits, NewOrder
from domain.rules.order import Buyer, Order, OrderItem, Package, PackageItem
from domain.rules.status import is_paid, order_status
from domain.rules.updates.acts import Act, CancelledThere, OrderMoved, PackageMoved, Repacked, Update
from domain.rules.updates.told import told
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import OrderStatus, PackageStatus
from tests.support.builders import BUYER, PLACED_AT, an_item, an_order

# Units by item: live, or (live, cancelled).
Units = Mapping[int, int | tuple[int, int]]


def a_told_package(
    number: str | None,
    status: PackageStatus,
    units: Units,
    *,
    carrier: str | None = None,
    tracking_number: str | None = None,
) -> Package:
    """Without a number, the source names no package. It is CANCELLED if no unit is live; its position comes later."""
    pairs = {item: count if isinstance(count, tuple) else (count, 0) for item, count in units.items()}
    items = tuple(PackageItem(item, live + gone, gone) for item, (live, gone) in pairs.items())
    package = Package(0, number or "", status, carrier, tracking_number, is_numbered_here=number is None, items=items)
    return package if package.is_live else replace(package, status=PackageStatus.CANCELLED)


def a_told_order(  # noqa: PLR0913 a builder has a parameter for every field
    *packages: Package,
    items: Sequence[OrderItem] = (),
    status: OrderStatus = OrderStatus.AWAITING_SHIPMENT,
    paid_at: datetime | None = PLACED_AT,
    ship_by: datetime | None = None,
    buyer: Buyer = BUYER,
    currency: str = "USD",
    collect_on_delivery: bool = False,
    source_updated_at: datetime | None = None,
    deposits: Mapping[int, int] | None = None,
    cancelled: Sequence[CancelledUnits] = (),
) -> NewOrder:
    """Order 1001; without items, each item costs 10.00 a unit and its quantity is what the packages hold."""
    packages = tuple(
        replace(package, position=position, number=package.number or f"1001-{position}")
        for position, package in enumerate(packages, 1)
    )
    held, gone = Counter[int](), Counter[int]()
    for package in packages:
        for packed in package.items:
            held[packed.item] += packed.quantity
            gone[packed.item] += packed.cancelled_quantity
    items = items or [an_item(item, quantity=held[item], subtotal=1000 * held[item]) for item in sorted(held)]
    status = order_status(status, packages)
    return NewOrder(
        number="1001",
        status=status,
        currency=currency,
        prices_include_tax=False,
        placed_at=PLACED_AT,
        paid_at=paid_at,
        ship_by=ship_by,
        buyer=buyer,
        items=tuple(replace(item, cancelled_quantity=gone[item.position]) for item in items),
        packages=packages,
        shipping_fee=0,
        shipping_tax=0,
        fees=(),
        total=sum(item.subtotal - item.seller_discount - item.platform_discount + item.tax for item in items),
        collect_on_delivery=collect_on_delivery,
        is_paid=is_paid(status, paid_at, collect_on_delivery=collect_on_delivery),
        source_updated_at=source_updated_at,
        deposits=tuple((deposits or {}).items()),
        cancelled=tuple(cancelled),
    )


def stored(new: NewOrder) -> Order:
    """The order as it is stored when it first comes in."""
    order = an_order(
        *new.items,
        packages=new.packages,
        status=new.status,
        currency=new.currency,
        prices_include_tax=new.prices_include_tax,
        paid_at=new.paid_at,
        ship_by=new.ship_by,
        buyer=new.buyer,
        total=new.total,
        is_paid=new.is_paid,
        collect_on_delivery=new.collect_on_delivery,
    )
    if new.is_paid and not new.collect_on_delivery:
        return order
    return replace(order, taken_off=order.refunded + order.taken_off, refunded=0)


def known(new: NewOrder, *, order: Order | None = None) -> Known:
    """What is known once this has come in; `order` is the order as it is by now."""
    return Known(order or stored(new), told(new), new.source_updated_at)


def contents(order: Order) -> dict[str, tuple[PackageStatus, dict[int, tuple[int, int]]]]:
    """Each package's status and units by number: live and cancelled ones by item."""
    return {
        package.number: (
            package.status,
            {packed.item: (packed.live_quantity, packed.cancelled_quantity) for packed in package.items},
        )
        for package in order.packages
    }


def told_again(first: NewOrder, second: NewOrder, *, here: Order | None = None) -> Update:
    """What the second one changes after the first one; `here` is the order as it is by then."""
    return update(known(first, order=here), second)


def acts(done: Update) -> list[str]:
    """What was done, in short, such as "A AWAITING_SHIPMENT to IN_TRANSIT"."""
    return [_described(act, {package.position: package.number for package in done.after.packages}) for act in done.acts]


def _described(act: Act, numbers: Mapping[int, str]) -> str:
    match act:
        case CancelledThere():
            of_one = f" {numbers[act.package]}" if act.package else ""
            picks = (f"{pick.quantity} of {pick.item} in {numbers[pick.package]}" for pick in act.plan.picks)
            return f"cancel {act.scope.name}{of_one}: {', '.join(picks)}"
        case Repacked():
            return f"{numbers[act.package]} to {numbers[act.new_package]}"
        case PackageMoved():
            return f"{numbers[act.package]} {act.before.name} to {act.after.name}"
        case OrderMoved():
            return f"order {act.before.name} to {act.after.name}"


def notes(done: Update) -> list[str]:
    """The notes, such as "REPACKED: Moved from ..."."""
    return [f"{note.code.name}: {note.message}" for note in done.notes]
