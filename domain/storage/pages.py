"""Cursor pagination for lists sorted by a date and an id."""

import operator
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa

from domain.rules import cursor
from domain.rules.order import Shop, value
from domain.storage.engine.backend import Connection, backend_of
from domain.storage.engine.compiled import Row, Statement

_Entry = TypeVar("_Entry")


@value
class PageRequest:
    """Up to `size` entries from the front, or from the back, of those between two cursors."""

    size: int
    is_from_back: bool = False
    after: str | None = None
    before: str | None = None


@value
class Page(Generic[_Entry]):
    """Entries in the requested order, and whether there are more on either side."""

    entries: list[_Entry]
    has_next: bool
    has_previous: bool


@value
class Sorting:
    """By date, then by id; rows without a date come last in both directions. Cursors contain `name`."""

    name: str
    date: sa.Column[Any]
    id: sa.Column[Any]
    is_descending: bool


async def read_page(
    connection: Connection,
    shop: Shop,
    select: sa.Select[Any],
    values: Mapping[str, Any],
    sorting: Sorting,
    page: PageRequest,
) -> Page[Row]:
    """Reads a page of the selection. Raises InvalidCursorError.

    Statements are cached by `select`: pass the same object for the same parameters.
    """
    after = None if page.after is None else _position(shop, sorting, page.after)
    before = None if page.before is None else _position(shop, sorting, page.before)
    is_first = after is before is None and not page.is_from_back
    statement = _paged(
        select,
        sorting,
        page.is_from_back,
        after and after[0] is None,
        before and before[0] is None,
        is_first and not sorting.is_descending and backend_of(connection).has_nulls_last,
    )
    places = {"after_date": after and after[0], "after_id": after and after[1]}
    places |= {"before_date": before and before[0], "before_id": before and before[1]}
    rows = await statement.rows(connection, **values, **places, size=page.size + 1)
    has_more = len(rows) > page.size
    rows = rows[: page.size]
    return Page(
        entries=[*(reversed(rows) if page.is_from_back else rows)],
        has_next=page.before is not None if page.is_from_back else has_more,
        has_previous=has_more if page.is_from_back else page.after is not None,
    )


@lru_cache(maxsize=1_000)
def _paged(
    select: sa.Select[Any],
    sorting: Sorting,
    is_from_back: bool,  # noqa: FBT001 - part of the cache key
    is_after_undated: bool | None,  # noqa: FBT001 - the same; None without such a cursor
    is_before_undated: bool | None,  # noqa: FBT001 - the same
    is_as_indexed: bool,  # noqa: FBT001 - the same
) -> Statement:
    is_descending = sorting.is_descending is not is_from_back
    if is_as_indexed:
        return Statement(_sorted(select, sorting.date, sorting.id, is_descending=is_descending))
    dated, undated = _between(sorting, is_after_undated, is_before_undated)
    with_date = _sorted(select.where(*dated), sorting.date, sorting.id, is_descending=is_descending)
    if not sorting.date.nullable:
        return Statement(with_date)
    without_date = _sorted(select.where(*undated), sorting.date, sorting.id, is_descending=is_descending)
    both = sa.union_all(sa.select(with_date.subquery()), sa.select(without_date.subquery())).subquery()
    date, entry_id = both.c[sorting.date.name], both.c[sorting.id.name]
    undated_last = date.is_(None).desc() if is_from_back else date.is_(None)
    return Statement(_sorted(sa.select(both).order_by(undated_last), date, entry_id, is_descending=is_descending))


_Conditions = list[sa.ColumnElement[bool]]


def _between(
    sorting: Sorting,
    is_after_undated: bool | None,  # noqa: FBT001 - passed on
    is_before_undated: bool | None,  # noqa: FBT001 - passed on
) -> tuple[_Conditions, _Conditions]:
    """Conditions for the rows between the cursors: first for rows with a date, then for those without.

    Each part reads the index from the cursor on. Together, or as "a later date, or this date and a later id", they
    would read the list from its start.
    """
    beyond, short_of = (operator.lt, operator.gt) if sorting.is_descending else (operator.gt, operator.lt)
    place = sa.tuple_(sorting.date, sorting.id)
    dated: _Conditions = [sorting.date.is_not(None)] if sorting.date.nullable else []
    undated: _Conditions = [sorting.date.is_(None)]
    if is_after_undated is not None:
        date, entry_id = _place("after", sorting)
        dated.append(sa.false() if is_after_undated else beyond(place, sa.tuple_(date, entry_id)))
        undated += [beyond(sorting.id, entry_id)] if is_after_undated else []
    if is_before_undated is not None:
        date, entry_id = _place("before", sorting)
        dated += [] if is_before_undated else [short_of(place, sa.tuple_(date, entry_id))]
        undated.append(short_of(sorting.id, entry_id) if is_before_undated else sa.false())
    return dated, undated


def _sorted(
    select: sa.Select[Any], date: sa.ColumnElement[Any], entry_id: sa.ColumnElement[Any], *, is_descending: bool
) -> sa.Select[Any]:
    by = (date.desc(), entry_id.desc()) if is_descending else (date, entry_id)
    return select.order_by(*by).limit(sa.bindparam("size", type_=sa.Integer))


def cursor_of(shop: Shop, name: str, date: datetime | None, entry_id: UUID) -> str:
    """The cursor of an entry in a list with the sorting of this name."""
    return cursor.sign(shop.cursor_key, name, f"{entry_id.hex} {date.isoformat() if date else ''}")


_Position = tuple[datetime | None, UUID]


def _position(shop: Shop, sorting: Sorting, text: str) -> _Position:
    entry_id, _, date = cursor.position(shop.cursor_key, sorting.name, text).partition(" ")
    return datetime.fromisoformat(date) if date else None, UUID(hex=entry_id)


def _place(side: str, sorting: Sorting) -> tuple[sa.BindParameter[Any], sa.BindParameter[Any]]:
    date = sa.bindparam(f"{side}_date", type_=sorting.date.type)
    return date, sa.bindparam(f"{side}_id", type_=sorting.id.type)
