"""The parts of TikTok Shop's Get Order Detail response that we read, under its own names.

Ids, amounts and times may be JSON texts or numbers; numbers are read as the text that stands there, so no digit is
lost. A member that is absent, null or "" is missing. Paths of problems use the same names.
"""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs it on Python 3.11

MOST_LINES = 20_000
_TOO_MANY_LINES = "too_many_lines"

# Numbers stay text: converting the longest ones would fail.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
# The depth of a line's tax in an order, the deepest part that we read.
_DEEPEST = 5
# Dictionaries are read more than twice as fast as dataclasses.
_in_json = with_config(ConfigDict(str_strip_whitespace=True))
# A text that is kept, and tidied where that can be noted.
_Kept = Annotated[str, StringConstraints(strip_whitespace=False)]


def _bounded(lines: object) -> object:
    if isinstance(lines, list) and len(lines) > MOST_LINES:
        raise PydanticCustomError(
            _TOO_MANY_LINES,
            "must have at most {most} line items, not {count}",
            {"most": f"{MOST_LINES:,}", "count": f"{len(lines):,}"},
        )
    return lines


@_in_json
class ItemTax(TypedDict, total=False):
    tax_amount: str | None
    tax_type: str | None


@_in_json
class LineItem(TypedDict, total=False):
    """One unit."""

    id: Any  # only for messages
    sku_id: _Kept | None
    product_id: _Kept | None
    product_name: _Kept | None
    sku_name: _Kept | None
    sku_image: _Kept | None
    is_gift: bool | None
    original_price: str | None
    seller_discount: str | None
    platform_discount: str | None
    pfand_fee: str | None
    item_tax: list[ItemTax] | None
    display_status: str | None
    package_id: _Kept | None
    package_status: str | None
    shipping_provider_name: _Kept | None
    tracking_number: _Kept | None
    cancel_user: str | None
    cancel_reason: _Kept | None


@_in_json
class RecipientAddress(TypedDict, total=False):
    name: _Kept | None
    region_code: str | None


@_in_json
class MarketplaceOrder(TypedDict, total=False):
    """Times are Unix seconds or milliseconds; 0 means not set."""

    id: _Kept | None
    status: str | None
    create_time: str | None
    paid_time: str | None
    rts_sla_time: str | None
    update_time: str | None
    is_cod: bool | None
    buyer_email: _Kept | None
    recipient_address: RecipientAddress | None
    payment: dict[str, Any] | None  # every member may be an amount
    line_items: Annotated[list[LineItem] | None, BeforeValidator(_bounded)]
    cancellation_initiator: str | None
    cancel_reason: _Kept | None


_ORDER = TypeAdapter(MarketplaceOrder)


def parse(part: bytes) -> MarketplaceOrder:
    """An order in JSON; raises ValidationError if it is not JSON, or does not have the shape of an order."""
    try:
        document = _DECODER.decode(part.decode())
    except (ValueError, RecursionError):
        return _ORDER.validate_json(part)  # which says where it is broken
    try:
        return _ORDER.validate_python(document)
    except ValidationError:
        return _ORDER.validate_python(_without_missing(document, _DEEPEST))


def _without_missing(document: object, depth: int) -> object:
    """Without the members that are null or "", which may stand where no text is expected."""
    if not depth:
        return document
    if isinstance(document, dict):
        return {
            name: _without_missing(member, depth - 1) for name, member in document.items() if member not in ("", None)
        }
    if isinstance(document, list):
        return [_without_missing(element, depth - 1) for element in document]
    return document
