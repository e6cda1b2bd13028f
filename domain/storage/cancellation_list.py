"""The list of a shop's cancellations, the newest first, and its filters (specification, section 9)."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules import ids
from domain.rules.order import Cancellation, Shop, value
from domain.rules.vocabulary import CancellationReason, CancellationScope, RefundStatus
from domain.storage import pages
from domain.storage.cancellations import find_cancellations
from domain.storage.compiled import Statement, among, equal
from domain.storage.pages import Page, PageRequest, Sorting, TimeRange, ends, read_page, within
from domain.storage.tables import cancellations

# The filter that needs no parameter.
_NOTHING = "nothing"
_NEWEST_FIRST = Sorting("CANCELLATION", cancellations.c.created_at, cancellations.c.id, is_descending=True)


@value
class CancellationFilter:
    """All that is given has to hold; None does not filter, and an empty collection matches nothing.

    `order_id` is the id that clients know; one that is none of the shop's matches nothing.
    """

    order_id: str | None = None
    reasons: Collection[CancellationReason] | None = None
    scopes: Collection[CancellationScope] | None = None
    refund_statuses: Collection[RefundStatus] | None = None
    created_at: TimeRange | None = None


async def list_cancellations(
    connection: AsyncConnection, shop: Shop, filters: CancellationFilter, page: PageRequest
) -> Page[Cancellation]:
    """One page; two statements whatever its size. Raises InvalidCursorError."""
    values = _values(shop.id, filters)
    found = await read_page(connection, shop, _selection(frozenset(values)), values, _NEWEST_FIRST, page)
    made = await find_cancellations(connection, shop.id, [row[0] for row in found.entries])
    entries = [made[row[0]] for row in found.entries]
    return Page(entries, has_next=found.has_next, has_previous=found.has_previous)


async def count_cancellations(connection: AsyncConnection, shop_id: str, filters: CancellationFilter) -> int:
    values = _values(shop_id, filters)
    rows = await _count(frozenset(values)).rows(connection, **values)
    return int(rows[0][0])


@lru_cache(maxsize=500)
def _selection(given: frozenset[str]) -> sa.Select[Any]:
    return sa.select(cancellations.c.id).where(*_conditions(given))


@lru_cache(maxsize=500)
def _count(given: frozenset[str]) -> Statement:
    return Statement(sa.select(sa.func.count()).select_from(cancellations).where(*_conditions(given)))


def cursor_of(shop: Shop, cancellation: Cancellation) -> str:
    """The cursor of a cancellation in the list."""
    return pages.cursor_of(shop, _NEWEST_FIRST.name, cancellation.created_at, cancellation.id)


def _values(shop_id: str, filters: CancellationFilter) -> dict[str, Any]:
    """The parameters of the filters that are given; one without a value decides by its name alone."""
    values: dict[str, Any] = {
        "shop_id": shop_id,
        "reasons": filters.reasons,
        "scopes": filters.scopes,
        "refund_statuses": filters.refund_statuses,
        **ends(cancellations.c.created_at, filters.created_at),
    }
    if filters.order_id is not None:
        order_id = ids.uuid_of(filters.order_id, "order")
        values |= {"order_id": order_id} if order_id else {_NOTHING: True}
    return {name: value for name, value in values.items() if value is not None}


def _conditions(given: Collection[str]) -> list[sa.ColumnElement[bool]]:
    """Those of the filters with these parameters."""
    conditions = equal(shop_id=cancellations.c.shop_id)
    if "order_id" in given:
        conditions += equal(order_id=cancellations.c.order_id)
    if _NOTHING in given:
        conditions.append(sa.false())
    if "reasons" in given:
        conditions.append(among(cancellations.c.reason, "reasons"))
    if "scopes" in given:
        conditions.append(among(cancellations.c.scope, "scopes"))
    if "refund_statuses" in given:
        conditions.append(among(cancellations.c.refund_status, "refund_statuses"))
    return [*conditions, *within(cancellations.c.created_at, given)]
