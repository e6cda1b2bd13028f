"""Minor units, decimal text and share(). Only this module, refunds.py and intake.tiktok.spreading divide money."""

import re
from decimal import Decimal
from functools import lru_cache

from iso4217 import Currency

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
LONGEST_DECIMAL = 100  # characters
_DIGITS: dict[str, int | None] = {currency.code: currency.exponent for currency in Currency}


def digits(currency: str) -> int | None:
    """The number of decimals that ISO 4217 gives a currency; None if no such currency is in use."""
    return _DIGITS.get(currency)


def share(total: int, units: int, quantity: int) -> int:
    """The part of `total` due for the first `units` of `quantity`, rounded half up (docs/rules.md, "What is owed")."""
    return (2 * total * units + quantity) // (2 * quantity)


def decimal(text: str) -> Decimal | None:
    """The exact value of a plain decimal such as "12.50"; None for other text, including exponents and NaN."""
    return Decimal(text) if len(text) <= LONGEST_DECIMAL and _DECIMAL.fullmatch(text) else None


def to_minor(amount: Decimal, currency_digits: int) -> int | None:
    """The amount in minor units; None if it has more decimals than the currency, apart from trailing zeros."""
    numerator, denominator = amount.as_integer_ratio()
    minor, rest = divmod(numerator * 10**currency_digits, denominator)
    return None if rest else minor


def to_text(minor: int, currency: str) -> str:
    """Decimal text with exactly the currency's decimals: (1250, "USD") gives "12.50"."""
    return decimal_text(minor, digits(currency) or 0)


@lru_cache(maxsize=10_000)
def decimal_text(minor: int, currency_digits: int) -> str:
    """As `to_text`, for a currency with this many decimals."""
    return f"{Decimal(minor).scaleb(-currency_digits):f}"
