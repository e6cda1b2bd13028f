"""Performs an act on an order exactly once, in one transaction, even if the commit's answer is lost."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from domain.rules.order import Shop, value
from domain.rules.outcomes import FulfillmentOutcome, busy
from domain.rules.vocabulary import FulfillmentErrorCode
from domain.storage import events
from domain.storage.engine.backend import Connection
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import BusyError, UnavailableError, UnknownOutcomeError
from domain.storage.events import NewEvent

_Locked = TypeVar("_Locked")
_Found = TypeVar("_Found")


@value
class Done:
    """The result of one run: its outcome, the first event it logged, and that event's time.

    A run without an event is safe to repeat.
    """

    outcome: FulfillmentOutcome
    event: NewEvent | None
    at: datetime


async def once(
    database: Database,
    shop: Shop,
    lock: Callable[[Connection], Awaitable[_Locked]],
    do: Callable[[Connection, _Locked], Awaitable[FulfillmentOutcome | Done]],
    *,
    actor: str,
) -> FulfillmentOutcome:
    """Locks the order and acts on it; `do` returns a plain outcome if there is nothing to do.

    If the commit's answer is lost, the transaction runs again. Others may have acted on the order by then, so only the
    log shows whether the first run was committed. If the order stays busy, nothing is done and the problem is
    TRY_AGAIN. Raises UnknownOutcomeError if the act may have been committed but the log does not show it.
    """
    earlier: Done | None = None

    async def work(connection: Connection) -> FulfillmentOutcome:
        nonlocal earlier
        locked = await lock(connection)
        if earlier and await _is_committed(connection, shop, earlier, actor):
            await roll_back(connection)
            return earlier.outcome
        done = await do(connection, locked)
        if isinstance(done, FulfillmentOutcome):
            await roll_back(connection)
            return done
        earlier = done
        return done.outcome

    try:
        return await database.writing(shop.id, work)
    except BusyError:
        return FulfillmentOutcome(problems=(busy(FulfillmentErrorCode.TRY_AGAIN),))
    except UnknownOutcomeError as unknown:

        async def find(connection: Connection) -> FulfillmentOutcome | None:
            return earlier.outcome if earlier and await _is_committed(connection, shop, earlier, actor) else None

        return await look_up(database, shop.id, unknown, find)


async def look_up(
    database: Database,
    shop_id: str,
    unknown: UnknownOutcomeError,
    find: Callable[[Connection], Awaitable[_Found | None]],
) -> _Found:
    """Finds the result of a transaction whose commit got no answer; raises `unknown` if it cannot."""
    try:
        async with database.reading(shop_id) as connection:
            found = await find(connection)
    except (BusyError, UnavailableError):
        raise unknown from None
    if found is None:
        raise unknown
    return found


async def _is_committed(connection: Connection, shop: Shop, done: Done, actor: str) -> bool:
    return done.event is not None and await events.is_written(connection, shop.id, done.event, actor=actor, now=done.at)
