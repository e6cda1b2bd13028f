"""Operations past their deadline: the caller learns of it in time, and nothing of them happens later."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from api.settings import Settings
from domain.rules import ids
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql, serving
from tests.support.cancelling import a_small_order
from tests.support.client import Client, a_token, hear, say
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.troubles import held

CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { replayed errors { code } order { version } } }
"""
READ = "{ orders { totalCount } }"
CONNECTIONS = 20
TRIES = 2 * CONNECTIONS


@pytest.fixture
async def hurried(settings: Settings, database: Database, shop: Shop) -> AsyncIterator[Client]:
    """A client of a server that gives operations half a second."""
    async with serving(settings.model_copy(update={"operation_timeout": 0.5}), database) as base:
        client = Client(base, a_token(shop.id))
        yield client
        await client.http.aclose()


async def open_all_connections(database: Database) -> None:
    """Opens the connections, so that no test waits for one."""
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(database.reading("demo"))


async def answered(client: Client) -> dict[str, Any]:
    """The data of a query, resent while connections are being replaced."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (body := await client.post(READ)).get("errors"):
            assert codes(body) == ["TIMEOUT"]
    data: dict[str, Any] = body["data"]
    return data


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


async def test_a_cancellation_past_its_deadline_is_not_done_later_either(
    hurried: Client, database: Database, shop: Shop, database_url: str
) -> None:
    order = await a_small_order(database, shop)
    entry = {"itemId": ids.of_item(order.id, 1), "quantity": 1}
    given = {"orderId": ids.of_order(order.id), "reason": "OUT_OF_STOCK", "items": [entry], "idempotencyKey": "1"}

    async with held(database_url, "UPDATE orders SET version = version"):
        late = await hurried.post(CANCEL, input=given)
    while (again := await hurried.post(CANCEL, input=given)).get("errors"):
        assert codes(again) == ["TIMEOUT"]

    assert codes(late) == ["TIMEOUT"]
    assert "data" not in late
    assert again["data"]["cancelItems"] == {"replayed": False, "errors": [], "order": {"version": 2}}
    await assert_sound(database)


@on_postgresql
async def test_queries_past_their_deadline_release_their_connections(
    hurried: Client, database: Database, database_url: str, as_owner: Callable[[str], str]
) -> None:
    await open_all_connections(database)

    async with held(as_owner(database_url), "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
        late = await asyncio.gather(*(hurried.post(READ) for _ in range(TRIES)))
    after = [await answered(hurried) for _ in range(TRIES)]

    assert [codes(body) for body in late] == [["TIMEOUT"]] * TRIES
    assert after == [{"orders": {"totalCount": 0}}] * TRIES
    await assert_sound(database)


@on_postgresql
async def test_a_socket_has_the_same_deadline_as_post(
    hurried: Client, database_url: str, as_owner: Callable[[str], str]
) -> None:
    async with hurried.socket() as socket:
        async with held(as_owner(database_url), "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            await say(socket, id="1", type="subscribe", payload={"query": READ})
            late = await hear(socket)
        await say(socket, id="1", type="subscribe", payload={"query": READ})
        after = await hear(socket)

    assert (late["type"], codes({"errors": late["payload"]})) == ("error", ["TIMEOUT"])
    assert after["payload"] == {"data": {"orders": {"totalCount": 0}}}
