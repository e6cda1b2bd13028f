"""The log of an order to which everything happens: every type of event, in sequence, however it is read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.loops import mail_loop
from api.settings import Settings
from domain.mail.delivery.mailbox import Mailbox
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_subscriptions import take
from tests.support.client import Client
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_package_input, an_order_input, store

EVENT = """
__typename sequence actor order { number }
... on OrderStatusChanged { from to }
... on PackageStatusChanged { package { number } packageFrom: from packageTo: to }
... on PackageSplit { package { number } newPackage { number } }
... on ItemsCancelled { cancellation { scope } }
... on RefundStatusChanged { cancellation { scope } refundFrom: from refundTo: to }
... on NotificationStatusChanged { cancellation { scope } mailTo: to }
"""
TIMELINE = f"query ($order: ID!) {{ order(id: $order) {{ events {{ edges {{ node {{ {EVENT} }} }} }} }} }}"
NODES = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on OrderEvent {{ {EVENT} }} }} }}"
FEED = f"query ($after: String) {{ orderEvents(after: $after) {{ edges {{ cursor node {{ {EVENT} }} }} }} }}"
FOLLOW = (
    f"subscription ($order: ID!, $after: String) {{ orderEvents(orderIds: [$order], after: $after) {{ {EVENT} }} }}"
)
UPDATE_ORDER = """mutation ($order: ID!, $status: OrderStatus!) {
  updateOrderStatus(input: { orderId: $order, status: $status }) { errors { code } } }"""
SPLIT = """mutation ($package: ID!, $item: ID!) {
  splitPackage(input: { packageId: $package, items: [{ itemId: $item, quantity: 1 }] }) { errors { code } } }"""
UPDATE_PACKAGE = """mutation ($package: ID!) {
  updatePackageStatus(input: { packageId: $package, status: AWAITING_COLLECTION }) { errors { code } } }"""
CANCEL_PACKAGE = """mutation ($package: ID!) {
  cancelPackage(input: { packageId: $package, reason: PRICING_ERROR, idempotencyKey: "first" }) {
    cancellation { id } errors { code } } }"""
SETTLE = """mutation ($cancellation: ID!) {
  settleRefund(input: { cancellationId: $cancellation, outcome: SUCCEEDED }) { errors { code } } }"""
RESEND = """mutation ($cancellation: ID!) {
  resendNotification(input: { cancellationId: $cancellation }) { errors { code } } }"""
CANCEL_ITEMS = """mutation ($order: ID!, $item: ID!) { cancelItems(input: {
  orderId: $order, reason: OUT_OF_STOCK, items: [{ itemId: $item, quantity: 1 }], idempotencyKey: "second"
}) { errors { code } } }"""

OF_PACKAGE = {"cancellation": {"scope": "PACKAGE"}}
STORY: list[dict[str, Any]] = [
    {"__typename": "OrderImported", "actor": "import"},
    {"__typename": "OrderStatusChanged", "from": "AWAITING_SHIPMENT", "to": "ON_HOLD"},
    {"__typename": "OrderStatusChanged", "from": "ON_HOLD", "to": "AWAITING_SHIPMENT"},
    {"__typename": "PackageSplit", "package": {"number": "A"}, "newPackage": {"number": "A-2"}},
    {
        "__typename": "PackageStatusChanged",
        "package": {"number": "B"},
        "packageFrom": "AWAITING_SHIPMENT",
        "packageTo": "AWAITING_COLLECTION",
    },
    {"__typename": "OrderStatusChanged", "from": "AWAITING_SHIPMENT", "to": "PARTIALLY_SHIPPING"},
    {"__typename": "ItemsCancelled"} | OF_PACKAGE,
    {
        "__typename": "PackageStatusChanged",
        "package": {"number": "A"},
        "packageFrom": "AWAITING_SHIPMENT",
        "packageTo": "CANCELLED",
    },
    {"__typename": "RefundStatusChanged", "refundFrom": "PENDING", "refundTo": "SUCCEEDED"} | OF_PACKAGE,
    {"__typename": "NotificationStatusChanged", "actor": "mail", "mailTo": "SENT"} | OF_PACKAGE,
    {"__typename": "NotificationStatusChanged", "mailTo": "QUEUED"} | OF_PACKAGE,
    {"__typename": "ItemsCancelled", "cancellation": {"scope": "ITEMS"}},
    {
        "__typename": "PackageStatusChanged",
        "package": {"number": "A-2"},
        "packageFrom": "AWAITING_SHIPMENT",
        "packageTo": "CANCELLED",
    },
    {"__typename": "OrderStatusChanged", "from": "PARTIALLY_SHIPPING", "to": "AWAITING_COLLECTION"},
]
EXPECTED = [
    {"actor": "tester", "sequence": sequence, "order": {"number": "1001"}} | event
    for sequence, event in enumerate(STORY, 1)
]


async def send_mails(settings: Settings, database: Database, folder: Path) -> None:
    """Runs the loop that sends mails until it has sent one."""
    mailbox, stop = Mailbox(folder), asyncio.Event()
    loop = mail_loop(mailbox, settings.model_copy(update={"mail_from": "Shop <orders@shop.example>"}))
    running = asyncio.ensure_future(loop(database, stop))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not mailbox.messages():  # noqa: ASYNC110 - a mailbox has no event for it
            await asyncio.sleep(0.01)
        stop.set()
        await running


@pytest.fixture
async def order_id(client: Client, settings: Settings, database: Database, shop: Shop, tmp_path: Path) -> str:
    """The order 1001, after the whole story."""
    packages = (a_package_input("A", dress=2), a_package_input("B", dress=1))
    [order] = await store(database, shop, an_order_input("1001", packages=packages))
    uuid = order.id.hex
    order_id, item, a, b = f"order_{uuid}", f"item_{uuid}_1", f"package_{uuid}_1", f"package_{uuid}_2"
    payloads = [
        await client.data(UPDATE_ORDER, order=order_id, status="ON_HOLD"),
        await client.data(UPDATE_ORDER, order=order_id, status="AWAITING_SHIPMENT"),
        await client.data(SPLIT, package=a, item=item),
        await client.data(UPDATE_PACKAGE, package=b),
        cancelled := await client.data(CANCEL_PACKAGE, package=a),
        await client.data(SETTLE, cancellation=cancelled["cancelPackage"]["cancellation"]["id"]),
    ]
    await send_mails(settings, database, tmp_path / "mails")
    payloads += [
        await client.data(RESEND, cancellation=cancelled["cancelPackage"]["cancellation"]["id"]),
        await client.data(CANCEL_ITEMS, order=order_id, item=item),
    ]
    assert {str(payload["errors"]) for each in payloads for payload in each.values()} == {"[]"}
    return order_id


async def test_the_timeline_tells_everything_in_the_order_in_which_it_happened(
    client: Client, database: Database, order_id: str
) -> None:
    edges = (await client.data(TIMELINE, order=order_id))["order"]["events"]["edges"]

    assert [edge["node"] for edge in edges] == EXPECTED
    await assert_sound(database)


@on_sqlite
async def test_every_event_is_found_by_its_id(client: Client, order_id: str) -> None:
    ids = [order_id.replace("order_", "event_") + f"_{event['sequence']}" for event in reversed(EXPECTED)]

    nodes = (await client.data(NODES, ids=ids))["nodes"]

    assert [*reversed(nodes)] == EXPECTED


@on_sqlite
@pytest.mark.usefixtures("order_id")
async def test_the_feed_goes_on_after_each_of_its_events(client: Client) -> None:
    edges = (await client.data(FEED))["orderEvents"]["edges"]

    rests = [(await client.data(FEED, after=edge["cursor"]))["orderEvents"]["edges"] for edge in edges]

    assert [edge["node"] for edge in edges] == EXPECTED
    assert rests == [edges[number:] for number in range(1, len(edges) + 1)]


@on_sqlite
async def test_a_subscription_tells_the_same_over_a_socket_and_over_server_sent_events(
    client: Client, order_id: str
) -> None:
    start = (await client.data(FEED))["orderEvents"]["edges"][0]["cursor"]
    body = {"query": FOLLOW, "variables": {"order": order_id, "after": start}}

    async with client.subscription(FOLLOW, order=order_id, after=start) as results:
        over_socket = await take(results, len(EXPECTED) - 1)
    async with client.http.stream("POST", "/graphql", json=body, headers={"Accept": "text/event-stream"}) as stream:
        streamed = [orjson.loads(line.removeprefix("data: ")) async for line in first_events(stream, len(EXPECTED) - 1)]

    assert over_socket == EXPECTED[1:]
    assert [each["data"]["orderEvents"] for each in streamed] == EXPECTED[1:]


async def first_events(stream: httpx.Response, count: int) -> AsyncIterator[str]:
    """The first data lines of a stream of server-sent events."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for line in stream.aiter_lines():
            if line.startswith("data: {"):
                yield line
                count -= 1
            if not count:
                return
