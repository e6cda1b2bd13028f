"""Cancelling whole packages and orders over HTTP: consequences, refunds and refusals."""

from typing import Any

import pytest

from domain.rules.order import Shop
from domain.rules.order_input import FeeInput
from domain.rules.vocabulary import FeeKind, OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_cancel_items import BREAKDOWN, ERRORS, Stored, an_error, find
from tests.support.client import Client, a_token
from tests.support.invariants import assert_sound, dump
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store

PREVIEWS = f"""
query ($order: ID!, $package: ID!, $reason: CancellationReason! = BUYER_REQUESTED) {{
  previewCancelPackage(packageId: $package, reason: $reason) {{ orderVersion orderStatusAfter {BREAKDOWN} {ERRORS} }}
  previewCancelOrder(orderId: $order, reason: $reason) {{ orderVersion orderStatusAfter {BREAKDOWN} {ERRORS} }}
}}
"""
CANCELLED = f"""
replayed
cancellation {{ scope reason note package {{ number }} refundStatus {BREAKDOWN} }}
order {{ version status packages {{ number status }} totals {{ refunded {{ amount }} refundable {{ amount }} }} }}
{ERRORS}
"""
CANCEL_PACKAGE = f"mutation ($input: CancelPackageInput!) {{ cancelPackage(input: $input) {{ {CANCELLED} }} }}"
CANCEL_ORDER = f"mutation ($input: CancelOrderInput!) {{ cancelOrder(input: $input) {{ {CANCELLED} }} }}"
WAITING, ARRANGED, TRAVELLING = (
    PackageStatus.AWAITING_SHIPMENT,
    PackageStatus.AWAITING_COLLECTION,
    PackageStatus.IN_TRANSIT,
)


async def cancel_package(client: Client, package_id: str, **more: Any) -> dict[str, Any]:
    request = {"packageId": package_id, "reason": "BUYER_REQUESTED", "idempotencyKey": "package"} | more
    payload: dict[str, Any] = (await client.data(CANCEL_PACKAGE, input=request))["cancelPackage"]
    return payload


async def cancel_order(client: Client, order_id: str, **more: Any) -> dict[str, Any]:
    request = {"orderId": order_id, "reason": "OTHER", "idempotencyKey": "order"} | more
    payload: dict[str, Any] = (await client.data(CANCEL_ORDER, input=request))["cancelOrder"]
    return payload


async def previews(client: Client, order: Stored, package: str = "A", **more: Any) -> dict[str, Any]:
    return await client.data(PREVIEWS, order=order.id, package=order.package(package), **more)


async def an_order(
    client: Client, database: Database, shop: Shop, *statuses: PackageStatus, status: OrderStatus | None = None
) -> Stored:
    """Order 1001: a dress for 10.00 in each package A, B, ... of these statuses; 4.00 for shipping, 1.00 for a fee."""
    packages = tuple(
        a_package_input(name, each, dress=1) for name, each in zip("ABC"[: len(statuses)], statuses, strict=True)
    )
    dress = an_item_input("dress", quantity=len(statuses), subtotal=f"{10 * len(statuses)}.00")
    fees = (FeeInput(FeeKind.HANDLING, "1.00"),)
    given = an_order_input(
        "1001",
        dress,
        packages=packages,
        shipping_fee="4.00",
        fees=fees,
        status=status or OrderStatus.AWAITING_SHIPMENT,
    )
    await store(database, shop, given)
    return Stored(await find(client))


@pytest.mark.parametrize("status", [WAITING, ARRANGED], ids=lambda status: status.name)
async def test_a_package_goes_whole_and_leaves_the_others_alone(
    client: Client, database: Database, shop: Shop, status: PackageStatus
) -> None:
    order = await an_order(client, database, shop, status, TRAVELLING)

    previewed = (await previews(client, order))["previewCancelPackage"]
    expect = {"orderVersion": 1, "refundTotal": "10.00"}
    payload = await cancel_package(client, order.package("A"), note="the buyer called", expect=expect)

    cancellation = payload["cancellation"]
    assert previewed["errors"] == payload["errors"] == []
    assert (previewed["orderVersion"], previewed["orderStatusAfter"]) == (1, "IN_TRANSIT")
    assert cancellation.pop("refundBreakdown") == previewed["refundBreakdown"]
    assert cancellation == {
        "scope": "PACKAGE",
        "reason": "BUYER_REQUESTED",
        "note": "the buyer called",
        "package": {"number": "A"},
        "refundStatus": "PENDING",
    }
    assert payload["order"] == {
        "version": 2,
        "status": "IN_TRANSIT",
        "packages": [{"number": "A", "status": "CANCELLED"}, {"number": "B", "status": "IN_TRANSIT"}],
        "totals": {"refunded": {"amount": "10.00"}, "refundable": {"amount": "15.00"}},
    }
    await assert_sound(database)


