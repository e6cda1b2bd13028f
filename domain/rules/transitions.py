"""Moves packages, orders and refunds to their next status (docs/rules.md, "What moves to what")."""

from dataclasses import replace
from datetime import datetime

from domain.rules import ids
from domain.rules.order import Cancellation, Order, Package, value
from domain.rules.outcomes import (
    NO_CANCELLATION,
    NO_ORDER,
    NO_PACKAGE,
    FulfillmentOutcome,
    FulfillmentProblem,
    Problem,
    misfit,
)
from domain.rules.status import REFUND_TRANSITIONS, SET_ON_ORDER, can_move_order, can_move_package, order_status
from domain.rules.texts import LONGEST_NUMBER, LONGEST_TEXT, text_faults
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus, RefundStatus

# Every status that the payment system may report.
_SETTLED = frozenset[RefundStatus]().union(*REFUND_TRANSITIONS.values())


@value
class PackageMove:
    """A package's new status. None leaves the carrier or tracking number unchanged; empty text clears it."""

    package_id: str
    status: PackageStatus
    carrier: str | None = None
    tracking_number: str | None = None


@value
class Settlement:
    """The result of a refund; `status` is None if the caller gave no outcome, or two."""

    cancellation_id: str
    status: RefundStatus | None
    provider_reference: str | None = None


def moved_package(order: Order | None, move: PackageMove) -> FulfillmentOutcome:
    """Moves the package; the order is unchanged if the package already is as requested."""
    unfit = [
        *_unfit(move.carrier, "carrier", LONGEST_TEXT),
        *_unfit(move.tracking_number, "trackingNumber", LONGEST_NUMBER),
    ]
    package = ids.find_package(order, move.package_id) if order else None
    if order is None or package is None:
        return FulfillmentOutcome(problems=(no_package(), *unfit))
    problems = (*_wrong_way(order, package, move.status), *unfit)
    if problems:
        return FulfillmentOutcome(order, package=package, problems=problems)
    moved = replace(
        package,
        status=move.status,
        carrier=_given(move.carrier, package.carrier),
        tracking_number=_given(move.tracking_number, package.tracking_number),
    )
    packages = tuple(moved if each is package else each for each in order.packages)
    return FulfillmentOutcome(
        replace(order, packages=packages, status=order_status(order.status, packages)), package=moved
    )


def moved_order(order: Order | None, to: OrderStatus, now: datetime) -> FulfillmentOutcome:
    """Sets the status. AWAITING_SHIPMENT releases the order: it then takes its packages' status.

    A released order is paid, unless the buyer pays at the door.
    """
    if order is None:
        return FulfillmentOutcome(problems=(Problem(FulfillmentErrorCode.NOT_FOUND, NO_ORDER, ("orderId",)),))
    if to is order.status:
        return FulfillmentOutcome(order)
    if not can_move_order(order, to):
        message = f"An order that is {order.status.name} cannot become {to.name}."
        refusal = Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("status",))
        return FulfillmentOutcome(order, problems=(refusal,))
    after = replace(order, status=order_status(to, order.packages))
    if to in SET_ON_ORDER or order.collect_on_delivery:
        return FulfillmentOutcome(after)
    return FulfillmentOutcome(replace(after, paid_at=order.paid_at or now, is_paid=True))


def settled_refund(order: Order | None, cancellation: Cancellation | None, told: Settlement) -> FulfillmentOutcome:
    """Settles the refund; the cancellation is unchanged if the refund already has this status."""
    unfit = _unfit(told.provider_reference, "providerReference", LONGEST_TEXT)
    if told.status is None:
        unfit = [misfit(("outcome",), "or status must be given, and not both"), *unfit]
    elif told.status not in _SETTLED:
        unfit = [misfit(("status",), "must be SUCCEEDED or FAILED"), *unfit]
    if order is None or cancellation is None:
        return FulfillmentOutcome(problems=(no_cancellation(), *unfit))
    problems = (*_wrong_settlement(cancellation, told.status), *unfit)
    if problems or told.status is None or told.status is cancellation.refund_status:
        return FulfillmentOutcome(order, cancellation=cancellation, problems=problems)
    reference = _given(told.provider_reference, cancellation.provider_reference)
    settled = replace(cancellation, refund_status=told.status, provider_reference=reference)
    return FulfillmentOutcome(order, cancellation=settled)


def no_cancellation() -> FulfillmentProblem:
    return Problem(FulfillmentErrorCode.NOT_FOUND, NO_CANCELLATION, ("cancellationId",))


def no_package() -> FulfillmentProblem:
    return Problem(FulfillmentErrorCode.NOT_FOUND, NO_PACKAGE, ("packageId",))


def _given(text: str | None, present: str | None) -> str | None:
    """The text to store: the present one for None, None for empty text."""
    return present if text is None else text or None


def _wrong_way(order: Order, package: Package, to: PackageStatus) -> list[FulfillmentProblem]:
    if to is package.status or can_move_package(order, package, to):
        return []
    message = (
        f"A package that is {package.status.name} in an order that is {order.status.name} cannot become {to.name}."
    )
    return [Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("status",))]


def _wrong_settlement(cancellation: Cancellation, to: RefundStatus | None) -> list[FulfillmentProblem]:
    """Empty if the refund already has this status, or if no refund ever gets it, which is reported elsewhere."""
    present = cancellation.refund_status
    if to is None or to is present or to not in _SETTLED or to in REFUND_TRANSITIONS[present]:
        return []
    message = f"A refund that is {present.name} cannot become {to.name}."
    return [Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("status",))]


def _unfit(text: str | None, name: str, longest: int) -> list[FulfillmentProblem]:
    """Everything wrong with an optional text; carriers and tracking numbers have the same limits as in imports."""
    if text is None:
        return []
    return [misfit((name,), fault) for fault in text_faults(text, longest)]
