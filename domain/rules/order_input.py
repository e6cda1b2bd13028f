"""Orders as callers submit them.

Fields match the schema; JSON has them in camelCase. Only types are checked here: amounts are still text, and
`domain.intake.check` decides whether an order can be stored.
"""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, GetPydanticSchema, with_config
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from domain.rules.by_name import ByName
from domain.rules.order import ImportNote, value
from domain.rules.vocabulary import CancellationReason, FeeKind, OrderStatus, PackageStatus

# Stricter than pydantic, which also reads numbers as times, even in strings.
_FROM_ISO = core_schema.custom_error_schema(
    core_schema.no_info_after_validator_function(datetime.fromisoformat, core_schema.str_schema()),
    "time",
    custom_error_message='must be a time such as "2026-03-01T09:30:00Z"',
)
_Time = Annotated[datetime, GetPydanticSchema(lambda _source, _handler: _FROM_ISO)]
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
    """Amounts are for the whole line. Packages of this order refer to the item by `ref`."""

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
    cancelled_quantity: int | None = None


@_in_json
@value
class PackageInput:
    number: str
    status: Annotated[PackageStatus, ByName]
    items: tuple[PackageItemInput, ...]
    carrier: str | None = None
    tracking_number: str | None = None


@_in_json
@value
class FeeInput:
    kind: Annotated[FeeKind, ByName]
    amount: str


@_in_json
@value
class OrderInput:
    """Without `packages`, or with an empty list, one package holds everything."""

    number: str
    status: Annotated[OrderStatus, ByName]
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
    collect_on_delivery: bool | None = None
    source_updated_at: _Time | None = None


@value
class CancelledUnitsInput:
    """Units of an item that were cancelled at the source, with the reason and the source's own words, maybe empty."""

    ref: str
    quantity: int
    reason: CancellationReason
    words: str


@value
class Incoming:
    """An order as its source gave it: our own input, and what other formats add to it.

    `numbered_here` are the numbers of packages that the source does not number. `deposits` are the deposits in minor
    units that are part of the subtotals of the items with these refs. `notes` are what reading it noticed.
    """

    order: OrderInput
    numbered_here: frozenset[str] = frozenset()
    deposits: tuple[tuple[str, int], ...] = ()
    cancelled: tuple[CancelledUnitsInput, ...] = ()
    notes: tuple[ImportNote, ...] = ()
