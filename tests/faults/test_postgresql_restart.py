"""PostgreSQL crashes under load and comes back: what was acknowledged is kept, and the service goes on."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.storage import events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.migrations import runner
from tests.faults.load import Load, some_orders
from tests.faults.servers import Server, serving
from tests.support.cancelling import item_id
from tests.support.client import Client
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postgresql import EmbeddedServer, connected
from tests.support.stored import a_shop, an_item_input, an_order_input, store

CANCEL = "mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { errors { code } } }"
CURSOR = '{ orderByNumber(number: "probe") { eventCursor } }'
EVENTS = "subscription ($after: String) { orderEvents(after: $after) { sequence order { id number } } }"
LAST = "last"
Record = Callable[[str, object], None]
Heard = list[tuple[str, int]]


class Outage(NamedTuple):
    """The readiness of each server during it; how often each was asked until it cancelled, and how long both took."""

    ready: tuple[bool, ...]
    asks: tuple[int, ...]
    seconds: float


@pytest.fixture
def postgresql() -> Iterator[EmbeddedServer]:
    """A server for this module alone."""
    server = EmbeddedServer()
    yield server
    server.stop()


@pytest.fixture
async def database(postgresql: EmbeddedServer) -> AsyncIterator[Database]:
    await (await connected(postgresql.url)).close()
    database = Database(postgresql.url)
    await runner.migrate(database)
    yield database
    await database.close()


async def test_nothing_is_lost_or_doubled_when_postgresql_crashes_under_load(
    postgresql: EmbeddedServer,
    database: Database,
    tmp_path: Path,
    chance: random.Random,
    rounds: int,
    record_property: Record,
) -> None:
    """Catches an acknowledgement before its COMMIT, a retry that repeats an act, and a pool of dead connections."""
    shop = await a_shop(database)
    orders = await some_orders(database, shop)
    probe = await a_probe(database, shop)

    async with serving(tmp_path, postgresql.url, postgresql.url) as servers:
        load = Load(servers, orders, chance)
        async with load.running():
            outages = [await crash(postgresql, servers, probe, load, chance) for _ in range(2 * rounds)]

    await database.close()  # its connections are as dead as the servers' were
    lost, doubled = await load.lost_and_doubled(database, shop)
    record_property("calls", load.calls)
    record_property("unanswered", load.unanswered.total())
    record_property("replayed", load.replayed)
    record_property("crashes", len(outages))
    record_property("lost", lost.total())
    record_property("doubled", doubled.total())
    record_property("asked until both cancelled", [outage.asks for outage in outages])
    record_property("seconds to recover", [round(outage.seconds, 1) for outage in outages])
    assert (lost, doubled) == (Counter(), Counter())
    assert set(load.unanswered) <= {"UNAVAILABLE", "TIMEOUT", "TRY_AGAIN"}
    assert {outage.ready for outage in outages} == {(False, False)}
    # At once, but for timeouts on a slow machine; a pool may have up to twenty dead connections.
    assert max(max(outage.asks) for outage in outages) <= 3
    await assert_sound(database)


async def test_subscriptions_go_on_after_a_crash_of_postgresql(
    postgresql: EmbeddedServer,
    database: Database,
    tmp_path: Path,
    chance: random.Random,
    rounds: int,
    record_property: Record,
) -> None:
    """Catches a subscription that ends with the connections, or that skips or repeats what was committed then."""
    shop = await a_shop(database)
    orders = await some_orders(database, shop)
    probe = await a_probe(database, shop)

    async with serving(tmp_path, postgresql.url, postgresql.url) as servers:
        cursor = (await servers[0].client.data(CURSOR))["orderByNumber"]["eventCursor"]
        following = [asyncio.create_task(hear(server.client, cursor)) for server in servers]
        load = Load(servers, orders, chance)
        async with load.running():
            outages = [await crash(postgresql, servers, probe, load, chance) for _ in range(rounds)]
        await database.close()  # its connections are as dead as the servers' were
        await store(database, shop, an_order_input(LAST))
        heard = await asyncio.gather(*following)

    logged = await logged_after(database, shop, probe)
    record_property("calls", load.calls)
    record_property("crashes", len(outages))
    record_property("events", len(logged))
    assert heard == [logged] * 2
    await assert_sound(database)


async def a_probe(database: Database, shop: Shop) -> Order:
    """An order on which to find out if a server cancels."""
    return (await store(database, shop, an_order_input("probe", an_item_input("dress", quantity=1000))))[0]


async def crash(
    postgresql: EmbeddedServer, servers: list[Server], probe: Order, load: Load, chance: random.Random
) -> Outage:
    """Crashes and restarts PostgreSQL; returns what the servers did until they cancelled again."""
    await load.answers(chance.randint(50, 200))
    await asyncio.to_thread(postgresql.crash)
    ready = await asyncio.gather(*(server.is_ready() for server in servers))
    await asyncio.sleep(chance.uniform(0, 2))
    await asyncio.to_thread(postgresql.start_again)
    start = time.monotonic()
    asks = await asyncio.gather(*(recover(server, probe) for server in servers))
    return Outage(tuple(ready), tuple(asks), time.monotonic() - start)


async def recover(server: Server, probe: Order) -> int:
    """Asks the server until it cancels and says that it is ready; returns how often."""
    items = [{"itemId": item_id(probe, "SKU-dress"), "quantity": 1}]
    request = {"orderId": ids.of_order(probe.id), "items": items, "reason": "OUT_OF_STOCK"}
    asks, is_well = 0, False
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_well:
            asks += 1
            answer = await server.client.post(CANCEL, input=request | {"idempotencyKey": str(uuid4())})
            is_well = "errors" not in answer and await server.is_ready()
    return asks


async def hear(client: Client, after: str) -> Heard:
    """The order and the sequence of each event, up to one of the last order."""
    heard: Heard = []
    async with asyncio.timeout(2 * PATIENCE_SECONDS), client.subscription(EVENTS, after=after) as results:
        async for answer in results:
            assert "errors" not in answer, answer
            event = answer["data"]["orderEvents"]
            heard.append((event["order"]["id"], event["sequence"]))
            if event["order"]["number"] == LAST:
                break
    return heard


async def logged_after(database: Database, shop: Shop, order: Order) -> Heard:
    """The log after the order's import, in the same form."""
    async with database.reading(EVERY_SHOP) as connection:
        logged = await events.list_events(connection, shop.id, after=order.feed_number, limit=1_000_000)
    return [(ids.of_order(event.order_id), event.sequence) for event in logged]
