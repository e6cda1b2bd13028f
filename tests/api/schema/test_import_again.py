"""Known orders over the API: our own format brings them up to date too, and only who may do so."""

from typing import Any

import pytest

from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.support.client import Client, a_token
from tests.support.invariants import assert_sound, dump

IMPORT = """
mutation ($order: OrderInput!) { importOrders(input: { orders: [$order] }) { results {
  outcome notes { code } errors { code message path }
  order { status version collectOnDelivery
    totals { total { amount } paid { amount } due { amount } refunded { amount } refundable { amount } }
    items { cancelledQuantity } packages { number status items { quantity cancelledQuantity } }
    cancellations { scope reason note refundStatus actor notification { status } refundBreakdown { total { amount } } }
    events(first: 20) { edges { node { __typename actor ... on OrderUpdated { notes { code } } } } } } } } }
"""
DRESS = {"ref": "d", "sku": "S", "productId": "P", "productName": "Dress", "quantity": 3, "subtotal": "30.00"}
FIRST: dict[str, Any] = {  # JSON
    "number": "1001",
    "status": "AWAITING_SHIPMENT",
    "currency": "USD",
    "pricesIncludeTax": True,
    "placedAt": "2026-03-01T09:30:00Z",
    "paidAt": "2026-03-01T09:31:00Z",
    "sourceUpdatedAt": "2026-03-01T10:00:00Z",
    "buyer": {"name": "Ada Buyer", "email": "ada@example.com"},
    "items": [DRESS],
    "packages": [
        {"number": "A", "status": "AWAITING_SHIPMENT", "items": [{"ref": "d", "quantity": 1}]},
        {"number": "B", "status": "AWAITING_SHIPMENT", "items": [{"ref": "d", "quantity": 2}]},
    ],
    "shippingFee": "0",
    "shippingTax": "0",
    "total": "30.00",
}
MOVED = FIRST | {
    "packages": [FIRST["packages"][0] | {"status": "IN_TRANSIT", "carrier": "Swift"}, FIRST["packages"][1]]
}
GONE = FIRST | {
    "packages": [
        {"number": "A", "status": "AWAITING_SHIPMENT", "items": [{"ref": "d", "quantity": 1, "cancelledQuantity": 1}]},
        {"number": "B", "status": "AWAITING_SHIPMENT", "items": [{"ref": "d", "quantity": 2, "cancelledQuantity": 0}]},
    ]
}

pytestmark = on_sqlite


