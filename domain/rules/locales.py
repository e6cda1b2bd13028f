"""Formats amounts, numbers and times for a locale.

Patterns come from CLDR, the number of decimals from ISO 4217: CLDR's are for display and may drop some.
"""

from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import NumberPattern, format_currency, format_decimal

from domain.rules import money

DEFAULT_LOCALE = Locale("en", "US")
_LONGEST_NAME = 50


def locale_of(name: str) -> Locale:
    """The locale for a name such as "de_DE" or "de-DE"; falls back to its language, then to en_US."""
    return _locale_of(name[:_LONGEST_NAME].replace("-", "_"))


@lru_cache(maxsize=1_000)
def _locale_of(name: str) -> Locale:
    for known in (name, name.partition("_")[0]):
        with suppress(ValueError, UnknownLocaleError):
            return Locale.parse(known)
    return DEFAULT_LOCALE


@lru_cache(maxsize=10_000)  # a page repeats amounts, and CLDR's patterns are slow to apply
def amount(minor: int, currency: str, locale: Locale) -> str:
    """An amount in minor units, as in "$1,234.50"."""
    digits = money.digits(currency) or 0
    pattern = _pattern(locale, digits)
    value = Decimal(minor).scaleb(-digits)
    return format_currency(value, currency, format=pattern, locale=locale, currency_digits=False)


def number(count: int, locale: Locale) -> str:
    return format_decimal(count, locale=locale)


def moment(at: datetime, locale: Locale) -> str:
    """Day and minute, marked "UTC" in every language: few readers know its translation."""
    day = format_date(at.astimezone(UTC), "long", locale=locale)
    time = format_time(at, "short", tzinfo=UTC, locale=locale)
    pattern = str(get_datetime_format("long", locale=locale))
    return pattern.replace("'", "").replace("{0}", f"{time} UTC").replace("{1}", day)


@lru_cache(maxsize=1_000)
def _pattern(locale: Locale, digits: int) -> NumberPattern:
    """The locale's pattern for amounts, with this number of decimals."""
    pattern: NumberPattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return pattern
