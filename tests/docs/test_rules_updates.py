"""docs/rules.md, "Orders that come again", agrees with what is decided about known orders."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.rules.new_order import NewOrder
from domain.rules.order import Order, Pick
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus
from tests.docs.pages import read, tables
from tests.support.builders import BUYER, PLACED_AT, after, an_item
from tests.support.telling import a_told_order, known, stored
from tests.support.telling import a_told_package as told

PAGE, SECTION = "docs/rules.md", "Orders that come again"
CHANGES, VERSIONS = tables(PAGE, SECTION)
AS, AC, IT, DE, CA = PackageStatus
LATER = PLACED_AT + timedelta(days=1)
ONE = told("A", AS, {1: 2})
OPEN = a_told_order(ONE)


def in_status(status: OrderStatus, package: PackageStatus = AS) -> NewOrder:
    return a_told_order(told("A", package, {1: 2}), status=status)


def in_package(status: PackageStatus) -> NewOrder:
    return a_told_order(told("A", status, {1: 2}))


DETAILS = [
    a_told_order(ONE, ship_by=LATER),
    a_told_order(told("A", AS, {1: 2}, carrier="DHL")),
    a_told_order(told("A", AS, {1: 2}, tracking_number="1")),
    a_told_order(ONE, buyer=replace(BUYER, email="bea@example.com")),
]
MASKED = [
    a_told_order(ONE, buyer=replace(BUYER, **{field: text}))
    for field, text in (("name", "A***"), ("name", ""), ("email", "a*@example.com"), ("email", ""))
]
OTHER_AMOUNTS = [
    a_told_order(ONE, items=[item])
    for item in (an_item(seller_discount=5), an_item(tax=5), an_item(product_name="Another name"))
]
GONE_HERE = after(stored(OPEN), Pick(1, 1, 1))
Case = tuple[NewOrder, Order | None, Sequence[NewOrder]]
CASES: dict[str, Case] = {
    "the input is older than the last one": (
        a_told_order(ONE, source_updated_at=LATER),
        None,
        [a_told_order(told("A", IT, {1: 2}), source_updated_at=PLACED_AT)],
    ),
    "more units of an item are cancelled than here": (OPEN, None, [a_told_order(told("A", AS, {1: (1, 1)}))]),
    "units that are cancelled here are live": (OPEN, GONE_HERE, [OPEN]),
    "units are in another package": (OPEN, None, [a_told_order(told("A", AS, {1: 1}), told("B", AS, {1: 1}))]),
    "units that have shipped are in a less advanced package": (
        in_package(IT),
        None,
        [a_told_order(told("A", IT, {1: 1}), told("B", AC, {1: 1}))],
    ),
    "a package has moved on, maybe by several steps": (OPEN, None, [in_package(AC), in_package(IT), in_package(DE)]),
    "a package went from AWAITING_COLLECTION back to AWAITING_SHIPMENT": (in_package(AC), None, [in_package(AS)]),
    "a package is less advanced otherwise": (in_package(DE), None, [in_package(IT), in_package(AC), in_package(AS)]),
    "the order is ON_HOLD": (OPEN, None, [in_status(OrderStatus.ON_HOLD)]),
    "the order is no longer ON_HOLD": (in_status(OrderStatus.ON_HOLD), None, [OPEN]),
    "the order is no longer UNPAID": (in_status(OrderStatus.UNPAID), None, [OPEN]),
    "the order is UNPAID": (OPEN, None, [in_status(OrderStatus.UNPAID)]),
    "the order is COMPLETED": (in_package(DE), None, [in_status(OrderStatus.COMPLETED, DE)]),
    "the order is no longer COMPLETED": (in_status(OrderStatus.COMPLETED, DE), None, [in_package(DE)]),
    "another time of payment": (OPEN, None, [a_told_order(ONE, paid_at=LATER)]),
    "no time of payment any more": (OPEN, None, [a_told_order(ONE, paid_at=None)]),
    "another ship-by date, carrier, tracking number, or contact": (OPEN, None, DETAILS),
    "a masked or empty name or address": (OPEN, None, MASKED),
    "no locale any more": (
        a_told_order(ONE, buyer=replace(BUYER, locale="de_DE")),
        None,
        [replace(OPEN, has_locale=False)],
    ),
    "other amounts, or names of products": (OPEN, None, OTHER_AMOUNTS),
}


def codes(first: NewOrder, here: Order | None, second: NewOrder) -> list[str]:
    return [note.code.name for note in update(known(first, order=here), second).notes]


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row[0])
def test_what_changes_at_the_source_is_noted_as_the_page_says(row: list[str]) -> None:
    change, _, listed = row
    first, here, later = CASES[change]

    found = [codes(first, here, second) for second in later]

    assert found == [listed.split(", ") if listed else []] * len(later)


@pytest.mark.parametrize(
    "row", [row for row in CHANGES if "stay" in row[1] or "nothing" in row[1]], ids=lambda row: row[0]
)
def test_what_stays_as_it_is_does_not_change(row: list[str]) -> None:
    first, here, later = CASES[row[0]]

    done = [update(known(first, order=here), second) for second in later]

    assert [each.after for each in done] == [here or stored(first)] * len(later)


def test_the_page_has_every_note() -> None:
    [reading] = re.findall(r"^([A-Z_, ]+ and [A-Z_]+) say how an order was read", read(PAGE), re.MULTILINE)
    listed = {code for *_, cell in CHANGES for code in cell.split(", ") if code}

    assert listed | {*re.findall("[A-Z_]{2,}", reading)} == set(ImportNoteCode.__members__)
    assert list(CASES) == [change for change, *_ in CHANGES]


THREE = a_told_order(told("A", AS, {1: 2}), told("B", AS, {1: 1}), told("C", AS, {2: 1}))
RAISES: dict[str, tuple[Known, NewOrder, int]] = {
    "a cancellation": (
        known(THREE),
        a_told_order(told("A", CA, {1: (0, 2)}), told("B", CA, {1: (0, 1)}), told("C", AS, {2: 1})),
        1,
    ),
    "each move of units from one package to another": (
        known(THREE),
        a_told_order(told("A", AS, {1: 1}), told("D", AS, {1: 2, 2: 1})),
        3,
    ),
    "each package's new status": (
        known(THREE),
        a_told_order(told("A", AC, {1: 2}), told("B", DE, {1: 1}), told("C", AS, {2: 1})),
        2,
    ),
    "the order is held, released or completed": (known(OPEN), in_status(OrderStatus.ON_HOLD), 1),
    "details alone, however many": (known(OPEN), a_told_order(ONE, ship_by=LATER, buyer=replace(BUYER, name="B")), 1),
    "a status that follows from packages": (known(OPEN), in_package(AC), 1),
    "something was left alone": (known(in_package(DE)), in_package(IT), 1),
}


@pytest.mark.parametrize("row", VERSIONS, ids=lambda row: row[0])
def test_acts_raise_the_version_as_the_page_says(row: list[str]) -> None:
    act, raised = row
    before, second, times = RAISES[act]
    # A status that follows does so from one of a package, which has raised the version.
    expected = {"+ 1": times, "": 1 if "follows" in act else 0}[raised]

    assert update(before, second).after.version == 1 + expected
