"""Invariants of the log: no gaps, each act logged once, and every status the last one logged."""

from typing import Any

import sqlalchemy as sa

from domain.rules.vocabulary import EventType, NotificationStatus, RefundStatus
from domain.storage.engine.compiled import one_of
from domain.storage.invariants.invariant import Breaches, Columns, Invariant, made_by_import, row_of, same
from domain.storage.outbox import MAIL_TOPIC
from domain.storage.tables import cancellations, order_events, orders, outbox, packages, shops

_EVENT = order_events.c
_OF_ORDER = (_EVENT.shop_id, _EVENT.order_id)
_ACTS = (
    EventType.ITEMS_CANCELLED,
    EventType.PACKAGE_STATUS_CHANGED,
    EventType.PACKAGE_SPLIT,
    EventType.ORDER_STATUS_CHANGED,
)
# The columns that events of these types must fill.
_NAMED: dict[EventType, Columns] = {
    EventType.ITEMS_CANCELLED: (_EVENT.cancellation_id,),
    EventType.PACKAGE_SPLIT: (_EVENT.package, _EVENT.new_package),
    EventType.ORDER_STATUS_CHANGED: (_EVENT.before, _EVENT.after),
    EventType.PACKAGE_STATUS_CHANGED: (_EVENT.package, _EVENT.before, _EVENT.after),
    EventType.REFUND_STATUS_CHANGED: (_EVENT.cancellation_id, _EVENT.before, _EVENT.after),
    EventType.NOTIFICATION_STATUS_CHANGED: (_EVENT.cancellation_id, _EVENT.before, _EVENT.after),
    EventType.ORDER_UPDATED: (_EVENT.notes,),
}


def _is_gapless(counter: sa.ColumnElement[int], found: sa.Subquery) -> sa.ColumnElement[bool]:
    count, last = sa.func.coalesce(found.c.count, 0), sa.func.coalesce(found.c.last, 0)
    return (count == counter) & (last == counter)


def _counted(number: sa.ColumnElement[int], *columns: sa.ColumnElement[Any]) -> sa.Subquery:
    count, last = sa.func.count().label("count"), sa.func.max(number).label("last")
    return sa.select(*columns, count, last).group_by(*columns).subquery("counted")


def _numbers() -> Breaches:
    found = _counted(_EVENT.number, _EVENT.shop_id)
    joined = sa.select(*row_of(shops)).outerjoin(found, found.c.shop_id == shops.c.id)
    return joined.where(~_is_gapless(shops.c.last_event, found))


def _sequences() -> Breaches:
    found = _counted(_EVENT.sequence, *_OF_ORDER)
    joined = sa.select(*row_of(orders)).outerjoin(found, same(orders, found, id="order_id"))
    return joined.where(~_is_gapless(orders.c.event_sequence, found))


def _descents(column: sa.ColumnElement[Any], *conditions: sa.ColumnElement[bool]) -> Breaches:
    """Events whose column is less than in the order's previous event, among those that meet the conditions."""
    earlier = sa.func.lag(column).over(partition_by=_OF_ORDER, order_by=(_EVENT.sequence, _EVENT.number))
    pairs = sa.select(*row_of(order_events), column.label("this"), earlier.label("earlier")).where(*conditions)
    found = pairs.subquery("pairs")
    return sa.select(found.c.shop_id, found.c.order_id, found.c.number).where(found.c.this < found.c.earlier)


def _steps(*types: EventType) -> sa.Subquery:
    """Status changes, each with the status its predecessor ended in and its successor's sequence, NULL if none."""
    of_one = (*_OF_ORDER, _EVENT.type, _EVENT.package, _EVENT.cancellation_id)
    earlier = (
        sa.func.lag(_EVENT.after).over(partition_by=of_one, order_by=(_EVENT.sequence, _EVENT.number)).label("earlier")
    )
    later = (
        sa.func.lead(_EVENT.sequence)
        .over(partition_by=of_one, order_by=(_EVENT.sequence, _EVENT.number))
        .label("later")
    )
    columns = (*of_one, _EVENT.number, _EVENT.before, _EVENT.after, earlier, later)
    return sa.select(*columns).where(one_of(_EVENT.type, types)).subquery("steps")


def _broken_steps() -> Breaches:
    steps = _steps(*(of for of, named in _NAMED.items() if _EVENT.after in set(named)))
    breaks = (steps.c.before == steps.c.after) | (steps.c.before != steps.c.earlier)
    return sa.select(steps.c.shop_id, steps.c.order_id, steps.c.number).where(breaks)


def _order_statuses() -> Breaches:
    steps = _steps(EventType.ORDER_STATUS_CHANGED)
    joined = sa.select(*row_of(orders)).join(steps, same(orders, steps, id="order_id") & steps.c.later.is_(None))
    return joined.where(orders.c.status != steps.c.after)


def _package_statuses() -> Breaches:
    steps = _steps(EventType.PACKAGE_STATUS_CHANGED)
    last = same(packages, steps, "order_id", position="package") & steps.c.later.is_(None)
    return sa.select(*row_of(packages)).join(steps, last).where(packages.c.status != steps.c.after)


