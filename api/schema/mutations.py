"""Mutations: input, one call to the domain, payload."""

from typing import Annotated

import strawberry
from uuid_utils.compat import uuid7

from api.auth import Principal, Scope
from api.context import Info
from api.errors import BadUserInputError
from api.schema.payloads import import_orders
from api.schema.payloads.cancel import (
    CancelItemsInput,
    CancelItemsPayload,
    CancelOrderInput,
    CancelOrderPayload,
    CancelPackageInput,
    CancelPackagePayload,
    Payload,
    errors_of,
    request_of,
)
from api.schema.payloads.fulfill import (
    CompleteOrderInput,
    CompleteOrderPayload,
    HoldOrderInput,
    HoldOrderPayload,
    OrderInput,
    OrderPayload,
    ReleaseOrderInput,
    ReleaseOrderPayload,
    ResendNotificationInput,
    ResendNotificationPayload,
    SettleRefundInput,
    SettleRefundPayload,
    SplitPackageInput,
    SplitPackagePayload,
    UpdateOrderStatusInput,
    UpdateOrderStatusPayload,
    UpdatePackageStatusInput,
    UpdatePackageStatusPayload,
    fulfillment_errors,
    move_of,
    settlement_of,
    split_of,
    told_by,
)
from api.schema.payloads.import_orders import ImportOrdersInput, ImportOrdersPayload
from api.schema.types.cancellation import Cancellation, cancellation_type
from api.schema.types.loaders import current_order, orders_by_id, planned_order
from api.schema.types.order import Order, Package, find_package
from api.schema.types.scalars import argument
from domain import cancellation, fulfillment, ingestion, notification
from domain.rules import order as domain
from domain.updating import Lacking


@strawberry.type(description="Everything that can be done.")
class Mutation:
    @strawberry.mutation(
        description="Cancels units of items: all of them, or none if there is any error. The buyer is told by e-mail."
    )
    async def cancel_items(
        self, info: Info, input: Annotated[CancelItemsInput, argument("The units, and the reason.")]
    ) -> CancelItemsPayload:
        return await _cancel(info, input, CancelItemsPayload)

    @strawberry.mutation(description="Cancels all live units of an uncollected package. The buyer is told by e-mail.")
    async def cancel_package(
        self, info: Info, input: Annotated[CancelPackageInput, argument("The package, and the reason.")]
    ) -> CancelPackagePayload:
        return await _cancel(info, input, CancelPackagePayload)

    @strawberry.mutation(
        description="Cancels all live units of an order with no package collected yet. The buyer is told by e-mail."
    )
    async def cancel_order(
        self, info: Info, input: Annotated[CancelOrderInput, argument("The order, and the reason.")]
    ) -> CancelOrderPayload:
        return await _cancel(info, input, CancelOrderPayload)

    @strawberry.mutation(
        description="Stores up to 100 orders, each on its own. What has changed about an order that the shop already "
        "has is taken over: UPDATED, or UNCHANGED if nothing has. That needs fulfillment:write too, and orders:cancel "
        "where units were cancelled at the source. Repeating it does nothing twice."
    )
    async def import_orders(
        self, info: Info, input: Annotated[ImportOrdersInput, argument("The orders.")]
    ) -> ImportOrdersPayload:
        caller, context = info.context.allow(Scope.ORDERS_IMPORT), info.context
        if not input.orders:
            raise BadUserInputError("Send at least one order.")
        results = await ingestion.import_orders(
            context.database,
            caller.shop,
            map(import_orders.order_of, input.orders),
            actor=caller.subject,
            now=context.clock(),
            lacking=Lacking(*(_lack(caller, scope) for scope in (Scope.FULFILLMENT_WRITE, Scope.ORDERS_CANCEL))),
        )
        async with context.reading() as connection:
            stored = await orders_by_id(info, connection, {result.order_id for result in results if result.order_id})
        return import_orders.payload_type(results, stored)

    @strawberry.mutation(
        description="Puts an UNPAID or AWAITING_SHIPMENT order on hold. Repeating it while the order is ON_HOLD does "
        "nothing."
    )
    async def hold_order(
        self, info: Info, input: Annotated[HoldOrderInput, argument("The order.")]
    ) -> HoldOrderPayload:
        return await _move_order(info, input, HoldOrderPayload)

    @strawberry.mutation(
        description="Releases an UNPAID or ON_HOLD order: it counts as paid, and its status follows from its packages. "
        "Repeating it while the order is AWAITING_SHIPMENT does nothing."
    )
    async def release_order(
        self, info: Info, input: Annotated[ReleaseOrderInput, argument("The order.")]
    ) -> ReleaseOrderPayload:
        return await _move_order(info, input, ReleaseOrderPayload)

    @strawberry.mutation(
        description="Closes a DELIVERED order for good. Repeating it while the order is COMPLETED does nothing."
    )
    async def complete_order(
        self, info: Info, input: Annotated[CompleteOrderInput, argument("The order.")]
    ) -> CompleteOrderPayload:
        return await _move_order(info, input, CompleteOrderPayload)

    @strawberry.mutation(
        description="Holds, releases or completes an order. Repeating it while the order has that status does nothing.",
        deprecation_reason="Use holdOrder, releaseOrder or completeOrder.",
    )
    async def update_order_status(
        self, info: Info, input: Annotated[UpdateOrderStatusInput, argument("The order, and its new status.")]
    ) -> UpdateOrderStatusPayload:
        return await _move_order(info, input, UpdateOrderStatusPayload)

    @strawberry.mutation(
        description="Reports a package's status and carrier. Repeating it while the package has that status does "
        "nothing."
    )
    async def update_package_status(
        self, info: Info, input: Annotated[UpdatePackageStatusInput, argument("The package, and its new status.")]
    ) -> UpdatePackageStatusPayload:
        caller, context = info.context.allow(Scope.FULFILLMENT_WRITE), info.context
        outcome = await fulfillment.update_package_status(
            context.database, caller.shop, move_of(input), actor=caller.subject, now=context.clock()
        )
        order = await current_order(info, outcome.order)
        return UpdatePackageStatusPayload(
            package=_part(order, outcome.package), order=order, errors=fulfillment_errors(outcome.problems)
        )

    @strawberry.mutation(
        description="Moves units from a package that is AWAITING_SHIPMENT to a new one; amounts do not change. "
        "Repeating it moves as many units again: after a lost answer, UNAVAILABLE or TIMEOUT, check the packages first."
    )
    async def split_package(
        self, info: Info, input: Annotated[SplitPackageInput, argument("The package, and the units.")]
    ) -> SplitPackagePayload:
        caller, context = info.context.allow(Scope.FULFILLMENT_WRITE), info.context
        outcome = await fulfillment.split_package(
            context.database, caller.shop, split_of(input), actor=caller.subject, now=context.clock()
        )
        order = await current_order(info, outcome.order)
        return SplitPackagePayload(
            package=_part(order, outcome.package),
            new_package=_part(order, outcome.new_package),
            order=order,
            errors=fulfillment_errors(outcome.problems),
        )

    @strawberry.mutation(
        description="Reports how the refund of a cancellation went. Repeating it while the refund has that status does "
        "nothing."
    )
    async def settle_refund(
        self, info: Info, input: Annotated[SettleRefundInput, argument("The refund, and how it went.")]
    ) -> SettleRefundPayload:
        caller, context = info.context.allow(Scope.REFUNDS_SETTLE), info.context
        outcome = await fulfillment.settle_refund(
            context.database, caller.shop, settlement_of(input), actor=caller.subject, now=context.clock()
        )
        order = await current_order(info, outcome.order)
        return SettleRefundPayload(
            cancellation=_made(order, outcome.cancellation),
            errors=fulfillment_errors(told_by("outcome" if input.outcome else "status", outcome.problems)),
        )

    @strawberry.mutation(
        description="Queues the e-mail about a cancellation again, to the buyer's contact of now. Repeating it while "
        "it is QUEUED does nothing."
    )
    async def resend_notification(
        self, info: Info, input: Annotated[ResendNotificationInput, argument("The e-mail.")]
    ) -> ResendNotificationPayload:
        caller, context = info.context.allow(Scope.ORDERS_CANCEL), info.context
        outcome = await notification.resend_notification(
            context.database, caller.shop, input.cancellation_id, actor=caller.subject, now=context.clock()
        )
        order = await current_order(info, outcome.order)
        return ResendNotificationPayload(
            cancellation=_made(order, outcome.cancellation),
            errors=fulfillment_errors(outcome.problems),
        )


