"""Cancellations: inputs, previews, payloads and errors."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar, assert_never

import strawberry

from api.schema.payloads.problems import UserError, is_retryable, path_of, shown
from api.schema.types.cancellation import Cancellation, RefundBreakdown, breakdown_type
from api.schema.types.order import Order
from api.schema.types.scalars import DecimalText, described
from domain.cancellation import CancellationOutcome
from domain.mail.phrases import phrases
from domain.rules.decision import CancellationRequest, Decision, Plan
from domain.rules.eligibility import UNLOCKS
from domain.rules.order import ItemEntry, ItemsSelection, OrderSelection, PackageSelection, Selection
from domain.rules.outcomes import CancellationProblem
from domain.rules.vocabulary import (
    CancellationErrorCode,
    CancellationReason,
    CancellationScope,
    NotCancellableReason,
    OrderStatus,
)

REASON = "Why the seller cancels; cancellationReasons lists the scopes that each reason allows."
UNITS = "The units; name each item once, or once for each package."


@strawberry.input(description="Units of one order item.")
class CancelItemInput:
    item_id: strawberry.ID = described("The order item.")
    quantity: int = described("How many units.")
    package_id: strawberry.ID | None = strawberry.field(
        default=None, description="The package to take the units from; if omitted, any cancellable units of the item."
    )


@strawberry.input(description="What the preview showed; the call is refused if it would do anything else.")
class CancellationExpectation:
    refund_total: DecimalText | None = strawberry.field(
        default=None, description="The total of the refund, or by how much less is due."
    )
    order_version: int | None = strawberry.field(default=None, description="The version of the order.")


@strawberry.input
class _CancelInput:
    """The fields that all three inputs share."""

    reason: CancellationReason = described(REASON)
    note: str | None = strawberry.field(
        default=None, description="A private note for the seller, at most 2,000 characters."
    )
    idempotency_key: str = described(
        "Any 1 to 255 visible ASCII characters; a request repeated with the same key takes effect once."
    )
    expect: CancellationExpectation | None = strawberry.field(default=None, description="What the seller confirmed.")


@strawberry.input(description="Which units to cancel, and why.")
class CancelItemsInput(_CancelInput):
    order_id: strawberry.ID = described("The order.")
    items: list[CancelItemInput] = described(UNITS)


@strawberry.input(description="Which package to cancel, and why.")
class CancelPackageInput(_CancelInput):
    package_id: strawberry.ID = described("The package.")


@strawberry.input(description="Which order to cancel, and why.")
class CancelOrderInput(_CancelInput):
    order_id: strawberry.ID = described("The order.")


@strawberry.type(description="A reason that a seller can choose, and the scopes that it allows.")
class CancellationReasonOption:
    reason: CancellationReason = described("The reason.")
    label: str = described("The reason in words, in the language of the Accept-Language header or in English.")
    scopes: list[CancellationScope] = described("How much of an order can be cancelled for this reason.")


@strawberry.type(description="What a cancellation would do.")
class CancellationPreview:
    refund_breakdown: RefundBreakdown | None = described(
        "What would be refunded, or by how much less would be due; null if there are errors."
    )
    order_version: int | None = described("The order's current version; pass it back in CancellationExpectation.")
    order_status_after: OrderStatus | None = described("The order's status afterwards; null if there are errors.")
    errors: list["CancellationError"] = described("Every problem; after the first 100, one entry counts the rest.")


@strawberry.type(description="One reason why a cancellation is refused.")
class CancellationError(UserError):
    code: CancellationErrorCode = described("What is wrong, for programs.")
    item_id: strawberry.ID | None = described("The item's id, as given.")
    package_id: strawberry.ID | None = described(
        "The package's id: as given, or that of the package that stands in the way."
    )
    cancellable_quantity: int | None = described("With QUANTITY_EXCEEDED: how many units are left for this entry.")
    not_cancellable_reason: NotCancellableReason | None = described("With NOT_CANCELLABLE: why.")
    current_preview: CancellationPreview | None = described(
        "With ORDER_CHANGED and REFUND_CHANGED: what the same selection would do now."
    )
    retryable: bool = described("Whether the same call may succeed in a moment; true for TRY_AGAIN only.")


@strawberry.interface(description="The result of cancelItems, cancelPackage or cancelOrder.")
class CancelPayload:
    cancellation: Cancellation | None = described("The cancellation; null if there are errors.")
    order: Order | None = described("The order in its current state, even with errors; null if not found.")
    replayed: bool = described("Whether an earlier call with the same key made this cancellation.")
    errors: list[CancellationError] = described(
        "Every problem; after the first 100, one entry counts the rest. If there are any, nothing was cancelled."
    )


@strawberry.type(description="The result of cancelItems.")
class CancelItemsPayload(CancelPayload):
    pass


@strawberry.type(description="The result of cancelPackage.")
class CancelPackagePayload(CancelPayload):
    pass


@strawberry.type(description="The result of cancelOrder.")
class CancelOrderPayload(CancelPayload):
    pass


Payload = TypeVar("Payload", CancelItemsPayload, CancelPackagePayload, CancelOrderPayload)


def reason_options(language: str) -> list[CancellationReasonOption]:
    """Every reason, with its label in one of the languages of the mails."""
    labels = phrases(language).labels
    return [
        CancellationReasonOption(reason=reason, label=labels[reason], scopes=list(scopes))
        for reason, scopes in UNLOCKS.items()
    ]


def selection_of(order_id: str, items: Iterable[CancelItemInput]) -> ItemsSelection:
    return ItemsSelection(order_id, tuple(ItemEntry(item.item_id, item.quantity, item.package_id) for item in items))


def request_of(given: CancelItemsInput | CancelPackageInput | CancelOrderInput) -> CancellationRequest:
    expect = given.expect or CancellationExpectation()
    return CancellationRequest(
        selection=_selection(given),
        reason=given.reason,
        idempotency_key=given.idempotency_key,
        note=given.note,
        expected_version=expect.order_version,
        expected_refund=None if expect.refund_total is None else Decimal(expect.refund_total),
    )


def _selection(given: CancelItemsInput | CancelPackageInput | CancelOrderInput) -> Selection:
    match given:
        case CancelItemsInput():
            return selection_of(given.order_id, given.items)
        case CancelPackageInput():
            return PackageSelection(given.package_id)
        case CancelOrderInput():
            return OrderSelection(given.order_id)
        case _:
            assert_never(given)


def preview_type(preview: Decision, planned: Order | None) -> CancellationPreview:
    """`planned` is the order of the plan, if there is a plan."""
    if preview.plan and planned:
        return _plan_type(preview.plan, planned)
    return CancellationPreview(
        refund_breakdown=None,
        order_version=preview.order.version if preview.order else None,
        order_status_after=None,
        errors=[_error(problem) for problem in shown(preview.problems)],
    )


def errors_of(outcome: CancellationOutcome, planned: Order | None) -> list[CancellationError]:
    """The errors of a mutation, with paths that start at its argument `input`; `planned` as in `preview_type`."""
    current = _plan_type(outcome.plan, planned) if outcome.plan and planned else None
    return [_error(problem, "input", current=current) for problem in shown(outcome.problems)]


def _plan_type(plan: Plan, planned: Order) -> CancellationPreview:
    return CancellationPreview(
        refund_breakdown=breakdown_type(planned, plan.breakdown),
        order_version=plan.before.version,
        order_status_after=plan.after.status,
        errors=[],
    )


def _error(
    problem: CancellationProblem, *argument: str, current: CancellationPreview | None = None
) -> CancellationError:
    is_change = problem.code in (CancellationErrorCode.ORDER_CHANGED, CancellationErrorCode.REFUND_CHANGED)
    return CancellationError(
        code=problem.code,
        message=problem.message,
        path=path_of(problem, *argument),
        item_id=None if problem.item_id is None else strawberry.ID(problem.item_id),
        package_id=None if problem.package_id is None else strawberry.ID(problem.package_id),
        cancellable_quantity=problem.cancellable_quantity,
        not_cancellable_reason=problem.not_cancellable_reason,
        current_preview=current if is_change else None,
        retryable=is_retryable(problem),
    )
