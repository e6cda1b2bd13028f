"""Messages that wait to be sent, each at least once: queueing, claiming, settling, trying again.

A message belongs to the one who claimed it until its lease ends. Whoever comes back later than that finds another lease
in the row, or none, and changes nothing. The times are the caller's, whose clock may have been set since it
gave the last ones.
"""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from domain.rules.order import value
from domain.rules.vocabulary import NotificationStatus
from domain.storage.backend import EVERY_SHOP, Connection
from domain.storage.compiled import Statement, equal, insert, parameters
from domain.storage.database import Database, announce
from domain.storage.tables import outbox, shops

# The topic of e-mails about cancellations; a message has its cancellation's id.
MAIL_TOPIC = "cancellation"
# What is published when there is something new to send.
HINT = "outbox"
LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = timedelta(hours=48)
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=15)
# More doublings than lead to the longest pause only make large numbers.
_MOST_DOUBLINGS = 10
# So few that the statement never runs into its time limit.
_BROUGHT_BACK_AT_ONCE = 1000

# Written out in the statement: an index on queued rows only is of no use to one that learns the state later.
_QUEUED = sa.literal_column(f"'{NotificationStatus.QUEUED.name}'", outbox.c.state.type)
_KEY = (outbox.c.shop_id, outbox.c.topic, outbox.c.id)
_TIME = outbox.c.visible_at.type
_NOW = sa.bindparam("now", type_=_TIME)
_LATEST = sa.bindparam("latest", type_=_TIME)
_LEASED_UNTIL = sa.bindparam("leased_until", type_=_TIME)


@value
class Claimed:
    """A message that is ours to send until the lease ends; `attempts` counts this one."""

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
    """How many messages wait, of every shop, and since when the oldest does; None when there is none."""

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
    """Such messages that wait: of one shop, for which the index has them at hand; lots decide which."""
    conditions = (*equal(topic=outbox.c.topic), outbox.c.state == _QUEUED, *which)
    waiting = sa.select(shops.c.id).where(sa.exists().where(outbox.c.shop_id == shops.c.id, *conditions))
    drawn = waiting.order_by(sa.func.random()).limit(1).scalar_subquery()
    return sa.select(*_KEY).where(outbox.c.shop_id == drawn, *conditions).order_by(outbox.c.visible_at)


def _changing(rows: sa.Select[Any]) -> sa.Update:
    """What others have locked is left to them."""
    # A CTE is run once; PostgreSQL may run a subquery of IN again and lock more each time.
    return sa.update(outbox).where(sa.tuple_(*_KEY).in_(sa.select(rows.with_for_update(skip_locked=True).cte("next"))))


def _releasing(*columns: sa.Column[Any]) -> Statement:
    """Ends a lease, if it is still that one."""
    ours = equal(shop_id=outbox.c.shop_id, topic=outbox.c.topic, id=outbox.c.id, ours=outbox.c.lease)
    return Statement(sa.update(outbox).where(*ours).values(lease=None, **parameters(*columns)).returning(outbox.c.id))


_CLAIM = Statement(_claiming())
_FIND_AHEAD = Statement(_ahead().limit(1))
_BRING_BACK = Statement(_bringing_back())
_SETTLE = _releasing(outbox.c.state, outbox.c.done_at, outbox.c.last_error)
_TRY_AGAIN = _releasing(outbox.c.visible_at, outbox.c.last_error)
_REQUEUE = Statement(
    sa.update(outbox)
    .where(*equal(shop_id=outbox.c.shop_id, topic=outbox.c.topic, id=outbox.c.id))
    .values(
        state=_QUEUED,
        attempts=0,
        done_at=None,
        last_error=None,
        **parameters(outbox.c.queued_at, outbox.c.visible_at),
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
    """Queues a message in the caller's transaction. With `error` it has failed for good before it was ever tried."""
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


async def add_again(connection: Connection, shop_id: str, topic: str, id: UUID, *, now: datetime) -> None:  # noqa: A002 the column's name
    """Queues a message again that was sent or has failed; its attempts and its age start over."""
    await _REQUEUE.rows(connection, shop_id=shop_id, topic=topic, id=id, queued_at=now, visible_at=now)
    announce(connection, HINT)


async def claim(database: Database, topic: str, *, limit: int, now: datetime) -> list[Claimed]:
    """At most so many due messages, the oldest of one shop: lots decide which, so that no backlog delays others.

    An empty list means that there is nothing to send now; any other, that there may be more.
    """
    values = {"topic": topic, "limit": limit, "now": now, "lease": uuid4(), "leased_until": now + LEASE}

    async def work(connection: Connection) -> list[Claimed]:
        return [Claimed(*row) for row in await _CLAIM.rows(connection, **values)]

    return await database.writing(EVERY_SHOP, work)


async def bring_back(database: Database, topic: str, *, now: datetime) -> bool:
    """Makes due what was queued, or is due, at a time that the clock has not reached since it was set back.

    A lease among it may have just begun: it has its whole length from now, and never ends early. It takes at most a
    thousand of one shop; True means that there may be more.
    """
    values = {"topic": topic, "now": now, "latest": now + _LONGEST_PAUSE}
    # There is seldom any, and nobody should wait for a write that changes nothing.
    async with database.reading(EVERY_SHOP) as connection:
        if not await _FIND_AHEAD.rows(connection, **values):
            return False
    values["leased_until"] = now + LEASE
    return bool(await database.writing(EVERY_SHOP, lambda connection: _BRING_BACK.rows(connection, **values)))


async def backlog(connection: Connection) -> Backlog:
    """What waits, also what is being sent or will be tried again; read it for every shop."""
    [row] = await _BACKLOG.rows(connection)
    return Backlog(*row)


async def settle(
    connection: Connection, claimed: Claimed, state: NotificationStatus, *, now: datetime, error: str | None = None
) -> bool:
    """Ends a message as SENT or FAILED; False, and nothing is changed, when it is not ours any more."""
    return bool(await _SETTLE.rows(connection, **_ours(claimed), state=state, done_at=now, last_error=error))


async def try_again(connection: Connection, claimed: Claimed, *, now: datetime, error: str) -> bool:
    """Puts a message back for a while; False, and nothing is changed, when it is not ours any more."""
    due = now + pause_after(claimed.attempts, random.random())  # noqa: S311 - jitter, no secret
    return bool(await _TRY_AGAIN.rows(connection, **_ours(claimed), visible_at=due, last_error=error))


def pause_after(attempts: int, chance: float) -> timedelta:
    """How long to wait after so many attempts: `chance`, from 0 to 1, of a time that doubles up to 15 minutes."""
    doubled: timedelta = _FIRST_PAUSE * 2 ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_PAUSE) * chance


def _ours(claimed: Claimed) -> dict[str, object]:
    return {"shop_id": claimed.shop_id, "topic": claimed.topic, "id": claimed.id, "ours": claimed.lease}
