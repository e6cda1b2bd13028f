"""Builders of orders, with a default for everything that a test does not care about."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from domain.rules.order import Buyer, Fee, Order, OrderItem, Package, PackageItem, Pick
from domain.rules.refunds import due, order_total
from domain.rules.status import order_status
from domain.rules.vocabulary import OrderStatus, PackageStatus, ShippingRefundPolicy

ORDER_ID = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")
PLACED_AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
BUYER = Buyer("Ada Buyer", "ada@example.com", "en_US")


def an_item(  # noqa: PLR0913 a builder has a parameter for every field
    position: int = 1,
    *,
    quantity: int = 2,
    cancelled: int = 0,
    subtotal: int = 2000,
    seller_discount: int = 0,
    platform_discount: int = 0,
    tax: int = 0,
    sku: str | None = None,
    product_id: str | None = None,
    product_name: str | None = None,
    variant_name: str | None = None,
    image_url: str | None = None,
    is_gift: bool = False,
) -> OrderItem:
    return OrderItem(
        position=position,
        sku=sku or f"SKU-{position}",
        product_id=product_id or f"P-{position}",
        product_name=product_name or f"Product {position}",
        variant_name=variant_name,
        image_url=image_url,
        is_gift=is_gift,
        quantity=quantity,
        cancelled_quantity=cancelled,
        subtotal=subtotal,
        seller_discount=seller_discount,
        platform_discount=platform_discount,
        tax=tax,
    )


def a_package(  # noqa: PLR0913 a builder has a parameter for every field
    position: int = 1,
    status: PackageStatus = PackageStatus.AWAITING_SHIPMENT,
    *,
    units: Mapping[int, int],
    cancelled: Mapping[int, int] | None = None,
    number: str | None = None,
    carrier: str | None = None,
    tracking_number: str | None = None,
    is_numbered_here: bool = False,
) -> Package:
    """`units` and `cancelled` map item positions to quantities; in a CANCELLED package every unit is cancelled."""
    cancelled = units if status is PackageStatus.CANCELLED else cancelled or {}
    items = tuple(PackageItem(item, quantity, cancelled.get(item, 0)) for item, quantity in units.items())
    return Package(position, number or f"1001-{position}", status, carrier, tracking_number, is_numbered_here, items)


def an_order(  # noqa: PLR0913 a builder has a parameter for every field
    *items: OrderItem,
    packages: tuple[Package, ...] = (),
    status: OrderStatus | None = None,
    policy: ShippingRefundPolicy = ShippingRefundPolicy.ON_FULL_CANCELLATION,
    id: UUID = ORDER_ID,  # noqa: A002 the field's name
    number: str = "1001",
    version: int = 1,
    currency: str = "USD",
    prices_include_tax: bool = False,
    placed_at: datetime = PLACED_AT,
    paid_at: datetime | None = PLACED_AT,
    ship_by: datetime | None = None,
    updated_at: datetime = PLACED_AT,
    buyer: Buyer = BUYER,
    shipping_fee: int = 0,
    shipping_tax: int = 0,
    fees: tuple[Fee, ...] = (),
    total: int | None = None,
    refunded: int | None = None,
    taken_off: int | None = None,
    is_paid: bool = True,
    collect_on_delivery: bool = False,
    event_sequence: int = 1,
    feed_number: int = 1,
) -> Order:
    """Packages without a live unit become CANCELLED. If packages are given, they decide which units are cancelled.

    What is cancelled was refunded or, if the order is not paid, taken off.
    """
    items = items or (an_item(),)
    if not packages:
        quantities = {item.position: item.quantity for item in items}
        packages = (a_package(units=quantities, cancelled={item.position: item.cancelled_quantity for item in items}),)
    packages = tuple(sorted(map(_settled, packages), key=lambda package: package.number))
    order = Order(
        id=id,
        number=number,
        status=status or order_status(OrderStatus.AWAITING_SHIPMENT, packages),
        version=version,
        currency=currency,
        prices_include_tax=prices_include_tax,
        placed_at=placed_at,
        paid_at=paid_at,
        ship_by=ship_by,
        updated_at=updated_at,
        buyer=buyer,
        items=tuple(replace(item, cancelled_quantity=_cancelled(packages, item)) for item in items),
        packages=packages,
        shipping_fee=shipping_fee,
        shipping_tax=shipping_tax,
        fees=fees,
        shipping_refund_policy=policy,
        total=0,
        refunded=0,
        taken_off=0,
        is_paid=is_paid,
        collect_on_delivery=collect_on_delivery,
        event_sequence=event_sequence,
        feed_number=feed_number,
    )
    cancelled = due(order, policy)
    taken_off = taken_off if taken_off is not None else 0 if is_paid else cancelled
    return replace(
        order,
        total=order_total(order) if total is None else total,
        refunded=cancelled - taken_off if refunded is None else refunded,
        taken_off=taken_off,
    )


def after(order: Order, *picks: Pick) -> Order:
    """The order after these units are cancelled."""
    taken = Counter[tuple[int, int]]()
    for pick in picks:
        taken[pick.package, pick.item] += pick.quantity
    packages = tuple(_settled(replace(package, items=_less(package, taken))) for package in order.packages)
    items = tuple(replace(item, cancelled_quantity=_cancelled(packages, item)) for item in order.items)
    order = replace(order, items=items, packages=packages, status=order_status(order.status, packages))
    more = due(order, order.shipping_refund_policy) - order.refunded - order.taken_off
    if order.is_paid:
        return replace(order, refunded=order.refunded + more)
    return replace(order, taken_off=order.taken_off + more)


def _less(package: Package, taken: Counter[tuple[int, int]]) -> tuple[PackageItem, ...]:
    return tuple(
        replace(packed, cancelled_quantity=packed.cancelled_quantity + taken[package.position, packed.item])
        for packed in package.items
    )


def _settled(package: Package) -> Package:
    return package if package.is_live else replace(package, status=PackageStatus.CANCELLED)


def _cancelled(packages: tuple[Package, ...], item: OrderItem) -> int:
    return sum(p.cancelled_quantity for package in packages for p in package.items if p.item == item.position)
