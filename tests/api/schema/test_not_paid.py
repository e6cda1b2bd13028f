"""Orders that are not paid, over HTTP: what is paid, due and refundable, and what is taken off."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.rules.order_input import PackageInput, PackageItemInput
from domain.rules.vocabulary import OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.support.cancelling import item_id, package_id
from tests.support.client import Client, a_token
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop, an_item_input, an_order_input, store

TOTALS = """
query ($number: String!) {
  orderByNumber(number: $number) {
    status collectOnDelivery paidAt
    totals { total { amount } paid { amount } refunded { amount } refundable { amount } due { amount } }
  }
}
"""
RESULT = """
cancellation { refundStatus refundBreakdown { total { amount } shippingFee { amount } } notification { status } }
errors { code path }
"""
CANCEL = f"mutation ($input: CancelItemsInput!) {{ cancelItems(input: $input) {{ {RESULT} }} }}"
CANCEL_ORDER = f"mutation ($input: CancelOrderInput!) {{ cancelOrder(input: $input) {{ {RESULT} }} }}"
PREVIEW = """
query ($orderId: ID!, $items: [CancelItemInput!]!) {
  previewCancelItems(orderId: $orderId, items: $items, reason: OUT_OF_STOCK) {
    refundBreakdown { total { amount } } errors { code }
  }
}
"""
SETTLE = """
mutation ($input: SettleRefundInput!) { settleRefund(input: $input) { errors { code path } } }
"""
MADE = """
query ($filter: CancellationFilter) {
  cancellations(filter: $filter) { edges { node { id refundStatus } } }
}
"""
RELEASE = "mutation ($input: ReleaseOrderInput!) { releaseOrder(input: $input) { errors { code } } }"
PAID_AT = datetime(2026, 3, 1, 9, 31, tzinfo=UTC)
ON_FULL_CANCELLATION, PROPORTIONAL, NEVER = ShippingRefundPolicy
WAITING, GONE = PackageStatus.AWAITING_SHIPMENT, PackageStatus.CANCELLED


async def totals(client: Client, number: str = "1001") -> dict[str, str]:
    order: dict[str, Any] = (await client.data(TOTALS, number=number))["orderByNumber"]
    return {name: money["amount"] for name, money in order["totals"].items()}


def sums(total: str, paid: str, refunded: str, refundable: str, due: str) -> dict[str, str]:
    return {"total": total, "paid": paid, "refunded": refunded, "refundable": refundable, "due": due}


async def an_order(database: Database, shop: Shop, cancelled: int = 0, **more: Any) -> Order:
    """Three dresses for 30.00, of which some come in cancelled, and 5.00 for shipping."""
    held = PackageItemInput("dress", 3, cancelled)
    package = PackageInput("A", more.pop("package_status", WAITING), (held,))
    given = an_order_input("1001", an_item_input(), packages=(package,), shipping_fee="5.00", **more)
    return (await store(database, shop, given))[0]


def a_request(order: Order, units: int, **more: Any) -> dict[str, Any]:
    entry = {"itemId": item_id(order, "SKU-dress"), "quantity": units}
    request = {"orderId": ids.of_order(order.id), "reason": "OUT_OF_STOCK", "items": [entry], "idempotencyKey": "key-1"}
    return request | more


NOTHING_PAID = sums("35.00", "0.00", "0.00", "0.00", "0.00")
AT_DOOR = {"collect_on_delivery": True}
PAID = {"paid_at": PAID_AT}
CANCELLED: dict[str, Any] = {"status": OrderStatus.CANCELLED}
UNPAID: dict[str, Any] = {"status": OrderStatus.UNPAID}


@on_sqlite
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, sums("35.00", "35.00", "0.00", "35.00", "0.00"), id="paid in advance"),
        pytest.param(PAID, sums("35.00", "35.00", "0.00", "35.00", "0.00"), id="with a time"),
        pytest.param(UNPAID, NOTHING_PAID, id="UNPAID"),
        pytest.param(UNPAID | PAID, NOTHING_PAID, id="UNPAID, with a time"),
        pytest.param({"status": OrderStatus.ON_HOLD}, sums("35.00", "35.00", "0.00", "35.00", "0.00"), id="ON_HOLD"),
        pytest.param(CANCELLED, NOTHING_PAID, id="CANCELLED"),
        pytest.param(CANCELLED | PAID, sums("35.00", "35.00", "35.00", "0.00", "0.00"), id="CANCELLED, with a time"),
        pytest.param({"cancelled": 1}, sums("35.00", "35.00", "10.00", "25.00", "0.00"), id="one cancelled"),
        pytest.param({"cancelled": 1} | UNPAID, NOTHING_PAID, id="UNPAID, one cancelled"),
        pytest.param({"cancelled": 3}, NOTHING_PAID, id="all cancelled"),
        pytest.param({"package_status": GONE}, NOTHING_PAID, id="the package cancelled"),
        pytest.param(AT_DOOR, sums("35.00", "0.00", "0.00", "0.00", "35.00"), id="at the door"),
        pytest.param(AT_DOOR | UNPAID, sums("35.00", "0.00", "0.00", "0.00", "35.00"), id="UNPAID at the door"),
        pytest.param(AT_DOOR | PAID, sums("35.00", "35.00", "0.00", "35.00", "0.00"), id="paid at the door"),
        pytest.param(
            AT_DOOR | {"cancelled": 1}, sums("35.00", "0.00", "0.00", "0.00", "25.00"), id="at the door, one cancelled"
        ),
        pytest.param(
            AT_DOOR | PAID | {"cancelled": 1},
            sums("35.00", "25.00", "0.00", "25.00", "0.00"),
            id="paid at the door, one cancelled",
        ),
        pytest.param(AT_DOOR | CANCELLED, NOTHING_PAID, id="cancelled at the door"),
        pytest.param(
            AT_DOOR | CANCELLED | PAID, sums("35.00", "0.00", "0.00", "0.00", "0.00"), id="paid and cancelled there"
        ),
        pytest.param(
            AT_DOOR | {"package_status": PackageStatus.DELIVERED},
            sums("35.00", "0.00", "0.00", "0.00", "35.00"),
            id="delivered at the door",
        ),
        pytest.param(
            AT_DOOR | {"status": OrderStatus.COMPLETED, "package_status": PackageStatus.DELIVERED},
            sums("35.00", "0.00", "0.00", "0.00", "35.00"),
            id="completed at the door",
        ),
    ],
)
async def test_totals_say_what_is_paid_refundable_and_due(
    client: Client, database: Database, shop: Shop, given: dict[str, Any], expected: dict[str, str]
) -> None:
    await an_order(database, shop, **given)

    assert await totals(client) == expected
    await assert_sound(database)


@on_sqlite
@pytest.mark.parametrize(
    ("policy", "some", "everything"),
    [
        (ON_FULL_CANCELLATION, "25.00", "15.00"),
        (PROPORTIONAL, "23.33", "11.67"),
        (NEVER, "25.00", "15.00"),
    ],
    ids=lambda value: value.name if isinstance(value, ShippingRefundPolicy) else "",
)
async def test_what_is_cancelled_at_the_door_is_taken_off_and_nothing_is_due_in_the_end(
    client: Client, database: Database, policy: ShippingRefundPolicy, some: str, everything: str
) -> None:
    shop = await a_shop(database, "other", policy)
    client = client.with_token(a_token(shop.id))
    order = await an_order(database, shop, collect_on_delivery=True)

    first = (await client.data(CANCEL, input=a_request(order, 1)))["cancelItems"]
    due = [(await totals(client))["due"]]
    await client.data(CANCEL, input=a_request(order, 1, idempotencyKey="key-2"))
    due.append((await totals(client))["due"])
    rest = {"orderId": ids.of_order(order.id), "reason": "OTHER", "idempotencyKey": "key-3"}
    last = (await client.data(CANCEL_ORDER, input=rest))["cancelOrder"]

    assert due == [some, everything]
    assert (first["errors"], last["errors"]) == ([], [])
    assert [each["cancellation"]["refundStatus"] for each in (first, last)] == ["NOT_NEEDED", "NOT_NEEDED"]
    assert await totals(client) == NOTHING_PAID
    await assert_sound(database)


@on_sqlite
async def test_the_breakdown_says_by_how_much_less_is_due_and_nothing_can_be_settled(
    client: Client, database: Database, shop: Shop
) -> None:
    order = await an_order(database, shop, collect_on_delivery=True)
    entries = [{"itemId": item_id(order, "SKU-dress"), "quantity": 2}]
    preview = (await client.data(PREVIEW, orderId=ids.of_order(order.id), items=entries))["previewCancelItems"]
    wrong = await client.data(CANCEL, input=a_request(order, 2, expect={"refundTotal": "0"}))
    right = await client.data(CANCEL, input=a_request(order, 2, expect={"refundTotal": "20"}))

    [made] = (await client.data(MADE, filter={"refundStatuses": ["NOT_NEEDED"]}))["cancellations"]["edges"]
    settled = await client.data(SETTLE, input={"cancellationId": made["node"]["id"], "outcome": "SUCCEEDED"})

    assert preview == {"refundBreakdown": {"total": {"amount": "20.00"}}, "errors": []}
    assert wrong["cancelItems"] == {
        "cancellation": None,
        "errors": [{"code": "REFUND_CHANGED", "path": ["input", "expect", "refundTotal"]}],
    }
    assert right["cancelItems"]["cancellation"] == {
        "refundStatus": "NOT_NEEDED",
        "refundBreakdown": {"total": {"amount": "20.00"}, "shippingFee": {"amount": "0.00"}},
        "notification": {"status": "QUEUED"},
    }
    assert settled["settleRefund"]["errors"] == [{"code": "TRANSITION_NOT_ALLOWED", "path": ["input", "outcome"]}]
    assert (await client.data(MADE, filter={"refundStatuses": ["PENDING"]}))["cancellations"]["edges"] == []
    assert await totals(client) == sums("35.00", "0.00", "0.00", "0.00", "15.00")


@on_sqlite
async def test_what_is_cancelled_once_it_is_paid_at_the_door_is_refunded(
    client: Client, database: Database, shop: Shop
) -> None:
    order = await an_order(database, shop, cancelled=1, collect_on_delivery=True, paid_at=PAID_AT)

    made = (await client.data(CANCEL, input=a_request(order, 1)))["cancelItems"]["cancellation"]

    assert made["refundStatus"] == "PENDING"
    assert await totals(client) == sums("35.00", "25.00", "10.00", "15.00", "0.00")
    await assert_sound(database)


@on_sqlite
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, ("35.00", "0.00"), id="in advance"),
        pytest.param({"cancelled": 1}, ("25.00", "0.00"), id="in advance, one came in cancelled"),
        pytest.param(AT_DOOR, ("0.00", "35.00"), id="at the door"),
    ],
)
async def test_a_release_pays_an_order_unless_it_is_paid_at_the_door(
    client: Client, database: Database, shop: Shop, given: dict[str, Any], expected: tuple[str, str]
) -> None:
    order = await an_order(database, shop, status=OrderStatus.UNPAID, **given)

    await client.data(RELEASE, input={"orderId": ids.of_order(order.id)})

    found = await totals(client)
    assert (found["paid"], found["due"]) == expected
    assert (await client.data(TOTALS, number="1001"))["orderByNumber"]["status"] == "AWAITING_SHIPMENT"
    await assert_sound(database)


@on_sqlite
async def test_neither_a_hold_nor_a_delivery_pays_at_the_door(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(database, shop, collect_on_delivery=True)
    move = "mutation ($input: UpdatePackageStatusInput!) { updatePackageStatus(input: $input) { errors { code } } }"
    hold = "mutation ($input: HoldOrderInput!) { holdOrder(input: $input) { errors { code } } }"
    complete = "mutation ($input: CompleteOrderInput!) { completeOrder(input: $input) { errors { code } } }"
    this = {"orderId": ids.of_order(order.id)}

    await client.data(hold, input=this)
    await client.data(RELEASE, input=this)
    for status in ("AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED"):
        await client.data(move, input={"packageId": package_id(order, "A"), "status": status})
    await client.data(complete, input=this)

    assert (await client.data(TOTALS, number="1001"))["orderByNumber"] | {"totals": None} == {
        "status": "COMPLETED",
        "collectOnDelivery": True,
        "paidAt": None,
        "totals": None,
    }
    assert await totals(client) == sums("35.00", "0.00", "0.00", "0.00", "35.00")
    await assert_sound(database)
