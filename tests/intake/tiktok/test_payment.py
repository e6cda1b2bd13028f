"""What a payment and its lines tell adds up, and the total says what counts."""

import pytest

from domain.intake.findings import Findings
from domain.intake.tiktok.money import PAYMENT_FIELDS, Line, settled
from domain.rules.vocabulary import FulfillmentErrorCode
from tests.intake.tiktok.amounts import AMOUNTS_DO_NOT_ADD_UP, a_line, outcome, paid, refused

TAXED = a_line(1000, 100, 50, tax=70, has_sales_tax=True)
PAYMENT = {
    "original_total_product_price": 1000,
    "seller_discount": 100,
    "platform_discount": 50,
    "sub_total": 850,
    "shipping_fee": 500,
    "product_tax": 70,
    "shipping_fee_tax": 35,
    "tax": 105,
    "total_amount": 1455,
}


def without(*names: str) -> dict[str, int]:
    return {name: amount for name, amount in PAYMENT.items() if name not in names}


def test_these_amounts_of_a_payment_are_understood() -> None:
    assert sorted(PAYMENT_FIELDS) == [
        "buyer_service_fee",
        "distance_fee",
        "handling_fee",
        "item_insurance_fee",
        "item_insurance_tax",
        "original_total_product_price",
        "payment_discount_service_fee",
        "payment_platform_discount",
        "pfand_fee",
        "platform_discount",
        "product_tax",
        "retail_delivery_fee",
        "seller_discount",
        "shipping_fee",
        "shipping_fee_tax",
        "shipping_insurance_fee",
        "small_order_fee",
        "sub_total",
        "tax",
        "total_amount",
    ]


@pytest.mark.parametrize(
    ("line", "payment", "includes"),
    [
        pytest.param(TAXED, PAYMENT, False, id="with the tax it comes to the total"),
        pytest.param(TAXED, PAYMENT | {"total_amount": 1350}, True, id="without it, whatever the tax is called"),
        pytest.param(a_line(1000, 100, 50, tax=70), PAYMENT, False, id="with the tax, no sales tax"),
        pytest.param(a_line(tax=0), {"total_amount": 1000}, True, id="no tax"),
        pytest.param(a_line(tax=0, has_sales_tax=True), {"total_amount": 1000}, False, id="a sales tax of nothing"),
        pytest.param(a_line(), {"tax": 70, "total_amount": 1000}, True, id="the payment alone tells an included tax"),
        pytest.param(a_line(), {"tax": 70, "total_amount": 1070}, False, id="the payment alone tells a tax on top"),
        pytest.param(
            a_line(has_sales_tax=True), {"tax": 1, "total_amount": 1000}, True, id="the smallest sales tax, included"
        ),
    ],
)
def test_the_total_says_whether_prices_include_tax(line: Line, payment: dict[str, int], *, includes: bool) -> None:
    assert paid(line, **payment).prices_include_tax is includes


def test_one_line_with_sales_tax_is_enough() -> None:
    found = paid(a_line(), a_line(tax=0, has_sales_tax=True), total_amount=2000)

    assert not found.prices_include_tax


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param([name], id=name)
        for name in (
            "original_total_product_price",
            "seller_discount",
            "platform_discount",
            "sub_total",
            "product_tax",
            "tax",
        )
    ]
    + [pytest.param(["sub_total", "seller_discount", "tax", "product_tax"], id="several")],
)
def test_what_the_payment_does_not_tell_is_what_the_lines_tell(missing: list[str]) -> None:
    found = paid(TAXED, **without(*missing))

    assert found == paid(TAXED, **PAYMENT)


@pytest.mark.parametrize(
    ("payment", "tax"),
    [
        pytest.param({"tax": 105, "product_tax": 1, "shipping_fee_tax": 35, "total_amount": 1105}, 70, id="tax counts"),
        pytest.param({"tax": 0, "product_tax": 70, "total_amount": 1000}, 0, id="also if it is 0"),
        pytest.param({"product_tax": 70, "shipping_fee_tax": 35, "total_amount": 1105}, 70, id="the tax on products"),
        pytest.param({"shipping_fee_tax": 35, "total_amount": 1035}, 0, id="on shipping alone"),
        pytest.param({"tax": 105, "total_amount": 1105}, 105, id="no tax on shipping"),
    ],
)
def test_the_lines_tax_is_the_tax_less_that_on_shipping(payment: dict[str, int], tax: int) -> None:
    found = paid(a_line(), **payment)

    assert found.lines[0].tax == tax
    assert found.shipping_tax == payment.get("shipping_fee_tax", 0)


