"""An order's own members tell its format, and what they lack is said once."""

import json
from typing import Any

import pytest

from domain.intake import formats
from domain.rules.order_input import Incoming
from tests.support.closing import SAMPLES
from tests.support.in_id import in_id
from tests.support.reading import an_order

MARKETPLACE: dict[str, Any] = json.loads(SAMPLES.read_bytes())["data"]["orders"][0]  # JSON has no precise type
THEIRS = "the marketplace's orders have"
NEITHER = "The order is of no known format: it lacks "


def read(order: object) -> tuple[str, list[str]]:
    """The number of an order, and what is wrong with it."""
    number, content = formats.read(json.dumps(order).encode())
    return number, [] if isinstance(content, Incoming) else [problem.message for problem in content]


@pytest.mark.parametrize(
    ("order", "number"),
    [
        pytest.param(an_order("1"), "1", id="ours"),
        pytest.param(MARKETPLACE, "57640007880000000", id="the marketplace's"),
        pytest.param(MARKETPLACE | {"items": []}, "57640007880000000", id="the marketplace's with more"),
        pytest.param(an_order("1", line_items=[]), "1", id="ours with entries of the marketplace"),
        pytest.param(an_order("1", payment={}), "1", id="ours with a payment"),
        pytest.param(an_order("1", note='a "line_items"'), "1", id="ours with a word of the marketplace"),
        pytest.param(an_order("1" * 100), "1" * 100, id="longest number"),
    ],
)
def test_the_members_of_an_order_tell_its_format(order: object, number: str) -> None:
    assert read(order) == (number, [])


@pytest.mark.parametrize("name", ["number", "currency", "buyer"])
def test_an_order_of_ours_may_lack_most_of_it(name: str) -> None:
    _, mistakes = read({"items": [], name: an_order("1")[name]})

    assert len(mistakes) == 8


def test_members_are_recognised_however_they_are_spelled() -> None:
    spelled = json.dumps(MARKETPLACE).replace('"line_items"', '"line\\u005fitems"')

    number, content = formats.read(spelled.encode())

    assert (number, isinstance(content, Incoming)) == ("57640007880000000", True)


@pytest.mark.parametrize(
    ("order", "found"),
    [
        pytest.param(
            {"foo": 1},
            (
                "",
                "line_items and payment, as the marketplace's orders have, or items, as our own orders have.",
            ),
            id="no format",
        ),
        pytest.param(
            {name: MARKETPLACE[name] for name in ("id", "line_items")},
            ("57640007880000000", "payment, as the marketplace's orders have, or items, as our own orders have."),
            id="without payment",
        ),
        pytest.param(
            {"number": "1", "payment": {}},
            ("1", "line_items, as the marketplace's orders have, or items, as our own orders have."),
            id="without line items",
        ),
        pytest.param(
            {"id": 17, "number": "1"},
            (
                "17",
                "line_items and payment, as the marketplace's orders have, or items, as our own orders have.",
            ),
            id="two numbers",
        ),
        pytest.param(
            {"items": [1], "total": "2"},
            (
                "",
                f"line_items and payment, as {THEIRS}, or any of number, currency, buyer, as our own orders have.",
            ),
            id="items of something else",
        ),
    ],
)
def test_an_order_of_no_format_has_one_problem(order: object, found: tuple[str, str]) -> None:
    number, lacks = found

    assert read(order) == (number, [NEITHER + lacks])


@pytest.mark.parametrize("number", [None, "", "1\x1b[2J", "\u202e1", "\ud800", "1" * 101, 1.5, ["1"]], ids=in_id)
def test_a_number_that_cannot_be_shown_is_left_out(number: object) -> None:
    assert read(an_order() | {"number": number, "total": 1})[0] == ""


def test_a_long_number_of_a_sound_order_is_left_out() -> None:
    assert read(an_order("1" * 101)) == ("", [])


def test_mistakes_are_those_of_the_orders_format() -> None:
    order = json.dumps(MARKETPLACE | {"payment": 17}).replace('"line_items"', '"line\\u005fitems"')

    number, content = formats.read(order.encode())

    assert number == "57640007880000000"
    assert isinstance(content, tuple)
    assert [problem.message for problem in content] == ["payment must be an object."]
