"""What is found in an order is kept with its place."""

import pytest

from domain.intake.findings import Findings
from domain.rules.order import ImportNote
from domain.rules.vocabulary import ImportNoteCode

TIDIED = ImportNoteCode.TEXT_TIDIED
CONFLICT = ImportNoteCode.STATUS_CONFLICT


def test_nothing_is_noted_of_an_order_in_which_nothing_was_found() -> None:
    assert Findings("USD").notes() == ()


def test_a_note_is_a_sentence_that_names_its_place() -> None:
    findings = Findings("USD")

    findings.note(TIDIED, "was cut", "line_items", "0", "sku_name")

    assert findings.notes() == (ImportNote(TIDIED, "line_items.0.sku_name was cut."),)


def test_what_is_said_of_many_places_is_one_note() -> None:
    findings = Findings("USD")

    for place in range(1_002):
        findings.note(TIDIED, "was cut", str(place))
        findings.note(CONFLICT, "was cut", str(place // 1_001))
    findings.note(TIDIED, "was trimmed", "1")

    assert findings.notes() == (
        ImportNote(TIDIED, "0 was cut (1,001 more)."),
        ImportNote(CONFLICT, "0 was cut (1,001 more)."),
        ImportNote(TIDIED, "1 was trimmed."),
    )


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12.50", 1250),
        ("-12.50", -1250),
        ("0", 0),
        ("--1", None),
        ("-", None),
        ("1.005", None),
        ("one", None),
        ("1" + "0" * 12, 10**14),
        ("1" + "0" * 13, None),
        ("1" * 1_000_000, None),
    ],
    ids=lambda text: str(text)[:30],
)
def test_a_text_may_be_an_amount_without_being_refused(text: str, minor: int | None) -> None:
    findings = Findings("USD")

    assert findings.minor(text) == minor
    assert findings.problems == []
    assert not findings.has_bad_amounts


def test_without_a_currency_nothing_is_an_amount() -> None:
    assert Findings("XXX").minor("1") is None


def test_an_unknown_currency_spoils_the_amounts() -> None:
    findings = Findings("XXX")

    findings.check_currency("currency")

    assert findings.has_bad_amounts
    assert [problem.message for problem in findings.problems] == [
        "currency must be an ISO 4217 currency code in capitals."
    ]


def test_several_amounts_are_read_at_once() -> None:
    findings = Findings("USD")

    assert findings.amounts({"a": "1", "b": "", "c": None, "e": "x"}, ("a", "b", "c", "d"), "it") == {
        "a": 100,
        "b": 0,
        "c": 0,
        "d": 0,
    }
    assert not findings.has_bad_amounts
    assert findings.amounts({"a": " 1", "b": "x", "c": "-2", "d": " "}, ("a", "b", "c", "d"), "it") == {
        "a": 100,
        "b": 0,
        "c": 0,
        "d": 0,
    }
    assert findings.has_bad_amounts
    assert [problem.message for problem in findings.problems] == [
        'it.b must be a decimal number such as "12.50".',
        "it.c must not be negative.",
    ]
