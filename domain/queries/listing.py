"""The list of orders: its filters, its sequence and its pages (specification, section 9)."""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import cursor
from domain.eligibility import OPEN_FOR_ITEMS
from domain.order import Order, OrderStatus, PackageStatus, Shop, value
from domain.queries.dialect import storable
from domain.queries.orders import HEADER, with_contents
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
class TimeRange:
    """`start` is in it, `end` is not; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None


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


@value
class PageRequest:
    """So many entries from the front, or from the back, of what lies between two cursors."""

    size: int
    is_from_back: bool = False
    after: str | None = None
    before: str | None = None


@value
class OrderPage:
    """Orders in the sequence asked for, and whether there are more on either side."""

    orders: list[Order]
    has_next: bool
    has_previous: bool


async def list_orders(
    connection: AsyncConnection, shop: Shop, filters: OrderFilter, sequence: OrderSequence, page: PageRequest
) -> OrderPage:
    """One page; two statements whatever its size. Raises InvalidCursorError."""
    column = _COLUMNS[sequence.field]
    is_descending = sequence.is_descending is not page.is_from_back
    conditions = _conditions(shop.id, filters)
    if page.after is not None:
        conditions.append(_beyond(column, _position(shop, sequence, page.after), descending=sequence.is_descending))
    if page.before is not None:
        conditions.append(_short_of(column, _position(shop, sequence, page.before), descending=sequence.is_descending))
    by_date, by_id = (column.desc(), orders.c.id.desc()) if is_descending else (column.asc(), orders.c.id.asc())
    if column.nullable:  # said of the others too, it would keep PostgreSQL from reading their index backwards
        by_date = by_date.nulls_first() if page.is_from_back else by_date.nulls_last()
    statement = sa.select(*HEADER).where(*conditions).order_by(by_date, by_id).limit(page.size + 1)
    rows = (await connection.execute(statement)).all()
    has_more = len(rows) > page.size
    rows = rows[: page.size]
    if page.is_from_back:
        rows = rows[::-1]
    return OrderPage(
        orders=await with_contents(connection, shop.id, rows),
        has_next=page.before is not None if page.is_from_back else has_more,
        has_previous=has_more if page.is_from_back else page.after is not None,
    )


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
    date = dates[sequence.field]
    return cursor.sign(shop.cursor_key, sequence.field.name, f"{order.id.hex} {date.isoformat() if date else ''}")


def _position(shop: Shop, sequence: OrderSequence, text: str) -> tuple[datetime | None, UUID]:
    order_id, _, date = cursor.position(shop.cursor_key, sequence.field.name, text).partition(" ")
    return datetime.fromisoformat(date) if date else None, UUID(hex=order_id)


def _beyond(
    column: sa.ColumnElement[Any], position: tuple[datetime | None, UUID], *, descending: bool
) -> sa.ColumnElement[bool]:
    """What follows the position in a list that ends with the orders without a date."""
    date, order_id = position
    later_id = orders.c.id < order_id if descending else orders.c.id > order_id
    if date is None:
        return column.is_(None) & later_id
    later_date = column < date if descending else column > date
    return later_date | ((column == date) & later_id) | column.is_(None)


def _short_of(
    column: sa.ColumnElement[Any], position: tuple[datetime | None, UUID], *, descending: bool
) -> sa.ColumnElement[bool]:
    """What precedes the position in such a list."""
    date, order_id = position
    earlier_id = orders.c.id > order_id if descending else orders.c.id < order_id
    if date is None:
        return column.is_not(None) | earlier_id
    earlier_date = column > date if descending else column < date
    return earlier_date | ((column == date) & earlier_id)


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
    for column, range_ in (
        (orders.c.placed_at, filters.placed_at),
        (orders.c.ship_by, filters.ship_by),
        (orders.c.updated_at, filters.updated_at),
    ):
        if range_ and range_.start:
            conditions.append(column >= range_.start)
        if range_ and range_.end:
            conditions.append(column < range_.end)
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
