"""Stores new orders, many at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.rules.new_order import NewOrder
from domain.rules.order import ImportNote, OrderItem, Package, PackageItem, value
from domain.rules.updates.told import told
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import insert
from domain.storage.orders import pairs_of
from domain.storage.tables import order_items, orders, package_items, packages
from domain.storage.told import to_json


@value
class Arrival:
    """An order that came in, with the values that are stored alongside it if it is new.

    `source_hash` is None if it did not come from a file; `notes` are what reading it noticed.
    """

    id: UUID
    order: NewOrder
    content_hash: bytes
    source_hash: bytes | None
    shipping_refund_policy: ShippingRefundPolicy
    refunded: int
    taken_off: int
    notes: tuple[ImportNote, ...]


async def insert_orders(
    connection: Connection, shop_id: str, arrivals: Sequence[Arrival], *, now: datetime
) -> set[UUID]:
    """Inserts the orders' own rows and returns the ids of those whose numbers were free."""
    # Sorted, so that two imports of the same orders cannot deadlock.
    rows = [_order_row(shop_id, arrival, now) for arrival in sorted(arrivals, key=lambda each: each.order.number)]
    return {row[0] for row in await insert(connection, orders, rows, new=orders.c.id)}


async def insert_contents(connection: Connection, shop_id: str, arrivals: Sequence[Arrival]) -> None:
    """Inserts the items and packages of orders that were just inserted; there must be at least one."""
    rows = [_item_row(shop_id, arrival.id, item) for arrival in arrivals for item in arrival.order.items]
    await insert(connection, order_items, rows)
    rows = [_package_row(shop_id, arrival.id, package) for arrival in arrivals for package in arrival.order.packages]
    await insert(connection, packages, rows)
    rows = [
        _package_item_row(shop_id, arrival.id, package, packed)
        for arrival in arrivals
        for package in arrival.order.packages
        for packed in package.items
    ]
    await insert(connection, package_items, rows)


def _order_row(shop_id: str, arrival: Arrival, now: datetime) -> dict[str, Any]:
    order = arrival.order
    return {
        "shop_id": shop_id,
        "id": arrival.id,
        "number": order.number,
        "status": order.status,
        "version": 1,
        "event_sequence": 1,
        "currency": order.currency,
        "prices_include_tax": order.prices_include_tax,
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "ship_by": order.ship_by,
        "updated_at": now,
        "buyer_name": order.buyer.name,
        "buyer_email": order.buyer.email,
        "buyer_locale": order.buyer.locale,
        "shipping_fee": order.shipping_fee,
        "shipping_tax": order.shipping_tax,
        "fees": pairs_of(order.fees),
        "total": order.total,
        "refunded": arrival.refunded,
        "content_hash": arrival.content_hash,
        "shipping_refund_policy": arrival.shipping_refund_policy,
        "taken_off": arrival.taken_off,
        "is_paid": order.is_paid,
        "collect_on_delivery": order.collect_on_delivery,
        "source_updated_at": order.source_updated_at,
        "source_hash": arrival.source_hash,
        "told": to_json(told(order)),
    }


def _item_row(shop_id: str, order_id: UUID, item: OrderItem) -> dict[str, Any]:
    return {
        "shop_id": shop_id,
        "order_id": order_id,
        "position": item.position,
        "sku": item.sku,
        "product_id": item.product_id,
        "product_name": item.product_name,
        "search_name": item.product_name.casefold(),
        "variant_name": item.variant_name,
        "image_url": item.image_url,
        "is_gift": item.is_gift,
        "quantity": item.quantity,
        "subtotal": item.subtotal,
        "seller_discount": item.seller_discount,
        "platform_discount": item.platform_discount,
        "tax": item.tax,
    }


def _package_row(shop_id: str, order_id: UUID, package: Package) -> dict[str, Any]:
    return {
        "shop_id": shop_id,
        "order_id": order_id,
        "position": package.position,
        "number": package.number,
        "status": package.status,
        "carrier": package.carrier,
        "tracking_number": package.tracking_number,
        "is_numbered_here": package.is_numbered_here,
    }


def _package_item_row(shop_id: str, order_id: UUID, package: Package, packed: PackageItem) -> dict[str, Any]:
    return {
        "shop_id": shop_id,
        "order_id": order_id,
        "item": packed.item,
        "package": package.position,
        "quantity": packed.quantity,
        "cancelled_quantity": packed.cancelled_quantity,
        "came_cancelled": packed.cancelled_quantity,
    }
