"""Previewing and cancelling: one decision for both, and one transaction that carries it out."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.mail import content
from domain.mail.address import NO_USABLE_ADDRESS, usable_address
from domain.once import look_up
from domain.rules import ids
from domain.rules.money import digits, to_minor, to_text
from domain.rules.order import (
    Cancellation,
    Notification,
    Order,
    Package,
    PackageSelection,
    Pick,
    RefundBreakdown,
    Selection,
    Shop,
    value,
)
from domain.rules.refunds import refund_breakdown
from domain.rules.selection import Problem, find_package, judge, scope_of
from domain.rules.status import order_status
from domain.rules.texts import has_control_characters
from domain.rules.vocabulary import (
    CancellationErrorCode,
    CancellationReason,
    EventType,
    NotificationStatus,
    PackageStatus,
    RefundStatus,
)
from domain.storage import cancellations, events, orders, outbox
from domain.storage.cancellations import MAIL_TOPIC, UsedKey
from domain.storage.database import BusyError, Database, UnknownOutcomeError, roll_back
from domain.storage.dialect import forget_plans, look_at_tables
from domain.storage.events import NewEvent

_LONGEST_NOTE = 2000
_LONGEST_KEY = 255


@value
class CancellationRequest:
    """What a caller wants cancelled, and what it expects; an expectation that is None is not checked."""

    selection: Selection
    reason: CancellationReason
    idempotency_key: str
    note: str | None = None
    expected_version: int | None = None
    expected_refund: Decimal | None = None


@value
class Plan:
    """What a cancellation would do: `before` is the order as it is, `after` as it would be but for its log."""

    before: Order
    after: Order
    breakdown: RefundBreakdown
    picks: tuple[Pick, ...]
    ended_packages: tuple[Package, ...]


@value
class Preview:
    """`order` is None when it was not found; `plan` is there when there are no problems."""

    order: Order | None
    plan: Plan | None
    problems: tuple[Problem, ...]


@value
class Outcome:
    """`order` is as it is now. With ORDER_CHANGED and REFUND_CHANGED `plan` is what the call would do now."""

    order: Order | None = None
    cancellation: Cancellation | None = None
    replayed: bool = False
    problems: tuple[Problem, ...] = ()
    plan: Plan | None = None


async def preview(database: Database, shop: Shop, selection: Selection, reason: CancellationReason) -> Preview:
    """What cancelling this selection would give back and lead to. Writes nothing."""
    async with database.reading(shop.id) as connection:
        order = await _find_target(connection, shop, selection)
    return decide(order, selection, reason)


async def cancel(
    database: Database, shop: Shop, request: CancellationRequest, *, cancellation_id: UUID, actor: str, now: datetime
) -> Outcome:
    """Cancels all of the selection or, with any problem, nothing.

    A key that was used for an equal request gives that cancellation again and does nothing. `cancellation_id` is for
    the new cancellation; a key that is found claimed with it was claimed by an earlier attempt of this very call.
    Raises UnknownOutcomeError where it may have been done, and the key is not found.
    """
    claim = UsedKey(_request_hash(request), cancellation_id)

    async def work(connection: AsyncConnection) -> Outcome | UsedKey:
        if _is_key(request.idempotency_key):
            used = await cancellations.claim_key(connection, shop.id, request.idempotency_key, claim, now=now)
            if used:
                return used
        order_id = _order_of(request.selection)
        order = await orders.lock_order(connection, shop.id, order_id) if order_id else None
        decided = decide(_target(order, request.selection), request.selection, request.reason)
        problems = [*_request_problems(request), *decided.problems]
        if decided.plan and not problems:
            problems = _expectation_problems(request, decided.plan)
        if decided.plan and not problems:
            moment = events.moment(decided.plan.before, now)
            cancellation = _new_cancellation(request, decided.plan, cancellation_id, actor, moment)
            return await _carry_out(connection, shop, decided.plan, cancellation)
        await roll_back(connection)
        return Outcome(decided.order, problems=tuple(problems), plan=decided.plan)

    try:
        done = await database.writing(shop.id, work)
    except BusyError:
        message = "The order is busy; try again in a moment."
        return Outcome(problems=(Problem(CancellationErrorCode.TRY_AGAIN, message, ()),))
    except UnknownOutcomeError as unknown:
        find = partial(cancellations.find_key, shop_id=shop.id, key=request.idempotency_key)
        done = await look_up(database, shop.id, unknown, find)
    if isinstance(done, Outcome):
        return done
    # In one snapshot, which the transaction that writes does not have.
    async with database.reading(shop.id) as connection:
        return await _answer_again(connection, shop, request, claim, done)


def decide(order: Order | None, selection: Selection, reason: CancellationReason) -> Preview:
    """The one decision behind previews and cancellations; `order` is None when the selection names none there is."""
    judgement = judge(order, selection, reason)
    if order is None or judgement.problems:
        return Preview(order, None, judgement.problems)
    breakdown = refund_breakdown(order, judgement.picks, order.shipping_refund_policy)
    after = _after(order, judgement.picks, breakdown)
    packages = zip(order.packages, after.packages, strict=True)
    ended = tuple(new for old, new in packages if old.status is not new.status)
    return Preview(order, Plan(order, after, breakdown, judgement.picks, ended), ())


def _after(order: Order, picks: Sequence[Pick], breakdown: RefundBreakdown) -> Order:
    """The order without the picked units."""
    cancelled = {(pick.package, pick.item): pick.quantity for pick in picks}
    packages = tuple(_without(package, cancelled) for package in order.packages)
    by_item = Counter[int]()
    for pick in picks:
        by_item[pick.item] += pick.quantity
    items = (replace(item, cancelled_quantity=item.cancelled_quantity + by_item[item.position]) for item in order.items)
    return replace(
        order,
        status=order_status(order.status, packages),
        version=order.version + 1,
        items=tuple(items),
        packages=packages,
        refunded=order.refunded + breakdown.total,
    )


def _without(package: Package, cancelled: Mapping[tuple[int, int], int]) -> Package:
    """The package without these units, by (package, item) position; CANCELLED if its last live unit is among them."""
    items = tuple(
        replace(
            packed, cancelled_quantity=packed.cancelled_quantity + cancelled.get((package.position, packed.item), 0)
        )
        for packed in package.items
    )
    left = replace(package, items=items)
    return left if left.is_live else replace(left, status=PackageStatus.CANCELLED)


async def _carry_out(connection: AsyncConnection, shop: Shop, plan: Plan, cancellation: Cancellation) -> Outcome:
    """Writes all that the plan says. The events come last: they lock the row that the whole shop shares."""
    now, written = cancellation.created_at, _events(plan, cancellation)
    order = replace(plan.after, updated_at=now, event_sequence=written[-1].sequence)
    await look_at_tables(connection, rows=len(plan.picks))
    await forget_plans(connection, rows=len(plan.picks))
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
    return Outcome(order, cancellation)


async def _queue_mail(connection: AsyncConnection, shop: Shop, order: Order, cancellation: Cancellation) -> None:
    payload = content.to_json(content.cancellation_mail(shop, order, cancellation))
    error, now = cancellation.notification.last_error, cancellation.created_at
    await outbox.add(connection, shop.id, MAIL_TOPIC, cancellation.id, payload, now=now, error=error)


def _events(plan: Plan, cancellation: Cancellation) -> list[NewEvent]:
    """What the log says of it, in the order of the specification's section 6."""
    first = plan.before.event_sequence + 1
    made = NewEvent(plan.before.id, first, EventType.ITEMS_CANCELLED, cancellation_id=cancellation.id)
    return [made, *events.status_changes(plan.before, plan.after, first_sequence=first + 1)]


