"""A refused call reports every problem and writes nothing."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain import cancellation
from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.order import ItemEntry, ItemsSelection, Order, OrderSelection, PackageSelection, Shop
from domain.rules.vocabulary import CancellationReason, NotCancellableReason, OrderStatus, PackageStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import (
    a_request,
    a_small_order,
    a_split_order,
    cancel,
    cancel_well,
    codes,
    everything,
    item_id,
    package,
    package_id,
    read_again,
    units,
)
from tests.support.invariants import dump
from tests.support.stored import a_package_input, a_shop, an_order_input, store, stored

UNKNOWN = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")


REFUSALS: dict[str, tuple[Callable[[Order], CancellationRequest], list[str]]] = {
    "no entry": (lambda order: a_request(ItemsSelection(ids.of_order(order.id), ())), ["EMPTY_SELECTION"]),
    "too many units": (lambda order: a_request(units(order, ("SKU-dress", 3))), ["QUANTITY_EXCEEDED"]),
    "units that wait for the carrier": (
        lambda order: a_request(units(order, ("SKU-dress", 1, "A"))),
        ["NOT_CANCELLABLE"],
    ),
    "one good entry and a bad one": (
        lambda order: a_request(units(order, ("SKU-dress", 1), ("SKU-scarf", 9))),
        ["QUANTITY_EXCEEDED"],
    ),
    "the same entry twice": (
        lambda order: a_request(units(order, ("SKU-dress", 1), ("SKU-dress", 1))),
        ["DUPLICATE_ITEM"],
    ),
    "a reason that does not unlock items": (
        lambda order: a_request(units(order, ("SKU-dress", 1)), reason=CancellationReason.BUYER_REQUESTED),
        ["REASON_NOT_ALLOWED"],
    ),
    "another version": (
        lambda order: a_request(units(order, ("SKU-dress", 1)), expected_version=2),
        ["ORDER_CHANGED"],
    ),
    "another refund": (
        lambda order: a_request(package(order, "A"), expected_refund=Decimal("10.82")),
        ["REFUND_CHANGED"],
    ),
    "an invalid note": (lambda order: a_request(everything(order), note="\x1b[1m"), ["INVALID_TEXT"]),
    "an invalid key": (lambda order: a_request(everything(order), "a key"), ["INVALID_IDEMPOTENCY_KEY"]),
}


@pytest.mark.parametrize(("request_for", "expected"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refused_call_writes_nothing(
    database: Database, shop: Shop, request_for: Callable[[Order], CancellationRequest], expected: list[str]
) -> None:
    order = await a_split_order(database, shop)
    before = await dump(database)

    outcome = await cancel(database, shop, request_for(order))

    assert codes(outcome) == expected
    assert (outcome.order, outcome.cancellation, outcome.replayed) == (order, None, False)
    assert await dump(database) == before


async def test_all_problems_are_reported_in_order(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    dress, scarf = item_id(order, "SKU-dress"), item_id(order, "SKU-scarf")
    entries = (
        ItemEntry("item_nothing", 0),
        ItemEntry(dress, 1, ids.of_package(order.id, 9)),
        ItemEntry(dress, 0),
        ItemEntry(dress, 1),
        ItemEntry(scarf, 1, package_id(order, "A")),
        ItemEntry(scarf, 2),
    )
    selection = ItemsSelection(ids.of_order(order.id), entries)

    outcome = await cancel(
        database,
        shop,
        a_request(selection, "a key", CancellationReason.OTHER, note="n" * 2001, expected_version=7),
    )

    assert [(problem.code.name, problem.path) for problem in outcome.problems] == [
        ("INVALID_IDEMPOTENCY_KEY", ("idempotencyKey",)),
        ("TEXT_TOO_LONG", ("note",)),
        ("REASON_NOT_ALLOWED", ("reason",)),
        ("ITEM_NOT_FOUND", ("items", "0", "itemId")),
        ("PACKAGE_NOT_FOUND", ("items", "1", "packageId")),
        ("INVALID_QUANTITY", ("items", "2", "quantity")),
        ("DUPLICATE_ITEM", ("items", "3", "itemId")),
        ("NOT_CANCELLABLE", ("items", "4", "itemId")),
        ("QUANTITY_EXCEEDED", ("items", "5", "quantity")),
    ]
    assert [problem.cancellable_quantity for problem in outcome.problems] == [*[None] * 8, 1]


@pytest.mark.parametrize("status", [OrderStatus.UNPAID, OrderStatus.ON_HOLD])
async def test_nothing_is_cancelled_in_an_unpaid_or_held_order(
    database: Database, shop: Shop, status: OrderStatus
) -> None:
    [order] = await store(database, shop, an_order_input("1001", status=status))
    before = await dump(database)

    outcomes = [
        await cancel(database, shop, a_request(selection))
        for selection in (units(order, ("SKU-dress", 1)), package(order, "1001-1"), everything(order))
    ]

    reasons = [[problem.not_cancellable_reason for problem in outcome.problems] for outcome in outcomes]
    assert reasons == [[NotCancellableReason[status.name]]] * 3
    assert await dump(database) == before


async def test_a_partly_shipped_order_names_each_shipped_package(database: Database, shop: Shop) -> None:
    given = an_order_input(
        "1001",
        packages=(
            a_package_input("C", PackageStatus.IN_TRANSIT, dress=1),
            a_package_input("B", dress=1),
            a_package_input("A", PackageStatus.DELIVERED, dress=1),
        ),
    )
    [order] = await store(database, shop, given)

    outcome = await cancel(database, shop, a_request(everything(order)))

    assert [(problem.not_cancellable_reason, problem.package_id) for problem in outcome.problems] == [
        (NotCancellableReason.SHIPPED, package_id(order, "A")),
        (NotCancellableReason.SHIPPED, package_id(order, "C")),
    ]


# Ids


def strange_ids(order: Order, foreign: Order, kind: str) -> list[str]:
    """Ids that match nothing in the order: unknown, malformed, of another type, of another shop."""
    mine = {
        "order": ids.of_order(order.id),
        "item": item_id(order, "SKU-dress"),
        "package": package_id(order, "A"),
    }
    unknown = {"order": ids.of_order(UNKNOWN), "item": ids.of_item(UNKNOWN, 1), "package": ids.of_package(UNKNOWN, 1)}
    others = {
        "order": ids.of_order(foreign.id),
        "item": item_id(foreign, "SKU-dress"),
        "package": package_id(foreign, "A"),
    }
    malformed = ["", "1", "\0", "\ud800", mine[kind].upper(), mine[kind] + "_", mine[kind] + "\n", f" {mine[kind]}"]
    return [unknown[kind], others[kind], *malformed, *(mine[other] for other in mine if other != kind)]


async def test_unknown_and_foreign_orders_get_the_same_answer(database: Database, shop: Shop) -> None:
    foreign = await a_split_order(database, await a_shop(database, "other"))
    order = await a_split_order(database, shop)
    strange = strange_ids(order, foreign, "order")
    before = await dump(database)

    outcomes = [await cancel(database, shop, a_request(OrderSelection(order_id))) for order_id in strange]
    previews = [
        await cancellation.preview(database, shop, ItemsSelection(order_id, ()), CancellationReason.OUT_OF_STOCK)
        for order_id in strange
    ]

    assert set(outcomes) == {outcomes[0]}
    assert codes(outcomes[0]) == ["ORDER_NOT_FOUND"]
    assert outcomes[0].order is None
    assert set(previews) == {previews[0]}
    assert [problem.code.name for problem in previews[0].problems] == ["ORDER_NOT_FOUND", "EMPTY_SELECTION"]
    assert await dump(database) == before


async def test_unknown_and_foreign_packages_get_the_same_answer(database: Database, shop: Shop) -> None:
    foreign = await a_split_order(database, await a_shop(database, "other"))
    order = await a_split_order(database, shop)
    strange = [*strange_ids(order, foreign, "package"), ids.of_package(order.id, 3)]

    outcomes = [await cancel(database, shop, a_request(PackageSelection(each))) for each in strange]

    assert [outcome.problems[0].package_id for outcome in outcomes] == strange
    assert {outcome.order for outcome in outcomes} == {None}
    assert {replace(outcome.problems[0], package_id=None) for outcome in outcomes} == {
        replace(outcomes[0].problems[0], package_id=None)
    }
    assert {tuple(codes(outcome)) for outcome in outcomes} == {("PACKAGE_NOT_FOUND",)}


async def test_items_and_packages_from_elsewhere_get_the_same_answers(database: Database, shop: Shop) -> None:
    foreign = await a_split_order(database, await a_shop(database, "other"))
    other = await a_split_order(database, shop, "1002")
    order = await a_split_order(database, shop)
    dress = item_id(order, "SKU-dress")
    items = [*strange_ids(order, foreign, "item"), item_id(other, "SKU-dress"), ids.of_item(order.id, 3)]
    packages = [*strange_ids(order, foreign, "package"), package_id(other, "A"), ids.of_package(order.id, 3)]
    entries = [*(ItemEntry(each, 1) for each in items), *(ItemEntry(dress, 1, each) for each in packages)]

    outcome = await cancel(database, shop, a_request(ItemsSelection(ids.of_order(order.id), tuple(entries))))

    assert [(problem.item_id, problem.package_id) for problem in outcome.problems] == [
        (entry.item_id, entry.package_id) for entry in entries
    ]
    assert {(problem.code.name, problem.message, problem.path[2]) for problem in outcome.problems} == {
        ("ITEM_NOT_FOUND", "The order has no item with this id.", "itemId"),
        ("PACKAGE_NOT_FOUND", "The order has no package with this id that holds units of this item.", "packageId"),
    }


# Expectations


async def test_a_call_that_expects_what_the_preview_showed_succeeds(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "key-1"))

    outcome = await cancel(
        database,
        shop,
        a_request(units(order, ("SKU-dress", 1)), "key-2", expected_version=2, expected_refund=Decimal("3.340")),
    )

    assert codes(outcome) == []


EXPECTATIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an old version": ({"expected_version": 1}, ["ORDER_CHANGED"]),
    "a future version": ({"expected_version": 3, "expected_refund": Decimal("3.34")}, ["ORDER_CHANGED"]),
    "another refund": ({"expected_version": 2, "expected_refund": Decimal("3.33")}, ["REFUND_CHANGED"]),
    "more digits than the currency has": ({"expected_refund": Decimal("3.341")}, ["REFUND_CHANGED"]),
    "a negative refund": ({"expected_refund": Decimal("-3.34")}, ["REFUND_CHANGED"]),
    "both": ({"expected_version": 1, "expected_refund": Decimal(0)}, ["ORDER_CHANGED", "REFUND_CHANGED"]),
}


@pytest.mark.parametrize(("expected", "problems"), EXPECTATIONS.values(), ids=EXPECTATIONS)
async def test_a_call_with_wrong_expectations_shows_the_present_state(
    database: Database, shop: Shop, expected: dict[str, Any], problems: list[str]
) -> None:
    order = await a_small_order(database, shop)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "key-1"))
    selection = units(order, ("SKU-dress", 1))
    preview = await cancellation.preview(database, shop, selection, CancellationReason.OUT_OF_STOCK)

    outcome = await cancel(database, shop, a_request(selection, "key-2", **expected))

    assert codes(outcome) == problems
    assert [problem.path for problem in outcome.problems] == [
        {"ORDER_CHANGED": ("expect", "orderVersion"), "REFUND_CHANGED": ("expect", "refundTotal")}[code]
        for code in problems
    ]
    assert outcome.plan == preview.plan
    assert outcome.plan
    assert (outcome.plan.before.version, outcome.plan.breakdown.total) == (2, 334)
    assert outcome.order == await stored(database, shop, "2001")


async def test_expectations_are_checked_only_if_nothing_else_is_wrong(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)

    outcome = await cancel(
        database,
        shop,
        a_request(units(order, ("SKU-dress", 4)), expected_version=9, expected_refund=Decimal(9)),
    )

    assert codes(outcome) == ["QUANTITY_EXCEEDED"]
    assert outcome.plan is None


# The note


NOTES = {
    "empty": "",
    "2,000 characters beyond 16 bits": "\U0001f457" * 2000,
    "tab and line ends": "one\ttwo\r\nthree\n",
    "other scripts and directions": "品切れ \u202e売切\u202c \u200b",
    "spaces at its ends": "  x  ",
}


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
async def test_a_note_is_kept_as_it_was_given(database: Database, shop: Shop, note: str) -> None:
    order = await a_small_order(database, shop)

    made = await cancel_well(database, shop, a_request(everything(order), note=note))

    again = await read_again(database, shop, made)
    assert again
    assert made.note == again.note == note


BAD_NOTES = {
    "too long": ("n" * 2001, "TEXT_TOO_LONG"),
    "too long, with a control character": ("\0" * 2001, "TEXT_TOO_LONG"),
    "NUL": ("a\0b", "INVALID_TEXT"),
    "escape": ("\x1b", "INVALID_TEXT"),
    "vertical tab": ("\v", "INVALID_TEXT"),
    "delete": ("\x7f", "INVALID_TEXT"),
    "next line": ("\x85", "INVALID_TEXT"),
    "half of a surrogate pair": ("\ud83d", "INVALID_TEXT"),
}


async def test_notes_that_cannot_be_stored_are_refused(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)

    outcomes = {
        name: await cancel(database, shop, a_request(everything(order), note=note))
        for name, (note, _) in BAD_NOTES.items()
    }

    assert {name: codes(outcome) for name, outcome in outcomes.items()} == {
        name: [code] for name, (_, code) in BAD_NOTES.items()
    }
    assert {outcome.problems[0].path for outcome in outcomes.values()} == {("note",)}
