"""Every order comes to its total, to the last cent: the samples, and payments of every shape."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.intake.tiktok.money import Line
from domain.rules.money import digits, to_minor
from tests.intake.tiktok.amounts import a_line, outcome, paid, paid_in, total_of
from tests.support.closing import SAMPLES


def minor_units(text: str | None, currency: str) -> int:
    amount = to_minor(Decimal(text or "0"), digits(currency) or 0)
    assert amount is not None
    return amount


def lines_of(order: Any) -> list[Line]:  # Any: as parsed from JSON
    """Of an order in the marketplace's format."""
    currency = order["payment"]["currency"]
    return [
        a_line(
            *(
                minor_units(line.get(name), currency)
                for name in ("original_price", "seller_discount", "platform_discount")
            ),
            tax=sum(minor_units(tax["tax_amount"], currency) for tax in line.get("item_tax", ())),
            sku=line["sku_id"],
            is_gift=line["is_gift"],
            has_sales_tax=any(tax["tax_type"] == "SALES_TAX" for tax in line.get("item_tax", ())),
        )
        for line in order["line_items"]
    ]


SAMPLE_ORDERS = json.loads(SAMPLES.read_bytes())["data"]["orders"]


@pytest.mark.parametrize("order", SAMPLE_ORDERS, ids=[order["id"] for order in SAMPLE_ORDERS])
def test_samples_are_taken_as_they_are(order: Any) -> None:  # Any: as parsed from JSON
    payment, lines = dict(order["payment"]), lines_of(order)
    currency = payment.pop("currency")

    found = paid_in(currency, *lines, **{name: minor_units(text, currency) for name, text in payment.items()})

    assert found.notes == ()
    assert found.lines == tuple(line.amounts for line in lines)
    assert len(found.items) == len({(line.sku, line.is_gift, line.amounts.price) for line in lines})
    assert total_of(found) == minor_units(payment["total_amount"], currency)


MOST = 10**11
FEE_FIELDS = ("handling_fee", "item_insurance_fee", "item_insurance_tax", "buyer_service_fee", "distance_fee")
amounts = st.one_of(st.just(0), st.integers(0, 9), st.integers(0, 9_999), st.integers(0, MOST))


@st.composite
def some_lines(draw: st.DrawFn) -> list[Line]:
    """Discounts, tax and deposits may be told by all lines, by some or by none."""
    lines = []
    tells_discounts = draw(st.booleans())
    for _ in range(draw(st.integers(1, 6))):
        price = draw(amounts)
        seller_discount = draw(st.integers(0, price)) if tells_discounts else 0
        platform_discount = draw(st.integers(0, price - seller_discount)) if tells_discounts else 0
        tax, deposit = draw(amounts), draw(amounts)
        sku, is_gift = draw(st.sampled_from("ab")), draw(st.booleans())
        lines.append(
            a_line(price, seller_discount, platform_discount, tax=tax, deposit=deposit, sku=sku, is_gift=is_gift)
        )
    return lines


@st.composite
def payments_for(draw: st.DrawFn, lines: list[Line]) -> dict[str, int]:
    """Payments that add up; what the lines tell in whole may be missing."""
    told = {
        name: sum(getattr(line.amounts, name) for line in lines)
        for name in ("price", "seller_discount", "platform_discount", "tax", "deposit")
    }
    payment = {name: draw(amounts) for name in (*FEE_FIELDS, "shipping_fee", "shipping_fee_tax")}
    seller_discount = told["seller_discount"] or draw(st.integers(0, told["price"] - told["platform_discount"]))
    platform_discount = told["platform_discount"] or draw(st.integers(0, told["price"] - seller_discount))
    sub_total = told["price"] - seller_discount - platform_discount
    product_tax = told["tax"] + draw(amounts)
    tax = product_tax + payment["shipping_fee_tax"]
    deposit = draw(st.sampled_from((0, told["deposit"], told["deposit"] + 1)))
    charges = sub_total + payment["shipping_fee"] + sum(payment[name] for name in FEE_FIELDS) + deposit
    due = charges + draw(st.sampled_from((0, tax)))
    discount = min(draw(amounts), due)
    payment |= {
        "original_total_product_price": told["price"],
        "seller_discount": seller_discount,
        "platform_discount": platform_discount,
        "sub_total": sub_total,
        "product_tax": product_tax,
        "tax": tax,
        "pfand_fee": deposit,
        "payment_platform_discount": discount,
        "total_amount": due - discount,
    }
    missing = draw(st.sets(st.sampled_from(("original_total_product_price", "sub_total", "product_tax"))))
    return {name: amount for name, amount in payment.items() if name not in missing}


@settings(max_examples=300)
@given(some_lines(), st.data())
def test_payments_that_add_up_come_to_their_total(lines: list[Line], data: st.DataObject) -> None:
    payment = data.draw(payments_for(lines))

    found, problems = outcome(payment, lines)

    assert problems == []
    assert found is not None
    assert total_of(found) == found.total == payment["total_amount"]
    amounts = [found.shipping_fee, found.shipping_tax, *(fee.amount for fee in found.fees)]
    assert min(amounts) >= 0
    assert min(min(line.paid, line.seller_discount, line.platform_discount, line.tax) for line in found.lines) >= 0
    assert found.shipping_fee <= payment["shipping_fee"]


@given(some_lines(), st.data())
def test_what_lines_tell_stays_theirs(lines: list[Line], data: st.DataObject) -> None:
    payment = data.draw(payments_for(lines))
    payment["total_amount"] += payment["payment_platform_discount"]

    found = paid(*lines, **payment | {"payment_platform_discount": 0})

    for line, told in zip(found.lines, (line.amounts for line in lines), strict=True):
        assert line.price - line.deposit == told.price
        assert line.deposit in {0, told.deposit}
        assert line.tax >= told.tax
        assert line.seller_discount >= told.seller_discount
        assert line.platform_discount >= told.platform_discount
    assert sum(line.tax for line in found.lines) == payment["tax"] - payment["shipping_fee_tax"]
    assert sum(line.seller_discount for line in found.lines) == payment["seller_discount"]
    assert sum(line.platform_discount for line in found.lines) == payment["platform_discount"]
