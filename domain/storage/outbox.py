"""The outbox: messages are queued, claimed, sent at least once, and settled or retried.

A claim is a lease. A worker that returns after its lease has ended finds another lease in the row, or none, and changes
nothing. Times come from callers, whose clocks may be set back between two calls.
"""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from domain.rules.order import value
from domain.rules.vocabulary import NotificationStatus
from domain.storage.engine.backend import EVERY_SHOP, Connection
from domain.storage.engine.compiled import Statement, equal, insert, parameters
from domain.storage.engine.database import Database, announce
from domain.storage.tables import outbox, shops

# The topic of e-mails about cancellations; a message's id is its cancellation's.
MAIL_TOPIC = "cancellation"
# The topic of hints about new messages.
HINT = "outbox"
LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = timedelta(hours=48)  # docs/rules.md, "What is promised"
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=15)
# Enough to reach the longest pause; more would only make huge numbers.
_MOST_DOUBLINGS = 10
# Few enough that the statement stays within its time limit.
_BROUGHT_BACK_AT_ONCE = 1000

# A literal, not a parameter: otherwise the planner could not use the partial index on queued rows.
_QUEUED = sa.literal_column(f"'{NotificationStatus.QUEUED.name}'", outbox.c.state.type)
_KEY = (outbox.c.shop_id, outbox.c.topic, outbox.c.id)
_TIME = outbox.c.visible_at.type
_NOW = sa.bindparam("now", type_=_TIME)
_LATEST = sa.bindparam("latest", type_=_TIME)
_LEASED_UNTIL = sa.bindparam("leased_until", type_=_TIME)


@value
class Claimed:
    """A message leased to us; `attempts` includes this one."""

    shop_id: str
    topic: str
    id: UUID
    payload: Any  # any JSON
    attempts: int
    queued_at: datetime
    lease: UUID

    def is_too_old(self, now: datetime) -> bool:
        return now - self.queued_at >= GIVE_UP_AFTER


@value
class Backlog:
    """The number of queued messages of all shops, and when the oldest was queued; None if there are none."""

    depth: int
    oldest_at: datetime | None


def _claiming() -> sa.Update:
    is_due = outbox.c.visible_at <= _NOW
    return (
        _changing(_oldest_of_a_shop(is_due).limit(sa.bindparam("limit", type_=sa.Integer)))
        .values(
            lease=sa.bindparam("lease", type_=outbox.c.lease.type),
            visible_at=_LEASED_UNTIL,
            attempts=outbox.c.attempts + 1,
        )
        .returning(*_KEY, outbox.c.payload, outbox.c.attempts, outbox.c.queued_at, outbox.c.lease)
    )


def _bringing_back() -> sa.Update:
    return (
        _changing(_ahead().limit(_BROUGHT_BACK_AT_ONCE))
        .values(
            visible_at=sa.case((outbox.c.lease.is_(None), _NOW), else_=_LEASED_UNTIL),
            queued_at=sa.case((outbox.c.queued_at > _NOW, _NOW), else_=outbox.c.queued_at),
        )
        .returning(outbox.c.id)
    )


def _ahead() -> sa.Select[Any]:
    return _oldest_of_a_shop(
        outbox.c.visible_at > _NOW, sa.or_(outbox.c.queued_at > _NOW, outbox.c.visible_at > _LATEST)
    )


