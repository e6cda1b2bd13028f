"""Filters of lists: each field is annotated with the conditions that its value turns on."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, get_type_hints

import sqlalchemy as sa

from domain.rules.order import value
from domain.storage.engine.compiled import among

Condition = sa.ColumnElement[bool]

# Turns on a condition that no row meets.
NOTHING = "nothing"


@value
class TimeRange:
    """`start` is included, `end` is not; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None


@value
class Filter:
    """Conditions, keyed by the parameter that turns each on, and the parameters for a value; None turns nothing on.

    Statements are cached by the names of the parameters, so conditions never contain a value.
    """

    conditions: Mapping[str, Condition]
    parameters: Callable[[Any], Mapping[str, Any]]


def any_of(
    name: str,
    column: sa.Column[Any],
    where: Callable[[Condition], Condition] = lambda condition: condition,
    keep: Callable[[Any], Any] = lambda values: values,
) -> Filter:
    """The column has one of the values. `where` turns this into a condition on the list's rows; `keep` sifts values."""
    return Filter({name: where(among(column, name))}, lambda values: {name: keep(values)})


def either(name: str, condition: Condition) -> Filter:
    """The condition holds for True, and its opposite for False."""
    opposite = f"not_{name}"
    return Filter(
        {name: condition, opposite: ~condition}, lambda is_wanted: {name if is_wanted else opposite: is_wanted}
    )


def within(column: sa.Column[Any]) -> Filter:
    """The column is in a TimeRange."""
    start, end = (sa.bindparam(f"{column.name}_{side}", type_=column.type) for side in ("start", "end"))
    return Filter(
        {start.key: column >= start, end.key: column < end},
        lambda times: {start.key: times.start, end.key: times.end},
    )


def filters_of(kind: type) -> dict[str, Filter]:
    """The filters that the fields of a class are annotated with."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


def parameters_of(filters: Mapping[str, Filter], given: object) -> dict[str, Any]:
    """The parameters for the fields that are not None."""
    wanted = [(each, getattr(given, name)) for name, each in filters.items()]
    found = [each.parameters(field) for each, field in wanted if field is not None]
    return {name: parameter for each in found for name, parameter in each.items() if parameter is not None}


def conditions_of(filters: Mapping[str, Filter], names: Collection[str]) -> list[Condition]:
    """The conditions that these parameters turn on."""
    return [condition for each in filters.values() for name, condition in each.conditions.items() if name in names]
