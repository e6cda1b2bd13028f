"""An index to find orders by status: few of a shop's orders are open."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_orders_shop_id_status_ship_by_id", "orders", ["shop_id", "status", "ship_by", "id"])
