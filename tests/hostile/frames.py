"""Websocket frames that no decent client sends, and the codes they close a socket with."""

from typing import Any

import orjson

from tests.api.schema.test_subscriptions import CURSORS
from tests.hostile.headers import NO_TOKENS
from tests.hostile.wire import SHOP, TOKEN

Frames = tuple[str | bytes, ...]


def a_message(**members: Any) -> str:
    return orjson.dumps(members).decode()


def subscribe(**members: Any) -> str:
    """A valid subscribe message, with these members changed; None omits one."""
    message = {"id": "1", "type": "subscribe", "payload": {"query": CURSORS}} | members
    return a_message(**{name: member for name, member in message.items() if member is not None})


INIT = a_message(type="connection_init", payload={"Authorization": f"Bearer {TOKEN}"})

# Frames to send after the acknowledgement, and the code they close the socket with.
CLOSED: dict[str, tuple[int, Frames]] = {
    "nothing": (4400, ("",)),
    "not JSON": (4400, ("not JSON",)),
    "cut off": (4400, ('{"type": "ping"',)),
    "null": (4400, ("null",)),
    "number": (4400, ("5",)),
    "text": (4400, ('"ping"',)),
    "list": (4400, ("[]",)),
    "list of messages": (4400, ('[{"type": "ping"}]',)),
    "NaN": (4400, ('{"type": "ping", "payload": NaN}',)),
    "integer of 5,000 digits": (4400, (f'{{"type": "ping", "payload": {{"x": {"9" * 5000}}}}}',)),
    "lone surrogate": (4400, (r'{"type": "\ud800"}',)),
    "nested arrays": (4400, ("[" * 60_000,)),
    "nested objects": (4400, ('{"a":' * 10_000 + "1" + "}" * 10_000,)),
    "deep variables": (4400, (f'{{"type": "ping", "payload": {{"x": {"[" * 20_000 + "]" * 20_000}}}}}',)),
    "binary": (4400, (b'{"type": "ping"}',)),
    "binary noise": (4400, (bytes(range(256)),)),
    "no type": (4400, ("{}",)),
    "unknown type": (4400, ('{"type": "start"}',)),
    "long type": (4400, (a_message(type="x" * 60_000),)),
    "long type that is not ASCII": (4400, (a_message(type="\N{SNOWMAN}" * 10_000),)),
    "type is a number": (4400, ('{"type": 5}',)),
    "type is a list": (4400, ('{"type": ["ping"]}',)),
    "type that only servers send": (4400, ('{"type": "connection_ack"}',)),
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
    "connection_init again, without a token": (4429, (a_message(type="connection_init", payload={}),)),
    "frame of 65 KiB": (1009, (" " * 65 * 1024,)),
    "frame of 10 MB, compressed": (1009, (" " * 10_000_000,)),
}
BEFORE_ACK: dict[str, tuple[int, Frames]] = {
    "subscribe": (4401, (subscribe(),)),
    "not JSON": (4400, ("x",)),
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
