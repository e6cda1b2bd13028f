"""Amounts, numbers and times as people of a locale read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.formats import amount, locale_of, moment, number


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "shown"),
    [
        (123450, "USD", "en_US", "$1,234.50"),
        (-5, "USD", "en_US", "-$0.05"),
        (0, "USD", "en_US", "$0.00"),
        (1500, "JPY", "ja_JP", "￥1,500"),
        (1500, "JPY", "en_US", "¥1,500"),
        (1500, "KWD", "en_US", "KWD1.500"),
        (123456, "IDR", "id_ID", "Rp1.234,56"),
        (123456, "EUR", "de_DE", "1.234,56\xa0€"),
        (123456, "EUR", "fr_FR", "1\u202f234,56\xa0€"),
        (999_999_999_999_999, "USD", "en_US", "$9,999,999,999,999.99"),
    ],
)
def test_an_amount_has_the_locales_pattern_and_the_currencys_digits(
    minor: int, currency: str, locale: str, shown: str
) -> None:
    assert amount(minor, currency, locale_of(locale)) == shown


def test_a_number_has_the_locales_separators() -> None:
    assert number(1_000_000, locale_of("de_DE")) == "1.000.000"


def test_a_moment_is_told_in_utc() -> None:
    at = datetime(2026, 3, 2, 8, 5, tzinfo=timezone(timedelta(hours=-8)))

    assert moment(at, locale_of("en_GB")) == "2 March 2026, 16:05:00 UTC"


def test_a_moment_does_not_depend_on_the_zone_it_came_in() -> None:
    at = datetime(2026, 3, 2, 8, 5, tzinfo=UTC)

    assert moment(at.astimezone(timezone(timedelta(hours=9))), locale_of("en_US")) == moment(at, locale_of("en_US"))


@pytest.mark.parametrize(
    ("name", "locale"),
    [
        ("de_DE", "de_DE"),
        ("de-AT", "de_AT"),
        ("ja", "ja"),
        ("de_XX", "de"),
        ("zz_ZZ", "en_US"),
        ("", "en_US"),
        ("日本", "en_US"),
        ("../../etc/passwd", "en_US"),
        ("e" * 10_000, "en_US"),
        ("de\0", "en_US"),
    ],
)
def test_a_locale_falls_back_to_its_language_and_then_to_english(name: str, locale: str) -> None:
    assert str(locale_of(name)) == locale
