"""Reports of other systems over HTTP: status changes, splits, refunds and mails, with every refusal."""

from typing import Any

from domain.rules.order import Shop
from domain.rules.order_input import BuyerInput
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_cancel_items import Stored, find
from tests.support.client import Client, a_token
from tests.support.invariants import assert_sound, dump
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store
from tests.support.troubles import held_by_others

ERRORS = "errors { code message path retryable }"
PACKAGE = "id number status carrier trackingNumber items { quantity cancelledQuantity item { sku } }"
ORDER_PAYLOAD = f"{{ order {{ status version paidAt }} {ERRORS} }}"
HOLD = f"mutation ($input: HoldOrderInput!) {{ holdOrder(input: $input) {ORDER_PAYLOAD} }}"
RELEASE = f"mutation ($input: ReleaseOrderInput!) {{ releaseOrder(input: $input) {ORDER_PAYLOAD} }}"
COMPLETE = f"mutation ($input: CompleteOrderInput!) {{ completeOrder(input: $input) {ORDER_PAYLOAD} }}"
UPDATE_ORDER = f"mutation ($input: UpdateOrderStatusInput!) {{ updateOrderStatus(input: $input) {ORDER_PAYLOAD} }}"
UPDATE_PACKAGE = f"""mutation ($input: UpdatePackageStatusInput!) {{
  updatePackageStatus(input: $input) {{ package {{ {PACKAGE} }} order {{ status version }} {ERRORS} }} }}"""
SPLIT = f"""mutation ($input: SplitPackageInput!) {{
  splitPackage(input: $input) {{
    package {{ {PACKAGE} }} newPackage {{ {PACKAGE} }} {ERRORS}
    order {{ version packages {{ number }} totals {{ total {{ amount }} refunded {{ amount }} }} }} }} }}"""
SETTLE = f"""mutation ($input: SettleRefundInput!) {{
  settleRefund(input: $input) {{
    cancellation {{ id refundStatus providerReference order {{ version updatedAt }} }} {ERRORS} }} }}"""
RESEND = f"""mutation ($input: ResendNotificationInput!) {{
  resendNotification(input: $input) {{
    cancellation {{ id notification {{ status attempts lastError }} order {{ version }} }} {ERRORS} }} }}"""
CANCEL = """mutation ($order: ID!) {
  cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "cancel" }) { cancellation { id } } }"""
OPERATIONS = {
    "holdOrder": HOLD,
    "releaseOrder": RELEASE,
    "completeOrder": COMPLETE,
    "updateOrderStatus": UPDATE_ORDER,
    "updatePackageStatus": UPDATE_PACKAGE,
    "splitPackage": SPLIT,
    "settleRefund": SETTLE,
    "resendNotification": RESEND,
}


async def tell(client: Client, mutation: str, **given: Any) -> dict[str, Any]:
    """The payload of one of these mutations."""
    payload: dict[str, Any] = (await client.data(OPERATIONS[mutation], input=given))[mutation]
    return payload


def refused(payload: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["code"], ".".join(error["path"])) for error in payload["errors"]]


async def an_order(client: Client, database: Database, shop: Shop, **more: Any) -> Stored:
    """Order 1001: two dresses and a hat in package A, one dress in B."""
    packages = (a_package_input("A", dress=2, hat=1), a_package_input("B", dress=1))
    items = (an_item_input("dress"), an_item_input("hat", quantity=1, subtotal="8.00"))
    await store(database, shop, an_order_input("1001", *items, **({"packages": packages} | more)))
    return Stored(await find(client))


async def a_cancellation(client: Client, order: Stored) -> str:
    made = await client.data(CANCEL, order=order.id)
    return str(made["cancelOrder"]["cancellation"]["id"])


async def test_an_order_is_held_and_released(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop, status=OrderStatus.UNPAID)

    told = [
        await tell(client, act, orderId=order.id) for act in ("holdOrder", "holdOrder", "releaseOrder", "releaseOrder")
    ]

    assert [payload["errors"] for payload in told] == [[], [], [], []]
    assert [(each["order"]["status"], each["order"]["version"]) for each in told] == [
        ("ON_HOLD", 2),
        ("ON_HOLD", 2),
        ("AWAITING_SHIPMENT", 3),
        ("AWAITING_SHIPMENT", 3),
    ]
    assert told[0]["order"]["paidAt"] is None
    assert told[2]["order"]["paidAt"] == told[3]["order"]["paidAt"] is not None
    await assert_sound(database)


