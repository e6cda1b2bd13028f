"""An order to import, and calls to a server that runs as a process."""

from typing import Any

import httpx

ORDER: dict[str, Any] = {  # JSON
    "number": "1001",
    "status": "AWAITING_SHIPMENT",
    "currency": "USD",
    "pricesIncludeTax": True,
    "placedAt": "2026-03-01T09:30:00Z",
    "buyer": {"name": "Ada Buyer", "email": "ada@example.com"},
    "items": [
        {
            "ref": "1",
            "sku": "SKU-dress",
            "productId": "P-dress",
            "productName": "The dress",
            "quantity": 2,
            "subtotal": "20.00",
        }
    ],
    "shippingFee": "0",
    "shippingTax": "0",
    "total": "20.00",
}
FIND = '{ orderByNumber(number: "1001") { id items { id } } }'
CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { errors { code } cancellation { id } } }
"""


def ask(client: httpx.Client, query: str, token: str, **variables: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    body: dict[str, Any] = answer.json()
    return body


def cancel_one(client: httpx.Client, token: str, order: dict[str, Any], key: str) -> dict[str, Any]:
    items = [{"itemId": order["items"][0]["id"], "quantity": 1}]
    request = {"orderId": order["id"], "reason": "OUT_OF_STOCK", "items": items, "idempotencyKey": key}
    return ask(client, CANCEL, token, input=request)


def no_shop(shop_id: str) -> str:
    return f"The shop {shop_id} does not exist: run `shortship shop create {shop_id} --name NAME`."