async def told(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    [result] = (await client.data(IMPORT, order=order))["importOrders"]["results"]
    found: dict[str, Any] = result
    return found


async def test_our_own_format_tells_what_was_cancelled_before(client: Client, database: Database) -> None:
    created = await told(client, GONE)

    assert (created["outcome"], created["errors"], created["notes"]) == ("CREATED", [], [])
    assert [item["cancelledQuantity"] for item in created["order"]["items"]] == [1]
    assert [package["status"] for package in created["order"]["packages"]] == ["CANCELLED", "AWAITING_SHIPMENT"]
    assert created["order"]["totals"] == {
        "total": {"amount": "30.00"},
        "paid": {"amount": "30.00"},
        "due": {"amount": "0.00"},
        "refunded": {"amount": "10.00"},
        "refundable": {"amount": "20.00"},
    }
    assert created["order"]["cancellations"] == []
    await assert_sound(database)


@pytest.mark.parametrize("cancelled", [-1, 3], ids=["below 0", "above the quantity"])
async def test_cancelled_units_are_at_most_the_units(client: Client, cancelled: int) -> None:
    bad = {"number": "B", "status": "AWAITING_SHIPMENT", "items": [{"ref": "d", "quantity": 2}]}
    bad["items"] = [{"ref": "d", "quantity": 2, "cancelledQuantity": cancelled}]

    rejected = await told(client, FIRST | {"packages": [FIRST["packages"][0], bad]})

    assert rejected["outcome"] == "REJECTED"
    assert [(error["code"], error["path"][-1]) for error in rejected["errors"]] == [
        ("INVALID_QUANTITY", "cancelledQuantity")
    ]


async def test_our_own_format_brings_a_known_order_up_to_date(client: Client, database: Database) -> None:
    await told(client, FIRST)

    updated = await told(client, GONE)
    again = await told(client, GONE)

    assert (updated["outcome"], updated["errors"]) == ("UPDATED", [])
    assert updated["order"]["cancellations"] == [
        {
            "scope": "PACKAGE",
            "reason": "OTHER",
            "note": None,
            "refundStatus": "SUCCEEDED",
            "actor": "tester",
            "notification": {"status": "NOT_NEEDED"},
            "refundBreakdown": {"total": {"amount": "10.00"}},
        }
    ]
    events = [edge["node"] for edge in updated["order"]["events"]["edges"]]
    assert [event["__typename"] for event in events] == [
        "OrderImported",
        "ItemsCancelled",
        "PackageStatusChanged",
        "OrderUpdated",
    ]
    assert {event["actor"] for event in events} == {"tester"}
    assert events[-1]["notes"] == updated["notes"]
    assert {"code": "CANCELLED_THERE"} in updated["notes"]
    assert (again["outcome"], again["notes"], again["order"]) == ("UNCHANGED", [], updated["order"])
    await assert_sound(database)


@pytest.mark.parametrize(
    ("scope", "order", "missing"),
    [
        ("orders:import", MOVED, "fulfillment:write"),
        ("orders:import orders:cancel", MOVED, "fulfillment:write"),
        ("orders:import fulfillment:write", GONE, "orders:cancel"),
        ("orders:import", GONE, "fulfillment:write"),
    ],
    ids=["no fulfillment", "only cancelling", "no cancelling", "neither"],
)
async def test_who_may_not_do_the_acts_may_not_bring_an_order_up_to_date(
    client: Client, database: Database, scope: str, order: dict[str, Any], missing: str
) -> None:
    await told(client, FIRST)
    before = await dump(database)
    limited = client.with_token(a_token(scope=scope))

    rejected = await told(limited, order)
    unchanged = await told(limited, FIRST)

    assert rejected["outcome"] == "REJECTED"
    assert {error["code"] for error in rejected["errors"]} == {"TRANSITION_NOT_ALLOWED"}
    assert missing in rejected["errors"][0]["message"]
    assert unchanged["outcome"] == "UNCHANGED"
    assert await dump(database) == before


@pytest.mark.parametrize(
    ("scope", "order"),
    [("orders:import fulfillment:write", MOVED), ("orders:import fulfillment:write orders:cancel", GONE)],
    ids=["moved", "cancelled"],
)
async def test_who_may_do_the_acts_may_bring_an_order_up_to_date(
    client: Client, scope: str, order: dict[str, Any]
) -> None:
    limited = client.with_token(a_token(scope=scope))
    created = await told(limited, FIRST)

    updated = await told(limited, order)

    assert (created["outcome"], updated["outcome"]) == ("CREATED", "UPDATED")


async def test_collection_at_the_door_is_told_and_paid(client: Client, database: Database) -> None:
    door = {name: content for name, content in FIRST.items() if name != "paidAt"} | {"collectOnDelivery": True}
    created = await told(client, door)

    paid = await told(client, door | {"paidAt": "2026-03-02T00:00:00Z"})

    assert created["order"]["collectOnDelivery"] is True
    assert created["order"]["totals"] == {
        "total": {"amount": "30.00"},
        "paid": {"amount": "0.00"},
        "due": {"amount": "30.00"},
        "refunded": {"amount": "0.00"},
        "refundable": {"amount": "0.00"},
    }
    assert paid["outcome"] == "UPDATED"
    assert paid["order"]["totals"] == {
        "total": {"amount": "30.00"},
        "paid": {"amount": "30.00"},
        "due": {"amount": "0.00"},
        "refunded": {"amount": "0.00"},
        "refundable": {"amount": "30.00"},
    }
    await assert_sound(database)