@on_sqlite
async def test_update_order_status_still_does_the_same(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop, status=OrderStatus.UNPAID)

    told = [
        await tell(client, "updateOrderStatus", orderId=order.id, status=status)
        for status in ("ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_SHIPMENT")
    ]

    assert [payload["errors"] for payload in told] == [[], [], []]
    assert [(each["order"]["status"], each["order"]["version"]) for each in told] == [
        ("ON_HOLD", 2),
        ("AWAITING_SHIPMENT", 3),
        ("AWAITING_SHIPMENT", 3),
    ]


async def test_a_package_travels_from_the_shelf_to_the_buyer(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop, packages=(a_package_input("A", dress=3, hat=1),))
    package = order.package("A")
    steps = [
        {"status": "AWAITING_COLLECTION", "carrier": "Swift", "trackingNumber": "T-1"},
        {"status": "IN_TRANSIT"},
        {"status": "DELIVERED", "trackingNumber": "T-2"},
    ]

    told = [await tell(client, "updatePackageStatus", packageId=package, **step) for step in steps]
    completed = [await tell(client, "completeOrder", orderId=order.id) for _ in range(2)]

    assert [payload["errors"] for payload in told] == [[], [], []]
    assert [(each["package"]["carrier"], each["package"]["trackingNumber"]) for each in told] == [
        ("Swift", "T-1"),
        ("Swift", "T-1"),
        ("Swift", "T-2"),
    ]
    assert [each["order"] for each in told] == [
        {"status": "AWAITING_COLLECTION", "version": 2},
        {"status": "IN_TRANSIT", "version": 3},
        {"status": "DELIVERED", "version": 4},
    ]
    assert [each["errors"] for each in completed] == [[], []]
    assert [(each["order"]["status"], each["order"]["version"]) for each in completed] == [("COMPLETED", 5)] * 2
    await assert_sound(database)


async def test_a_split_moves_units_and_no_money(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop)
    entries = [{"itemId": order.item("hat"), "quantity": 1}, {"itemId": order.item("dress"), "quantity": 1}]

    payload = await tell(client, "splitPackage", packageId=order.package("A"), items=entries)

    assert payload["errors"] == []
    assert payload["package"]["id"] == order.package("A")
    assert [(each["item"]["sku"], each["quantity"]) for each in payload["package"]["items"]] == [("SKU-dress", 1)]
    new = payload["newPackage"]
    assert (new["number"], new["status"], new["carrier"], new["trackingNumber"]) == (
        "A-2",
        "AWAITING_SHIPMENT",
        None,
        None,
    )
    assert [(each["item"]["sku"], each["quantity"]) for each in new["items"]] == [("SKU-dress", 1), ("SKU-hat", 1)]
    assert payload["order"] == {
        "version": 2,
        "packages": [{"number": "A"}, {"number": "A-2"}, {"number": "B"}],
        "totals": {"total": {"amount": "38.00"}, "refunded": {"amount": "0.00"}},
    }
    await assert_sound(database)


async def test_a_refund_that_failed_may_still_succeed(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop)
    cancellation = await a_cancellation(client, order)
    before = (await tell(client, "settleRefund", cancellationId=cancellation))["cancellation"]

    failed = await tell(client, "settleRefund", cancellationId=cancellation, outcome="FAILED", providerReference="R-1")
    settled = await tell(client, "settleRefund", cancellationId=cancellation, outcome="SUCCEEDED")
    again = await tell(client, "settleRefund", cancellationId=cancellation, outcome="SUCCEEDED")

    assert [failed["errors"], settled["errors"], again["errors"]] == [[], [], []]
    assert failed["cancellation"] == before | {"refundStatus": "FAILED", "providerReference": "R-1"}
    assert settled["cancellation"] == before | {"refundStatus": "SUCCEEDED", "providerReference": "R-1"}
    assert again["cancellation"] == settled["cancellation"]
    await assert_sound(database)


@on_sqlite
async def test_settle_refund_still_takes_a_status(client: Client, database: Database, shop: Shop) -> None:
    cancellation = await a_cancellation(client, await an_order(client, database, shop))

    failed = await tell(client, "settleRefund", cancellationId=cancellation, status="FAILED", outcome=None)
    settled = await tell(client, "settleRefund", cancellationId=cancellation, status="SUCCEEDED")

    assert [failed["errors"], settled["errors"]] == [[], []]
    assert [each["cancellation"]["refundStatus"] for each in (failed, settled)] == ["FAILED", "SUCCEEDED"]


