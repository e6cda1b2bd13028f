"""Orders, packages, refunds and mails as other systems report them: inputs, payloads and errors."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

import strawberry

from api.schema.payloads.problems import UserError, is_retryable, path_of, shown
from api.schema.types.cancellation import Cancellation
from api.schema.types.order import Order, Package
from api.schema.types.scalars import described
from domain.rules.order import ItemEntry
from domain.rules.outcomes import FulfillmentProblem
from domain.rules.splits import PackageSplit
from domain.rules.transitions import PackageMove, Settlement
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus, RefundOutcome, RefundStatus


@strawberry.input
class _OrderInput:
    """Names an order; `status` is the one that it is given."""

    order_id: strawberry.ID = described("The order.")


@strawberry.input(description="The order to put on hold.")
class HoldOrderInput(_OrderInput):
    status: ClassVar = OrderStatus.ON_HOLD


@strawberry.input(description="The order to release.")
class ReleaseOrderInput(_OrderInput):
    status: ClassVar = OrderStatus.AWAITING_SHIPMENT


@strawberry.input(description="The order to complete.")
class CompleteOrderInput(_OrderInput):
    status: ClassVar = OrderStatus.COMPLETED


@strawberry.input(description="The order and its new status.")
class UpdateOrderStatusInput(_OrderInput):
    status: OrderStatus = described(
        "ON_HOLD, AWAITING_SHIPMENT or COMPLETED, as with holdOrder, releaseOrder and completeOrder."
    )


@strawberry.input(description="The package, its new status and its carrier.")
class UpdatePackageStatusInput:
    package_id: strawberry.ID = described("The package.")
    status: PackageStatus = described(
        "The new status; PackageStatus says what can follow what. The current status may be repeated."
    )
    carrier: str | None = strawberry.field(
        default=None,
        description="The carrier, at most 500 characters; null keeps the present one, an empty string removes it.",
    )
    tracking_number: str | None = strawberry.field(
        default=None,
        description="The tracking number, at most 100 characters; null and an empty string work as for carrier.",
    )


@strawberry.input(description="Units of one order item to move.")
class SplitItemInput:
    item_id: strawberry.ID = described("The order item.")
    quantity: int = described("How many units.")


@strawberry.input(description="The units to move out of a package that is AWAITING_SHIPMENT.")
class SplitPackageInput:
    package_id: strawberry.ID = described("The package.")
    items: list[SplitItemInput] = described("The units, each item once; at least one unit must stay behind.")


@strawberry.input(description="A cancellation and how its refund went.")
class SettleRefundInput:
    cancellation_id: strawberry.ID = described("The cancellation.")
    outcome: RefundOutcome | None = strawberry.field(
        default=None,
        description="How it went. Give either this or status, not both. A refund may still succeed after it FAILED.",
    )
    provider_reference: str | None = strawberry.field(
        default=None, description="The payment system's reference for the refund, at most 500 characters."
    )
    status: RefundStatus | None = strawberry.field(
        default=None,
        description="SUCCEEDED or FAILED.",
        deprecation_reason="Use outcome.",
    )


@strawberry.input(description="The cancellation whose e-mail to queue again.")
class ResendNotificationInput:
    cancellation_id: strawberry.ID = described("The cancellation.")


@strawberry.type(description="One reason why a call was refused or an order was not stored.")
class FulfillmentError(UserError):
    code: FulfillmentErrorCode = described("What is wrong, for programs.")
    retryable: bool = described("Whether the same call may succeed in a moment; true for TRY_AGAIN only.")


_ERRORS = "Every problem; after the first 100, one entry counts the rest. If there are any, nothing was done."


@strawberry.type
class _OrderPayload:
    """The fields that these payloads share."""

    order: Order | None = described("The order in its current state, even with errors; null if not found.")
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="The result of holdOrder.")
class HoldOrderPayload(_OrderPayload):
    pass


@strawberry.type(description="The result of releaseOrder.")
class ReleaseOrderPayload(_OrderPayload):
    pass


@strawberry.type(description="The result of completeOrder.")
class CompleteOrderPayload(_OrderPayload):
    pass


@strawberry.type(description="The result of updateOrderStatus.")
class UpdateOrderStatusPayload(_OrderPayload):
    pass


OrderInput = HoldOrderInput | ReleaseOrderInput | CompleteOrderInput | UpdateOrderStatusInput
OrderPayload = TypeVar(
    "OrderPayload", HoldOrderPayload, ReleaseOrderPayload, CompleteOrderPayload, UpdateOrderStatusPayload
)


@strawberry.type(description="The result of updatePackageStatus.")
class UpdatePackageStatusPayload:
    package: Package | None = described("The package in its current state, even with errors; null if not found.")
    order: Order | None = described("The order in its current state.")
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="The result of splitPackage.")
class SplitPackagePayload:
    package: Package | None = described("The package in its current state, even with errors; null if not found.")
    new_package: Package | None = described("The new package; null if there are errors.")
    order: Order | None = described("The order in its current state.")
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="The result of settleRefund.")
class SettleRefundPayload:
    cancellation: Cancellation | None = described(
        "The cancellation in its current state, even with errors; null if not found."
    )
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="The result of resendNotification.")
class ResendNotificationPayload:
    cancellation: Cancellation | None = described(
        "The cancellation in its current state, even with errors; null if not found."
    )
    errors: list[FulfillmentError] = described(_ERRORS)


def move_of(given: UpdatePackageStatusInput) -> PackageMove:
    return PackageMove(given.package_id, given.status, given.carrier, given.tracking_number)


def split_of(given: SplitPackageInput) -> PackageSplit:
    return PackageSplit(given.package_id, tuple(ItemEntry(item.item_id, item.quantity) for item in given.items))


def settlement_of(given: SettleRefundInput) -> Settlement:
    outcomes = [RefundStatus[each.name] for each in (given.outcome, given.status) if each]
    status = outcomes[0] if len(outcomes) == 1 else None
    return Settlement(given.cancellation_id, status, given.provider_reference)


def told_by(argument: str, problems: Sequence[FulfillmentProblem]) -> list[FulfillmentProblem]:
    """The problems; those about the status point to the argument that set it."""
    return [replace(each, path=(argument,)) if each.path == ("status",) else each for each in problems]


def fulfillment_errors(problems: Sequence[FulfillmentProblem], *below: str) -> list[FulfillmentError]:
    """The errors of a mutation, with paths that start at its argument `input` and go on with `below`."""
    return [
        FulfillmentError(
            code=problem.code,
            message=problem.message,
            path=path_of(problem, "input", *below),
            retryable=is_retryable(problem),
        )
        for problem in shown(problems)
    ]
