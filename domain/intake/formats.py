"""The formats of orders, one row each, and how an order's own members tell which it is."""

import json
from collections.abc import Callable, Collection
from operator import methodcaller

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.intake.tiktok import translation, wire
from domain.rules.order import value
from domain.rules.order_input import Incoming, OrderInput
from domain.rules.outcomes import FulfillmentProblem, misfit
from domain.rules.texts import LONGEST_NUMBER

Content = Incoming | tuple[FulfillmentProblem, ...]

_OWN_ORDER = TypeAdapter(OrderInput)
_details = methodcaller("errors", include_url=False, include_input=False)  # the input may be long
_FAULTS = {
    "missing": "is missing",
    "string_type": "must be a string, even if it is an amount or a number",
    "string_unicode": "must not contain lone surrogates",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be an array",
    "list_type": "must be an array",
    "dataclass_type": "must be an object",
    "dict_type": "must be an object",
}


@value
class Format:
    """An order that holds `members`, and some of `more` if there are any, is in this format.

    It has its number at `number_key`.
    """

    name: str
    members: tuple[str, ...]
    more: tuple[str, ...]
    number_key: str
    parse: Callable[[bytes], Content]


def _parse_marketplace_order(part: bytes) -> Content:
    return translation.incoming(wire.parse(part))


def _parse_own_order(part: bytes) -> Content:
    return Incoming(_OWN_ORDER.validate_json(part))


_OWN = Format("our own", ("items",), ("number", "currency", "buyer"), "number", _parse_own_order)
_MARKETPLACE = Format("the marketplace's", ("line_items", "payment"), (), "id", _parse_marketplace_order)
# The first that fits is taken. Many things have `items`; what has nothing else of an order is none.
_FORMATS = (_MARKETPLACE, _OWN)
_MARKETPLACE_MARK = b'"line_items"'


def is_order(members: Collection[str]) -> bool:
    """True if these are the members of an order in any format, sound or not."""
    return _form_of(members) is not None


def read(part: bytes) -> tuple[str, Content]:
    """An order's number, empty if it cannot be read or shown, and the order or its problems."""
    likely = _MARKETPLACE if _MARKETPLACE_MARK in part else _OWN  # pragma: no mutate: only saves time
    try:
        content = likely.parse(part)
    except ValidationError as error:
        return _read_slowly(part, likely, tuple(map(_problem, _details(error))))
    if isinstance(content, Incoming):
        return shown(content.order.number), content
    return _read_slowly(part, likely, content)


def _read_slowly(part: bytes, likely: Format, found: tuple[FulfillmentProblem, ...]) -> tuple[str, Content]:
    """Looks again at an order that did not parse as what it is likely to be."""
    try:
        order = json.loads(part.decode(errors="replace"), parse_int=str)
    except (ValueError, RecursionError):
        return "", found
    if not isinstance(order, dict):
        return "", found
    form = _form_of(order.keys())
    if form is None:
        number = next((number for each in _FORMATS if (number := _number(order, each))), "")
        return number, (_neither(order.keys()),)
    number = _number(order, form)
    if form is likely:
        return number, found
    try:
        return number, form.parse(part)
    except ValidationError as error:
        return number, tuple(map(_problem, _details(error)))


def _form_of(members: Collection[str]) -> Format | None:
    return next((form for form in _FORMATS if not _lacking(form, members)), None)


def _lacking(form: Format, members: Collection[str]) -> list[str]:
    lacking = [name for name in form.members if name not in members]
    has_more = not form.more or any(name in members for name in form.more)
    return lacking or ([] if has_more else [f"any of {', '.join(form.more)}"])


def _neither(members: Collection[str]) -> FulfillmentProblem:
    """The one problem of an order in no format."""
    lacking = [f"{' and '.join(_lacking(form, members))}, as {form.name} orders have" for form in _FORMATS]
    return misfit((), f"is of no known format: it lacks {', or '.join(lacking)}")


def _problem(detail: ErrorDetails) -> FulfillmentProblem:
    kind = detail["type"]
    what = f"cannot be read: {detail['ctx']['error']}" if kind == "json_invalid" else _FAULTS.get(kind, detail["msg"])
    return misfit(tuple(map(str, detail["loc"])), what)


def _number(order: dict[str, object], form: Format) -> str:
    number = order.get(form.number_key)
    return shown(number) if isinstance(number, str) else ""


def shown(number: str) -> str:
    """The number, or empty if it cannot be shown."""
    return number if len(number) <= LONGEST_NUMBER and number.isprintable() else ""
