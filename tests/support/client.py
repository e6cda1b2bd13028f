"""A client of the served API, over HTTP and websockets."""

import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from api import auth
from tests.support.patience import PATIENCE_SECONDS

SECRET = "a secret that only the tests know, of enough bytes"
# For plain-HTTP clients, each of which would otherwise load every authority that browsers trust.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
EVERYTHING = "orders:read orders:cancel orders:import fulfillment:write refunds:settle"


def a_token(shop_id: str = "demo", scope: str = EVERYTHING, *, seconds: int = 600) -> str:
    return auth.mint(SECRET, shop_id=shop_id, subject="tester", scopes=scope.split(), seconds=seconds, now=time.time())


class Client:
    """Talks to one server with one token."""

    def __init__(self, base: str, token: str, http: httpx.AsyncClient | None = None) -> None:
        self.base = base
        self.token = token
        self.socket_options: dict[str, Any] = {}  # for websockets' `connect`
        self.http = http or httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_SECONDS, verify=NO_TLS
        )

    def with_token(self, token: str) -> "Client":
        """The same client with another token; closing this one closes both."""
        return Client(self.base, token, self.http)

    async def post(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole response, including errors."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body: dict[str, Any] = answer.json()
        return body

    async def data(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of a response, which must have no errors."""
        body = await self.post(query, **variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    @asynccontextmanager
    async def socket(self, **options: Any) -> AsyncIterator[ClientConnection]:  # for websockets' `connect`
        """A websocket whose connection is acknowledged; `options` are for this one, `socket_options` for all."""
        url = self.base.replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=[GRAPHQL_WS], **self.socket_options, **options) as socket:
            payload = {"Authorization": f"Bearer {self.token}"}
            await say(socket, type="connection_init", payload=payload)
            assert (await hear(socket))["type"] == "connection_ack"
            yield socket

    @asynccontextmanager
    async def subscription(self, query: str, **variables: object) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The results of one subscription, each with its data or errors."""
        async with self.socket() as socket:
            await say(socket, id="1", type="subscribe", payload={"query": query, "variables": variables})
            yield _results(socket)


GRAPHQL_WS = Subprotocol("graphql-transport-ws")


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(orjson.dumps(message).decode())


async def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await socket.recv())
    return message


async def _results(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    async for text in socket:
        message: Mapping[str, Any] = orjson.loads(text)
        if message["type"] == "complete":
            return
        payload = message["payload"]
        if message["type"] == "error":
            yield {"errors": payload}
            return
        yield payload


def opened(client: Client, origin: str | None = None) -> connect:
    address = client.base.replace("http", "ws") + "/graphql"
    return connect(address, subprotocols=[GRAPHQL_WS], origin=Origin(origin) if origin else None)


async def close_code(socket: ClientConnection) -> int | None:
    await socket.wait_closed()
    return socket.close_code
