"""Split packages, settled refunds and requeued e-mails."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cancellations", sa.Column("provider_reference", sa.String(), nullable=True))
    op.alter_column("outbox", "created_at", new_column_name="queued_at")
    # SQLite rebuilds a table to add a foreign key.
    with op.batch_alter_table("order_events") as table:
        table.add_column(sa.Column("new_package", sa.Integer(), nullable=True))
        table.create_foreign_key(
            "fk_order_events_packages_new",
            "packages",
            ["shop_id", "order_id", "new_package"],
            ["shop_id", "order_id", "position"],
        )
