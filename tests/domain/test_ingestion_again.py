"""What has changed about a known order is taken over once and whole, or not at all."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from domain import ingestion
from domain.arriving import ImportResult
from domain.rules.order import Order, Shop
from domain.rules.order_input import OrderInput, PackageInput
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    ImportOutcome,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
)
from domain.storage import cancellations, tables
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.updating import TRUSTED, Lacking
from tests.support.cancelling import a_request, cancel_well, happened, package
from tests.support.fulfilling import move
from tests.support.invariants import dump
from tests.support.stored import NOW, a_package_input, an_item_input, an_order_input, store, stored
from tests.support.troubles import ForgetfulDatabase, UnluckyDatabase, held_by_others

CREATED, UPDATED = ImportOutcome.CREATED, ImportOutcome.UPDATED
UNCHANGED, REJECTED = ImportOutcome.UNCHANGED, ImportOutcome.REJECTED
AWAITING_SHIPMENT, AWAITING_COLLECTION = PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_COLLECTION
IN_TRANSIT, CANCELLED = PackageStatus.IN_TRANSIT, PackageStatus.CANCELLED
TOMORROW = NOW + timedelta(days=1)
OLD, NEW = NOW - timedelta(hours=2), NOW - timedelta(hours=1)


def an_order_of_two(*packages: PackageInput, number: str = "1001", **more: Any) -> OrderInput:
    """Three dresses for 30.00 and a scarf for 7.00; two packages unless others are given."""
    packages = packages or (a_package_input("A", dress=2, scarf=1), a_package_input("B", dress=1))
    items = (an_item_input("dress"), an_item_input("scarf", quantity=1, subtotal="7.00"))
    return an_order_input(number, *items, packages=packages, **more)


MOVED_ON = an_order_of_two(
    replace(a_package_input("A", IN_TRANSIT, dress=2, scarf=1), carrier="DHL", tracking_number="T-1"),
    a_package_input("B", AWAITING_COLLECTION, dress=1),
)
CANCELLED_THERE = an_order_of_two(a_package_input("A", dress=2, scarf=1), a_package_input("B", CANCELLED, dress=1))


async def imported(
    database: Database, shop: Shop, *inputs: OrderInput, lacking: Lacking = TRUSTED
) -> list[ImportResult]:
    return await ingestion.import_orders(database, shop, inputs, actor="feed", now=TOMORROW, lacking=lacking)


async def made(database: Database, shop: Shop, order: Order) -> list[Any]:
    async with database.reading(EVERY_SHOP) as connection:
        return list((await cancellations.list_by_order(connection, shop.id, [order.id]))[order.id])


def outcomes(results: Iterable[ImportResult]) -> list[ImportOutcome]:
    return [result.outcome for result in results]


def notes(result: ImportResult) -> list[str]:
    return [note.code.name for note in result.notes]


def codes(result: ImportResult) -> list[tuple[str, tuple[str, ...]]]:
    return [(problem.code.name, problem.path) for problem in result.problems]


async def kept(database: Database, number: str = "1001") -> tuple[Any, ...]:
    """The hash of the content, that of the bytes, the source's time and what it told."""
    columns = ("content_hash", "source_hash", "source_updated_at", "told")
    async with database.reading(EVERY_SHOP) as connection:
        query = sa.select(*(tables.orders.c[name] for name in columns)).where(tables.orders.c.number == number)
        return tuple((await connection.execute(query)).one())


async def log(database: Database) -> list[tuple[Any, ...]]:
    """The shop's events, oldest first."""
    return sorted((await dump(database))["order_events"], key=lambda row: row[1])


async def test_what_moved_on_at_the_source_is_taken_over(database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_of_two())

    [result] = await imported(database, shop, MOVED_ON)

    order = await stored(database, shop, "1001")
    assert (result.outcome, result.order_id, result.problems) == (UPDATED, order.id, ())
    assert notes(result) == ["PACKAGE_STATUS", "DETAILS", "DETAILS", "PACKAGE_STATUS", "ORDER_STATUS"]
    assert [(each.number, each.status.name, each.carrier, each.tracking_number) for each in order.packages] == [
        ("A", "IN_TRANSIT", "DHL", "T-1"),
        ("B", "AWAITING_COLLECTION", None, None),
    ]
    assert (order.status, order.version, order.updated_at) == (OrderStatus.PARTIALLY_SHIPPING, 3, TOMORROW)
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT IN_TRANSIT",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_SHIPMENT AWAITING_COLLECTION",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT PARTIALLY_SHIPPING",
        "ORDER_UPDATED",
    ]
    [*_, last] = await log(database)
    assert (last[5], last[6]) == (TOMORROW, "feed")
    assert last[-1] == [[note.code.name, note.message] for note in result.notes]


