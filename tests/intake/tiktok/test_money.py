"""Amounts that the payment alone tells are spread over the lines."""

import pytest

from domain.intake.tiktok.money import Line, LineAmounts, Settled
from domain.rules.order import Fee
from domain.rules.vocabulary import FeeKind
from tests.intake.tiktok.amounts import a_line, paid, paid_in, spread_note, total_of


def test_an_order_whose_lines_tell_everything_is_taken_as_it_is() -> None:
    first, second = a_line(1000, 100, 50, tax=70), a_line(2000, 200, 0, tax=148, sku="S-2")

    found = paid(
        first,
        second,
        first,
        original_total_product_price=4000,
        seller_discount=400,
        platform_discount=100,
        sub_total=3500,
        shipping_fee=500,
        shipping_fee_tax=35,
        product_tax=288,
        tax=323,
        handling_fee=25,
        total_amount=4348,
    )

    assert found == Settled(
        prices_include_tax=False,
        lines=(first.amounts, second.amounts, first.amounts),
        items=((0, 2), (1,)),
        shipping_fee=500,
        shipping_tax=35,
        fees=(Fee(FeeKind.HANDLING, 25),),
        total=4348,
        notes=(),
    )


def test_fees_of_one_kind_are_one_entry_in_their_order() -> None:
    found = paid(
        a_line(),
        pfand_fee=1,
        distance_fee=2,
        shipping_insurance_fee=4,
        item_insurance_tax=8,
        item_insurance_fee=16,
        handling_fee=32,
        small_order_fee=64,
        payment_discount_service_fee=128,
        buyer_service_fee=256,
        retail_delivery_fee=512,
        total_amount=2023,
    )

    assert found.fees == (
        Fee(FeeKind.RETAIL_DELIVERY, 512),
        Fee(FeeKind.BUYER_SERVICE, 384),
        Fee(FeeKind.SMALL_ORDER, 64),
        Fee(FeeKind.HANDLING, 32),
        Fee(FeeKind.INSURANCE, 28),
        Fee(FeeKind.DISTANCE, 2),
        Fee(FeeKind.DEPOSIT, 1),
    )


def test_fees_of_nothing_are_left_out() -> None:
    found = paid(a_line(), handling_fee=0, pfand_fee=0, distance_fee=5, total_amount=1005)

    assert found.fees == (Fee(FeeKind.DISTANCE, 5),)


@pytest.mark.parametrize(
    ("lines", "rest", "taxes"),
    [
        pytest.param([a_line(), a_line()], 101, [51, 50], id="ties to the earlier"),
        pytest.param([a_line(3000, 1000, 1000), a_line(3000)], 100, [25, 75], id="by what was paid"),
        pytest.param([a_line(1000, 1000), a_line(3000, 0, 3000)], 100, [25, 75], id="all free: by price"),
        pytest.param([a_line(0), a_line(0)], 100, [100, 0], id="no price: on the first"),
        pytest.param([a_line(1000, tax=60), a_line(1000)], 100, [110, 50], id="on all, also if one tells a part"),
        pytest.param([a_line(tax=60), a_line(tax=60)], 3, [62, 61], id="on all, if all tell a part"),
        pytest.param([a_line(3000, 2000, tax=60), a_line(3000, tax=60)], 100, [85, 135], id="on all, by what was paid"),
        pytest.param([a_line(tax=60), a_line(0)], 3, [63, 0], id="on all, if the other one is free"),
        pytest.param([a_line(1000, deposit=500), a_line(1500)], 100, [50, 50], id="a line's deposit was paid, too"),
    ],
)
def test_the_tax_that_lines_do_not_tell_is_spread(lines: list[Line], rest: int, taxes: list[int]) -> None:
    told = sum(line.amounts.tax for line in lines)
    prices = sum(line.amounts.paid + line.amounts.deposit for line in lines)

    found = paid(*lines, tax=told + rest, total_amount=prices + told + rest)

    assert [line.tax for line in found.lines] == taxes
    assert found.notes == (spread_note(f"payment.tax was spread over the lines: {rest // 100}.{rest % 100:02}."),)


def test_the_tax_on_products_is_spread_if_the_payment_tells_only_that() -> None:
    found = paid(a_line(), a_line(), product_tax=100, shipping_fee_tax=7, total_amount=2000)

    assert found.prices_include_tax
    assert [line.tax for line in found.lines] == [50, 50]
    assert found.notes == (spread_note("payment.product_tax was spread over the lines: 1.00."),)


def test_discounts_that_the_payment_alone_tells_are_spread() -> None:
    found = paid(
        a_line(3000),
        a_line(1000),
        original_total_product_price=4000,
        seller_discount=1000,
        platform_discount=300,
        sub_total=2700,
        total_amount=2700,
    )

    assert found.lines == (LineAmounts(3000, 750, 225, 0, 0), LineAmounts(1000, 250, 75, 0, 0))
    assert found.notes == (
        spread_note("payment.seller_discount was spread over the lines: 10.00."),
        spread_note("payment.platform_discount was spread over the lines: 3.00."),
    )


