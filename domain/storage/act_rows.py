"""Rows of acts on orders: cancellations, the log, idempotency keys and queued messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    EventType,
    NotificationStatus,
    RefundStatus,
)
from domain.storage.columns import JSON_OR_NULL, UTC_TIME, checks, enum, to_order


class CancellationRow(SQLModel, table=True):
    """A cancellation with its breakdown. `package` is a position; `fees` is a list of [kind, amount] pairs."""

    __tablename__ = "cancellations"
    __table_args__ = (
        to_order(),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"], ["packages.shop_id", "packages.order_id", "packages.position"]
        ),
        sa.UniqueConstraint("shop_id", "order_id", "id"),
        sa.Index(None, "shop_id", "created_at", "id"),
        *checks(
            total="total = items_subtotal - seller_discount - platform_discount + shipping_fee + fees_total"
            " + CASE WHEN prices_include_tax THEN 0 ELSE item_tax + shipping_tax END",
            amounts="total >= 0 AND items_subtotal >= 0 AND item_tax >= 0 AND shipping_fee >= 0"
            " AND shipping_tax >= 0 AND fees_total >= 0",
        ),
    )

    shop_id: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    order_id: UUID
    scope: CancellationScope = Field(sa_type=enum(CancellationScope))
    reason: CancellationReason = Field(sa_type=enum(CancellationReason))
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
    refund_status: RefundStatus = Field(sa_type=enum(RefundStatus))
    provider_reference: str | None
    actor: str
    idempotency_key: str
    created_at: datetime = Field(sa_type=UTC_TIME)


class CancellationLineRow(SQLModel, table=True):
    """`line` numbers the cancellation's lines from 1; `item` and `package` are positions."""

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
        *checks(
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

    Triggers (migration 0003) ensure that each event follows the one before it, and that none is changed or deleted.
    """

    __tablename__ = "order_events"
    __table_args__ = (
        to_order(),
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
        *checks(numbers="number >= 1 AND sequence >= 1"),
    )

    shop_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    order_id: UUID
    sequence: int
    type: EventType = Field(sa_type=enum(EventType))
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    actor: str
    package: int | None
    new_package: int | None
    cancellation_id: UUID | None
    before: str | None
    after: str | None
    notes: list[Any] | None = Field(sa_type=JSON_OR_NULL)


class IdempotencyRow(SQLModel, table=True):
    """A used key: the request it was used for, and the cancellation that answers it.

    The key is claimed before its cancellation is inserted, hence the deferred foreign key.
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
    created_at: datetime = Field(sa_type=UTC_TIME)


class OutboxRow(SQLModel, table=True):
    """A message to send; `visible_at` is when it is due: when queued, after a pause, or when its lease ends."""

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
        *checks(attempts="attempts >= 0"),
    )

    shop_id: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    payload: dict[str, Any] = Field(sa_type=sa.JSON)
    state: NotificationStatus = Field(sa_type=enum(NotificationStatus))
    attempts: int
    queued_at: datetime = Field(sa_type=UTC_TIME)
    visible_at: datetime = Field(sa_type=UTC_TIME)
    lease: UUID | None
    done_at: datetime | None = Field(sa_type=UTC_TIME)
    last_error: str | None