def _oldest_of_a_shop(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Matching queued messages, soonest due first, of one random shop: the index is per shop."""
    conditions = (*equal(topic=outbox.c.topic), outbox.c.state == _QUEUED, *which)
    waiting = sa.select(shops.c.id).where(sa.exists().where(outbox.c.shop_id == shops.c.id, *conditions))
    drawn = waiting.order_by(sa.func.random()).limit(1).scalar_subquery()
    return sa.select(*_KEY).where(outbox.c.shop_id == drawn, *conditions).order_by(outbox.c.visible_at)


def _changing(rows: sa.Select[Any]) -> sa.Update:
    """Updates these rows, skipping those that others have locked."""
    # A CTE runs once; PostgreSQL may rerun a subquery in IN and lock more rows each time.
    return sa.update(outbox).where(sa.tuple_(*_KEY).in_(sa.select(rows.with_for_update(skip_locked=True).cte("next"))))


def _releasing(*columns: sa.Column[Any]) -> Statement:
    """Ends a lease if it is still held."""
    ours = equal(shop_id=outbox.c.shop_id, topic=outbox.c.topic, id=outbox.c.id, ours=outbox.c.lease)
    return Statement(sa.update(outbox).where(*ours).values(lease=None, **parameters(*columns)).returning(outbox.c.id))


_CLAIM = Statement(_claiming())
_FIND_AHEAD = Statement(_ahead().limit(1))
_BRING_BACK = Statement(_bringing_back())
_SETTLE = _releasing(outbox.c.state, outbox.c.done_at, outbox.c.last_error)
_TRY_AGAIN = _releasing(outbox.c.visible_at, outbox.c.last_error)
_THIS = equal(shop_id=outbox.c.shop_id, topic=outbox.c.topic, id=outbox.c.id)
_PAYLOAD = Statement(sa.select(outbox.c.payload).where(*_THIS))
_REQUEUE = Statement(
    sa.update(outbox)
    .where(*_THIS)
    .values(
        state=_QUEUED,
        attempts=0,
        done_at=None,
        last_error=None,
        **parameters(outbox.c.payload, outbox.c.queued_at, outbox.c.visible_at),
    )
)
_WAITING: tuple[sa.ColumnElement[Any], ...] = (sa.func.count(), sa.func.min(outbox.c.queued_at))
_BACKLOG = Statement(sa.select(*_WAITING).where(outbox.c.state == _QUEUED))


async def add(  # noqa: PLR0913 a row has that many columns
    connection: Connection,
    shop_id: str,
    topic: str,
    id: UUID,  # noqa: A002 the column's name
    payload: dict[str, Any],  # any JSON
    *,
    now: datetime,
    error: str | None = None,
) -> None:
    """Queues a message in the caller's transaction; with `error`, stores it as FAILED, never to be tried."""
    row = {
        "shop_id": shop_id,
        "topic": topic,
        "id": id,
        "payload": payload,
        "state": NotificationStatus.FAILED if error else NotificationStatus.QUEUED,
        "attempts": 0,
        "queued_at": now,
        "visible_at": now,
        "lease": None,
        "done_at": now if error else None,
        "last_error": error,
    }
    await insert(connection, outbox, [row])
    if not error:
        announce(connection, HINT)


async def find_payload(connection: Connection, shop_id: str, topic: str, id: UUID) -> Any:  # noqa: A002 the column's name
    """The payload of a message that was queued before; any JSON."""
    [(payload,)] = await _PAYLOAD.rows(connection, shop_id=shop_id, topic=topic, id=id)
    return payload


async def add_again(
    connection: Connection,
    shop_id: str,
    topic: str,
    id: UUID,  # noqa: A002 the column's name
    payload: Any,  # any JSON
    *,
    now: datetime,
) -> None:
    """Requeues a message that was sent or has failed, with this payload; its attempts and age start over."""
    key = {"shop_id": shop_id, "topic": topic, "id": id}
    await _REQUEUE.rows(connection, **key, payload=payload, queued_at=now, visible_at=now)
    announce(connection, HINT)


async def claim(database: Database, topic: str, *, limit: int, now: datetime) -> list[Claimed]:
    """Claims up to `limit` due messages of a random shop, longest due first: no shop's backlog delays the others.

    An empty list means that nothing is due; otherwise there may be more.
    """
    values = {"topic": topic, "limit": limit, "now": now, "lease": uuid4(), "leased_until": now + LEASE}

    async def work(connection: Connection) -> list[Claimed]:
        return [Claimed(*row) for row in await _CLAIM.rows(connection, **values)]

    return await database.writing(EVERY_SHOP, work)


async def bring_back(database: Database, topic: str, *, now: datetime) -> bool:
    """Makes messages due whose times lie too far in the future because the clock was set back.

    A lease among them may have just begun, so it gets its full length from now. Takes up to a thousand messages of one
    shop; True means that there may be more.
    """
    values = {"topic": topic, "now": now, "latest": now + _LONGEST_PAUSE}
    # Usually there are none, and nobody should wait for a write that changes nothing.
    async with database.reading(EVERY_SHOP) as connection:
        if not await _FIND_AHEAD.rows(connection, **values):
            return False
    values["leased_until"] = now + LEASE
    return bool(await database.writing(EVERY_SHOP, lambda connection: _BRING_BACK.rows(connection, **values)))


async def backlog(connection: Connection) -> Backlog:
    """All queued messages, including those in flight or to be retried; needs a transaction on every shop."""
    [row] = await _BACKLOG.rows(connection)
    return Backlog(*row)


async def settle(
    connection: Connection, claimed: Claimed, state: NotificationStatus, *, now: datetime, error: str | None = None
) -> bool:
    """Marks a message SENT or FAILED; returns False and changes nothing if it is no longer leased to us."""
    return bool(await _SETTLE.rows(connection, **_ours(claimed), state=state, done_at=now, last_error=error))


async def try_again(connection: Connection, claimed: Claimed, *, now: datetime, error: str) -> bool:
    """Schedules a retry; returns False and changes nothing if the message is no longer leased to us."""
    due = now + pause_after(claimed.attempts, random.random())  # noqa: S311 - jitter, no secret
    return bool(await _TRY_AGAIN.rows(connection, **_ours(claimed), visible_at=due, last_error=error))


def pause_after(attempts: int, chance: float) -> timedelta:
    """The pause after this many attempts: `chance`, from 0 to 1, times a pause that doubles up to 15 minutes."""
    doubled: timedelta = _FIRST_PAUSE * 2 ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_PAUSE) * chance


def _ours(claimed: Claimed) -> dict[str, object]:
    return {"shop_id": claimed.shop_id, "topic": claimed.topic, "id": claimed.id, "ours": claimed.lease}
