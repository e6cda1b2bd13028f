"""Brings known orders up to date: writes what was decided, and says what the log must hold."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from uuid_utils.compat import uuid7

from domain.rules.order import Cancellation, Notification, value
from domain.rules.outcomes import FulfillmentProblem, Problem
from domain.rules.updates.acts import CancelledThere, OrderMoved, PackageMoved, Repacked, Update
from domain.rules.vocabulary import EventType, FulfillmentErrorCode, NotificationStatus
from domain.storage import cancellations, events, known_orders
from domain.storage.engine.backend import Connection, backend_of
from domain.storage.events import NewEvent
from domain.storage.known_orders import Change, Source


@value
class Lacking:
    """What a caller lacks for bringing known orders up to date, in words for a message; None for what it has.

    `cancelling` is needed beside `updating` where units were cancelled at the source.
    """

    updating: str | None = None
    cancelling: str | None = None


TRUSTED = Lacking()


@value
class Carried:
    """An update as it is written: the order, its cancellations, and the events to append, oldest first, at `at`."""

    change: Change
    cancellations: tuple[Cancellation, ...]
    events: tuple[NewEvent, ...]
    at: datetime


def refusal(update: Update, lacking: Lacking) -> tuple[FulfillmentProblem, ...]:
    """Why this caller may not carry out the update; one problem for each thing that it lacks."""
    is_cancelling = any(isinstance(act, CancelledThere) for act in update.acts)
    needed = (lacking.updating, lacking.cancelling if is_cancelling else None)
    return tuple(
        Problem(
            FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, f"Bringing this order up to date needs {what}.", ("number",)
        )
        for what in needed
        if what
    )


def carried(update: Update, source: Source, *, actor: str, now: datetime) -> Carried:
    """The order's time of change stays the same if its version does."""
    before, at = update.before, events.moment(update.before.updated_at, now)
    made = tuple(_cancellation(update, act, actor, at) for act in update.acts if isinstance(act, CancelledThere))
    written = _events(update, made)
    is_changed = update.after.version != before.version
    after = replace(
        update.after, updated_at=at if is_changed else before.updated_at, event_sequence=written[-1].sequence
    )
    return Carried(Change(before, after, source), made, written, at)


async def carry_out(connection: Connection, shop_id: str, updates: Sequence[Carried]) -> None:
    """Writes all but the events: those come last, because they lock a row shared by the whole shop."""
    rows = sum(len(package.items) for each in updates for package in each.change.after.packages)
    await backend_of(connection).expect_rows(connection, rows, of_one_order=len(updates) == 1)
    await known_orders.store_changes(connection, shop_id, [each.change for each in updates])
    made = [
        (cancellation, each.change.before.prices_include_tax) for each in updates for cancellation in each.cancellations
    ]
    await cancellations.insert_cancellations(connection, shop_id, made)


def _cancellation(update: Update, act: CancelledThere, actor: str, now: datetime) -> Cancellation:
    return Cancellation(
        id=uuid7(),
        order_id=update.before.id,
        scope=act.scope,
        reason=act.reason,
        note=act.note,
        package=act.package,
        breakdown=act.plan.breakdown,
        refund_status=act.refund_status,
        notification=Notification(NotificationStatus.NOT_NEEDED),
        actor=actor,
        idempotency_key=act.idempotency_key,
        created_at=now,
    )


def _events(update: Update, made: Sequence[Cancellation]) -> tuple[NewEvent, ...]:
    first = update.before.event_sequence + 1
    return tuple(replace(event, sequence=number) for number, event in enumerate(_unnumbered(update, made), first))


def _unnumbered(update: Update, made: Sequence[Cancellation]) -> Iterator[NewEvent]:
    """The log entries in the order of docs/rules.md, "What is logged", all with the sequence 0."""
    order_id, cancelled = update.before.id, iter(made)
    for act in update.acts:
        match act:
            case CancelledThere():
                yield NewEvent(order_id, 0, EventType.ITEMS_CANCELLED, cancellation_id=next(cancelled).id)
                yield from _ended(act)
            case Repacked(package, new_package):
                yield NewEvent(order_id, 0, EventType.PACKAGE_SPLIT, package, new_package)
            case PackageMoved(package, old, new):
                changed = EventType.PACKAGE_STATUS_CHANGED
                yield NewEvent(order_id, 0, changed, package, before=old.name, after=new.name)
            case OrderMoved(old_status, new_status):
                changed = EventType.ORDER_STATUS_CHANGED
                yield NewEvent(order_id, 0, changed, before=old_status.name, after=new_status.name)
            case _:
                assert_never(act)
    yield NewEvent(order_id, 0, EventType.ORDER_UPDATED, notes=update.notes)


def _ended(act: CancelledThere) -> Iterator[NewEvent]:
    """The packages that lost their last live unit, by number."""
    before = {package.position: package.status.name for package in act.plan.before.packages}
    for package in sorted(act.plan.ended_packages, key=lambda each: each.number):
        yield NewEvent(
            act.plan.before.id,
            0,
            EventType.PACKAGE_STATUS_CHANGED,
            package=package.position,
            before=before[package.position],
            after=package.status.name,
        )
