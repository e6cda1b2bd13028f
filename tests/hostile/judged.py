"""Operations that must get the same verdict over POST, a websocket and server-sent events."""

import asyncio
from typing import Any, NamedTuple

import orjson

from tests.hostile.wire import DAY
from tests.support.client import EVERYTHING, Client, a_token, hear, say
from tests.support.patience import PATIENCE_SECONDS

Payload = dict[str, Any]  # query, variables, operationName
CANCEL = """
mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) { errors { code } cancellation { id } } }
"""
RESEND = 'resendNotification(input: {cancellationId: "x"}) { errors { code } }'
_READER = a_token(scope="orders:read", seconds=DAY)
_CANCELLER = a_token(scope="orders:cancel", seconds=DAY)
EVERYBODY = a_token(scope=EVERYTHING, seconds=DAY)


class Judged(NamedTuple):
    """An operation and the error code it gets, empty if it succeeds."""

    payload: Payload
    code: str
    token: str = EVERYBODY


def _bad(query: str, **more: Any) -> Judged:
    return Judged({"query": query} | more, "BAD_USER_INPUT")


def _dear(query: str, **more: Any) -> Judged:
    return Judged({"query": query} | more, "TOO_EXPENSIVE")


_ALL_EVENTS = "{ orders(first: $n) { edges { node { events(first: 100) { edges { cursor } } } } } }"

JUDGED = {
    "query": Judged({"query": "{ shop { id } }"}, ""),
    "mutation": Judged({"query": f"mutation {{ {RESEND} }}"}, ""),
    "one operation of two": Judged(
        {"query": "query A { shop { id } } query B { shop { name } }", "operationName": "B"}, ""
    ),
    "introspection": Judged({"query": "{ __schema { queryType { name } } }"}, ""),
    "query without its scope": Judged({"query": "{ shop { id } }"}, "FORBIDDEN", _CANCELLER),
    "mutation without its scope": Judged({"query": f"mutation {{ {RESEND} }}"}, "FORBIDDEN", _READER),
    "cancellation without its scope": Judged(
        {"query": CANCEL, "variables": {"input": {"orderId": "x", "reason": "OTHER", "idempotencyKey": "k"}}},
        "FORBIDDEN",
        _READER,
    ),
    "syntax": _bad("{"),
    "nothing": _bad("# nothing"),
    "unknown field": _bad("{ nothing }"),
    "wrong variable": _bad("query ($n: Int) { orders(first: $n) { totalCount } }", variables={"n": "x"}),
    "missing variable": _bad("query ($n: Int!) { orders(first: $n) { totalCount } }"),
    "unknown operation": _bad("query A { shop { id } }", operationName="B"),
    "two operations": _bad("query A { shop { id } } query B { shop { id } }"),
    "two mutations": _bad(f"mutation {{ a: {RESEND} b: {RESEND} }}"),
    "too many tokens": _bad("{ shop { " + "id " * 2100 + "} }"),
    "fragment that spreads itself": _bad("{ shop { ...F } } fragment F on Shop { ...F }"),
    "forged cursor": _bad('{ orders(after: "forged") { totalCount } }'),
    "page too large": _bad("{ orders(first: 101) { totalCount } }"),
    "too deep": _dear('{ order(id: "x") { ' + "items { order { " * 7 + "id" + " } }" * 7 + " } }"),
    "too many aliases": _dear("{ shop { " + " ".join(f"a{n}: id" for n in range(31)) + " } }"),
    "too many directives": _dear("{ shop { " + "id @skip(if: false) " * 51 + "} }"),
    "too many operations": _dear(" ".join(f"query A{n} {{ shop {{ id }} }}" for n in range(11)), operationName="A1"),
    "too expensive": _dear(_ALL_EVENTS.replace("$n", "100")),
    "too expensive by a variable": _dear(f"query ($n: Int) {_ALL_EVENTS}", variables={"n": 100}),
    "document too large": Judged({"query": "{ shop { id } }" + " " * 33 * 1024}, "PAYLOAD_TOO_LARGE"),
}


def codes(body: Payload) -> str:
    """The error codes of an answer, empty if it has data and no errors."""
    assert body.get("data") or body["errors"]
    return " ".join(sorted({error["extensions"]["code"] for error in body.get("errors", [])}))


async def over_post(client: Client, judged: Judged) -> str:
    headers = {"Authorization": f"Bearer {judged.token}"}
    return codes((await client.http.post("/graphql", json=judged.payload, headers=headers)).json())


async def over_socket(client: Client, judged: Judged) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS), client.with_token(judged.token).socket() as socket:
        await say(socket, id="1", type="subscribe", payload=judged.payload)
        answer = await hear(socket)
        if answer["type"] == "error":
            return codes({"errors": answer["payload"]})
        end = await hear(socket)
    assert (answer["type"], end) == ("next", {"id": "1", "type": "complete"})
    return codes(answer["payload"])


async def over_stream(client: Client, judged: Judged) -> str:
    """The verdict, whether it comes as JSON instead of a stream or as the stream's only event."""
    headers = {"Authorization": f"Bearer {judged.token}", "Accept": "text/event-stream"}
    answer = await client.http.post("/graphql", json=judged.payload, headers=headers)
    if answer.headers["content-type"].startswith("application/"):
        return codes(answer.json())
    assert "\r" not in answer.text
    events = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: {")]
    assert answer.text.split("\n\n")[-2].startswith("event: complete\n")
    [body] = map(orjson.loads, events)
    return codes(body)
