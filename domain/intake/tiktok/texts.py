"""Tidies the texts of a marketplace's order, which people have typed and pasted, and notes where it did."""

import re

from domain.intake.findings import Findings, is_plain
from domain.rules.texts import LONGEST_TEXT, cut, without_control_characters
from domain.rules.vocabulary import ImportNoteCode

# Line ends are among it. The separators U+001C to U+001F are not: they are control characters like any other.
_WHITE_SPACE = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_RUN = re.compile(f"[{_WHITE_SPACE}]+")


def kept(text: str | None, findings: Findings, *path: str, longest: int = LONGEST_TEXT) -> str:
    """The text without white space around it; empty if it is missing."""
    if not text:
        return ""
    if _is_tidy(text, longest):  # pragma: no mutate: saves time
        return text
    trimmed = text.strip(_WHITE_SPACE)
    if trimmed != text:
        _note_space(findings, *path)
    return findings.text(trimmed, *path, longest=longest)


def name(text: str | None, findings: Findings, *path: str) -> str:
    """The text with one space for each run of white space, cut where it is too long; empty if it is missing."""
    if not text:
        return ""
    if "  " not in text and _is_tidy(text, LONGEST_TEXT):  # pragma: no mutate: saves time
        return text
    spaced = _RUN.sub(" ", text).strip(" ")
    if spaced != text:
        _note_space(findings, *path)
    if len(spaced) > LONGEST_TEXT:
        findings.note(ImportNoteCode.TEXT_TIDIED, f"has been cut to {LONGEST_TEXT} characters", *path)
    return findings.text(cut(spaced, LONGEST_TEXT), *path)


def words(text: str | None, longest: int) -> str:
    """What people said, of which nothing is worth refusing an order: control characters count as white space."""
    return cut(_RUN.sub(" ", without_control_characters(text or "")).strip(), longest)


def _is_tidy(text: str, longest: int) -> bool:
    return is_plain(text, longest) and text[0] != " " != text[-1]  # pragma: no mutate: saves time


def _note_space(findings: Findings, *path: str) -> None:
    findings.note(ImportNoteCode.TEXT_TIDIED, "has had white space removed", *path)
