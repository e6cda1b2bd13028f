"""What other systems send about packages, orders, refunds and mails, and what comes back: inputs, payloads, errors."""

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
    """Names an order; `status` is the one that it gets."""

    order_id: strawberry.ID = described("The order.")


@strawberry.input(description="Which order to put on hold.")
class HoldOrderInput(_OrderInput):
    status: ClassVar = OrderStatus.ON_HOLD


@strawberry.input(description="Which order to release.")
class ReleaseOrderInput(_OrderInput):
    status: ClassVar = OrderStatus.AWAITING_SHIPMENT


@strawberry.input(description="Which order to complete.")
class CompleteOrderInput(_OrderInput):
    status: ClassVar = OrderStatus.COMPLETED


@strawberry.input(description="Which order gets which status.")
class UpdateOrderStatusInput(_OrderInput):
    status: OrderStatus = described(
        "The status it is to have: from UNPAID to ON_HOLD or AWAITING_SHIPMENT, from ON_HOLD to AWAITING_SHIPMENT and "
        "back, from DELIVERED to COMPLETED. AWAITING_SHIPMENT means released: then the packages say what it is. The "
        "present status again is no error."
    )


@strawberry.input(description="Which package gets which status, and who carries it.")
class UpdatePackageStatusInput:
    package_id: strawberry.ID = described("The package.")
    status: PackageStatus = described(
        "The status it is to have: from AWAITING_SHIPMENT to AWAITING_COLLECTION and back, then to IN_TRANSIT, then to "
        "DELIVERED. The present status again is no error."
    )
    carrier: str | None = strawberry.field(
        default=None,
        description="Who carries it, at most 500 characters; null leaves it as it is, an empty text removes it.",
    )
    tracking_number: str | None = strawberry.field(
        default=None,
        description="The carrier's number for it, at most 100 characters; null and an empty text as for the carrier.",
    )


@strawberry.input(description="Units of one order item that move.")
class SplitItemInput:
    item_id: strawberry.ID = described("The order item.")
    quantity: int = described("How many units of it.")


@strawberry.input(description="Which units of a package that awaits shipment move to a new one.")
class SplitPackageInput:
    package_id: strawberry.ID = described("The package.")
    items: list[SplitItemInput] = described("The units, each item once; at least one unit has to stay.")


@strawberry.input(description="How the refund of a cancellation went.")
class SettleRefundInput:
    cancellation_id: strawberry.ID = described("The cancellation.")
    outcome: RefundOutcome | None = strawberry.field(
        default=None,
        description="How it went; required unless status is given, and never given with it. A FAILED refund may still "
        "succeed; repeating an outcome does nothing.",
    )
    provider_reference: str | None = strawberry.field(
        default=None, description="What the payment system calls the refund, at most 500 characters."
    )
    status: RefundStatus | None = strawberry.field(
        default=None,
        description="SUCCEEDED or FAILED; give outcome instead.",
        deprecation_reason="Use outcome.",
    )


@strawberry.input(description="Which e-mail to queue again.")
class ResendNotificationInput:
    cancellation_id: strawberry.ID = described("The cancellation that it tells of.")


@strawberry.type(description="One reason why something was not done, or an order not stored.")
class FulfillmentError(UserError):
    code: FulfillmentErrorCode = described("What is wrong, for programs.")
    retryable: bool = described("Whether the same call may succeed in a moment; true for TRY_AGAIN only.")


_ERRORS = "Everything that is wrong: the first 100, and how many more. With any error nothing was done."


@strawberry.type
class _OrderPayload:
    """What becomes of an order's own status."""

    order: Order | None = described("The order as it is now, also when there are errors; null if there is none.")
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


@strawberry.type(description="What became of updateOrderStatus.")
class UpdateOrderStatusPayload(_OrderPayload):
    pass


OrderInput = HoldOrderInput | ReleaseOrderInput | CompleteOrderInput | UpdateOrderStatusInput
OrderPayload = TypeVar(
    "OrderPayload", HoldOrderPayload, ReleaseOrderPayload, CompleteOrderPayload, UpdateOrderStatusPayload
)


@strawberry.type(description="What became of updatePackageStatus.")
class UpdatePackageStatusPayload:
    package: Package | None = described("The package as it is now, also when there are errors; null if there is none.")
    order: Order | None = described("Its order as it is now.")
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="What became of splitPackage.")
class SplitPackagePayload:
    package: Package | None = described("The package as it is now, also when there are errors; null if there is none.")
    new_package: Package | None = described("The new package; null when there are errors.")
    order: Order | None = described("Their order as it is now.")
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="What became of settleRefund.")
class SettleRefundPayload:
    cancellation: Cancellation | None = described(
        "The cancellation as it is now, also when there are errors; null if there is none."
    )
    errors: list[FulfillmentError] = described(_ERRORS)


@strawberry.type(description="What became of resendNotification.")
class ResendNotificationPayload:
    cancellation: Cancellation | None = described(
        "The cancellation as it is now, also when there are errors; null if there is none."
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
    """The problems, those with a status blamed on the argument that told it."""
    return [replace(each, path=(argument,)) if each.path == ("status",) else each for each in problems]


def fulfillment_errors(problems: Sequence[FulfillmentProblem], *below: str) -> list[FulfillmentError]:
    """The errors of a mutation, whose paths begin at its argument `input`, and `below` that."""
    return [
        FulfillmentError(
            code=problem.code,
            message=problem.message,
            path=path_of(problem, "input", *below),
            retryable=is_retryable(problem),
        )
        for problem in shown(problems)
    ]
