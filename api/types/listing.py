"""Lists of orders: what can be asked for, and a page of the answer."""

from datetime import datetime
from enum import Enum

import strawberry

from api.context import Info
from api.types.node import PageInfo, few
from api.types.order import Order
from api.types.scalars import described
from domain import order as domain
from domain.order import OrderStatus, PackageStatus
from domain.queries import listing
from domain.queries.listing import OrderOrderField, OrderPage, OrderSequence, TimeRange


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


@strawberry.input(description="What a list is sorted by.")
class OrderOrder:
    field: OrderOrderField = strawberry.field(description="The date to sort by; equal dates are sorted by id.")
    direction: OrderDirection = strawberry.field(description="Which end comes first.")


@strawberry.type(description="One order in a list, and where it stands.")
class OrderEdge:
    cursor: str = described("Where the list goes on behind or before this order.")
    node: Order = described("The order.")


@strawberry.type(description="A page of a list of orders.")
class OrderConnection:
    filters: strawberry.Private[listing.OrderFilter]

    edges: list[OrderEdge] = described("The orders with their cursors.")
    page_info: PageInfo = described("Whether there is more, and where it begins.")

    @strawberry.field(description="How many orders match; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        async with info.context.database.reading() as connection:
            return await listing.count_orders(connection, info.context.caller.shop.id, self.filters)


def filter_of(given: OrderFilter | None) -> listing.OrderFilter:
    """Raises BadUserInputError."""
    if given is None:
        return listing.OrderFilter()
    return listing.OrderFilter(
        statuses=few("statuses", given.statuses),
        package_statuses=few("packageStatuses", given.package_statuses),
        product_ids=few("productIds", given.product_ids),
        skus=few("skus", given.skus),
        items_cancellable=given.items_cancellable,
        search=given.search,
        placed_at=_range_of(given.placed_at),
        ship_by=_range_of(given.ship_by),
        updated_at=_range_of(given.updated_at),
    )


def sequence_of(given: OrderOrder | None) -> OrderSequence:
    return OrderSequence(given.field, given.direction is OrderDirection.DESC) if given else OrderSequence()


def connection_type(
    shop: domain.Shop, filters: listing.OrderFilter, sequence: OrderSequence, page: OrderPage, orders: list[Order]
) -> OrderConnection:
    cursors = [listing.cursor_of(shop, sequence, order.source) for order in orders]
    return OrderConnection(
        filters=filters,
        edges=[OrderEdge(cursor=cursor, node=order) for cursor, order in zip(cursors, orders, strict=True)],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )


def _range_of(given: DateTimeRange | None) -> TimeRange | None:
    return TimeRange(given.from_, given.to) if given else None
