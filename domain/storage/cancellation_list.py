"""The list of a shop's cancellations, newest first, with its filters."""

from collections.abc import Collection
from functools import lru_cache
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules import ids
from domain.rules.order import Cancellation, Shop, value
from domain.rules.vocabulary import CancellationReason, CancellationScope, RefundStatus
from domain.storage import pages
from domain.storage.cancellations import find_cancellations
from domain.storage.engine.compiled import Statement, equal
from domain.storage.filters import (
    NOTHING,
    Condition,
    Filter,
    TimeRange,
    any_of,
    conditions_of,
    filters_of,
    parameters_of,
    within,
)
from domain.storage.pages import Page, PageRequest, Sorting, read_page
from domain.storage.tables import cancellations

_NEWEST_FIRST = Sorting("CANCELLATION", cancellations.c.created_at, cancellations.c.id, is_descending=True)


def _order_of(order_id: str) -> dict[str, Any]:
    uuid = ids.uuid_of(order_id, "order")
    return {"order_id": uuid} if uuid else {NOTHING: True}


_OF_ORDER = Filter({"order_id": sa.and_(*equal(order_id=cancellations.c.order_id)), NOTHING: sa.false()}, _order_of)


@value
class CancellationFilter:
    """A cancellation matches if it meets every filter; None does not filter, and an empty collection matches nothing.

    `order_id` is the id that clients see; an id of another shop matches nothing.
    """

    order_id: Annotated[str | None, _OF_ORDER] = None
    reasons: Annotated[Collection[CancellationReason] | None, any_of("reasons", cancellations.c.reason)] = None
    scopes: Annotated[Collection[CancellationScope] | None, any_of("scopes", cancellations.c.scope)] = None
    refund_statuses: Annotated[
        Collection[RefundStatus] | None, any_of("refund_statuses", cancellations.c.refund_status)
    ] = None
    created_at: Annotated[TimeRange | None, within(cancellations.c.created_at)] = None


_FILTERS = filters_of(CancellationFilter)


async def list_cancellations(
    connection: AsyncConnection, shop: Shop, filters: CancellationFilter, page: PageRequest
) -> Page[Cancellation]:
    """Reads one page in two statements, however large it is. Raises InvalidCursorError."""
    values = {"shop_id": shop.id, **parameters_of(_FILTERS, filters)}
    found = await read_page(connection, shop, _selection(frozenset(values)), values, _NEWEST_FIRST, page)
    made = await find_cancellations(connection, shop.id, [row[0] for row in found.entries])
    entries = [made[row[0]] for row in found.entries]
    return Page(entries, has_next=found.has_next, has_previous=found.has_previous)


async def count_cancellations(connection: AsyncConnection, shop_id: str, filters: CancellationFilter) -> int:
    values = {"shop_id": shop_id, **parameters_of(_FILTERS, filters)}
    rows = await _count(frozenset(values)).rows(connection, **values)
    return int(rows[0][0])


@lru_cache(maxsize=500)
def _selection(given: frozenset[str]) -> sa.Select[Any]:
    return sa.select(cancellations.c.id).where(*_conditions(given))


@lru_cache(maxsize=500)
def _count(given: frozenset[str]) -> Statement:
    return Statement(sa.select(sa.func.count()).select_from(cancellations).where(*_conditions(given)))


def _conditions(given: frozenset[str]) -> list[Condition]:
    return [*equal(shop_id=cancellations.c.shop_id), *conditions_of(_FILTERS, given)]


def cursor_of(shop: Shop, cancellation: Cancellation) -> str:
    """The cancellation's cursor in the list."""
    return pages.cursor_of(shop, _NEWEST_FIRST.name, cancellation.created_at, cancellation.id)
