"""Statements of SQLAlchemy that are compiled once and run on the driver's connection, in a fifth of their time.

They run in the transaction of the connection they are given, beside whatever else runs there.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from domain.storage.engines import driver_of

# An order may come in thousands of packages, and no statement may run into its time limit.
_MOST_BY_COLUMN = 10_000
_MOST_BY_ROW = 100
_FEW = 10

Row = Sequence[Any]
_Convert = Callable[[Any], Any]


class Statement:
    """One with bind parameters; what they and its columns hold is of the types that the tables say."""

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def __str__(self) -> str:
        return str(self._statement)

    async def rows(self, connection: AsyncConnection, **values: Any) -> list[Row]:  # whatever the columns hold
        """The rows that it gives; raises the driver's errors, which Database tells apart."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        driver = driver_of(connection)
        if dialect.name == "sqlite":
            found = await driver.execute_fetchall(compiled.text, compiled.arguments(values))
        else:
            found = await driver.fetch(compiled.text, *compiled.arguments(values))
        return compiled.converted(found)


class _Compiled:
    """A statement in the words of one kind of database."""

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update, dialect: sa.Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._constants = compiled.params
        self._parameters = [
            (name, _processor(compiled.binds[name].type, dialect)) for name in compiled.positiontup or ()
        ]
        columns = statement.selected_columns if isinstance(statement, sa.Select) else statement.exported_columns
        self._columns = [
            (index, convert) for index, column in enumerate(columns) if (convert := _reading(column.type, dialect))
        ]

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        given = {**self._constants, **values}
        return [convert(given[name]) if convert else given[name] for name, convert in self._parameters]

    def converted(self, rows: list[Any]) -> list[Row]:
        if not self._columns:
            return rows
        changed: list[Any] = [list(row) for row in rows]
        for row in changed:
            for index, convert in self._columns:
                row[index] = convert(row[index])
        return changed


def _reading(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Convert | None:
    if isinstance(kind, sa.Enum) and kind.enum_class:  # of the tables' enums, which are stored by name
        members: dict[Any, Any] = {None: None, **kind.enum_class.__members__}
        return members.__getitem__
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _processor(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


class _Many(sa.types.TypeDecorator[Iterable[Any]]):
    """Any number of values of one type: an array, or JSON on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: sa.types.TypeEngine[Any]) -> None:
        super().__init__()
        self._kind = kind

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else postgresql.ARRAY(self._kind))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        if dialect.name != "sqlite":
            return list(value)
        convert = _processor(self._kind, dialect)
        return orjson.dumps([convert(each) if convert else each for each in value]).decode()


class _Among(FunctionElement[bool]):
    """A column and a parameter with any number of values, in a text that is the same for each number."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - SQLAlchemy's own
        """Itself; compared with true, as databases without booleans have it, it would keep them from their indexes."""
        return self


@compiles(_Among)
def _among_array(element: Any, compiler: Any, **more: Any) -> str:  # SQLAlchemy's compiler has no public types
    column, values = (compiler.process(each, **more) for each in element.clauses)
    return f"({column} = ANY ({values}))"


@compiles(_Among, "sqlite")
def _among_json(element: Any, compiler: Any, **more: Any) -> str:  # the same
    column, values = (compiler.process(each, **more) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - made of expressions


def among(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    """Whether the column has one of the values of a parameter."""
    return _Among(column, sa.bindparam(name, type_=_Many(column.type)))


def one_of(column: sa.Column[Any], constants: Iterable[Any]) -> sa.ColumnElement[bool]:
    """Whether the column has one of a few values that are always the same; `in_` would write them out at each run."""
    return sa.or_(*(column == constant for constant in constants))


def equal(**columns: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
    """That columns have the values of the parameters of these names."""
    return [column == sa.bindparam(name, type_=column.type) for name, column in columns.items()]


def parameters(*columns: sa.Column[Any]) -> dict[str, sa.BindParameter[Any]]:
    """For each column a parameter of its name."""
    return {column.name: sa.bindparam(column.name, type_=column.type) for column in columns}


def by_column(table: sa.Table) -> postgresql.Insert:
    """An INSERT of PostgreSQL's of any number of rows, by an array for each column: `columns_of` gives them."""
    arrays = [sa.bindparam(f"each_{c.name}", type_=postgresql.ARRAY(c.type, dimensions=1)) for c in table.c]
    rows = sa.func.unnest(*arrays).table_valued(*table.c.keys()).render_derived()
    return postgresql.insert(table).from_select(table.c.keys(), sa.select(*rows.c))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The parameters of `by_column`; each row has every column of the table."""
    return {f"each_{name}": [row[name] for row in rows] for name in rows[0]}


@functools.cache
def _by_column(table: sa.Table) -> Statement:
    return Statement(by_column(table))


@functools.lru_cache(maxsize=200)
def _by_row(table: sa.Table, count: int) -> Statement:
    rows = [{c.name: sa.bindparam(f"{c.name}_{number}", type_=c.type) for c in table.c} for number in range(count)]
    return Statement(sa.insert(table).values(rows))


async def insert(connection: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that have every column of the table."""
    # By arrays PostgreSQL takes half the time for many rows, and the driver longer for few.
    is_by_column = len(rows) > _FEW and connection.dialect.name == "postgresql"
    at_once = _MOST_BY_COLUMN if is_by_column else _MOST_BY_ROW
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        if is_by_column:
            await _by_column(table).rows(connection, **columns_of(some))
        else:
            values = {f"{name}_{number}": value for number, row in enumerate(some) for name, value in row.items()}
            await _by_row(table, len(some)).rows(connection, **values)
