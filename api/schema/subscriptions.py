"""Subscriptions: the shop's feed, narrowed to what the caller asked for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import Scope
from api.context import Info
from api.errors import NotFoundError, SlowConsumerError
from api.schema.types.event import OrderEvent, OrderStatusChanged
from api.schema.types.loaders import event_types, selects
from api.schema.types.scalars import argument
from domain import feed
from domain.rules import ids
from domain.rules import order as domain
from domain.storage import events, orders


@strawberry.type(description="Everything that can be followed live.")
class Subscription:
    @strawberry.subscription(description="Every change of an order's status, from now on.")
    async def order_status_changed(
        self,
        info: Info,
        order_id: Annotated[strawberry.ID | None, argument("One order; all of the shop's if omitted.")] = None,
    ) -> AsyncGenerator[OrderStatusChanged]:
        async with aclosing(_follow(info, None if order_id is None else [order_id], after=None)) as following:
            async for event in following:
                if isinstance(event, OrderStatusChanged):
                    yield event

    @strawberry.subscription(
        description="Everything that happens to orders: first what came after the cursor, then live, with nothing lost "
        "or repeated."
    )
    async def order_events(
        self,
        info: Info,
        order_ids: Annotated[list[strawberry.ID] | None, argument("These orders; all if omitted.")] = None,
        after: Annotated[str | None, argument("The cursor to continue after; if omitted, only new events.")] = None,
    ) -> AsyncGenerator[OrderEvent]:
        async with aclosing(_follow(info, order_ids, after=after)) as following:
            async for event in following:
                yield event


async def _follow(
    info: Info, order_ids: list[strawberry.ID] | None, *, after: str | None
) -> AsyncGenerator[OrderEvent]:
    """The events of these orders, or of all; raises NotFoundError for an order that the shop does not have."""
    context = info.context
    shop, is_live = context.allow(Scope.ORDERS_READ).shop, asyncio.Event()
    number = None if after is None else events.number_of(shop, after)
    wanted = None if order_ids is None else await _known(info, order_ids)
    try:
        async with aclosing(context.feed.follow(shop.id, number, is_live=is_live)) as following:
            with context.metrics.subscriber() as delivered:
                async for event in following:
                    if wanted is None or event.order_id in wanted:
                        given = await feed.patiently(partial(_event_type, info, event))
                        if is_live.is_set():  # catching up says nothing about delay
                            delivered(event.occurred_at, context.clock())
                        yield given
    except feed.SlowConsumerError as error:
        raise SlowConsumerError(events.cursor_of(shop, error.number)) from error


async def _event_type(info: Info, event: domain.OrderEvent) -> OrderEvent:
    shop_id, following = info.context.caller.shop.id, info.context.feed

    async def read() -> OrderEvent:
        async with following.reading(shop_id) as connection:
            return (await event_types(info, connection, [event]))[0]

    # What is read depends on nothing else, so subscribers share it.
    return await following.together((shop_id, event.number, selects(info, "cancellations")), read)


async def _known(info: Info, order_ids: list[strawberry.ID]) -> set[UUID]:
    uuids = [ids.uuid_of(order_id, "order") for order_id in order_ids]
    wanted = {uuid for uuid in uuids if uuid}
    async with info.context.reading() as connection:
        found = await orders.find_orders(connection, info.context.caller.shop.id, wanted)
    if any(uuid not in found for uuid in uuids):
        raise NotFoundError("The shop has no order with this id.")
    return wanted
