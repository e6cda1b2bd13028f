"""Rows of shops and orders. Amounts are minor units; `shop_id` leads every key."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.rules.vocabulary import OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage.columns import JSON_OR_NULL, UTC_TIME, checks, enum, to_order


class ShopRow(SQLModel, table=True):
    """`last_event` counts the shop's events; transactions bump it last, just before they insert theirs."""

    __tablename__ = "shops"
    __table_args__ = checks(last_event="last_event >= 0")

    id: str = Field(primary_key=True)
    name: str
    shipping_refund_policy: ShippingRefundPolicy = Field(sa_type=enum(ShippingRefundPolicy))
    cursor_key: bytes
    last_event: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=UTC_TIME)


class OrderRow(SQLModel, table=True):
    """`fees` is a list of [kind, amount] pairs.

    `content_hash` is the hash of the normalised input that its source gave last, `source_hash` that of the same input
    byte for byte, where it came in a file. `told` is what that input said; NULL for orders from before it was kept.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"]),
        sa.UniqueConstraint("shop_id", "number"),
        sa.Index(None, "shop_id", "ship_by", "id"),
        sa.Index(None, "shop_id", "status", "ship_by", "id"),
        sa.Index(None, "shop_id", "placed_at", "id"),
        sa.Index(None, "shop_id", "updated_at", "id"),
        sa.Index(None, "shop_id", "source_hash"),
        *checks(
            amounts="shipping_fee >= 0 AND shipping_tax >= 0",
            refunded_within_total="refunded >= 0 AND refunded <= total",
            taken_off_within_total="taken_off >= 0 AND taken_off + refunded <= total",
            counters="version >= 1 AND event_sequence >= 1",
        ),
    )

    shop_id: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    number: str
    status: OrderStatus = Field(sa_type=enum(OrderStatus))
    version: int
    event_sequence: int
    currency: str
    prices_include_tax: bool
    placed_at: datetime = Field(sa_type=UTC_TIME)
    paid_at: datetime | None = Field(sa_type=UTC_TIME)
    ship_by: datetime | None = Field(sa_type=UTC_TIME)
    updated_at: datetime = Field(sa_type=UTC_TIME)
    buyer_name: str
    buyer_email: str
    buyer_locale: str
    shipping_fee: int = Field(sa_type=sa.BigInteger)
    shipping_tax: int = Field(sa_type=sa.BigInteger)
    fees: list[Any] = Field(sa_type=sa.JSON)
    total: int = Field(sa_type=sa.BigInteger)
    refunded: int = Field(sa_type=sa.BigInteger)
    content_hash: bytes
    shipping_refund_policy: ShippingRefundPolicy = Field(
        sa_type=enum(ShippingRefundPolicy),
        sa_column_kwargs={"server_default": ShippingRefundPolicy.ON_FULL_CANCELLATION.name},
    )
    taken_off: int = Field(sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    is_paid: bool = Field(sa_column_kwargs={"server_default": sa.true()})
    collect_on_delivery: bool = Field(sa_column_kwargs={"server_default": sa.false()})
    source_updated_at: datetime | None = Field(sa_type=UTC_TIME)
    source_hash: bytes | None
    told: dict[str, Any] | None = Field(sa_type=JSON_OR_NULL)


class OrderItemRow(SQLModel, table=True):
    """`search_name` is the case-folded product name, for case-insensitive search."""

    __tablename__ = "order_items"
    __table_args__ = (
        to_order(),
        sa.Index(None, "shop_id", "sku"),
        sa.Index(None, "shop_id", "product_id"),
        *checks(
            quantity="quantity >= 1",
            amounts="seller_discount >= 0 AND platform_discount >= 0 AND tax >= 0",
            discounts_within_subtotal="seller_discount + platform_discount <= subtotal",
        ),
    )

    shop_id: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    sku: str
    product_id: str
    product_name: str
    search_name: str
    variant_name: str | None
    image_url: str | None
    is_gift: bool
    quantity: int
    subtotal: int = Field(sa_type=sa.BigInteger)
    seller_discount: int = Field(sa_type=sa.BigInteger)
    platform_discount: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)


class PackageRow(SQLModel, table=True):
    __tablename__ = "packages"
    __table_args__ = (
        to_order(),
        sa.UniqueConstraint("shop_id", "order_id", "number"),
        sa.Index(None, "shop_id", "status"),
        sa.Index(None, "shop_id", "number"),
        sa.Index(None, "shop_id", "tracking_number"),
    )

    shop_id: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    number: str
    status: PackageStatus = Field(sa_type=enum(PackageStatus))
    carrier: str | None
    tracking_number: str | None
    is_numbered_here: bool = Field(sa_column_kwargs={"server_default": sa.false()})


class PackageItemRow(SQLModel, table=True):
    """`package` and `item` are positions. `came_cancelled` units were cancelled before the order came in."""

    __tablename__ = "package_items"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "item"], ["order_items.shop_id", "order_items.order_id", "order_items.position"]
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"], ["packages.shop_id", "packages.order_id", "packages.position"]
        ),
        *checks(
            quantity="quantity >= 1",
            cancelled="cancelled_quantity >= 0 AND cancelled_quantity <= quantity",
            came_cancelled="came_cancelled >= 0 AND came_cancelled <= cancelled_quantity",
        ),
    )

    shop_id: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    item: int = Field(primary_key=True)
    package: int = Field(primary_key=True)
    quantity: int
    cancelled_quantity: int
    came_cancelled: int = Field(sa_column_kwargs={"server_default": "0"})