def test_a_discount_is_spread_by_what_the_lines_cost_without_it() -> None:
    found = paid(
        a_line(1000, 0, 1000),
        a_line(1000),
        a_line(1000, 0, 500),
        seller_discount=300,
        total_amount=1200,
    )

    assert [line.seller_discount for line in found.lines] == [0, 200, 100]
    assert [line.platform_discount for line in found.lines] == [1000, 0, 500]


def test_items_differ_by_the_currencys_whole_unit_at_most() -> None:
    lines = [a_line(2000, 400), a_line(2000, 500)]

    assert paid(*lines, total_amount=3100).items == ((0, 1),)
    assert paid_in("JPY", *lines, total_amount=3100).items == ((0,), (1,))


def test_what_is_spread_tells_no_items_apart() -> None:
    found = paid(a_line(), a_line(), seller_discount=1, tax=51, payment_platform_discount=7, total_amount=1992)

    assert found.items == ((0, 1),)


@pytest.mark.parametrize(
    ("lines", "discount", "discounts"),
    [
        pytest.param([a_line(), a_line()], 101, [51, 50], id="ties to the earlier"),
        pytest.param([a_line(3000, 1000, 1000), a_line(3000)], 100, [1025, 75], id="by what was paid before it"),
        pytest.param([a_line(0), a_line(300, 100)], 200, [0, 200], id="all that was paid"),
        pytest.param([a_line(1000, deposit=500), a_line(1500)], 3000, [1500, 1500], id="deposits of lines, too"),
    ],
)
def test_the_payments_discount_is_spread_as_platform_discount(
    lines: list[Line], discount: int, discounts: list[int]
) -> None:
    prices = sum(line.amounts.paid + line.amounts.deposit for line in lines)

    found = paid(*lines, payment_platform_discount=discount, total_amount=prices - discount)

    assert [line.platform_discount for line in found.lines] == discounts
    assert found.notes == (
        spread_note(
            f"payment.payment_platform_discount was spread over the lines: {discount // 100}.{discount % 100:02}."
        ),
    )


FEES = {"pfand_fee": 25, "buyer_service_fee": 30, "retail_delivery_fee": 20}


@pytest.mark.parametrize(
    ("discount", "left"),
    [
        pytest.param(1000, [50, 7, 70, 20, 30, 25], id="the lines"),
        pytest.param(1040, [10, 7, 70, 20, 30, 25], id="a part of the shipping fee"),
        pytest.param(1050, [0, 7, 70, 20, 30, 25], id="all of the shipping fee"),
        pytest.param(1060, [0, 7, 70, 10, 30, 25], id="a part of the first fee"),
        pytest.param(1080, [0, 7, 70, 20, 25], id="the second fee in part"),
        pytest.param(1110, [0, 7, 70, 15], id="the last fee in part"),
        pytest.param(1125, [0, 7, 70], id="all fees"),
        pytest.param(1160, [0, 7, 35], id="a part of the tax on top"),
        pytest.param(1195, [0, 7, 0], id="the lines' tax"),
        pytest.param(1200, [0, 2, 0], id="a part of the tax on shipping"),
        pytest.param(1202, [0, 0, 0], id="everything"),
    ],
)
def test_a_discount_beyond_the_lines_is_taken_off_shipping_then_off_fees(discount: int, left: list[int]) -> None:
    found = paid(
        a_line(1000, tax=70),
        shipping_fee=50,
        shipping_fee_tax=7,
        tax=77,
        payment_platform_discount=discount,
        total_amount=1202 - discount,
        **FEES,
    )

    fees = [fee.amount for fee in found.fees]
    assert found.lines[0].platform_discount == 1000
    assert [found.shipping_fee, found.shipping_tax, found.lines[0].tax, *fees] == left
    assert total_of(found) == 1202 - discount


def test_a_note_tells_what_was_taken_off_beyond_the_lines() -> None:
    found = paid(a_line(1000), shipping_fee=500, payment_platform_discount=1200, total_amount=300)

    assert found.notes == (
        spread_note(
            "payment.payment_platform_discount was spread over the lines: 10.00."
            " Another 2.00 was taken off shipping, fees and tax."
        ),
    )


def test_tax_on_top_that_a_discount_pays_is_less_on_every_line() -> None:
    found = paid(a_line(0, tax=30), a_line(0, tax=10), tax=40, payment_platform_discount=20, total_amount=20)

    assert [line.tax for line in found.lines] == [15, 5]


