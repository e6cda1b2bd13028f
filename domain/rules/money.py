"""Minor units, decimal text and share(). Pure; with refunds.py the only place where money is divided or rounded."""

import re
from decimal import Decimal
from functools import lru_cache

from iso4217 import Currency

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
LONGEST_DECIMAL = 100  # characters
_DIGITS: dict[str, int | None] = {currency.code: currency.exponent for currency in Currency}


def digits(currency: str) -> int | None:
    """How many decimal digits ISO 4217 gives the currency, or None for what is no currency in use."""
    return _DIGITS.get(currency)


def share(total: int, units: int, quantity: int) -> int:
    """What is due of `total` for the first `units` of `quantity` units, rounded half up (specification, section 3)."""
    return (2 * total * units + quantity) // (2 * quantity)


def decimal(text: str) -> Decimal | None:
    """The exact value of a plain decimal number such as "12.50"; None for other text, exponents and NaN included."""
    return Decimal(text) if len(text) <= LONGEST_DECIMAL and _DECIMAL.fullmatch(text) else None


def to_minor(amount: Decimal, currency_digits: int) -> int | None:
    """The amount in minor units, or None if it has more digits than the currency (zeros aside)."""
    numerator, denominator = amount.as_integer_ratio()
    minor, rest = divmod(numerator * 10**currency_digits, denominator)
    return None if rest else minor


def to_text(minor: int, currency: str) -> str:
    """Minor units as a decimal text with exactly the currency's digits: (1250, "USD") is "12.50"."""
    return _to_text(minor, digits(currency) or 0)


@lru_cache(maxsize=10_000)
def _to_text(minor: int, currency_digits: int) -> str:
    return f"{Decimal(minor).scaleb(-currency_digits):f}"