@pytest.mark.parametrize(
    ("payment", "message"),
    [
        pytest.param(
            PAYMENT | {"total_amount": 1454},
            "total_amount is 14.54, but its parts sum to 13.50, or to 14.55 with tax on top.",
            id="a cent less",
        ),
        pytest.param(
            PAYMENT | {"total_amount": 1456},
            "total_amount is 14.56, but its parts sum to 13.50, or to 14.55 with tax on top.",
            id="a cent more",
        ),
        pytest.param(
            PAYMENT | {"handling_fee": 1},
            "total_amount is 14.55, but its parts sum to 13.51, or to 14.56 with tax on top.",
            id="a fee more",
        ),
        pytest.param(
            PAYMENT | {"payment_platform_discount": 2},
            "total_amount is 14.55, but its parts sum to 13.48, or to 14.53 with tax on top.",
            id="a discount more",
        ),
        pytest.param(
            PAYMENT | {"pfand_fee": 25},
            "total_amount is 14.55, but its parts sum to 13.75, or to 14.80 with tax on top.",
            id="a deposit more",
        ),
        pytest.param(
            PAYMENT | {"shipping_fee": 499, "mystery_fee": 1, "nothing_fee": 0, "credit": -250},
            "total_amount is 14.55, but its parts sum to 13.49, or to 14.54 with tax on top"
            "; not understood: mystery_fee 0.01, credit -2.50.",
            id="fields that are not understood",
        ),
        pytest.param(
            PAYMENT | {"sub_total": 860, "total_amount": 1465, "coupon": 1},
            "sub_total is 8.60, but its parts sum to 8.50; not understood: coupon 0.01.",
            id="fields that are not understood, where a part differs",
        ),
        pytest.param(
            PAYMENT | {"tax": 1, "total_amount": 1351, "eco_tax": 2},
            "tax is 0.01, but its parts sum to 1.05; not understood: eco_tax 0.02.",
            id="fields that are not understood, where the tax differs",
        ),
        pytest.param(
            PAYMENT | {"sub_total": 851, "total_amount": 1456},
            "sub_total is 8.51, but its parts sum to 8.50.",
            id="sub_total",
        ),
        pytest.param(
            PAYMENT | {"original_total_product_price": 1001, "sub_total": 851, "total_amount": 1456},
            "original_total_product_price is 10.01, but its parts sum to 10.00.",
            id="the lines' prices",
        ),
        pytest.param(
            PAYMENT | {"seller_discount": 99, "sub_total": 851, "total_amount": 1456},
            "seller_discount is 0.99, but its parts sum to 1.00.",
            id="the lines' seller discounts",
        ),
        pytest.param(
            PAYMENT | {"platform_discount": 51, "sub_total": 849, "total_amount": 1454},
            "platform_discount is 0.51, but its parts sum to 0.50.",
            id="the lines' platform discounts",
        ),
        pytest.param(
            PAYMENT | {"product_tax": 69, "shipping_fee_tax": 36},
            "product_tax is 0.69, but its parts sum to 0.70.",
            id="the lines' tax",
        ),
        pytest.param(
            PAYMENT | {"tax": 104, "total_amount": 1454},
            "tax is 1.04, but its parts sum to 1.05.",
            id="tax",
        ),
        pytest.param(
            without("product_tax") | {"tax": 34, "total_amount": 1384},
            "tax is 0.34, but its parts sum to 1.05.",
            id="less tax than on shipping alone",
        ),
        pytest.param(
            without("tax") | {"product_tax": 69, "total_amount": 1454},
            "product_tax is 0.69, but its parts sum to 0.70.",
            id="only the products' tax",
        ),
    ],
)
def test_amounts_that_do_not_add_up_are_named_with_both_sums(payment: dict[str, int], message: str) -> None:
    assert refused(TAXED, **payment) == [(AMOUNTS_DO_NOT_ADD_UP, f"payment.{message}")]


@pytest.mark.parametrize(
    ("payment", "message"),
    [
        pytest.param(
            {"pfand_fee": 25, "total_amount": 975},
            "total_amount is 9.75, but its parts sum to 10.25.",
            id="a deposit comes on top",
        ),
        pytest.param({"total_amount": 999}, "total_amount is 9.99, but its parts sum to 10.00.", id="without tax"),
        pytest.param(
            {"seller_discount": 1200, "shipping_fee": 200, "total_amount": 200},
            "sub_total is 0.00, but its parts sum to -2.00.",
            id="a discount above the price",
        ),
        pytest.param(
            {"seller_discount": 100, "sub_total": 800, "total_amount": 800},
            "sub_total is 8.00, but its parts sum to 9.00.",
            id="a discount that the payment does not explain",
        ),
        pytest.param(
            {
                "shipping_fee": 500,
                "original_shipping_fee": 800,
                "shipping_fee_seller_discount": 100,
                "shipping_fee_platform_discount": 150,
                "shipping_fee_cofunded_discount": 50,
                "total_amount": 1300,
            },
            "total_amount is 13.00, but its parts sum to 15.00.",
            id="what shipping_fee consists of is understood",
        ),
    ],
)
def test_what_the_payment_alone_tells_has_to_add_up(payment: dict[str, int], message: str) -> None:
    assert refused(a_line(), **payment) == [(AMOUNTS_DO_NOT_ADD_UP, f"payment.{message}")]


