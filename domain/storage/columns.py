"""Column types and constraints shared by the tables."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class _NaiveUtc(sa.types.TypeDecorator[datetime]):
    """An aware UTC time, stored naive: SQLite has no time zones."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return value and value.replace(tzinfo=UTC)


UTC_TIME: Any = sa.DateTime(timezone=True).with_variant(_NaiveUtc(), "sqlite")  # SQLModel asks for a class
JSON_OR_NULL: Any = sa.JSON(none_as_null=True)  # the same


def enum(cls: type[Any]) -> Any:  # the same
    """Stored as the member's name: the schema's word."""
    return sa.Enum(cls, native_enum=False, length=40, create_constraint=False)


def checks(**conditions: str) -> tuple[sa.CheckConstraint, ...]:
    return tuple(sa.CheckConstraint(condition, name=name) for name, condition in conditions.items())


def to_order() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["shop_id", "order_id"], ["orders.shop_id", "orders.id"])