@pytest.mark.parametrize("statuses", [(WAITING, WAITING), (WAITING, ARRANGED), (ARRANGED, ARRANGED)])
async def test_an_order_goes_whole_as_long_as_nothing_was_collected(
    client: Client, database: Database, shop: Shop, statuses: tuple[PackageStatus, ...]
) -> None:
    order = await an_order(client, database, shop, *statuses)

    previewed = (await previews(client, order))["previewCancelOrder"]
    payload = await cancel_order(client, order.id, expect={"refundTotal": "25", "orderVersion": 1})

    assert previewed["errors"] == payload["errors"] == []
    assert previewed["orderStatusAfter"] == "CANCELLED"
    assert payload["cancellation"]["refundBreakdown"] == previewed["refundBreakdown"]
    assert (payload["cancellation"]["scope"], payload["cancellation"]["package"]) == ("ORDER", None)
    assert [line["package"]["number"] for line in previewed["refundBreakdown"]["lines"]] == ["A", "B"]
    assert payload["order"] == {
        "version": 2,
        "status": "CANCELLED",
        "packages": [{"number": "A", "status": "CANCELLED"}, {"number": "B", "status": "CANCELLED"}],
        "totals": {"refunded": {"amount": "25.00"}, "refundable": {"amount": "0.00"}},
    }
    await assert_sound(database)


@pytest.mark.parametrize(
    ("policy", "of_package", "of_order"),
    [
        (ShippingRefundPolicy.ON_FULL_CANCELLATION, ("0.00", [], "10.00"), ("4.00", ["1.00"], "15.00")),
        (ShippingRefundPolicy.PROPORTIONAL, ("2.00", ["0.50"], "12.50"), ("2.00", ["0.50"], "12.50")),
        (ShippingRefundPolicy.NEVER, ("0.00", [], "10.00"), ("0.00", [], "10.00")),
    ],
    ids=lambda policy: policy.name if isinstance(policy, ShippingRefundPolicy) else None,
)
async def test_shipping_and_fees_come_back_by_the_shops_policy(
    client: Client,
    database: Database,
    policy: ShippingRefundPolicy,
    of_package: tuple[str, list[str], str],
    of_order: tuple[str, list[str], str],
) -> None:
    shop = await a_shop(database, policy.name, policy)
    client = client.with_token(a_token(policy.name))
    order = await an_order(client, database, shop, WAITING, ARRANGED)

    made = [await cancel_package(client, order.package("A")), await cancel_order(client, order.id)]

    breakdowns = [payload["cancellation"]["refundBreakdown"] for payload in made]
    found = [
        (each["shippingFee"]["amount"], [fee["amount"]["amount"] for fee in each["fees"]], each["total"]["amount"])
        for each in breakdowns
    ]
    assert found == [of_package, of_order]
    assert {fee["kind"] for each in breakdowns for fee in each["fees"]} <= {"HANDLING"}
    await assert_sound(database)


@pytest.mark.parametrize(
    ("statuses", "status", "of_package", "of_order"),
    [
        ((TRAVELLING, WAITING), None, "SHIPPED", "SHIPPED"),
        ((PackageStatus.DELIVERED, ARRANGED), None, "SHIPPED", "SHIPPED"),
        ((PackageStatus.CANCELLED, TRAVELLING), None, "ALREADY_CANCELLED", "SHIPPED"),
        ((WAITING, WAITING), OrderStatus.UNPAID, "UNPAID", "UNPAID"),
        ((WAITING, ARRANGED), OrderStatus.ON_HOLD, "ON_HOLD", "ON_HOLD"),
        ((PackageStatus.DELIVERED,), OrderStatus.COMPLETED, "SHIPPED", "SHIPPED"),
        ((WAITING,), OrderStatus.CANCELLED, "ALREADY_CANCELLED", "ALREADY_CANCELLED"),
    ],
)
@on_sqlite
async def test_what_the_state_does_not_allow_is_refused_with_the_reason(  # noqa: PLR0913, PLR0917 - a row of the table
    client: Client,
    database: Database,
    shop: Shop,
    statuses: tuple[PackageStatus, ...],
    status: OrderStatus | None,
    of_package: str,
    of_order: str,
) -> None:
    order = await an_order(client, database, shop, *statuses, status=status)
    before = await dump(database)

    previewed = await previews(client, order)
    payloads = [await cancel_package(client, order.package("A")), await cancel_order(client, order.id)]

    told = [[error["notCancellableReason"] for error in payload["errors"]] for payload in payloads]
    assert told == [[of_package], [of_order]]
    assert [[error["path"] for error in payload["errors"]] for payload in payloads] == [
        [["input", "packageId"]],
        [["input", "orderId"]],
    ]
    assert [payload["order"]["version"] for payload in payloads] == [1, 1]
    assert [each["notCancellableReason"] for preview in previewed.values() for each in preview["errors"]] == [
        of_package,
        of_order,
    ]
    assert [preview["refundBreakdown"] for preview in previewed.values()] == [None, None]
    assert await dump(database) == before