async def test_the_same_again_is_unchanged_whatever_happened_here(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_of_two())
    await move(database, shop, order, "A", AWAITING_COLLECTION)
    await imported(database, shop, MOVED_ON)
    collected = await stored(database, shop, "1001")
    await cancel_well(database, shop, a_request(package(collected, "B"), reason=CancellationReason.OTHER))
    before = await dump(database)

    [result] = await imported(database, shop, MOVED_ON)

    assert (result.outcome, result.order_id, result.notes) == (UNCHANGED, order.id, ())
    assert await dump(database) == before


async def test_units_cancelled_at_the_source_are_cancelled_here_and_refunded_there(
    database: Database, shop: Shop
) -> None:
    await store(database, shop, an_order_of_two())

    [result] = await imported(database, shop, CANCELLED_THERE)

    order = await stored(database, shop, "1001")
    [cancellation] = await made(database, shop, order)
    assert (result.outcome, notes(result)) == (UPDATED, ["CANCELLED_THERE"])
    assert (cancellation.scope, cancellation.package, cancellation.reason) == (
        CancellationScope.PACKAGE,
        2,
        CancellationReason.OTHER,
    )
    assert (cancellation.breakdown.total, cancellation.refund_status) == (1000, RefundStatus.SUCCEEDED)
    assert cancellation.notification.status is NotificationStatus.NOT_NEEDED
    assert (cancellation.actor, cancellation.created_at) == ("feed", TOMORROW)
    assert cancellation.idempotency_key == "import 1001 1"
    assert (order.refunded, order.version) == (1000, 2)
    assert (await dump(database))["outbox"] == []
    assert (await dump(database))["idempotency_keys"] == []
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_SHIPMENT CANCELLED",
        "ORDER_UPDATED",
    ]


async def test_packages_that_a_cancellation_ends_are_logged_by_number(database: Database, shop: Shop) -> None:
    packages = (a_package_input("B", dress=2), a_package_input("C", dress=1), a_package_input("A", scarf=1))
    await store(database, shop, an_order_of_two(*packages))
    gone = [replace(package, status=CANCELLED) for package in packages]

    [result] = await imported(database, shop, an_order_of_two(*gone))

    order = await stored(database, shop, "1001")
    assert result.outcome is UPDATED
    assert (await happened(database, order))[1:] == [
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 3 AWAITING_SHIPMENT CANCELLED",
        "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT CANCELLED",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_SHIPMENT CANCELLED",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
        "ORDER_UPDATED",
    ]


async def test_units_go_to_the_packages_that_the_source_names(database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_of_two())
    packages = (a_package_input("A", dress=1, scarf=1), a_package_input("C", AWAITING_COLLECTION, dress=2))

    [result] = await imported(database, shop, an_order_of_two(*packages))

    order = await stored(database, shop, "1001")
    assert (result.outcome, notes(result)) == (UPDATED, ["REPACKED", "REPACKED", "ORDER_STATUS"])
    assert [(each.number, each.status.name, [packed.quantity for packed in each.items]) for each in order.packages] == [
        ("A", "AWAITING_SHIPMENT", [1, 1]),
        ("B", "CANCELLED", []),
        ("C", "AWAITING_COLLECTION", [2]),
    ]
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "PACKAGE_SPLIT 1 3",
        "PACKAGE_SPLIT 2 3",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_SHIPMENT CANCELLED",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT PARTIALLY_SHIPPING",
        "ORDER_UPDATED",
    ]


async def test_what_was_done_here_and_the_source_did_not_touch_stays(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_of_two())
    await move(database, shop, order, "A", AWAITING_COLLECTION)

    [result] = await imported(database, shop, an_order_of_two(ship_by=TOMORROW))

    after = await stored(database, shop, "1001")
    assert (result.outcome, notes(result)) == (UPDATED, ["DETAILS"])
    assert (after.ship_by, after.version, after.packages[0].status) == (TOMORROW, 3, AWAITING_COLLECTION)
    assert (await happened(database, order))[-1] == "ORDER_UPDATED"


