"""What is stored, and what the database by itself refuses to store.

The second wall: whatever code does, no row may belong to another shop than its parent (`shop_id` leads every key), no
unit be cancelled twice, no order give back more than was paid, and no event be changed. Amounts are minor units.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    EventType,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time; SQLite has no zones and keeps it as naive text."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return value if value is None else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """None where the driver gives such times already."""
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None


def _enum(cls: type[Any]) -> sa.Enum:
    """Stored as the member's name: the schema's word."""
    return sa.Enum(cls, native_enum=False, length=40, create_constraint=False)


def _checks(**conditions: str) -> tuple[sa.CheckConstraint, ...]:
    return tuple(sa.CheckConstraint(condition, name=name) for name, condition in conditions.items())


def _to_order() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["shop_id", "order_id"], ["orders.shop_id", "orders.id"])


class ShopRow(SQLModel, table=True):
    """`last_event` numbers the shop's events: bumped as a transaction's last statement but the events themselves."""

    __tablename__ = "shops"
    __table_args__ = _checks(last_event="last_event >= 0")

    id: str = Field(primary_key=True)
    name: str
    shipping_refund_policy: ShippingRefundPolicy = Field(sa_type=_enum(ShippingRefundPolicy))
    cursor_key: bytes
    last_event: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=UtcDateTime)


class OrderRow(SQLModel, table=True):
    """`content_hash` is that of the normalised input; `fees` is a list of pairs of kind and amount."""

    __tablename__ = "orders"
    __table_args__ = (
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"]),
        sa.UniqueConstraint("shop_id", "number"),
        sa.Index(None, "shop_id", "ship_by", "id"),
        sa.Index(None, "shop_id", "status", "ship_by", "id"),
        sa.Index(None, "shop_id", "placed_at", "id"),
        sa.Index(None, "shop_id", "updated_at", "id"),
        *_checks(
            amounts="shipping_fee >= 0 AND shipping_tax >= 0",
            refunded_within_total="refunded >= 0 AND refunded <= total",
            counters="version >= 1 AND event_sequence >= 1",
        ),
    )

    shop_id: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    number: str
    status: OrderStatus = Field(sa_type=_enum(OrderStatus))
    version: int
    event_sequence: int
    currency: str
    prices_include_tax: bool
    placed_at: datetime = Field(sa_type=UtcDateTime)
    paid_at: datetime | None = Field(sa_type=UtcDateTime)
    ship_by: datetime | None = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
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
        sa_type=_enum(ShippingRefundPolicy),
        sa_column_kwargs={"server_default": ShippingRefundPolicy.ON_FULL_CANCELLATION.name},
    )


class OrderItemRow(SQLModel, table=True):
    """`search_name` is the product name folded for searching without case."""

    __tablename__ = "order_items"
    __table_args__ = (
        _to_order(),
        sa.Index(None, "shop_id", "sku"),
        sa.Index(None, "shop_id", "product_id"),
        *_checks(
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
        _to_order(),
        sa.UniqueConstraint("shop_id", "order_id", "number"),
        sa.Index(None, "shop_id", "status"),
        sa.Index(None, "shop_id", "number"),
        sa.Index(None, "shop_id", "tracking_number"),
    )

    shop_id: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    number: str
    status: PackageStatus = Field(sa_type=_enum(PackageStatus))
    carrier: str | None
    tracking_number: str | None


class PackageItemRow(SQLModel, table=True):
    """`package` and `item` are positions."""

    __tablename__ = "package_items"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "item"], ["order_items.shop_id", "order_items.order_id", "order_items.position"]
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"], ["packages.shop_id", "packages.order_id", "packages.position"]
        ),
        *_checks(quantity="quantity >= 1", cancelled="cancelled_quantity >= 0 AND cancelled_quantity <= quantity"),
    )

    shop_id: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    item: int = Field(primary_key=True)
    package: int = Field(primary_key=True)
    quantity: int
    cancelled_quantity: int


class CancellationRow(SQLModel, table=True):
    """One act with its breakdown. `package` is a position; `fees` is a list of pairs of kind and amount."""

    __tablename__ = "cancellations"
    __table_args__ = (
        _to_order(),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"], ["packages.shop_id", "packages.order_id", "packages.position"]
        ),
        sa.UniqueConstraint("shop_id", "order_id", "id"),
        sa.Index(None, "shop_id", "created_at", "id"),
        *_checks(
            total="total = items_subtotal - seller_discount - platform_discount + shipping_fee + fees_total"
            " + CASE WHEN prices_include_tax THEN 0 ELSE item_tax + shipping_tax END",
            amounts="total >= 0 AND items_subtotal >= 0 AND item_tax >= 0 AND shipping_fee >= 0"
            " AND shipping_tax >= 0 AND fees_total >= 0",
        ),
    )

    shop_id: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    order_id: UUID
    scope: CancellationScope = Field(sa_type=_enum(CancellationScope))
    reason: CancellationReason = Field(sa_type=_enum(CancellationReason))
    note: str | None
    package: int | None
    prices_include_tax: bool
    items_subtotal: int = Field(sa_type=sa.BigInteger)
    seller_discount: int = Field(sa_type=sa.BigInteger)
    platform_discount: int = Field(sa_type=sa.BigInteger)
    item_tax: int = Field(sa_type=sa.BigInteger)
    shipping_fee: int = Field(sa_type=sa.BigInteger)
    shipping_tax: int = Field(sa_type=sa.BigInteger)
    fees: list[Any] = Field(sa_type=sa.JSON)
    fees_total: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    refund_status: RefundStatus = Field(sa_type=_enum(RefundStatus))
    provider_reference: str | None
    actor: str
    idempotency_key: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class CancellationLineRow(SQLModel, table=True):
    """`line` counts the lines of the cancellation from 1; `item` and `package` are positions."""

    __tablename__ = "cancellation_lines"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "cancellation_id"],
            ["cancellations.shop_id", "cancellations.order_id", "cancellations.id"],
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "item"], ["order_items.shop_id", "order_items.order_id", "order_items.position"]
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"], ["packages.shop_id", "packages.order_id", "packages.position"]
        ),
        *_checks(
            quantity="quantity >= 1",
            amounts="total >= 0 AND subtotal >= 0 AND tax >= 0",
            total="total = subtotal - seller_discount - platform_discount"
            " OR total = subtotal - seller_discount - platform_discount + tax",
        ),
    )

    shop_id: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    cancellation_id: UUID = Field(primary_key=True)
    line: int = Field(primary_key=True)
    item: int
    package: int
    quantity: int
    subtotal: int = Field(sa_type=sa.BigInteger)
    seller_discount: int = Field(sa_type=sa.BigInteger)
    platform_discount: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)


class OrderEventRow(SQLModel, table=True):
    """The append-only log; `number` counts the shop's events, `sequence` the order's, both without gaps.

    Triggers (migration 0003) see to it that an event follows the one before it, and that none is changed or deleted.
    """

    __tablename__ = "order_events"
    __table_args__ = (
        _to_order(),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"], ["packages.shop_id", "packages.order_id", "packages.position"]
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "new_package"],
            ["packages.shop_id", "packages.order_id", "packages.position"],
            name="fk_order_events_packages_new",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "cancellation_id"],
            ["cancellations.shop_id", "cancellations.order_id", "cancellations.id"],
        ),
        sa.UniqueConstraint("shop_id", "order_id", "sequence"),
        *_checks(numbers="number >= 1 AND sequence >= 1"),
    )

    shop_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    order_id: UUID
    sequence: int
    type: EventType = Field(sa_type=_enum(EventType))
    occurred_at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    package: int | None
    new_package: int | None
    cancellation_id: UUID | None
    before: str | None
    after: str | None


class IdempotencyRow(SQLModel, table=True):
    """A key that was used: for which request, and the cancellation that answers it.

    The key is claimed with the id of the cancellation that is still to be written, hence the deferred foreign key.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"]),
        sa.ForeignKeyConstraint(
            ["shop_id", "cancellation_id"],
            ["cancellations.shop_id", "cancellations.id"],
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.Index(None, "created_at"),
    )

    shop_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: bytes
    cancellation_id: UUID
    created_at: datetime = Field(sa_type=UtcDateTime)


