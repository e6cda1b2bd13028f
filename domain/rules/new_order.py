"""An imported order, ready to be stored, and the hash that recognises it when it is sent again.

Inputs in different formats are the same order if they give the same `NewOrder`.
"""

import hashlib
from datetime import datetime
from operator import attrgetter

import orjson

from domain.rules.order import Buyer, Fee, OrderItem, Package, value
from domain.rules.vocabulary import CancellationReason, OrderStatus, PackageStatus

# The limits of one order: at its largest, it can still be cancelled quickly.
MOST_ITEMS = 500
MOST_PACKAGE_ITEMS = 2_000
MOST_FEES = 100
MOST_UNITS = 1_000_000


@value
class CancelledUnits:
    """Units of the item at position `item` that were cancelled at the source, with the source's own words."""

    item: int
    quantity: int
    reason: CancellationReason
    words: str


@value
class NewOrder:
    """The imported fields of an order; items and packages are in the order given.

    `is_paid` is decided here once, for an order that is new. `deposits` are the parts of the items' subtotals, by
    position, that do not tell items apart; only those above 0 are listed. Unless `has_locale`, the buyer's locale was
    not told and is the default one.
    """

    number: str
    status: OrderStatus
    currency: str
    prices_include_tax: bool
    placed_at: datetime
    paid_at: datetime | None
    ship_by: datetime | None
    buyer: Buyer
    items: tuple[OrderItem, ...]
    packages: tuple[Package, ...]
    shipping_fee: int
    shipping_tax: int
    fees: tuple[Fee, ...]
    total: int
    collect_on_delivery: bool
    is_paid: bool
    source_updated_at: datetime | None
    deposits: tuple[tuple[int, int], ...] = ()
    cancelled: tuple[CancelledUnits, ...] = ()
    has_locale: bool = True


def content_hash(order: NewOrder) -> bytes:
    """Equal for equal orders, in whatever order their packages are listed, and whenever their source changed them.

    The hash is stored: changing it makes every stored order look different when it is sent again. So later additions
    count only where they differ from what every order was before them.
    """
    fees = [(fee.kind.name, fee.amount) for fee in order.fees]
    packages = [_package_content(package) for package in sorted(order.packages, key=attrgetter("number"))]
    content = {
        "number": order.number,
        "status": order.status.name,
        "currency": order.currency,
        "pricesIncludeTax": order.prices_include_tax,
        "times": (order.placed_at, order.paid_at, order.ship_by),
        "buyer": (order.buyer.name, order.buyer.email, order.buyer.locale),
        "items": [_item_content(item) for item in order.items],
        "packages": packages,
        "shipping": (order.shipping_fee, order.shipping_tax),
        "fees": fees,
        "total": order.total,
    }
    if order.collect_on_delivery:
        content["collectOnDelivery"] = True
    if order.deposits:
        content["deposits"] = order.deposits
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _item_content(item: OrderItem) -> tuple[object, ...]:
    texts = (item.sku, item.product_id, item.product_name, item.variant_name, item.image_url)
    amounts = (item.subtotal, item.seller_discount, item.platform_discount, item.tax)
    return (*texts, item.is_gift, item.quantity, *amounts)


def _package_content(package: Package) -> tuple[object, ...]:
    is_cancelled = package.status is PackageStatus.CANCELLED
    units = [
        (packed.item, packed.quantity)
        if is_cancelled or not packed.cancelled_quantity
        else (packed.item, packed.quantity, packed.cancelled_quantity)
        for packed in package.items
    ]
    units.sort()
    return package.number, package.status.name, package.carrier, package.tracking_number, units
