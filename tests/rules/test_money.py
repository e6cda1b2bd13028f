"""Minor units, decimal text and share()."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules.money import decimal, digits, share, to_minor, to_text

MOST = 10**15 - 1


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("JPY", 0), ("IDR", 2), ("USD", 2), ("EUR", 2), ("KWD", 3), ("CLF", 4)],
)
def test_a_currency_has_the_digits_of_iso_4217(currency: str, expected: int) -> None:
    assert digits(currency) == expected


@pytest.mark.parametrize(
    "currency",
    ["", "usd", "US", "USDX", "ABC", "840", "XAU", "XXX", "US Dollar"],
)
def test_other_codes_have_no_digits(currency: str) -> None:
    assert digits(currency) is None


@pytest.mark.parametrize(
    ("total", "quantity", "expected"),
    [
        pytest.param(1000, 3, [333, 334, 333], id="1000 of 3"),
        pytest.param(167, 2, [84, 83], id="167 of 2"),
        pytest.param(3098, 4, [775, 774, 775, 774], id="3098 of 4"),
        pytest.param(0, 3, [0, 0, 0], id="0 of 3"),
        pytest.param(1, 4, [0, 1, 0, 0], id="1 of 4"),
        pytest.param(2, 3, [1, 0, 1], id="2 of 3"),
        pytest.param(MOST, 2, [500_000_000_000_000, 499_999_999_999_999], id="largest amount of 2"),
    ],
)
def test_units_take_their_shares_one_after_another(total: int, quantity: int, expected: list[int]) -> None:
    steps = [share(total, m, quantity) - share(total, m - 1, quantity) for m in range(1, quantity + 1)]

    assert steps == expected


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param([0, 1, 2, 3, 4], [775, 774, 775, 774], id="one by one"),
        pytest.param([0, 2, 4], [1549, 1549], id="two and two"),
        pytest.param([0, 3, 4], [2324, 774], id="three, then one"),
        pytest.param([0, 1, 4], [775, 2323], id="one, then three"),
    ],
)
def test_batches_of_units_take_what_their_units_would(ends: list[int], expected: list[int]) -> None:
    steps = [share(3098, end, 4) - share(3098, start, 4) for start, end in pairwise(ends)]

    assert steps == expected


@pytest.mark.parametrize(
    ("units", "expected"),
    [(0, 0), (1, 1_000_000_000), (500_000, 500_000_000_000_000), (999_999, 999_998_999_999_999), (1_000_000, MOST)],
)
def test_the_largest_line_is_shared_to_the_last_unit(units: int, expected: int) -> None:
    assert share(MOST, units, 1_000_000) == expected


@given(st.integers(0, MOST), st.integers(1, 1_000_000), st.data())
def test_a_share_is_the_exact_part_rounded_half_up(total: int, quantity: int, data: st.DataObject) -> None:
    units = data.draw(st.integers(0, quantity))

    due = share(total, units, quantity)

    assert due == floor(Fraction(total * units, quantity) + Fraction(1, 2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("12.50", "12.50"),
        ("-3", "-3"),
        ("-0.01", "-0.01"),
        ("007", "7"),
        ("9" * 100, "9" * 100),
        ("0." + "1" * 98, "0." + "1" * 98),
    ],
)
def test_a_plain_decimal_number_is_taken_exactly(text: str, expected: str) -> None:
    assert decimal(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "+1", "--1", ".5", "5.", "1,5", "1.2.3", "1_000", " 1", "1 ", "1\n", "1e3", "1e400", "0x1"),
        *("NaN", "sNaN", "Infinity", "-inf", "9" * 101),
        *("\N{ARABIC-INDIC DIGIT ONE}", "1.\N{FULLWIDTH DIGIT ONE}", "\N{MINUS SIGN}1"),
    ],
)
def test_only_plain_decimals_are_amounts(text: str) -> None:
    assert decimal(text) is None


@pytest.mark.parametrize(
    ("amount", "currency_digits", "expected"),
    [
        ("12.34", 2, 1234),
        ("12.3", 2, 1230),
        ("12", 2, 1200),
        ("12.340000", 2, 1234),
        ("0", 2, 0),
        ("-0.01", 2, -1),
        ("1500", 0, 1500),
        ("1500.00", 0, 1500),
        ("1.234", 3, 1234),
        ("9999999999999.99", 2, MOST),
        ("1234567890123456789012345678901234567890.12", 2, 123456789012345678901234567890123456789012),
    ],
)
def test_an_amount_in_minor_units_is_exact(amount: str, currency_digits: int, expected: int) -> None:
    assert to_minor(Decimal(amount), currency_digits) == expected


@pytest.mark.parametrize(
    ("amount", "currency_digits"),
    [("12.345", 2), ("0.001", 2), ("-0.001", 2), ("1500.5", 0), ("1.2345", 3), ("1." + "0" * 97 + "1", 2)],
)
def test_an_amount_with_more_decimals_than_its_currency_is_invalid(amount: str, currency_digits: int) -> None:
    assert to_minor(Decimal(amount), currency_digits) is None


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (1250, "USD", "12.50"),
        (0, "USD", "0.00"),
        (5, "USD", "0.05"),
        (-1, "USD", "-0.01"),
        (-1250, "USD", "-12.50"),
        (1500, "JPY", "1500"),
        (0, "JPY", "0"),
        (-1, "JPY", "-1"),
        (1, "KWD", "0.001"),
        (1234, "KWD", "1.234"),
        (1, "CLF", "0.0001"),
        (MOST, "USD", "9999999999999.99"),
        (500 * MOST, "KWD", "499999999999999.500"),
    ],
)
def test_text_has_exactly_the_digits_of_the_currency(minor: int, currency: str, expected: str) -> None:
    assert to_text(minor, currency) == expected


@given(st.integers(-1000 * MOST, 1000 * MOST), st.sampled_from([("JPY", 0), ("USD", 2), ("KWD", 3)]))
def test_an_amount_comes_back_from_its_text(minor: int, currency: tuple[str, int]) -> None:
    amount = decimal(to_text(minor, currency[0]))

    assert amount is not None
    assert to_minor(amount, currency[1]) == minor
