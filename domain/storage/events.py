"""The log of events on orders: appends, and reads on from a number."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from domain.rules import cursor
from domain.rules.order import ImportNote, Order, OrderEvent, Shop, value
from domain.rules.vocabulary import EventType, ImportNoteCode
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Row, Statement, among, equal, insert
from domain.storage.engine.database import announce
from domain.storage.tables import order_events, shops


@value
class NewEvent:
    """An event to append; `sequence` is the order's next number, taken under its lock."""

    order_id: UUID
    sequence: int
    type: EventType
    package: int | None = None
    new_package: int | None = None
    cancellation_id: UUID | None = None
    before: str | None = None
    after: str | None = None
    notes: tuple[ImportNote, ...] = ()


_CURSOR = "EVENT"
_COLUMNS = (
    order_events.c.number,
    order_events.c.order_id,
    order_events.c.sequence,
    order_events.c.type,
    order_events.c.occurred_at,
    order_events.c.actor,
    order_events.c.package,
    order_events.c.new_package,
    order_events.c.cancellation_id,
    order_events.c.before,
    order_events.c.after,
    order_events.c.notes,
)
_BUMP = Statement(
    sa.update(shops)
    .where(*equal(shop_id=shops.c.id))
    .values(last_event=shops.c.last_event + sa.bindparam("count", type_=sa.BigInteger))
    .returning(shops.c.last_event)
)
_EXACT = Statement(
    sa.select(*_COLUMNS).where(
        order_events.c.shop_id == sa.bindparam("shop_id", type_=sa.String),
        among(order_events.c.order_id, "order_ids"),
        among(order_events.c.sequence, "sequences"),
    )
)
_LAST = Statement(sa.select(shops.c.last_event).where(*equal(shop_id=shops.c.id)))
_PAGE = (
    sa.select(*_COLUMNS)
    .where(
        order_events.c.shop_id == sa.bindparam("shop_id", type_=sa.String),
        order_events.c.number > sa.bindparam("after", type_=sa.BigInteger),
    )
    .order_by(order_events.c.number)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_ONE = Statement(
    sa.select(*_COLUMNS).where(
        *equal(shop_id=order_events.c.shop_id, order_id=order_events.c.order_id, sequence=order_events.c.sequence)
    )
)
_AFTER = Statement(_PAGE)
_OF_ORDERS = Statement(_PAGE.where(among(order_events.c.order_id, "order_ids")))


def topic(shop_id: str) -> str:
    """The topic of hints about the shop's events."""
    return f"events:{shop_id}"


async def append(connection: Connection, shop_id: str, events: Sequence[NewEvent], *, actor: str, now: datetime) -> int:
    """Appends the events in this order and returns the number of the last one.

    Call it at the end of a transaction: it locks a row shared by the whole shop. That lock also makes events visible in
    the order of their numbers.
    """
    last = int((await _BUMP.rows(connection, shop_id=shop_id, count=len(events)))[0][0])
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
            "new_package": event.new_package,
            "cancellation_id": event.cancellation_id,
            "before": event.before,
            "after": event.after,
            "notes": [[note.code.name, note.message] for note in event.notes] or None,
        }
        for number, event in enumerate(events, last - len(events) + 1)
    ]
    await insert(connection, order_events, rows)
    announce(connection, topic(shop_id))
    return last


def moment(updated_at: datetime, now: datetime) -> datetime:
    """The time of an act on an order: now, or just after its last update if that is later.

    Callers read the clock before they wait for the order, and clocks are skewed; the log's times must not go back.
    """
    return now if now >= updated_at else updated_at + timedelta(microseconds=1)


def status_changes(before: Order, after: Order, *, first_sequence: int) -> list[NewEvent]:
    """Events for changed statuses: packages by number, then the order (docs/rules.md, "What is logged")."""
    statuses = {package.position: package.status for package in before.packages}
    changed = [package for package in after.packages if package.status is not statuses[package.position]]
    events = [
        NewEvent(
            before.id,
            sequence,
            EventType.PACKAGE_STATUS_CHANGED,
            package=package.position,
            before=statuses[package.position].name,
            after=package.status.name,
        )
        for sequence, package in enumerate(changed, first_sequence)
    ]
    if after.status is not before.status:
        events.append(
            NewEvent(
                before.id,
                first_sequence + len(events),
                EventType.ORDER_STATUS_CHANGED,
                before=before.status.name,
                after=after.status.name,
            )
        )
    return events


async def append_to(
    connection: Connection, shop_id: str, order: Order, events: Sequence[NewEvent], *, actor: str, now: datetime
) -> Order:
    """Appends an order's events, if any, and returns the order with its new sequence and feed number."""
    if not events:
        return order
    number = await append(connection, shop_id, events, actor=actor, now=now)
    return replace(order, event_sequence=events[-1].sequence, feed_number=number)


async def is_written(connection: Connection, shop_id: str, event: NewEvent, *, actor: str, now: datetime) -> bool:
    """Whether the log has exactly this event; asked after a commit whose answer was lost."""
    found = await _ONE.rows(connection, shop_id=shop_id, order_id=event.order_id, sequence=event.sequence)
    parts = (event.package, event.new_package, event.cancellation_id, event.before, event.after, event.notes)
    written = replace(_event(found[0]), number=0) if found else None
    return written == OrderEvent(0, event.order_id, event.sequence, event.type, now, actor, *parts)


async def list_events(
    connection: Connection, shop_id: str, *, after: int, limit: int, order_ids: Collection[UUID] | None = None
) -> list[OrderEvent]:
    """The shop's events after this number, oldest first; of all orders if `order_ids` is None."""
    if order_ids is None:
        rows = await _AFTER.rows(connection, shop_id=shop_id, after=after, limit=limit)
    else:
        rows = await _OF_ORDERS.rows(connection, shop_id=shop_id, after=after, limit=limit, order_ids=order_ids)
    return [_event(row) for row in rows]


async def find_events(connection: Connection, shop_id: str, places: Collection[tuple[UUID, int]]) -> list[OrderEvent]:
    """The shop's events with these orders and sequences, in no particular order."""
    order_ids, sequences = {order_id for order_id, _ in places}, {sequence for _, sequence in places}
    rows = await _EXACT.rows(connection, shop_id=shop_id, order_ids=order_ids, sequences=sequences)
    found = [_event(row) for row in rows]
    return [event for event in found if (event.order_id, event.sequence) in places]


async def last_number(connection: Connection, shop_id: str) -> int:
    """The number of the shop's newest event, 0 before the first."""
    return int((await _LAST.rows(connection, shop_id=shop_id))[0][0])


def _event(row: Row) -> OrderEvent:
    notes = tuple(ImportNote(ImportNoteCode[code], message) for code, message in row[-1] or ())
    return replace(OrderEvent(*row[:-1]), notes=notes)


def cursor_of(shop: Shop, number: int) -> str:
    """A cursor for reading on after this number."""
    return cursor.sign(shop.cursor_key, _CURSOR, str(number))


def number_of(shop: Shop, text: str) -> int:
    """The number in a cursor; raises InvalidCursorError."""
    return int(cursor.position(shop.cursor_key, _CURSOR, text))
