"""What texts may be stored: their limits, and characters that they may not have. Pure (specification, section 7)."""

import re

LONGEST_TEXT = 500
LONGEST_NUMBER = 100
LONGEST_URL = 2_000

# Category Cc, and what UTF-8 cannot hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def has_control_characters(text: str, *, layout: bool = False) -> bool:
    """Whether it has control characters or halves of surrogate pairs; with `layout` tab and line ends are none."""
    return not text.isprintable() and bool((_CONTROL_BUT_LAYOUT if layout else _CONTROL).search(text))


def without_control_characters(text: str) -> str:
    """The text with a space in the place of each of them, and of each half of a surrogate pair."""
    return _CONTROL.sub(" ", text)


def text_faults(text: str, longest: int = LONGEST_TEXT) -> list[str]:
    """All that is wrong with a text of one line, each to follow the name of its place."""
    faults = []
    if len(text) > longest:
        faults.append(f"must have at most {longest} characters")
    if has_control_characters(text):
        faults.append("must not have control characters or halves of surrogate pairs")
    return faults
