"""Subscribers over websockets and server-sent events that come and go, that never read, or come in hundreds."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage

from api.settings import Settings
from domain.rules.order import Order, OrderEvent, Shop
from domain.storage import events, orders
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql, serving
from tests.api.schema.test_subscriptions import now, take
from tests.domain.test_feed import arrive, readers
from tests.support.cancelling import a_request, cancel_well, units
from tests.support.client import SECRET, Client, a_token
from tests.support.command import started
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, an_item_input, an_order_input, store

Record = Callable[[str, object], None]
Results = AsyncGenerator[dict[str, Any]]
Subscribe = Callable[[Client, str, str], Results]
SOCKETS = 200
FOLLOW = "subscription ($after: String) { orderEvents(after: $after) { cursor sequence order { number } } }"
# A megabyte for each event, which fills the buffers between a server and a client that does not read
HEAVY = FOLLOW.replace("number", "number " + " ".join(f"a{each}: cancellations {{ note }}" for each in range(12)))
HOLD = """
mutation ($order: ID!, $status: OrderStatus!) { updateOrderStatus(input: { orderId: $order, status: $status }) {
  errors { code } } }
"""
_GONE = (ConnectionClosed, InvalidMessage, OSError, httpx.TransportError, StopAsyncIteration)


async def over_socket(client: Client, query: str, after: str) -> Results:
    async with client.subscription(query, after=after) as results:
        async for result in results:
            yield result


async def over_stream(client: Client, query: str, after: str) -> Results:
    body = {"query": query, "variables": {"after": after}}
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {client.token}"}
    async with client.http.stream("POST", "/graphql", json=body, headers=headers, timeout=PATIENCE_SECONDS) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: {"):
                yield orjson.loads(line.removeprefix("data: "))


def heard_of(event: dict[str, Any]) -> tuple[str, int]:
    return event["order"]["number"], event["sequence"]


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await a_shop(database)


@pytest.fixture
async def client(database_url: str, database: Database, shop: Shop) -> AsyncIterator[Client]:
    async with serving(Settings(database_url=database_url, jwt_secret=SECRET), database) as base:
        client = Client(base, a_token(shop.id))
        yield client
        await client.http.aclose()


@dataclass
class Following:
    """Subscribers that come and go at random, at any of the servers whose addresses are in `bases`."""

    chance: Random
    bases: list[str] = field(default_factory=list)
    resumed: int = 0
    cut_off: int = 0

    async def follow(self, subscribe: Subscribe, cursor: str) -> list[tuple[str, int]]:
        """Everything that a subscriber heard after the cursor, up to the order `end`."""
        heard: list[tuple[str, int]] = []
        while ("end", 1) not in heard:
            self.resumed += 1
            try:
                async with self._some_client() as client, aclosing(subscribe(client, FOLLOW, cursor)) as results:
                    staying = self.chance.randint(1, 20)
                    while staying and ("end", 1) not in heard:
                        [event] = (await anext(results))["data"].values()
                        cursor = event["cursor"]
                        heard.append(heard_of(event))
                        staying -= 1
            except _GONE:
                self.cut_off += 1
                await asyncio.sleep(0.05)
        return heard

    @asynccontextmanager
    async def _some_client(self) -> AsyncIterator[Client]:
        client = Client(self.chance.choice(self.bases), a_token())
        try:
            yield client
        finally:
            await client.http.aclose()


async def make_heavy(database: Database, shop: Shop, order: Order) -> None:
    """Gives the order ten notes of 6 kB."""
    for number in range(10):
        request = a_request(units(order, ("SKU-dress", 1)), f"{number}", note="\N{SNOWMAN}" * 2000)
        await cancel_well(database, shop, request)


async def toggle(client: Client, held: list[Order], times: int) -> None:
    """Holds and releases each order this many times."""
    for status in ["ON_HOLD", "AWAITING_SHIPMENT"] * times:
        for order in held:
            data = await client.data(HOLD, order=f"order_{order.id.hex}", status=status)
            assert data["updateOrderStatus"]["errors"] == []


Servers = Callable[[str], AbstractAsyncContextManager[Client]]


@pytest.fixture
def servers(database_url: str, tmp_path: Path) -> Servers:
    """Each call starts a server in its own process, killed at the end, and yields a client for it."""

    @asynccontextmanager
    async def server(name: str) -> AsyncIterator[Client]:
        (tmp_path / name).mkdir()
        with ExitStack() as stack:
            serving = started(tmp_path / name, "serve", database_url=database_url, jwt_secret=SECRET)
            _, http = await asyncio.to_thread(stack.enter_context, serving)
            client = Client(str(http.base_url), a_token())
            yield client
            await client.http.aclose()

    return server


async def all_heard(database: Database, shop: Shop, after: int) -> list[tuple[str, int]]:
    """Everything to be heard after this number."""
    async with database.reading(shop.id) as connection:
        found = await events.list_events(connection, shop.id, after=after, limit=10_000)
        known = await orders.find_orders(connection, shop.id, {event.order_id for event in found})
    return [(known[event.order_id].number, event.sequence) for event in found]


@on_postgresql
async def test_subscribers_that_come_and_go_hear_everything_once_even_if_a_server_is_killed(
    database: Database, shop: Shop, servers: Servers, chance: Random, rounds: int, record_property: Record
) -> None:
    """Catches cursors that only one server knows, and those that skip or repeat what was in flight."""
    ours = await store(database, shop, *(an_order_input(f"{number}") for number in range(5)))
    start, following = events.cursor_of(shop, len(ours)), Following(chance)

    async with asyncio.timeout(2 * PATIENCE_SECONDS * rounds), servers("lasting") as lasting:
        async with servers("killed") as killed:
            following.bases = [killed.base, lasting.base]
            tasks = [asyncio.create_task(following.follow(each, start)) for each in (over_socket, over_stream) * 4]
            await toggle(killed, ours, 3 * rounds)
        await toggle(lasting, ours, 3 * rounds)
        async with servers("restarted") as restarted:
            following.bases = [restarted.base, lasting.base]
            await toggle(restarted, ours, 3 * rounds)
            await store(database, shop, an_order_input("end"))
            heard = await asyncio.gather(*tasks)

    expected = await all_heard(database, shop, len(ours))
    record_property("events", len(expected))
    record_property("resumed", following.resumed)
    record_property("cut off", following.cut_off)
    assert len(expected) == len(ours) * 18 * rounds + 1
    assert heard == [expected] * len(tasks)
    await assert_sound(database)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("subscribe", [over_socket, over_stream])
async def test_a_subscriber_that_does_not_read_is_ended_and_can_resume(
    client: Client, database: Database, shop: Shop, subscribe: Subscribe, record_property: Record
) -> None:
    """Catches events that pile up for a subscriber that does not read, are lost to it, or hold up others."""
    [order] = await store(database, shop, an_order_input("1001", an_item_input(quantity=20)))
    await make_heavy(database, shop, order)
    start = await now(client)
    client.socket_options = {"compression": None, "max_queue": 1}  # events keep their size, and are not read ahead

    async with aclosing(subscribe(client, HEAVY, start)) as slow, aclosing(over_socket(client, FOLLOW, start)) as quick:
        beginning = asyncio.ensure_future(anext(slow))
        await toggle(client, [order], 16)
        seen = await take(quick, 32)
        for batch in range(16):
            await arrive(database, shop, f"{batch}", 50)
            seen += await take(quick, 50)
        kept = sum(type(each) is OrderEvent for each in gc.get_objects())
        answers = [await beginning, *[answer async for answer in slow]]
    read = [answer["data"]["orderEvents"] for answer in answers[:-1]]
    [error] = answers[-1]["errors"]
    async with aclosing(over_socket(client, FOLLOW, error["extensions"]["cursor"])) as again:
        rest = await take(again, len(seen) - len(read))

    record_property("events", len(seen))
    record_property("read late", len(read))
    record_property("kept in memory", kept)
    assert error["extensions"]["code"] == "SLOW_CONSUMER"
    assert [heard_of(each) for each in [*read, *rest]] == [heard_of(each) for each in seen]
    assert kept < 450
    await assert_sound(database)


@on_postgresql
async def test_hundreds_of_subscribers_hear_the_same_from_one_reader(
    client: Client, database: Database, shop: Shop, record_property: Record
) -> None:
    """Catches a reader for each socket, and sockets that starve each other or callers that cancel."""
    [order] = await store(database, shop, an_order_input("1001"))
    start = await now(client)

    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(client.subscription(FOLLOW, after=start)) for _ in range(SOCKETS)]
        hearing = [asyncio.create_task(sequences(results, 5)) for results in opened]
        await toggle(client, [order], 2)
        reading = readers()
        await toggle(client, [order], 1)
        heard = await asyncio.gather(*hearing)

    record_property("sockets", SOCKETS)
    record_property("readers", reading)
    assert heard == [[2, 3, 4, 5, 6]] * SOCKETS
    assert reading == 1
    await assert_sound(database)


async def sequences(results: AsyncIterator[dict[str, Any]], count: int) -> list[int]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [(await anext(results))["data"]["orderEvents"]["sequence"] for _ in range(count)]
