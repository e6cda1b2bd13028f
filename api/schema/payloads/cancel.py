"""What is sent to cancel something, and what comes back: inputs, previews, payloads, errors."""

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


@strawberry.input(description="Units of one order item.")
class CancelItemInput:
    item_id: strawberry.ID = described("The order item.")
    quantity: int = described("How many units of it.")
    package_id: strawberry.ID | None = strawberry.field(
        default=None, description="The package whose units they are; without it any cancellable units of the item."
    )


@strawberry.input(description="What the preview showed; a call that would do anything else is refused.")
class CancellationExpectation:
    refund_total: DecimalText | None = strawberry.field(default=None, description="The refund's total.")
    order_version: int | None = strawberry.field(default=None, description="The order's version.")


@strawberry.input
class _CancelInput:
    """What every cancellation is called with."""

    note: str | None = strawberry.field(default=None, description="For the seller only, at most 2,000 characters.")
    idempotency_key: str = described(
        "Of 1 to 255 visible ASCII characters; a request that is sent again under the same key has one effect."
    )
    expect: CancellationExpectation | None = strawberry.field(default=None, description="What the seller saw.")


@strawberry.input(description="Which units to cancel, and why.")
class CancelItemsInput(_CancelInput):
    order_id: strawberry.ID = described("The order.")
    reason: CancellationReason = described("Why; single items take OUT_OF_STOCK.")
    items: list[CancelItemInput] = described("The units; each item once, or once a package.")


@strawberry.input(description="Which package to cancel, and why.")
class CancelPackageInput(_CancelInput):
    package_id: strawberry.ID = described("The package.")
    reason: CancellationReason = described("Why; any reason will do.")


@strawberry.input(description="Which order to cancel, and why.")
class CancelOrderInput(_CancelInput):
    order_id: strawberry.ID = described("The order.")
    reason: CancellationReason = described("Why; any reason will do.")


@strawberry.type(description="A reason to choose, and what it unlocks.")
class CancellationReasonOption:
    reason: CancellationReason = described("The reason.")
    label: str = described("The reason for people, in the caller's language (Accept-Language) or in English.")
    scopes: list[CancellationScope] = described("How much of an order may be cancelled for it.")


@strawberry.type(description="What a cancellation would do. Nothing is written.")
class CancellationPreview:
    refund_breakdown: RefundBreakdown | None = described("What it would give back; null when there are errors.")
    order_version: int | None = described("The order's version; pass it back in CancellationExpectation.")
    order_status_after: OrderStatus | None = described("The status that the order would have; null with errors.")
    errors: list["CancellationError"] = described("Everything that is wrong: the first 100, and how many more.")


@strawberry.type(description="One thing that is wrong with a cancellation.")
class CancellationError(UserError):
    code: CancellationErrorCode = described("What is wrong, for programs.")
    item_id: strawberry.ID | None = described("The item's id, as it was given.")
    package_id: strawberry.ID | None = described(
        "The package's id, as it was given, or that of the package in the way."
    )
    cancellable_quantity: int | None = described("With QUANTITY_EXCEEDED: how many units are left for this entry.")
    not_cancellable_reason: NotCancellableReason | None = described("With NOT_CANCELLABLE: why.")
    current_preview: CancellationPreview | None = described(
        "With ORDER_CHANGED and REFUND_CHANGED: what the same selection would do now."
    )
    retryable: bool = described("Whether the same call may succeed in a moment; true for TRY_AGAIN only.")


@strawberry.interface(description="The result of cancelItems, cancelPackage or cancelOrder.")
class CancelPayload:
    cancellation: Cancellation | None = described("The cancellation; null when there are errors.")
    order: Order | None = described("The order as it is now, also when there are errors; null if there is none.")
    replayed: bool = described("Whether this is the answer to an earlier call with the same key.")
    errors: list[CancellationError] = described(
        "Everything that is wrong: the first 100, and how many more. With any error nothing was cancelled."
    )


@strawberry.type(description="What became of cancelItems.")
class CancelItemsPayload(CancelPayload):
    pass


@strawberry.type(description="What became of cancelPackage.")
class CancelPackagePayload(CancelPayload):
    pass


@strawberry.type(description="What became of cancelOrder.")
class CancelOrderPayload(CancelPayload):
    pass


Payload = TypeVar("Payload", CancelItemsPayload, CancelPackagePayload, CancelOrderPayload)


def reason_options(language: str) -> list[CancellationReasonOption]:
    """Every reason, labelled in one of the mails' languages."""
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
    """`planned` is the order of the plan, when there is one."""
    if preview.plan and planned:
        return _plan_type(preview.plan, planned)
    return CancellationPreview(
        refund_breakdown=None,
        order_version=preview.order.version if preview.order else None,
        order_status_after=None,
        errors=[_error(problem) for problem in shown(preview.problems)],
    )


def errors_of(outcome: CancellationOutcome, planned: Order | None) -> list[CancellationError]:
    """The errors of a mutation, whose paths begin at its argument `input`; `planned` is as for previews."""
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
