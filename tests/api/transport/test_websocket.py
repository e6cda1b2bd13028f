"""Websockets: tokens, messages and origins that open or close them."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from api.settings import Settings
from tests.api.conftest import on_sqlite
from tests.support.client import Client, a_token, close_code, hear, opened, say

pytestmark = on_sqlite


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allowed_origins": ("https://app.example",)})


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_a_socket_takes_the_token_under_any_case_of_its_name(client: Client, name: str) -> None:
    async with opened(client) as socket:
        await say(socket, type="connection_init", payload={name: f"Bearer {client.token}"})

        assert await hear(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"payload": None},
        {"payload": {}},
        {"payload": {"Authorization": "Bearer nonsense"}},
        {"payload": {"Authorization": 5}},
        {"payload": {"Authorization": None}},
    ],
    ids=["no payload", "null payload", "no token", "bad token", "number", "null"],
)
async def test_a_socket_with_a_bad_token_is_closed(client: Client, message: dict[str, Any]) -> None:
    async with opened(client) as socket:
        await say(socket, type="connection_init", **message)

        assert await close_code(socket) == 4403


async def test_a_subscribe_before_the_ack_closes_the_socket(client: Client) -> None:
    async with opened(client) as socket:
        await say(socket, id="1", type="subscribe", payload={"query": "{ shop { id } }"})

        assert await close_code(socket) == 4401


async def test_a_socket_ends_with_its_token(client: Client) -> None:
    almost_expired = client.with_token(a_token(seconds=-28))

    async with almost_expired.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": "subscription { orderEvents { id } }"})

        assert await close_code(socket) == 4403


@pytest.mark.parametrize(
    "message",
    [b"5", b"[]", b'"x"', b"{}", b"not JSON", b'{"type": 5}', b'{"type": "' + b"x" * 1000 + b'"}', b"[" * 5000]
    + [b'{"type": "subscribe", "id": "1", "payload": ' + payload + b"}" for payload in (b"5", b"{}", b'{"query": 5}')]
    + [b'{"type": "subscribe", "id": [], "payload": {"query": "{ __typename }"}}', b'{"type": "complete"}'],
)
async def test_an_invalid_message_closes_the_socket(client: Client, message: bytes) -> None:
    async with client.socket() as socket:
        await socket.send(message.decode())

        assert await close_code(socket) == 4400


async def test_a_socket_opens_without_an_origin_and_for_its_own_and_allowed_ones(client: Client) -> None:
    for origin in (None, client.base, "https://app.example"):
        async with opened(client, origin) as socket:
            await say(socket, type="connection_init", payload={"Authorization": f"Bearer {client.token}"})

            assert await hear(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "https://app.example:444", "null"])
async def test_a_socket_is_closed_to_other_origins(client: Client, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with opened(client, origin):
            pass
