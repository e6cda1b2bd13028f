"""A schema with every kind of type, field and resolver, and values that do not always match them."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

T = TypeVar("T")
Value = Any  # anything a field may get, of its type or not


class Odd(Exception):  # noqa: N818 - also given as a value
    """Raised by resolvers, or given as a value."""


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.enum
class Mixed(Enum):
    ONE = 1
    TWO = "two"
    OTHER = strawberry.enum_value("x", name="RENAMED")


class Denied(BasePermission):
    message = "Not for you."

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:  # noqa: ARG002 - strawberry's names
        return False


class LaterAllowed(BasePermission):
    message = "Not now."

    async def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:  # noqa: ARG002 - the same
        await asyncio.sleep(0)
        return bool(getattr(source, "number", 0) % 2)


class Loud(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        return str(next_(source, info, **kwargs)).upper()

    async def resolve_async(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        return str(await next_(source, info, **kwargs)).upper()


@strawberry.interface
class Being:
    name: str
    number: int

    @strawberry.field
    def friends(self) -> list["Being"]:
        return beings(self.number // 2)

    @strawberry.field
    async def boss(self) -> "Being | None":
        await asyncio.sleep(0)
        return one(self.number - 1) if self.number else None


@strawberry.type
class Robot(Being):
    colour: Colour
    mixed: Mixed | None
    built_at: datetime | None
    nested: list[list[int | None]]


@strawberry.type
class Box(Generic[T]):
    content: T
    label: str


@strawberry.type
class Person(Being):
    born: date
    weight: float | None
    money: Decimal
    key: UUID
    extra: JSON
    is_tall: bool | None

    @strawberry.field
    def greeting(self, whom: str = "you", times: int | None = None) -> str:
        return f"{self.name} greets {whom}" * (times or 1)

    @strawberry.field
    async def later(self, seconds: float = 0) -> int:
        await asyncio.sleep(0)
        if self.number == 3:
            raise Odd("never")
        return self.number + int(seconds > 1)

    @strawberry.field
    def where(self, info: strawberry.Info) -> str:
        return "/".join(map(str, info.path.as_list()))

    @strawberry.field
    def parents_name(self, parent: strawberry.Parent["Person"]) -> str:
        return parent.name

    @strawberry.field(permission_classes=[Denied])
    def secret(self) -> str | None:
        return "secret"

    @strawberry.field(permission_classes=[LaterAllowed])
    def sometimes(self) -> str | None:
        return "sometimes"

    @strawberry.field(extensions=[Loud()])
    def loud(self) -> str:
        return self.name

    @strawberry.field
    def boxed(self) -> Box[int]:
        return Box(content=self.number, label="number")

    @strawberry.field
    def boxed_texts(self) -> list[Box[str]]:
        return [Box(content=each, label=each) for each in ("a", "b")]

    @strawberry.field
    def pet(self) -> "Anyone | None":
        return one(self.number + 1) if self.number < 4 else None

    @strawberry.field
    def broken(self) -> str:
        return None  # type: ignore[return-value]  # that is what is broken

    @strawberry.field
    def failing(self) -> str | None:
        raise Odd("it failed")

    @strawberry.field
    def failed(self) -> int | None:
        return Odd("given, not raised")  # type: ignore[return-value]  # the same

    @strawberry.field
    def generated(self) -> list[int]:
        return (number for number in range(self.number))  # type: ignore[return-value]  # the same

    @strawberry.field
    def stranger(self) -> Robot | None:
        return self if self.number % 2 else None  # type: ignore[return-value]  # the same

    @strawberry.field
    def holes(self) -> list[str]:
        return ["a", None, "b"] if self.number == 1 else ["a"]  # type: ignore[list-item]  # the same


Anyone = Annotated[Person | Robot, strawberry.union("Anyone")]


def one(number: int) -> Any:  # a person, or another being
    """A being whose values do not always match their types."""
    if number % 3 == 2:
        values: Value = [2**31, 2**31 - 1, True, "7", 1.0, None][number % 6 : number % 6 + 1]
        colour: Value = Colour.RED if number % 2 else "green"
        return Robot(
            name=f"R{number}",
            number=number,
            colour=colour,
            mixed=[Mixed.ONE, Mixed.TWO, Mixed.OTHER, None][number % 4],
            built_at=datetime(2026, 1, 1, tzinfo=UTC) if number % 2 else None,
            nested=[[1, None], values] if number > 4 else [],
        )
    name: Value = 5 if number == 4 else f"P{number}"
    weight: Value = [1.5, 2, float("nan"), None, "3"][number % 5]
    extra: Value = {"a": [1, None, {"b": number}]}
    is_tall: Value = [True, None, 1][number % 3]
    return Person(
        name=name,
        number=number,
        born=date(2026, 1, 1 + number),
        weight=weight,
        money=Decimal("1.50"),
        key=UUID(int=number),
        extra=extra,
        is_tall=is_tall,
    )


def beings(count: int) -> list[Any]:
    return [one(number) for number in range(count)]


@strawberry.type
class Query:
    @strawberry.field
    def all(self, count: int = 5) -> list[Being]:
        return beings(abs(count) % 8)

    @strawberry.field
    async def person(self, number: int = 0) -> Person | None:
        await asyncio.sleep(0)
        found: Person = one(number % 6)
        return found

    @strawberry.field
    def anyone(self, number: int = 0) -> Anyone:
        found: Person = one(number % 6)
        return found

    @strawberry.field
    def people(self) -> tuple[Person, ...]:
        return (one(0), one(1), one(3))

    @strawberry.field
    def maybe(self) -> list[Person | None] | None:
        return [one(0), None, one(2)]


made: list[int] = []


@strawberry.type
class Made:
    number: int
    colour: Colour | None = None

    @strawberry.field
    async def later(self) -> int:
        await asyncio.sleep(0)
        return self.number

    @strawberry.field
    def failing(self) -> str | None:
        raise Odd("it failed")

    @strawberry.field
    def broken(self) -> list[int]:
        return [self.number, None]  # type: ignore[list-item]  # that is what is broken


@strawberry.type
class Mutation:
    @strawberry.mutation
    def make(self, number: int = 1) -> Made:
        made.append(number)
        return Made(number=number, colour=Colour.RED)

    @strawberry.mutation
    async def make_later(self, numbers: list[int]) -> list[Made | None]:
        made.extend(numbers)
        await asyncio.sleep(0)
        return [Made(number=number) if number % 2 else None for number in numbers]


@strawberry.type
class Happening:
    """An event, and how often it was read."""

    looks: strawberry.Private[list[str]]

    @strawberry.field
    def look(self) -> str:
        self.looks.append("look")
        return "looked"

    @strawberry.field
    def asked(self, by: str = "nobody") -> str:
        return f"asked by {by}"


happening = Happening(looks=[])


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def happenings(self) -> AsyncGenerator[Happening]:
        yield happening
        yield happening


SCHEMA = strawberry.Schema(Query, Mutation, Subscription, types=[Robot, Person], config=StrawberryConfig())
