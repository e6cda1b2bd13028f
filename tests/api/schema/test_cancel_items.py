"""Cancelling units over HTTP: previews, cancellations, and every refusal."""

from typing import Any

import pytest

from domain.rules.order import Shop
from domain.rules.order_input import BuyerInput, FeeInput
from domain.rules.vocabulary import FeeKind, OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.support.client import Client, a_token
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store
from tests.support.troubles import held_by_others

ERRORS = """
errors {
  code message path itemId packageId cancellableQuantity notCancellableReason retryable
  currentPreview { orderVersion orderStatusAfter refundBreakdown { total { amount } } errors { code } }
}
"""
BREAKDOWN = """
refundBreakdown {
  itemsSubtotal { amount } sellerDiscount { amount } platformDiscount { amount } itemTax { amount }
  shippingFee { amount } shippingTax { amount } fees { kind amount { amount } } total { amount currency formatted }
  lines {
    quantity item { sku } package { number }
    subtotal { amount } sellerDiscount { amount } platformDiscount { amount } tax { amount } total { amount }
  }
}
"""
PREVIEW = f"""
query ($orderId: ID!, $items: [CancelItemInput!]!, $reason: CancellationReason! = OUT_OF_STOCK) {{
  previewCancelItems(orderId: $orderId, reason: $reason, items: $items) {{
    orderVersion orderStatusAfter {BREAKDOWN} {ERRORS}
  }}
}}
"""
CANCEL = f"""
mutation ($input: CancelItemsInput!) {{
  cancelItems(input: $input) {{
    replayed
    cancellation {{
      id scope reason note actor idempotencyKey refundStatus package {{ number }}
      notification {{ status attempts sentAt lastError }}
      {BREAKDOWN}
      lines {{ quantity item {{ sku }} package {{ number }} refund {{ total {{ amount }} }} }}
    }}
    order {{
      id number version status cancellable notCancellableReason itemsCancellable
      totals {{ refunded {{ amount }} refundable {{ amount }} }}
      packages {{ number status }}
      cancellations {{ id }}
    }}
    {ERRORS}
  }}
}}
"""
ORDER = """
query ($number: String!) {
  orderByNumber(number: $number) {
    id version status cancellable notCancellableReason itemsCancellable
    items { id sku quantity cancelledQuantity cancellable cancellableQuantity notCancellableReason
      unitPrice { amount } total { amount } }
    packages { id number status cancellable notCancellableReason
      items { quantity cancelledQuantity cancellable cancellableQuantity notCancellableReason item { sku } } }
    cancellations { id idempotencyKey reason lines { quantity } refundBreakdown { total { amount } } order { number } }
  }
}
"""

DUPLICATE = "An earlier entry names this item and package; combine them into one."


