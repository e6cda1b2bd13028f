"""Metrics for Prometheus: by operation and outcome, never by person."""

import os
import signal
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import httpx
from websockets.asyncio.client import connect

from api.settings import Settings
from api.telemetry.metrics import Age, Metrics
from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.storage import events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.api.conftest import Clock, on_postgresql, on_sqlite, serving
from tests.api.telemetry.scraping import Scrape, scrape, scrape_until
from tests.faults.test_processes import children
from tests.support.cancelling import a_small_order
from tests.support.client import GRAPHQL_WS, SECRET, Client, a_token, say
from tests.support.command import begun
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW, an_order_input, store

CANCEL = "mutation Cancel($input: CancelItemsInput!) { cancelItems(input: $input) { errors { code } replayed } }"
FIND = 'query Find { orderByNumber(number: "2001") { id } }'
FOLLOW = "subscription Follow { orderEvents { __typename } }"


def a_request(order: Order) -> dict[str, Any]:
    """Variables of CANCEL for one unit."""
    items = [{"itemId": ids.of_item(order.id, 1), "quantity": 1}]
    return {"orderId": ids.of_order(order.id), "reason": "OUT_OF_STOCK", "items": items, "idempotencyKey": "one"}


@on_sqlite
async def test_operations_are_counted_by_name_and_outcome_over_every_transport(
    client: Client, database: Database
) -> None:
    stream = {"Accept": "text/event-stream"}

    await client.data(FIND)
    await client.http.post("/graphql", json={"query": FIND}, headers=stream)
    async with client.subscription(FIND) as results:
        _ = [result async for result in results]
    await client.with_token(a_token(scope="orders:cancel")).post(FIND)
    await client.post("query Bad { nothing }")
    await client.post("{")
    async with client.subscription("subscription Bad { nothing }") as results:
        await anext(results)

    found = await scrape(client.http)
    assert found.by("requests_total", "operation", "outcome") == {
        ("Find", "ok"): 3,
        ("Find", "FORBIDDEN"): 1,
        ("Bad", "BAD_USER_INPUT"): 2,
        ("", "BAD_USER_INPUT"): 1,
    }
    assert found.of("request_seconds_count", operation="Find") == 4
    await assert_sound(database)


@on_sqlite
async def test_requests_refused_up_front_are_counted_by_code(client: Client, database: Database) -> None:
    await client.with_token("none").post(FIND)
    await client.http.put("/graphql")
    await client.http.post("/graphql", content=b"{")
    await client.http.get("/nowhere")
    async with connect(client.base.replace("http", "ws") + "/graphql", subprotocols=[GRAPHQL_WS]) as socket:
        await say(socket, type="connection_init")
        await socket.wait_closed()

    counted = (await scrape(client.http)).by("requests_total", "operation", "outcome")
    assert counted == {
        ("", "UNAUTHENTICATED"): 2,
        ("", "METHOD_NOT_ALLOWED"): 1,
        ("", "UNSUPPORTED_MEDIA_TYPE"): 1,
        ("", "NOT_FOUND"): 1,
    }
    await assert_sound(database)


def test_made_up_operation_names_are_not_kept_for_ever() -> None:
    metrics = Metrics()

    _count(metrics, [f"Operation{number}" for number in range(1000)])
    _count(metrics, ["Operation1", "N" * 65])

    counted = Scrape(metrics.exposition(None).decode()).by("requests_total", "operation", "outcome")
    assert len(counted) == 101
    assert counted["Operation1", "ok"] == 2
    assert counted["other", "ok"] == 901


def _count(metrics: Metrics, names: list[str]) -> None:
    for name in names:
        metrics.operation(name, "ok", 0.1)


@on_sqlite
async def test_what_was_not_paid_is_no_refund(client: Client, database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("2001", collect_on_delivery=True))

    await client.data(CANCEL, input=a_request(order))

    found = await scrape(client.http)
    assert found.by("cancellations_total", "scope", "reason") == {("ITEMS", "OUT_OF_STOCK"): 1}
    assert found.by("refunds_minor_units_total", "currency") == {}


