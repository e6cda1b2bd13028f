"""Mutations: input, one call of the domain, payload."""

from typing import Annotated

import strawberry
from uuid_utils.compat import uuid7

from api.auth import Scope
from api.context import Info
from api.types.cancellation import cancellation_type
from api.types.cancelling import CancelItemsInput, CancelItemsPayload, errors_of, request_of
from api.types.loading import current_order, planned_order
from api.types.scalars import argument
from domain import cancellation


@strawberry.type(description="What can be done.")
class Mutation:
    @strawberry.mutation(
        description="Cancels units of items, all of them or, with any error, none. The buyer is told by e-mail."
    )
    async def cancel_items(
        self,
        info: Info,
        input: Annotated[CancelItemsInput, argument("Which units, and why.")],
    ) -> CancelItemsPayload:
        caller = info.context.allow(Scope.ORDERS_CANCEL)
        outcome = await cancellation.cancel(
            info.context.database,
            caller.shop,
            request_of(input),
            cancellation_id=uuid7(),
            actor=caller.subject,
            now=info.context.clock(),
        )
        order = await current_order(info, outcome.order) if outcome.order else None
        made = outcome.cancellation
        return CancelItemsPayload(
            cancellation=cancellation_type(order, made) if order and made else None,
            order=order,
            replayed=outcome.replayed,
            errors=errors_of(outcome, await planned_order(info, outcome.plan)),
        )