class OutboxRow(SQLModel, table=True):
    """A message to be sent, since `queued_at`.

    It is due at `visible_at`, also after a pause or when the lease of who claimed it ends.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"]),
        sa.Index(
            "ix_outbox_due",
            "shop_id",
            "visible_at",
            sqlite_where=sa.text("state = 'QUEUED'"),
            postgresql_where=sa.text("state = 'QUEUED'"),
        ),
        *_checks(attempts="attempts >= 0"),
    )

    shop_id: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    payload: dict[str, Any] = Field(sa_type=sa.JSON)
    state: NotificationStatus = Field(sa_type=_enum(NotificationStatus))
    attempts: int
    queued_at: datetime = Field(sa_type=UtcDateTime)
    visible_at: datetime = Field(sa_type=UtcDateTime)
    lease: UUID | None
    done_at: datetime | None = Field(sa_type=UtcDateTime)
    last_error: str | None


_tables = SQLModel.metadata.tables
shops = _tables["shops"]
orders = _tables["orders"]
order_items = _tables["order_items"]
packages = _tables["packages"]
package_items = _tables["package_items"]
cancellations = _tables["cancellations"]
cancellation_lines = _tables["cancellation_lines"]
order_events = _tables["order_events"]
idempotency_keys = _tables["idempotency_keys"]
outbox = _tables["outbox"]
metadata = SQLModel.metadata
