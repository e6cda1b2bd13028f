"""Each order keeps the shipping refund policy that its shop had when it was imported."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite cannot add a NOT NULL column without a default.
    policy = sa.Column("shipping_refund_policy", sa.String(40), nullable=False, server_default="ON_FULL_CANCELLATION")
    op.add_column("orders", policy)
    op.execute(
        "UPDATE orders SET shipping_refund_policy ="
        " (SELECT shops.shipping_refund_policy FROM shops WHERE shops.id = orders.shop_id)"
    )