async def _cancel(
    info: Info, given: CancelItemsInput | CancelPackageInput | CancelOrderInput, payload: type[Payload]
) -> Payload:
    caller = info.context.allow(Scope.ORDERS_CANCEL)
    outcome = await cancellation.cancel(
        info.context.database,
        caller.shop,
        request_of(given),
        cancellation_id=uuid7(),
        actor=caller.subject,
        now=info.context.clock(),
    )
    if outcome.cancellation and outcome.order and not outcome.replayed:
        info.context.metrics.cancelled(outcome.cancellation, outcome.order.currency)
    order = await current_order(info, outcome.order)
    return payload(
        cancellation=_made(order, outcome.cancellation),
        order=order,
        replayed=outcome.replayed,
        errors=errors_of(outcome, await planned_order(info, outcome.plan)),
    )


async def _move_order(info: Info, given: OrderInput, payload: type[OrderPayload]) -> OrderPayload:
    caller, context = info.context.allow(Scope.FULFILLMENT_WRITE), info.context
    outcome = await fulfillment.update_order_status(
        context.database, caller.shop, given.order_id, given.status, actor=caller.subject, now=context.clock()
    )
    problems = told_by("status" if isinstance(given, UpdateOrderStatusInput) else "orderId", outcome.problems)
    return payload(order=await current_order(info, outcome.order), errors=fulfillment_errors(problems))


def _made(order: Order | None, made: domain.Cancellation | None) -> Cancellation | None:
    return cancellation_type(order, made) if order and made else None


def _part(order: Order | None, package: domain.Package | None) -> Package | None:
    return find_package(order, package.position) if order and package else None


def _lack(caller: Principal, scope: Scope) -> str | None:
    return None if scope in caller.scopes else f"the scope {scope.value}"
