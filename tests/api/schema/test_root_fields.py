"""Every root field: its answer, the scope that it needs, and that it does nothing without it."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.rules.order import Shop
from domain.rules.vocabulary import OrderStatus, PackageStatus
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.operations import root_fields
from tests.api.schema.test_subscriptions import first_heard
from tests.support.client import EVERYTHING, Client, a_token
from tests.support.invariants import assert_sound, dump
from tests.support.stored import a_package_input, an_item_input, an_order_input, store


@dataclass
class Operation:
    """A query or mutation of one root field, with the scope that it needs and its answer."""

    scope: str
    text: str
    answer: Any  # JSON


def reading(text: str, answer: Any) -> Operation:  # JSON
    return Operation("orders:read", text, answer)


def cancelling(text: str, answer: Any) -> Operation:  # JSON
    return Operation("orders:cancel", text, answer)


def fulfilling(text: str, answer: Any) -> Operation:  # JSON
    return Operation("fulfillment:write", text, answer)


ORDER_INPUT = """{
  number: "2001", status: AWAITING_SHIPMENT, currency: "JPY", pricesIncludeTax: true, placedAt: "2026-03-01T09:30:00Z"
  buyer: { name: "Ada", email: "ada@example.com" }, shippingFee: "0", shippingTax: "0", total: "1500"
  items: [{ ref: "1", sku: "S", productId: "P", productName: "Tea", quantity: 3, subtotal: "1500" }]
}"""
# Run in this sequence, on the orders 1001 to 1006 of `ids`.
OPERATIONS: dict[str, Operation] = {
    "Query.shop": reading(
        "{ shop { name shippingRefundPolicy } }", {"name": "Demo Shop", "shippingRefundPolicy": "ON_FULL_CANCELLATION"}
    ),
    "Query.node": reading(
        "query ($package: ID!) { node(id: $package) { ... on Package { number status } } }",
        {"number": "A", "status": "AWAITING_SHIPMENT"},
    ),
    "Query.nodes": reading(
        'query ($item: ID!) { nodes(ids: [$item, "nothing"]) { ... on OrderItem { sku } } }',
        [{"sku": "SKU-dress"}, None],
    ),
    "Query.order": reading("query ($order: ID!) { order(id: $order) { number } }", {"number": "1001"}),
    "Query.orderByNumber": reading(
        '{ orderByNumber(number: "1004") { status paidAt } }', {"status": "UNPAID", "paidAt": None}
    ),
    "Query.orders": reading(
        "{ orders(filter: { statuses: [DELIVERED] }) { totalCount edges { node { number } } } }",
        {"totalCount": 1, "edges": [{"node": {"number": "1005"}}]},
    ),
    "Query.cancellations": reading(
        "{ cancellations { totalCount edges { node { scope order { number } } } } }",
        {"totalCount": 1, "edges": [{"node": {"scope": "ORDER", "order": {"number": "1002"}}}]},
    ),
    "Query.cancellationReasons": reading(
        "{ cancellationReasons { reason scopes } }",
        [
            {"reason": "OUT_OF_STOCK", "scopes": ["ITEMS", "PACKAGE", "ORDER"]},
            {"reason": "PRICING_ERROR", "scopes": ["PACKAGE", "ORDER"]},
            {"reason": "UNDELIVERABLE_ADDRESS", "scopes": ["PACKAGE", "ORDER"]},
            {"reason": "BUYER_REQUESTED", "scopes": ["PACKAGE", "ORDER"]},
            {"reason": "OTHER", "scopes": ["PACKAGE", "ORDER"]},
        ],
    ),
    "Query.previewCancelItems": reading(
        """query ($order: ID!, $item: ID!) {
          previewCancelItems(orderId: $order, reason: OUT_OF_STOCK, items: [{ itemId: $item, quantity: 1 }]) {
            orderVersion orderStatusAfter refundBreakdown { total { amount } } errors { code } } }""",
        {
            "orderVersion": 1,
            "orderStatusAfter": "PARTIALLY_SHIPPING",
            "refundBreakdown": {"total": {"amount": "10.00"}},
            "errors": [],
        },
    ),
    "Query.previewCancelPackage": reading(
        """query ($package: ID!) { previewCancelPackage(packageId: $package, reason: OTHER) {
          orderVersion orderStatusAfter refundBreakdown { total { amount } } errors { code } } }""",
        {
            "orderVersion": 1,
            "orderStatusAfter": "AWAITING_COLLECTION",
            "refundBreakdown": {"total": {"amount": "20.00"}},
            "errors": [],
        },
    ),
    "Query.previewCancelOrder": reading(
        """query ($order: ID!) { previewCancelOrder(orderId: $order, reason: OTHER) {
          orderVersion orderStatusAfter refundBreakdown { total { amount } } errors { code } } }""",
        {
            "orderVersion": 1,
            "orderStatusAfter": "CANCELLED",
            "refundBreakdown": {"total": {"amount": "34.99"}},
            "errors": [],
        },
    ),
    "Query.orderEvents": reading(
        "{ orderEvents(first: 1) { edges { node { __typename sequence } } pageInfo { hasNextPage } } }",
        {"edges": [{"node": {"__typename": "OrderImported", "sequence": 1}}], "pageInfo": {"hasNextPage": True}},
    ),
    "Mutation.cancelItems": cancelling(
        """mutation ($order: ID!, $item: ID!, $package: ID!) { cancelItems(input: {
          orderId: $order, reason: OUT_OF_STOCK, items: [{ itemId: $item, quantity: 1, packageId: $package }]
          idempotencyKey: "items", expect: { refundTotal: "10.0", orderVersion: 1 }
        }) { cancellation { scope refundStatus } order { version } replayed errors { code } } }""",
        {
            "cancellation": {"scope": "ITEMS", "refundStatus": "PENDING"},
            "order": {"version": 2},
            "replayed": False,
            "errors": [],
        },
    ),
    "Mutation.cancelPackage": cancelling(
        """mutation ($package: ID!) { cancelPackage(input: {
          packageId: $package, reason: PRICING_ERROR, idempotencyKey: "package"
        }) { cancellation { scope package { number status } } order { status } replayed errors { code } } }""",
        {
            "cancellation": {"scope": "PACKAGE", "package": {"number": "A", "status": "CANCELLED"}},
            "order": {"status": "AWAITING_COLLECTION"},
            "replayed": False,
            "errors": [],
        },
    ),
    "Mutation.cancelOrder": cancelling(
        """mutation ($order: ID!) { cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "order" }) {
          cancellation { scope refundBreakdown { total { amount } } } order { status } replayed errors { code } } }""",
        {
            "cancellation": {"scope": "ORDER", "refundBreakdown": {"total": {"amount": "14.99"}}},
            "order": {"status": "CANCELLED"},
            "replayed": False,
            "errors": [],
        },
    ),
    "Mutation.resendNotification": cancelling(
        """mutation ($cancellation: ID!) { resendNotification(input: { cancellationId: $cancellation }) {
          cancellation { order { number } notification { status attempts } } errors { code } } }""",
        {
            "cancellation": {"order": {"number": "1002"}, "notification": {"status": "QUEUED", "attempts": 0}},
            "errors": [],
        },
    ),
    "Mutation.settleRefund": Operation(
        "refunds:settle",
        """mutation ($cancellation: ID!) {
          settleRefund(input: { cancellationId: $cancellation, outcome: SUCCEEDED, providerReference: "R-1" }) {
            cancellation { refundStatus providerReference order { version } } errors { code } } }""",
        {
            "cancellation": {"refundStatus": "SUCCEEDED", "providerReference": "R-1", "order": {"version": 2}},
            "errors": [],
        },
    ),
    "Mutation.importOrders": Operation(
        "orders:import",
        f"""mutation {{ importOrders(input: {{ orders: [{ORDER_INPUT}] }}) {{
          results {{ number outcome order {{ totals {{ total {{ amount }} }} }} errors {{ code }} }} }} }}""",
        {
            "results": [
                {
                    "number": "2001",
                    "outcome": "CREATED",
                    "order": {"totals": {"total": {"amount": "1500"}}},
                    "errors": [],
                }
            ]
        },
    ),
    "Mutation.holdOrder": fulfilling(
        """mutation ($unpaid: ID!) { holdOrder(input: { orderId: $unpaid }) {
          order { status version } errors { code } } }""",
        {"order": {"status": "ON_HOLD", "version": 2}, "errors": []},
    ),
    "Mutation.releaseOrder": fulfilling(
        """mutation ($unpaid: ID!) { releaseOrder(input: { orderId: $unpaid }) {
          order { status version } errors { code } } }""",
        {"order": {"status": "AWAITING_SHIPMENT", "version": 3}, "errors": []},
    ),
    "Mutation.completeOrder": fulfilling(
        """mutation ($delivered: ID!) { completeOrder(input: { orderId: $delivered }) {
          order { status version } errors { code } } }""",
        {"order": {"status": "COMPLETED", "version": 2}, "errors": []},
    ),
    "Mutation.updateOrderStatus": fulfilling(
        """mutation ($unpaid: ID!) { updateOrderStatus(input: { orderId: $unpaid, status: ON_HOLD }) {
          order { status version } errors { code } } }""",
        {"order": {"status": "ON_HOLD", "version": 4}, "errors": []},
    ),
    "Mutation.updatePackageStatus": fulfilling(
        """mutation ($arranged: ID!) {
          updatePackageStatus(input: { packageId: $arranged, status: IN_TRANSIT, trackingNumber: "T-1" }) {
            package { status trackingNumber } order { status } errors { code } } }""",
        {"package": {"status": "IN_TRANSIT", "trackingNumber": "T-1"}, "order": {"status": "IN_TRANSIT"}, "errors": []},
    ),
    "Mutation.splitPackage": fulfilling(
        """mutation ($whole: ID!, $units: ID!) {
          splitPackage(input: { packageId: $whole, items: [{ itemId: $units, quantity: 2 }] }) {
            package { number items { quantity } } newPackage { number items { quantity } } order { version }
            errors { code } } }""",
        {
            "package": {"number": "1003-1", "items": [{"quantity": 1}]},
            "newPackage": {"number": "1003-1-2", "items": [{"quantity": 2}]},
            "order": {"version": 2},
            "errors": [],
        },
    ),
}
SUBSCRIPTIONS: dict[str, Operation] = {
    "Subscription.orderEvents": reading(
        "subscription { orderEvents { __typename actor ... on OrderStatusChanged { from to } } }",
        {"__typename": "OrderStatusChanged", "actor": "tester", "from": "UNPAID", "to": "ON_HOLD"},
    ),
    "Subscription.orderStatusChanged": reading(
        "subscription { orderStatusChanged { sequence order { version } from to } }",
        {"sequence": 2, "order": {"version": 2}, "from": "UNPAID", "to": "ON_HOLD"},
    ),
}
HOLD = """mutation ($order: ID!) {
  holdOrder(input: { orderId: $order }) { errors { code } }
}"""


@pytest.fixture
async def ids(client: Client, database: Database, shop: Shop) -> dict[str, str]:
    """Ids of 1001, split into A and B; 1002, cancelled; 1003, in one package; and 1004 to 1006, in other states."""
    split = (a_package_input("A", dress=2), a_package_input("B", PackageStatus.AWAITING_COLLECTION, dress=1))
    orders = await store(
        database,
        shop,
        an_order_input("1001", packages=split, shipping_fee="4.99"),
        an_order_input("1002", an_item_input("dress", quantity=1)),
        an_order_input("1003"),
        an_order_input("1004", status=OrderStatus.UNPAID),
        an_order_input("1005", status=OrderStatus.DELIVERED),
        an_order_input("1006", status=OrderStatus.AWAITING_COLLECTION),
    )
    uuids = [order.id.hex for order in orders]
    made = await client.data(
        """mutation ($order: ID!) { cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "before" }) {
          cancellation { id } } }""",
        order=f"order_{uuids[1]}",
    )
    return {
        "order": f"order_{uuids[0]}",
        "item": f"item_{uuids[0]}_1",
        "package": f"package_{uuids[0]}_1",
        "cancellation": made["cancelOrder"]["cancellation"]["id"],
        "whole": f"package_{uuids[2]}_1",
        "units": f"item_{uuids[2]}_1",
        "unpaid": f"order_{uuids[3]}",
        "delivered": f"order_{uuids[4]}",
        "arranged": f"package_{uuids[5]}_1",
    }


def test_the_table_has_every_root_field() -> None:
    assert OPERATIONS.keys() | SUBSCRIPTIONS.keys() == root_fields().keys()


async def test_every_root_field_answers(client: Client, database: Database, ids: dict[str, str]) -> None:
    bodies = {field: await client.post(operation.text, **ids) for field, operation in OPERATIONS.items()}

    expected = {field: {"data": {name_of(field): operation.answer}} for field, operation in OPERATIONS.items()}
    assert bodies == expected
    await assert_sound(database)


@pytest.mark.parametrize("field", SUBSCRIPTIONS)
async def test_every_subscription_tells_what_happens(
    client: Client, database: Database, shop: Shop, field: str
) -> None:
    unpaid = await store(
        database, shop, *(an_order_input(f"{number}", status=OrderStatus.UNPAID) for number in range(20))
    )
    order_ids = iter([f"order_{order.id.hex}" for order in unpaid])

    async with client.subscription(SUBSCRIPTIONS[field].text) as results:
        event = await first_heard(results, lambda: client.data(HOLD, order=next(order_ids)))

    assert event == SUBSCRIPTIONS[field].answer


@on_sqlite
async def test_every_root_field_needs_no_other_scope_than_its_own(client: Client, ids: dict[str, str]) -> None:
    bodies = {
        field: await client.with_token(a_token(scope=operation.scope)).post(operation.text, **ids)
        for field, operation in OPERATIONS.items()
    }

    assert {field: body["data"][name_of(field)] for field, body in bodies.items()} == {
        field: operation.answer for field, operation in OPERATIONS.items()
    }


@on_sqlite
async def test_without_its_scope_a_root_field_does_nothing(
    client: Client, database: Database, ids: dict[str, str]
) -> None:
    before = await dump(database)

    bodies = {
        field: await client.with_token(a_token(scope=EVERYTHING.replace(operation.scope, ""))).post(
            operation.text, **ids
        )
        for field, operation in OPERATIONS.items()
    }

    said = {field: [error["extensions"]["code"] for error in body["errors"]] for field, body in bodies.items()}
    assert said == {field: ["FORBIDDEN"] for field in OPERATIONS}
    assert await dump(database) == before


def name_of(field: str) -> str:
    return field.partition(".")[2]
