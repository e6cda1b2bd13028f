"""Decides what an input changes about an order that is known (docs/rules.md, "Orders that come again")."""

from datetime import datetime

from domain.rules.new_order import NewOrder
from domain.rules.order import Order, value
from domain.rules.updates.acts import Update
from domain.rules.updates.told import Told, stored_as_told, told


@value
class Known:
    """A stored order, and what its source last told; None if it came in before that was kept."""

    order: Order
    told: Told | None
    source_updated_at: datetime | None


def update(known: Known, new: NewOrder) -> Update:
    """What has changed at the source since it was last heard, as acts."""
    order = known.order
    return Update(order, order, told(new) if known.told else stored_as_told(order), new.source_updated_at)
