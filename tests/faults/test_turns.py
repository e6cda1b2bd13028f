"""Concurrent requests take turns: none has the event loop or all connections to itself."""

import asyncio

import httpx

from api.app import create_app
from api.settings import Settings
from domain.storage.engine.database import Database
from tests.api.conftest import serving
from tests.faults.proxy import Proxy
from tests.hostile.wire import operation
from tests.support.client import SECRET, Client, a_token
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, an_order_input, store

PREVIEW = 'previewCancelItems(orderId: "%s", reason: OUT_OF_STOCK, items: []) { orderVersion errors { code } }'


async def test_the_previews_of_a_request_share_a_connection(postgresql_url: str) -> None:
    """Catches thirty aliases that take every connection of the pool from the other shops."""
    async with Proxy(postgresql_url).running() as proxy:
        settings = Settings(database_url=proxy.url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS)
        database = Database(proxy.url)
        shop = await a_shop(database)
        [order] = await store(database, shop, an_order_input("1001"))
        async with serving(settings, database) as base:
            client = Client(base, a_token(shop.id))
            await client.data("{ shop { id } }")
            before = proxy.most_links

            aliases = " ".join(f"a{each}: {PREVIEW % f'order_{order.id.hex}'}" for each in range(30))
            answered = await client.data(f"{{ {aliases} }}")

            await client.http.aclose()
    assert len(answered) == 30
    assert proxy.most_links == before


async def test_others_get_a_turn_between_large_requests(sqlite_url: str) -> None:
    """Catches requests whose bodies arrive together and are all validated before anybody else gets a turn."""
    database = Database(sqlite_url)
    await a_shop(database)
    application = create_app(Settings(database_url=sqlite_url, jwt_secret=SECRET), database)
    headers = {"Authorization": f"Bearer {a_token('demo')}", "Content-Type": "application/json"}
    body = operation("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables={"ids": ["x"] * 50_000})
    turn, ended = 0, []

    async def ask(http: httpx.AsyncClient) -> None:
        answer = await http.post("/graphql", content=body)
        assert "at most 1000 values" in answer.text
        ended.append(turn)

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        await http.post("/graphql", content=operation("{ shop { id } }"))  # caches the token
        counting = asyncio.create_task(count())
        await asyncio.gather(*(ask(http) for _ in range(5)))
        counting.cancel()

    assert len(set(ended)) == 5
    await database.close()
