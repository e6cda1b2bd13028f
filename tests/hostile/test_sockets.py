"""Hostile websockets are closed with a code that says why, and harm nobody else."""

import asyncio
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
from tests.hostile.frames import BEFORE_ACK, CLOSED, INIT, a_message, subscribe
from tests.hostile.importing import IMPORT, an_order
from tests.hostile.judged import JUDGED, over_post, over_socket
from tests.hostile.target import Record, Target
from tests.hostile.wire import SHOP, a_connection_with_a_small_buffer, head, post
from tests.support.client import Client, a_token, close_code, hear, opened, say
from tests.support.patience import PATIENCE_SECONDS


async def closed_with(client: Client, *frames: str | bytes) -> int | None:
    """The code that a socket is closed with after these frames, None if it stays open."""
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
async def test_a_bad_socket_is_closed_with_a_code_that_says_why(
    client: Client, target: Target, moment: str, record_property: Record
) -> None:
    table, first = (CLOSED, [INIT]) if moment == "after the ack" else (BEFORE_ACK, [])

    with target.watched(record_property, f"{len(table)} bad sockets {moment}"):
        ended = [closed_with(client, *first, *frames) for _, frames in table.values()]
        found = dict(zip(table, await asyncio.gather(*ended), strict=True))

    assert {name: code for name, code in found.items() if code != table[name][0]} == {}
    assert target.faults() == []


async def test_invalid_utf8_closes_a_socket(client: Client) -> None:
    async with client.socket() as socket:
        await socket.send(b"\xff\xfe", text=True)

        assert await close_code(socket) == 1007


async def test_the_size_limit_holds_for_fragmented_messages(client: Client) -> None:
    async with client.socket() as socket:
        with suppress(ConnectionClosed):
            await socket.send(" " * 1000 for _ in range(1000))

        assert await close_code(socket) in (1009, 1006)  # 1006: data in flight can hide the reason


@pytest.mark.parametrize("names", [[], ["graphql-ws"], ["soap", "graphql-ws"]], ids=["none", "old", "others"])
async def test_a_socket_with_another_subprotocol_is_closed(client: Client, names: list[str]) -> None:
    protocols = [Subprotocol(name) for name in names] or None
    async with connect(f"{client.base.replace('http', 'ws')}/graphql", subprotocols=protocols) as socket:
        assert await close_code(socket) == 4406


async def test_pages_of_other_sites_cannot_open_a_socket(client: Client) -> None:
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


def test_an_invalid_handshake_is_refused(target: Target) -> None:
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


async def test_silent_sockets_are_closed_after_five_seconds(
    client: Client, target: Target, record_property: Record
) -> None:
    async def end() -> int | None:
        async with opened(client) as socket:
            return await close_code(socket)

    async with asyncio.timeout(PATIENCE_SECONDS):
        with target.watched(record_property, "100 silent sockets"):
            codes = await asyncio.gather(*(end() for _ in range(100)))

    assert set(codes) == {4408}


@pytest.mark.parametrize("name", JUDGED)
async def test_an_operation_gets_the_same_verdict_over_a_socket_as_over_post(
    client: Client, target: Target, name: str
) -> None:
    before = await asyncio.to_thread(target.rows)

    judged = [await over_post(client, JUDGED[name]), await over_socket(client, JUDGED[name])]

    assert judged == [JUDGED[name].code] * 2
    assert await asyncio.to_thread(target.rows) == before


async def test_a_subscription_survives_bad_operations_on_its_socket(client: Client) -> None:
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


async def test_a_subscription_that_asks_for_too_much_fails_without_blocking_others(
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


async def test_a_socket_carries_up_to_a_hundred_subscriptions(client: Client) -> None:
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


async def test_an_id_can_be_reused_once_its_operation_has_ended(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), client.socket() as socket:
        heard = []
        for query in (SHOP, "{", "{ nothing }", SHOP):
            await say(socket, id="same", type="subscribe", payload={"query": query})
            heard.append((await hear(socket))["type"])
            heard += [(await hear(socket))["type"]] if heard[-1] == "next" else []

    assert heard == ["next", "complete", "error", "error", "next", "complete"]


async def test_floods_from_clients_that_read_nothing_harm_nobody(
    client: Client, target: Target, record_property: Record
) -> None:
    ping = a_message(type="ping", payload={"x": "x" * 1000})
    again = [a_message(type="complete", id="1"), subscribe()]
    floods = [[ping], [a_message(type="ping")], again, [subscribe(id="2"), *again]]
    client.socket_options = {"compression": None, "max_queue": 1}
    all_open = asyncio.Barrier(len(floods))  # a flood leaves other clients in this process no time to connect

    async def flood(frames: list[str]) -> None:
        async with client.socket() as socket:
            await all_open.wait()
            with suppress(TimeoutError, ConnectionClosed):
                async with asyncio.timeout(3):
                    for frame in frames * 20_000:
                        await socket.send(frame)
            socket.transport.abort()

    with target.watched(record_property, "floods over sockets"):
        await asyncio.gather(*map(flood, floods))

    assert (await client.data(SHOP))["shop"]["id"] == "shop_demo"
    assert await asyncio.to_thread(target.faults) == []


async def test_sockets_and_connections_that_read_nothing_for_ten_seconds_are_dropped(
    client: Client, target: Target
) -> None:
    # Large enough to overflow the kernel's buffers, yet cheap: one long alias on five hundred items.
    large = {"query": f'{{ orderByNumber(number: "5000") {{ items {{ {"a" * 5000}: sku }} }} }}'}
    client.socket_options = {"compression": None, "max_queue": 1}
    await asyncio.to_thread(target.log)
    log = ""

    with a_connection_with_a_small_buffer(target.port) as unread:
        unread.sendall(post(orjson.dumps(large)) * 4)
        connection = a_connection_with_a_small_buffer(target.port)
        async with asyncio.timeout(4 * PATIENCE_SECONDS), client.socket(sock=connection) as silent:
            silent.transport.pause_reading()
            for number in range(4):
                await say(silent, id=f"{number}", type="subscribe", payload=large)
            while log.count("connection.unread") < 2:
                await asyncio.sleep(0.2)
                log += await asyncio.to_thread(target.log)
            silent.transport.abort()

    assert '"level":"error"' not in log


async def test_a_socket_is_closed_when_its_token_expires_even_with_operations_running(client: Client) -> None:
    """Tokens have thirty seconds of leeway; this one expired 28 seconds ago."""
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
