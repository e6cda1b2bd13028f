"""The list of a shop's orders, with its filters and sort orders."""

from collections.abc import Collection
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.eligibility import OPEN_FOR_ITEMS
from domain.rules.order import Order, Shop, value
from domain.rules.status import PAYMENT_BLOCKED
from domain.rules.vocabulary import OrderStatus, PackageStatus
from domain.storage import pages
from domain.storage.engine.compiled import Statement, equal, one_of, storable
from domain.storage.filters import (
    NOTHING,
    Condition,
    Filter,
    TimeRange,
    any_of,
    conditions_of,
    either,
    filters_of,
    parameters_of,
    within,
)
from domain.storage.orders import HEADER, with_contents
from domain.storage.pages import Page, PageRequest, Sorting, read_page
from domain.storage.tables import order_items, orders, package_items, packages

# Longer than any product name, even casefolded; SQLite refuses patterns of more than 50,000 bytes.
_LONGEST_SEARCH = 2_000
_ESCAPE = "/"


class OrderOrderField(Enum):
    SHIP_BY = "The deadline for shipping the order."
    PLACED_AT = "When the buyer placed the order."
    UPDATED_AT = "When the order's items, packages or status last changed."


_COLUMNS = {
    OrderOrderField.SHIP_BY: orders.c.ship_by,
    OrderOrderField.PLACED_AT: orders.c.placed_at,
    OrderOrderField.UPDATED_AT: orders.c.updated_at,
}


def _has_package(condition: Condition) -> Condition:
    """The order has a package that meets the condition; every package that is not CANCELLED has a live unit."""
    return (
        sa.select(sa.literal(1))
        .where(packages.c.shop_id == orders.c.shop_id, packages.c.order_id == orders.c.id, condition)
        .exists()
    )


def _has_live_unit(condition: Condition) -> Condition:
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


def _is_open_for_items() -> Condition:
    return ~one_of(orders.c.status, PAYMENT_BLOCKED) & _has_package(one_of(packages.c.status, OPEN_FOR_ITEMS))


def _matches() -> Condition:
    """Order, package or tracking number, SKU or product id, exactly; or part of a product name, ignoring case."""
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


def _searched(search: str) -> dict[str, Any]:
    """No parameters for blank text, and NOTHING for text that no order can have."""
    text = search.strip()
    if not text:
        return {}
    is_possible = len(text) <= _LONGEST_SEARCH and storable([text])
    return {"search": text, "pattern": _containing(text.casefold())} if is_possible else {NOTHING: True}


def _containing(text: str) -> str:
    """The LIKE pattern for texts that contain this one."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return f"%{text}%"


@value
class OrderFilter:
    """An order matches if it meets every filter; None does not filter, and an empty collection matches nothing."""

    statuses: Annotated[Collection[OrderStatus] | None, any_of("statuses", orders.c.status)] = None
    package_statuses: Annotated[
        Collection[PackageStatus] | None, any_of("package_statuses", packages.c.status, _has_package)
    ] = None
    product_ids: Annotated[
        Collection[str] | None, any_of("product_ids", order_items.c.product_id, _has_live_unit, storable)
    ] = None
    skus: Annotated[Collection[str] | None, any_of("skus", order_items.c.sku, _has_live_unit, storable)] = None
    items_cancellable: Annotated[bool | None, either("items_cancellable", _is_open_for_items())] = None
    search: Annotated[str | None, Filter({"search": _matches(), NOTHING: sa.false()}, _searched)] = None
    placed_at: Annotated[TimeRange | None, within(orders.c.placed_at)] = None
    ship_by: Annotated[TimeRange | None, within(orders.c.ship_by)] = None
    updated_at: Annotated[TimeRange | None, within(orders.c.updated_at)] = None


_FILTERS = filters_of(OrderFilter)


@value
class OrderSequence:
    field: OrderOrderField = OrderOrderField.SHIP_BY
    is_descending: bool = False


async def list_orders(
    connection: AsyncConnection, shop: Shop, filters: OrderFilter, sequence: OrderSequence, page: PageRequest
) -> Page[Order]:
    """Reads one page in two statements, however large it is. Raises InvalidCursorError."""
    sorting = Sorting(sequence.field.name, _COLUMNS[sequence.field], orders.c.id, sequence.is_descending)
    values = {"shop_id": shop.id, **parameters_of(_FILTERS, filters)}
    found = await read_page(connection, shop, _selection(frozenset(values)), values, sorting, page)
    entries = await with_contents(connection, shop.id, found.entries)
    return Page(entries, has_next=found.has_next, has_previous=found.has_previous)


async def count_orders(connection: AsyncConnection, shop_id: str, filters: OrderFilter) -> int:
    values = {"shop_id": shop_id, **parameters_of(_FILTERS, filters)}
    rows = await _count(frozenset(values)).rows(connection, **values)
    return int(rows[0][0])


@lru_cache(maxsize=500)
def _selection(given: frozenset[str]) -> sa.Select[Any]:
    return sa.select(*HEADER).where(*_conditions(given))


@lru_cache(maxsize=500)
def _count(given: frozenset[str]) -> Statement:
    return Statement(sa.select(sa.func.count()).select_from(orders).where(*_conditions(given)))


def _conditions(given: frozenset[str]) -> list[Condition]:
    return [*equal(shop_id=orders.c.shop_id), *conditions_of(_FILTERS, given)]


def cursor_of(shop: Shop, sequence: OrderSequence, order: Order) -> str:
    """The order's cursor in a list sorted this way."""
    dates = {
        OrderOrderField.SHIP_BY: order.ship_by,
        OrderOrderField.PLACED_AT: order.placed_at,
        OrderOrderField.UPDATED_AT: order.updated_at,
    }
    return pages.cursor_of(shop, sequence.field.name, dates[sequence.field], order.id)
