"""Every error code of cancellations, provoked by a call, with its path and data."""

from typing import Any

from domain.rules.order import Shop
from domain.rules.vocabulary import CancellationErrorCode, PackageStatus
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_cancel_items import Stored, cancel, find
from tests.support.client import Client
from tests.support.invariants import dump
from tests.support.stored import a_package_input, an_item_input, an_order_input, store

EMPTY = {
    "itemId": None,
    "packageId": None,
    "cancellableQuantity": None,
    "notCancellableReason": None,
    "currentPreview": None,
    "retryable": False,
}


async def an_order(client: Client, database: Database, shop: Shop) -> Stored:
    """Three dresses at 10.00 each in A, which awaits shipment, and a hat in B, which the carrier has."""
    items = (an_item_input("dress"), an_item_input("hat", quantity=1, subtotal="8.00"))
    packages = (a_package_input("A", dress=3), a_package_input("B", PackageStatus.IN_TRANSIT, hat=1))
    await store(database, shop, an_order_input("1001", *items, packages=packages))
    return Stored(await find(client))


def requests(order: Stored) -> dict[str, dict[str, Any]]:
    """A request for each code except TRY_AGAIN, which test_cancel_items.py provokes; the key `used` is taken."""
    one = order.entry("dress", 1)
    unknown = {"itemId": "nothing", "quantity": 1}
    elsewhere = {"itemId": order.item("dress"), "quantity": 1, "packageId": order.package("B")}
    return {
        "ORDER_NOT_FOUND": order.request(one) | {"orderId": "nothing"},
        "PACKAGE_NOT_FOUND": order.request(elsewhere),
        "ITEM_NOT_FOUND": order.request(unknown),
        "EMPTY_SELECTION": order.request(),
        "DUPLICATE_ITEM": order.request(one, one),
        "INVALID_QUANTITY": order.request(order.entry("dress", 0)),
        "QUANTITY_EXCEEDED": order.request(order.entry("dress", 3)),
        "NOT_CANCELLABLE": order.request(order.entry("hat", 1, "B")),
        "REASON_NOT_ALLOWED": order.request(one, reason="OTHER"),
        "ORDER_CHANGED": order.request(one, expect={"orderVersion": 1}),
        "REFUND_CHANGED": order.request(one, expect={"refundTotal": "10.001"}),
        "IDEMPOTENCY_KEY_REUSED": order.request(one, one, key="used"),
        "INVALID_IDEMPOTENCY_KEY": order.request(one, key="a b"),
        "TEXT_TOO_LONG": order.request(one, note="n" * 2001),
        "INVALID_TEXT": order.request(one, note="bell\a"),
    }


def expected(order: Stored) -> dict[str, dict[str, Any]]:
    """The path and data of each request's one error."""
    dress, hat, b = order.item("dress"), order.item("hat"), order.package("B")
    now = {
        "orderVersion": 2,
        "orderStatusAfter": "PARTIALLY_SHIPPING",
        "refundBreakdown": {"total": {"amount": "10.00"}},
        "errors": [],
    }
    return {
        "ORDER_NOT_FOUND": {"path": ["input", "orderId"]},
        "PACKAGE_NOT_FOUND": {"path": ["input", "items", "0", "packageId"], "itemId": dress, "packageId": b},
        "ITEM_NOT_FOUND": {"path": ["input", "items", "0", "itemId"], "itemId": "nothing"},
        "EMPTY_SELECTION": {"path": ["input", "items"]},
        "DUPLICATE_ITEM": {"path": ["input", "items", "1", "itemId"], "itemId": dress},
        "INVALID_QUANTITY": {"path": ["input", "items", "0", "quantity"], "itemId": dress},
        "QUANTITY_EXCEEDED": {
            "path": ["input", "items", "0", "quantity"],
            "itemId": dress,
            "cancellableQuantity": 2,
        },
        "NOT_CANCELLABLE": {
            "path": ["input", "items", "0", "itemId"],
            "itemId": hat,
            "packageId": b,
            "notCancellableReason": "SHIPPED",
        },
        "REASON_NOT_ALLOWED": {"path": ["input", "reason"]},
        "ORDER_CHANGED": {"path": ["input", "expect", "orderVersion"], "currentPreview": now},
        "REFUND_CHANGED": {"path": ["input", "expect", "refundTotal"], "currentPreview": now},
        "IDEMPOTENCY_KEY_REUSED": {"path": ["input", "idempotencyKey"]},
        "INVALID_IDEMPOTENCY_KEY": {"path": ["input", "idempotencyKey"]},
        "TEXT_TOO_LONG": {"path": ["input", "note"]},
        "INVALID_TEXT": {"path": ["input", "note"]},
    }


@on_sqlite
async def test_every_code_comes_with_its_path_and_its_data(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop)
    used = await cancel(client, order.request(order.entry("dress", 1), key="used"))
    before = await dump(database)

    payloads = {code: await cancel(client, request) for code, request in requests(order).items()}

    found = {code: [dict(error) for error in payload["errors"]] for code, payload in payloads.items()}
    assert all(error.pop("message") for errors in found.values() for error in errors)
    assert found == {code: [EMPTY | {"code": code} | more] for code, more in expected(order).items()}
    assert {code for code, payload in payloads.items() if payload["order"] is None} == {"ORDER_NOT_FOUND"}
    assert {payload["order"]["version"] for payload in payloads.values() if payload["order"]} == {2}
    assert used["errors"] == []
    assert await dump(database) == before


@on_sqlite
async def test_the_table_has_every_code(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop)

    assert requests(order).keys() | {"TRY_AGAIN"} == set(CancellationErrorCode.__members__)
