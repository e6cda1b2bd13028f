"""Hostile websockets: each is closed with the code that says why, and harms no other."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.api.schema.test_subscriptions import CURSORS
from tests.hostile.headers import NO_TOKENS
from tests.hostile.judged import JUDGED, over_post, over_socket
from tests.hostile.target import Record, Target
from tests.hostile.wire import SHOP, TOKEN, head, post
from tests.support.client import Client, a_token, close_code, hear, opened, say
from tests.support.patience import PATIENCE_SECONDS

Frames = tuple[str | bytes, ...]
IMPORT = """
mutation ($input: ImportOrdersInput!) { importOrders(input: $input) { results { outcome } } }
"""


@pytest.fixture
async def client(target: Target) -> AsyncIterator[Client]:
    client = Client(target.base, TOKEN)
    yield client
    await client.http.aclose()


def a_message(**members: Any) -> str:
    return orjson.dumps(members).decode()


def subscribe(**members: Any) -> str:
    """A proper one, with these members changed; None leaves one out."""
    message = {"id": "1", "type": "subscribe", "payload": {"query": CURSORS}} | members
    return a_message(**{name: member for name, member in message.items() if member is not None})


INIT = a_message(type="connection_init", payload={"Authorization": f"Bearer {TOKEN}"})

# What is sent after the acknowledgement, and the code that the socket is closed with.
CLOSED: dict[str, tuple[int, Frames]] = {
    "nothing": (4400, ("",)),
    "no JSON": (4400, ("not JSON",)),
    "cut off": (4400, ('{"type": "ping"',)),
    "null": (4400, ("null",)),
    "number": (4400, ("5",)),
    "text": (4400, ('"ping"',)),
    "list": (4400, ("[]",)),
    "list of messages": (4400, ('[{"type": "ping"}]',)),
    "NaN": (4400, ('{"type": "ping", "payload": NaN}',)),
    "integer of 5,000 digits": (4400, (f'{{"type": "ping", "payload": {{"x": {"9" * 5000}}}}}',)),
    "lone surrogate": (4400, (r'{"type": "\ud800"}',)),
    "arrays within each other": (4400, ("[" * 60_000,)),
    "objects within each other": (4400, ('{"a":' * 10_000 + "1" + "}" * 10_000,)),
    "deep variables": (4400, (f'{{"type": "ping", "payload": {{"x": {"[" * 20_000 + "]" * 20_000}}}}}',)),
    "binary": (4400, (b'{"type": "ping"}',)),
    "binary noise": (4400, (bytes(range(256)),)),
    "no type": (4400, ("{}",)),
    "unknown type": (4400, ('{"type": "start"}',)),
    "type with a long name": (4400, (a_message(type="x" * 60_000),)),
    "type with a long name that is no ASCII": (4400, (a_message(type="\N{SNOWMAN}" * 10_000),)),
    "type is a number": (4400, ('{"type": 5}',)),
    "type is a list": (4400, ('{"type": ["ping"]}',)),
    "type of the server's": (4400, ('{"type": "connection_ack"}',)),
    "result from a client": (4400, (a_message(type="next", id="1", payload={}),)),
    "ping with text": (4400, (a_message(type="ping", payload="x"),)),
    "pong with a list": (4400, (a_message(type="pong", payload=[]),)),
    "subscribe without an id": (4400, (subscribe(id=None),)),
    "id is a number": (4400, (subscribe(id=5),)),
    "id is a list": (4400, (subscribe(id=[]),)),
    "empty id": (4400, (subscribe(id=""),)),
    "no payload": (4400, (subscribe(payload=None),)),
    "payload is text": (4400, (subscribe(payload="x"),)),
    "payload is a list": (4400, (subscribe(payload=[]),)),
    "payload without a query": (4400, (subscribe(payload={}),)),
    "query is a number": (4400, (subscribe(payload={"query": 5}),)),
    "variables are text": (4400, (subscribe(payload={"query": SHOP, "variables": "x"}),)),
    "variables are a list": (4400, (subscribe(payload={"query": SHOP, "variables": []}),)),
    "name is a number": (4400, (subscribe(payload={"query": SHOP, "operationName": 5}),)),
    "extensions are text": (4400, (subscribe(payload={"query": SHOP, "extensions": "x"}),)),
    "complete without an id": (4400, ('{"type": "complete"}',)),
    "complete with a number": (4400, ('{"type": "complete", "id": 5}',)),
    "an id twice": (4409, (subscribe(), subscribe())),
    "connection_init twice": (4429, (INIT,)),
    "a bad connection_init at last": (4429, (a_message(type="connection_init", payload={}),)),
    "frame of 65 KiB": (1009, (" " * 65 * 1024,)),
    "frame of 10 MB, compressed": (1009, (" " * 10_000_000,)),
}
BEFORE_ACK: dict[str, tuple[int, Frames]] = {
    "subscribe": (4401, (subscribe(),)),
    "no JSON": (4400, ("x",)),
    "binary": (4400, (INIT.encode(),)),
    "connection_init with text": (4400, (a_message(type="connection_init", payload="x"),)),
    "connection_init with a list": (4400, (a_message(type="connection_init", payload=[]),)),
    "connection_init twice at once": (4429, (INIT, INIT)),
    "frame of 65 KiB": (1009, ('{"type": "connection_init", "payload": "' + "x" * 65 * 1024 + '"}',)),
    **{
        f"token: {name}": (4403, (a_message(type="connection_init", payload={"Authorization": text}),))
        for name, text in NO_TOKENS.items()
        if text is None or text.isascii()
    },
    "token that is a list": (4403, (a_message(type="connection_init", payload={"Authorization": [TOKEN]}),)),
    "token under another name": (4403, (a_message(type="connection_init", payload={"token": TOKEN}),)),
}


async def closed_with(client: Client, *frames: str | bytes) -> int | None:
    """The code that a socket is closed with after these frames; None where it is left open."""
    async with opened(client) as socket:
        for frame in frames:
            await socket.send(frame)
        while True:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await socket.recv()
            except ConnectionClosed:
                return socket.close_code
            except TimeoutError:
                return None


@pytest.mark.parametrize("moment", ["after the ack", "before the ack"])
async def test_a_socket_is_closed_with_the_code_that_says_why(
    client: Client, target: Target, moment: str, record_property: Record
) -> None:
    table, first = (CLOSED, [INIT]) if moment == "after the ack" else (BEFORE_ACK, [])

    with target.watched(record_property, f"{len(table)} bad sockets {moment}"):
        ended = [closed_with(client, *first, *frames) for _, frames in table.values()]
        found = dict(zip(table, await asyncio.gather(*ended), strict=True))

    assert {name: code for name, code in found.items() if code != table[name][0]} == {}
    assert target.faults() == []


async def test_bytes_that_are_no_text_close_a_socket(client: Client) -> None:
    async with client.socket() as socket:
        await socket.send(b"\xff\xfe", text=True)

        assert await close_code(socket) == 1007


async def test_a_message_in_pieces_is_no_larger_than_a_whole_one(client: Client) -> None:
    async with client.socket() as socket:
        with suppress(ConnectionClosed):
            await socket.send(" " * 1000 for _ in range(1000))

        assert await close_code(socket) in (1009, 1006)  # 1006: what was under way hid the reason


@pytest.mark.parametrize("names", [[], ["graphql-ws"], ["soap", "graphql-ws"]], ids=["none", "old", "others"])
async def test_a_socket_of_another_protocol_is_closed(client: Client, names: list[str]) -> None:
    protocols = [Subprotocol(name) for name in names] or None
    async with connect(f"{client.base.replace('http', 'ws')}/graphql", subprotocols=protocols) as socket:
        assert await close_code(socket) == 4406


async def test_no_page_of_another_site_opens_a_socket(client: Client) -> None:
    refused = []
    for origin in ("https://evil.example", "null", f"{client.base}.evil.example", "", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as caught:
            await connect(
                f"{client.base.replace('http', 'ws')}/graphql",
                subprotocols=[Subprotocol("graphql-transport-ws")],
                origin=Origin(origin),
            )
        refused.append(caught.value.response.status_code)
    async with opened(client, client.base) as socket:
        await socket.send(INIT)
        own = await hear(socket)

    assert refused == [403] * 5
    assert own == {"type": "connection_ack"}


def test_a_handshake_that_is_none_is_refused(target: Target) -> None:
    proper = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "graphql-transport-ws",
    }
    changes: list[tuple[str, dict[str, str | None]]] = [
        ("/graphql", {"Sec-WebSocket-Key": None}),
        ("/graphql", {"Sec-WebSocket-Key": "x"}),
        ("/graphql", {"Sec-WebSocket-Version": "12"}),
        ("/graphql", {"Sec-WebSocket-Version": None}),
        ("/healthz", {}),
        ("/nothing", {}),
    ]

    answers = [target.send(head(f"GET {path} HTTP/1.1", proper | changed)) for path, changed in changes]

    assert [400 <= answer.status < 500 for answer in answers] == [True] * len(changes)
    assert target.faults() == []


async def test_sockets_that_say_nothing_are_closed_after_five_seconds(
    client: Client, target: Target, record_property: Record
) -> None:
    async def end() -> int | None:
        async with opened(client) as socket:
            return await close_code(socket)

    async with asyncio.timeout(PATIENCE_SECONDS):
        with target.watched(record_property, "100 sockets that say nothing"):
            codes = await asyncio.gather(*(end() for _ in range(100)))

    assert set(codes) == {4408}


@pytest.mark.parametrize("name", JUDGED)
async def test_an_operation_over_a_socket_is_judged_as_over_post(client: Client, target: Target, name: str) -> None:
    before = await asyncio.to_thread(target.rows)

    judged = [await over_post(client, JUDGED[name]), await over_socket(client, JUDGED[name])]

    assert judged == [JUDGED[name].code] * 2
    assert await asyncio.to_thread(target.rows) == before


async def test_what_is_wrong_with_others_leaves_a_subscription_alone(client: Client) -> None:
    everybody = [judged for judged in JUDGED.values() if judged.code and judged.code != "FORBIDDEN"]
    number = f"alone-{time.monotonic_ns()}"

    async with asyncio.timeout(PATIENCE_SECONDS), client.socket() as socket:
        await say(socket, id="good", type="subscribe", payload={"query": CURSORS})
        for judged in everybody:
            await say(socket, id="bad", type="subscribe", payload=judged.payload)
            answers = [await hear(socket)]
            answers += [await hear(socket)] if answers[0]["type"] == "next" else []
            assert {answer["id"] for answer in answers} == {"bad"}
        await say(socket, id="nobody's", type="complete")
        await say(socket, type="pong", payload={"x": 1})
        await say(socket, type="ping")
        pong = await hear(socket)
        await client.data(IMPORT, input={"orders": [an_order(number)]})
        event = await hear(socket)

    assert pong == {"type": "pong"}
    assert event["payload"]["data"]["orderEvents"]["order"]["number"] == number


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


async def test_an_event_that_asks_for_all_there_is_ends_in_an_error_and_stops_nobody(
    client: Client, target: Target, record_property: Record
) -> None:
    first = await client.data("{ orderEvents(first: 1) { edges { cursor } } }")
    everything = "items { order { " * 4 + "id" + " } }" * 4
    query = f"subscription ($after: String) {{ orderEvents(after: $after) {{ order {{ number {everything} }} }} }}"

    with target.watched(record_property, "an event with everything"):
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            client.subscription(query, after=first["orderEvents"]["edges"][0]["cursor"]) as results,
        ):
            code = await _first_code(results)

    assert code == "TOO_EXPENSIVE"
    assert await asyncio.to_thread(target.faults) == []


async def _first_code(results: AsyncIterator[dict[str, Any]]) -> str:
    async for result in results:
        if "errors" in result:
            return str(result["errors"][0]["extensions"]["code"])
    return ""


async def test_a_socket_carries_a_hundred_subscriptions(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), client.socket() as socket:
        for number in range(101):
            await say(socket, id=f"{number}", type="subscribe", payload={"query": CURSORS})
        refused = await hear(socket)
        await say(socket, id="0", type="complete")
        await say(socket, id="again", type="subscribe", payload={"query": SHOP})
        answers = [await hear(socket), await hear(socket)]

    assert (refused["id"], refused["type"]) == ("100", "error")
    assert [set(error["extensions"]) for error in refused["payload"]] == [{"code"}]
    assert [(answer["id"], answer["type"]) for answer in answers] == [("again", "next"), ("again", "complete")]


async def test_an_id_can_be_used_again_when_its_operation_has_ended(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), client.socket() as socket:
        heard = []
        for query in (SHOP, "{", "{ nothing }", SHOP):
            await say(socket, id="same", type="subscribe", payload={"query": query})
            heard.append((await hear(socket))["type"])
            heard += [(await hear(socket))["type"]] if heard[-1] == "next" else []

    assert heard == ["next", "complete", "error", "error", "next", "complete"]


async def test_floods_of_pings_and_of_subscriptions_that_are_not_read_harm_nobody(
    client: Client, target: Target, record_property: Record
) -> None:
    ping = a_message(type="ping", payload={"x": "x" * 1000})
    client.socket_options = {"compression": None, "max_queue": 1}

    async def flood(frames: list[str]) -> None:
        async with client.socket() as socket:
            with suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(3):
                    for frame in frames * 20_000:
                        await socket.send(frame)
            socket.transport.abort()

    again = [a_message(type="complete", id="1"), subscribe()]
    with target.watched(record_property, "floods over sockets"):
        await asyncio.gather(
            flood([ping]), flood([a_message(type="ping")]), flood(again), flood([subscribe(id="2"), *again])
        )

    assert (await client.data(SHOP))["shop"]["id"] == "shop_demo"
    assert await asyncio.to_thread(target.faults) == []


def a_small_one(target: Target) -> socket.socket:
    """A connection that takes little before it is read from, so that few answers are more than it takes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    connection.connect(("127.0.0.1", target.port))
    return connection


