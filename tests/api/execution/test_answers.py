"""Limits of an answer, over every transport: 8 MiB, and the first hundred errors."""

import asyncio
import tracemalloc
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import strawberry

from api.errors import LARGEST_ANSWER, BadUserInputError
from api.execution.checks import Schema
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_import_orders import IMPORT, ORDER
from tests.api.schema.test_subscriptions import now
from tests.faults.test_subscribers import make_heavy
from tests.support.client import Client, hear, say
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import an_item_input, an_order_input, store


# 20 items, each with its order and so with ten notes of 6 kB: a megabyte per alias.
def notes(aliases: int) -> str:
    return f"items {{ order {{ {' '.join(f'a{each}: cancellations {{ note }}' for each in range(aliases))} }} }}"


def order_with(selection: str) -> str:
    return f'{{ orderByNumber(number: "1001") {{ {selection} }} }}'


NOTES = notes(12)
LARGE = order_with(NOTES)
HOLD = f"""mutation ($order: ID!) {{
  updateOrderStatus(input: {{ orderId: $order, status: ON_HOLD }}) {{ order {{ {NOTES} }} errors {{ code }} }} }}"""
FOLLOW = f"subscription ($after: String) {{ orderEvents(after: $after) {{ sequence order {{ {NOTES} }} }} }}"
TOO_LARGE = {
    "message": "The answer would exceed 8388608 bytes; ask for less.",
    "extensions": {"code": "TOO_EXPENSIVE"},
}
NEW = "application/graphql-response+json"
EVENT_STREAM = {"Accept": "text/event-stream"}


ITEMS = [an_item_input(quantity=20), *(an_item_input(f"i{each}", quantity=1) for each in range(19))]


@pytest.fixture
async def order_id(database: Database, shop: Shop) -> str:
    """The id of an order that makes answers large."""
    [order] = await store(database, shop, an_order_input("1001", *ITEMS))
    await make_heavy(database, shop, order)
    return f"order_{order.id.hex}"


def events_in(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line.removeprefix("data: ")) for line in text.split("\n") if line.startswith("data: {")]


@on_sqlite
@pytest.mark.usefixtures("order_id")
async def test_too_large_an_answer_is_an_error_over_every_transport(client: Client) -> None:
    posted = await client.post(LARGE)
    streamed = await client.http.post("/graphql", json={"query": LARGE}, headers=EVENT_STREAM)
    async with client.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": LARGE})
        heard = [await hear(socket), await hear(socket)]

    answer = {"data": None, "errors": [TOO_LARGE]}
    assert posted == answer
    assert events_in(streamed.text) == [answer]
    assert heard == [{"id": "1", "type": "next", "payload": answer}, {"id": "1", "type": "complete"}]


@on_sqlite
async def test_a_mutation_with_too_large_an_answer_is_reported_as_done(client: Client, order_id: str) -> None:
    [error] = (await client.post(HOLD, order=order_id))["errors"]
    after = await client.data('{ orderByNumber(number: "1001") { status } }')

    message = "The mutation ran, but its answer would exceed 8388608 bytes; look up the outcome."
    assert error == {"message": message, "extensions": {"code": "TOO_EXPENSIVE"}}
    assert after == {"orderByNumber": {"status": "ON_HOLD"}}


