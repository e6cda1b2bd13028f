"""The tables' constraints as invariants: data may come from where they did not hold, such as a damaged backup."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from domain.storage.engine.compiled import one_of
from domain.storage.invariants.invariant import Invariant, place, row_of
from domain.storage.tables import metadata


def _invariants(table: sa.Table) -> Iterator[Invariant]:
    for constraint in sorted(table.constraints, key=lambda each: str(each.name)):
        match constraint:
            case sa.CheckConstraint():
                yield _check(table, str(constraint.name), str(constraint.sqltext))
            case sa.ForeignKeyConstraint():
                yield _foreign_key(table, constraint)
            case sa.PrimaryKeyConstraint() | sa.UniqueConstraint():
                yield _unique(table, str(constraint.name), list(constraint.columns))
    for column in table.columns:
        if isinstance(column.type, sa.Enum):
            yield _word(table, column, column.type)


def _check(table: sa.Table, name: str, condition: str) -> Invariant:
    breaches = sa.select(*row_of(table)).where(sa.text(f"NOT ({condition})"))
    return Invariant(name, f"In {table.name}, {condition}.", breaches)


def _foreign_key(table: sa.Table, constraint: sa.ForeignKeyConstraint) -> Invariant:
    there = constraint.referred_table.alias("there")
    joined = [key.parent == there.c[key.column.name] for key in constraint.elements]
    is_set = [key.parent.is_not(None) for key in constraint.elements if key.parent.nullable]
    breaches = sa.select(*row_of(table)).where(*is_set, ~sa.exists().where(*joined))
    names = ", ".join(constraint.column_keys)
    sentence = f"Every {names} in {table.name} exists in {constraint.referred_table.name}."
    return Invariant(str(constraint.name), sentence, breaches)


def _unique(table: sa.Table, name: str, columns: list[sa.Column[Any]]) -> Invariant:
    breaches = sa.select(*place(columns)).group_by(*columns).having(sa.func.count() > 1)
    names = ", ".join(column.name for column in columns)
    return Invariant(name, f"No two rows of {table.name} have the same {names}.", breaches)


def _word(table: sa.Table, column: sa.Column[Any], words: sa.Enum) -> Invariant:
    breaches = sa.select(*row_of(table)).where(~one_of(sa.cast(column, sa.String), words.enums))
    sentence = f"The {column.name} in {table.name} is one of {', '.join(words.enums)}."
    return Invariant(f"word_{table.name}_{column.name}", sentence, breaches)


CONSTRAINTS = tuple(invariant for table in metadata.sorted_tables for invariant in _invariants(table))
