"""Servers ended by SIGKILL: what was acknowledged is kept, and a repeated call ends in the same state."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql
from tests.faults.load import Load, some_orders
from tests.faults.proxy import Fault, Link, Proxy
from tests.faults.servers import Server, serving
from tests.support.cancelling import happened, item_id
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop, an_item_input, an_order_input, store, stored

CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) {
  replayed cancellation { refundBreakdown { total { amount } } } order { version } errors { code } } }
"""
pytestmark = on_postgresql
Record = Callable[[str, object], None]


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await a_shop(database)


def before_commit(server: Server) -> Fault:
    async def kill(link: Link) -> None:
        await server.kill()
        link.close()

    return kill


def after_commit(server: Server) -> Fault:
    async def kill(link: Link) -> None:
        await link.commit()
        await server.kill()
        link.close()

    return kill


async def cancel(server: Server, order: Order, key: str, quantity: int = 1) -> dict[str, object]:
    items = [{"itemId": item_id(order, "SKU-dress"), "quantity": quantity}]
    request = {"orderId": ids.of_order(order.id), "items": items, "reason": "OUT_OF_STOCK", "idempotencyKey": key}
    payload: dict[str, object] = (await server.client.data(CANCEL, input=request))["cancelItems"]
    return payload


def done(*, version: int, amount: str) -> dict[str, object]:
    """The answer to a cancellation with this refund, without its id; the test sets `replayed`."""
    made = {"refundBreakdown": {"total": {"amount": amount}}}
    return {"replayed": None, "cancellation": made, "order": {"version": version}, "errors": []}


@pytest.mark.parametrize(("fault", "kept"), [(before_commit, 0), (after_commit, 3333)], ids=["before", "after"])
async def test_a_call_repeated_at_a_new_process_ends_in_the_same_state(
    database: Database, shop: Shop, postgresql_url: str, tmp_path: Path, fault: Callable[[Server], Fault], kept: int
) -> None:
    """Catches a cancellation that a kill cuts in half, or that its caller can repeat only by doubling it."""
    item = an_item_input("dress", quantity=3, subtotal="100.00")
    [order] = await store(database, shop, an_order_input("1001", item))

    async with Proxy(postgresql_url).running() as proxy, serving(tmp_path, proxy.url) as [server]:
        proxy.faults.append(fault(server))
        with pytest.raises(httpx.TransportError):
            await cancel(server, order, "key-1")
        at_the_kill = (await stored(database, shop, "1001")).refunded
        await server.start()
        answers = [await cancel(server, order, "key-1") for _ in range(2)]

    after = await stored(database, shop, "1001")
    assert at_the_kill == kept
    assert [answer["replayed"] for answer in answers] == [kept > 0, True]
    assert [answer | {"replayed": None} for answer in answers] == [done(version=2, amount="33.33")] * 2
    assert (after.items[0].cancelled_quantity, after.version, after.refunded) == (1, 2, 3333)
    assert await happened(database, order) == ["ORDER_IMPORTED", "ITEMS_CANCELLED"]
    await assert_sound(database)


async def test_used_keys_outlive_the_process(
    database: Database, shop: Shop, postgresql_url: str, tmp_path: Path
) -> None:
    """Catches keys kept in the process: those of rejected calls for too long, others not long enough."""
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=3)))

    async with serving(tmp_path, postgresql_url) as [server]:
        rejected = await cancel(server, order, "key-1", quantity=4)
        await server.kill()
        await server.start()
        free = await cancel(server, order, "key-1", quantity=2)
        await server.kill()
        await server.start()
        again = await cancel(server, order, "key-1", quantity=2)
        other = await cancel(server, order, "key-1", quantity=1)

    assert rejected["errors"] == [{"code": "QUANTITY_EXCEEDED"}]
    assert free == done(version=2, amount="20.00") | {"replayed": False}
    assert again == free | {"replayed": True}
    assert other["errors"] == [{"code": "IDEMPOTENCY_KEY_REUSED"}]
    assert (await stored(database, shop, "1001")).items[0].cancelled_quantity == 2
    await assert_sound(database)


async def test_nothing_is_lost_or_doubled_when_servers_are_killed_under_load(  # noqa: PLR0913, PLR0917 - resources
    database: Database,
    shop: Shop,
    postgresql_url: str,
    tmp_path: Path,
    chance: random.Random,
    rounds: int,
    record_property: Record,
) -> None:
    """Catches a kill that takes an acknowledged act with it, or leaves one behind that its retry repeats."""
    orders = await some_orders(database, shop)

    async with serving(tmp_path, postgresql_url, postgresql_url) as servers:
        load = Load(servers, orders, chance)
        async with load.running():
            kills = await kill_again_and_again(servers, load, chance, times=3 * rounds)

    lost, doubled = await load.lost_and_doubled(database, shop)
    record_property("calls", load.calls)
    record_property("unanswered", load.unanswered.total())
    record_property("replayed", load.replayed)
    record_property("kills", kills)
    record_property("lost", lost.total())
    record_property("doubled", doubled.total())
    assert (lost, doubled) == (Counter(), Counter())
    assert set(load.unanswered) <= {"DISCONNECTED", "TIMEOUT", "TRY_AGAIN"}
    await assert_sound(database)


async def kill_again_and_again(servers: list[Server], load: Load, chance: random.Random, times: int) -> int:
    """Kills one of the servers after some answers, and restarts it after some more from the other."""
    for _ in range(times):
        await load.answers(chance.randint(20, 200))
        server = chance.choice(servers)
        await server.kill()
        await load.answers(chance.randint(1, 50))
        await server.start()
    return times
