"""Lists of orders and cancellations: filters, sorting and pages."""

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

_EVERY_FILTER = "Every condition must hold. Null or omitted fields do not filter; an empty list matches nothing."


@strawberry.enum(description="Which end of a list comes first.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Earliest first; orders without a date come last.")
    DESC = strawberry.enum_value("DESC", description="Latest first; orders without a date come last.")


@strawberry.input(description="A span of time; an omitted side is open.")
class DateTimeRange:
    from_: datetime | None = strawberry.field(default=None, name="from", description="From this moment, inclusive.")
    to: datetime | None = strawberry.field(default=None, description="Up to this moment, exclusive.")


@strawberry.input(description=_EVERY_FILTER)
class OrderFilter:
    statuses: list[OrderStatus] | None = strawberry.field(default=None, description="Its status is one of these.")
    package_statuses: list[PackageStatus] | None = strawberry.field(
        default=None, description="The status of at least one package is one of these."
    )
    product_ids: list[str] | None = strawberry.field(
        default=None, description="At least one live unit is of one of these products."
    )
    skus: list[str] | None = strawberry.field(default=None, description="At least one live unit has one of these SKUs.")
    items_cancellable: bool | None = strawberry.field(
        default=None, description="Whether at least one unit can be cancelled by item now."
    )
    search: str | None = strawberry.field(
        default=None,
        description="An exact order, package or tracking number, SKU or product id; or part of a product name, "
        "ignoring case.",
    )
    placed_at: DateTimeRange | None = strawberry.field(default=None, description="When the buyer placed the order.")
    ship_by: DateTimeRange | None = strawberry.field(default=None, description="The deadline for shipping the order.")
    updated_at: DateTimeRange | None = strawberry.field(default=None, description="When the order last changed.")


@strawberry.input(description=_EVERY_FILTER)
class CancellationFilter:
    order_id: strawberry.ID | None = strawberry.field(default=None, description="The order it belongs to.")
    reasons: list[CancellationReason] | None = strawberry.field(default=None, description="Its reason is one of these.")
    scopes: list[CancellationScope] | None = strawberry.field(default=None, description="Its scope is one of these.")
    refund_statuses: list[RefundStatus] | None = strawberry.field(
        default=None, description="Its refund currently has one of these statuses."
    )
    created_at: DateTimeRange | None = strawberry.field(default=None, description="When it was made.")


@strawberry.input(description="How a list of orders is sorted.")
class OrderOrder:
    field: OrderOrderField = strawberry.field(description="The date to sort by; equal dates are sorted by id.")
    direction: OrderDirection = strawberry.field(description="The direction of the sort.")


@strawberry.type(description="An order in a list, with its cursor.")
class OrderEdge:
    sequence: strawberry.Private[OrderSequence]

    node: Order = described("The order.")

    @strawberry.field(description="Pass it as after or before to continue from this order.")
    def cursor(self) -> str:
        return order_list.cursor_of(self.node.shop, self.sequence, self.node.source)


@strawberry.type(description="A page of orders.")
class OrderConnection:
    filters: strawberry.Private[order_list.OrderFilter]

    edges: list[OrderEdge] = described("The orders, with their cursors.")
    page_info: PageInfo = described("Whether there are more, and where to continue.")

    @strawberry.field(description="How many orders match; counted only if selected.")
    async def total_count(self, info: Info) -> int:
        async with info.context.reading() as connection:
            return await order_list.count_orders(connection, info.context.caller.shop.id, self.filters)


@strawberry.type(description="A cancellation in a list, with its cursor.")
class CancellationEdge:
    cursor: str = described("Pass it as after or before to continue from this cancellation.")
    node: Cancellation = described("The cancellation.")


@strawberry.type(description="A page of cancellations, newest first.")
class CancellationConnection:
    filters: strawberry.Private[cancellation_list.CancellationFilter]

    edges: list[CancellationEdge] = described("The cancellations, with their cursors.")
    page_info: PageInfo = described("Whether there are more, and where to continue.")

    @strawberry.field(description="How many cancellations match; counted only if selected.")
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
    """What was given, by field; the domain's filters have the same fields."""
    conditions = vars(given) if given else {}
    return {
        name: TimeRange(each.from_, each.to) if isinstance(each, DateTimeRange) else each
        for name, each in conditions.items()
    }
