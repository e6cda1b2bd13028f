"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shops",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shipping_refund_policy", sa.String(40), nullable=False),
        sa.Column("cursor_key", sa.LargeBinary(), nullable=False),
        sa.Column("last_event", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("last_event >= 0", name=op.f("ck_shops_last_event")),
        sa.PrimaryKeyConstraint("id", name="pk_shops"),
    )

    op.create_table(
        "orders",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("prices_include_tax", sa.Boolean(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("buyer_name", sa.String(), nullable=False),
        sa.Column("buyer_email", sa.String(), nullable=False),
        sa.Column("buyer_locale", sa.String(), nullable=False),
        sa.Column("shipping_fee", sa.BigInteger(), nullable=False),
        sa.Column("shipping_tax", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.JSON(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("refunded >= 0 AND refunded <= total", name=op.f("ck_orders_refunded_within_total")),
        sa.CheckConstraint("shipping_fee >= 0 AND shipping_tax >= 0", name=op.f("ck_orders_amounts")),
        sa.CheckConstraint("version >= 1 AND event_sequence >= 1", name=op.f("ck_orders_counters")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name="fk_orders_shops"),
        sa.PrimaryKeyConstraint("shop_id", "id", name="pk_orders"),
        sa.UniqueConstraint("shop_id", "number", name="uq_orders_shop_id_number"),
    )
    op.create_index("ix_orders_shop_id_placed_at_id", "orders", ["shop_id", "placed_at", "id"])
    op.create_index("ix_orders_shop_id_ship_by_id", "orders", ["shop_id", "ship_by", "id"])
    op.create_index("ix_orders_shop_id_updated_at_id", "orders", ["shop_id", "updated_at", "id"])

    op.create_table(
        "outbox",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visible_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name="fk_outbox_shops"),
        sa.PrimaryKeyConstraint("shop_id", "topic", "id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["shop_id", "visible_at"],
        sqlite_where=sa.text("state = 'QUEUED'"),
        postgresql_where=sa.text("state = 'QUEUED'"),
    )

    op.create_table(
        "order_items",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("search_name", sa.String(), nullable=False),
        sa.Column("variant_name", sa.String(), nullable=True),
        sa.Column("image_url", sa.String(), nullable=True),
        sa.Column("is_gift", sa.Boolean(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("seller_discount", sa.BigInteger(), nullable=False),
        sa.Column("platform_discount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_order_items_quantity")),
        sa.CheckConstraint(
            "seller_discount + platform_discount <= subtotal", name=op.f("ck_order_items_discounts_within_subtotal")
        ),
        sa.CheckConstraint(
            "seller_discount >= 0 AND platform_discount >= 0 AND tax >= 0", name=op.f("ck_order_items_amounts")
        ),
        sa.ForeignKeyConstraint(["shop_id", "order_id"], ["orders.shop_id", "orders.id"], name="fk_order_items_orders"),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "position", name="pk_order_items"),
    )
    op.create_index("ix_order_items_shop_id_product_id", "order_items", ["shop_id", "product_id"])
    op.create_index("ix_order_items_shop_id_sku", "order_items", ["shop_id", "sku"])

    op.create_table(
        "packages",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("tracking_number", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id", "order_id"], ["orders.shop_id", "orders.id"], name="fk_packages_orders"),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "position", name="pk_packages"),
        sa.UniqueConstraint("shop_id", "order_id", "number", name="uq_packages_shop_id_order_id_number"),
    )
    op.create_index("ix_packages_shop_id_number", "packages", ["shop_id", "number"])
    op.create_index("ix_packages_shop_id_status", "packages", ["shop_id", "status"])
    op.create_index("ix_packages_shop_id_tracking_number", "packages", ["shop_id", "tracking_number"])

    op.create_table(
        "cancellations",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("package", sa.Integer(), nullable=True),
        sa.Column("prices_include_tax", sa.Boolean(), nullable=False),
        sa.Column("items_subtotal", sa.BigInteger(), nullable=False),
        sa.Column("seller_discount", sa.BigInteger(), nullable=False),
        sa.Column("platform_discount", sa.BigInteger(), nullable=False),
        sa.Column("item_tax", sa.BigInteger(), nullable=False),
        sa.Column("shipping_fee", sa.BigInteger(), nullable=False),
        sa.Column("shipping_tax", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.JSON(), nullable=False),
        sa.Column("fees_total", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("refund_status", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "total = items_subtotal - seller_discount - platform_discount + shipping_fee + fees_total"
            " + CASE WHEN prices_include_tax THEN 0 ELSE item_tax + shipping_tax END",
            name=op.f("ck_cancellations_total"),
        ),
        sa.CheckConstraint(
            "total >= 0 AND items_subtotal >= 0 AND item_tax >= 0 AND shipping_fee >= 0"
            " AND shipping_tax >= 0 AND fees_total >= 0",
            name=op.f("ck_cancellations_amounts"),
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"],
            ["packages.shop_id", "packages.order_id", "packages.position"],
            name="fk_cancellations_packages",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id"], ["orders.shop_id", "orders.id"], name="fk_cancellations_orders"
        ),
        sa.PrimaryKeyConstraint("shop_id", "id", name="pk_cancellations"),
        sa.UniqueConstraint("shop_id", "order_id", "id", name="uq_cancellations_shop_id_order_id_id"),
    )
    op.create_index("ix_cancellations_shop_id_created_at_id", "cancellations", ["shop_id", "created_at", "id"])

    op.create_table(
        "package_items",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("package", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("cancelled_quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "cancelled_quantity >= 0 AND cancelled_quantity <= quantity", name=op.f("ck_package_items_cancelled")
        ),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_package_items_quantity")),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "item"],
            ["order_items.shop_id", "order_items.order_id", "order_items.position"],
            name="fk_package_items_order_items",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"],
            ["packages.shop_id", "packages.order_id", "packages.position"],
            name="fk_package_items_packages",
        ),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "item", "package", name="pk_package_items"),
    )

    op.create_table(
        "cancellation_lines",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("cancellation_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("package", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("seller_discount", sa.BigInteger(), nullable=False),
        sa.Column("platform_discount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_cancellation_lines_quantity")),
        sa.CheckConstraint(
            "total = subtotal - seller_discount - platform_discount"
            " OR total = subtotal - seller_discount - platform_discount + tax",
            name=op.f("ck_cancellation_lines_total"),
        ),
        sa.CheckConstraint("total >= 0 AND subtotal >= 0 AND tax >= 0", name=op.f("ck_cancellation_lines_amounts")),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "cancellation_id"],
            ["cancellations.shop_id", "cancellations.order_id", "cancellations.id"],
            name="fk_cancellation_lines_cancellations",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "item"],
            ["order_items.shop_id", "order_items.order_id", "order_items.position"],
            name="fk_cancellation_lines_order_items",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"],
            ["packages.shop_id", "packages.order_id", "packages.position"],
            name="fk_cancellation_lines_packages",
        ),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "cancellation_id", "line", name="pk_cancellation_lines"),
    )

    op.create_table(
        "idempotency_keys",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("cancellation_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["shop_id", "cancellation_id"],
            ["cancellations.shop_id", "cancellations.id"],
            name="fk_idempotency_keys_cancellations",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name="fk_idempotency_keys_shops"),
        sa.PrimaryKeyConstraint("shop_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])

    op.create_table(
        "order_events",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("package", sa.Integer(), nullable=True),
        sa.Column("cancellation_id", sa.Uuid(), nullable=True),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.CheckConstraint("number >= 1 AND sequence >= 1", name=op.f("ck_order_events_numbers")),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "cancellation_id"],
            ["cancellations.shop_id", "cancellations.order_id", "cancellations.id"],
            name="fk_order_events_cancellations",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id", "package"],
            ["packages.shop_id", "packages.order_id", "packages.position"],
            name="fk_order_events_packages",
        ),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id"], ["orders.shop_id", "orders.id"], name="fk_order_events_orders"
        ),
        sa.PrimaryKeyConstraint("shop_id", "number", name="pk_order_events"),
        sa.UniqueConstraint("shop_id", "order_id", "sequence", name="uq_order_events_shop_id_order_id_sequence"),
    )
