"""What is found in an order is kept with its place."""

import pytest

from domain.intake.findings import Findings, is_plain
from domain.rules.order import ImportNote
from domain.rules.vocabulary import ImportNoteCode
from tests.support.in_id import in_id

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
    findings.note(TIDIED, "was trimmed", "2")

    assert findings.notes() == (
        ImportNote(TIDIED, "0 was cut (1,001 more)."),
        ImportNote(CONFLICT, "0 was cut (1,001 more)."),
        ImportNote(TIDIED, "1 was trimmed (1 more)."),
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
    ids=in_id,
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


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.3", "USD", 1230),
        ("12.3400", "USD", 1234),
        ("007", "USD", 700),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("-0", "USD", 0),
        ("-0.000", "USD", 0),
        ("9999999999999.99", "USD", 10**15 - 1),
        ("0" * 97 + "1.5", "USD", 150),
        ("0." + "0" * 98, "USD", 0),
    ],
)
def test_an_amount_is_read_exactly(text: str, currency: str, minor: int) -> None:
    findings = Findings(currency)

    assert findings.amount(text, "total") == minor
    assert findings.problems == []


@pytest.mark.parametrize(
    ("text", "currency", "what"),
    [
        *(
            (text, "USD", 'must be a decimal number such as "12.50"')
            for text in ("", ".5", "5.", "1 ", "1\n", "+1", "1e3")
        ),
        ("0." + "0" * 99, "USD", 'must be a decimal number such as "12.50"'),
        ("-0.01", "USD", "must not be negative"),
        ("-0.001", "USD", "must not be negative"),
        ("-1", "USD", "must not be negative"),
        ("12.345", "USD", "must have at most 2 decimals, as its currency has"),
        ("0.001", "USD", "must have at most 2 decimals, as its currency has"),
        ("1500.5", "JPY", "must have at most 0 decimals, as its currency has"),
        ("1." + "0" * 97 + "1", "USD", "must have at most 2 decimals, as its currency has"),
        ("10000000000000", "USD", "is too large: it must be below 10^15 in the currency's smallest unit"),
        ("99999999999999.999", "USD", "must have at most 2 decimals, as its currency has"),
    ],
)
def test_an_amount_that_is_not_exact_is_refused(text: str, currency: str, what: str) -> None:
    findings = Findings(currency)

    assert findings.amount(text, "total") == 0
    assert [problem.message for problem in findings.problems] == [f"total {what}."]
    assert findings.has_bad_amounts


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("", 0, True),
        ("Linen \u202eDress", 20, False),
        ("Linen Dress 藍", 13, True),
        ("Linen Dress 藍", 12, False),
        ("two\nlines", 20, False),
        ("\ud800", 20, False),
    ],
)
def test_plain_texts_need_no_second_look(text: str, longest: int, *, expected: bool) -> None:
    assert is_plain(text, longest) is expected


def test_a_plain_text_is_as_long_as_most_texts_may_be() -> None:
    assert is_plain("n" * 500)
    assert not is_plain("n" * 501)


def test_several_amounts_are_read_at_once() -> None:
    findings = Findings("USD")

    assert findings.amounts({"a": "1", "b": "", "c": None, "e": "x"}, ("a", "b", "c", "d"), "it") == [100, 0, 0, 0]
    assert not findings.has_bad_amounts
    assert findings.amounts({"a": " 1", "b": "x", "c": "-2", "d": " "}, ("d", "c", "b", "a"), "it") == [0, 0, 0, 100]
    assert findings.has_bad_amounts
    assert [problem.message for problem in findings.problems] == [
        "it.c must not be negative.",
        'it.b must be a decimal number such as "12.50".',
    ]
