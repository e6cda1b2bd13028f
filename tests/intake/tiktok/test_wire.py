"""The marketplace's JSON is read without losing a digit."""

import json

import pytest
from pydantic import ValidationError

from domain.intake.tiktok.wire import MOST_LINES, parse
from tests.support.in_id import in_id
from tests.support.marketplace import Json


def faults(part: bytes) -> list[tuple[str, tuple[int | str, ...]]]:
    with pytest.raises(ValidationError) as refused:
        parse(part)
    return [(error["type"], error["loc"]) for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"57640007880000000"', "57640007880000000"),
        ("57640007880000000", "57640007880000000"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.10", "1.10"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1e400", "1e400"),
        ("-0", "-0"),
        ("NaN", "NaN"),
        ("1" * 100_000, "1" * 100_000),
        ('""', ""),
        ("null", None),
    ],
    ids=in_id,
)
def test_a_number_is_read_as_the_text_that_stands_there(written: str, read: str | None) -> None:
    order = parse(f'{{"id": {written}, "create_time": {written}}}'.encode())

    assert (order["id"], order["create_time"]) == (read, read)


def test_texts_that_are_kept_are_checked_and_tidied_later() -> None:
    assert parse(b'{"id": " 1 ", "buyer_email": "\\ud800", "cancel_reason": " \\ud800", "status": " UNPAID "}') == {
        "id": " 1 ",
        "buyer_email": "\ud800",
        "cancel_reason": " \ud800",
        "status": "UNPAID",
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [("true", True), ("false", False), ('"true"', True), ('"False"', False), ("1", True), ("0", False), ("null", None)],
)
def test_truth_is_read_however_clients_write_it(written: str, read: bool | None) -> None:  # noqa: FBT001 - a case
    assert parse(f'{{"is_cod": {written}}}'.encode())["is_cod"] is read


def test_members_that_are_not_read_may_be_anything() -> None:
    deep = b"[" * 500 + b"]" * 500

    assert parse(b'{"id": "1", "packages": %s, "line_items": [{"sku_id": "S", "tags": [{}]}]}' % deep) == {
        "id": "1",
        "line_items": [{"sku_id": "S"}],
    }


@pytest.mark.parametrize("given", [b"[{}]", b"true", b'" 1\\u0000"'])
def test_the_id_of_a_line_may_be_anything_because_it_is_only_shown(given: bytes) -> None:
    assert parse(b'{"line_items": [{"id": %s}]}' % given) == {"line_items": [{"id": json.loads(given)}]}


def test_empty_texts_stand_for_whatever_is_missing() -> None:
    line: Json = {"sku_id": "S", "is_gift": "", "item_tax": ""}
    taxed: Json = {"sku_id": None, "item_tax": [{"tax_amount": "", "tax_type": "VAT"}]}
    order = {"id": "1", "is_cod": "", "recipient_address": "", "line_items": [line, taxed], "payment": {"tax": ""}}

    assert parse(json.dumps(order).encode()) == {
        "id": "1",
        "line_items": [{"sku_id": "S"}, {"item_tax": [{"tax_type": "VAT"}]}],
        "payment": {},
    }


def test_what_is_too_deep_to_be_read_is_left_as_it_is() -> None:
    payment: Json = {"a": {"b": {"c": {"d": {"e": ""}}}}, "f": [[[{"g": ""}]]], "h": {"i": {"j": {"k": ""}}}}

    assert parse(json.dumps({"is_cod": "", "payment": payment}).encode()) == {
        "payment": {"a": {"b": {"c": {"d": {"e": ""}}}}, "f": [[[{"g": ""}]]], "h": {"i": {"j": {}}}}
    }


def test_an_empty_tax_is_as_good_as_none() -> None:
    assert parse(b'{"is_cod": "", "line_items": [{"item_tax": [{"tax_amount": "", "tax_type": null}]}]}') == {
        "line_items": [{"item_tax": [{}]}]
    }


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        pytest.param(b"", ("json_invalid", ()), id="nothing"),
        pytest.param(b'{"id": "1"', ("json_invalid", ()), id="cut off"),
        pytest.param(b'{"id": "\xff"}', ("json_invalid", ()), id="no UTF-8"),
        pytest.param(b'{"a": ' + b"[" * 100_000, ("json_invalid", ()), id="too deep"),
        pytest.param(b"[]", ("dict_type", ()), id="no object"),
        pytest.param(b'{"id": true}', ("string_type", ("id",)), id="truth for an id"),
        pytest.param(b'{"status": "\\ud800"}', ("string_unicode", ("status",)), id="half a character"),
        pytest.param(b'{"id": ["1"]}', ("string_type", ("id",)), id="a list for an id"),
        pytest.param(b'{"is_cod": "maybe"}', ("bool_parsing", ("is_cod",)), id="neither true nor false"),
        pytest.param(b'{"payment": 5}', ("dict_type", ("payment",)), id="a number for the payment"),
        pytest.param(b'{"line_items": {}}', ("list_type", ("line_items",)), id="an object for the lines"),
        pytest.param(b'{"line_items": ["x"]}', ("dict_type", ("line_items", 0)), id="a text for a line"),
        pytest.param(
            b'{"line_items": [{"item_tax": [{"tax_amount": {}}]}]}',
            ("string_type", ("line_items", 0, "item_tax", 0, "tax_amount")),
            id="an object for a tax",
        ),
    ],
)
def test_what_has_not_the_shape_of_an_order_is_refused(part: bytes, fault: tuple[str, tuple[int | str, ...]]) -> None:
    assert faults(part) == [fault]


def test_more_than_20_000_line_items_are_refused_before_they_are_read() -> None:
    lines: list[Json] = [{}] * MOST_LINES

    assert len(parse(json.dumps({"line_items": lines}).encode())["line_items"] or ()) == 20_000
    with pytest.raises(ValidationError, match="\n  must have at most 20,000 line items, not 20,001 "):
        parse(json.dumps({"line_items": [*lines, "x"]}).encode())
