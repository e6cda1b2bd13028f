"""Imported orders are stored once and whole, or not at all."""

import asyncio
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from api.demo import sample_shop
from domain import ingestion
from domain.arriving import ImportResult
from domain.ingestion import ImportedBatch
from domain.intake.file import UnreadableFileError
from domain.rules.order import Order, Shop
from domain.rules.order_input import (
    BuyerInput,
    FeeInput,
    OrderInput,
    OrderItemInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.outcomes import Problem
from domain.rules.vocabulary import (
    EventType,
    FeeKind,
    FulfillmentErrorCode,
    ImportOutcome,
    OrderStatus,
    PackageStatus,
    ShippingRefundPolicy,
)
from domain.storage import events
from domain.storage.engine.database import Database
from domain.storage.engine.hints import ProcessHints
from tests.support.cancelling import a_request, cancel_well, everything
from tests.support.invariants import assert_sound, dump
from tests.support.stored import NOW, a_package_input, a_shop, an_item_input, an_order_input, stored
from tests.support.troubles import ForgetfulDatabase, held_by_others

CREATED, UPDATED = ImportOutcome.CREATED, ImportOutcome.UPDATED
UNCHANGED, REJECTED = ImportOutcome.UNCHANGED, ImportOutcome.REJECTED
LATER = NOW + timedelta(days=1)

SAMPLE = Path(sample_shop.__file__).parent / "samples" / "orders-tiktok.json"
ANSWER = json.loads(SAMPLE.read_bytes())
DIGITS = {"USD": 2, "EUR": 2, "GBP": 2, "IDR": 2, "JPY": 0}


async def imported(database: Database, shop: Shop, *inputs: OrderInput, now: datetime = NOW) -> list[ImportResult]:
    return await ingestion.import_orders(database, shop, inputs, actor="import", now=now)


async def outcomes(database: Database, shop: Shop, *inputs: OrderInput) -> list[ImportOutcome]:
    return [result.outcome for result in await imported(database, shop, *inputs)]


def codes(results: Iterable[ImportResult]) -> list[list[str]]:
    return [[problem.code.name for problem in result.problems] for result in results]


async def batches(database: Database, shop: Shop, path: Path) -> list[ImportedBatch]:
    return [batch async for batch in ingestion.import_file(database, shop, path, actor="import", clock=lambda: NOW)]


async def import_of(
    database: Database,
    shop: Shop,
    path: Path,
    results: list[ImportResult] | None = None,
    *,
    is_dry_run: bool = False,
) -> list[ImportResult]:
    """The results; with `results`, they are added to that list, which keeps them if the file breaks off."""
    results = [] if results is None else results
    async for batch in ingestion.import_file(
        database, shop, path, actor="import", clock=lambda: NOW, is_dry_run=is_dry_run
    ):
        results.extend(batch.results)
    return results


def as_json(content: Any) -> Any:  # takes an input or any part of it
    if is_dataclass(content):
        return {to_camel(each.name): as_json(getattr(content, each.name)) for each in fields(content)}
    if isinstance(content, tuple):
        return [as_json(each) for each in content]
    if isinstance(content, datetime):
        return content.isoformat()
    return content.name if isinstance(content, Enum) else content


def lines(*orders: OrderInput) -> str:
    return "".join(json.dumps(as_json(order)) + "\n" for order in orders)


# The marketplace's sample


async def test_importing_the_sample_twice_changes_nothing(database: Database) -> None:
    shop = await a_shop(database)

    first = await import_of(database, shop, SAMPLE)
    before = await dump(database)
    second = await import_of(database, shop, SAMPLE)

    assert [result.number for result in first] == [order["id"] for order in ANSWER["data"]["orders"]]
    assert [result.outcome for result in first] == [CREATED] * 60
    assert [result.outcome for result in second] == [UNCHANGED] * 60
    assert [result.order_id for result in second] == [result.order_id for result in first]
    assert await dump(database) == before
    await assert_sound(database)


async def test_every_amount_of_the_sample_is_stored_to_the_cent(database: Database) -> None:
    shop = await a_shop(database)

    results = await import_of(database, shop, SAMPLE)

    found = {result.number: await stored(database, shop, result.number) for result in results}
    given_orders = {order["id"]: order for order in ANSWER["data"]["orders"]}
    assert {number: amounts_of(order) for number, order in found.items()} == {
        number: amounts_in(order) for number, order in given_orders.items()
    }
    assert {number: units_of(order) for number, order in found.items()} == {
        number: units_in(order) for number, order in given_orders.items()
    }


def amounts_of(order: Order) -> dict[str, Any]:
    def exact(minor: int) -> Decimal:
        return Decimal(minor).scaleb(-DIGITS[order.currency])

    return {
        "items": [
            tuple(map(exact, (item.subtotal, item.seller_discount, item.platform_discount, item.tax)))
            for item in order.items
        ],
        "shipping": (exact(order.shipping_fee), exact(order.shipping_tax)),
        "fees": {fee.kind: exact(fee.amount) for fee in order.fees},
        "total": exact(order.total),
        "prices include tax": order.prices_include_tax,
    }


def amounts_in(order: dict[str, Any]) -> dict[str, Any]:
    payment = order["payment"]
    fee_names = {
        "retail_delivery_fee": FeeKind.RETAIL_DELIVERY,
        "buyer_service_fee": FeeKind.BUYER_SERVICE,
        "small_order_fee": FeeKind.SMALL_ORDER,
        "handling_fee": FeeKind.HANDLING,
    }
    items: dict[object, tuple[Decimal, ...]] = {}
    for line in order["line_items"]:
        tax = sum((Decimal(each["tax_amount"]) for each in line.get("item_tax", [])), Decimal(0))
        names = ("original_price", "seller_discount", "platform_discount")
        line_amounts = (*(Decimal(line[name]) for name in names), tax)
        key = (line["sku_id"], line["is_gift"], line["original_price"])
        before = items.get(key, (Decimal(0),) * 4)
        items[key] = tuple(one + other for one, other in zip(before, line_amounts, strict=True))
    return {
        "items": list(items.values()),
        "shipping": (Decimal(payment["shipping_fee"]), Decimal(payment["shipping_fee_tax"])),
        "fees": {kind: Decimal(payment[name]) for name, kind in fee_names.items() if Decimal(payment.get(name, 0))},
        "total": Decimal(payment["total_amount"]),
        "prices include tax": "SALES_TAX" not in json.dumps(order["line_items"]),
    }


def units_of(order: Order) -> dict[tuple[str, str, bool], Counter[str]]:
    """Counts units by package number, package status and whether they are cancelled, then by SKU and gift."""
    items = {item.position: item for item in order.items}
    units: dict[tuple[str, str, bool], Counter[str]] = {}
    for package, packed in order.package_items():
        is_cancelled = packed.cancelled_quantity == packed.quantity
        where = units.setdefault((package.number, package.status.name, is_cancelled), Counter())
        where[f"{items[packed.item].sku} {items[packed.item].is_gift}"] += packed.quantity
    return units


def units_in(order: dict[str, Any]) -> dict[tuple[str, str, bool], Counter[str]]:
    statuses = {
        "TO_FULFILL": "AWAITING_SHIPMENT",
        "PROCESSING": "AWAITING_COLLECTION",
        "FULFILLING": "IN_TRANSIT",
        "COMPLETED": "DELIVERED",
        "CANCELLED": "CANCELLED",
    }
    units: dict[tuple[str, str, bool], Counter[str]] = {}
    for line in order["line_items"]:
        number = line.get("package_id", f"{order['id']}-1")
        status = statuses[line.get("package_status", "TO_FULFILL")]
        where = units.setdefault((number, status, status == "CANCELLED"), Counter())
        where[f"{line['sku_id']} {line['is_gift']}"] += 1
    return units


async def test_the_texts_and_times_of_the_sample_are_stored(database: Database) -> None:
    shop = await a_shop(database)

    results = await import_of(database, shop, SAMPLE)

    found = [words_of(await stored(database, shop, result.number)) for result in results]
    assert found == [words_in(order) for order in ANSWER["data"]["orders"]]


def words_of(order: Order) -> list[object]:
    item = order.items[0]
    times = [time.timestamp() if time else 0 for time in (order.placed_at, order.paid_at, order.ship_by)]
    product = [item.product_id, item.product_name, item.variant_name, item.image_url]
    return [order.number, order.status.name, order.buyer.email, order.buyer.name, *times, *product]


def words_in(order: dict[str, Any]) -> list[object]:
    line = order["line_items"][0]
    times = [order["create_time"], order["paid_time"], order["rts_sla_time"]]
    product = [line["product_id"], line["product_name"], line["sku_name"], line["sku_image"]]
    return [order["id"], order["status"], order["buyer_email"], order["recipient_address"]["name"], *times, *product]


@pytest.mark.parametrize(
    ("policy", "cancelled", "in_part"),
    [
        # 42.00 and 3.47 tax, with or without shipping of 5.99 and 0.49 tax; 43.19 and 19.53, with 2.59 and 0.21.
        (ShippingRefundPolicy.ON_FULL_CANCELLATION, 5195, 6272),
        (ShippingRefundPolicy.NEVER, 4547, 6272),
        (ShippingRefundPolicy.PROPORTIONAL, 5195, 6552),
    ],
)
async def test_units_imported_as_cancelled_count_as_refunded(
    database: Database, policy: ShippingRefundPolicy, cancelled: int, in_part: int
) -> None:
    shop = await a_shop(database, policy=policy)

    results = await import_of(database, shop, SAMPLE)

    refunded = {result.number: (await stored(database, shop, result.number)).refunded for result in results}
    assert {number: amount for number, amount in refunded.items() if amount} == {
        "57640007880000009": cancelled,
        "57640007880000019": in_part,
    }
    await assert_sound(database)


# One call


async def test_a_new_order_is_stored_with_its_first_event(database: Database) -> None:
    shop = await a_shop(database)
    given_order = an_order_input(
        "1001",
        an_item_input("dress", quantity=2, product_name="DAS Maßkleid", image_url="https://example.com/1.jpg"),
        status=OrderStatus.ON_HOLD,
        packages=(replace(a_package_input("A", dress=2), carrier="DHL", tracking_number="T-1"),),
    )

    [result] = await ingestion.import_orders(database, shop, [given_order], actor="warehouse", now=LATER)

    order = await stored(database, shop, "1001")
    assert result == ImportResult("1001", CREATED, order.id)
    assert (order.version, order.event_sequence, order.feed_number, order.updated_at) == (1, 1, 1, LATER)
    assert order.status is OrderStatus.ON_HOLD
    assert (order.packages[0].carrier, order.packages[0].tracking_number) == ("DHL", "T-1")
    rows = await dump(database)
    assert rows["order_events"] == [
        ("demo", 1, order.id, 1, EventType.ORDER_IMPORTED, LATER, "warehouse", *[None] * 6),
    ]
    assert [row[6] for row in rows["order_items"]] == ["das masskleid"]
    assert rows["cancellations"] == rows["outbox"] == []
    await assert_sound(database)


async def test_events_are_numbered_in_the_order_of_the_call(database: Database) -> None:
    shop = await a_shop(database)
    numbers = ["30", "4", "100", "20"]

    results = await imported(database, shop, *map(an_order_input, numbers))

    assert [(await stored(database, shop, number)).id for number in numbers] == [each.order_id for each in results]
    events = (await dump(database))["order_events"]
    assert [event[2] for event in events] == [result.order_id for result in results]


async def test_the_same_content_is_unchanged_even_after_a_cancellation(database: Database) -> None:
    shop = await a_shop(database)
    await imported(database, shop, an_order_input("1001"))
    order = await stored(database, shop, "1001")
    await cancel_well(database, shop, a_request(everything(order)))
    before = await dump(database)

    [result] = await imported(database, shop, an_order_input("1001", total="30"), now=LATER)

    assert result == ImportResult("1001", UNCHANGED, order.id)
    assert await dump(database) == before


async def test_other_content_under_a_known_number_is_refused(database: Database) -> None:
    shop = await a_shop(database)
    await imported(database, shop, an_order_input("1001"))
    before = await dump(database)

    [result] = await imported(database, shop, an_order_input("1001", an_item_input(quantity=4)))

    assert (result.outcome, result.order_id) == (REJECTED, None)
    assert [(each.code, each.path) for each in result.problems] == [(FulfillmentErrorCode.NUMBER_TAKEN, ("number",))]
    assert await dump(database) == before


async def test_a_number_repeated_in_a_call_is_judged_as_if_it_came_in_a_later_one(database: Database) -> None:
    shop = await a_shop(database)
    order, other = an_order_input("1001"), an_order_input("1001", an_item_input(quantity=4))
    bad = replace(order, total="0.01")

    results = await imported(database, shop, bad, order, an_order_input("2002"), order, other, bad)

    assert [result.outcome for result in results] == [REJECTED, CREATED, CREATED, UNCHANGED, REJECTED, REJECTED]
    assert codes(results)[4:] == [["NUMBER_TAKEN"], ["AMOUNTS_DO_NOT_ADD_UP"]]
    assert results[3].order_id == results[1].order_id
    assert (await stored(database, shop, "1001")).items[0].quantity == 3
    await assert_sound(database)


async def test_a_bad_order_is_not_stored_and_stops_no_other(database: Database) -> None:
    shop = await a_shop(database)
    good = [an_order_input(number) for number in ("1", "2", "3")]
    bad = [replace(good[0], number="4", total="0.01"), replace(good[0], number="5", items=())]

    results = await imported(database, shop, bad[0], good[0], good[1], bad[1], good[2])

    assert [result.outcome for result in results] == [REJECTED, CREATED, CREATED, REJECTED, CREATED]
    assert codes(results) == [["AMOUNTS_DO_NOT_ADD_UP"], [], [], ["EMPTY_SELECTION"], []]
    assert sorted(row[2] for row in (await dump(database))["orders"]) == ["1", "2", "3"]
    await assert_sound(database)


async def test_a_call_without_a_good_order_writes_nothing(database: Database) -> None:
    shop = await a_shop(database)
    before = await dump(database)

    results = await imported(database, shop, replace(an_order_input(), total="1"))

    assert [result.outcome for result in results] == [REJECTED]
    assert await imported(database, shop) == []
    assert await dump(database) == before


async def test_shops_have_their_own_numbers(database: Database) -> None:
    one, two = await a_shop(database, "one"), await a_shop(database, "two")
    await imported(database, one, an_order_input("1001"))

    assert await outcomes(database, two, an_order_input("1001", an_item_input(quantity=4))) == [CREATED]
    assert (await stored(database, one, "1001")).items[0].quantity == 3
    await assert_sound(database)


async def test_both_formats_of_an_order_are_the_same_order(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    ours = tmp_path / "ours.json"
    first = ANSWER["data"]["orders"][0]
    ours.write_text(
        json.dumps(
            {
                "number": "57640007880000000",
                "status": "AWAITING_SHIPMENT",
                "currency": "USD",
                "pricesIncludeTax": False,
                "placedAt": "2026-09-21T16:10:00Z",
                "paidAt": "2026-09-21T18:11:00+02:00",
                "shipBy": "2026-09-23T16:10:00.000Z",
                "buyer": {"name": "T Huynh", "email": "t.huynh@example.com", "locale": "en_US"},
                "items": [
                    {
                        "ref": "dress",
                        "sku": "172938225691000102",
                        "productId": "1729382256910001",
                        "productName": "Linen Wrap Dress",
                        "variantName": "Sage, M",
                        "imageUrl": "https://example.com/img/172938225691000102.jpg",
                        "quantity": 3,
                        "subtotal": "104.70",
                        "sellerDiscount": "10.47",
                        "platformDiscount": "5.25",
                        "tax": "7.35",
                    },
                    {
                        "ref": "stand",
                        "sku": "172938225691000401",
                        "productId": "1729382256910004",
                        "productName": "Magnetic Phone Stand",
                        "variantName": "Black",
                        "imageUrl": "https://example.com/img/172938225691000401.jpg",
                        "quantity": 1,
                        "subtotal": "15.0",
                        "sellerDiscount": "1.5",
                        "platformDiscount": "1.75",
                        "tax": "0.97",
                    },
                ],
                "packages": [
                    {
                        "number": "1152000700000000",
                        "status": "AWAITING_SHIPMENT",
                        "items": [{"ref": "stand", "quantity": 1}, {"ref": "dress", "quantity": 3}],
                    }
                ],
                "shippingFee": "5.99",
                "shippingTax": "0.49",
                "total": "115.53",
            }
        )
    )

    [ours_first] = await import_of(database, shop, ours)
    theirs = await import_of(database, shop, SAMPLE)

    assert first["id"] == "57640007880000000"
    assert (ours_first.outcome, theirs[0].outcome, theirs[0].order_id) == (CREATED, UNCHANGED, ours_first.order_id)
    assert [result.outcome for result in theirs[1:]] == [CREATED] * 59


async def test_orders_of_the_largest_size_are_imported_together(database: Database) -> None:
    shop = await a_shop(database)
    items = [an_item_input(f"{number}", quantity=4) for number in range(500)]
    held: dict[str, Any] = {item.ref: 1 for item in items}
    packages = tuple(a_package_input(f"P{part}", **held) for part in range(4))
    orders = [an_order_input(f"{number}", *items, packages=packages) for number in range(8)]

    assert await outcomes(database, shop, *orders) == [CREATED] * 8
    assert await outcomes(database, shop, *orders) == [UNCHANGED] * 8
    await assert_sound(database)


async def test_many_orders_are_imported_together(database: Database) -> None:
    shop = await a_shop(database)
    orders = [an_order_input(f"{number}") for number in range(1_700)]

    assert await outcomes(database, shop, *orders) == [CREATED] * 1_700
    assert await outcomes(database, shop, *orders) == [UNCHANGED] * 1_700


async def test_an_order_is_reported_as_created_even_if_the_answer_to_its_commit_was_lost(
    database: Database, database_url: str
) -> None:
    shop = await a_shop(database)
    forgetful = ForgetfulDatabase(database_url)

    results = await imported(forgetful, shop, an_order_input("1"), an_order_input("2"), an_order_input("1"))

    await forgetful.close()
    assert [result.outcome for result in results] == [CREATED, CREATED, UNCHANGED]
    await assert_sound(database)


async def test_concurrent_calls_with_the_same_orders_create_each_once(database: Database) -> None:
    shop = await a_shop(database)
    orders = [an_order_input(f"{number}") for number in range(60)]

    calls = [imported(database, shop, *(orders[start:] + orders[:start])) for start in range(0, 60, 10)]
    results = [result for call in await asyncio.gather(*calls) for result in call]

    created = Counter(result.number for result in results if result.outcome is CREATED)
    assert created == Counter(order.number for order in orders)
    assert Counter(result.outcome for result in results) == {CREATED: 60, UNCHANGED: 300}
    await assert_sound(database)


async def test_while_the_database_is_busy_good_orders_are_told_to_try_again(
    database: Database, shop: Shop, database_url: str
) -> None:
    await imported(database, shop, an_order_input("1001"))
    inputs = [
        an_order_input("1001"),
        an_order_input("1002"),
        an_order_input("1003", an_item_input(quantity=0), currency="XXX"),
        an_order_input("1004"),
    ]
    before = await dump(database)

    async with held_by_others(database, database_url):
        results = await imported(database, shop, *inputs)

    busy = Problem(FulfillmentErrorCode.TRY_AGAIN, "The order is busy; try again in a moment.", ())
    assert [(result.number, result.outcome, result.order_id) for result in results] == [
        ("1001", REJECTED, None),
        ("1002", REJECTED, None),
        ("1003", REJECTED, None),
        ("1004", REJECTED, None),
    ]
    assert [results[index].problems for index in (0, 1, 3)] == [(busy,)] * 3
    assert codes(results)[2] == ["INVALID_VALUE", "INVALID_QUANTITY"]
    assert await dump(database) == before
    assert await outcomes(database, shop, *inputs) == [UNCHANGED, CREATED, REJECTED, CREATED]


# A file


async def test_a_file_is_imported_in_batches_with_results_in_order(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    path.write_text(lines(*(an_order_input(f"{number}") for number in range(1_200))))

    found = await batches(database, shop, path)

    results = [result for batch in found for result in batch.results]
    assert [result.number for result in results] == [f"{number}" for number in range(1_200)]
    assert [result.outcome for result in results] == [CREATED] * 1_200
    assert [len(batch.results) for batch in found] == [500, 500, 200]
    assert found[0].bytes_read < found[1].bytes_read < found[2].bytes_read == path.stat().st_size
    await assert_sound(database)


def in_packages_of_one(number: str, packages: int) -> OrderInput:
    packed = tuple(a_package_input(f"{number}-{each}", dress=1) for each in range(packages))
    return an_order_input(number, an_item_input("dress", quantity=packages), packages=packed)


async def test_an_order_that_is_too_large_stops_no_other_order_in_the_file(database: Database, tmp_path: Path) -> None:
    """On a new database, whose planner has no statistics yet."""
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    sizes = (1, 15_000, 2_000, 2_001, 2_000)
    path.write_text(lines(*(in_packages_of_one(f"{index}", size) for index, size in enumerate(sizes))))

    results = await import_of(database, shop, path)

    assert [result.outcome for result in results] == [CREATED, REJECTED, CREATED, REJECTED, CREATED]
    assert [problem.message for result in results for problem in result.problems] == [
        "packages must have at most 2,000 package items, not 15,000.",
        "packages must have at most 2,000 package items, not 2,001.",
    ]
    await assert_sound(database)


@pytest.mark.parametrize("end", ["", "\u00a0"], ids=["shown as they are", "shown by their lines"])
async def test_the_first_of_two_orders_with_one_number_is_stored_even_across_batches(
    database: Database, tmp_path: Path, end: str
) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    first = [an_order_input(f"{number}{end}") for number in range(600)]
    others = [an_order_input(order.number, an_item_input(quantity=4)) for order in first]
    path.write_text(lines(*first, *others))

    results = await import_of(database, shop, path)

    assert [result.outcome for result in results] == [CREATED] * 600 + [REJECTED] * 600
    assert codes(results)[600:] == [["NUMBER_TAKEN"]] * 600
    await assert_sound(database)


async def test_bad_orders_in_a_file_are_not_stored(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    bad = replace(an_order_input("3"), total="1")
    path.write_text(
        lines(an_order_input("1"))
        + "{not JSON\n"
        + lines(bad, an_order_input("4"), replace(an_order_input("4"), currency="EUR"))
        + json.dumps(as_json(an_order_input("5")) | {"total": 30})
    )

    results = await import_of(database, shop, path)

    assert [(result.number, result.outcome) for result in results] == [
        ("1", CREATED),
        ("line 2", REJECTED),
        ("3", REJECTED),
        ("4", CREATED),
        ("4", REJECTED),
        ("5", REJECTED),
    ]
    assert codes(results)[1:] == [
        ["INVALID_VALUE"],
        ["AMOUNTS_DO_NOT_ADD_UP"],
        [],
        ["NUMBER_TAKEN"],
        ["INVALID_VALUE"],
    ]
    assert sorted(row[2] for row in (await dump(database))["orders"]) == ["1", "4"]
    await assert_sound(database)


async def test_a_truncated_file_is_imported_up_to_where_it_breaks_off(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.json"
    orders = [as_json(an_order_input(f"{number}")) for number in range(600)]
    whole = json.dumps(orders)
    path.write_text(whole[:-10])

    results: list[ImportResult] = []
    with pytest.raises(UnreadableFileError, match=r"orders\.json is not JSON: "):
        await import_of(database, shop, path, results)
    path.write_text(whole)
    again = await import_of(database, shop, path)

    assert [result.outcome for result in results] == [CREATED] * 599
    assert [result.outcome for result in again] == [UNCHANGED] * 599 + [CREATED]
    await assert_sound(database)


async def test_a_file_without_orders_imports_nothing(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.json"
    path.write_text("[]")

    assert await batches(database, shop, path) == []


async def test_a_missing_file_is_reported(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)

    with pytest.raises(UnreadableFileError, match="No such file"):
        await batches(database, shop, tmp_path / "orders.json")


async def test_an_abandoned_import_can_be_run_again(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    path.write_text(lines(*(an_order_input(f"{number}") for number in range(1_200))))
    under_way = ingestion.import_file(database, shop, path, actor="import", clock=lambda: NOW)

    batch = await anext(under_way)
    await under_way.aclose()
    stored_by_then = {row[2] for row in (await dump(database))["orders"]}
    again = await import_of(database, shop, path)

    assert stored_by_then >= {result.number for result in batch.results} == {f"{number}" for number in range(500)}
    assert {result.number for result in again if result.outcome is UNCHANGED} == stored_by_then
    assert {result.number for result in again if result.outcome is CREATED} == {
        f"{number}" for number in range(1_200)
    } - stored_by_then
    await assert_sound(database)


async def test_a_stopped_import_reports_everything_that_it_stored(database: Database, tmp_path: Path) -> None:
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    path.write_text(lines(*(an_order_input(f"{number}") for number in range(2_100))))
    stop = asyncio.Event()

    done: list[ImportResult] = []
    async for batch in ingestion.import_file(database, shop, path, actor="import", clock=lambda: NOW, stop=stop):
        stop.set()
        done += batch.results
    stored_by_then = [row[2] for row in (await dump(database))["orders"]]
    again = await import_of(database, shop, path)

    assert 500 <= len(done) < 2_100
    assert sorted(stored_by_then) == sorted(result.number for result in done)
    assert [result.outcome for result in again] == [UNCHANGED] * len(done) + [CREATED] * (2_100 - len(done))
    await assert_sound(database)


async def test_a_dry_run_reports_what_an_import_would_and_stores_nothing(database: Database, tmp_path: Path) -> None:
    database.hints = ProcessHints()  # a bus that connects wakes every listener
    shop = await a_shop(database)
    await imported(database, shop, an_order_input("known"), an_order_input("taken"))
    path = tmp_path / "orders.jsonl"
    first = [an_order_input(f"{number}") for number in range(600)]
    given_orders = [
        an_order_input("known"),
        an_order_input("taken", an_item_input(quantity=4)),
        replace(an_order_input("bad"), total="1"),
        *first,
        # The first ones again, in the same batch and in later ones.
        *(replace(order, prices_include_tax=number % 2 == 0) for number, order in enumerate(first)),
        an_order_input("new"),
        an_order_input("new", an_item_input(quantity=4)),
        *(replace(order, ship_by=LATER) for order in first[:300]),
        *(replace(order, ship_by=LATER + timedelta(days=number % 2)) for number, order in enumerate(first[:300])),
        an_order_input("known"),
        replace(an_order_input("known"), ship_by=LATER),
        an_order_input("known"),
    ]
    path.write_text(lines(*given_orders))
    before = await dump(database)

    with database.hints.listening(events.topic(shop.id)) as hint:
        rehearsed = await import_of(database, shop, path, is_dry_run=True)
        is_hinted = hint.is_set()
    unchanged = await dump(database)
    results = await import_of(database, shop, path)

    assert [summary(result) for result in rehearsed] == [summary(result) for result in results]
    assert Counter(result.outcome for result in results) == {
        CREATED: 601,
        UPDATED: 452,
        UNCHANGED: 752,
        REJECTED: 3,
    }
    assert unchanged == before
    assert not is_hinted
    await assert_sound(database)


def summary(result: ImportResult) -> tuple[object, ...]:
    return result.number, result.outcome, result.problems, result.notes


async def test_each_batch_is_stored_at_its_own_time(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    shop = await a_shop(database)
    path = tmp_path / "orders.jsonl"
    path.write_text(lines(*(an_order_input(f"{number}") for number in range(501))))
    clock = iter([NOW, LATER])

    async for _ in ingestion.import_file(database, shop, path, actor="import", clock=lambda: next(clock)):
        pass

    assert (await stored(database, shop, "0")).updated_at == NOW
    assert (await stored(database, shop, "500")).updated_at == LATER
    await database.close()


async def test_memory_does_not_grow_with_the_file(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    shop = await a_shop(database)
    order = as_json(an_order_input("0", an_item_input(product_name="n" * 400, image_url="u" * 2_000)))

    async def peak(name: str, count: int) -> int:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(order | {"number": f"{name} {number}"}) + "\n" for number in range(count)))
        tracemalloc.start()
        results = Counter[ImportOutcome]()
        async for batch in ingestion.import_file(database, shop, path, actor="import", clock=lambda: NOW):
            results.update(result.outcome for result in batch.results)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert results == {CREATED: count}
        return most

    # Warm up: what is made once, such as statements for a hundred rows, does not grow with the file.
    await peak("first", 500)
    small, large = await peak("small", 1_000), await peak("large", 3_000)

    await database.close()
    assert large < 1.15 * small


# Arbitrary orders

numbers = count(1)
amounts = st.integers(0, 10**12)
words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
times = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.timezones())  # noqa: DTZ001 - the zone comes on top


def text_of(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


@st.composite
def item_inputs(draw: st.DrawFn, ref: str, quantity: int) -> OrderItemInput:
    subtotal = draw(amounts)
    seller_discount = draw(st.integers(0, subtotal))
    return OrderItemInput(
        ref=ref,
        sku=draw(words),
        product_id=draw(words),
        product_name=draw(words),
        quantity=quantity,
        subtotal=text_of(subtotal),
        variant_name=draw(st.none() | words),
        image_url=draw(st.none() | words),
        is_gift=draw(st.none() | st.booleans()),
        seller_discount=text_of(seller_discount),
        platform_discount=draw(st.integers(0, subtotal - seller_discount).map(text_of)),
        tax=draw(st.none() | amounts.map(text_of)),
    )


@st.composite
def order_inputs(draw: st.DrawFn) -> OrderInput:
    """Valid orders; the caller sets the number."""
    names = draw(st.lists(words.filter(bool), min_size=1, max_size=3, unique=True))
    held = [draw(st.lists(st.integers(0, 400), min_size=len(names), max_size=len(names))) for _ in range(3)]
    quantities = [sum(column) or 1 for column in zip(*held, strict=True)]
    held[0] = [units or int(quantity == 1) for units, quantity in zip(held[0], quantities, strict=True)]
    quantities = [sum(column) for column in zip(*held, strict=True)]
    items = [draw(item_inputs(name, quantity)) for name, quantity in zip(names, quantities, strict=True)]
    packages = tuple(
        PackageInput(
            number=f"P{number}",
            status=draw(st.sampled_from(PackageStatus)),
            items=tuple(PackageItemInput(name, units) for name, units in zip(names, row, strict=True) if units),
            carrier=draw(st.none() | words),
            tracking_number=draw(st.none() | words),
        )
        for number, row in enumerate(held)
        if any(row)
    )
    is_split = draw(st.booleans())
    statuses = [OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT, OrderStatus.CANCELLED]
    fees = draw(st.lists(st.builds(FeeInput, st.sampled_from(FeeKind), amounts.map(text_of)), max_size=3))
    shipping_fee, shipping_tax, prices_include_tax = draw(amounts), draw(amounts), draw(st.booleans())
    total = shipping_fee + sum(minor_of(fee.amount) for fee in fees)
    for item in items:
        total += minor_of(item.subtotal) - minor_of(item.seller_discount) - minor_of(item.platform_discount)
        total += 0 if prices_include_tax else minor_of(item.tax)
    return OrderInput(
        number="",
        status=draw(st.sampled_from(statuses)),
        currency=draw(st.sampled_from(["USD", "EUR", "MXN"])),
        prices_include_tax=prices_include_tax,
        placed_at=draw(times),
        paid_at=draw(st.none() | times),
        ship_by=draw(st.none() | times),
        buyer=BuyerInput(draw(words), draw(words), draw(st.none() | words)),
        items=tuple(items),
        packages=packages if is_split else None,
        shipping_fee=text_of(shipping_fee),
        shipping_tax=text_of(shipping_tax),
        fees=tuple(fees),
        total=text_of(total + (0 if prices_include_tax else shipping_tax)),
    )


def minor_of(text: str | None) -> int:
    return int((text or "0").replace(".", ""))


databases = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@databases
@given(given_order=order_inputs(), policy=st.sampled_from(ShippingRefundPolicy))
async def test_any_valid_order_is_created_once_and_then_kept_up_to_date(
    database: Database, given_order: OrderInput, policy: ShippingRefundPolicy
) -> None:
    number = f"{next(numbers)}"
    shop = await a_shop(database, f"shop-{number}", policy)
    order = replace(given_order, number=number)
    later = replace(order, ship_by=LATER)
    other = replace(order, currency="JPY" if order.currency == "EUR" else "EUR")

    results = [await imported(database, shop, each) for each in (order, order, later, later, other)]

    assert [result[0].problems for result in results[:4]] == [()] * 4
    assert [result[0].outcome for result in results[:4]] == [CREATED, UNCHANGED, UPDATED, UNCHANGED]
    assert {"REJECTED"} == {result.outcome.name for result in results[4]}
    await assert_sound(database)


@databases
@given(order=order_inputs())
async def test_a_file_and_a_call_store_the_same_order(database: Database, tmp_path: Path, order: OrderInput) -> None:
    shop = await a_shop(database, f"shop-{next(numbers)}")
    order = replace(order, number="1001")
    path = tmp_path / "orders.jsonl"
    path.write_text(lines(order))

    called = await imported(database, shop, order)
    filed = await import_of(database, shop, path)

    assert [result.outcome for result in called + filed] == [CREATED, UNCHANGED]


wild_texts = st.text(max_size=8) | st.sampled_from(
    ["\0", "\ud800", "a\x85b", "\u202e", "\uffff", "\U0010ffff", "'\"\\;--"]
)


@databases
@given(texts=st.lists(wild_texts, min_size=10, max_size=10))
async def test_no_text_stops_another_order(database: Database, texts: list[str]) -> None:
    shop = await a_shop(database, f"shop-{next(numbers)}")
    number, name, email, locale, sku, product, variant, image, carrier, tracking = texts
    item = OrderItemInput("a", sku, product, name, 3, "30.00", variant, image)
    package = replace(a_package_input(number, a=3), carrier=carrier, tracking_number=tracking)
    wild = an_order_input(number, item, packages=(package,), buyer=BuyerInput(name, email, locale))

    results = await imported(database, shop, an_order_input("before"), wild, an_order_input("after"))

    assert (results[0].outcome, results[2].outcome) == (CREATED, CREATED)
    assert {code for problem in codes(results) for code in problem} <= {"INVALID_VALUE"}
    await assert_sound(database)
