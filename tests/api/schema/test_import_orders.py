"""Importing orders over HTTP: each order stands alone, and repeating one stores nothing twice."""

from typing import Any

import pytest

from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.support.client import Client, a_token
from tests.support.invariants import assert_sound, dump

IMPORT = """
mutation ($orders: [OrderInput!]!) {
  importOrders(input: { orders: $orders }) {
    results {
      number outcome notes { code message } errors { code message path }
      order { number status version currency paidAt
        buyer { name email locale } totals { total { amount } refunded { amount } fees { kind amount { amount } } }
        items { sku quantity cancelledQuantity isGift unitPrice { amount } total { amount } }
        packages { number status carrier items { quantity item { sku } } }
        events { edges { node { __typename actor } } } }
    }
  }
}
"""
DRESS = {"ref": "d", "sku": "SKU-d", "productId": "P-d", "productName": "Dress", "quantity": 3, "subtotal": "30.00"}
ORDER: dict[str, Any] = {
    "number": "1001",
    "status": "AWAITING_SHIPMENT",
    "currency": "USD",
    "pricesIncludeTax": False,
    "placedAt": "2026-03-01T10:30:00+01:00",
    "buyer": {"name": "Ada Buyer", "email": "ada@example.com", "locale": "de_DE"},
    "items": [
        DRESS | {"sellerDiscount": "3.00", "platformDiscount": "1.50", "tax": "2.55"},
        {
            "ref": "g",
            "sku": "SKU-g",
            "productId": "P-g",
            "productName": "Bag",
            "quantity": 1,
            "subtotal": "0",
            "isGift": True,
        },
    ],
    "packages": [
        {"number": "A", "status": "AWAITING_COLLECTION", "carrier": "Swift", "items": [{"ref": "d", "quantity": 1}]},
        {
            "number": "B",
            "status": "AWAITING_SHIPMENT",
            "items": [{"ref": "d", "quantity": 2}, {"ref": "g", "quantity": 1}],
        },
    ],
    "shippingFee": "4.99",
    "shippingTax": "0.42",
    "fees": [{"kind": "SMALL_ORDER", "amount": "0.99"}],
    "total": "34.45",
}
SIMPLE = {name: ORDER[name] for name in ("status", "currency", "placedAt", "buyer")} | {
    "pricesIncludeTax": True,
    "items": [DRESS],
    "shippingFee": "0",
    "shippingTax": "0",
    "total": "30",
}


