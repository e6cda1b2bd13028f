"""Checks stored data against every invariant, without writing (docs/rules.md, "What is promised")."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from domain.rules.order import value
from domain.storage.engine.backend import EVERY_SHOP, Connection, backend_of
from domain.storage.engine.compiled import Statement
from domain.storage.engine.database import Database
from domain.storage.invariants.constraints import CONSTRAINTS
from domain.storage.invariants.contents import CONTENTS
from domain.storage.invariants.invariant import Invariant
from domain.storage.invariants.log import LOG
from domain.storage.invariants.money import MONEY
from domain.storage.invariants.refunds import REFUNDS
from domain.storage.tables import orders

INVARIANTS = (*CONSTRAINTS, *CONTENTS, *MONEY, *REFUNDS, *LOG)
_SHOWN = 20


@value
class Violation:
    """A breach: the invariant's name and sentence, and the place, such as "shop demo, order 1001"."""

    name: str
    sentence: str
    place: str


async def check(database: Database) -> list[Violation]:
    """The breaches in one snapshot: the first of each invariant, then how many more there are."""
    async with database.reading(EVERY_SHOP) as connection:
        return await violations(connection)


async def violations(connection: Connection) -> list[Violation]:
    await backend_of(connection).expect_full_scans(connection)
    found = []
    for invariant, names, statement in _STATEMENTS:
        rows = [dict(zip(names, row, strict=True)) for row in await statement.rows(connection)]
        found += [Violation(invariant.name, invariant.sentence, place) for place in _places(rows)]
    return found


def _places(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    places, more = [], 0
    for row in rows:
        parts = {"shop": row["shop_id"], "order": row["order_number"] or row["order_id"]}
        parts |= {name: part for name, part in row.items() if name not in _COMMON}
        places.append(", ".join(f"{name} {part}" for name, part in parts.items() if part is not None))
        more = row["breaches"] - _SHOWN
    return [*places, f"and {more} more"] if more > 0 else places


def _statement(invariant: Invariant) -> sa.Select[Any]:
    """The first breaches and the count of all; MATERIALIZED, or PostgreSQL would plan only for the first."""
    found = invariant.breaches.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")
    number = (
        sa.select(sa.func.min(orders.c.number))
        .where(orders.c.shop_id == found.c.shop_id, orders.c.id == found.c.order_id)
        .scalar_subquery()
    )
    count = sa.func.count().over()
    columns = (*found.c, number.label("order_number"), count.label("breaches"))
    return sa.select(*columns).order_by(*found.c).limit(_SHOWN)


_COMMON = {"shop_id", "order_id", "order_number", "breaches"}


def _statements() -> Iterator[tuple[Invariant, list[str], Statement]]:
    for invariant in INVARIANTS:
        select = _statement(invariant)
        yield invariant, select.selected_columns.keys(), Statement(select)


_STATEMENTS = tuple(_statements())
