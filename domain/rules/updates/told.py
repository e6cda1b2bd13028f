"""What a source last told of an order: the part of its input that later inputs are compared with."""

from datetime import datetime

from domain.rules.new_order import CancelledUnits, NewOrder
from domain.rules.order import Buyer, Order, PackageItem, value
from domain.rules.vocabulary import OrderStatus, PackageStatus


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


def told(order: NewOrder) -> Told:
    """What this input tells; its own positions are those of the stored order when it is new."""
    packages = tuple(
        ToldPackage(
            None if package.is_numbered_here else package.number,
            package.status,
            package.carrier,
            package.tracking_number,
            package.items,
        )
        for package in order.packages
    )
    return Told(order.status, order.paid_at, order.ship_by, order.buyer, packages, order.deposits, order.cancelled)


def stored_as_told(order: Order) -> Told:
    """What is stored, as if its source had told it: for orders from before it was kept."""
    packages = tuple(
        ToldPackage(
            None if package.is_numbered_here else package.number,
            package.status,
            package.carrier,
            package.tracking_number,
            package.items,
        )
        for package in order.packages
        if package.items
    )
    return Told(order.status, order.paid_at, order.ship_by, order.buyer, packages)
