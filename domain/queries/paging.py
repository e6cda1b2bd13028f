"""Pages of lists that are sorted by a date and by an id (specification, section 9)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import cursor
from domain.order import Shop, value

Row = Sequence[Any]
_Entry = TypeVar("_Entry")


@value
class TimeRange:
    """`start` is in it, `end` is not; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None


@value
class PageRequest:
    """So many entries from the front, or from the back, of what lies between two cursors."""

    size: int
    is_from_back: bool = False
    after: str | None = None
    before: str | None = None


@value
class Page(Generic[_Entry]):
    """Entries in the sequence asked for, and whether there are more on either side."""

    entries: list[_Entry]
    has_next: bool
    has_previous: bool


@value
class Sorting:
    """By a date, equal dates by id; rows without a date come last in either direction. `name` is in its cursors."""

    name: str
    date: sa.Column[Any]
    id: sa.Column[Any]
    is_descending: bool


async def read_page(
    connection: AsyncConnection, shop: Shop, statement: sa.Select[Any], sorting: Sorting, page: PageRequest
) -> Page[Row]:
    """The rows of the statement that are on the page. Raises InvalidCursorError."""
    if page.after is not None:
        statement = statement.where(_beyond(sorting, _position(shop, sorting, page.after)))
    if page.before is not None:
        statement = statement.where(_short_of(sorting, _position(shop, sorting, page.before)))
    is_descending = sorting.is_descending is not page.is_from_back
    by_date, by_id = (each.desc() if is_descending else each.asc() for each in (sorting.date, sorting.id))
    if sorting.date.nullable:  # said of the others too, it would keep PostgreSQL from reading their index backwards
        by_date = by_date.nulls_first() if page.is_from_back else by_date.nulls_last()
    rows = (await connection.execute(statement.order_by(by_date, by_id).limit(page.size + 1))).all()
    has_more = len(rows) > page.size
    rows = rows[: page.size]
    return Page(
        entries=[*(reversed(rows) if page.is_from_back else rows)],
        has_next=page.before is not None if page.is_from_back else has_more,
        has_previous=has_more if page.is_from_back else page.after is not None,
    )


def cursor_of(shop: Shop, name: str, date: datetime | None, entry_id: UUID) -> str:
    """The cursor of an entry in a list whose sorting has this name."""
    return cursor.sign(shop.cursor_key, name, f"{entry_id.hex} {date.isoformat() if date else ''}")


def within(column: sa.ColumnElement[Any], times: TimeRange | None) -> list[sa.ColumnElement[bool]]:
    """The conditions that a range of times comes down to."""
    conditions = []
    if times and times.start:
        conditions.append(column >= times.start)
    if times and times.end:
        conditions.append(column < times.end)
    return conditions


_Position = tuple[datetime | None, UUID]


def _position(shop: Shop, sorting: Sorting, text: str) -> _Position:
    entry_id, _, date = cursor.position(shop.cursor_key, sorting.name, text).partition(" ")
    return datetime.fromisoformat(date) if date else None, UUID(hex=entry_id)


def _beyond(sorting: Sorting, position: _Position) -> sa.ColumnElement[bool]:
    """What follows the position in a list that ends with the rows without a date."""
    date, entry_id = position
    later_id = sorting.id < entry_id if sorting.is_descending else sorting.id > entry_id
    if date is None:
        return sorting.date.is_(None) & later_id
    later_date = sorting.date < date if sorting.is_descending else sorting.date > date
    return later_date | ((sorting.date == date) & later_id) | sorting.date.is_(None)


def _short_of(sorting: Sorting, position: _Position) -> sa.ColumnElement[bool]:
    """What precedes the position in such a list."""
    date, entry_id = position
    earlier_id = sorting.id > entry_id if sorting.is_descending else sorting.id < entry_id
    if date is None:
        return sorting.date.is_not(None) | earlier_id
    earlier_date = sorting.date > date if sorting.is_descending else sorting.date < date
    return earlier_date | ((sorting.date == date) & earlier_id)
