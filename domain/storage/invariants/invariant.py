"""What an invariant is: its name, its sentence, and the statement that finds the rows which break it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from domain.rules.order import value
from domain.storage.tables import orders, shops

Columns = Sequence[sa.ColumnElement[Any]]
Breaches = sa.Select[Any]  # of the shop, of the order or NULL where there is none, and of what else tells the place

NO_ORDER = sa.cast(sa.null(), orders.c.id.type).label("order_id")


@value
class Invariant:
    name: str
    sentence: str
    breaches: Breaches


def place(columns: Columns, *, order: sa.ColumnElement[Any] = NO_ORDER) -> Columns:
    """These columns of a table in the order that breaches have them."""
    named = {_name(column): column.label(_name(column)) for column in columns}
    order = named.pop("order_id", order)
    return (named.pop("shop_id"), order, *named.values())


def row_of(table: sa.Table) -> Columns:
    """What a row of the table goes by among breaches."""
    return place(list(table.primary_key.columns), order=table.c.get("order_id", NO_ORDER))


def same(left: sa.FromClause, right: sa.FromClause, *names: str, **renamed: str) -> sa.ColumnElement[bool]:
    """That rows are of one shop and alike in these columns: those of one name, and those that the right calls else."""
    pairs = {name: name for name in ("shop_id", *names)} | renamed
    return sa.and_(*(left.c[name] == right.c[other] for name, other in pairs.items()))


def _name(column: sa.ColumnElement[Any]) -> str:
    """A shop and an order go by what all other tables call them."""
    if column is shops.c.id:
        return "shop_id"
    return "order_id" if column is orders.c.id else str(column.key)