CODES: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "order not found": ("updateOrderStatus", "orderId: nothing, status: ON_HOLD", [("NOT_FOUND", "input.orderId")]),
    "package not found": (
        "updatePackageStatus",
        "packageId: order, status: DELIVERED, carrier: control",
        [("NOT_FOUND", "input.packageId"), ("INVALID_VALUE", "input.carrier")],
    ),
    "order, wrong way": (
        "updateOrderStatus",
        "orderId: order, status: COMPLETED",
        [("TRANSITION_NOT_ALLOWED", "input.status")],
    ),
    "hold, order not found": ("holdOrder", "orderId: nothing", [("NOT_FOUND", "input.orderId")]),
    "hold, wrong way": ("holdOrder", "orderId: order", [("TRANSITION_NOT_ALLOWED", "input.orderId")]),
    "release, wrong way": ("releaseOrder", "orderId: order", [("TRANSITION_NOT_ALLOWED", "input.orderId")]),
    "completion, wrong way": ("completeOrder", "orderId: order", [("TRANSITION_NOT_ALLOWED", "input.orderId")]),
    "package, wrong way": (
        "updatePackageStatus",
        "packageId: A, status: CANCELLED, carrier: control, trackingNumber: long",
        [
            ("TRANSITION_NOT_ALLOWED", "input.status"),
            ("INVALID_VALUE", "input.carrier"),
            ("INVALID_VALUE", "input.trackingNumber"),
        ],
    ),
    "split of nothing": (
        "splitPackage",
        "packageId: A, items: ",
        [("EMPTY_SELECTION", "input.items")],
    ),
    "split of what is not there": (
        "splitPackage",
        "packageId: order, items: dress 0 dress 1 dress 1",
        [
            ("NOT_FOUND", "input.packageId"),
            ("INVALID_QUANTITY", "input.items.0.quantity"),
            ("DUPLICATE_ITEM", "input.items.1.itemId"),
            ("DUPLICATE_ITEM", "input.items.2.itemId"),
        ],
    ),
    "split, wrong entries": (
        "splitPackage",
        "packageId: A, items: dress 3 nothing 1 dress 1 hat 0",
        [
            ("QUANTITY_EXCEEDED", "input.items.0.quantity"),
            ("NOT_FOUND", "input.items.1.itemId"),
            ("DUPLICATE_ITEM", "input.items.2.itemId"),
            ("INVALID_QUANTITY", "input.items.3.quantity"),
        ],
    ),
    "split of everything": (
        "splitPackage",
        "packageId: A, items: dress 2 hat 1",
        [("INVALID_VALUE", "input.items")],
    ),
    "split of what has left": (
        "splitPackage",
        "packageId: B, items: dress 1",
        [("TRANSITION_NOT_ALLOWED", "input.packageId")],
    ),
    "refund not found": (
        "settleRefund",
        "cancellationId: order, status: NOT_NEEDED, providerReference: control",
        [
            ("NOT_FOUND", "input.cancellationId"),
            ("INVALID_VALUE", "input.status"),
            ("INVALID_VALUE", "input.providerReference"),
        ],
    ),
    "refund without outcome": (
        "settleRefund",
        "cancellationId: order, providerReference: control",
        [
            ("NOT_FOUND", "input.cancellationId"),
            ("INVALID_VALUE", "input.outcome"),
            ("INVALID_VALUE", "input.providerReference"),
        ],
    ),
    "refund with two outcomes": (
        "settleRefund",
        "cancellationId: settled, outcome: SUCCEEDED, status: SUCCEEDED",
        [("INVALID_VALUE", "input.outcome")],
    ),
    "refund, wrong way": (
        "settleRefund",
        "cancellationId: settled, outcome: FAILED",
        [("TRANSITION_NOT_ALLOWED", "input.outcome")],
    ),
    "refund, wrong way, told by status": (
        "settleRefund",
        "cancellationId: settled, status: FAILED",
        [("TRANSITION_NOT_ALLOWED", "input.status")],
    ),
    "mail not found": ("resendNotification", "cancellationId: A", [("NOT_FOUND", "input.cancellationId")]),
    "mail to nobody": ("resendNotification", "cancellationId: unheard", [("INVALID_VALUE", "input.cancellationId")]),
}


