"""The demo's files of the marketplace: their amounts add up, and the second day differs in six orders."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.closing import MORE_SAMPLES, NEXT_DAY, SAMPLES

FEES = (
    *("retail_delivery_fee", "buyer_service_fee", "small_order_fee", "handling_fee", "payment_discount_service_fee"),
    *("item_insurance_fee", "item_insurance_tax", "shipping_insurance_fee", "distance_fee", "pfand_fee"),
)
CHANGED = {
    "57640007890000005": {"status", "paid_time", "delivery_time", "line_items"},
    "57640007890000007": {
        *("status", "is_buyer_request_cancel", "line_items"),
        *("cancel_time", "cancellation_initiator", "cancel_reason"),
    },
    "57640007890000008": {"line_items"},
    "57640007890000010": {
        *("status", "rts_sla_time", "shipping_due_time", "buyer_email", "recipient_address", "line_items"),
    },
    "57640007890000011": {"split_or_combine_tag", "packages", "line_items"},
    "57640007890000012": {"status", "shipping_provider", "tracking_number", "line_items"},
}

Json = dict[str, Any]  # any JSON object


def orders_in(file: Path) -> dict[str, Json]:
    orders = json.loads(file.read_text(encoding="utf-8"))["data"]["orders"]
    return {order["id"]: order for order in orders}


def total(values: Json, *names: str) -> Decimal:
    return sum((Decimal(values.get(name, "0")) for name in names), Decimal(0))


def total_of_lines(order: Json, name: str) -> Decimal:
    return sum((total(line, name) for line in order["line_items"]), Decimal(0))


def sums(order: Json) -> dict[str, Decimal]:
    """What each amount of the payment must be by the other amounts of the order."""
    paid = order["payment"]
    taxes = [tax for line in order["line_items"] for tax in line.get("item_tax", ())]
    on_top = total(paid, "tax") if any(tax["tax_type"] == "SALES_TAX" for tax in taxes) else Decimal(0)
    less = total(paid, "payment_platform_discount")
    return {
        "original_total_product_price": total_of_lines(order, "original_price"),
        "seller_discount": total_of_lines(order, "seller_discount"),
        "platform_discount": total_of_lines(order, "platform_discount"),
        "pfand_fee": total_of_lines(order, "pfand_fee"),
        "sub_total": total_of_lines(order, "sale_price"),
        "product_tax": sum((total(tax, "tax_amount") for tax in taxes), Decimal(0)) or total(paid, "product_tax"),
        "tax": total(paid, "product_tax", "shipping_fee_tax"),
        "total_amount": total(paid, "sub_total", "shipping_fee", *FEES) + on_top - less,
    }


@pytest.mark.parametrize("file", [SAMPLES, MORE_SAMPLES, NEXT_DAY], ids=lambda file: file.stem)
def test_the_amounts_of_every_order_add_up(file: Path) -> None:
    orders = orders_in(file).values()

    wrong = [
        (order["id"], name, total(order["payment"], name), expected)
        for order in orders
        for name, expected in sums(order).items()
        if total(order["payment"], name) != expected
    ]

    assert wrong == []


def test_the_next_day_changes_six_orders_later_than_the_first_day_told_them() -> None:
    before, after = orders_in(SAMPLES) | orders_in(MORE_SAMPLES), orders_in(NEXT_DAY)

    changed = {number: changes(before[number], order) for number, order in after.items() if order != before[number]}

    assert len(after) == 18
    assert changed == {number: names | {"update_time"} for number, names in CHANGED.items()}
    latest = max(order["update_time"] for order in before.values())
    assert [number for number in changed if after[number]["update_time"] <= latest] == []


def changes(before: Json, after: Json) -> set[str]:
    """The names of an order's fields that differ."""
    return {name for name in before | after if before.get(name) != after.get(name)}
