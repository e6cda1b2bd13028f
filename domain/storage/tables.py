"""The tables, and what the database itself refuses to store.

They are the second wall, whatever the code does: no row belongs to another shop than its parent (`shop_id` leads every
key), no unit is cancelled twice, no order gives back more than was paid, and no event is changed.
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
