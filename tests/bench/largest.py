"""How long it takes to cancel the largest orders the API accepts, in a fresh database."""

from collections.abc import Iterator
from statistics import median
from typing import Any
from uuid import uuid4

import orjson

from tests.bench import driver
from tests.bench.driver import Load
from tests.bench.operations import query, request
from tests.bench.servers import product
from tests.bench.table import Row, spread

_ORDERS = 5
_ITEMS, _PACKAGES = 500, 2_000
_FIND = "query Find($number: String!) { orderByNumber(number: $number) { id } }"
_CANCEL = """mutation Cancel($input: CancelOrderInput!) { cancelOrder(input: $input) {
  errors { code message } order { id version status } } }"""


def lines() -> bytes:
    """The orders as JSON lines, with one unit per package."""
    return b"\n".join(orjson.dumps(_order(number)) for number in range(_ORDERS))


def row(url: str, token: str) -> Row:
    """Cancels each order as a whole, one after another."""
    with product(url) as process:
        seconds = [_cancelled(process.port, token, number) for number in range(_ORDERS)]
    return Row("cancel the largest order", f"{median(seconds):.2f} s", noise=spread(seconds), goal="1 s")


def _cancelled(port: int, token: str, number: int) -> float:
    found = orjson.loads(_answer(port, token, query(_FIND, number=f"L{number}")).first)
    order_id = found["data"]["orderByNumber"]["id"]
    body = query(_CANCEL, input={"orderId": order_id, "reason": "OTHER", "idempotencyKey": uuid4().hex})
    return _answer(port, token, body).seconds


def _answer(port: int, token: str, body: bytes) -> driver.Outcome:
    outcome = driver.run(Load(port, [request(port, token, body)], 10, connections=1, is_repeated=False))
    assert outcome.answered == 1, outcome.refusal
    return outcome


def _order(number: int) -> dict[str, Any]:
    return {
        "number": f"L{number}",
        "status": "AWAITING_SHIPMENT",
        "currency": "USD",
        "pricesIncludeTax": True,
        "placedAt": "2026-03-01T00:00:00Z",
        "buyer": {"name": "Ada Buyer", "email": "ada@example.com"},
        "items": [*_items()],
        "packages": [
            {
                "number": f"{place}",
                "status": "AWAITING_SHIPMENT",
                "items": [{"ref": f"{place % _ITEMS}", "quantity": 1}],
            }
            for place in range(_PACKAGES)
        ],
        "shippingFee": "0",
        "shippingTax": "0",
        "total": f"{_ITEMS * 10}",
    }


def _items() -> Iterator[dict[str, Any]]:
    for ref in range(_ITEMS):
        names = {"ref": f"{ref}", "sku": f"SKU-{ref}", "productId": f"P-{ref}", "productName": "Linen dress"}
        yield names | {"quantity": _PACKAGES // _ITEMS, "subtotal": "10.00"}
