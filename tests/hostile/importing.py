"""Orders that tests import, for their subscribers to hear about."""

from typing import Any

IMPORT = """
mutation ($input: ImportOrdersInput!) { importOrders(input: $input) { results { outcome } } }
"""


def an_order(number: str) -> dict[str, Any]:
    item = {"ref": "1", "sku": "A", "productId": "B", "productName": "C", "quantity": 1, "subtotal": "1.00"}
    return {
        "number": number,
        "status": "AWAITING_SHIPMENT",
        "currency": "USD",
        "pricesIncludeTax": True,
        "placedAt": "2026-03-01T09:30:00Z",
        "buyer": {"name": "Ada Buyer", "email": "ada@example.com"},
        "items": [item],
        "shippingFee": "0",
        "shippingTax": "0",
        "total": "1.00",
    }