def input_of(text: str, words: dict[str, str]) -> dict[str, Any]:
    """The input that a row of the table describes, with its words replaced by the ids and texts that they name."""
    given: dict[str, Any] = dict(part.split(": ", 1) for part in text.split(", "))
    if "items" in given:
        entries = given["items"].split()
        given["items"] = [
            {"itemId": words[item], "quantity": int(quantity)}
            for item, quantity in zip(entries[::2], entries[1::2], strict=True)
        ]
    return {name: words.get(word, word) if isinstance(word, str) else word for name, word in given.items()}


@on_sqlite
async def test_every_refusal_reports_all_problems_and_does_nothing(
    client: Client, database: Database, shop: Shop
) -> None:
    packages = (a_package_input("A", dress=2, hat=1), a_package_input("B", PackageStatus.IN_TRANSIT, dress=1))
    order = await an_order(client, database, shop, packages=packages)
    await store(database, shop, an_order_input("1002"), an_order_input("1003", buyer=BuyerInput("Ada", "nowhere")))
    settled = await a_cancellation(client, Stored(await find(client, "1002")))
    unheard = (await client.data(CANCEL.replace('"cancel"', '"2"'), order=(await find(client, "1003"))["id"]))[
        "cancelOrder"
    ]["cancellation"]["id"]
    await tell(client, "settleRefund", cancellationId=settled, outcome="SUCCEEDED")
    words = {
        "order": order.id,
        "A": order.package("A"),
        "B": order.package("B"),
        "dress": order.item("dress"),
        "hat": order.item("hat"),
        "settled": settled,
        "unheard": unheard,
        "control": "a\0",
        "long": "1" * 101,
    }
    before = await dump(database)

    payloads = {
        row: await tell(client, mutation, **input_of(text, words | {"nothing": "nothing"}))
        for row, (mutation, text, _) in CODES.items()
    }

    assert {row: refused(payload) for row, payload in payloads.items()} == {row: each[2] for row, each in CODES.items()}
    assert {error["retryable"] for payload in payloads.values() for error in payload["errors"]} == {False}
    assert await dump(database) == before


def test_every_code_is_provoked_here_or_by_an_import() -> None:
    told = {code for _, _, errors in CODES.values() for code, _ in errors}

    of_imports = {"AMOUNTS_DO_NOT_ADD_UP", "NUMBER_TAKEN"}
    assert told | of_imports | {"TRY_AGAIN"} == set(FulfillmentErrorCode.__members__)


@on_sqlite
async def test_ids_that_are_not_the_shops_are_all_alike(client: Client, database: Database, shop: Shop) -> None:
    other = client.with_token(a_token("other"))
    foreign = await an_order(other, database, await a_shop(database, "other"))
    foreign_cancellation = await a_cancellation(other, Stored(await find(other)))
    mine = await an_order(client, database, shop)
    strange = [foreign.id, foreign.package("A"), foreign_cancellation, mine.item("dress"), "", "x" * 5000, "\0"]
    entries = [{"itemId": mine.item("dress"), "quantity": 1}]
    before = await dump(database)

    told = [
        [
            *[await tell(client, act, orderId=each) for act in ("holdOrder", "releaseOrder", "completeOrder")],
            await tell(client, "updateOrderStatus", orderId=each, status="ON_HOLD"),
            await tell(client, "updatePackageStatus", packageId=each, status="AWAITING_COLLECTION"),
            await tell(client, "splitPackage", packageId=each, items=entries),
            await tell(client, "settleRefund", cancellationId=each, outcome="SUCCEEDED"),
            await tell(client, "resendNotification", cancellationId=each),
        ]
        for each in strange
    ]

    assert told == [told[0]] * len(strange)
    assert [refused(payload) for payload in told[0]] == [
        *[[("NOT_FOUND", "input.orderId")]] * 4,
        [("NOT_FOUND", "input.packageId")],
        [("NOT_FOUND", "input.packageId")],
        [("NOT_FOUND", "input.cancellationId")],
        [("NOT_FOUND", "input.cancellationId")],
    ]
    assert {part for payload in told[0] for name, part in payload.items() if name != "errors"} == {None}
    assert await dump(database) == before


async def test_an_order_that_stays_busy_can_be_told_again(
    client: Client, database: Database, shop: Shop, database_url: str
) -> None:
    order = await an_order(client, database, shop)

    async with held_by_others(database, database_url):
        busy = await tell(client, "holdOrder", orderId=order.id)
    later = await tell(client, "holdOrder", orderId=order.id)

    message = "The order is busy; try again in a moment."
    assert busy["errors"] == [{"code": "TRY_AGAIN", "message": message, "path": [], "retryable": True}]
    assert (later["errors"], later["order"]["status"]) == ([], "ON_HOLD")
