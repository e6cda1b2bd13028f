"""Lists in arguments: limited in length, counted in the cost, and refused unread if too long."""

from typing import Any

import pytest
from graphql import GraphQLError, parse

from api.execution.cost import Cost
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.execution.test_cost import SCHEMA
from tests.api.schema.test_import_orders import DRESS, IMPORT, SIMPLE, imported
from tests.support.client import Client
from tests.support.invariants import dump

PREVIEW = "previewCancelItems(orderId: $order, reason: OUT_OF_STOCK, items: $items) { errors { code } }"
ITEMS = "query ($order: ID!, $items: [CancelItemInput!]!)"
CANCEL = "mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { replayed } }"
SPLIT = "mutation ($input: SplitPackageInput!) { splitPackage(input: $input) { errors { code } } }"
ORDERS = "query ($filter: OrderFilter) { orders(filter: $filter, first: 1) { totalCount } }"
COME_IN = "mutation ($orders: [OrderInput!]!) { importOrders(input: {orders: $orders}) { results { number } } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
EVENTS = "subscription ($ids: [ID!]!) { orderStatusChanged(orderIds: $ids) { from } }"
WRITTEN = '"a" ' * 1001
ENTRY = {"itemId": "x", "quantity": 1}


def cost(document: str, variables: dict[str, Any]) -> int:
    return Cost(SCHEMA, parse(document), page_limit=100).of(variables)


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        (f"{ITEMS} {{ {PREVIEW} }}", {"items": []}, 3),
        (f"{ITEMS} {{ {PREVIEW} }}", {"items": [ENTRY] * 500}, 3 + 500),
        (f"{ITEMS} {{ a: {PREVIEW} b: {PREVIEW} }}", {"items": [ENTRY] * 500}, 2 * (3 + 500)),
        (f"{ITEMS} {{ ...F ...F }} fragment F on Query {{ {PREVIEW} }}", {"items": [ENTRY] * 5}, 2 * (3 + 5)),
        (CANCEL, {"input": {"items": [ENTRY] * 500}}, 2 + 500),
        ("mutation ($i: [CancelItemInput!]!) { cancelItems(input: {items: $i}) { replayed } }", {"i": [1, 2]}, 2 + 2),
        (SPLIT, {"input": {"items": [ENTRY] * 500}}, 3 + 500),
        (ORDERS, {"filter": {"skus": ["a"] * 1000, "statuses": ["ON_HOLD"]}}, 2 + 1001),
        (NODES, {"ids": ["a"] * 1000}, 2 + 1000),
        (NODES, {"ids": "a"}, 2),
        (NODES, {"ids": None}, 2),
        (NODES, {}, 2),
        (EVENTS, {"ids": ["a"] * 1000}, 2 + 1000),
        (COME_IN, {"orders": [{"items": [1] * 600, "packages": [{"items": [1] * 3000}] * 2}]}, 3 + 1),
        (ORDERS, {"filter": [{"skus": ["a"]}]}, 2),
        (ORDERS, {"filter": {"skus": {"a": ["b"]}}}, 2),
    ],
)
def test_each_entry_costs_one_for_every_field_that_takes_the_list(
    document: str, variables: dict[str, Any], expected: int
) -> None:
    assert cost(document, variables) == expected


def test_a_variable_may_be_a_page_in_one_operation_and_a_list_in_another() -> None:
    events = "edges { node { events(first: $a) { edges { cursor } } } }"
    both = f"query A($a: Int) {{ orders(first: $a) {{ {events} }} }} query B($a: [ID!]!) {{ nodes(ids: $a) {{ id }} }}"
    known = Cost(SCHEMA, parse(both), page_limit=100)

    assert [known.of({"a": 1}), known.of({"a": 100}), known.of({"a": ["x"] * 3})] == [
        cost(both, {"a": 1}),
        cost(both, {"a": 100}),
        cost(both, {"a": ["x"] * 3}),
    ]
    assert cost(both, {"a": 100}) > 20_000 > cost(both, {"a": 1})


