"""Lists of orders and of cancellations: what can be asked for, and a page of the answer."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from api.context import Info
from api.schema.types.cancellation import Cancellation
from api.schema.types.node import PageInfo, page_info
from api.schema.types.order import Order
from api.schema.types.scalars import described
from domain.rules import order as domain
from domain.rules.vocabulary import CancellationReason, CancellationScope, OrderStatus, PackageStatus, RefundStatus
from domain.storage import cancellation_list, order_list
from domain.storage.filters import TimeRange
from domain.storage.order_list import OrderOrderField, OrderSequence
from domain.storage.pages import Page


@strawberry.enum(description="Which end of a list comes first.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="The earliest first; orders without a date last.")
    DESC = strawberry.enum_value("DESC", description="The latest first; orders without a date last.")


@strawberry.input(description="A span of time; a side that is left out is open.")
class DateTimeRange:
    from_: datetime | None = strawberry.field(default=None, name="from", description="From this moment on.")
    to: datetime | None = strawberry.field(default=None, description="Until before this moment.")


@strawberry.input(
    description="All conditions have to hold. What is null or left out does not filter; an empty list matches nothing."
)
class OrderFilter:
    statuses: list[OrderStatus] | None = strawberry.field(default=None, description="The order has one of these.")
    package_statuses: list[PackageStatus] | None = strawberry.field(
        default=None, description="A package of the order has one of these, whatever the order's own status is."
    )
    product_ids: list[str] | None = strawberry.field(
        default=None, description="At least one live (not cancelled) unit is of one of these products."
    )
    skus: list[str] | None = strawberry.field(
        default=None, description="At least one live (not cancelled) unit is of one of these SKUs."
    )
    items_cancellable: bool | None = strawberry.field(
        default=None, description="Whether at least one unit can be cancelled by item now."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Order, package or tracking number, SKU or product id, exactly; or any part of a product name.",
    )
    placed_at: DateTimeRange | None = strawberry.field(default=None, description="When the buyer placed it.")
    ship_by: DateTimeRange | None = strawberry.field(default=None, description="Until when it has to be shipped.")
    updated_at: DateTimeRange | None = strawberry.field(default=None, description="When it last changed.")


@strawberry.input(
    description="All conditions have to hold. What is null or left out does not filter; an empty list matches nothing."
)
class CancellationFilter:
    order_id: strawberry.ID | None = strawberry.field(default=None, description="It is of this order.")
    reasons: list[CancellationReason] | None = strawberry.field(default=None, description="It has one of these.")
    scopes: list[CancellationScope] | None = strawberry.field(default=None, description="It has one of these.")
    refund_statuses: list[RefundStatus] | None = strawberry.field(
        default=None, description="Its refund has one of these now."
    )
    created_at: DateTimeRange | None = strawberry.field(default=None, description="When it was made.")


@strawberry.input(description="What a list is sorted by.")
class OrderOrder:
    field: OrderOrderField = strawberry.field(description="The date to sort by; equal dates are sorted by id.")
    direction: OrderDirection = strawberry.field(description="Which end comes first.")


@strawberry.type(description="One order in a list, and where it stands.")
class OrderEdge:
    sequence: strawberry.Private[OrderSequence]

    node: Order = described("The order.")

    @strawberry.field(description="Where the list goes on behind or before this order.")
    def cursor(self) -> str:
        return order_list.cursor_of(self.node.shop, self.sequence, self.node.source)


@strawberry.type(description="A page of a list of orders.")
class OrderConnection:
    filters: strawberry.Private[order_list.OrderFilter]

    edges: list[OrderEdge] = described("The orders with their cursors.")
    page_info: PageInfo = described("Whether there is more, and where it begins.")

    @strawberry.field(description="How many orders match; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        async with info.context.reading() as connection:
            return await order_list.count_orders(connection, info.context.caller.shop.id, self.filters)


@strawberry.type(description="One cancellation in a list, and where it stands.")
class CancellationEdge:
    cursor: str = described("Where the list goes on behind or before this cancellation.")
    node: Cancellation = described("The cancellation.")


@strawberry.type(description="A page of a list of cancellations, the newest first.")
class CancellationConnection:
    filters: strawberry.Private[cancellation_list.CancellationFilter]

    edges: list[CancellationEdge] = described("The cancellations with their cursors.")
    page_info: PageInfo = described("Whether there is more, and where it begins.")

    @strawberry.field(description="How many cancellations match; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        async with info.context.reading() as connection:
            shop_id = info.context.caller.shop.id
            return await cancellation_list.count_cancellations(connection, shop_id, self.filters)


def filter_of(given: OrderFilter | None) -> order_list.OrderFilter:
    return order_list.OrderFilter(**_conditions(given))


def sequence_of(given: OrderOrder | None) -> OrderSequence:
    return OrderSequence(given.field, given.direction is OrderDirection.DESC) if given else OrderSequence()


def connection_type(
    shop: domain.Shop,
    filters: order_list.OrderFilter,
    sequence: OrderSequence,
    page: Page[domain.Order],
    orders: list[Order],
) -> OrderConnection:
    ends = [order_list.cursor_of(shop, sequence, order.source) for order in (*orders[:1], *orders[-1:])]
    return OrderConnection(
        filters=filters,
        edges=[OrderEdge(sequence=sequence, node=order) for order in orders],
        page_info=page_info(page, ends),
    )


def cancellation_filter_of(given: CancellationFilter | None) -> cancellation_list.CancellationFilter:
    return cancellation_list.CancellationFilter(**_conditions(given))


def cancellation_connection_type(
    shop: domain.Shop,
    filters: cancellation_list.CancellationFilter,
    page: Page[domain.Cancellation],
    made: list[Cancellation],
) -> CancellationConnection:
    cursors = [cancellation_list.cursor_of(shop, source) for source in page.entries]
    return CancellationConnection(
        filters=filters,
        edges=[CancellationEdge(cursor=cursor, node=each) for cursor, each in zip(cursors, made, strict=True)],
        page_info=page_info(page, cursors),
    )


def _conditions(given: OrderFilter | CancellationFilter | None) -> dict[str, Any]:
    """By the names that they have in the domain too."""
    conditions = vars(given) if given else {}
    return {
        name: TimeRange(each.from_, each.to) if isinstance(each, DateTimeRange) else each
        for name, each in conditions.items()
    }