def test_every_sum_that_does_not_hold_is_named() -> None:
    payment = {
        "original_total_product_price": 1001,
        "seller_discount": 101,
        "platform_discount": 52,
        "sub_total": 849,
        "tax": 69,
        "total_amount": 1000,
    }

    assert [message for _, message in refused(TAXED, **payment)] == [
        "payment.tax is 0.69, but its parts sum to 0.70.",
        "payment.original_total_product_price is 10.01, but its parts sum to 10.00.",
        "payment.seller_discount is 1.01, but its parts sum to 1.00.",
        "payment.platform_discount is 0.52, but its parts sum to 0.50.",
        "payment.sub_total is 8.49, but its parts sum to 8.48.",
        "payment.total_amount is 10.00, but its parts sum to 8.49, or to 9.18 with tax on top.",
    ]


def test_a_line_whose_discounts_exceed_its_price_is_refused_alone() -> None:
    lines = (a_line(1000), a_line(1000, 600, 401), a_line(1000, 600, 400), a_line(0, 0, 1))

    assert refused(*lines, total_amount=1) == [
        (
            FulfillmentErrorCode.INVALID_VALUE,
            f"line_items.{index}.original_price must not be less than both discounts together.",
        )
        for index in (1, 3)
    ]


def test_an_order_without_lines_is_refused() -> None:
    assert refused(total_amount=100) == [(FulfillmentErrorCode.EMPTY_SELECTION, "line_items must not be empty.")]


def test_sums_with_a_bad_part_are_not_checked() -> None:
    findings = Findings("USD")
    findings.amount("much", "payment", "tax")

    found = settled(dict.fromkeys(PAYMENT_FIELDS, 0), frozenset(), [a_line()], findings, currency="USD")

    assert found is None
    assert [problem.path for problem in findings.problems] == [("payment", "tax")]


def test_an_earlier_problem_of_another_kind_does_not_hide_what_was_paid() -> None:
    findings = Findings("USD")
    findings.refuse("must be a word", "status")
    payment = {**dict.fromkeys(PAYMENT_FIELDS, 0), "total_amount": 1000}

    found = settled(payment, frozenset(["total_amount"]), [a_line()], findings, currency="USD")

    assert found is not None
    assert len(findings.problems) == 1


LARGEST = 10**15 - 1


@pytest.mark.parametrize(
    ("lines", "payment"),
    [
        pytest.param([a_line(LARGEST, LARGEST), a_line(1)], {"total_amount": 1}, id="prices"),
        pytest.param(
            [a_line(LARGEST, LARGEST), a_line(0, deposit=1)], {"pfand_fee": 1, "total_amount": 1}, id="a deposit more"
        ),
        pytest.param(
            [a_line(0, tax=LARGEST), a_line(0, tax=1)], {"total_amount": 0}, id="tax that the lines alone tell"
        ),
        pytest.param(
            [a_line(0)],
            {
                "item_insurance_fee": LARGEST,
                "shipping_insurance_fee": 1,
                "payment_platform_discount": LARGEST,
                "total_amount": 1,
            },
            id="fees of one kind",
        ),
    ],
)
def test_sums_have_the_limit_of_amounts(lines: list[Line], payment: dict[str, int]) -> None:
    assert refused(*lines, **payment) == [
        (
            FulfillmentErrorCode.INVALID_VALUE,
            "payment.total_amount has too large parts: they must be below 10^15 in the currency's smallest unit.",
        )
    ]


@pytest.mark.parametrize(
    ("line", "payment"),
    [
        pytest.param(a_line(LARGEST), {"total_amount": LARGEST}, id="price"),
        pytest.param(a_line(LARGEST - 1, deposit=1), {"pfand_fee": 1, "total_amount": LARGEST}, id="deposit"),
        pytest.param(a_line(0, tax=LARGEST), {"total_amount": LARGEST}, id="tax"),
        pytest.param(
            a_line(0),
            {"item_insurance_fee": LARGEST - 1, "shipping_insurance_fee": 1, "total_amount": LARGEST},
            id="fees of one kind",
        ),
        pytest.param(
            a_line(0, tax=LARGEST), {"shipping_fee_tax": 1, "total_amount": 0}, id="the tax on shipping is another"
        ),
    ],
)
def test_the_largest_amount_is_accepted(line: Line, payment: dict[str, int]) -> None:
    assert outcome(payment, [line])[1] == []


def test_free_lines_cost_nothing() -> None:
    found = paid(a_line(0), total_amount=0)

    assert found.total == 0