@on_sqlite
async def test_too_large_events_are_errors_and_others_follow(client: Client, database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001", *ITEMS))
    after = await now(client)
    await make_heavy(database, shop, order)
    await store(database, shop, an_order_input("1002"))

    async with asyncio.timeout(PATIENCE_SECONDS), client.subscription(FOLLOW, after=after) as results:
        heard = [await anext(results) for _ in range(11)]

    assert heard[:10] == [{"data": None, "errors": [TOO_LARGE]}] * 10
    assert heard[10]["data"]["orderEvents"]["sequence"] == 1


@on_sqlite
@pytest.mark.usefixtures("order_id")
async def test_an_answer_just_below_the_limit_is_sent_whole(client: Client) -> None:
    answer = await client.http.post("/graphql", json={"query": order_with(notes(6))})
    larger = await client.http.post("/graphql", json={"query": order_with(notes(7))}, headers={"Accept": NEW})

    assert 7_000_000 < len(answer.content) <= LARGEST_ANSWER
    assert "errors" not in answer.json()
    assert (larger.status_code, larger.json()) == (200, {"data": None, "errors": [TOO_LARGE]})


@strawberry.type
class Query:
    @strawberry.field
    def broken(self, count: int) -> list["Broken | None"]:
        return [Broken()] * count


@on_sqlite
@pytest.mark.usefixtures("order_id")
async def test_too_large_an_answer_is_never_serialised(client: Client) -> None:
    """Eighteen megabytes of the same notes, which are in memory once until they are serialised."""
    await client.post(order_with(notes(1)))
    tracemalloc.start()

    body = await client.post(order_with(notes(30)))

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert body["errors"] == [TOO_LARGE]
    assert most < LARGEST_ANSWER


@strawberry.type
class Broken:
    @strawberry.field
    def never(self) -> int:
        raise BadUserInputError("No.")


async def errors_of(count: int) -> list[dict[str, Any]]:
    result = await Schema(Query).execute(
        "query ($count: Int!) { broken(count: $count) { never } }",
        variable_values={"count": count},
        context_value=SimpleNamespace(caller=None),
    )
    assert result.errors
    return [error.formatted for error in result.errors]  # type: ignore[misc] # a typed dict is a dict


async def test_the_first_hundred_errors_are_listed_and_the_rest_counted() -> None:
    few, many = await errors_of(100), await errors_of(500)

    assert len(few) == 100
    assert [error["path"] for error in many[:100]] == [["broken", each, "never"] for each in range(100)]
    assert many[100:] == [
        {
            "message": "400 more problems are not listed; fix these first.",
            "extensions": {"code": "BAD_USER_INPUT"},
        }
    ]


@on_sqlite
async def test_the_first_hundred_faults_of_a_document_are_listed_over_every_transport(client: Client) -> None:
    query = "{ " + " ".join(f"x{each}" for each in range(600)) + " }"

    posted = await client.post(query)
    streamed = await client.http.post("/graphql", json={"query": query}, headers=EVENT_STREAM)
    async with client.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": query})
        heard = await hear(socket)

    [streamed_body] = events_in(streamed.text)
    assert [len(each) for each in (posted["errors"], streamed_body["errors"], heard["payload"])] == [101] * 3


MORE = "400 more problems are not listed; fix these first."
CANCEL = """mutation ($input: CancelItemsInput!) { cancelItems(input: $input) {
  errors { code message path itemId retryable } } }"""
PREVIEW = """query ($order: ID!, $items: [CancelItemInput!]!) {
  previewCancelItems(orderId: $order, reason: OUT_OF_STOCK, items: $items) { errors { code message path } } }"""
SPLIT = "mutation ($input: SplitPackageInput!) { splitPackage(input: $input) { errors { code message path } } }"


@on_sqlite
async def test_the_first_hundred_problems_of_a_call_are_listed(client: Client, order_id: str) -> None:
    items = [{"itemId": f"item_{each}", "quantity": 1} for each in range(500)]
    given = {"orderId": order_id, "reason": "OUT_OF_STOCK", "idempotencyKey": "many", "items": items}
    package = order_id.replace("order", "package") + "_1"

    cancelled = (await client.data(CANCEL, input=given))["cancelItems"]["errors"]
    previewed = (await client.data(PREVIEW, order=order_id, items=items))["previewCancelItems"]["errors"]
    split = (await client.data(SPLIT, input={"packageId": package, "items": items}))["splitPackage"]["errors"]

    assert [len(errors) for errors in (cancelled, previewed, split)] == [101] * 3
    assert cancelled[99]["path"] == ["input", "items", "99", "itemId"]
    last = {"code": "ITEM_NOT_FOUND", "message": MORE, "path": ["input"]}
    assert cancelled[100] == last | {"itemId": None, "retryable": False}
    assert previewed[100] == last | {"path": []}
    assert split[100] == last | {"code": "NOT_FOUND"}


@on_sqlite
async def test_the_first_hundred_problems_of_an_imported_order_are_listed(client: Client) -> None:
    item = ORDER["items"][0]
    bad = [item | {"ref": f"{each}", "quantity": -1} for each in range(400)]
    orders = [ORDER, ORDER | {"number": "1002", "items": bad, "packages": None}]

    results = (await client.data(IMPORT, orders=orders))["importOrders"]["results"]

    assert [(each["outcome"], len(each["errors"])) for each in results] == [("CREATED", 0), ("REJECTED", 101)]
    last = results[1]["errors"][100]
    assert last["path"] == ["input", "orders", "1"]
    assert last["message"].endswith(" more problems are not listed; fix these first.")