async def test_a_change_that_is_left_alone_is_noted_and_changes_nothing_else(database: Database, shop: Shop) -> None:
    await store(database, shop, MOVED_ON)
    order = await stored(database, shop, "1001")
    back = (replace((MOVED_ON.packages or ())[0], status=AWAITING_SHIPMENT), (MOVED_ON.packages or ())[1])

    results = [await imported(database, shop, replace(MOVED_ON, packages=back)) for _ in range(2)]

    after = await stored(database, shop, "1001")
    assert [(each.outcome, notes(each)) for [each] in results] == [(UPDATED, ["NOT_TAKEN_OVER"]), (UNCHANGED, [])]
    assert after == replace(order, event_sequence=2, feed_number=2)
    assert await happened(database, order) == ["ORDER_IMPORTED", "ORDER_UPDATED"]


async def test_another_order_under_a_known_number_is_refused_and_not_kept(database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_of_two())
    before = await dump(database)

    [result] = await imported(database, shop, an_order_input("1001", an_item_input("dress", quantity=4)))

    assert (result.outcome, result.order_id, codes(result)) == (REJECTED, None, [("NUMBER_TAKEN", ("number",))])
    assert await dump(database) == before


async def test_content_that_makes_no_difference_is_kept_without_an_event(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_of_two())
    content, *_ = await kept(database)

    results = [await imported(database, shop, an_order_of_two(prices_include_tax=False)) for _ in range(2)]

    assert [(each.outcome, each.notes) for [each] in results] == [(UNCHANGED, ())] * 2
    assert (await kept(database))[0] != content
    assert await stored(database, shop, "1001") == order


# The source's time


async def test_an_older_input_is_noted_and_neither_done_nor_kept(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_of_two(source_updated_at=NEW))
    before = await dump(database)

    [result] = await imported(database, shop, replace(MOVED_ON, source_updated_at=OLD))

    assert (result.outcome, result.order_id, notes(result)) == (UNCHANGED, order.id, ["OLDER"])
    assert await dump(database) == before


@pytest.mark.parametrize(
    ("given", "expected", "noted"),
    [(NEW, NEW, []), (OLD, OLD, []), (None, OLD, []), (OLD - timedelta(hours=1), OLD, ["OLDER"])],
    ids=["later", "the same", "none", "earlier"],
)
async def test_the_later_time_is_kept_where_the_content_is_the_same(
    database: Database, shop: Shop, given: Any, expected: Any, noted: list[str]
) -> None:
    [order] = await store(database, shop, an_order_of_two(source_updated_at=OLD))

    [result] = await imported(database, shop, an_order_of_two(source_updated_at=given))

    assert (result.outcome, notes(result)) == (UNCHANGED, noted)
    assert (await kept(database))[2] == expected
    assert await stored(database, shop, "1001") == order


async def test_an_input_without_a_time_counts_as_new_and_the_time_stays(database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_of_two(source_updated_at=NEW))

    [result] = await imported(database, shop, MOVED_ON)

    assert result.outcome is UPDATED
    assert (await kept(database))[2] == NEW


# One call


async def test_a_number_repeated_in_a_call_is_judged_as_if_it_came_in_a_later_one(
    database: Database, shop: Shop
) -> None:
    inputs = [an_order_of_two(), CANCELLED_THERE, an_order_of_two(number="2002"), CANCELLED_THERE, MOVED_ON, MOVED_ON]

    results = await imported(database, shop, *inputs)

    order = await stored(database, shop, "1001")
    assert outcomes(results) == [CREATED, UPDATED, CREATED, UNCHANGED, UPDATED, UNCHANGED]
    assert {result.order_id for result in results if result.number == "1001"} == {order.id}
    assert (await happened(database, order))[:5] == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_SHIPMENT CANCELLED",
        "ORDER_UPDATED",
        "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT IN_TRANSIT",
    ]


async def test_events_of_a_call_are_in_the_order_of_its_orders(database: Database, shop: Shop) -> None:
    first, second = await store(database, shop, an_order_of_two(number="1"), an_order_of_two(number="2"))
    inputs = [replace(MOVED_ON, number="2"), an_order_of_two(number="3"), replace(MOVED_ON, number="1")]

    results = await imported(database, shop, *inputs)

    third = await stored(database, shop, "3")
    assert outcomes(results) == [UPDATED, CREATED, UPDATED]
    logged = [event[2] for event in await log(database)][2:]
    assert logged == [second.id] * 4 + [third.id] + [first.id] * 4