def _new_cancellation(
    request: CancellationRequest, plan: Plan, cancellation_id: UUID, actor: str, now: datetime
) -> Cancellation:
    selection = request.selection
    package = find_package(plan.before, selection.package_id) if isinstance(selection, PackageSelection) else None
    return Cancellation(
        id=cancellation_id,
        order_id=plan.before.id,
        scope=scope_of(selection),
        reason=request.reason,
        note=request.note,
        package=package.position if package else None,
        breakdown=plan.breakdown,
        refund_status=RefundStatus.PENDING if plan.breakdown.total else RefundStatus.NOT_NEEDED,
        notification=_notification(plan.before),
        actor=actor,
        idempotency_key=request.idempotency_key,
        created_at=now,
    )


def _notification(order: Order) -> Notification:
    """An e-mail that can reach nobody has failed before it is tried."""
    if usable_address(order.buyer.email):
        return Notification(NotificationStatus.QUEUED)
    return Notification(NotificationStatus.FAILED, last_error=NO_USABLE_ADDRESS)


async def _answer_again(
    connection: AsyncConnection, shop: Shop, request: CancellationRequest, claim: UsedKey, used: UsedKey
) -> Outcome:
    """The answer to a key that is known: its cancellation as it is now, unless it was for another request."""
    if used.request_hash != claim.request_hash:
        message = "The key was used for another request; give a new request a new key."
        problem = Problem(CancellationErrorCode.IDEMPOTENCY_KEY_REUSED, message, ("idempotencyKey",))
        return Outcome(await _find_target(connection, shop, request.selection), problems=(problem,))
    cancellation = await cancellations.find_cancellation(connection, shop.id, used.cancellation_id)
    if cancellation is None:
        raise LookupError(f"cancellation {used.cancellation_id} of a used key")
    order = await orders.find_order(connection, shop.id, cancellation.order_id)
    return Outcome(order, cancellation, replayed=used.cancellation_id != claim.cancellation_id)


