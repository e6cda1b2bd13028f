"""Server-sent events and hostile clients: who gets a stream, its format, and how it ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.api.schema.test_subscriptions import CURSORS, now
from tests.hostile.importing import IMPORT, an_order
from tests.hostile.judged import JUDGED, over_post, over_stream
from tests.hostile.target import Record, Target
from tests.hostile.wire import SHOP, TOKEN, connected, head, operation, post
from tests.support.client import Client, a_token
from tests.support.patience import PATIENCE_SECONDS

STREAM = "text/event-stream"
FOLLOW = operation(CURSORS)


@asynccontextmanager
async def following(client: Client, after: str | None = None, **headers: str) -> AsyncIterator[httpx.Response]:
    """A stream whose headers have arrived."""
    sent = {"Accept": STREAM} | headers
    content = {"query": CURSORS, "variables": {"after": after}}
    async with client.http.stream("POST", "/graphql", json=content, headers=sent) as stream:
        yield stream


# Accept headers, and the type of the answer to a query.
NEGOTIATED = {
    "text/event-stream": STREAM,
    "TEXT/EVENT-STREAM": STREAM,
    "text/event-stream;q=0.5": STREAM,
    "text/event-stream, text/html": STREAM,
    "application/json;q=0, text/event-stream": STREAM,
    "application/graphql-response+json, application/json, text/event-stream": "application/graphql-response+json",
    "application/json, text/event-stream": "application/json",
    "text/event-stream, application/json": "application/json",
    "text/event-stream, application/json;q=0.1": "application/json",
    "text/event-stream, */*;q=0.1": "application/json",
    "text/event-stream;q=0, */*": "application/json",
    "multipart/mixed, text/event-stream, application/json": "application/json",
}


async def test_a_query_is_streamed_only_to_clients_that_do_not_accept_json(client: Client) -> None:
    answers = {
        accept: await client.http.post("/graphql", json={"query": SHOP}, headers={"Accept": accept})
        for accept in NEGOTIATED
    }

    found = {accept: answer.headers["content-type"].split(";")[0] for accept, answer in answers.items()}
    new = "application/graphql-response+json"
    assert {accept: kind for accept, kind in found.items() if kind not in (NEGOTIATED[accept], new)} == {}
    assert [accept for accept in found if (found[accept] == STREAM) != (NEGOTIATED[accept] == STREAM)] == []
    assert {answer.status_code for answer in answers.values()} == {200}


async def test_a_subscription_is_streamed_to_clients_that_also_accept_json(client: Client) -> None:
    """Sends the header that urql sends; graphql-sse accepts only streams."""
    accept = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream"

    async with asyncio.timeout(PATIENCE_SECONDS), following(client, Accept=accept) as stream:
        kind = stream.headers["content-type"]

    assert kind.startswith((STREAM, "application/"))


async def test_a_stream_follows_the_protocol_and_ends_with_complete(client: Client) -> None:
    answer = await client.http.post("/graphql", json={"query": SHOP}, headers={"Accept": STREAM})

    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == STREAM
    assert answer.headers["cache-control"].startswith("no-")
    assert answer.headers["x-accel-buffering"] == "no"
    blocks = [block for block in answer.text.split("\n\n") if not block.startswith(":")]
    assert "\r" not in answer.text
    assert blocks[0] == 'event: next\ndata: {"data":{"shop":{"id":"shop_demo"}}}'
    assert blocks[1].split("\n")[0] == "event: complete"
    assert blocks[2:] == [""]


def test_invalid_requests_are_refused_as_json_before_a_stream_begins(target: Target) -> None:
    refused = [
        post(b"null", Accept=STREAM),
        post(b"", Accept=STREAM),
        post(b'{"query": 5}', Accept=STREAM),
        post(FOLLOW, Accept=STREAM, Content_Type="text/plain"),
        post(FOLLOW, Accept=STREAM, Authorization="Bearer nonsense"),
        post(FOLLOW + b" " * 1024 * 1024, Accept=STREAM),
        head(
            "GET /graphql?query=mutation%20%7B%20cancelOrder%20%7B%20replayed%20%7D%20%7D HTTP/1.1", {"Accept": STREAM}
        ),
    ]

    answers = [target.send(request) for request in refused]

    assert [(answer.status, *answer.codes) for answer in answers] == [
        (400, "BAD_USER_INPUT"),
        (400, "BAD_USER_INPUT"),
        (400, "BAD_USER_INPUT"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (401, "UNAUTHENTICATED"),
        (413, "PAYLOAD_TOO_LARGE"),
        (405, "METHOD_NOT_ALLOWED"),
    ]


@pytest.mark.parametrize("name", JUDGED)
async def test_an_operation_gets_the_same_verdict_over_a_stream_as_over_post(
    client: Client, target: Target, name: str
) -> None:
    before = await asyncio.to_thread(target.rows)

    judged = [await over_post(client, JUDGED[name]), await over_stream(client, JUDGED[name])]

    assert judged == [JUDGED[name].code] * 2
    assert await asyncio.to_thread(target.rows) == before


async def test_a_stream_without_events_is_kept_alive(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), following(client) as stream:
        text = await anext(stream.aiter_text())

    assert text.startswith(":")
    assert text.endswith("\n")
    assert "\r" not in text


async def test_a_stream_ends_when_its_token_expires(client: Client) -> None:
    """Tokens have thirty seconds of leeway; this one expired 27 seconds ago."""
    expiring = f"Bearer {a_token(seconds=-27)}"

    async with asyncio.timeout(PATIENCE_SECONDS), following(client, Authorization=expiring) as stream:
        text = "".join([part async for part in stream.aiter_text()])

    assert "UNAUTHENTICATED" in text or "event: next" not in text


async def test_abandoned_streams_free_their_resources(client: Client, target: Target, record_property: Record) -> None:
    """Leaked streams would use up sockets, memory or the feed's capacity."""

    def leave() -> None:
        with connected(target.port) as connection:
            connection.sendall(post(FOLLOW, Accept=STREAM))
            connection.recv(65536)

    number, start = f"left-{time.monotonic_ns()}", await now(client)
    with target.watched(record_property, "300 abandoned streams"):
        await asyncio.gather(*(asyncio.to_thread(leave) for _ in range(300)))
        async with asyncio.timeout(PATIENCE_SECONDS), following(client, start) as stream:
            lines = stream.aiter_lines()
            await client.data(IMPORT, input={"orders": [an_order(number)]})
            heard = [line async for line in _until(lines, number)]

    assert heard[-1].startswith("data: {")
    assert await asyncio.to_thread(target.faults) == []


async def _until(lines: AsyncIterator[str], text: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if text in line:
            return


async def test_a_hundred_concurrent_streams_hear_the_same(
    client: Client, target: Target, record_property: Record
) -> None:
    number, start = f"many-{time.monotonic_ns()}", await now(client)
    limits = httpx.Limits(max_connections=None)

    async with httpx.AsyncClient(base_url=target.base, limits=limits, timeout=PATIENCE_SECONDS) as http:
        many = Client(target.base, TOKEN, http)
        begun = asyncio.Semaphore(0)

        async def hear() -> str:
            async with following(many, start, Authorization=f"Bearer {TOKEN}") as stream:
                begun.release()
                return [line async for line in _until(stream.aiter_lines(), number)][-1]

        with target.watched(record_property, "100 streams"):
            async with asyncio.timeout(PATIENCE_SECONDS):
                hearing = [asyncio.create_task(hear()) for _ in range(100)]
                for _ in hearing:
                    await begun.acquire()
                await client.data(IMPORT, input={"orders": [an_order(number)]})
                heard = await asyncio.gather(*hearing)

    assert len(set(heard)) == 1
    await asyncio.to_thread(target.assert_sound)
