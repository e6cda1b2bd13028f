"""Which texts can be stored (docs/rules.md, "Orders that come in"), and texts that we make."""

import re
from collections.abc import Container, Iterator

LONGEST_TEXT = 500
LONGEST_NUMBER = 100
LONGEST_MADE_NUMBER = 120  # of a number that we make from another one
LONGEST_URL = 2_000
LONGEST_NOTE = 2_000
_PLACES = range(1, 100_000)  # more than an order has packages

# Category Cc, and surrogates, which UTF-8 cannot encode.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def has_control_characters(text: str, *, layout: bool = False) -> bool:
    """Also true for lone surrogates. With `layout`, tabs and line breaks are allowed."""
    return not text.isprintable() and bool((_CONTROL_BUT_LAYOUT if layout else _CONTROL).search(text))


def without_control_characters(text: str) -> str:
    """Replaces each control character and lone surrogate with a space."""
    return _CONTROL.sub(" ", text)


def cut(text: str, longest: int) -> str:
    """The text or, with an ellipsis, the beginning of it: at most `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def made_numbers(order_number: str, taken: Container[str]) -> Iterator[str]:
    """The numbers that we give to packages and that are free: `<order number>-1`, -2, ..."""
    return (number for number in (f"{order_number}-{place}" for place in _PLACES) if number not in taken)


def text_faults(text: str, longest: int = LONGEST_TEXT) -> list[str]:
    """Everything wrong with a single-line text, as phrases that follow its path."""
    faults = []
    if len(text) > longest:
        faults.append(f"must have at most {longest} characters")
    if has_control_characters(text):
        faults.append("must not contain control characters or lone surrogates")
    return faults