@on_sqlite
async def test_cancellations_and_refunds_are_counted_once(client: Client, database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    given = a_request(order)

    first = await client.data(CANCEL, input=given)
    again = await client.data(CANCEL, input=given)
    refused = await client.data(CANCEL, input=given | {"idempotencyKey": "two", "orderId": "order_none"})

    assert [each["cancelItems"]["replayed"] for each in (first, again, refused)] == [False, True, False]
    found = await scrape(client.http)
    assert found.by("cancellations_total", "scope", "reason") == {("ITEMS", "OUT_OF_STOCK"): 1}
    assert found.by("refunds_minor_units_total", "currency") == {("USD",): 333}
    assert found.of("requests_total", operation="Cancel", outcome="ok") == 3
    assert found["outbox_depth"] == 1
    assert (found["outbox_oldest_seconds"] or 0) > 0
    assert [word for word in ("demo", "Demo Shop", "ada@", order.number) if word in found.text] == []
    await assert_sound(database)


async def test_subscribers_are_counted_while_connected_and_events_are_timed(
    client: Client, database: Database, shop: Shop
) -> None:
    order = await a_small_order(database, shop)
    given = a_request(order)

    async with client.subscription(FOLLOW) as results:
        during = await scrape_until(client.http, lambda found: found["subscribers"] == 1)
        await client.data(CANCEL, input=given)
        await anext(results)
        heard = await scrape(client.http)
    after = await scrape_until(client.http, lambda found: found["subscribers"] == 0)

    assert during["event_lag_seconds_count"] == 0
    assert heard["event_lag_seconds_count"] == 1
    assert after.of("requests_total", operation="Follow", outcome="ok") == 1
    assert after.of("request_seconds_count", operation="Follow") is None
    await assert_sound(database)


@on_sqlite
async def test_events_are_timed_even_if_the_clock_is_set_back(
    settings: Settings, database: Database, shop: Shop
) -> None:
    clock = Clock()
    order = await a_small_order(database, shop)
    given = a_request(order)

    async with serving(settings, database, clock=clock) as base:
        client = Client(base, a_token(shop.id))
        async with client.subscription(FOLLOW) as results:
            await scrape_until(client.http, lambda found: found["subscribers"] == 1)
            clock.now -= timedelta(hours=2)
            await client.data(CANCEL, input=given)
            await anext(results)
            heard = await scrape(client.http)
        await client.http.aclose()

    assert (heard["event_lag_seconds_count"], heard["event_lag_seconds_sum"]) == (1, 0)


@on_sqlite
async def test_replayed_events_are_not_timed(client: Client, database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    after = events.cursor_of(shop, order.feed_number - 1)
    follow = f'subscription {{ orderEvents(after: "{after}") {{ id }} }}'

    async with client.subscription(follow) as results:
        await anext(results)
        heard = await scrape(client.http)

    assert heard["event_lag_seconds_count"] == 0


@on_sqlite
async def test_metrics_are_served_without_the_database(client: Client, tmp_path: Path) -> None:
    await client.data(FIND)
    (tmp_path / "shortship.db").rename(tmp_path / "gone.db")

    found = await scrape(client.http)

    assert found.of("requests_total", operation="Find", outcome="ok") == 1
    assert found["outbox_depth"] is None


def test_the_age_of_the_oldest_mail_survives_a_clock_that_is_set_back() -> None:
    passed, minute, back = 0.0, timedelta(minutes=1), NOW - timedelta(hours=2)
    age = Age(lambda: passed)

    before = [age.seconds(None, NOW), age.seconds(NOW, NOW + minute)]
    passed = 90.0
    after = [age.seconds(NOW, back), age.seconds(NOW - 5 * minute, NOW)]

    assert (before, after) == ([0, 60], [90, 300])


async def test_gauges_are_exposed(client: Client, database: Database) -> None:
    found = await scrape(client.http)

    connections = found.by("database_connections", "purpose", "state")
    most = {"reads": 8, "writes": 1} if database.has_single_writer else {"transactions": 20}
    assert found.by("database_connections_max", "purpose") == {(purpose,): most for purpose, most in most.items()}
    assert {purpose for purpose, _ in connections} == most.keys()
    assert {state for _, state in connections} == {"in_use", "idle"}
    assert sum(connections.values()) > 0
    assert 10_000_000 < (found["resident_memory_bytes"] or 0) < 10_000_000_000
    assert found.by("build_info", "version", "python") == {(version("shortship"), python_version()): 1}


async def test_connections_in_use_are_counted(database: Database) -> None:
    reads = -1 if not database.has_single_writer else 0
    before = database.pools()[reads]

    async with database.reading(EVERY_SHOP), database.reading(EVERY_SHOP):
        during = database.pools()[reads]
    after = database.pools()[reads]

    assert [use.in_use for use in (before, during, after)] == [0, 2, 0]
    assert (before.idle, during.idle, after.idle) == (0, 0, 2)


@on_postgresql
async def test_one_scrape_sees_all_processes_and_forgets_the_subscribers_of_dead_ones(
    shop: Shop, database: Database, database_url: str, tmp_path: Path
) -> None:
    settings = {"database_url": database_url, "jwt_secret": SECRET, "processes": "2"}

    def has_both(found: Scrape) -> bool:
        """Waits for both processes to have started, and for the mails, which a busy machine may not count in time."""
        most = found.by("database_connections_max", "purpose")
        return most == {("transactions",): 40} and found["outbox_depth"] is not None

    with begun(tmp_path, "serve", **settings, operation_timeout=f"{PATIENCE_SECONDS}") as (
        server,
        http,
    ):
        base = str(http.base_url)
        async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS) as alone:
            client = Client(base, a_token(shop.id), alone)
            asked = [await _ask_on_a_new_connection(base, client.token) for _ in range(20)]
            counted = await scrape_until(alone, has_both)
            async with client.subscription(FOLLOW):
                during = await scrape_until(alone, lambda found: found["subscribers"] == 1)
                _kill(children(server.pid))
                after = await scrape_until(alone, lambda found: found["subscribers"] == 0)

    assert asked == [200] * 20
    assert counted.of("requests_total", operation="Find", outcome="ok") == 20
    assert counted["outbox_depth"] == 0
    assert counted.by("build_info", "version", "python") == {(version("shortship"), python_version()): 1}
    assert during["subscribers"] == 1
    assert after.of("requests_total", operation="Find", outcome="ok") == 20
    assert after.by("database_connections_max", "purpose") in ({("transactions",): 20}, {("transactions",): 40})
    await assert_sound(database)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def _ask_on_a_new_connection(base: str, token: str) -> int:
    """The kernel picks one of the processes."""
    async with httpx.AsyncClient(
        base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_SECONDS
    ) as http:
        return (await http.post("/graphql", json={"query": FIND})).status_code
