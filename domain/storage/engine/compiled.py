"""The one way to run a statement: SQLAlchemy compiles it once, and the driver's connection runs it.

That takes a fifth of the time of running it through SQLAlchemy.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from domain.storage.engine.backend import Connection, backend_of

# Rows per INSERT: orders may have thousands of packages, and each statement must stay within its time limit.
_MOST_IN_JSON = 10_000
_MOST_BY_ROW = 100
# PostgreSQL cannot store NUL, and UTF-8 cannot encode lone surrogates.
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")

Row = Sequence[Any]
_Compilable = sa.Select[Any] | sa.CompoundSelect[Any] | sa.Insert | sa.Update | sa.Delete
_Convert = Callable[[Any], Any]


class Statement:
    """A statement whose parameters and columns have the types of the tables' columns."""

    def __init__(self, statement: _Compilable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def __str__(self) -> str:
        return str(self._statement)

    async def rows(self, connection: Connection, **values: Any) -> list[Row]:  # any column's values
        """Runs the statement and returns its rows. Raises the driver's errors, which Database classifies."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        found = await backend_of(connection).fetch(connection, compiled.text, compiled.arguments(values))
        return compiled.converted(found)


class _Compiled:
    """A statement compiled for one dialect."""

    def __init__(self, statement: _Compilable, dialect: sa.Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._constants = compiled.params
        self._parameters = [
            (name, _bind_processor(compiled.binds[name].type, dialect)) for name in compiled.positiontup or ()
        ]
        columns = statement.selected_columns if isinstance(statement, sa.SelectBase) else statement.exported_columns
        self._columns = [
            (index, convert)
            for index, column in enumerate(columns)
            if (convert := _result_processor(column.type, dialect))
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


def _result_processor(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Convert | None:
    if isinstance(kind, sa.Enum) and kind.enum_class:  # the tables store enums by name
        members: dict[Any, Any] = {None: None, **kind.enum_class.__members__}
        return members.__getitem__
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _bind_processor(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


class _JsonArray(sa.types.TypeDecorator[Iterable[Any]]):
    """Any number of values of one type, as a JSON array."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: sa.types.TypeEngine[Any]) -> None:
        super().__init__()
        self._kind = kind

    def process_bind_param(self, value: Iterable[Any] | None, dialect: sa.Dialect) -> str | None:
        convert = _bind_processor(self._kind, dialect)
        if value is None:
            return None
        return orjson.dumps([convert(each) if convert else each for each in value], default=_ascii).decode()


def _ascii(binary: memoryview) -> str:
    return bytes(binary).decode("ascii")


def _many(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Any number of values of one type: an array, or JSON on SQLite."""
    return postgresql.ARRAY(kind, dimensions=1).with_variant(_JsonArray(kind), "sqlite")


class _Among(FunctionElement[bool]):
    """Compares a column with any number of values; the SQL text is the same for every number."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - SQLAlchemy's own
        """Returns itself unchanged: if it were compared with true, SQLite would not use its indexes."""
        return self


@compiles(_Among)
def _among_array(element: Any, compiler: Any, **more: Any) -> str:  # SQLAlchemy's compiler has no public types
    column, values = (compiler.process(each, **more) for each in element.clauses)
    return f"({column} = ANY ({values}))"


@compiles(_Among, "sqlite")
def _among_json(element: Any, compiler: Any, **more: Any) -> str:  # the same
    column, values = (compiler.process(each, **more) for each in element.clauses)
    is_binary = isinstance(element.clauses.clauses[0].type, sa.LargeBinary)
    value = "CAST(value AS BLOB)" if is_binary else "value"
    return f"({column} IN (SELECT {value} FROM json_each({values})))"  # noqa: S608 - made of expressions


def among(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    """The column has one of this parameter's values; binary ones must be ASCII, as SQLite gets them in JSON."""
    return _Among(column, sa.bindparam(name, type_=_many(column.type)))


def one_of(column: sa.ColumnElement[Any], constants: Iterable[Any]) -> sa.ColumnElement[bool]:
    """The column equals one of a few constants; `in_` would expand them on every run."""
    return sa.or_(*(column == constant for constant in constants))


def equal(**columns: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
    """The columns equal the parameters with these names."""
    return [column == sa.bindparam(name, type_=column.type) for name, column in columns.items()]


def parameters(*columns: sa.Column[Any]) -> dict[str, sa.BindParameter[Any]]:
    """A parameter for each column, named after it."""
    return {column.name: sa.bindparam(column.name, type_=column.type) for column in columns}


@functools.cache
def _from_json(table: sa.Table, new: sa.Column[Any] | None) -> Statement:
    """An INSERT of any number of rows, as one JSON text: the driver takes three times as long for arrays."""
    given = sa.cast(sa.bindparam("rows", type_=sa.Text), sa.JSON)
    columns = [sa.column(c.name, c.type) for c in table.c]
    rows = sa.func.json_to_recordset(given).table_valued(*columns).render_derived(with_types=True)
    return _inserting(postgresql.insert(table).from_select(table.c.keys(), sa.select(*rows.c)), new)


@functools.cache
def _to_json(table: sa.Table) -> dict[str, _Convert]:
    """How to write the values of those columns that JSON has no form for."""
    found: dict[str, _Convert] = {c.name: attrgetter("name") for c in table.c if isinstance(c.type, sa.Enum)}
    return found | {c.name: _to_hex for c in table.c if isinstance(c.type, sa.LargeBinary)}


def _to_hex(content: bytes) -> str:
    return "\\x" + content.hex()


def _as_json(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> str:
    if special := _to_json(table).items():
        rows = [
            {**row, **{name: None if row[name] is None else convert(row[name]) for name, convert in special}}
            for row in rows
        ]
    return orjson.dumps(rows, default=str).decode()  # the driver has a UUID of its own


@functools.lru_cache(maxsize=200)
def _by_row(table: sa.Table, count: int, new: sa.Column[Any] | None) -> Statement:
    rows = [{c.name: sa.bindparam(f"{c.name}_{number}", type_=c.type) for c in table.c} for number in range(count)]
    return _inserting(postgresql.insert(table).values(rows), new)


def _inserting(statement: postgresql.Insert, new: sa.Column[Any] | None) -> Statement:
    # ON CONFLICT looks the same in both dialects, so PostgreSQL's INSERT serves SQLite too.
    return Statement(statement if new is None else statement.on_conflict_do_nothing().returning(new))


async def insert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    new: sa.Column[Any] | None = None,
) -> list[Row]:
    """Inserts rows that have every column of the table.

    With `new`, skips rows whose key is taken and returns that column of the inserted ones.
    """
    is_json = backend_of(connection).inserts_json(len(rows))
    at_once = _MOST_IN_JSON if is_json else _MOST_BY_ROW
    found: list[Row] = []
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        if is_json:
            found += await _from_json(table, new).rows(connection, rows=_as_json(table, some))
        else:
            values = {f"{name}_{number}": value for number, row in enumerate(some) for name, value in row.items()}
            found += await _by_row(table, len(some), new).rows(connection, **values)
    return found


@functools.cache
def _updating(table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Statement:
    here = [table.c[key] == sa.bindparam(f"key_{key}", type_=table.c[key].type) for key in keys]
    return Statement(sa.update(table).where(*here).values(parameters(*(table.c[name] for name in columns))))


@functools.cache
def _updating_by_column(table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Statement:
    """An UPDATE of any number of rows, as one array per column."""
    names = (*keys, *columns)
    arrays = [sa.bindparam(name, type_=postgresql.ARRAY(table.c[name].type, dimensions=1)) for name in names]
    rows = sa.func.unnest(*arrays).table_valued(*names, name="new").render_derived()
    statement = sa.update(table).where(*(table.c[key] == rows.c[key] for key in keys))
    return Statement(statement.values({name: rows.c[name] for name in columns}))


async def update(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, keys: tuple[str, ...]
) -> None:
    """Updates the rows with these keys; all rows have the same columns."""
    if not rows:
        return
    columns = tuple(name for name in rows[0] if name not in keys)
    if backend_of(connection).updates_by_column(len(rows)):
        values = {name: [row[name] for row in rows] for name in rows[0]}
        await _updating_by_column(table, keys, columns).rows(connection, **values)
        return
    for row in rows:
        named = {f"key_{name}" if name in keys else name: value for name, value in row.items()}
        await _updating(table, keys, columns).rows(connection, **named)


def storable(texts: Iterable[str]) -> list[str]:
    """The texts that a database can store; no row matches any other."""
    return [text for text in texts if not _UNSTORABLE.search(text)]
