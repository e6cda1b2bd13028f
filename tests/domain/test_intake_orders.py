"""Orders of any market in any state: each comes in exactly as it is told, or is refused for its own reason."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules.order import Order
from domain.rules.vocabulary import ImportNoteCode, ImportOutcome
from tests.support.market.intake import Intake, numbered, some
from tests.support.market.orders import MARKETS, MarketOrder, Shape, Unit, answer, document
from tests.support.market.stored import (
    owed,
    stored_cancelled,
    stored_items,
    stored_places,
    told_cancelled,
    told_fees,
    told_items,
    told_places,
)
from tests.support.market.strategies import market_orders, shapes

CREATED, UNCHANGED, REJECTED = ImportOutcome.CREATED, ImportOutcome.UNCHANGED, ImportOutcome.REJECTED
Json = dict[str, Any]


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@on_sqlite
@some(max_examples=50)
@given(order=market_orders(), shape=shapes)
def test_an_order_comes_in_as_it_stands(intake: Intake, order: MarketOrder, shape: Shape) -> None:
    order = numbered(order, intake.number())

    [result] = intake.imports(answer([document(order, shape)]))
    known = intake.finds(order.number) if result.order_id else None

    assert (result.outcome, result.problems) == (CREATED, ())
    assert known
    assert_stored(known, order)


def assert_stored(known: Order, order: MarketOrder) -> None:
    assert stored_items(known) == told_items(order)
    assert stored_places(known) == told_places(order)
    assert stored_cancelled(known) == told_cancelled(order)
    assert known.status.name == order.status
    assert_priced(known, order)
    assert known.collect_on_delivery == order.is_cod
    assert known.is_paid == order.is_paid_at_first
    is_refunded = known.is_paid and not order.is_cod
    assert (known.refunded, known.taken_off) == ((owed(known), 0) if is_refunded else (0, owed(known)))


def assert_priced(known: Order, order: MarketOrder) -> None:
    """The stored amounts are the told ones, and nothing went below zero on the way."""
    assert known.total == order.total
    assert known.prices_include_tax == (not (order.market.has_tax_on_top and order.tax))
    assert sum(item.tax for item in known.items) == order.tax - order.shipping_tax
    assert known.shipping_tax == order.shipping_tax
    assert {fee.kind.name: fee.amount for fee in known.fees} == told_fees(order)
    beyond = max(order.payment_discount - order.products, 0)
    assert known.shipping_fee == max(order.shipping_fee - beyond, 0)
    paid = [item.subtotal - item.seller_discount - item.platform_discount for item in known.items]
    assert min(paid) >= 0
    assert sum(paid) == order.products + order.deposits - min(order.payment_discount, order.products)


# What must be refused


def unknown_unit(told: Json, chance: int) -> str:
    line = told["line_items"][chance % len(told["line_items"])]
    line["display_status"] = "LOST_AT_SEA"
    return "INVALID_VALUE LOST_AT_SEA"


def unknown_package(told: Json, chance: int) -> str:
    line = told["line_items"][chance % len(told["line_items"])]
    line |= {"package_id": "8001", "package_status": "EVAPORATED"}
    return "INVALID_VALUE EVAPORATED"


def unknown_order(told: Json, _: int) -> str:
    told["status"] = "UNDER_REVIEW"
    return "INVALID_VALUE UNDER_REVIEW"


def nothing_said_of_a_unit(told: Json, chance: int) -> str:
    told["status"] = "PARTIALLY_SHIPPING"
    place = chance % len(told["line_items"])
    told["line_items"][place] |= {"display_status": "", "package_status": None}
    return f"INVALID_VALUE line_items.{place}"


def one_minor_unit_too_much(told: Json, _: int) -> str:
    digits = {market.currency: market.digits for market in MARKETS}[told["payment"]["currency"]]
    total = float(told["payment"]["total_amount"]) + 10**-digits
    told["payment"] |= {"total_amount": f"{total:.{digits}f}", "gold_leaf_fee": f"{10**-digits:.{digits}f}"}
    return "AMOUNTS_DO_NOT_ADD_UP gold_leaf_fee"


def a_control_character(told: Json, _: int) -> str:
    told["line_items"][0]["product_name"] = "The\x07bell"
    return "INVALID_VALUE control"


def no_number(told: Json, _: int) -> str:
    told["id"] = ""
    return "INVALID_VALUE missing"


def too_long_a_number(told: Json, _: int) -> str:
    told["id"] = "9" * 101
    return "INVALID_VALUE 100"


def unknown_currency(told: Json, _: int) -> str:
    told["payment"]["currency"] = "XQX"
    return "INVALID_VALUE currency"


def too_many_digits(told: Json, _: int) -> str:
    told["line_items"][0]["original_price"] = "9.99999"
    return "INVALID_VALUE"


def no_total(told: Json, _: int) -> str:
    told["payment"]["total_amount"] = ""
    return "INVALID_VALUE missing"


SPOILERS: tuple[Callable[[Json, int], str], ...] = (
    unknown_unit,
    unknown_package,
    unknown_order,
    nothing_said_of_a_unit,
    one_minor_unit_too_much,
    a_control_character,
    no_number,
    too_long_a_number,
    unknown_currency,
    too_many_digits,
    no_total,
)


@on_sqlite
@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
@some(max_examples=5)
@given(order=market_orders(), other=market_orders(), chance=st.integers(0, 9))
def test_an_order_is_refused_for_the_reason_that_it_has(
    intake: Intake, spoil: Callable[[Json, int], str], order: MarketOrder, other: MarketOrder, chance: int
) -> None:
    order, other = numbered(order, intake.number()), numbered(other, intake.number())
    told = document(order)
    code, *words = spoil(told, chance).split()

    results = intake.imports(answer([told, document(other)]))

    assert [result.outcome for result in results] == [REJECTED, CREATED]
    problems = results[0].problems
    assert code in {problem.code.name for problem in problems}
    said = " ".join(f"{'.'.join(problem.path)} {problem.message}" for problem in problems)
    assert [word for word in words if word not in said] == []


# The file around the orders


def as_lines(*contents: object) -> bytes:
    return b"\n\n".join(json.dumps(content).encode() for content in contents)


FILES: dict[str, Callable[[list[Json]], bytes]] = {
    "an answer": lambda orders: json.dumps(answer(orders)).encode(),
    "an answer turned round": lambda orders: json.dumps(dict(reversed(answer(orders).items()))).encode(),
    "the data of an answer": lambda orders: json.dumps({"next_page_token": "", "orders": orders}).encode(),
    "an array": lambda orders: json.dumps(orders, indent=1).encode(),
    "an array of answers": lambda orders: json.dumps([answer([order]) for order in orders]).encode(),
    "lines of orders": lambda orders: as_lines(*orders),
    "lines of arrays": lambda orders: as_lines(orders[:1], orders[1:]),
    "lines of answers": lambda orders: as_lines(answer(orders[:2]), answer([]), answer(orders[2:])),
    "lines of data": lambda orders: as_lines({"orders": orders[:2]}, {"orders": orders[2:]}),
    "UTF-8 with BOM": lambda orders: b"\xef\xbb\xbf" + json.dumps(answer(orders), ensure_ascii=False).encode(),
    "UTF-16": lambda orders: json.dumps(answer(orders), ensure_ascii=False).encode("utf-16"),
    "UTF-16, big end first": lambda orders: b"\xfe\xff" + json.dumps(orders).encode("utf-16-be"),
    "lines in UTF-16": lambda orders: as_lines(*orders).decode().encode("utf-16"),
    "an error between": lambda orders: as_lines(*orders[:2], {"code": 0, "data": {"orders": None}}, *orders[2:]),
}


@on_sqlite
@some(max_examples=4)
@given(orders=st.lists(market_orders(), min_size=3, max_size=4))
def test_the_same_orders_in_any_file_are_the_same(intake: Intake, orders: list[MarketOrder]) -> None:
    orders = [numbered(order, intake.number()) for order in orders]
    told = [document(order) for order in orders]

    first = intake.imports(answer(told))
    before = intake.dumps()
    again = {name: intake.imports_text(write(told)) for name, write in FILES.items()}

    assert [result.outcome for result in first] == [CREATED] * len(orders)
    numbers = [order.number for order in orders]
    assert {name: [(result.number, result.outcome) for result in results] for name, results in again.items()} == {
        name: [(number, UNCHANGED) for number in numbers] for name in FILES
    }
    assert intake.dumps() == before


@on_sqlite
@pytest.mark.parametrize("write", FILES.values(), ids=FILES)
def test_orders_come_in_from_any_file(intake: Intake, write: Callable[[list[Json]], bytes]) -> None:
    orders = [a_market_order(intake.number()) for _ in range(3)]

    results = intake.imports_text(write([document(order) for order in orders]))

    assert [(result.number, result.outcome) for result in results] == [(order.number, CREATED) for order in orders]
    for order in orders:
        assert_stored(intake.finds(order.number), order)


def a_market_order(number: str) -> MarketOrder:
    unit = Unit("7001", 1000, package="8001")
    return MarketOrder(number, MARKETS[3], (unit, unit), name="山田 花子")


@on_sqlite
@some(max_examples=20)
@given(order=market_orders(), shape=shapes, other=shapes)
def test_how_a_document_is_written_does_not_count(
    intake: Intake, order: MarketOrder, shape: Shape, other: Shape
) -> None:
    order = numbered(order, intake.number())

    [first] = intake.imports(answer([document(order, shape)]))
    before = intake.finds(order.number)
    [again] = intake.imports(answer([document(order, other)]))

    assert (first.outcome, again.outcome) == (CREATED, UNCHANGED)
    assert intake.finds(order.number) == before


@on_sqlite
def test_the_notes_of_a_new_order_say_what_was_noticed(intake: Intake) -> None:
    order = a_market_order(intake.number())
    spread = MarketOrder(intake.number(), MARKETS[3], order.units, included_tax=131)
    spaced, lagging = Shape(is_spaced=True), Shape(words="lagging package")
    ahead = order.with_units({0: Unit("7001", 1000, package="8001", stage="IN_TRANSIT")}).with_units(
        {1: Unit("7001", 1000, package="8001", stage="IN_TRANSIT")}
    )
    told = [
        document(order),
        document(spread),
        document(numbered(order, intake.number()), spaced),
        document(numbered(ahead, intake.number()), lagging),
    ]

    results = intake.imports(told)

    assert [{note.code for note in result.notes} for result in results] == [
        set(),
        {ImportNoteCode.AMOUNT_SPREAD},
        {ImportNoteCode.TEXT_TIDIED},
        {ImportNoteCode.STATUS_CONFLICT},
    ]


@on_sqlite
def test_texts_and_numbers_may_be_as_long_as_they_come(intake: Intake) -> None:
    number = "9" * 100
    told = document(a_market_order(number))
    for line in told["line_items"]:
        line |= {"package_id": "0", "package_status": None, "product_name": "n" * 600}

    [result] = intake.imports(told)

    assert (result.outcome, [note.code for note in result.notes]) == (CREATED, [ImportNoteCode.TEXT_TIDIED])
    known = intake.finds(number)
    assert [package.number for package in known.packages] == [f"{number}-1"]
    assert [item.product_name for item in known.items] == ["n" * 499 + "…"]
