"""Texts of the marketplace are tidied."""

import pytest

from domain.intake.findings import Findings
from domain.intake.tiktok.texts import kept, name, words
from domain.rules.order import ImportNote
from domain.rules.texts import cut
from domain.rules.vocabulary import ImportNoteCode
from tests.support.in_id import in_id

REMOVED = ImportNote(ImportNoteCode.TEXT_TIDIED, "it has had white space removed.")
CUT = ImportNote(ImportNoteCode.TEXT_TIDIED, "it has been cut to 500 characters.")
CONTROL = "it must not contain control characters or lone surrogates."


@pytest.mark.parametrize(
    ("given", "read", "notes"),
    [
        pytest.param("Linen shirt", "Linen shirt", (), id="tidy"),
        pytest.param(None, "", (), id="missing"),
        pytest.param("", "", (), id="empty"),
        pytest.param("  ", "", (REMOVED,), id="nothing but space"),
        pytest.param(" shirt", "shirt", (REMOVED,), id="space before"),
        pytest.param("shirt ", "shirt", (REMOVED,), id="space after"),
        pytest.param(" XX ", "XX", (REMOVED,), id="space around crosses"),
        pytest.param("\tshirt\r\n", "shirt", (REMOVED,), id="line end after"),
        pytest.param("Linen\nshirt", "Linen shirt", (REMOVED,), id="line end"),
        pytest.param("Linen shirt\n2 pack\twhite", "Linen shirt 2 pack white", (REMOVED,), id="lines"),
        pytest.param("Linen  shirt", "Linen shirt", (REMOVED,), id="two spaces"),
        pytest.param("Linen \r\n\u2028\v\f\x85 shirt", "Linen shirt", (REMOVED,), id="a run"),
        pytest.param("山田\u3000花子", "山田 花子", (REMOVED,), id="wide space"),
        pytest.param("Linen\xa0shirt", "Linen shirt", (REMOVED,), id="fixed space"),
        pytest.param("\u202eshirt", "\u202eshirt", (), id="unprintable, but no control character"),
        pytest.param("n" * 500, "n" * 500, (), id="as long as may be"),
        pytest.param("n" * 501, "n" * 499 + "…", (CUT,), id="too long"),
        pytest.param("n" * 300 + "\n" * 300 + "n" * 199, "n" * 300 + " " + "n" * 199, (REMOVED,), id="not too long"),
        pytest.param("n " * 1_000_000, "n " * 249 + "n…", (REMOVED, CUT), id="far too long"),
    ],
)
def test_a_name_has_single_spaces_and_is_cut(given: str | None, read: str, notes: tuple[ImportNote, ...]) -> None:
    findings = Findings("USD")

    assert name(given, findings, "it") == read
    assert findings.notes() == notes
    assert findings.problems == []


@pytest.mark.parametrize("control", ["\0", "\x1c", "\x1f", "\x7f", "\x9f", "\ud800"], ids=in_id)
def test_other_control_characters_are_refused(control: str) -> None:
    findings = Findings("USD")

    name(f"Linen{control}shirt", findings, "it")
    name(f"{control}", findings, "it")
    kept(f"a{control}@example.com", findings, "it")
    kept(f"{control}", findings, "it")

    assert [problem.message for problem in findings.problems] == [CONTROL] * 4


@pytest.mark.parametrize(
    ("given", "read", "notes"),
    [
        pytest.param("S-1", "S-1", (), id="tidy"),
        pytest.param(None, "", (), id="missing"),
        pytest.param("", "", (), id="empty"),
        pytest.param(" S-1", "S-1", (REMOVED,), id="space before"),
        pytest.param("S-1 ", "S-1", (REMOVED,), id="space after"),
        pytest.param("\u3000S-1\r\n", "S-1", (REMOVED,), id="other space"),
        pytest.param("S  1", "S  1", (), id="space in it"),
        pytest.param(" \t ", "", (REMOVED,), id="nothing but space"),
        pytest.param("n" * 500, "n" * 500, (), id="as long as may be"),
        pytest.param("\u202e1", "\u202e1", (), id="unprintable, but no control character"),
    ],
)
def test_other_texts_are_trimmed(given: str | None, read: str, notes: tuple[ImportNote, ...]) -> None:
    findings = Findings("USD")

    assert kept(given, findings, "it") == read
    assert findings.notes() == notes
    assert findings.problems == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("1" * 101, "it must have at most 100 characters."),
        ("1" * 1_000_000, "it must have at most 100 characters."),
        ("1\n2", CONTROL),
    ],
    ids=["long", "far too long", "line end"],
)
def test_a_number_is_never_cut(given: str, message: str) -> None:
    findings = Findings("USD")

    kept(given, findings, "it", longest=100)

    assert [problem.message for problem in findings.problems] == [message]


def test_a_number_is_as_long_as_it_is_without_space() -> None:
    findings = Findings("USD")

    assert kept(" " + "1" * 100, findings, "it", longest=100) == "1" * 100
    assert findings.problems == []


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, ""),
        ("", ""),
        (" Out of\r\n stock\0\x1f! ", "Out of stock !"),
        ("12345678901234", "12345678901234"),
        ("123456789012345", "1234567890123…"),
        ("\0\n", ""),
    ],
)
def test_words_are_never_refused(given: str | None, read: str) -> None:
    assert words(given, 14) == read


def test_what_is_cut_has_the_length_asked_for() -> None:
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "ab…")
