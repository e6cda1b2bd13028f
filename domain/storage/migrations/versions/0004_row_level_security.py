"""On PostgreSQL, a transaction can read and write only the rows of its own shop."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = (
    "orders",
    "order_items",
    "packages",
    "package_items",
    "cancellations",
    "cancellation_lines",
    "order_events",
    "idempotency_keys",
    "outbox",
)
# Evaluated once per statement. A session without a shop sees nothing.
_SHOP = "(SELECT current_setting('shortship.shop', true))"
_EVERY_SHOP = f"{_SHOP} = E'\\n'"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in (("shops", "id"), *((table, "shop_id") for table in _TABLES)):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_shop ON {table} USING ({column} = {_SHOP})")
        op.execute(f"CREATE POLICY every_shop_read ON {table} FOR SELECT USING ({_EVERY_SHOP})")
    op.execute(f"CREATE POLICY every_shop_create ON shops FOR INSERT WITH CHECK ({_EVERY_SHOP})")
    # Queued mail is claimed, and old keys are deleted, across all shops.
    op.execute(f"CREATE POLICY every_shop_claim ON outbox FOR UPDATE USING ({_EVERY_SHOP})")
    op.execute(f"CREATE POLICY every_shop_sweep ON idempotency_keys USING ({_EVERY_SHOP})")
