"""Previews and makes cancellations: one decision for both, one transaction to write it."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.mail import content
from domain.mail.address import address_fault
from domain.once import look_up
from domain.rules import ids
from domain.rules.decision import (
    CancellationRequest,
    Decision,
    Plan,
    decide,
    decide_request,
    is_key,
    new_cancellation,
    request_hash,
    target,
)
from domain.rules.order import Cancellation, Notification, Order, PackageSelection, Selection, Shop, value
from domain.rules.outcomes import Problem, busy
from domain.rules.vocabulary import CancellationErrorCode, CancellationReason, EventType, NotificationStatus
from domain.storage import cancellations, events, keys, orders, outbox
from domain.storage.engine.backend import Connection, backend_of
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import BusyError, UnknownOutcomeError
from domain.storage.events import NewEvent
from domain.storage.keys import UsedKey
from domain.storage.outbox import MAIL_TOPIC


@value
class CancellationOutcome(Decision):
    """`replayed`: an earlier call with the same key made this cancellation."""

    cancellation: Cancellation | None = None
    replayed: bool = False


async def preview(database: Database, shop: Shop, selection: Selection, reason: CancellationReason) -> Decision:
    """Decides what cancelling this selection would refund and change. Writes nothing."""
    async with database.reading(shop.id) as connection:
        order = await _find_target(connection, shop, selection)
    return decide(order, selection, reason)


async def cancel(
    database: Database, shop: Shop, request: CancellationRequest, *, cancellation_id: UUID, actor: str, now: datetime
) -> CancellationOutcome:
    """Cancels the whole selection or, with any problem, nothing.

    A key already used for an equal request returns that cancellation and changes nothing (docs/rules.md, "What is
    promised"). A key already claimed with `cancellation_id` was claimed by an earlier attempt of this same call. Raises
    UnknownOutcomeError if the cancellation may have been stored but its key is not found.
    """
    key, claim = request.idempotency_key, UsedKey(request_hash(request), cancellation_id)

    async def work(connection: Connection) -> CancellationOutcome | UsedKey:
        if is_key(key) and (used := await keys.claim_key(connection, shop.id, key, claim, now=now)):
            return used
        order_id = _order_of(request.selection)
        order = await orders.lock_order(connection, shop.id, order_id) if order_id else None
        decided = decide_request(target(order, request.selection), request)
        if decided.problems or not decided.plan:
            await roll_back(connection)
            return CancellationOutcome(decided.order, decided.problems, decided.plan)
        before = decided.plan.before
        at = events.moment(before.updated_at, now)
        cancellation = new_cancellation(
            request, decided.plan, _notification(before), cancellation_id=cancellation_id, actor=actor, now=at
        )
        return await _carry_out(connection, shop, decided.plan, cancellation)

    try:
        done = await database.writing(shop.id, work)
    except BusyError:
        return CancellationOutcome(problems=(busy(CancellationErrorCode.TRY_AGAIN),))
    except UnknownOutcomeError as unknown:
        done = await look_up(database, shop.id, unknown, partial(keys.find_key, shop_id=shop.id, key=key))
    if isinstance(done, CancellationOutcome):
        return done
    # Only reading transactions see one snapshot.
    async with database.reading(shop.id) as connection:
        return await _answer_used_key(connection, shop, request, claim, done)


async def _carry_out(connection: Connection, shop: Shop, plan: Plan, cancellation: Cancellation) -> CancellationOutcome:
    """Writes the plan. Events come last: they lock a row shared by the whole shop."""
    now, written = cancellation.created_at, _events(plan, cancellation)
    order = replace(plan.after, updated_at=now, event_sequence=written[-1].sequence)
    await backend_of(connection).expect_rows(connection, len(plan.picks), of_one_order=True)
    await cancellations.cancel_units(connection, shop.id, order.id, plan.picks)
    if plan.ended_packages:
        positions = [package.position for package in plan.ended_packages]
        await cancellations.end_packages(connection, shop.id, order.id, positions)
    await orders.store_order(connection, shop.id, order)
    await cancellations.insert_cancellation(
        connection, shop.id, cancellation, prices_include_tax=order.prices_include_tax
    )
    await _queue_mail(connection, shop, order, cancellation)
    order = await events.append_to(connection, shop.id, order, written, actor=cancellation.actor, now=now)
    return CancellationOutcome(order, cancellation=cancellation)


async def _queue_mail(connection: Connection, shop: Shop, order: Order, cancellation: Cancellation) -> None:
    payload = content.to_json(content.cancellation_mail(shop, order, cancellation))
    error, now = cancellation.notification.last_error, cancellation.created_at
    await outbox.add(connection, shop.id, MAIL_TOPIC, cancellation.id, payload, now=now, error=error)


def _events(plan: Plan, cancellation: Cancellation) -> list[NewEvent]:
    """The log entries, in the order of docs/rules.md, "What is logged"."""
    first = plan.before.event_sequence + 1
    made = NewEvent(plan.before.id, first, EventType.ITEMS_CANCELLED, cancellation_id=cancellation.id)
    return [made, *events.status_changes(plan.before, plan.after, first_sequence=first + 1)]


def _notification(order: Order) -> Notification:
    """Without a usable address, the e-mail fails before the first attempt."""
    fault = address_fault(order.buyer.email)
    return Notification(NotificationStatus.FAILED if fault else NotificationStatus.QUEUED, last_error=fault)


async def _answer_used_key(
    connection: Connection, shop: Shop, request: CancellationRequest, claim: UsedKey, used: UsedKey
) -> CancellationOutcome:
    """Returns the key's cancellation as it is now, or a problem if the key was used for another request."""
    if used.request_hash != claim.request_hash:
        message = "The key was used for another request; use a new key."
        problem = Problem(CancellationErrorCode.IDEMPOTENCY_KEY_REUSED, message, ("idempotencyKey",))
        return CancellationOutcome(await _find_target(connection, shop, request.selection), (problem,))
    cancellation = await cancellations.find_cancellation(connection, shop.id, used.cancellation_id)
    if cancellation is None:
        raise LookupError(f"a used key refers to cancellation {used.cancellation_id}, which does not exist")
    order = await orders.find_order(connection, shop.id, cancellation.order_id)
    replayed = used.cancellation_id != claim.cancellation_id
    return CancellationOutcome(order, cancellation=cancellation, replayed=replayed)


def _order_of(selection: Selection) -> UUID | None:
    """The order's UUID; None if the selection's id is malformed or of another type."""
    if isinstance(selection, PackageSelection):
        return ids.uuid_of(selection.package_id, "package")
    return ids.uuid_of(selection.order_id, "order")


async def _find_target(connection: Connection, shop: Shop, selection: Selection) -> Order | None:
    order_id = _order_of(selection)
    order = await orders.find_order(connection, shop.id, order_id) if order_id else None
    return target(order, selection)
