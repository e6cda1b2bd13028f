"""Following orders live, over websockets and server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from api.settings import Settings
from api.wiring import database_of
from domain import fulfillment
from domain.rules.order import Order, Shop
from domain.rules.transitions import PackageMove
from domain.rules.vocabulary import PackageStatus
from domain.storage.engine import hints
from domain.storage.engine.database import Database
from domain.storage.engine.nats_hints import NatsHints
from tests.api.conftest import on_postgresql, on_sqlite, serving
from tests.support.client import Client, a_token, close_code, hear, say
from tests.support.invariants import assert_sound
from tests.support.nats_server import NatsServer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW, a_package_input, a_shop, an_item_input, an_order_input, store

STATUS_CHANGED = """
subscription ($order: ID) {
  orderStatusChanged(orderId: $order) { __typename sequence actor from to order { number status version } }
}
"""
EVENTS = """
subscription ($orders: [ID!], $after: String) {
  orderEvents(orderIds: $orders, after: $after) {
    __typename sequence order { number status cancellations { idempotencyKey } }
    ... on ItemsCancelled {
      cancellation { refundStatus lines { quantity item { sku } } refundBreakdown { total { amount } } }
    }
    ... on PackageStatusChanged { package { number status } packageFrom: from packageTo: to }
    ... on OrderStatusChanged { from to }
  }
}
"""
CURSORS = """
subscription ($after: String) { orderEvents(after: $after) { cursor sequence order { number } } }
"""
CANCEL = """
mutation ($order: ID!, $item: ID!, $quantity: Int!, $key: String!) {
  cancelItems(input: {
    orderId: $order, reason: OUT_OF_STOCK, items: [{itemId: $item, quantity: $quantity}], idempotencyKey: $key
  }) { errors { code } order { eventCursor } }
}
"""
START = '{ orderByNumber(number: "1001") { eventCursor } }'


async def cancel(client: Client, order: Order, *, quantity: int = 1, key: str | None = None) -> str:
    """Cancels units of the first item; returns the cursor after that."""
    order_id, item_id = f"order_{order.id.hex}", f"item_{order.id.hex}_1"
    data = await client.data(
        CANCEL, order=order_id, item=item_id, quantity=quantity, key=key or f"{order.number}-{quantity}"
    )
    assert data["cancelItems"]["errors"] == []
    return str(data["cancelItems"]["order"]["eventCursor"])


async def now(client: Client) -> str:
    """The current cursor; the shop has an order 1001."""
    return str((await client.data(START))["orderByNumber"]["eventCursor"])


async def take(results: AsyncIterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The events of the next results, which must have no errors."""
    events = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(count):
            answer = await anext(results)
            assert "errors" not in answer, answer
            events += answer["data"].values()
    return events


