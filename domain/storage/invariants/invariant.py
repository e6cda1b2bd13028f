"""An invariant: its name, its sentence, and the statement that finds the rows that break it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from domain.rules.order import value
from domain.storage.tables import cancellations, orders, shops

Columns = Sequence[sa.ColumnElement[Any]]
Breaches = sa.Select[Any]  # columns: the shop, the order (NULL if there is none), then the rest of the place

_OF_IMPORT = "import "
NO_ORDER = sa.cast(sa.null(), orders.c.id.type).label("order_id")


@value
class Invariant:
    name: str
    sentence: str
    breaches: Breaches


def place(columns: Columns, *, order: sa.ColumnElement[Any] = NO_ORDER) -> Columns:
    """A table's columns in the order that breaches have: shop, order, the rest."""
    named = {_name(column): column.label(_name(column)) for column in columns}
    order = named.pop("order_id", order)
    return (named.pop("shop_id"), order, *named.values())


def row_of(table: sa.Table) -> Columns:
    """The columns that identify a row of the table in breaches."""
    return place(list(table.primary_key.columns), order=table.c.get("order_id", NO_ORDER))


def same(left: sa.FromClause, right: sa.FromClause, *names: str, **renamed: str) -> sa.ColumnElement[bool]:
    """Joins rows of one shop by these columns; a keyword maps a left column to one with another name on the right."""
    pairs = {name: name for name in ("shop_id", *names)} | renamed
    return sa.and_(*(left.c[name] == right.c[other] for name, other in pairs.items()))


def made_by_import() -> sa.ColumnElement[bool]:
    """Whether a cancellation tells of one at the source; the keys of callers have no spaces."""
    return sa.func.substr(cancellations.c.idempotency_key, 1, len(_OF_IMPORT)) == _OF_IMPORT


def _name(column: sa.ColumnElement[Any]) -> str:
    """The column's name; ids of shops and orders are named as in all other tables."""
    if column is shops.c.id:
        return "shop_id"
    return "order_id" if column is orders.c.id else str(column.key)