def test_the_cost_follows_the_lists_of_each_call() -> None:
    known = Cost(SCHEMA, parse(NODES), page_limit=100)

    assert [known.of({"ids": ["a"] * count}) for count in (1, 3, 1)] == [3, 5, 3]


@pytest.mark.parametrize(
    ("document", "variables", "sentence"),
    [
        (f"{ITEMS} {{ {PREVIEW} }}", {"items": [ENTRY] * 501}, "items takes at most 500 values; 501 were sent."),
        (CANCEL, {"input": {"items": [ENTRY] * 501}}, "items takes at most 500 values; 501 were sent."),
        (SPLIT, {"input": {"items": [ENTRY] * 501}}, "items takes at most 500 values; 501 were sent."),
        (IMPORT, {"orders": [1] * 101}, "orders takes at most 100 values; 101 were sent."),
        (ORDERS, {"filter": {"skus": ["a"] * 1001}}, "skus takes at most 1000 values; 1001 were sent."),
        (ORDERS, {"filter": {"statuses": ["ON_HOLD"] * 1001}}, "statuses takes at most 1000 values; 1001 were sent."),
        (NODES, {"ids": ["a"] * 1001}, "ids takes at most 1000 values; 1001 were sent."),
        (EVENTS, {"ids": ["a"] * 1001}, "ids takes at most 1000 values; 1001 were sent."),
        (f"{{ nodes(ids: [{WRITTEN}]) {{ id }} }}", {}, "ids takes at most 1000 values"),
        (f"{{ orders(filter: {{skus: [{WRITTEN}]}}) {{ totalCount }} }}", {}, "skus takes at most 1000 values"),
        (f"query ($ids: [ID!]! = [{WRITTEN}]) {{ nodes(ids: $ids) {{ id }} }}", {}, "ids takes at most 1000 values"),
        (f"query A ($ids: Int) {{ orders(first: $ids) {{ totalCount }} }} {NODES}", {"ids": ["a"] * 1001}, "ids takes"),
        (f"{NODES} query A ($ids: Int) {{ orders(first: $ids) {{ totalCount }} }}", {"ids": ["a"] * 1001}, "ids takes"),
    ],
)
def test_too_long_a_list_is_refused(document: str, variables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(GraphQLError, match=sentence) as refused:
        cost(document, variables)

    assert (refused.value.extensions or {})["code"] == "BAD_USER_INPUT"


@on_sqlite
async def test_aliases_multiply_the_cost_of_a_list(client: Client) -> None:
    aliases = " ".join(f"a{number}: orders(filter: {{skus: $skus}}) {{ totalCount }}" for number in range(30))

    body = await client.post(f"query ($skus: [String!]) {{ {aliases} }}", skus=["a"] * 1000)

    assert [error["extensions"]["code"] for error in body["errors"]] == ["TOO_EXPENSIVE"]


@on_sqlite
async def test_a_call_with_too_long_a_list_does_nothing(client: Client, database: Database) -> None:
    before = await dump(database)
    request = {"orderId": "x", "items": [ENTRY] * 501, "reason": "OUT_OF_STOCK", "idempotencyKey": "1"}

    body = await client.post(CANCEL, input=request)

    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
    assert await dump(database) == before


@on_sqlite
async def test_too_large_an_order_is_rejected_alone(client: Client) -> None:
    held = [
        {"number": f"P{number}", "status": "IN_TRANSIT", "items": [{"ref": "1", "quantity": 1}]}
        for number in range(2001)
    ]
    large = SIMPLE | {"number": "large", "items": [DRESS | {"ref": "1", "quantity": 2001}], "packages": held}
    many = SIMPLE | {"number": "many", "items": [DRESS | {"ref": str(number)} for number in range(1200)]}

    results = await imported(client, SIMPLE | {"number": "1"}, large, many, SIMPLE | {"number": "2"})

    assert [(result["number"], result["outcome"]) for result in results] == [
        ("1", "CREATED"),
        ("large", "REJECTED"),
        ("many", "REJECTED"),
        ("2", "CREATED"),
    ]
    assert [error["message"] for result in results for error in result["errors"]] == [
        "packages must have at most 2,000 package items, not 2,001.",
        "items must have at most 500 items, not 1,200.",
    ]
