"""Many concurrent callers, over HTTP, at two servers on one PostgreSQL: each unit is cancelled once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.rules.vocabulary import OrderStatus
from domain.storage.engine.database import Database
from tests.faults.servers import Server, serving
from tests.support.cancelling import item_id
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postgresql import Databases
from tests.support.stored import a_shop, an_item_input, an_order_input, store, stored

CANCEL_ITEMS = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) {
  replayed cancellation { id refundBreakdown { total { amount } } } errors { code } } }
"""
CANCEL_ORDER = """
mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) {
  replayed cancellation { id refundBreakdown { total { amount } } } errors { code } } }
"""
Payload = dict[str, Any]  # input or payload of either mutation
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def url(_postgresql_databases: Databases) -> Iterator[str]:
    """One database for all tests of this module, because servers take a while to start."""
    with _postgresql_databases.fresh() as url:
        yield url


@pytest.fixture(scope="module")
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def servers(url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Server]]:
    async with serving(tmp_path_factory.mktemp("servers"), url, url) as servers:
        yield servers


@pytest.fixture(scope="module")
async def shop(database: Database) -> Shop:
    return await a_shop(database)


def one_unit(order: Order, key: str) -> Payload:
    items = [{"itemId": item_id(order, "SKU-dress"), "quantity": 1}]
    return {"orderId": ids.of_order(order.id), "items": items, "reason": "OUT_OF_STOCK", "idempotencyKey": key}


def whole(order: Order, key: str) -> Payload:
    return {"orderId": ids.of_order(order.id), "reason": "OUT_OF_STOCK", "idempotencyKey": key}


async def ask_at_once(servers: list[Server], query: str, *requests: Payload) -> list[Payload]:
    """The payloads of concurrent requests, which go to the servers in turn."""
    asked = (ask(servers[turn % len(servers)], query, request) for turn, request in enumerate(requests))
    return list(await asyncio.gather(*asked))


async def ask(server: Server, query: str, request: Payload) -> Payload:
    """The payload; retries as long as it says TRY_AGAIN."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            [payload] = (await server.client.data(query, input=request)).values()
            if codes_of(payload) != "TRY_AGAIN":
                return dict(payload)


def codes_of(payload: Payload) -> str:
    """The error codes, or "done"."""
    return " ".join(error["code"] for error in payload["errors"]) or "done"


def refunded(payloads: list[Payload]) -> int:
    """The total refund of the cancellations that were made, in minor units."""
    made = [payload["cancellation"] for payload in payloads if payload["cancellation"]]
    return sum(int(each["refundBreakdown"]["total"]["amount"].replace(".", "")) for each in made)


async def test_of_sixty_callers_twelve_get_the_twelve_units(
    database: Database, servers: list[Server], shop: Shop, record_property: Record
) -> None:
    """Catches a unit that two processes give to two callers, and a cent that twelve roundings gain or lose."""
    item = an_item_input("dress", quantity=12, subtotal="100.00", seller_discount="0.05")
    [order] = await store(database, shop, an_order_input("twelve", item, shipping_fee="4.99"))

    payloads = await ask_at_once(servers, CANCEL_ITEMS, *(one_unit(order, f"twelve-{caller}") for caller in range(60)))

    after = await stored(database, shop, "twelve")
    record_property("calls", len(payloads))
    assert Counter(map(codes_of, payloads)) == {"done": 12, "NOT_CANCELLABLE": 48}
    assert {payload["replayed"] for payload in payloads} == {False}
    assert refunded(payloads) == after.refunded == after.total == 10494
    assert (after.version, after.status) == (13, OrderStatus.CANCELLED)
    await assert_sound(database)


async def test_one_key_from_ten_callers_has_one_effect(
    database: Database, servers: list[Server], shop: Shop, record_property: Record
) -> None:
    """Catches a key that one process does not know while the other is using it."""
    [order] = await store(database, shop, an_order_input("key", an_item_input("dress", quantity=20)))

    payloads = await ask_at_once(servers, CANCEL_ITEMS, *(one_unit(order, "the-key") for _ in range(10)))

    after = await stored(database, shop, "key")
    record_property("calls", len(payloads))
    assert Counter(payload["replayed"] for payload in payloads) == {False: 1, True: 9}
    assert len({payload["cancellation"]["id"] for payload in payloads}) == 1
    assert (after.items[0].cancelled_quantity, after.version) == (1, 2)
    await assert_sound(database)


async def test_of_two_tabs_one_gets_the_last_unit(
    database: Database, servers: list[Server], shop: Shop, record_property: Record
) -> None:
    """Catches two desks that are both told that they cancelled the unit."""
    given = [an_order_input(f"tabs-{number}", an_item_input("dress", quantity=1)) for number in range(20)]
    orders = await store(database, shop, *given)
    tabs = [one_unit(order, f"{order.number}-{tab}") for order in orders for tab in range(2)]

    payloads = await ask_at_once(servers, CANCEL_ITEMS, *tabs)

    record_property("calls", len(payloads))
    assert [sorted(map(codes_of, payloads[tab : tab + 2])) for tab in range(0, 40, 2)] == [
        ["NOT_CANCELLABLE", "done"]
    ] * 20
    assert {(await stored(database, shop, order.number)).refunded for order in orders} == {3000}
    await assert_sound(database)


async def test_fifty_clients_cancel_one_order(
    database: Database, servers: list[Server], shop: Shop, record_property: Record
) -> None:
    """Catches a client that never gets its turn at the order, and two that decide on the same state of it."""
    item = an_item_input("dress", quantity=200, subtotal="1000.01")
    [order] = await store(database, shop, an_order_input("one", item, shipping_fee="4.99"))

    payloads = await ask_at_once(servers, CANCEL_ITEMS, *(one_unit(order, f"one-{number}") for number in range(50)))

    after = await stored(database, shop, "one")
    record_property("calls", len(payloads))
    assert Counter(map(codes_of, payloads)) == {"done": 50}
    assert (after.items[0].cancelled_quantity, after.version) == (50, 51)
    assert refunded(payloads) == after.refunded
    await assert_sound(database)


async def test_fifty_clients_cancel_many_orders(
    database: Database, servers: list[Server], shop: Shop, record_property: Record
) -> None:
    """Catches orders of one shop that block each other, though they share only the log."""
    orders = await store(database, shop, *(an_order_input(f"many-{number}") for number in range(50)))

    payloads = await ask_at_once(servers, CANCEL_ORDER, *(whole(order, order.number) for order in orders))

    record_property("calls", len(payloads))
    assert Counter(map(codes_of, payloads)) == {"done": 50}
    assert refunded(payloads) == 50 * 3000
    assert {(await stored(database, shop, order.number)).status for order in orders} == {OrderStatus.CANCELLED}
    await assert_sound(database)
