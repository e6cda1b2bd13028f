"""Fragments on interfaces select the same fields from every type that implements them."""

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_cancel_items import Stored, find
from tests.support.client import Client
from tests.support.stored import an_order_input, store

CANCELLABLE = """query ($ids: [ID!]!) {
  nodes(ids: $ids) { __typename ... on Cancellable { cancellable notCancellableReason } } }"""
OUTCOME = """
fragment Outcome on CancelPayload { cancellation { scope } order { version } replayed errors { ...Refusal } }
fragment Refusal on UserError { __typename path }
"""
CANCEL_ITEMS = """mutation ($order: ID!, $item: ID!) { cancelItems(input: {
  orderId: $order, reason: OUT_OF_STOCK, items: [{ itemId: $item, quantity: 1 }], idempotencyKey: "1" }) {
  ...Outcome } }"""
CANCEL_PACKAGE = """mutation ($package: ID!) {
  cancelPackage(input: { packageId: $package, reason: OTHER, idempotencyKey: "2" }) { ...Outcome } }"""
CANCEL_ORDER = """mutation ($order: ID!) {
  cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "3" }) { ...Outcome } }"""
HOLD = """mutation ($order: ID!) {
  updateOrderStatus(input: { orderId: $order, status: ON_HOLD }) { errors { ...Refusal } } }
fragment Refusal on UserError { __typename path }"""


@on_sqlite
async def test_everything_that_can_be_cancelled_says_so_alike(client: Client, database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    uuid = order.id.hex
    ids = [f"order_{uuid}", f"item_{uuid}_1", f"package_{uuid}_1", f"packageitem_{uuid}_1_1", f"shop_{shop.id}"]

    nodes = (await client.data(CANCELLABLE, ids=ids))["nodes"]

    can = {"cancellable": True, "notCancellableReason": None}
    kinds = ("Order", "OrderItem", "Package", "PackageItem")
    assert nodes == [*({"__typename": kind} | can for kind in kinds), {"__typename": "Shop"}]


@on_sqlite
async def test_all_cancellations_answer_alike(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("1001"))
    order = Stored(await find(client))

    payloads = [
        await client.data(CANCEL_ITEMS + OUTCOME, order=order.id, item=order.item("dress")),
        await client.data(CANCEL_PACKAGE + OUTCOME, package=order.package("1001-1")),
        await client.data(CANCEL_ORDER + OUTCOME, order=order.id),
    ]

    refusal = {"__typename": "CancellationError", "path": ["input", "orderId"]}
    assert [each for payload in payloads for each in payload.values()] == [
        {"cancellation": {"scope": "ITEMS"}, "order": {"version": 2}, "replayed": False, "errors": []},
        {"cancellation": {"scope": "PACKAGE"}, "order": {"version": 3}, "replayed": False, "errors": []},
        {"cancellation": None, "order": {"version": 3}, "replayed": False, "errors": [refusal]},
    ]


@on_sqlite
async def test_other_refusals_have_the_same_fields(client: Client) -> None:
    payload = (await client.data(HOLD, order="nothing"))["updateOrderStatus"]

    assert payload == {"errors": [{"__typename": "FulfillmentError", "path": ["input", "orderId"]}]}