def _order_of(selection: Selection) -> UUID | None:
    """The id of the order that a selection is about, None if it names nothing of that type."""
    if isinstance(selection, PackageSelection):
        return ids.uuid_of(selection.package_id, "package")
    return ids.uuid_of(selection.order_id, "order")


def _target(order: Order | None, selection: Selection) -> Order | None:
    """The order, unless it does not have the package that is selected: then nothing of it may be told."""
    if order and isinstance(selection, PackageSelection) and not find_package(order, selection.package_id):
        return None
    return order


async def _find_target(connection: AsyncConnection, shop: Shop, selection: Selection) -> Order | None:
    order_id = _order_of(selection)
    order = await orders.find_order(connection, shop.id, order_id) if order_id else None
    return _target(order, selection)


def _request_problems(request: CancellationRequest) -> list[Problem]:
    """What is wrong with the key and the note."""
    problems = []
    if not _is_key(request.idempotency_key):
        message = "Give 1 to 255 visible ASCII characters, without spaces."
        problems.append(Problem(CancellationErrorCode.INVALID_IDEMPOTENCY_KEY, message, ("idempotencyKey",)))
    note = request.note or ""
    if len(note) > _LONGEST_NOTE:
        message = f"The note has {len(note)} characters; {_LONGEST_NOTE} are allowed."
        problems.append(Problem(CancellationErrorCode.TEXT_TOO_LONG, message, ("note",)))
    elif has_control_characters(note, layout=True):
        message = "The note has control characters; only tab and line ends are allowed."
        problems.append(Problem(CancellationErrorCode.INVALID_TEXT, message, ("note",)))
    return problems


def _is_key(key: str) -> bool:
    return 1 <= len(key) <= _LONGEST_KEY and all("!" <= character <= "~" for character in key)


def _expectation_problems(request: CancellationRequest, plan: Plan) -> list[Problem]:
    problems = []
    if request.expected_version not in (None, plan.before.version):
        message = f"The order's version is {plan.before.version}, not {request.expected_version}; look at it again."
        problems.append(Problem(CancellationErrorCode.ORDER_CHANGED, message, ("expect", "orderVersion")))
    expected, total = request.expected_refund, plan.breakdown.total
    if expected is not None and to_minor(expected, digits(plan.before.currency) or 0) != total:
        message = f"The refund would be {to_text(total, plan.before.currency)} now, not {expected}; look at it again."
        problems.append(Problem(CancellationErrorCode.REFUND_CHANGED, message, ("expect", "refundTotal")))
    return problems


def _request_hash(request: CancellationRequest) -> bytes:
    """Equal for requests that are equal as values: "5" and "5.00" are, lists in another order are not."""
    expected = request.expected_refund
    parts = (
        scope_of(request.selection).name,
        astuple(request.selection),
        request.reason.name,
        request.note,
        request.expected_version,
        None if expected is None else expected.as_integer_ratio(),
    )
    return hashlib.sha256(json.dumps(parts).encode()).digest()
