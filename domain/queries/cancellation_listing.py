"""The list of a shop's cancellations, the newest first, and its filters (specification, section 9)."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ids
from domain.order import Cancellation, CancellationReason, CancellationScope, RefundStatus, Shop, value
from domain.queries import paging
from domain.queries.cancellations import find_cancellations
from domain.queries.paging import Page, PageRequest, Sorting, TimeRange, read_page, within
from domain.tables import cancellations

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
    statement = sa.select(cancellations.c.id).where(*_conditions(shop.id, filters))
    found = await read_page(connection, shop, statement, _NEWEST_FIRST, page)
    made = await find_cancellations(connection, shop.id, [row[0] for row in found.entries])
    entries = [made[row[0]] for row in found.entries]
    return Page(entries, has_next=found.has_next, has_previous=found.has_previous)


async def count_cancellations(connection: AsyncConnection, shop_id: str, filters: CancellationFilter) -> int:
    statement = sa.select(sa.func.count()).select_from(cancellations).where(*_conditions(shop_id, filters))
    return int((await connection.execute(statement)).scalar_one())


def cursor_of(shop: Shop, cancellation: Cancellation) -> str:
    """The cursor of a cancellation in the list."""
    return paging.cursor_of(shop, _NEWEST_FIRST.name, cancellation.created_at, cancellation.id)


def _conditions(shop_id: str, filters: CancellationFilter) -> list[sa.ColumnElement[bool]]:
    conditions = [cancellations.c.shop_id == shop_id]
    if filters.order_id is not None:
        order_id = ids.uuid_of(filters.order_id, "order")
        conditions.append(cancellations.c.order_id == order_id if order_id else sa.false())
    if filters.reasons is not None:
        conditions.append(cancellations.c.reason.in_(list(filters.reasons)))
    if filters.scopes is not None:
        conditions.append(cancellations.c.scope.in_(list(filters.scopes)))
    if filters.refund_statuses is not None:
        conditions.append(cancellations.c.refund_status.in_(list(filters.refund_statuses)))
    return [*conditions, *within(cancellations.c.created_at, filters.created_at)]
