"""Queries: arguments, one call of the domain, the answer."""

from typing import Annotated

import strawberry

from api.auth import Scope
from api.context import Info
from api.errors import BadUserInputError
from api.types.cancelling import CancelItemInput, CancellationPreview, preview_type, selection_of
from api.types.event import OrderEventConnection
from api.types.listing import (
    OrderConnection,
    OrderFilter,
    OrderOrder,
    connection_type,
    filter_of,
    sequence_of,
)
from api.types.loading import event_page, node_types, order_types, planned_order
from api.types.node import Node, page_request
from api.types.order import Order, Shop, shop_type
from api.types.scalars import argument
from domain import cancellation
from domain.order import CancellationReason
from domain.queries import listing
from domain.queries import orders as order_queries

_AFTER = argument("A cursor; only what comes after it.")


@strawberry.type(description="What can be asked.")
class Query:
    @strawberry.field(description="The object with this id; null if the shop has none.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument("The id.")],
    ) -> Node | None:
        return (await _find_nodes(info, [id]))[0]

    @strawberry.field(description="The objects with these ids, in their order; null where the shop has none.")
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], argument("The ids; as many as a page may have.")]
    ) -> list[Node | None]:
        return await _find_nodes(info, ids)

    @strawberry.field(description="The shop whose token the caller shows.")
    async def shop(self, info: Info) -> Shop:
        return shop_type(info.context.allow(Scope.ORDERS_READ).shop)

    @strawberry.field(description="The shop's orders.")
    async def orders(
        self,
        info: Info,
        filter: Annotated[OrderFilter | None, argument("Which orders; all if left out.")] = None,
        order_by: Annotated[OrderOrder | None, argument("By which date; by shipBy, the earliest first.")] = None,
        first: Annotated[int | None, argument("How many, from the front; 20 without first and last.")] = None,
        after: Annotated[str | None, _AFTER] = None,
        last: Annotated[int | None, argument("How many, from the back.")] = None,
        before: Annotated[str | None, argument("A cursor; only what comes before it.")] = None,
    ) -> OrderConnection:
        shop = info.context.allow(Scope.ORDERS_READ).shop
        limit = info.context.page_limit
        request = page_request(limit=limit, first=first, after=after, last=last, before=before)
        filters, sequence = filter_of(filter), sequence_of(order_by)
        async with info.context.database.reading() as connection:
            page = await listing.list_orders(connection, shop, filters, sequence, request)
            types = await order_types(info, connection, page.orders)
        return connection_type(shop, filters, sequence, page, types)

    @strawberry.field(description="The order with this id; null if the shop has none.")
    async def order(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument("The id.")],
    ) -> Order | None:
        node = (await _find_nodes(info, [id]))[0]
        return node if isinstance(node, Order) else None

    @strawberry.field(description="The order with the marketplace's number; null if the shop has none.")
    async def order_by_number(
        self, info: Info, number: Annotated[str, argument("The marketplace's order number.")]
    ) -> Order | None:
        shop = info.context.allow(Scope.ORDERS_READ).shop
        async with info.context.database.reading() as connection:
            found = await order_queries.find_by_number(connection, shop.id, number)
            types = await order_types(info, connection, [found] if found else [])
        return types[0] if types else None

    @strawberry.field(description="What cancelling these units would do. Writes nothing.")
    async def preview_cancel_items(
        self,
        info: Info,
        order_id: Annotated[strawberry.ID, argument("The order.")],
        reason: Annotated[CancellationReason, argument("Why; single items take OUT_OF_STOCK.")],
        items: Annotated[list[CancelItemInput], argument("The units; each item once, or once a package.")],
    ) -> CancellationPreview:
        shop = info.context.allow(Scope.ORDERS_READ).shop
        preview = await cancellation.preview(info.context.database, shop, selection_of(order_id, items), reason)
        return preview_type(preview, await planned_order(info, preview.plan))

    @strawberry.field(description="The shop's events, oldest first, for clients that poll or catch up.")
    async def order_events(
        self,
        info: Info,
        after: Annotated[str | None, _AFTER] = None,
        first: Annotated[int | None, argument("How many; 20 if left out.")] = None,
    ) -> OrderEventConnection:
        info.context.allow(Scope.ORDERS_READ)
        return await event_page(info, page_request(limit=info.context.page_limit, first=first, after=after))


async def _find_nodes(info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
    info.context.allow(Scope.ORDERS_READ)
    if len(ids) > info.context.page_limit:
        raise BadUserInputError(f"Ask for at most {info.context.page_limit} ids at once.")
    async with info.context.database.reading() as connection:
        return await node_types(info, connection, ids)
