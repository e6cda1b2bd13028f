"""What a source last told of an order is kept, whether and how the order is paid, and what came in cancelled."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column("is_paid", sa.Boolean(), nullable=False, server_default=sa.true()),
    sa.Column("collect_on_delivery", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("source_updated_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("source_hash", sa.LargeBinary(), nullable=True),
    sa.Column("told", sa.JSON(), nullable=True),
)
# As if they came in now: nothing was paid for an order that is UNPAID, was held before it was released, or came in
# CANCELLED without a time of payment. Its cancelled units came in cancelled, and counted as refunded until now.
_UNPAID = """
    UPDATE orders SET is_paid = false, taken_off = refunded, refunded = 0
    WHERE status = 'UNPAID' OR (status = 'ON_HOLD' AND EXISTS (
        SELECT 1 FROM order_events
        WHERE order_events.shop_id = orders.shop_id AND order_events.order_id = orders.id
        AND type = 'ORDER_STATUS_CHANGED' AND before = 'UNPAID' AND after = 'ON_HOLD'
    ) AND NOT EXISTS (
        SELECT 1 FROM order_events
        WHERE order_events.shop_id = orders.shop_id AND order_events.order_id = orders.id
        AND type = 'ORDER_STATUS_CHANGED' AND before = 'ON_HOLD'
    )) OR (status = 'CANCELLED' AND paid_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM order_events
        WHERE order_events.shop_id = orders.shop_id AND order_events.order_id = orders.id
        AND type = 'ITEMS_CANCELLED'
    ))
"""
_CAME_CANCELLED = """
    UPDATE package_items SET came_cancelled = cancelled_quantity - (
        SELECT coalesce(sum(cancellation_lines.quantity), 0) FROM cancellation_lines
        WHERE cancellation_lines.shop_id = package_items.shop_id
        AND cancellation_lines.order_id = package_items.order_id
        AND cancellation_lines.item = package_items.item AND cancellation_lines.package = package_items.package
    )
    WHERE cancelled_quantity > 0
"""
_NUMBERED_HERE = """
    UPDATE packages SET is_numbered_here = true
    WHERE number = (
        SELECT orders.number || '-1' FROM orders
        WHERE orders.shop_id = packages.shop_id AND orders.id = packages.order_id
    ) OR EXISTS (
        SELECT 1 FROM order_events
        WHERE order_events.shop_id = packages.shop_id AND order_events.order_id = packages.order_id
        AND order_events.new_package = packages.position
    )
"""


def upgrade() -> None:
    # With their columns, since SQLite cannot add a constraint alone.
    op.execute(
        "ALTER TABLE orders ADD COLUMN taken_off BIGINT DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_orders_taken_off_within_total CHECK (taken_off >= 0 AND taken_off + refunded <= total)"
    )
    op.execute(
        "ALTER TABLE package_items ADD COLUMN came_cancelled INTEGER DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_package_items_came_cancelled"
        " CHECK (came_cancelled >= 0 AND came_cancelled <= cancelled_quantity)"
    )
    for column in _COLUMNS:
        op.add_column("orders", column)
    op.create_index("ix_orders_shop_id_source_hash", "orders", ["shop_id", "source_hash"])
    op.add_column("packages", sa.Column("is_numbered_here", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("order_events", sa.Column("notes", sa.JSON(), nullable=True))
    op.execute(_UNPAID)
    op.execute(_NUMBERED_HERE)
    op.execute(_CAME_CANCELLED)
