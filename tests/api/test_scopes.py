"""Scopes: what a token may not do without them."""

import pytest

from api.auth import Scope
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.support.client import Client, a_token
from tests.support.stored import an_order_input, store, stored

pytestmark = on_sqlite

ALL_BUT_READING = " ".join(scope.value for scope in Scope if scope is not Scope.ORDERS_READ)
READING = [
    "{ shop { id } }",
    '{ node(id: "shop_demo") { id } }',
    '{ nodes(ids: ["shop_demo"]) { id } }',
    "{ orders { totalCount } }",
    '{ order(id: "x") { id } }',
    '{ orderByNumber(number: "1001") { id } }',
    '{ previewCancelItems(orderId: "x", reason: OTHER, items: []) { orderVersion } }',
    "{ orderEvents { pageInfo { endCursor } } }",
]
CANCEL = """
mutation ($order: ID!, $item: ID!) {
  cancelItems(input: {
    orderId: $order, reason: OUT_OF_STOCK, items: [{itemId: $item, quantity: 1}], idempotencyKey: "k"
  }) { errors { code } order { number buyer { email } events { edges { node { id } } } cancellations { id } } }
}
"""


async def test_every_query_needs_the_scope_for_reading(client: Client) -> None:
    blind = client.with_token(a_token(scope=ALL_BUT_READING))

    bodies = [await blind.post(query) for query in READING]

    said = [(error["message"], error["extensions"]) for body in bodies for error in body["errors"]]
    assert said == [("This needs a token with the scope orders:read.", {"code": "FORBIDDEN"})] * len(READING)


@pytest.mark.parametrize("field", ["orderStatusChanged", "orderEvents"])
async def test_every_subscription_needs_the_scope_for_reading(client: Client, field: str) -> None:
    blind = client.with_token(a_token(scope=ALL_BUT_READING))

    async with blind.subscription(f"subscription {{ {field} {{ id }} }}") as results:
        answers = [answer async for answer in results]

    assert [error["extensions"]["code"] for answer in answers for error in answer["errors"]] == ["FORBIDDEN"]


async def test_cancelling_needs_its_scope_and_does_nothing_without_it(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    reader = client.with_token(a_token(scope="orders:read orders:import fulfillment:write refunds:settle"))

    body = await reader.post(CANCEL, order=f"order_{order.id.hex}", item=f"item_{order.id.hex}_1")

    assert body["data"] is None
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]
    assert (await stored(database, shop, "1001")).version == 1


async def test_a_cancellations_answer_needs_no_scope_for_reading(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    canceller = client.with_token(a_token(scope="orders:cancel"))

    data = await canceller.data(CANCEL, order=f"order_{order.id.hex}", item=f"item_{order.id.hex}_1")

    payload = data["cancelItems"]
    assert payload["errors"] == []
    assert payload["order"]["buyer"] == {"email": "ada@example.com"}
    assert len(payload["order"]["events"]["edges"]) == 2
    assert len(payload["order"]["cancellations"]) == 1
