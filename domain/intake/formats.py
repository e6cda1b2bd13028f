"""The formats of orders in files, one row each."""

import json
from collections.abc import Callable
from operator import methodcaller

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.intake import tiktok
from domain.rules.order import value
from domain.rules.order_input import Incoming, OrderInput
from domain.rules.outcomes import FulfillmentProblem, misfit

Content = Incoming | tuple[FulfillmentProblem, ...]

_MARKETPLACE_ORDER = TypeAdapter(tiktok.MarketplaceOrder)
_OWN_ORDER = TypeAdapter(OrderInput)
_details = methodcaller("errors", include_url=False, include_input=False)  # the input may be long
_FAULTS = {
    "missing": "is missing",
    "string_type": "must be a string, even if it is an amount or a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be an array",
    "dataclass_type": "must be an object",
}


@value
class Format:
    """A document in this format has its orders at `list_path`, and an order its number at `number_key`."""

    name: str
    list_path: str
    number_key: str
    parse: Callable[[bytes], Content]


def _parse_marketplace_order(part: bytes) -> Content:
    return tiktok.incoming(_MARKETPLACE_ORDER.validate_json(part))


def _parse_own_order(part: bytes) -> Content:
    return Incoming(_OWN_ORDER.validate_json(part))


# Also the format of single orders, arrays and JSON lines.
OWN = Format("Shortship", "orders", "number", _parse_own_order)
FORMATS = (
    OWN,
    Format("TikTok Shop", "data.orders", "id", _parse_marketplace_order),
)


def read(part: bytes, form: Format) -> tuple[str, Content]:
    """An order's number, empty if it cannot be read, and the order or its problems."""
    try:
        content = form.parse(part)
    except ValidationError as error:
        content = tuple(map(_problem, _details(error)))
    if isinstance(content, Incoming):  # pragma: no mutate: only saves parsing the order once more
        return content.order.number, content
    return _number(part, form), content


def _problem(detail: ErrorDetails) -> FulfillmentProblem:
    kind = detail["type"]
    what = f"cannot be read: {detail['ctx']['error']}" if kind == "json_invalid" else _FAULTS.get(kind, detail["msg"])
    return misfit(tuple(map(str, detail["loc"])), what)


def _number(part: bytes, form: Format) -> str:
    try:
        order = json.loads(part.decode(errors="replace"), parse_int=str)
    except (ValueError, RecursionError):
        return ""
    number = order.get(form.number_key) if isinstance(order, dict) else None
    return number if isinstance(number, str) else ""