async def test_an_act_follows_the_orders_last_change_even_by_an_earlier_clock(database: Database, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_of_two())

    await ingestion.import_orders(database, shop, [MOVED_ON], actor="feed", now=NOW - timedelta(days=1))
    await ingestion.import_orders(
        database, shop, [CANCELLED_THERE, an_order_of_two(number="2")], actor="feed", now=NOW - timedelta(days=1)
    )

    moment = timedelta(microseconds=1)
    times = [event[5] for event in await log(database) if event[2] == order.id]
    assert times == [NOW, *[NOW + moment] * 4, *[NOW + 2 * moment] * 4]
    assert (await stored(database, shop, "2")).updated_at == NOW - timedelta(days=1)


# What the caller may do

LACKING = Lacking("the scope a", "the scope b")
NEEDS_A, NEEDS_B = (
    "Bringing this order up to date needs the scope a.",
    "Bringing this order up to date needs the scope b.",
)


@pytest.mark.parametrize(
    ("given", "lacking", "messages"),
    [
        (MOVED_ON, LACKING, [NEEDS_A]),
        (MOVED_ON, Lacking(cancelling="the scope b"), []),
        (CANCELLED_THERE, LACKING, [NEEDS_A, NEEDS_B]),
        (CANCELLED_THERE, Lacking(cancelling="the scope b"), [NEEDS_B]),
        (CANCELLED_THERE, Lacking(updating="the scope a"), [NEEDS_A]),
        (an_order_of_two(), LACKING, []),
        (an_order_of_two(prices_include_tax=False), LACKING, []),
        (an_order_of_two(number="new"), LACKING, []),
    ],
)
async def test_a_caller_takes_over_only_what_it_may(
    database: Database, shop: Shop, given: OrderInput, lacking: Lacking, messages: list[str]
) -> None:
    await store(database, shop, an_order_of_two())
    before = await dump(database)

    [result] = await imported(database, shop, given, lacking=lacking)

    assert [problem.message for problem in result.problems] == messages
    assert set(codes(result)) <= {("TRANSITION_NOT_ALLOWED", ("number",))}
    assert (result.outcome is REJECTED) == bool(messages)
    assert not messages or await dump(database) == before


# Trouble


async def test_an_order_is_reported_as_updated_even_if_the_answer_to_its_commit_was_lost(
    database: Database, database_url: str, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_of_two())
    forgetful = ForgetfulDatabase(database_url)

    results = await imported(forgetful, shop, MOVED_ON, an_order_of_two(number="2"), MOVED_ON)

    await forgetful.close()
    assert outcomes(results) == [UPDATED, CREATED, UNCHANGED]
    assert notes(results[0]) == ["PACKAGE_STATUS", "DETAILS", "DETAILS", "PACKAGE_STATUS", "ORDER_STATUS"]
    assert (await happened(database, order)).count("ORDER_UPDATED") == 1


async def test_an_update_that_was_rolled_back_is_done_again(database: Database, database_url: str, shop: Shop) -> None:
    [order] = await store(database, shop, an_order_of_two())
    unlucky = UnluckyDatabase(database_url)

    results = await imported(unlucky, shop, MOVED_ON)

    await unlucky.close()
    assert outcomes(results) == [UPDATED]
    assert (await happened(database, order)).count("ORDER_UPDATED") == 1


async def test_concurrent_calls_with_the_same_changes_take_them_over_once(database: Database, shop: Shop) -> None:
    numbers = [f"{number}" for number in range(20)]
    await store(database, shop, *(an_order_of_two(number=number) for number in numbers))
    changed = [replace(CANCELLED_THERE, number=number) for number in numbers]

    calls = [imported(database, shop, *(changed[start:] + changed[:start])) for start in range(0, 20, 4)]
    results = [result for call in await asyncio.gather(*calls) for result in call]

    assert sorted(result.number for result in results if result.outcome is UPDATED) == sorted(numbers)
    assert outcomes(results).count(UNCHANGED) == 80
    assert len((await dump(database))["cancellations"]) == 20


async def test_an_order_that_stays_busy_is_refused_for_now(database: Database, database_url: str, shop: Shop) -> None:
    await store(database, shop, an_order_of_two())

    async with held_by_others(database, database_url):
        [result] = await imported(database, shop, MOVED_ON)

    assert (result.outcome, codes(result)) == (REJECTED, [("TRY_AGAIN", ())])
    assert outcomes(await imported(database, shop, MOVED_ON)) == [UPDATED]