async def first_heard(results: AsyncIterator[dict[str, Any]], act: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    """The first event that arrives; repeats `act` until the subscription has begun."""
    heard = asyncio.ensure_future(take(results, 1))
    while not heard.done():
        await act()
        await asyncio.wait([heard], timeout=0.5)
    return heard.result()[0]


async def move_on_and_back(database: Database, shop: Shop, *orders: Order) -> None:
    """Changes the status of each order twice; each has one package."""
    for order in orders:
        for status in (PackageStatus.AWAITING_COLLECTION, PackageStatus.AWAITING_SHIPMENT):
            move = PackageMove(f"package_{order.id.hex}_1", status)
            await fulfillment.update_package_status(database, shop, move, actor="warehouse", now=NOW)


async def errors_of(client: Client, query: str, **variables: object) -> list[str]:
    """The error codes that end a subscription."""
    async with asyncio.timeout(PATIENCE_SECONDS), client.subscription(query, **variables) as results:
        return [error["extensions"]["code"] async for answer in results for error in answer["errors"]]


def split_orders(count: int) -> list[Any]:
    """Orders that move on to IN_TRANSIT when their dress is cancelled."""
    items = (an_item_input("dress", quantity=1, subtotal="10.00"), an_item_input("hat", quantity=1, subtotal="4.00"))
    packages = (a_package_input("A", dress=1), a_package_input("B", PackageStatus.IN_TRANSIT, hat=1))
    return [an_order_input(str(1001 + number), *items, packages=packages) for number in range(count)]


async def test_a_change_of_status_is_heard_live(client: Client, database: Database, shop: Shop) -> None:
    orders = iter(await store(database, shop, *split_orders(20)))

    async with client.subscription(STATUS_CHANGED) as results:
        event = await first_heard(results, lambda: cancel(client, next(orders)))

    number = event["order"].pop("number")
    assert "1001" <= number <= "1020"
    assert event == {
        "__typename": "OrderStatusChanged",
        "sequence": 4,
        "actor": "tester",
        "from": "PARTIALLY_SHIPPING",
        "to": "IN_TRANSIT",
        "order": {"status": "IN_TRANSIT", "version": 2},
    }


@on_sqlite
async def test_changes_of_one_order_are_heard_without_those_of_others(
    client: Client, database: Database, shop: Shop
) -> None:
    [other, wanted] = await store(database, shop, an_order_input("1001"), an_order_input("1002"))

    async with client.subscription(STATUS_CHANGED, order=f"order_{wanted.id.hex}") as results:
        event = await first_heard(results, lambda: move_on_and_back(database, shop, other, wanted))

    assert event["order"]["number"] == "1002"


async def test_missed_events_come_first_then_live_ones_and_none_twice(
    client: Client, database: Database, shop: Shop
) -> None:
    item = an_item_input("dress", quantity=2, subtotal="10.00")
    [order] = await store(database, shop, an_order_input("1001", item))
    start = await now(client)
    await cancel(client, order, key="missed")

    async with client.subscription(EVENTS, after=start) as results:
        missed = await take(results, 1)
        await cancel(client, order, key="live")
        live = await take(results, 3)

    assert missed == [
        {
            "__typename": "ItemsCancelled",
            "sequence": 2,
            "order": {
                "number": "1001",
                "status": "AWAITING_SHIPMENT",
                "cancellations": [{"idempotencyKey": "missed"}],
            },
            "cancellation": {
                "refundStatus": "PENDING",
                "lines": [{"quantity": 1, "item": {"sku": "SKU-dress"}}],
                "refundBreakdown": {"total": {"amount": "5.00"}},
            },
        }
    ]
    after = {
        "number": "1001",
        "status": "CANCELLED",
        "cancellations": [{"idempotencyKey": "missed"}, {"idempotencyKey": "live"}],
    }
    assert live == [
        {
            "__typename": "ItemsCancelled",
            "sequence": 3,
            "order": after,
            "cancellation": {
                "refundStatus": "PENDING",
                "lines": [{"quantity": 1, "item": {"sku": "SKU-dress"}}],
                "refundBreakdown": {"total": {"amount": "5.00"}},
            },
        },
        {
            "__typename": "PackageStatusChanged",
            "sequence": 4,
            "order": after,
            "package": {"number": "1001-1", "status": "CANCELLED"},
            "packageFrom": "AWAITING_SHIPMENT",
            "packageTo": "CANCELLED",
        },
        {
            "__typename": "OrderStatusChanged",
            "sequence": 5,
            "order": after,
            "from": "AWAITING_SHIPMENT",
            "to": "CANCELLED",
        },
    ]


async def test_without_a_cursor_only_what_comes_is_heard(client: Client, database: Database, shop: Shop) -> None:
    [order, *_] = await store(database, shop, an_order_input("1001"))
    await cancel(client, order)
    coming = iter(range(2001, 2021))

    async with client.subscription(CURSORS) as results:
        event = await first_heard(results, lambda: store(database, shop, an_order_input(str(next(coming)))))

    assert event["order"]["number"] >= "2001"


@on_sqlite
async def test_a_subscription_goes_on_where_another_was_cut_off(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, *(an_order_input(str(number)) for number in range(1001, 1006)))
    first = (await client.data("{ orderEvents(first: 1) { edges { cursor } } }"))["orderEvents"]["edges"][0]

    async with client.subscription(CURSORS, after=first["cursor"]) as results:
        cut_off = await take(results, 2)
    async with client.subscription(CURSORS, after=cut_off[-1]["cursor"]) as results:
        rest = await take(results, 2)

    assert [event["order"]["number"] for event in cut_off + rest] == ["1002", "1003", "1004", "1005"]


@on_sqlite
async def test_only_the_orders_that_were_asked_for_are_heard(client: Client, database: Database, shop: Shop) -> None:
    orders = await store(database, shop, *(an_order_input(str(number)) for number in (1001, 1002, 1003)))
    ids = [f"order_{order.id.hex}" for order in orders]

    async with client.subscription(EVENTS, orders=ids[1:], after=await now(client)) as results:
        for order in orders:
            await cancel(client, order)
        heard = await take(results, 2)

    assert [event["order"]["number"] for event in heard] == ["1002", "1003"]


@on_sqlite
async def test_another_shop_hears_nothing(client: Client, database: Database, shop: Shop) -> None:
    other = await a_shop(database, "other")
    [ours] = await store(database, shop, an_order_input("1001"))
    await store(database, other, an_order_input("1001"))
    stranger = client.with_token(a_token("other"))

    async with stranger.subscription(CURSORS, after=await now(stranger)) as results:
        await cancel(client, ours)
        await store(database, other, an_order_input("3001"))
        [event] = await take(results, 1)

    assert event["order"]["number"] == "3001"


@on_sqlite
async def test_orders_that_the_shop_does_not_have_end_a_subscription_at_once(
    client: Client, database: Database, shop: Shop
) -> None:
    [ours] = await store(database, shop, an_order_input("1001"))
    [theirs] = await store(database, await a_shop(database, "other"), an_order_input("1001"))
    known = f"order_{ours.id.hex}"
    wrong = ["", "\0", "order_" + "0" * 32, f"order_{theirs.id.hex}", f"item_{ours.id.hex}_1"]

    of_one = [await errors_of(client, STATUS_CHANGED, order=order) for order in wrong]
    of_some = [await errors_of(client, EVENTS, orders=[known, order]) for order in wrong]

    assert of_one == of_some == [["NOT_FOUND"]] * len(wrong)


@on_sqlite
async def test_a_cursor_of_another_shop_ends_a_subscription_at_once(
    client: Client, database: Database, shop: Shop
) -> None:
    await store(database, shop, an_order_input("1001"))
    other = await a_shop(database, "other")
    await store(database, other, an_order_input("1001"))
    foreign = await now(client.with_token(a_token("other")))

    codes = [await errors_of(client, EVENTS, after=cursor) for cursor in ("", "forged", "é\0", foreign)]

    assert codes == [["BAD_USER_INPUT"]] * 4


@on_sqlite
async def test_more_orders_than_anybody_follows_are_bad_input(client: Client) -> None:
    assert await errors_of(client, EVENTS, orders=["x"] * 1001) == ["BAD_USER_INPUT"]


@on_sqlite
async def test_a_faulty_operation_leaves_the_others_on_the_socket_alone(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    start = await now(client)
    faulty: list[dict[str, Any]] = [
        {"query": "subscription {"},
        {"query": ""},
        {"query": "{ nothing }"},
        {"query": CURSORS, "variables": {"after": 5}},
        {"query": CURSORS, "operationName": "Unknown"},
        {"query": "fragment F on Order { id }"},
    ]

    async with asyncio.timeout(PATIENCE_SECONDS), client.socket() as socket:
        await say(socket, id="good", type="subscribe", payload={"query": CURSORS, "variables": {"after": start}})
        answers = []
        for payload in faulty:
            await say(socket, id="faulty", type="subscribe", payload=payload)
            answers.append(await hear(socket))
        await cancel(client, order)
        event = await hear(socket)

    said = [(answer["id"], answer["type"], answer["payload"][0]["extensions"]) for answer in answers]
    assert said == [("faulty", "error", {"code": "BAD_USER_INPUT"})] * len(faulty)
    assert (event["id"], event["type"]) == ("good", "next")
    assert event["payload"]["data"]["orderEvents"]["sequence"] == 2


@on_sqlite
async def test_a_subscription_that_was_completed_is_silent_and_its_id_is_free(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    subscribe = {"query": CURSORS, "variables": {"after": await now(client)}}

    async with asyncio.timeout(PATIENCE_SECONDS), client.socket() as socket:
        await say(socket, id="1", type="subscribe", payload=subscribe)
        await say(socket, id="1", type="complete")
        await cancel(client, order)
        await say(socket, id="1", type="subscribe", payload={"query": "{ shop { id } }"})
        answer = await hear(socket)
        end = await hear(socket)

    assert answer == {"id": "1", "type": "next", "payload": {"data": {"shop": {"id": "shop_demo"}}}}
    assert end == {"id": "1", "type": "complete"}


@on_sqlite
async def test_two_operations_under_one_id_close_the_socket(client: Client) -> None:
    async with client.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": STATUS_CHANGED})
        await say(socket, id="1", type="subscribe", payload={"query": STATUS_CHANGED})

        assert await close_code(socket) == 4409


async def test_server_sent_events_carry_subscriptions_too(client: Client, database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    content = {"query": CURSORS, "variables": {"after": await now(client)}}
    headers = {"Accept": "text/event-stream"}

    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        client.http.stream("POST", "/graphql", json=content, headers=headers) as stream,
    ):
        await cancel(client, order)
        lines = stream.aiter_lines()
        heard = [await anext(lines), await anext(lines)]

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert heard[0] == "event: next"
    assert heard[1].startswith('data: {"data":{"orderEvents":{"cursor":"')
    assert heard[1].endswith('","sequence":2,"order":{"number":"1001"}}}}')


@on_sqlite
async def test_server_sent_events_end_with_what_is_wrong(client: Client) -> None:
    content = {"query": STATUS_CHANGED, "variables": {"order": "unknown"}}

    answer = await client.http.post("/graphql", json=content, headers={"Accept": "text/event-stream"})

    assert answer.status_code == 200
    error = '{"message":"The shop has no order with this id.","extensions":{"code":"NOT_FOUND"}}'
    assert answer.text.splitlines() == [
        "event: next",
        f'data: {{"errors":[{error}]}}',
        "",
        "event: complete",
        "data: ",
        "",
    ]


@on_sqlite
async def test_a_subscription_that_cannot_be_streamed_is_bad_input(client: Client) -> None:
    answer = await client.http.post("/graphql", json={"query": STATUS_CHANGED})

    assert answer.status_code == 200
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_USER_INPUT"]


@on_postgresql
async def test_what_happens_in_one_process_is_heard_in_another_over_nats(
    settings: Settings, database: Database, shop: Shop, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "TICK_SECONDS", 2 * PATIENCE_SECONDS)  # only hints trigger a look
    [order] = await store(database, shop, an_order_input("1001"))
    shared = settings.model_copy(update={"nats_url": nats_server.url})
    here, there = database_of(shared), database_of(shared)

    async with serving(shared, here) as base, serving(shared, there) as other:
        follower, seller = Client(base, a_token(shop.id)), Client(other, a_token(shop.id))
        async with follower.subscription(EVENTS, after=await now(follower)) as results:
            await asyncio.sleep(0.5)  # to begin; it reads what was stored before
            await cancel(seller, order)
            [event] = await take(results, 1)
        await follower.http.aclose()
        await seller.http.aclose()

    assert event["__typename"] == "ItemsCancelled"
    assert isinstance(here.hints, NatsHints)
    await assert_sound(database)
