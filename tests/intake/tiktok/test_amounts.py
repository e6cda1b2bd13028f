"""Amounts of a marketplace's order are read in minor units."""

import pytest

from domain.intake.findings import Findings
from domain.intake.tiktok.amounts import line_amounts, payment_amounts
from domain.intake.tiktok.money import PAYMENT_FIELDS, Line, LineAmounts
from domain.intake.tiktok.wire import LineItem
from tests.support.in_id import in_id

NOT_DECIMAL = 'must be a decimal number such as "12.50".'


def of_payment(findings: Findings, **fields: object) -> tuple[dict[str, int], frozenset[str]]:
    """The amounts that are not 0, and the names of those that were there."""
    amounts, given = payment_amounts(fields, findings)
    assert amounts.keys() >= set(PAYMENT_FIELDS)
    return {name: amount for name, amount in amounts.items() if amount}, given


def messages(findings: Findings) -> list[str]:
    return [problem.message for problem in findings.problems]


def test_the_amounts_of_a_payment_are_those_that_are_there() -> None:
    findings = Findings("USD")

    found = of_payment(
        findings, currency="USD", total_amount="12.5", sub_total=" 3 ", tax="0", shipping_fee="", product_tax=None
    )

    assert found == ({"total_amount": 1250, "sub_total": 300}, frozenset({"total_amount", "sub_total", "tax"}))
    assert findings.problems == []
    assert not findings.has_bad_amounts


def test_other_fields_are_amounts_if_they_are_decimals_and_may_explain_a_difference() -> None:
    findings = Findings("USD")

    amounts, given = of_payment(
        findings,
        total_amount="1",
        service="7.99",
        original_shipping_fee="7.99",
        shipping_fee_seller_discount="1.00",
        voucher="-0.50",
        insurance=" 1.00 ",
        nothing="",
        currency="USD",
        tax_rate="0.0825",
        minus="--1",
        parts={"a": "1"},
        is_paid=True,
        long="1" * 1_000_000,
    )

    assert amounts == {"total_amount": 100, "service": 799, "voucher": -50, "insurance": 100}
    assert given == {"total_amount"}
    assert findings.problems == []


def test_other_fields_with_very_long_names_are_ignored() -> None:
    amounts, _ = of_payment(Findings("USD"), total_amount="0", **{"f" * 100: "1", "g" * 101: "1"})

    assert amounts == {"f" * 100: 100}


def test_only_a_hundred_other_fields_are_read() -> None:
    others = {f"f{number}": "1" for number in range(300)}

    amounts, _ = of_payment(Findings("USD"), **others, total_amount="1", sub_total="1")

    assert amounts == {f"f{number}": 100 for number in range(100)} | {"total_amount": 100, "sub_total": 100}


@pytest.mark.parametrize("total", [{}, {"total_amount": None}, {"total_amount": " "}], ids=str)
def test_the_total_must_be_there(total: dict[str, object]) -> None:
    findings = Findings("USD")

    of_payment(findings, **total)

    assert messages(findings) == ["payment.total_amount is missing."]
    assert findings.has_bad_amounts


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("much", NOT_DECIMAL),
        (True, NOT_DECIMAL),
        (["1"], NOT_DECIMAL),
        ("1e2", NOT_DECIMAL),
        ("1" * 1_000_000, NOT_DECIMAL),
        ("-1", "must not be negative."),
        ("0.001", "must have at most 2 decimals, as its currency has."),
    ],
    ids=in_id,
)
def test_a_known_field_that_is_no_amount_is_refused(given: object, fault: str) -> None:
    findings = Findings("USD")

    of_payment(findings, total_amount="0", tax=given)

    assert messages(findings) == [f"payment.tax {fault}"]
    assert findings.has_bad_amounts


def test_without_a_currency_there_are_no_amounts() -> None:
    findings = Findings("EURO")

    assert of_payment(findings, total_amount="1", other="1") == ({}, frozenset({"total_amount"}))
    assert line_amounts([LineItem(original_price="1")], findings) == [
        Line("", is_gift=False, amounts=LineAmounts(0, 0, 0, 0, 0), has_sales_tax=False)
    ]
    assert findings.problems == []


def test_a_line_has_the_amounts_of_its_unit() -> None:
    findings = Findings("KWD")
    line = LineItem(
        sku_id=" S-1",
        is_gift=True,
        original_price="10",
        seller_discount="2",
        platform_discount="3",
        pfand_fee="0.25",
        item_tax=[{"tax_amount": "0.5"}, {"tax_amount": "", "tax_type": "VAT"}, {"tax_amount": "0.125"}],
    )

    assert line_amounts([line, LineItem(sku_id="S-2", original_price="1", item_tax=None)], findings) == [
        Line("S-1", is_gift=True, amounts=LineAmounts(10_000, 2_000, 3_000, 625, 250), has_sales_tax=False),
        Line("S-2", is_gift=False, amounts=LineAmounts(1_000, 0, 0, 0, 0), has_sales_tax=False),
    ]
    assert findings.problems == []
    assert not findings.has_bad_amounts


@pytest.mark.parametrize(
    ("taxes", "has_sales_tax"),
    [
        ([], False),
        ([{"tax_amount": "", "tax_type": "SALES_TAX"}], True),
        ([{"tax_amount": "0", "tax_type": "SALES_TAX"}], True),
        ([{"tax_type": "SALES_TAX"}, {"tax_amount": "1", "tax_type": "VAT"}], True),
        ([{"tax_amount": "1", "tax_type": "VAT"}, {}], False),
    ],
    ids=str,
)
def test_a_line_tells_whether_its_tax_comes_on_top(taxes: list[object], has_sales_tax: bool) -> None:  # noqa: FBT001 - cases
    [line] = line_amounts([LineItem(original_price="0", item_tax=taxes)], Findings("USD"))  # type: ignore[typeddict-item]  # cases

    assert line.has_sales_tax is has_sales_tax


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LineItem(), "line_items.1.original_price is missing."),
        (LineItem(original_price=""), "line_items.1.original_price is missing."),
        (LineItem(original_price="ten"), f"line_items.1.original_price {NOT_DECIMAL}"),
        (LineItem(original_price="1", seller_discount="?"), f"line_items.1.seller_discount {NOT_DECIMAL}"),
        (LineItem(original_price="1", platform_discount="?"), f"line_items.1.platform_discount {NOT_DECIMAL}"),
        (LineItem(original_price="1", pfand_fee="?"), f"line_items.1.pfand_fee {NOT_DECIMAL}"),
        (
            LineItem(original_price="1", item_tax=[{}, {"tax_amount": "?"}]),
            f"line_items.1.item_tax.1.tax_amount {NOT_DECIMAL}",
        ),
    ],
    ids=str,
)
def test_a_line_says_which_of_its_amounts_is_bad(line: LineItem, message: str) -> None:
    findings = Findings("USD")

    line_amounts([LineItem(original_price="1"), line], findings)

    assert messages(findings) == [message]
    assert findings.has_bad_amounts


def test_the_sku_of_every_unit_is_checked() -> None:
    findings = Findings("USD")

    line_amounts([LineItem(original_price="1", sku_id="\0")], findings)

    assert messages(findings) == ["line_items.0.sku_id must not contain control characters or lone surrogates."]
