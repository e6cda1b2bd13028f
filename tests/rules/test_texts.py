"""Limits of texts: their length and their characters."""

from unicodedata import category

import pytest

from domain.rules.texts import has_control_characters, text_faults, without_control_characters

TOO_LONG = "must have at most 500 characters"
CONTROL = "must not contain control characters or lone surrogates"
# Both categories lie in this plane.
CHARACTERS = [chr(code) for code in range(0x10000)]
FORBIDDEN = [character for character in CHARACTERS if category(character) in {"Cc", "Cs"}]

named = pytest.mark.parametrize(
    "character",
    [
        pytest.param("\0", id="null"),
        pytest.param("\b", id="backspace"),
        pytest.param("\v", id="vertical tab"),
        pytest.param("\f", id="form feed"),
        pytest.param("\x0e", id="shift out"),
        pytest.param("\x1f", id="unit separator"),
        pytest.param("\x7f", id="delete"),
        pytest.param("\x85", id="next line"),
        pytest.param("\x9f", id="last of category Cc"),
        pytest.param("\ud800", id="first half of a pair"),
        pytest.param("\udfff", id="last half of a pair"),
    ],
)
layout = pytest.mark.parametrize("character", ["\t", "\n", "\r", "\r\n"], ids=["tab", "LF", "CR", "CRLF"])


@named
def test_control_characters_and_lone_surrogates_are_found(character: str) -> None:
    assert has_control_characters(f"The {character}dress") is True
    assert has_control_characters(f"The {character}dress", layout=True) is True


@layout
def test_layout_is_control_only_in_texts_of_one_line(character: str) -> None:
    assert has_control_characters(f"The{character}dress") is True
    assert has_control_characters(f"The{character}dress", layout=True) is False


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("The dress", id="letters and a space"),
        pytest.param("\N{NO-BREAK SPACE}\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}", id="spaces of other kinds"),
        pytest.param("\N{RIGHT-TO-LEFT OVERRIDE}txt\N{ZERO WIDTH JOINER}", id="format characters"),
        pytest.param("\N{PACKAGE}\N{HIRAGANA LETTER A}", id="beyond ASCII"),
        pytest.param("\ue000\U0010ffff", id="private and unassigned"),
    ],
)
def test_everything_else_is_kept(text: str) -> None:
    assert has_control_characters(text) is False
    assert has_control_characters(text, layout=True) is False


def test_exactly_two_categories_are_forbidden() -> None:
    assert [character for character in CHARACTERS if has_control_characters(character)] == FORBIDDEN
    assert [character for character in CHARACTERS if has_control_characters(character, layout=True)] == [
        character for character in FORBIDDEN if character not in "\t\n\r"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("x" * 500, [], id="as long as it may be"),
        pytest.param("\N{PACKAGE}" * 500, [], id="counted in code points"),
        pytest.param("x" * 501, [TOO_LONG], id="longer"),
        pytest.param("x" * 499 + "\n", [CONTROL], id="with an end of line"),
        pytest.param("x" * 499 + "\ud800", [CONTROL], id="with half of a pair"),
        pytest.param("x" * 500 + "\0", [TOO_LONG, CONTROL], id="everything at once"),
    ],
)
def test_a_text_reports_all_its_faults(text: str, expected: list[str]) -> None:
    assert text_faults(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x" * 100, []), ("x" * 101, ["must have at most 100 characters"])],
    ids=["as long as it may be", "longer"],
)
def test_a_text_may_have_another_limit(text: str, expected: list[str]) -> None:
    assert text_faults(text, 100) == expected


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Ada Buyer", "Ada Buyer"),
        ("Größe \u00ad", "Größe \u00ad"),
        ("\u2028\u202e", "\u2028\u202e"),
        ("a\r\nb\tc\0", "a  b c "),
        ("\x85\ud800", "  "),
        ("", ""),
    ],
    ids=["plain", "soft hyphen", "what turns and ends lines", "controls", "others", "nothing"],
)
def test_each_control_character_becomes_a_space(text: str, without: str) -> None:
    assert without_control_characters(text) == without
