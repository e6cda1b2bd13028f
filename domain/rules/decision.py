"""Decides a cancellation: what it would do, or every reason to refuse it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

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
    value,
)
from domain.rules.outcomes import CancellationProblem, Outcome, Problem
from domain.rules.refunds import refund_breakdown
from domain.rules.selection import judge, scope_of
from domain.rules.status import order_status
from domain.rules.texts import LONGEST_NOTE, has_control_characters
from domain.rules.vocabulary import CancellationErrorCode, CancellationReason, PackageStatus, RefundStatus

_LONGEST_KEY = 255


@value
class CancellationRequest:
    """What to cancel and what the caller expects; None skips the check."""

    selection: Selection
    reason: CancellationReason
    idempotency_key: str
    note: str | None = None
    expected_version: int | None = None
    expected_refund: Decimal | None = None


@value
class Plan:
    """What a cancellation would do; `after` is the order afterwards, except for its new log entries."""

    before: Order
    after: Order
    breakdown: RefundBreakdown
    picks: tuple[Pick, ...]
    ended_packages: tuple[Package, ...]


@value
class Decision(Outcome[CancellationErrorCode]):
    """`plan` is None if there is a problem, except for ORDER_CHANGED and REFUND_CHANGED: it is then the current one."""

    plan: Plan | None = None


def decide(order: Order | None, selection: Selection, reason: CancellationReason) -> Decision:
    """Decides for previews and cancellations alike; `order` is None if the shop does not have it."""
    judgement = judge(order, selection, reason)
    if order is None or judgement.problems:
        return Decision(order, judgement.problems)
    return Decision(order, plan=plan(order, judgement.picks))


def plan(order: Order, picks: tuple[Pick, ...]) -> Plan:
    """What cancelling these live units would do; picks are sorted by item, then by package number."""
    breakdown = refund_breakdown(order, picks)
    after = _after(order, picks, breakdown)
    before = {package.position: package.status for package in order.packages}
    ended = tuple(package for package in after.packages if package.status is not before[package.position])
    return Plan(order, after, breakdown, picks, ended)


def decide_request(order: Order | None, request: CancellationRequest) -> Decision:
    """Decides, and also checks the key, the note and, if there is no other problem, what the caller expects."""
    decided = decide(order, request.selection, request.reason)
    problems = (*_request_problems(request), *decided.problems)
    if decided.plan is None or problems:
        return Decision(decided.order, problems)
    return replace(decided, problems=_expectation_problems(request, decided.plan))


def target(order: Order | None, selection: Selection) -> Order | None:
    """The order; None if it lacks the selected package, so that the caller learns nothing about it."""
    if order and isinstance(selection, PackageSelection) and not ids.find_package(order, selection.package_id):
        return None
    return order


def new_cancellation(
    request: CancellationRequest,
    plan: Plan,
    notification: Notification,
    *,
    cancellation_id: UUID,
    actor: str,
    now: datetime,
) -> Cancellation:
    selection = request.selection
    package = ids.find_package(plan.before, selection.package_id) if isinstance(selection, PackageSelection) else None
    return Cancellation(
        id=cancellation_id,
        order_id=plan.before.id,
        scope=scope_of(selection),
        reason=request.reason,
        note=request.note,
        package=package.position if package else None,
        breakdown=plan.breakdown,
        refund_status=_refund_status(plan),
        notification=notification,
        actor=actor,
        idempotency_key=request.idempotency_key,
        created_at=now,
    )


def is_key(key: str) -> bool:
    """Whether this is a valid idempotency key."""
    return 1 <= len(key) <= _LONGEST_KEY and all("!" <= character <= "~" for character in key)


def request_hash(request: CancellationRequest) -> bytes:
    """A hash that is the same for equal requests: "5" equals "5.00", but the order of a list matters.

    Hashes are stored; if this changes, replays of earlier requests look like different requests.
    """
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


def _after(order: Order, picks: Sequence[Pick], breakdown: RefundBreakdown) -> Order:
    """The order with the picked units cancelled; what was not paid for is taken off instead of refunded."""
    cancelled = {(pick.package, pick.item): pick.quantity for pick in picks}
    packages = tuple(_with_cancelled(package, cancelled) for package in order.packages)
    by_item = Counter[int]()
    for pick in picks:
        by_item[pick.item] += pick.quantity
    items = (replace(item, cancelled_quantity=item.cancelled_quantity + by_item[item.position]) for item in order.items)
    refunded = breakdown.total if order.is_paid else 0
    return replace(
        order,
        status=order_status(order.status, packages),
        version=order.version + 1,
        items=tuple(items),
        packages=packages,
        refunded=order.refunded + refunded,
        taken_off=order.taken_off + breakdown.total - refunded,
    )


def _refund_status(plan: Plan) -> RefundStatus:
    """Nothing has to go back if nothing was paid: then the breakdown says by how much less is due."""
    return RefundStatus.PENDING if plan.before.is_paid and plan.breakdown.total else RefundStatus.NOT_NEEDED


def _with_cancelled(package: Package, cancelled: Mapping[tuple[int, int], int]) -> Package:
    """The package with these units, keyed by (package, item), cancelled; CANCELLED if no live unit is left."""
    items = tuple(
        replace(
            packed, cancelled_quantity=packed.cancelled_quantity + cancelled.get((package.position, packed.item), 0)
        )
        for packed in package.items
    )
    left = replace(package, items=items)
    return left if left.is_live else replace(left, status=PackageStatus.CANCELLED)


def _request_problems(request: CancellationRequest) -> list[CancellationProblem]:
    problems: list[CancellationProblem] = []
    if not is_key(request.idempotency_key):
        message = f"An idempotency key has 1 to {_LONGEST_KEY} visible ASCII characters and no spaces."
        problems.append(Problem(CancellationErrorCode.INVALID_IDEMPOTENCY_KEY, message, ("idempotencyKey",)))
    note = request.note
    if not note:
        return problems
    if len(note) > LONGEST_NOTE:
        message = f"The note has {len(note):,} characters; at most {LONGEST_NOTE:,} are allowed."
        problems.append(Problem(CancellationErrorCode.TEXT_TOO_LONG, message, ("note",)))
    elif has_control_characters(note, layout=True):
        message = "The note contains control characters; only tabs and line breaks are allowed."
        problems.append(Problem(CancellationErrorCode.INVALID_TEXT, message, ("note",)))
    return problems


def _expectation_problems(request: CancellationRequest, plan: Plan) -> tuple[CancellationProblem, ...]:
    problems: list[CancellationProblem] = []
    if request.expected_version not in (None, plan.before.version):
        message = f"The order is at version {plan.before.version}, not {request.expected_version}; review it and retry."
        problems.append(Problem(CancellationErrorCode.ORDER_CHANGED, message, ("expect", "orderVersion")))
    expected, total = request.expected_refund, plan.breakdown.total
    if expected is not None and to_minor(expected, digits(plan.before.currency) or 0) != total:
        refund = to_text(total, plan.before.currency)
        message = f"The refund would now be {refund}, not {expected}; review it and retry."
        problems.append(Problem(CancellationErrorCode.REFUND_CHANGED, message, ("expect", "refundTotal")))
    return tuple(problems)
