"""Orders as TikTok Shop gives them, with a default for everything that a test does not care about."""

import json
from typing import Any

from domain.intake.tiktok import translation, wire
from domain.rules.order_input import Incoming
from domain.rules.outcomes import FulfillmentProblem

Json = dict[str, Any]  # Any: whatever JSON can hold

FREE: Json = {"currency": "USD", "sub_total": "0", "total_amount": "0"}


def a_line(**members: Any) -> Json:  # Any: see Json
    """A unit that costs nothing, so that no sums need stating; it says nothing of its state."""
    line = {"sku_id": "S-1", "product_id": "P-1", "product_name": "Linen Dress", "original_price": "0"}
    return line | members


def a_marketplace_order(*lines: Json, **members: Any) -> Json:  # Any: see Json
    """An order that awaits shipment; of one unit, unless lines are given."""
    order = {
        "id": "5764",
        "status": "AWAITING_SHIPMENT",
        "create_time": 1_772_357_400,
        "payment": FREE,
        "line_items": lines or (a_line(),),
    }
    return order | members


def read(order: Json) -> Incoming | tuple[FulfillmentProblem, ...]:
    return translation.incoming(wire.parse(json.dumps(order).encode()))


def translated(order: Json) -> Incoming:
    incoming = read(order)
    assert isinstance(incoming, Incoming), incoming
    return incoming


def refusals(order: Json) -> list[tuple[str, str]]:
    """The code and the message of each problem."""
    problems = read(order)
    assert isinstance(problems, tuple)
    return [(problem.code.name, problem.message) for problem in problems]
