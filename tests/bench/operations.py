"""The operations to measure, and requests for them as they go over the wire."""

from collections.abc import Iterable
from uuid import uuid4

import orjson

SHOP = "bench"
SECRET = "a secret that only the benchmark knows, long enough"
_NODE = """
id number status version currency placedAt shipBy cancellable notCancellableReason itemsCancellable
buyer { name email }
totals { itemsSubtotal { amount } shippingFee { amount } total { amount } refunded { amount } refundable { amount } }
items { id sku productName quantity cancellable cancellableQuantity notCancellableReason }
packages {
  id number status cancellable notCancellableReason
  items { quantity cancellable cancellableQuantity notCancellableReason }
}
"""
_CANCELLATIONS = """
cancellations {
  id reason refundStatus refundBreakdown { total { amount } lines { quantity item { sku } total { amount } } }
}
"""
R1 = f"query Orders {{ orders(first: 20) {{ edges {{ node {{ {_NODE} }} }} }} }}"
FILTERED = f"""query Filtered {{
  orders(first: 20, filter: {{ statuses: [AWAITING_SHIPMENT, PARTIALLY_SHIPPING], skus: ["SKU-7"] }}) {{
    edges {{ node {{ {_NODE} }} }} }} }}"""
DEEP = f"query Deep($after: String) {{ orders(first: 20, after: $after) {{ edges {{ node {{ {_NODE} }} }} }} }}"
RARE = f"query Rare {{ orders(first: 20, filter: {{ statuses: [ON_HOLD] }}) {{ edges {{ node {{ {_NODE} }} }} }} }}"
R2 = f"query Order($id: ID!) {{ order(id: $id) {{ {_NODE} {_CANCELLATIONS} }} }}"
C1 = """mutation Cancel($input: CancelItemsInput!) { cancelItems(input: $input) {
  errors { code message }
  cancellation { id refundStatus refundBreakdown { total { amount formatted } lines { quantity total { amount } } } }
  order { id version status totals { refunded { amount } }
    items { id cancelledQuantity cancellable cancellableQuantity } packages { id status } }
} }"""
EVENTS = "subscription Events { orderEvents { __typename cursor sequence occurredAt order { id version status } } }"


def request(port: int, token: str, body: bytes, path: str = "/graphql") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def query(text: str, **variables: object) -> bytes:
    return orjson.dumps({"query": text, "variables": variables})


def cancelling(units: Iterable[tuple[str, int]]) -> list[bytes]:
    """A call to cancel each unit, given as the order's UUID in hex and the item's position."""
    return [
        query(
            C1,
            input={
                "orderId": f"order_{order}",
                "reason": "OUT_OF_STOCK",
                "items": [{"itemId": f"item_{order}_{item}", "quantity": 1}],
                "idempotencyKey": uuid4().hex,
            },
        )
        for order, item in units
    ]