def _refund_statuses() -> Breaches:
    """A refund that was given at the source has SUCCEEDED from the start; one that is not needed never changes."""
    steps = _steps(EventType.REFUND_STATUS_CHANGED)
    last = same(cancellations, steps, "order_id", id="cancellation_id") & steps.c.later.is_(None)
    present = cancellations.c.refund_status
    is_final = made_by_import() | (present == RefundStatus.NOT_NEEDED)
    first = sa.case((made_by_import(), RefundStatus.SUCCEEDED.name), else_=RefundStatus.PENDING.name)
    is_first = (present == first) | (present == RefundStatus.NOT_NEEDED)
    is_as_logged = sa.case((steps.c.after.is_(None), is_first), else_=~is_final & (present == steps.c.after))
    return sa.select(*row_of(cancellations)).outerjoin(steps, last).where(~is_as_logged)


def _mail_statuses() -> Breaches:
    """An e-mail without a usable address is FAILED from the start, without attempts."""
    steps = _steps(EventType.NOTIFICATION_STATUS_CHANGED)
    last = same(outbox, steps, id="cancellation_id") & steps.c.later.is_(None)
    untried = (outbox.c.state == NotificationStatus.FAILED) & (outbox.c.attempts == 0)
    first = sa.case((untried, NotificationStatus.FAILED.name), else_=NotificationStatus.QUEUED.name)
    joined = sa.select(*row_of(outbox)).outerjoin(steps, last)
    return joined.where(outbox.c.topic == MAIL_TOPIC, outbox.c.state != sa.func.coalesce(steps.c.after, first))


def _cancellations_logged() -> Breaches:
    of_one = (*_OF_ORDER, _EVENT.cancellation_id)
    logged = (
        sa.select(*of_one, sa.func.count().label("count"))
        .where(_EVENT.type == EventType.ITEMS_CANCELLED)
        .group_by(*of_one)
        .subquery("logged")
    )
    joined = sa.select(*row_of(cancellations)).outerjoin(
        logged, same(cancellations, logged, "order_id", id="cancellation_id")
    )
    return joined.where(sa.func.coalesce(logged.c.count, 0) != 1)


def _splits() -> Breaches:
    """The splits of an import are logged together with its ORDER_UPDATED; any other split makes a package."""
    other = order_events.alias("other")
    of_one = same(other, order_events, "order_id")
    is_of_import = sa.exists().where(
        of_one,
        other.c.type == EventType.ORDER_UPDATED,
        other.c.sequence > _EVENT.sequence,
        other.c.occurred_at == _EVENT.occurred_at,
    )
    is_known = sa.exists().where(
        of_one,
        other.c.sequence < _EVENT.sequence,
        (other.c.package == _EVENT.new_package) | (other.c.new_package == _EVENT.new_package),
    )
    return sa.select(*row_of(order_events)).where(
        _EVENT.type == EventType.PACKAGE_SPLIT,
        (_EVENT.package == _EVENT.new_package) | (~is_of_import & is_known),
    )


def _nameless() -> Breaches:
    misses = [(_EVENT.type == of) & sa.or_(*(each.is_(None) for each in named)) for of, named in _NAMED.items()]
    return sa.select(*row_of(order_events)).where(sa.or_(*misses))


_IS_FIRST = _EVENT.sequence == 1
_IS_IMPORT = _EVENT.type == EventType.ORDER_IMPORTED

LOG = (
    Invariant("log-numbers", "A shop's events are numbered from 1 to its last_event without gaps.", _numbers()),
    Invariant(
        "log-sequences", "An order's events are numbered from 1 to its event_sequence without gaps.", _sequences()
    ),
    Invariant("log-order", "The shop's log has each order's events in sequence.", _descents(_EVENT.number)),
    Invariant(
        "log-times",
        "The times of acts on an order never go back.",
        _descents(_EVENT.occurred_at, one_of(_EVENT.type, _ACTS)),
    ),
    Invariant(
        "log-import",
        "An order's first event, and no other, is its import.",
        sa.select(*row_of(order_events)).where(_IS_FIRST != _IS_IMPORT),
    ),
    Invariant("log-names", "An event names what it is about.", _nameless()),
    Invariant("log-cancellations", "Each cancellation is logged exactly once.", _cancellations_logged()),
    Invariant(
        "log-splits",
        "A split moves units to another package: a new one, unless an import moves them.",
        _splits(),
    ),
    Invariant("log-steps", "A status change starts where the previous one ended, and ends elsewhere.", _broken_steps()),
    Invariant("log-order-status", "An order's status is the last one logged.", _order_statuses()),
    Invariant("log-package-status", "A package's status is the last one logged.", _package_statuses()),
    Invariant("log-refund-status", "A refund's status is the last one logged.", _refund_statuses()),
    Invariant("log-mail-status", "An e-mail's status is the last one logged.", _mail_statuses()),
)
