"""What a caller gives when orders come in, and how it is told what is wrong. Pure.

The values are spelled as in the schema, and in JSON the same in camelCase. Only their types are certain: amounts are
texts as they were given, and `order_check` says whether the whole can be stored.
"""

from datetime import datetime
from enum import Enum
from typing import Annotated, TypeVar

from pydantic import ConfigDict, PlainValidator, with_config
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from domain.rules.order import value
from domain.rules.vocabulary import FeeKind, OrderStatus, PackageStatus

_Word = TypeVar("_Word", bound=Enum)


def _by_name(words: type[_Word]) -> PlainValidator:
    """In JSON an enum's member is its name."""

    def member(name: object) -> _Word:
        if isinstance(name, str) and name in words.__members__:
            return words[name]
        raise PydanticCustomError("word", "must be one of " + ", ".join(words.__members__))

    return PlainValidator(member)


def _from_iso(text: object) -> datetime:
    """Our own, because the library takes numbers for times too, even in a text."""
    try:
        return datetime.fromisoformat(text)  # type: ignore[arg-type] # other types are refused here as well
    except (TypeError, ValueError) as error:
        raise PydanticCustomError("time", 'must be a time such as "2026-03-01T09:30:00Z"') from error


_Time = Annotated[datetime, PlainValidator(_from_iso)]
_in_json = with_config(ConfigDict(strict=True, alias_generator=to_camel))


@_in_json
@value
class BuyerInput:
    name: str
    email: str
    locale: str | None = None


@_in_json
@value
class OrderItemInput:
    """Amounts are for the whole line; `ref` is what packages call the item by, within this order only."""

    ref: str
    sku: str
    product_id: str
    product_name: str
    quantity: int
    subtotal: str
    variant_name: str | None = None
    image_url: str | None = None
    is_gift: bool | None = None
    seller_discount: str | None = None
    platform_discount: str | None = None
    tax: str | None = None


@_in_json
@value
class PackageItemInput:
    ref: str
    quantity: int


@_in_json
@value
class PackageInput:
    number: str
    status: Annotated[PackageStatus, _by_name(PackageStatus)]
    items: tuple[PackageItemInput, ...]
    carrier: str | None = None
    tracking_number: str | None = None


@_in_json
@value
class FeeInput:
    kind: Annotated[FeeKind, _by_name(FeeKind)]
    amount: str


@_in_json
@value
class OrderInput:
    """An order as a caller gives it; none or empty `packages` mean one package with everything in it."""

    number: str
    status: Annotated[OrderStatus, _by_name(OrderStatus)]
    currency: str
    prices_include_tax: bool
    placed_at: _Time
    buyer: BuyerInput
    items: tuple[OrderItemInput, ...]
    shipping_fee: str
    shipping_tax: str
    total: str
    paid_at: _Time | None = None
    ship_by: _Time | None = None
    packages: tuple[PackageInput, ...] | None = None
    fees: tuple[FeeInput, ...] | None = None