async def imported(client: Client, *orders: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = (await client.data(IMPORT, orders=list(orders)))["importOrders"]["results"]
    return results


def outcomes(results: list[dict[str, Any]]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [
        (each["number"], each["outcome"], [(error["code"], ".".join(error["path"])) for error in each["errors"]])
        for each in results
    ]


async def test_an_order_comes_in_with_all_that_it_has(client: Client, database: Database) -> None:
    [result] = await imported(client, ORDER)

    assert (result["outcome"], result["notes"], result["errors"]) == ("CREATED", [], [])
    assert result["order"] == {
        "number": "1001",
        "status": "PARTIALLY_SHIPPING",
        "version": 1,
        "currency": "USD",
        "paidAt": None,
        "buyer": {"name": "Ada Buyer", "email": "ada@example.com", "locale": "de_DE"},
        "totals": {
            "total": {"amount": "34.45"},
            "refunded": {"amount": "0.00"},
            "fees": [{"kind": "SMALL_ORDER", "amount": {"amount": "0.99"}}],
        },
        "items": [
            {
                "sku": "SKU-d",
                "quantity": 3,
                "cancelledQuantity": 0,
                "isGift": False,
                "unitPrice": {"amount": "10.00"},
                "total": {"amount": "28.05"},
            },
            {
                "sku": "SKU-g",
                "quantity": 1,
                "cancelledQuantity": 0,
                "isGift": True,
                "unitPrice": {"amount": "0.00"},
                "total": {"amount": "0.00"},
            },
        ],
        "packages": [
            {
                "number": "A",
                "status": "AWAITING_COLLECTION",
                "carrier": "Swift",
                "items": [{"quantity": 1, "item": {"sku": "SKU-d"}}],
            },
            {
                "number": "B",
                "status": "AWAITING_SHIPMENT",
                "carrier": None,
                "items": [{"quantity": 2, "item": {"sku": "SKU-d"}}, {"quantity": 1, "item": {"sku": "SKU-g"}}],
            },
        ],
        "events": {"edges": [{"node": {"__typename": "OrderImported", "actor": "tester"}}]},
    }
    await assert_sound(database)


async def test_a_number_is_known_by_its_content(client: Client, database: Database) -> None:
    first, second = SIMPLE | {"number": "1"}, SIMPLE | {"number": "2"}
    await imported(client, first)
    other = SIMPLE | {"number": "1", "currency": "EUR"}

    results = await imported(client, other, first | {"total": "30.00"}, second, second | {"total": 30})

    taken = ("NUMBER_TAKEN", "input.orders.0.number")
    assert outcomes(results) == [
        ("1", "REJECTED", [taken]),
        ("1", "UNCHANGED", []),
        ("2", "CREATED", []),
        ("2", "UNCHANGED", []),
    ]
    assert [result["order"] and result["order"]["number"] for result in results] == [None, "1", "2", "2"]
    await assert_sound(database)


CHANGED = SIMPLE | {"number": "1", "status": "ON_HOLD", "shipBy": "2026-03-09T00:00:00Z"}
GONE = SIMPLE | {"number": "1", "status": "CANCELLED"}
AS_IT_WAS = SIMPLE | {"number": "1"}
IMPORT_ONLY, NO_CANCELLING = "orders:import", "orders:import fulfillment:write"
NEEDS_WRITING = "Bringing this order up to date needs the scope fulfillment:write."
NEEDS_CANCELLING = "Bringing this order up to date needs the scope orders:cancel."


async def test_what_has_changed_about_a_known_order_is_taken_over(client: Client, database: Database) -> None:
    await imported(client, AS_IT_WAS)

    [result] = await imported(client, CHANGED)

    assert (result["outcome"], result["errors"]) == ("UPDATED", [])
    assert sorted(note["code"] for note in result["notes"]) == ["DETAILS", "ORDER_STATUS"]
    assert (result["order"]["status"], result["order"]["version"]) == ("ON_HOLD", 2)
    assert result["order"]["events"]["edges"] == [
        {"node": {"__typename": "OrderImported", "actor": "tester"}},
        {"node": {"__typename": "OrderStatusChanged", "actor": "tester"}},
        {"node": {"__typename": "OrderUpdated", "actor": "tester"}},
    ]
    await assert_sound(database)


@pytest.mark.parametrize(
    ("given", "scope", "outcome", "messages"),
    [
        (CHANGED, IMPORT_ONLY, "REJECTED", [NEEDS_WRITING]),
        (CHANGED, "orders:import orders:cancel", "REJECTED", [NEEDS_WRITING]),
        (CHANGED, NO_CANCELLING, "UPDATED", []),
        (GONE, IMPORT_ONLY, "REJECTED", [NEEDS_WRITING, NEEDS_CANCELLING]),
        (GONE, NO_CANCELLING, "REJECTED", [NEEDS_CANCELLING]),
        (GONE, "orders:import orders:cancel", "REJECTED", [NEEDS_WRITING]),
        (GONE, "orders:import fulfillment:write orders:cancel", "UPDATED", []),
        (AS_IT_WAS, IMPORT_ONLY, "UNCHANGED", []),
        (SIMPLE | {"number": "2"}, IMPORT_ONLY, "CREATED", []),
    ],
)
@on_sqlite
async def test_taking_changes_over_needs_the_scopes_of_what_it_does(
    client: Client, database: Database, given: dict[str, Any], scope: str, outcome: str, messages: list[str]
) -> None:
    await imported(client, AS_IT_WAS)
    before = await dump(database)

    [result] = await imported(client.with_token(a_token(scope=scope)), given)

    assert (result["outcome"], [error["message"] for error in result["errors"]]) == (outcome, messages)
    assert {(error["code"], *error["path"]) for error in result["errors"]} <= {
        ("TRANSITION_NOT_ALLOWED", "input", "orders", "0", "number")
    }
    assert (result["order"] is None) == (outcome == "REJECTED")
    assert outcome != "REJECTED" or await dump(database) == before
    await assert_sound(database)


@on_sqlite
async def test_an_older_input_says_so(client: Client) -> None:
    await imported(client, AS_IT_WAS | {"sourceUpdatedAt": "2026-03-02T00:00:00Z"})

    [result] = await imported(client, CHANGED | {"sourceUpdatedAt": "2026-03-01T23:59:59Z"})

    assert (result["outcome"], [note["code"] for note in result["notes"]]) == ("UNCHANGED", ["OLDER"])
    assert result["order"]["status"] == "AWAITING_SHIPMENT"


@on_sqlite
async def test_a_bad_order_is_told_whole_and_does_not_stop_the_others(client: Client, database: Database) -> None:
    bad = SIMPLE | {
        "number": "",
        "items": [DRESS | {"quantity": 0}, DRESS | {"subtotal": "1.001", "sku": "a\0"}],
        "packages": [{"number": "A", "status": "DELIVERED", "items": [{"ref": "x", "quantity": 1}]}],
        "currency": "XXX",
    }
    off = SIMPLE | {"number": "2", "total": "30.01"}

    results = await imported(client, bad, off, SIMPLE | {"number": "3"})

    place = "input.orders.0"
    assert outcomes(results) == [
        (
            "",
            "REJECTED",
            [
                ("INVALID_VALUE", f"{place}.number"),
                ("INVALID_VALUE", f"{place}.currency"),
                ("INVALID_VALUE", f"{place}.items.1.ref"),
                ("INVALID_QUANTITY", f"{place}.items.0.quantity"),
                ("INVALID_VALUE", f"{place}.items.1.sku"),
                ("NOT_FOUND", f"{place}.packages.0.items.0.ref"),
            ],
        ),
        ("2", "REJECTED", [("AMOUNTS_DO_NOT_ADD_UP", "input.orders.1.total")]),
        ("3", "CREATED", []),
    ]
    assert results[1]["errors"][0]["message"] == "total is 30.01, but the parts sum to 30.00."
    await assert_sound(database)


@pytest.mark.parametrize("count", [0, 101])
@on_sqlite
async def test_none_and_more_than_100_orders_are_bad_input(client: Client, database: Database, count: int) -> None:
    before = await dump(database)

    body = await client.post(IMPORT, orders=[SIMPLE | {"number": str(number)} for number in range(count)])

    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
    assert await dump(database) == before


async def test_a_hundred_orders_come_in_at_once(client: Client, database: Database) -> None:
    results = await imported(client, *(SIMPLE | {"number": str(number)} for number in range(100)))

    assert [result["number"] for result in results] == [str(number) for number in range(100)]
    assert {result["outcome"] for result in results} == {"CREATED"}
    await assert_sound(database)


@pytest.mark.parametrize(
    "wrong",
    [
        {"total": "1e400"},
        {"total": "NaN"},
        {"total": 30.5},
        {"currency": 5},
        {"placedAt": "2026-03-01T10:30:00"},
        {"placedAt": 1772357400},
        {"status": "LOST"},
        {"items": None},
    ],
    ids=str,
)
@on_sqlite
async def test_values_of_the_wrong_type_are_bad_input(client: Client, wrong: dict[str, Any]) -> None:
    body = await client.post(IMPORT, orders=[SIMPLE | {"number": "1"} | wrong])

    assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}
    assert body.get("data") is None