async def test_sockets_and_connections_that_take_nothing_for_ten_seconds_are_ended(
    client: Client, target: Target
) -> None:
    """What the kernel takes for them is not seen; there is more."""
    # Five hundred long names: an answer of that size which is as little work as can be.
    large = {"query": f'{{ orderByNumber(number: "5000") {{ items {{ {"a" * 5000}: sku }} }} }}'}
    client.socket_options = {"compression": None, "max_queue": 1, "sock": a_small_one(target)}
    await asyncio.to_thread(target.log)
    told = ""

    with a_small_one(target) as unread:
        unread.sendall(post(orjson.dumps(large)) * 4)
        async with asyncio.timeout(4 * PATIENCE_SECONDS), client.socket() as silent:
            silent.transport.pause_reading()
            for number in range(4):
                await say(silent, id=f"{number}", type="subscribe", payload=large)
            while told.count("connection.unread") < 2:
                await asyncio.sleep(0.2)
                told += await asyncio.to_thread(target.log)
            silent.transport.abort()

    assert '"level":"error"' not in told


async def test_a_socket_ends_with_its_token_also_while_operations_run(client: Client) -> None:
    """Thirty seconds are let pass after the end of a token; this one ended 28 seconds ago."""
    short = client.with_token(a_token(seconds=-28))

    async with asyncio.timeout(PATIENCE_SECONDS), short.socket() as socket:
        for number in range(3):
            await say(socket, id=f"{number}", type="subscribe", payload={"query": CURSORS})
        code = await close_code(socket)
    over_http = await client.http.post(
        "/graphql", json={"query": SHOP}, headers={"Authorization": f"Bearer {short.token}"}
    )

    assert code == 4403
    assert over_http.status_code == 401