@on_sqlite
async def test_every_collected_package_of_a_split_order_is_named(
    client: Client, database: Database, shop: Shop
) -> None:
    order = await an_order(client, database, shop, TRAVELLING, WAITING, PackageStatus.DELIVERED)

    payload = await cancel_order(client, order.id)

    message = "It cannot be cancelled: the carrier has collected it."
    more = {"notCancellableReason": "SHIPPED"}
    assert payload["errors"] == [
        an_error("NOT_CANCELLABLE", message, ["input", "orderId"], packageId=order.package("A"), **more),
        an_error("NOT_CANCELLABLE", message, ["input", "orderId"], packageId=order.package("C"), **more),
    ]


@on_sqlite
async def test_what_the_shop_does_not_have_is_not_found_whatever_it_is(
    client: Client, database: Database, shop: Shop
) -> None:
    foreign = await an_order(client.with_token(a_token("other")), database, await a_shop(database, "other"), WAITING)
    mine = await an_order(client, database, shop, WAITING)
    packages = [foreign.package("A"), mine.id, mine.package("A").replace("_1", "_2"), "A", ""]
    orders = [foreign.id, mine.package("A"), mine.item("dress"), mine.id.upper(), ""]

    of_packages = [await cancel_package(client, each) for each in packages]
    of_orders = [await cancel_order(client, each) for each in orders]
    previewed = (await client.data(PREVIEWS, order=foreign.id, package=foreign.package("A"))).values()

    no_package = "The shop has no package with this id."
    assert [payload["errors"] for payload in of_packages] == [
        [an_error("PACKAGE_NOT_FOUND", no_package, ["input", "packageId"], packageId=each)] for each in packages
    ]
    no_order = an_error("ORDER_NOT_FOUND", "The shop has no order with this id.", ["input", "orderId"])
    assert [payload["errors"] for payload in of_orders] == [[no_order]] * len(orders)
    assert {payload["order"] for payload in of_packages + of_orders} == {None}
    assert [(each["orderVersion"], [error["code"] for error in each["errors"]]) for each in previewed] == [
        (None, ["PACKAGE_NOT_FOUND"]),
        (None, ["ORDER_NOT_FOUND"]),
    ]


@on_sqlite
async def test_a_key_belongs_to_one_mutation(client: Client, database: Database, shop: Shop) -> None:
    order = await an_order(client, database, shop, WAITING)
    first = await cancel_package(client, order.package("A"), idempotencyKey="key")

    again = await cancel_package(client, order.package("A"), idempotencyKey="key")
    other = await cancel_order(client, order.id, idempotencyKey="key")

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["cancellation"] == first["cancellation"]
    message = "The key was used for another request; use a new key."
    assert other["errors"] == [an_error("IDEMPOTENCY_KEY_REUSED", message, ["input", "idempotencyKey"])]
    assert other["cancellation"] is None
    await assert_sound(database)


@on_sqlite
async def test_a_seller_who_saw_something_else_is_shown_what_it_would_be(
    client: Client, database: Database, shop: Shop
) -> None:
    order = await an_order(client, database, shop, WAITING, ARRANGED)
    expect = {"orderVersion": 7, "refundTotal": "10.01"}

    payloads = [
        await cancel_package(client, order.package("A"), expect=expect),
        await cancel_order(client, order.id, expect=expect),
    ]

    current = [
        [
            (error["code"], error["path"], error["currentPreview"]["refundBreakdown"]["total"]["amount"])
            for error in each
        ]
        for each in (payload["errors"] for payload in payloads)
    ]
    version, refund = ["input", "expect", "orderVersion"], ["input", "expect", "refundTotal"]
    assert current == [
        [("ORDER_CHANGED", version, "10.00"), ("REFUND_CHANGED", refund, "10.00")],
        [("ORDER_CHANGED", version, "25.00"), ("REFUND_CHANGED", refund, "25.00")],
    ]
