"""The log of what happened to orders: append, read after a number, follow (specification, section 6)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.database import announce
from domain.order import EventType, value
from domain.tables import order_events, shops


@value
class NewEvent:
    """An event to be written; `sequence` is the order's next one, taken under the order's lock."""

    order_id: UUID
    sequence: int
    type: EventType
    package: int | None = None
    cancellation_id: UUID | None = None
    before: str | None = None
    after: str | None = None


def topic(shop_id: str) -> str:
    """Where hints about the shop's events are published."""
    return f"events:{shop_id}"


async def append(
    connection: AsyncConnection, shop_id: str, events: Sequence[NewEvent], *, actor: str, now: datetime
) -> int:
    """Writes the events in this order and returns the number of the last one.

    It belongs at the end of a transaction: it locks the one row that the whole shop shares, which also makes number
    n + 1 invisible before n is.
    """
    bump = (
        sa.update(shops)
        .where(shops.c.id == shop_id)
        .values(last_event=shops.c.last_event + len(events))
        .returning(shops.c.last_event)
    )
    last = int((await connection.execute(bump)).scalar_one())
    rows = [
        {
            "shop_id": shop_id,
            "number": number,
            "order_id": event.order_id,
            "sequence": event.sequence,
            "type": event.type,
            "occurred_at": now,
            "actor": actor,
            "package": event.package,
            "cancellation_id": event.cancellation_id,
            "before": event.before,
            "after": event.after,
        }
        for number, event in enumerate(events, last - len(events) + 1)
    ]
    await connection.execute(sa.insert(order_events), rows)
    announce(connection, topic(shop_id))
    return last