class Stored:
    """The ids of a stored order, and requests about it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.id: str = order["id"]
        self._items = {item["sku"].removeprefix("SKU-"): item["id"] for item in order["items"]}
        self._packages = {package["number"]: package["id"] for package in order["packages"]}

    def item(self, ref: str) -> str:
        return str(self._items[ref])

    def package(self, number: str) -> str:
        return str(self._packages[number])

    def entry(self, ref: str, quantity: int, package: str | None = None) -> dict[str, Any]:
        entry: dict[str, Any] = {"itemId": self.item(ref), "quantity": quantity}
        return entry | ({"packageId": self.package(package)} if package else {})

    def request(self, *entries: dict[str, Any], key: str = "key-1", **more: Any) -> dict[str, Any]:
        items = list(entries)
        return {"orderId": self.id, "reason": "OUT_OF_STOCK", "items": items, "idempotencyKey": key} | more


async def find(client: Client, number: str = "1001") -> dict[str, Any]:
    order: dict[str, Any] = (await client.data(ORDER, number=number))["orderByNumber"]
    return order


async def preview(client: Client, order_id: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = await client.data(PREVIEW, orderId=order_id, items=list(items), **more)
    answer: dict[str, Any] = data["previewCancelItems"]
    return answer


async def cancel(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = (await client.data(CANCEL, input=request))["cancelItems"]
    return payload


def an_error(code: str, message: str, path: list[str], **more: Any) -> dict[str, Any]:
    fields = ("itemId", "packageId", "cancellableQuantity", "notCancellableReason", "currentPreview")
    error = {"code": code, "message": message, "path": path, "retryable": False}
    return error | dict.fromkeys(fields) | more


@pytest.fixture
async def split(client: Client, database: Database, shop: Shop) -> Stored:
    """Order 1001: dresses in A (3, awaiting shipment) and B (2, awaiting collection), hats in C (in transit)."""
    dress = an_item_input("dress", quantity=5, subtotal="50.00")
    hat = an_item_input("hat", quantity=2, subtotal="8.00")
    packages = (
        a_package_input("A", dress=3),
        a_package_input("B", PackageStatus.AWAITING_COLLECTION, dress=2),
        a_package_input("C", PackageStatus.IN_TRANSIT, hat=2),
    )
    await store(database, shop, an_order_input("1001", dress, hat, packages=packages))
    return Stored(await find(client))


async def test_preview_and_cancellation_say_the_same_to_the_cent(
    client: Client, database: Database, shop: Shop
) -> None:
    dress = an_item_input(
        "dress", quantity=3, subtotal="30.98", seller_discount="5.00", platform_discount="1.00", tax="4.00"
    )
    await store(database, shop, an_order_input("1001", dress, an_item_input("hat"), shipping_fee="4.99"))
    order = Stored(await find(client))

    previewed = await preview(client, order.id, order.entry("dress", 2))
    expect = {"orderVersion": previewed["orderVersion"], "refundTotal": "16.65"}
    payload = await cancel(client, order.request(order.entry("dress", 2), note="shelf 3", expect=expect))

    assert previewed == {
        "orderVersion": 1,
        "orderStatusAfter": "AWAITING_SHIPMENT",
        "errors": [],
        "refundBreakdown": {
            "itemsSubtotal": {"amount": "20.65"},
            "sellerDiscount": {"amount": "3.33"},
            "platformDiscount": {"amount": "0.67"},
            "itemTax": {"amount": "2.67"},
            "shippingFee": {"amount": "0.00"},
            "shippingTax": {"amount": "0.00"},
            "fees": [],
            "total": {"amount": "16.65", "currency": "USD", "formatted": "$16.65"},
            "lines": [
                {
                    "quantity": 2,
                    "item": {"sku": "SKU-dress"},
                    "package": {"number": "1001-1"},
                    "subtotal": {"amount": "20.65"},
                    "sellerDiscount": {"amount": "3.33"},
                    "platformDiscount": {"amount": "0.67"},
                    "tax": {"amount": "2.67"},
                    "total": {"amount": "16.65"},
                }
            ],
        },
    }
    assert payload["errors"] == []
    assert payload["replayed"] is False
    cancellation = payload["cancellation"]
    assert cancellation.pop("id").startswith("cancellation_")
    assert cancellation == {
        "scope": "ITEMS",
        "reason": "OUT_OF_STOCK",
        "note": "shelf 3",
        "actor": "tester",
        "idempotencyKey": "key-1",
        "refundStatus": "PENDING",
        "package": None,
        "notification": {"status": "QUEUED", "attempts": 0, "sentAt": None, "lastError": None},
        "refundBreakdown": previewed["refundBreakdown"],
        "lines": [
            {
                "quantity": 2,
                "item": {"sku": "SKU-dress"},
                "package": {"number": "1001-1"},
                "refund": {"total": {"amount": "16.65"}},
            }
        ],
    }
    assert payload["order"]["version"] == 2
    assert payload["order"]["totals"] == {"refunded": {"amount": "16.65"}, "refundable": {"amount": "43.32"}}


async def test_a_preview_writes_nothing(client: Client, split: Stored) -> None:
    before = await find(client)

    await preview(client, split.id, split.entry("dress", 3))

    assert await find(client) == before


@on_sqlite
async def test_greyed_out_items_and_packages_come_back_with_their_reasons(client: Client, split: Stored) -> None:
    order = await find(client)

    assert order["id"] == split.id
    assert order["status"] == "PARTIALLY_SHIPPING"
    assert (order["cancellable"], order["notCancellableReason"], order["itemsCancellable"]) == (False, "SHIPPED", True)
    assert [{**item, "id": ""} for item in order["items"]] == [
        {
            "id": "",
            "sku": "SKU-dress",
            "quantity": 5,
            "cancelledQuantity": 0,
            "cancellable": True,
            "cancellableQuantity": 3,
            "notCancellableReason": None,
            "unitPrice": {"amount": "10.00"},
            "total": {"amount": "50.00"},
        },
        {
            "id": "",
            "sku": "SKU-hat",
            "quantity": 2,
            "cancelledQuantity": 0,
            "cancellable": False,
            "cancellableQuantity": 0,
            "notCancellableReason": "SHIPPED",
            "unitPrice": {"amount": "4.00"},
            "total": {"amount": "8.00"},
        },
    ]
    units = [(package["number"], package["cancellable"], package["items"][0]) for package in order["packages"]]
    assert units == [
        (
            "A",
            True,
            {
                "quantity": 3,
                "cancelledQuantity": 0,
                "cancellable": True,
                "cancellableQuantity": 3,
                "notCancellableReason": None,
                "item": {"sku": "SKU-dress"},
            },
        ),
        (
            "B",
            True,
            {
                "quantity": 2,
                "cancelledQuantity": 0,
                "cancellable": False,
                "cancellableQuantity": 0,
                "notCancellableReason": "AWAITING_COLLECTION",
                "item": {"sku": "SKU-dress"},
            },
        ),
        (
            "C",
            False,
            {
                "quantity": 2,
                "cancelledQuantity": 0,
                "cancellable": False,
                "cancellableQuantity": 0,
                "notCancellableReason": "SHIPPED",
                "item": {"sku": "SKU-hat"},
            },
        ),
    ]


async def test_the_last_cancellable_units_end_their_package_and_move_the_order_on(
    client: Client, split: Stored
) -> None:
    payload = await cancel(client, split.request(split.entry("dress", 3)))

    assert payload["order"]["packages"] == [
        {"number": "A", "status": "CANCELLED"},
        {"number": "B", "status": "AWAITING_COLLECTION"},
        {"number": "C", "status": "IN_TRANSIT"},
    ]
    assert payload["order"]["status"] == "PARTIALLY_SHIPPING"
    assert payload["order"]["itemsCancellable"] is False


async def test_cancelling_everything_gives_back_shipping_and_fees_too(
    client: Client, database: Database, shop: Shop
) -> None:
    fees = (FeeInput(FeeKind.HANDLING, "0.50"),)
    order_input = an_order_input(
        "1001",
        an_item_input("dress", quantity=1, subtotal="10.00", tax="1.00"),
        prices_include_tax=False,
        shipping_fee="4.00",
        shipping_tax="0.40",
        fees=fees,
        total="15.90",
    )
    await store(database, shop, order_input)
    order = Stored(await find(client))

    payload = await cancel(client, order.request(order.entry("dress", 1)))

    breakdown = payload["cancellation"]["refundBreakdown"]
    assert breakdown["shippingFee"] == {"amount": "4.00"}
    assert breakdown["shippingTax"] == {"amount": "0.40"}
    assert breakdown["fees"] == [{"kind": "HANDLING", "amount": {"amount": "0.50"}}]
    assert breakdown["total"] == {"amount": "15.90", "currency": "USD", "formatted": "$15.90"}
    assert payload["order"]["status"] == "CANCELLED"
    assert payload["order"]["notCancellableReason"] == "ALREADY_CANCELLED"
    assert payload["order"]["totals"] == {"refunded": {"amount": "15.90"}, "refundable": {"amount": "0.00"}}


@on_sqlite
async def test_a_shop_that_never_gives_shipping_back_does_not(client: Client, database: Database) -> None:
    mean = await a_shop(database, "mean", ShippingRefundPolicy.NEVER)
    item = an_item_input("dress", quantity=1, subtotal="10.00")
    await store(database, mean, an_order_input("1001", item, shipping_fee="4.00"))
    other = client.with_token(a_token("mean"))
    order = Stored(await find(other))

    payload = await cancel(other, order.request(order.entry("dress", 1)))

    assert payload["cancellation"]["refundBreakdown"]["total"]["amount"] == "10.00"
    assert payload["order"]["totals"] == {"refunded": {"amount": "10.00"}, "refundable": {"amount": "4.00"}}


@on_sqlite
@pytest.mark.parametrize(
    ("subtotal", "total"),
    [
        ("1000", {"amount": "333", "currency": "JPY", "formatted": "¥333"}),
        ("10.000", {"amount": "3.333", "currency": "KWD", "formatted": "KWD3.333"}),
    ],
    ids=["JPY", "KWD"],
)
async def test_amounts_have_the_digits_of_their_currency(
    client: Client, database: Database, shop: Shop, subtotal: str, total: dict[str, str]
) -> None:
    item = an_item_input("dress", quantity=3, subtotal=subtotal)
    order_input = an_order_input("1001", item, currency=total["currency"], shipping_fee="0", shipping_tax="0")
    await store(database, shop, order_input)
    order = Stored(await find(client))

    payload = await cancel(client, order.request(order.entry("dress", 1), expect={"refundTotal": total["amount"]}))

    assert payload["cancellation"]["refundBreakdown"]["total"] == total


@on_sqlite
async def test_a_gift_gives_nothing_back_and_needs_no_refund(client: Client, database: Database, shop: Shop) -> None:
    gift = an_item_input("sticker", quantity=1, subtotal="0.00", is_gift=True)
    await store(database, shop, an_order_input("1001", an_item_input("dress"), gift))
    order = Stored(await find(client))

    payload = await cancel(client, order.request(order.entry("sticker", 1)))

    assert payload["cancellation"]["refundStatus"] == "NOT_NEEDED"
    assert payload["cancellation"]["refundBreakdown"]["total"]["amount"] == "0.00"
    assert payload["order"]["version"] == 2


@on_sqlite
async def test_a_buyer_without_a_usable_address_is_told_nothing(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("1001", buyer=BuyerInput("Ada Buyer", "nowhere")))
    order = Stored(await find(client))

    payload = await cancel(client, order.request(order.entry("dress", 1)))

    assert payload["cancellation"]["notification"] == {
        "status": "FAILED",
        "attempts": 0,
        "sentAt": None,
        "lastError": "The buyer has no usable e-mail address.",
    }


async def test_an_order_lists_its_cancellations_oldest_first(client: Client, split: Stored) -> None:
    await cancel(client, split.request(split.entry("dress", 1), key="first"))
    await cancel(client, split.request(split.entry("dress", 2), key="second"))

    order = await find(client)

    assert [{**made, "id": ""} for made in order["cancellations"]] == [
        {
            "id": "",
            "idempotencyKey": "first",
            "reason": "OUT_OF_STOCK",
            "lines": [{"quantity": 1}],
            "refundBreakdown": {"total": {"amount": "10.00"}},
            "order": {"number": "1001"},
        },
        {
            "id": "",
            "idempotencyKey": "second",
            "reason": "OUT_OF_STOCK",
            "lines": [{"quantity": 2}],
            "refundBreakdown": {"total": {"amount": "20.00"}},
            "order": {"number": "1001"},
        },
    ]


async def test_the_same_request_under_the_same_key_has_one_effect(client: Client, split: Stored) -> None:
    request = split.request(split.entry("dress", 1), expect={"refundTotal": "10.00", "orderVersion": 1})
    first = await cancel(client, request)
    await cancel(client, split.request(split.entry("dress", 1), key="key-2"))

    again = await cancel(client, request | {"expect": {"refundTotal": "10.0", "orderVersion": 1}, "note": None})

    assert again["replayed"] is True
    assert again["errors"] == []
    assert again["cancellation"] == first["cancellation"]
    assert again["order"]["version"] == 3
    assert len(again["order"]["cancellations"]) == 2


async def test_another_request_under_a_used_key_is_refused_alone(client: Client, split: Stored) -> None:
    await cancel(client, split.request(split.entry("dress", 1)))

    payload = await cancel(client, split.request(split.entry("hat", 0), reason="OTHER"))

    message = "The key was used for another request; use a new key."
    assert payload["errors"] == [an_error("IDEMPOTENCY_KEY_REUSED", message, ["input", "idempotencyKey"])]
    assert payload["cancellation"] is None
    assert payload["replayed"] is False
    assert payload["order"]["version"] == 2


async def test_a_refused_call_does_not_use_its_key_up(client: Client, split: Stored) -> None:
    await cancel(client, split.request(split.entry("dress", 4)))

    payload = await cancel(client, split.request(split.entry("dress", 3)))

    assert payload["errors"] == []
    assert payload["replayed"] is False


async def test_an_order_that_is_not_there_is_an_error_without_an_order(client: Client, split: Stored) -> None:
    unknown = split.request(split.entry("dress", 0), split.entry("dress", 1)) | {"orderId": "order_" + "0" * 32}

    payload = await cancel(client, unknown)
    previewed = await preview(client, unknown["orderId"], split.entry("dress", 0), split.entry("dress", 1))

    item = split.item("dress")
    assert payload["errors"] == [
        an_error("ORDER_NOT_FOUND", "The shop has no order with this id.", ["input", "orderId"]),
        an_error("INVALID_QUANTITY", "Cancel at least 1 unit.", ["input", "items", "0", "quantity"], itemId=item),
        an_error("DUPLICATE_ITEM", DUPLICATE, ["input", "items", "1", "itemId"], itemId=item),
    ]
    assert payload["order"] is None
    assert [error["path"] for error in previewed["errors"]] == [
        ["orderId"],
        ["items", "0", "quantity"],
        ["items", "1", "itemId"],
    ]
    assert previewed["orderVersion"] is None
    assert previewed["refundBreakdown"] is None
    assert previewed["orderStatusAfter"] is None


async def test_ids_that_are_not_the_shops_all_get_the_same_errors(
    client: Client, database: Database, split: Stored
) -> None:
    foreign = await a_shop(database, "other")
    [theirs] = await store(database, foreign, an_order_input("1001"))
    wrong = ["", "\0", "nonsense", split.item("dress"), f"order_{theirs.id.hex}", "order_" + "f" * 32]

    payloads = [await cancel(client, split.request(split.entry("dress", 1), orderId=order)) for order in wrong]

    error = an_error("ORDER_NOT_FOUND", "The shop has no order with this id.", ["input", "orderId"])
    assert [payload["errors"] for payload in payloads] == [[error]] * len(wrong)
    assert [payload["order"] for payload in payloads] == [None] * len(wrong)


async def test_everything_wrong_with_the_entries_is_reported_in_their_order(client: Client, split: Stored) -> None:
    dress, hat, b, c = split.item("dress"), split.item("hat"), split.package("B"), split.package("C")
    entries = [
        {"itemId": "item_unknown", "quantity": 0},
        {"itemId": dress, "quantity": 1, "packageId": "package_unknown"},
        {"itemId": dress, "quantity": 1, "packageId": c},
        {"itemId": dress, "quantity": 0},
        {"itemId": dress, "quantity": 1},
        {"itemId": hat, "quantity": 9},
        {"itemId": dress, "quantity": 1, "packageId": b},
        {"itemId": dress, "quantity": 4, "packageId": split.package("A")},
    ]

    payload = await cancel(client, split.request(*entries))
    previewed = await preview(client, split.id, *entries)

    no_item = "The order has no item with this id."
    no_package = "The order has no package with this id that holds units of this item."
    shipped = "No unit can be cancelled: the carrier has collected it."
    waiting = "No unit can be cancelled: the package is waiting for the carrier and can only be cancelled whole."
    expected = [
        an_error("ITEM_NOT_FOUND", no_item, ["items", "0", "itemId"], itemId="item_unknown"),
        an_error(
            "PACKAGE_NOT_FOUND", no_package, ["items", "1", "packageId"], itemId=dress, packageId="package_unknown"
        ),
        an_error("PACKAGE_NOT_FOUND", no_package, ["items", "2", "packageId"], itemId=dress, packageId=c),
        an_error("INVALID_QUANTITY", "Cancel at least 1 unit.", ["items", "3", "quantity"], itemId=dress),
        an_error("DUPLICATE_ITEM", DUPLICATE, ["items", "4", "itemId"], itemId=dress),
        an_error("NOT_CANCELLABLE", shipped, ["items", "5", "itemId"], itemId=hat, notCancellableReason="SHIPPED"),
        an_error(
            "NOT_CANCELLABLE",
            waiting,
            ["items", "6", "itemId"],
            itemId=dress,
            packageId=b,
            notCancellableReason="AWAITING_COLLECTION",
        ),
        an_error(
            "QUANTITY_EXCEEDED",
            "You asked for 4, but only 3 can be cancelled.",
            ["items", "7", "quantity"],
            itemId=dress,
            packageId=split.package("A"),
            cancellableQuantity=3,
        ),
    ]
    assert previewed["errors"] == expected
    assert previewed["orderVersion"] == 1
    assert payload["errors"] == [{**error, "path": ["input", *error["path"]]} for error in expected]
    assert payload["cancellation"] is None
    assert payload["order"]["version"] == 1


async def test_everything_wrong_with_the_call_comes_first(client: Client, split: Stored) -> None:
    request = split.request(key="not visible", note="bell\a", reason="BUYER_REQUESTED")

    payload = await cancel(client, request)

    not_allowed = "BUYER_REQUESTED does not unlock ITEMS; cancellationReasons lists what each reason unlocks."
    assert payload["errors"] == [
        an_error(
            "INVALID_IDEMPOTENCY_KEY",
            "An idempotency key has 1 to 255 visible ASCII characters and no spaces.",
            ["input", "idempotencyKey"],
        ),
        an_error(
            "INVALID_TEXT",
            "The note contains control characters; only tabs and line breaks are allowed.",
            ["input", "note"],
        ),
        an_error("EMPTY_SELECTION", "Select at least one item to cancel.", ["input", "items"]),
        an_error("REASON_NOT_ALLOWED", not_allowed, ["input", "reason"]),
    ]
    assert payload["order"]["version"] == 1


@on_sqlite
async def test_a_preview_without_items_and_with_the_wrong_reason_says_both(client: Client, split: Stored) -> None:
    previewed = await preview(client, split.id, reason="OTHER")

    assert [(error["code"], error["path"]) for error in previewed["errors"]] == [
        ("EMPTY_SELECTION", ["items"]),
        ("REASON_NOT_ALLOWED", ["reason"]),
    ]


@on_sqlite
@pytest.mark.parametrize("key", ["", "a b", "é", "\0", "x" * 256], ids=["empty", "space", "accent", "NUL", "256"])
async def test_a_key_that_is_not_visible_ascii_is_refused(client: Client, split: Stored, key: str) -> None:
    payload = await cancel(client, split.request(split.entry("dress", 1), key=key))

    assert [error["code"] for error in payload["errors"]] == ["INVALID_IDEMPOTENCY_KEY"]


@on_sqlite
async def test_a_note_of_2000_code_points_is_kept_as_it_is(client: Client, split: Stored) -> None:
    note = "\t\r\n\u202e" + "😀" * 1996

    payload = await cancel(client, split.request(split.entry("dress", 1), note=note))

    assert payload["cancellation"]["note"] == note


@on_sqlite
async def test_a_longer_note_is_refused(client: Client, split: Stored) -> None:
    payload = await cancel(client, split.request(split.entry("dress", 1), note="😀" * 2001))

    message = "The note has 2,001 characters; at most 2,000 are allowed."
    assert payload["errors"] == [an_error("TEXT_TOO_LONG", message, ["input", "note"])]


async def test_what_the_seller_saw_has_to_hold_still(client: Client, split: Stored) -> None:
    await cancel(client, split.request(split.entry("dress", 1), key="another"))
    expect = {"orderVersion": 1, "refundTotal": "9.99"}

    payload = await cancel(client, split.request(split.entry("dress", 2), expect=expect))

    now = {
        "orderVersion": 2,
        "orderStatusAfter": "PARTIALLY_SHIPPING",
        "refundBreakdown": {"total": {"amount": "20.00"}},
        "errors": [],
    }
    assert payload["errors"] == [
        an_error(
            "ORDER_CHANGED",
            "The order is at version 2, not 1; review it and retry.",
            ["input", "expect", "orderVersion"],
            currentPreview=now,
        ),
        an_error(
            "REFUND_CHANGED",
            "The refund would now be 20.00, not 9.99; review it and retry.",
            ["input", "expect", "refundTotal"],
            currentPreview=now,
        ),
    ]
    assert payload["cancellation"] is None
    assert payload["order"]["version"] == 2


@on_sqlite
async def test_an_expected_total_with_too_many_digits_is_another_total(client: Client, split: Stored) -> None:
    payload = await cancel(client, split.request(split.entry("dress", 1), expect={"refundTotal": "10.001"}))

    assert [error["code"] for error in payload["errors"]] == ["REFUND_CHANGED"]


@on_sqlite
@pytest.mark.parametrize("total", ["NaN", "1e400", "", "ten"])
async def test_an_expected_total_that_is_no_number_is_bad_input(client: Client, split: Stored, total: str) -> None:
    request = split.request(split.entry("dress", 1), expect={"refundTotal": total})

    body = await client.post(CANCEL, input=request)

    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
    assert (await find(client))["version"] == 1


@on_sqlite
@pytest.mark.parametrize(
    "expect",
    [
        "{refundTotal: 1%s}" % ("0" * 100),
        "{refundTotal: -1%s}" % ("0" * 100),
        "{refundTotal: 1%s}" % ("0" * 4500),
        '{refundTotal: "1%s"}' % ("0" * 100),
        "{refundTotal: 1e2}",
        "{refundTotal: 10.00}",
        "{refundTotal: true}",
        "{refundTotal: TEN}",
        '{refundTotal: ["10.00"]}',
        "{refundTotal: {}}",
        "{orderVersion: 1%s}" % ("0" * 100),
        "{orderVersion: 1%s}" % ("0" * 4500),
        '{orderVersion: "2"}',
        "{orderVersion: 2.0}",
        "{orderVersion: true}",
        '{total: "10.00"}',
        '"10.00"',
        "[1]",
    ],
    ids=lambda text: text[:40],
)
async def test_an_expectation_of_any_other_form_stops_the_cancellation(
    client: Client, split: Stored, expect: str
) -> None:
    query = """mutation ($orderId: ID!, $items: [CancelItemInput!]!) { cancelItems(input: {
        orderId: $orderId, items: $items, reason: OUT_OF_STOCK, idempotencyKey: "1", expect: %s
    }) { cancellation { id } } }"""
    request = split.request(split.entry("dress", 1))

    body = await client.post(query % expect, orderId=request["orderId"], items=request["items"])

    assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}
    assert (await find(client))["version"] == 1


@on_sqlite
@pytest.mark.parametrize("status", [OrderStatus.UNPAID, OrderStatus.ON_HOLD])
async def test_orders_that_are_unpaid_or_on_hold_are_refused(
    client: Client, database: Database, shop: Shop, status: OrderStatus
) -> None:
    await store(database, shop, an_order_input("1001", status=status))
    order = Stored(await find(client))

    previewed = await preview(client, order.id, order.entry("dress", 1))

    assert [(error["code"], error["notCancellableReason"]) for error in previewed["errors"]] == [
        ("NOT_CANCELLABLE", status.name)
    ]


async def test_an_order_that_stays_busy_can_be_tried_again(
    client: Client, database: Database, split: Stored, database_url: str
) -> None:
    async with held_by_others(database, database_url):
        payload = await cancel(client, split.request(split.entry("dress", 1)))
    later = await cancel(client, split.request(split.entry("dress", 1)))

    busy = an_error("TRY_AGAIN", "The order is busy; try again in a moment.", [], retryable=True)
    assert payload["errors"] == [busy]
    assert payload["cancellation"] is None
    assert later["errors"] == []
    assert later["replayed"] is False


async def test_an_order_below_a_preview_has_its_cancellations(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=3, subtotal="10.00")))
    order = (await client.data(ORDER, number="1001"))["orderByNumber"]
    entry = {"itemId": order["items"][0]["id"], "quantity": 1}
    request = {"orderId": order["id"], "reason": "OUT_OF_STOCK", "items": [entry], "idempotencyKey": "k1"}
    made = (await client.data(CANCEL, input=request))["cancelItems"]["cancellation"]

    answer = await client.data(
        """query ($order: ID!, $items: [CancelItemInput!]!) {
          previewCancelItems(orderId: $order, reason: OUT_OF_STOCK, items: $items) {
            refundBreakdown { lines { item { order { cancellations { id } } } } } } }""",
        order=order["id"],
        items=[entry],
    )

    lines = answer["previewCancelItems"]["refundBreakdown"]["lines"]
    assert [line["item"]["order"]["cancellations"] for line in lines] == [[{"id": made["id"]}]]
