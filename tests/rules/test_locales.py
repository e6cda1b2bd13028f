"""Amounts, numbers and times in the format of a locale."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.rules.locales import amount, locale_of, moment, number


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


# Spaces in amounts never break a line: U+00A0 before a currency, and U+202F within French numbers.
@pytest.mark.parametrize(
    ("locale", "dollars", "euros", "yen", "dinars", "rupiah"),
    [
        ("en_US", "$1,234.56", "€1,234.56", "¥123,456", "KWD123.456", "IDR1,234.56"),
        ("en_GB", "US$1,234.56", "€1,234.56", "JP¥123,456", "KWD123.456", "IDR1,234.56"),
        ("de_DE", "1.234,56\xa0$", "1.234,56\xa0€", "123.456\xa0¥", "123,456\xa0KWD", "1.234,56\xa0IDR"),
        ("de_AT", "$\xa01.234,56", "€\xa01.234,56", "¥\xa0123.456", "KWD\xa0123,456", "IDR\xa01.234,56"),
        ("es_ES", "1.234,56\xa0US$", "1.234,56\xa0€", "123.456\xa0JPY", "123,456\xa0KWD", "1.234,56\xa0IDR"),
        ("es_MX", "USD1,234.56", "EUR1,234.56", "JPY123,456", "KWD123.456", "IDR1,234.56"),
        (
            "fr_FR",
            "1\u202f234,56\xa0$US",
            "1\u202f234,56\xa0€",
            "123\u202f456\xa0JPY",
            "123,456\xa0KWD",
            "1\u202f234,56\xa0IDR",
        ),
        ("ja_JP", "$1,234.56", "€1,234.56", "￥123,456", "KWD123.456", "IDR1,234.56"),
        ("id_ID", "US$1.234,56", "€1.234,56", "JP¥123.456", "KWD123,456", "Rp1.234,56"),
    ],
)
def test_each_language_of_the_mails_writes_amounts_in_its_own_way(
    locale: str, dollars: str, euros: str, yen: str, dinars: str, rupiah: str
) -> None:
    reader = locale_of(locale)

    shown = [amount(123456, currency, reader) for currency in ("USD", "EUR", "JPY", "KWD", "IDR")]

    assert shown == [dollars, euros, yen, dinars, rupiah]


def test_a_number_has_the_locales_separators() -> None:
    assert number(1_000_000, locale_of("de_DE")) == "1.000.000"


def test_a_moment_is_shown_in_utc() -> None:
    at = datetime(2026, 3, 2, 8, 5, tzinfo=timezone(timedelta(hours=-8)))

    assert moment(at, locale_of("en_GB")) == "2 March 2026, 16:05 UTC"


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("en_US", "March 2, 2026, 8:05\u202fAM UTC"),
        ("de_DE", "2. März 2026, 08:05 UTC"),
        ("es_ES", "2 de marzo de 2026, 8:05 UTC"),
        ("es_MX", "2 de marzo de 2026, 8:05\u202fa.m. UTC"),
        ("fr_FR", "2 mars 2026, 08:05 UTC"),
        ("fr_CA", "2 mars 2026, 08 h 05 UTC"),
        ("ja_JP", "2026年3月2日 8:05 UTC"),
        ("id_ID", "2 Maret 2026 08.05 UTC"),
        ("nn", "2. mars 2026 kl. 08:05 UTC"),
    ],
)
def test_a_moment_has_the_locales_long_date_and_short_time(locale: str, shown: str) -> None:
    assert moment(datetime(2026, 3, 2, 8, 5, 59, tzinfo=UTC), locale_of(locale)) == shown


def test_the_day_of_a_moment_is_that_of_utc() -> None:
    at = datetime(2026, 3, 2, 20, 5, tzinfo=timezone(timedelta(hours=-8)))

    assert moment(at, locale_of("de_DE")) == "3. März 2026, 04:05 UTC"


def test_a_moment_does_not_depend_on_the_zone_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        shown = moment(datetime(2026, 3, 2, 20, 5, tzinfo=UTC), locale_of("de_DE"))
    time.tzset()

    assert shown == "2. März 2026, 20:05 UTC"


def test_a_moment_does_not_depend_on_the_zone_it_came_in() -> None:
    at = datetime(2026, 3, 2, 8, 5, tzinfo=UTC)

    assert moment(at.astimezone(timezone(timedelta(hours=9))), locale_of("en_US")) == moment(at, locale_of("en_US"))


@pytest.mark.parametrize(
    ("name", "locale"),
    [
        ("de_DE", "de_DE"),
        ("de-AT", "de_AT"),
        ("ja", "ja"),
        ("DE-de", "de_DE"),
        ("FR_ca", "fr_CA"),
        ("in", "id_ID"),
        ("in_ID", "id_ID"),
        ("zh_TW", "zh_Hant_TW"),
        ("de_DE.UTF-8", "de_DE"),
        ("german", "en_US"),
        ("_DE", "en_US"),
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