@pytest.mark.parametrize(
    ("lines", "payment", "lines_after", "fees"),
    [
        pytest.param(
            [a_line(1000, deposit=25), a_line(2000, 100, deposit=0)],
            {"pfand_fee": 25, "total_amount": 2925},
            (LineAmounts(1025, 0, 0, 0, 25), LineAmounts(2000, 100, 0, 0, 0)),
            (),
            id="the lines' deposits are the payment's",
        ),
        pytest.param(
            [a_line(1000, deposit=25), a_line(1000)],
            {"pfand_fee": 50, "total_amount": 2050},
            (LineAmounts(1000, 0, 0, 0, 0), LineAmounts(1000, 0, 0, 0, 0)),
            (Fee(FeeKind.DEPOSIT, 50),),
            id="the lines tell a part",
        ),
        pytest.param(
            [a_line(1000)],
            {"pfand_fee": 50, "total_amount": 1050},
            (LineAmounts(1000, 0, 0, 0, 0),),
            (Fee(FeeKind.DEPOSIT, 50),),
            id="the payment alone tells it",
        ),
        pytest.param(
            [a_line(1000, deposit=25)],
            {"total_amount": 1025},
            (LineAmounts(1025, 0, 0, 0, 25),),
            (),
            id="the lines alone tell it",
        ),
        pytest.param(
            [a_line(1000, tax=70, deposit=25)],
            {"tax": 70, "total_amount": 1095},
            (LineAmounts(1025, 0, 0, 70, 25),),
            (),
            id="the lines alone tell it, with tax on top",
        ),
        pytest.param(
            [a_line(1000, deposit=25)],
            {"total_amount": 1000},
            (LineAmounts(1000, 0, 0, 0, 0),),
            (),
            id="the lines alone tell it, and the total is without it",
        ),
        pytest.param(
            [a_line(1000, deposit=25)],
            {"pfand_fee": 0, "total_amount": 1000},
            (LineAmounts(1000, 0, 0, 0, 0),),
            (),
            id="the payment tells that there is none",
        ),
    ],
)
def test_deposits_belong_to_the_lines_that_tell_them(
    lines: list[Line], payment: dict[str, int], lines_after: tuple[LineAmounts, ...], fees: tuple[Fee, ...]
) -> None:
    found = paid(*lines, **payment)

    assert found.lines == lines_after
    assert found.fees == fees
    assert found.notes == ()


def test_deposits_tell_no_items_apart() -> None:
    found = paid(a_line(1000, deposit=300), a_line(1000), pfand_fee=300, total_amount=2300)

    assert found.items == ((0, 1),)


def test_a_market_that_tells_tax_for_the_order_only() -> None:
    found = paid_in(
        "VND",
        a_line(857610, 343044, 80000),
        original_total_product_price=857610,
        sub_total=434566,
        original_shipping_fee=30000,
        shipping_fee=0,
        shipping_fee_platform_discount=30000,
        seller_discount=343044,
        platform_discount=80000,
        tax=39506,
        total_amount=434566,
        product_tax=39506,
        shipping_fee_tax=0,
    )

    assert found == Settled(
        prices_include_tax=True,
        lines=(LineAmounts(857610, 343044, 80000, 39506, 0),),
        items=((0,),),
        shipping_fee=0,
        shipping_tax=0,
        fees=(),
        total=434566,
        notes=(spread_note("payment.tax was spread over the lines: 39506."),),
    )


def test_an_insurance_of_items_is_a_fee() -> None:
    found = paid_in(
        "THB",
        a_line(15000),
        a_line(15000),
        original_total_product_price=30000,
        sub_total=30000,
        tax=0,
        total_amount=30749,
        item_insurance_fee=749,
    )

    assert found.items == ((0, 1),)
    assert found.fees == (Fee(FeeKind.INSURANCE, 749),)
    assert found.prices_include_tax
    assert total_of(found) == 30749


def test_a_discount_by_the_means_of_payment() -> None:
    found = paid(
        a_line(3500, 700, 520),
        original_total_product_price=3500,
        sub_total=2280,
        seller_discount=700,
        platform_discount=520,
        tax=0,
        total_amount=2080,
        payment_platform_discount=200,
    )

    assert found.lines == (LineAmounts(3500, 700, 720, 0, 0),)
    assert total_of(found) == 2080


def test_an_order_whose_amounts_of_nothing_are_empty() -> None:
    found = paid(a_line(), original_total_product_price=1000, sub_total=1000, total_amount=1000)

    assert found.notes == ()
    assert total_of(found) == 1000


def test_a_cent_of_rounding_between_two_units() -> None:
    found = paid(
        a_line(5797, 472, tax=440, has_sales_tax=True),
        a_line(5797, 473, tax=439, has_sales_tax=True),
        original_total_product_price=11594,
        sub_total=10649,
        seller_discount=945,
        tax=879,
        total_amount=11528,
        product_tax=879,
    )

    assert found.items == ((0, 1),)
    assert not found.prices_include_tax
    assert total_of(found) == 11528


def test_a_second_unit_that_is_free() -> None:
    found = paid(
        a_line(2000),
        a_line(2000, 2000),
        original_total_product_price=4000,
        sub_total=2000,
        seller_discount=2000,
        total_amount=2000,
    )

    assert found.items == ((0,), (1,))
    assert [line.paid for line in found.lines] == [2000, 0]
