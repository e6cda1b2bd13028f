"""Queries: arguments, one call to the domain, the answer."""

import asyncio
from typing import Annotated

import strawberry

from api.auth import Scope
from api.context import Info
from api.errors import BadUserInputError
from api.schema.languages import preferred_language
from api.schema.payloads.cancel import (
    REASON,
    UNITS,
    CancelItemInput,
    CancellationPreview,
    CancellationReasonOption,
    preview_type,
    reason_options,
    selection_of,
)
from api.schema.types.connections import (
    CancellationConnection,
    CancellationFilter,
    OrderConnection,
    OrderFilter,
    OrderOrder,
    cancellation_connection_type,
    cancellation_filter_of,
    connection_type,
    filter_of,
    sequence_of,
)
from api.schema.types.event import OrderEventConnection
from api.schema.types.loaders import cancellation_types, event_page, node_types, order_types, planned_order
from api.schema.types.node import Node, page_request
from api.schema.types.order import Order, Shop, shop_type
from api.schema.types.scalars import argument
from domain import cancellation
from domain.rules.order import OrderSelection, PackageSelection, Selection
from domain.rules.vocabulary import CancellationReason
from domain.storage import cancellation_list, order_list
from domain.storage import orders as order_queries

_FIRST = argument("How many, from the start of the list; 20 if first and last are both omitted.")
_AFTER = argument("Only what comes after this cursor.")
_LAST = argument("How many, from the end of the list.")
_BEFORE = argument("Only what comes before this cursor.")


@strawberry.type(description="Everything that can be read.")
class Query:
    @strawberry.field(description="The shop that the caller's token belongs to.")
    async def shop(self, info: Info) -> Shop:
        return shop_type(info.context.allow(Scope.ORDERS_READ).shop)

    @strawberry.field(description="The shop's orders.")
    async def orders(
        self,
        info: Info,
        filter: Annotated[OrderFilter | None, argument("Which orders; all if omitted.")] = None,
        order_by: Annotated[OrderOrder | None, argument("How to sort; by shipBy, earliest first, if omitted.")] = None,
        first: Annotated[int | None, _FIRST] = None,
        after: Annotated[str | None, _AFTER] = None,
        last: Annotated[int | None, _LAST] = None,
        before: Annotated[str | None, _BEFORE] = None,
    ) -> OrderConnection:
        shop = info.context.allow(Scope.ORDERS_READ).shop
        limit = info.context.page_limit
        request = page_request(limit=limit, first=first, after=after, last=last, before=before)
        filters, sequence = filter_of(filter), sequence_of(order_by)
        async with info.context.reading() as connection:
            page = await order_list.list_orders(connection, shop, filters, sequence, request)
            types = await order_types(info, connection, page.entries)
        return connection_type(shop, filters, sequence, page, types)

    @strawberry.field(description="The order with this id; null if the shop has none.")
    async def order(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument("The id.")],
    ) -> Order | None:
        node = (await _find_nodes(info, [id]))[0]
        return node if isinstance(node, Order) else None

    @strawberry.field(description="The order with this number; null if the shop has none.")
    async def order_by_number(
        self, info: Info, number: Annotated[str, argument("The marketplace's order number.")]
    ) -> Order | None:
        shop = info.context.allow(Scope.ORDERS_READ).shop
        async with info.context.reading() as connection:
            found = await order_queries.find_by_number(connection, shop.id, number)
            types = await order_types(info, connection, [found] if found else [])
        return types[0] if types else None

    @strawberry.field(description="What cancelling these units would do. Changes nothing.")
    async def preview_cancel_items(
        self,
        info: Info,
        order_id: Annotated[strawberry.ID, argument("The order.")],
        reason: Annotated[CancellationReason, argument(REASON)],
        items: Annotated[list[CancelItemInput], argument(UNITS)],
    ) -> CancellationPreview:
        return await _preview(info, selection_of(order_id, items), reason)

    @strawberry.field(description="What cancelling this package would do. Changes nothing.")
    async def preview_cancel_package(
        self,
        info: Info,
        package_id: Annotated[strawberry.ID, argument("The package.")],
        reason: Annotated[CancellationReason, argument(REASON)],
    ) -> CancellationPreview:
        return await _preview(info, PackageSelection(package_id), reason)

    @strawberry.field(description="What cancelling this order would do. Changes nothing.")
    async def preview_cancel_order(
        self,
        info: Info,
        order_id: Annotated[strawberry.ID, argument("The order.")],
        reason: Annotated[CancellationReason, argument(REASON)],
    ) -> CancellationPreview:
        return await _preview(info, OrderSelection(order_id), reason)

    @strawberry.field(description="The reasons a seller can choose from, with the scopes that each allows.")
    async def cancellation_reasons(self, info: Info) -> list[CancellationReasonOption]:
        info.context.allow(Scope.ORDERS_READ)
        return reason_options(preferred_language(info.context.accept_language))

    @strawberry.field(description="The shop's cancellations, newest first.")
    async def cancellations(
        self,
        info: Info,
        filter: Annotated[CancellationFilter | None, argument("Which cancellations; all if omitted.")] = None,
        first: Annotated[int | None, _FIRST] = None,
        after: Annotated[str | None, _AFTER] = None,
        last: Annotated[int | None, _LAST] = None,
        before: Annotated[str | None, _BEFORE] = None,
    ) -> CancellationConnection:
        shop = info.context.allow(Scope.ORDERS_READ).shop
        limit = info.context.page_limit
        request = page_request(limit=limit, first=first, after=after, last=last, before=before)
        filters = cancellation_filter_of(filter)
        async with info.context.reading() as connection:
            page = await cancellation_list.list_cancellations(connection, shop, filters, request)
            types = await cancellation_types(info, connection, page.entries)
        return cancellation_connection_type(shop, filters, page, types)

    @strawberry.field(description="The shop's events, oldest first, for clients that poll or catch up.")
    async def order_events(
        self,
        info: Info,
        after: Annotated[str | None, _AFTER] = None,
        first: Annotated[int | None, argument("How many; 20 if omitted.")] = None,
    ) -> OrderEventConnection:
        info.context.allow(Scope.ORDERS_READ)
        return await event_page(info, page_request(limit=info.context.page_limit, first=first, after=after))

    @strawberry.field(description="The object with this id; null if the shop has none.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument("The id.")],
    ) -> Node | None:
        return (await _find_nodes(info, [id]))[0]

    @strawberry.field(description="The objects with these ids, in the order given; null where the shop has none.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], argument("The ids; at most as many as a page can hold.")],
    ) -> list[Node | None]:
        return await _find_nodes(info, ids)


async def _preview(info: Info, selection: Selection, reason: CancellationReason) -> CancellationPreview:
    shop = info.context.allow(Scope.ORDERS_READ).shop
    async with info.context.one_at_a_time:
        preview = await cancellation.preview(info.context.database, shop, selection, reason)
        await asyncio.sleep(0)
    return preview_type(preview, await planned_order(info, preview.plan))


async def _find_nodes(info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
    info.context.allow(Scope.ORDERS_READ)
    if len(ids) > info.context.page_limit:
        raise BadUserInputError(f"Ask for at most {info.context.page_limit} ids at once.")
    async with info.context.reading() as connection:
        return await node_types(info, connection, ids)
