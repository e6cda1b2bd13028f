"""Reads the values of one incoming order, and keeps every problem and note with its path."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from domain.rules.money import LONGEST_DECIMAL, digits
from domain.rules.new_order import MOST_UNITS
from domain.rules.order import ImportNote
from domain.rules.outcomes import FulfillmentProblem, misfit
from domain.rules.texts import LONGEST_NUMBER, LONGEST_TEXT, text_faults
from domain.rules.vocabulary import FulfillmentErrorCode, ImportNoteCode

_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
TOO_LARGE = 10**15
_NOT_DECIMAL = 'must be a decimal number such as "12.50"'
# Longer texts are refused like their beginning, and must not fill the cache.
_LONGEST_CACHED = LONGEST_DECIMAL + 1


class Findings:
    """The problems and notes of one order. Sums are checked only if none of their parts is bad."""

    has_bad_amounts = False
    has_bad_units = False

    def __init__(self, currency: str) -> None:
        self.problems: list[FulfillmentProblem] = []
        self._digits = digits(currency)
        self._noted: dict[tuple[ImportNoteCode, str], list[str]] = {}

    def refuse(self, what: str, *path: str, code: FulfillmentErrorCode = FulfillmentErrorCode.INVALID_VALUE) -> None:
        self.problems.append(misfit(path, what, code))

    def note(self, code: ImportNoteCode, what: str, *path: str) -> None:
        """`what` completes a sentence that starts with the path."""
        self._noted.setdefault((code, what), []).append(".".join(path))

    def notes(self) -> tuple[ImportNote, ...]:
        """One for each thing to say, however many places it is said of."""
        return tuple(
            ImportNote(code, f"{places[0]} {what}{f' ({len(places) - 1:,} more)' if len(places) > 1 else ''}.")
            for (code, what), places in self._noted.items()
        )

    def check_currency(self, *path: str) -> None:
        if self._digits is None:
            self.has_bad_amounts = True
            self.refuse("must be an ISO 4217 currency code in capitals", *path)

    def amount(self, text: str | None, *path: str) -> int:
        """Minor units; 0 if it is missing or refused, or the currency is unknown."""
        if text is None or self._digits is None:
            return 0
        minor, fault = _amount(text[:_LONGEST_CACHED], self._digits)
        if fault:
            self.has_bad_amounts = True
            self.refuse(fault, *path)
        return minor

    def amounts(self, given: Mapping[str, Any], names: Iterable[str], *path: str) -> list[int]:
        """As `amount`, for members of an object at this path. They are texts; empty ones are missing."""
        found = []
        for name in names:
            text, minor = given.get(name), 0
            if text and self._digits is not None:
                minor, fault = _amount(text[:_LONGEST_CACHED], self._digits)
                if fault:
                    minor = self.amount(text.strip() or None, *path, name)
            found.append(minor)
        return found

    def minor(self, text: str) -> int | None:
        """Minor units, also below 0; None if it is no amount, which is not refused here."""
        sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
        if self._digits is None:
            return None
        minor, fault = _amount(text[:_LONGEST_CACHED], self._digits)
        return None if fault else sign * minor

    def quantity(self, quantity: int, *path: str) -> int:
        if quantity < 1:
            self.has_bad_units = True
            self.refuse("must be at least 1", *path, code=FulfillmentErrorCode.INVALID_QUANTITY)
        elif quantity > MOST_UNITS:
            self.has_bad_units = True
            self.refuse(f"must be at most {MOST_UNITS}", *path)
        return quantity

    def number(self, text: str, *path: str, longest: int = LONGEST_NUMBER) -> str:
        if not text:
            self.refuse("must not be empty", *path)
        return self.text(text, *path, longest=longest)

    def text(self, text: str, *path: str, longest: int = LONGEST_TEXT) -> str:
        if not is_plain(text, longest):  # pragma: no mutate: saves time
            for fault in text_faults(text, longest):
                self.refuse(fault, *path)
        return text

    def optional(self, text: str | None, *path: str, longest: int = LONGEST_TEXT) -> None:
        if text:
            self.text(text, *path, longest=longest)


def is_plain(text: str, longest: int = LONGEST_TEXT) -> bool:
    """True only if nothing is wrong with the text, nor with any part of it: several can be looked at together."""
    return len(text) <= longest and text.isprintable()


@lru_cache(maxsize=10_000)
def _amount(text: str, currency_digits: int) -> tuple[int, str | None]:
    """Minor units, and what is wrong with the text, as a phrase that follows its path."""
    match = _DECIMAL.fullmatch(text)
    if not match or len(text) > LONGEST_DECIMAL:
        return 0, _NOT_DECIMAL
    sign, whole, decimals = match.groups("")
    minor = int(whole + decimals[:currency_digits].ljust(currency_digits, "0"))
    rest = decimals[currency_digits:].strip("0")
    if sign and (minor or rest):
        return 0, "must not be negative"
    if rest:
        return 0, f"must have at most {currency_digits} decimals, as its currency has"
    if minor >= TOO_LARGE:
        return 0, "is too large: it must be below 10^15 in the currency's smallest unit"
    return minor, None
