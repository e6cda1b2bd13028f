"""Records what other systems report: status changes of packages and orders, splits, and settled refunds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.once import Done, once
from domain.rules import ids, splits, transitions
from domain.rules.order import Cancellation, Order, Shop
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.splits import PackageSplit
from domain.rules.transitions import PackageMove, Settlement
from domain.rules.vocabulary import EventType, OrderStatus
from domain.storage import cancellations, events, orders
from domain.storage.engine.backend import Connection
from domain.storage.engine.database import Database
from domain.storage.events import NewEvent

# Decides an act; pure. The order is None if the shop does not have it.
_Decide = Callable[[Order | None], FulfillmentOutcome]


async def update_package_status(
    database: Database, shop: Shop, move: PackageMove, *, actor: str, now: datetime
) -> FulfillmentOutcome:
    """Moves a package. Problems: NOT_FOUND or TRANSITION_NOT_ALLOWED, with any INVALID_VALUE; or TRY_AGAIN alone."""
    decide = partial(transitions.moved_package, move=move)
    return await _act(database, shop, ids.uuid_of(move.package_id, "package"), decide, actor=actor, now=now)


async def update_order_status(
    database: Database, shop: Shop, order_id: str, to: OrderStatus, *, actor: str, now: datetime
) -> FulfillmentOutcome:
    """Holds, releases or completes an order. Problems: NOT_FOUND, TRANSITION_NOT_ALLOWED or TRY_AGAIN."""
    decide = partial(transitions.moved_order, to=to, now=now)
    return await _act(database, shop, ids.uuid_of(order_id, "order"), decide, actor=actor, now=now)


async def split_package(
    database: Database, shop: Shop, split: PackageSplit, *, actor: str, now: datetime
) -> FulfillmentOutcome:
    """Moves units into a new package; amounts stay the same. Reports every problem, or TRY_AGAIN alone."""
    decide = partial(splits.split_package, split=split)
    return await _act(database, shop, ids.uuid_of(split.package_id, "package"), decide, actor=actor, now=now)


async def settle_refund(
    database: Database, shop: Shop, settlement: Settlement, *, actor: str, now: datetime
) -> FulfillmentOutcome:
    """Settles a refund. Problems: NOT_FOUND or TRANSITION_NOT_ALLOWED, with any INVALID_VALUE; or TRY_AGAIN alone."""
    cancellation_id = ids.uuid_of(settlement.cancellation_id, "cancellation")

    async def lock(connection: Connection) -> tuple[Order | None, Cancellation | None]:
        return await cancellations.lock_cancellation(connection, shop.id, cancellation_id)

    async def do(connection: Connection, locked: tuple[Order | None, Cancellation | None]) -> FulfillmentOutcome | Done:
        decided = transitions.settled_refund(*locked, settlement)
        order, before = locked
        after = decided.cancellation
        if order is None or before is None or after is None or after == before:
            return decided
        await cancellations.store_settlement(connection, shop.id, after)
        event = NewEvent(
            order_id=order.id,
            sequence=order.event_sequence + 1,
            type=EventType.REFUND_STATUS_CHANGED,
            cancellation_id=after.id,
            before=before.refund_status.name,
            after=after.refund_status.name,
        )
        at = events.moment(order.updated_at, now)
        order = await events.append_to(connection, shop.id, order, [event], actor=actor, now=at)
        return Done(replace(decided, order=order), event, at)

    return await once(database, shop, lock, do, actor=actor)


async def _act(
    database: Database, shop: Shop, order_id: UUID | None, decide: _Decide, *, actor: str, now: datetime
) -> FulfillmentOutcome:
    """Locks the order, decides, and writes what changed, if anything."""

    async def lock(connection: Connection) -> Order | None:
        return await orders.lock_order(connection, shop.id, order_id) if order_id else None

    async def do(connection: Connection, before: Order | None) -> FulfillmentOutcome | Done:
        decided = decide(before)
        after = decided.order
        if before is None or after is None or after == before:
            return decided
        written, moment = _events(before, decided, after), events.moment(before.updated_at, now)
        after = replace(
            after,
            version=before.version + 1,
            updated_at=moment,
            event_sequence=before.event_sequence + len(written),
        )
        await _store(connection, shop, decided, after)
        after = await events.append_to(connection, shop.id, after, written, actor=actor, now=moment)
        return Done(replace(decided, order=after), written[0] if written else None, moment)

    return await once(database, shop, lock, do, actor=actor)


async def _store(connection: Connection, shop: Shop, decided: FulfillmentOutcome, after: Order) -> None:
    if decided.package and decided.new_package:
        await orders.store_split(connection, shop.id, after.id, decided.package, decided.new_package)
    elif decided.package:
        await orders.store_package(connection, shop.id, after.id, decided.package)
    await orders.store_order(connection, shop.id, after)


def _events(before: Order, decided: FulfillmentOutcome, after: Order) -> list[NewEvent]:
    first = before.event_sequence + 1
    if decided.package and decided.new_package:
        old, new = decided.package.position, decided.new_package.position
        return [NewEvent(before.id, first, EventType.PACKAGE_SPLIT, package=old, new_package=new)]
    return events.status_changes(before, after, first_sequence=first)
