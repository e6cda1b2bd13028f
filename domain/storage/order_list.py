"""The list of orders: its filters and its sequence (specification, section 9)."""

from collections.abc import Collection
from enum import Enum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.eligibility import OPEN_FOR_ITEMS
from domain.rules.order import Order, Shop, value
from domain.rules.status import PAYMENT_BLOCKED
from domain.rules.vocabulary import OrderStatus, PackageStatus
from domain.storage import pages
from domain.storage.compiled import Statement, among, equal, one_of, storable
from domain.storage.orders import HEADER, with_contents
from domain.storage.pages import Page, PageRequest, Sorting, TimeRange, ends, read_page, within
from domain.storage.tables import order_items, orders, package_items, packages

# No product name is longer, folded for searching or not; SQLite refuses patterns of more than 50,000 bytes.
_LONGEST_SEARCH = 2_000
_ESCAPE = "/"
# Filters that need no parameter.
_CANCELLABLE, _NOT_CANCELLABLE, _NOTHING = "items_cancellable", "items_not_cancellable", "nothing"


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
    values = _values(shop.id, filters)
    found = await read_page(connection, shop, _selection(frozenset(values)), values, sorting, page)
    entries = await with_contents(connection, shop.id, found.entries)
    return Page(entries, has_next=found.has_next, has_previous=found.has_previous)


async def count_orders(connection: AsyncConnection, shop_id: str, filters: OrderFilter) -> int:
    values = _values(shop_id, filters)
    rows = await _count(frozenset(values)).rows(connection, **values)
    return int(rows[0][0])


@lru_cache(maxsize=500)
def _selection(given: frozenset[str]) -> sa.Select[Any]:
    return sa.select(*HEADER).where(*_conditions(given))


@lru_cache(maxsize=500)
def _count(given: frozenset[str]) -> Statement:
    return Statement(sa.select(sa.func.count()).select_from(orders).where(*_conditions(given)))


def cursor_of(shop: Shop, sequence: OrderSequence, order: Order) -> str:
    """The cursor of an order in a list of this sequence."""
    dates = {
        OrderOrderField.SHIP_BY: order.ship_by,
        OrderOrderField.PLACED_AT: order.placed_at,
        OrderOrderField.UPDATED_AT: order.updated_at,
    }
    return pages.cursor_of(shop, sequence.field.name, dates[sequence.field], order.id)


def _values(shop_id: str, filters: OrderFilter) -> dict[str, Any]:
    """The parameters of the filters that are given; those without a value decide by their name alone."""
    values: dict[str, Any] = {
        "shop_id": shop_id,
        "statuses": filters.statuses,
        "package_statuses": filters.package_statuses,
        "product_ids": None if filters.product_ids is None else storable(filters.product_ids),
        "skus": None if filters.skus is None else storable(filters.skus),
    }
    if filters.search is not None and (text := filters.search.strip()):
        is_possible = len(text) <= _LONGEST_SEARCH and storable([text])
        values |= {"search": text, "pattern": _containing(text.casefold())} if is_possible else {_NOTHING: True}
    if filters.items_cancellable is not None:
        values[_CANCELLABLE if filters.items_cancellable else _NOT_CANCELLABLE] = True
    values |= ends(orders.c.placed_at, filters.placed_at)
    values |= ends(orders.c.ship_by, filters.ship_by)
    values |= ends(orders.c.updated_at, filters.updated_at)
    return {name: value for name, value in values.items() if value is not None}


def _conditions(given: Collection[str]) -> list[sa.ColumnElement[bool]]:
    """Those of the filters with these parameters."""
    conditions = equal(shop_id=orders.c.shop_id)
    if "statuses" in given:
        conditions.append(among(orders.c.status, "statuses"))
    if "package_statuses" in given:
        conditions.append(_has_package(among(packages.c.status, "package_statuses")))
    if "product_ids" in given:
        conditions.append(_has_live_unit(among(order_items.c.product_id, "product_ids")))
    if "skus" in given:
        conditions.append(_has_live_unit(among(order_items.c.sku, "skus")))
    if _CANCELLABLE in given or _NOT_CANCELLABLE in given:
        open_ = ~one_of(orders.c.status, PAYMENT_BLOCKED) & _has_package(one_of(packages.c.status, OPEN_FOR_ITEMS))
        conditions.append(open_ if _CANCELLABLE in given else ~open_)
    if "search" in given:
        conditions.append(_matches())
    if _NOTHING in given:
        conditions.append(sa.false())
    conditions += within(orders.c.placed_at, given)
    conditions += within(orders.c.ship_by, given)
    return [*conditions, *within(orders.c.updated_at, given)]


def _has_package(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """For which something holds; a package that is not CANCELLED holds a live unit."""
    return (
        sa.select(sa.literal(1))
        .where(packages.c.shop_id == orders.c.shop_id, packages.c.order_id == orders.c.id, condition)
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


def _containing(text: str) -> str:
    """The pattern of texts that have this one in them."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return f"%{text}%"


def _matches() -> sa.ColumnElement[bool]:
    """Order, package and tracking number, SKU and product id as they are, any part of a product name without case."""
    text = sa.bindparam("search", type_=sa.Text)
    item = (order_items.c.sku == text) | (order_items.c.product_id == text)
    named = order_items.c.search_name.like(sa.bindparam("pattern", type_=sa.Text), escape=_ESCAPE)
    package = (packages.c.number == text) | (packages.c.tracking_number == text)
    here = {table.name: equal(shop_id=table.c.shop_id) for table in (orders, packages, order_items)}
    return orders.c.id.in_(
        sa.union(
            sa.select(orders.c.id).where(*here["orders"], orders.c.number == text),
            sa.select(packages.c.order_id).where(*here["packages"], package),
            sa.select(order_items.c.order_id).where(*here["order_items"], item | named),
        )
    )
