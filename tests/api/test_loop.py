"""Nothing that a server does keeps its event loop busy for long."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from api.loops import mail_loop, retention_loop, smtp_sender
from api.settings import Settings
from domain.storage.engine.database import Database
from tests.api.schema.test_import_orders import DRESS, IMPORT, SIMPLE
from tests.api.schema.test_subscriptions import CURSORS, take
from tests.mail.delivery.servers import Inbox, serving
from tests.support.client import Client
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS

# Of processor time, to which other load on the machine adds little: several times the longest turn under coverage.
SECONDS = 1.0
PAGE = """
query ($after: String) { orders(first: 100, after: $after) { totalCount pageInfo { endCursor } edges { cursor node {
  id number status version cancellable notCancellableReason itemsCancellable buyer { name email locale }
  totals { itemsSubtotal { amount } total { amount formatted } refunded { amount } }
  items { id sku productName cancellable cancellableQuantity notCancellableReason total { amount } }
  packages { id number status cancellable items { id quantity cancellableQuantity } } cancellations { id } } } } }
"""
CANCEL = """
mutation ($order: ID!, $key: String!) { cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: $key }) {
  errors { code } order { status } } }
"""


class Day(NamedTuple):
    outcomes: set[str]
    orders: int
    orders_on_the_page: int
    errors: list[object]


@pytest.fixture
def long_turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Long turns of the loop. Debug mode would report them too, but it slows every turn."""
    found: list[str] = []
    run = asyncio.Handle._run  # noqa: SLF001 - there is no public hook for each turn

    def watched(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        if time.thread_time() - began > SECONDS:
            found.append(repr(handle))

    monkeypatch.setattr(asyncio.Handle, "_run", watched)
    return found


@asynccontextmanager
async def mailing(settings: Settings, database: Database) -> AsyncIterator[Inbox]:
    """Runs a server's loops within the block: sending mail, and deleting expired keys."""
    stop = asyncio.Event()
    async with serving(inbox := Inbox()) as port:
        mail = {"smtp_url": f"smtp://127.0.0.1:{port}?tls=none", "mail_from": "Shop <shop@example.com>"}
        settings = settings.model_copy(update=mail)
        sender = smtp_sender(settings)
        assert sender
        loops = [loop(database, stop) for loop in (mail_loop(sender, settings), retention_loop)]
        running = asyncio.gather(*loops)
        yield inbox
        stop.set()
        await running


async def a_message(inbox: Inbox) -> None:
    """Waits for the first mail."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not inbox.messages:  # noqa: ASYNC110 - aiosmtpd's handler has no event
            await asyncio.sleep(0.01)


def be_busy() -> None:
    began = time.thread_time()
    while time.thread_time() - began < SECONDS * 1.2:
        pass


async def test_a_long_turn_is_noticed(long_turns: list[str]) -> None:
    asyncio.get_running_loop().call_soon(be_busy)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert len(long_turns) == 1


async def a_day(number: int, settings: Settings, database: Database, client: Client) -> Day:
    """A day's work, with turns of all kinds."""
    items = [DRESS | {"ref": str(each), "sku": f"SKU-{each}"} for each in range(10)]
    orders = [SIMPLE | {"number": f"{number}-{each}", "items": items, "total": "300"} for each in range(100)]
    async with mailing(settings, database) as inbox:
        imported = (await client.data(IMPORT, orders=orders))["importOrders"]["results"]
        page = (await client.data(PAGE))["orders"]
        async with client.subscription(CURSORS, after=None) as events:
            cancelled = await client.data(CANCEL, order=page["edges"][number]["node"]["id"], key=str(number))
            await take(events, 1)
        await client.http.get("/metrics")
        await a_message(inbox)
    outcomes = {each["outcome"] for each in imported}
    errors = cancelled["cancelOrder"]["errors"]
    return Day(outcomes, page["totalCount"], len(page["edges"]), errors)


async def test_no_turn_is_long(settings: Settings, database: Database, client: Client, long_turns: list[str]) -> None:
    days = [await a_day(number, settings, database, client) for number in range(2)]

    assert days == [({"CREATED"}, orders, 100, []) for orders in (100, 200)]
    assert long_turns == []
    await assert_sound(database)
