"""The list of orders: its filters and its sequence (specification, section 9)."""

from collections.abc import Collection
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.eligibility import OPEN_FOR_ITEMS
from domain.order import Order, OrderStatus, PackageStatus, Shop, value
from domain.queries import paging
from domain.queries.dialect import storable
from domain.queries.orders import HEADER, with_contents
from domain.queries.paging import Page, PageRequest, Sorting, TimeRange, read_page, within
from domain.status import PAYMENT_BLOCKED
from domain.tables import order_items, orders, package_items, packages

# No product name is longer, folded for searching or not; SQLite refuses patterns of more than 50,000 bytes.
_LONGEST_SEARCH = 2_000


class OrderOrderField(Enum):
    SHIP_BY = "By the time until which the order has to be shipped."
    PLACED_AT = "By the time at which the buyer placed the order."
    UPDATED_AT = "By the time of the last change of items, packages or status."


_COLUMNS = {
    OrderOrderField.SHIP_BY: orders.c.ship_by,
    OrderOrderField.PLACED_AT: orders.c.placed_at,
    OrderOrderField.UPDATED_AT: orders.c.updated_at,
}


@value
class OrderFilter:
    """All that is given has to hold; None does not filter, and an empty collection matches nothing."""

    statuses: Collection[OrderStatus] | None = None
    package_statuses: Collection[PackageStatus] | None = None
    product_ids: Collection[str] | None = None
    skus: Collection[str] | None = None
    items_cancellable: bool | None = None
    search: str | None = None
    placed_at: TimeRange | None = None
    ship_by: TimeRange | None = None
    updated_at: TimeRange | None = None


@value
class OrderSequence:
    field: OrderOrderField = OrderOrderField.SHIP_BY
    is_descending: bool = False


async def list_orders(
    connection: AsyncConnection, shop: Shop, filters: OrderFilter, sequence: OrderSequence, page: PageRequest
) -> Page[Order]:
    """One page; two statements whatever its size. Raises InvalidCursorError."""
    sorting = Sorting(sequence.field.name, _COLUMNS[sequence.field], orders.c.id, sequence.is_descending)
    statement = sa.select(*HEADER).where(*_conditions(shop.id, filters))
    found = await read_page(connection, shop, statement, sorting, page)
    entries = await with_contents(connection, shop.id, found.entries)
    return Page(entries, has_next=found.has_next, has_previous=found.has_previous)


async def count_orders(connection: AsyncConnection, shop_id: str, filters: OrderFilter) -> int:
    statement = sa.select(sa.func.count()).select_from(orders).where(*_conditions(shop_id, filters))
    return int((await connection.execute(statement)).scalar_one())


def cursor_of(shop: Shop, sequence: OrderSequence, order: Order) -> str:
    """The cursor of an order in a list of this sequence."""
    dates = {
        OrderOrderField.SHIP_BY: order.ship_by,
        OrderOrderField.PLACED_AT: order.placed_at,
        OrderOrderField.UPDATED_AT: order.updated_at,
    }
    return paging.cursor_of(shop, sequence.field.name, dates[sequence.field], order.id)


def _conditions(shop_id: str, filters: OrderFilter) -> list[sa.ColumnElement[bool]]:
    conditions = [orders.c.shop_id == shop_id]
    if filters.statuses is not None:
        conditions.append(orders.c.status.in_(list(filters.statuses)))
    if filters.package_statuses is not None:
        conditions.append(_has_package(filters.package_statuses))
    if filters.product_ids is not None:
        conditions.append(_has_live_unit(order_items.c.product_id.in_(storable(filters.product_ids))))
    if filters.skus is not None:
        conditions.append(_has_live_unit(order_items.c.sku.in_(storable(filters.skus))))
    if filters.items_cancellable is not None:
        open_ = orders.c.status.not_in(list(PAYMENT_BLOCKED)) & _has_package(OPEN_FOR_ITEMS)
        conditions.append(open_ if filters.items_cancellable else ~open_)
    if filters.search is not None and filters.search.strip():
        conditions.append(_matches(shop_id, filters.search.strip()))
    conditions += within(orders.c.placed_at, filters.placed_at)
    conditions += within(orders.c.ship_by, filters.ship_by)
    conditions += within(orders.c.updated_at, filters.updated_at)
    return conditions


def _has_package(statuses: Collection[PackageStatus]) -> sa.ColumnElement[bool]:
    """Of some status; a package that is not CANCELLED holds a live unit."""
    return (
        sa.select(sa.literal(1))
        .where(
            packages.c.shop_id == orders.c.shop_id,
            packages.c.order_id == orders.c.id,
            packages.c.status.in_(list(statuses)),
        )
        .exists()
    )


def _has_live_unit(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return (
        sa.select(sa.literal(1))
        .select_from(order_items)
        .join(
            package_items,
            (package_items.c.shop_id == order_items.c.shop_id)
            & (package_items.c.order_id == order_items.c.order_id)
            & (package_items.c.item == order_items.c.position),
        )
        .where(
            order_items.c.shop_id == orders.c.shop_id,
            order_items.c.order_id == orders.c.id,
            package_items.c.cancelled_quantity < package_items.c.quantity,
            condition,
        )
        .exists()
    )


def _matches(shop_id: str, text: str) -> sa.ColumnElement[bool]:
    """Order, package and tracking number, SKU and product id as they are, any part of a product name without case."""
    if len(text) > _LONGEST_SEARCH or not storable([text]):
        return sa.false()
    item = (order_items.c.sku == text) | (order_items.c.product_id == text)
    named = order_items.c.search_name.contains(text.casefold(), autoescape=True)
    package = (packages.c.number == text) | (packages.c.tracking_number == text)
    return orders.c.id.in_(
        sa.union(
            sa.select(orders.c.id).where(orders.c.shop_id == shop_id, orders.c.number == text),
            sa.select(packages.c.order_id).where(packages.c.shop_id == shop_id, package),
            sa.select(order_items.c.order_id).where(order_items.c.shop_id == shop_id, item | named),
        )
    )
