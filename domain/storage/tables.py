"""The tables, whose constraints and triggers are a second line of defence.

Whatever the code does, no row belongs to a different shop than its parent (`shop_id` leads every key), no unit is
cancelled twice, no order refunds more than was paid, and no event is changed.
"""

from sqlmodel import SQLModel

from domain.storage import act_rows, order_rows  # noqa: F401 - define the tables

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
