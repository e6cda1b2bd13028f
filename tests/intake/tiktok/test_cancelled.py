"""Why the marketplace cancelled units is read from what it says of them."""

import pytest

from domain.rules.order_input import CancelledUnitsInput
from domain.rules.vocabulary import CancellationReason
from tests.support.marketplace import Json, a_line, a_marketplace_order, translated

OTHER = CancellationReason.OTHER
OUT_OF_STOCK = CancellationReason.OUT_OF_STOCK
PRICING_ERROR = CancellationReason.PRICING_ERROR
UNDELIVERABLE = CancellationReason.UNDELIVERABLE_ADDRESS
BUYER_REQUESTED = CancellationReason.BUYER_REQUESTED


def gone(**members: object) -> Json:
    return a_line(display_status="CANCELLED", **members)


def test_an_order_without_cancelled_units_tells_no_reason() -> None:
    order = a_marketplace_order(a_line(cancel_reason="Out of stock"), cancel_reason="Out of stock")

    assert translated(order).cancelled == ()


@pytest.mark.parametrize(
    ("unit", "order", "reason", "words"),
    [
        pytest.param({}, {}, OTHER, "", id="nothing is said"),
        pytest.param({"cancel_user": "BUYER"}, {}, BUYER_REQUESTED, "", id="buyer"),
        pytest.param({"cancel_user": "buyer"}, {}, BUYER_REQUESTED, "", id="in small letters"),
        pytest.param({}, {"cancellation_initiator": "Buyer"}, BUYER_REQUESTED, "", id="buyer of the order"),
        pytest.param(
            {"cancel_user": "SELLER", "cancel_reason": "x"},
            {"cancellation_initiator": "BUYER", "cancel_reason": "No stock"},
            OTHER,
            "x",
            id="the unit before the order",
        ),
        pytest.param(
            {"cancel_user": "", "cancel_reason": ""},
            {"cancellation_initiator": "BUYER", "cancel_reason": "Not needed"},
            BUYER_REQUESTED,
            "Not needed",
            id="the order where the unit is silent",
        ),
        pytest.param(
            {"cancel_user": "BUYER", "cancel_reason": "Out of stock"},
            {},
            BUYER_REQUESTED,
            "Out of stock",
            id="whatever words the buyer has",
        ),
        pytest.param(
            {"cancel_user": "SELLER", "cancel_reason": "Out of Stock"}, {}, OUT_OF_STOCK, "Out of Stock", id="stock"
        ),
        pytest.param({"cancel_reason": "OUT_OF_STOCK"}, {}, OUT_OF_STOCK, "OUT_OF_STOCK", id="stock in capitals"),
        pytest.param({"cancel_reason": "Wrong price"}, {}, PRICING_ERROR, "Wrong price", id="price"),
        pytest.param({"cancel_reason": "Pricing error"}, {}, PRICING_ERROR, "Pricing error", id="pricing"),
        pytest.param({"cancel_reason": "Bad address"}, {}, UNDELIVERABLE, "Bad address", id="address"),
        pytest.param({}, {"cancel_reason": "Bad address"}, UNDELIVERABLE, "Bad address", id="the order's words"),
        pytest.param({"cancel_reason": "Price; stock"}, {}, OUT_OF_STOCK, "Price; stock", id="two of them"),
        pytest.param({"cancel_reason": "Late"}, {}, OTHER, "Late", id="something else"),
        pytest.param({"cancel_reason": " No\r\n\0 stock "}, {}, OUT_OF_STOCK, "No stock", id="untidy words"),
        pytest.param({"cancel_reason": "s" * 2_001}, {}, OTHER, "s" * 1_999 + "…", id="many words"),
    ],
)
def test_the_buyer_or_the_sellers_words_give_the_reason(
    unit: Json, order: Json, reason: CancellationReason, words: str
) -> None:
    incoming = translated(a_marketplace_order(gone(**unit), **order))

    assert incoming.cancelled == (CancelledUnitsInput("1", 1, reason, words),)
    assert incoming.notes == ()


def test_cancelled_units_are_counted_by_item_reason_and_words() -> None:
    lines = [
        gone(cancel_reason="No stock"),
        gone(cancel_reason="No  stock", package_id="A"),
        a_line(),
        gone(cancel_reason="Price"),
        gone(sku_id="S-2", cancel_reason="No stock"),
        gone(cancel_user="BUYER", cancel_reason="No stock"),
    ]

    assert translated(a_marketplace_order(*lines)).cancelled == (
        CancelledUnitsInput("1", 2, OUT_OF_STOCK, "No stock"),
        CancelledUnitsInput("1", 1, PRICING_ERROR, "Price"),
        CancelledUnitsInput("2", 1, OUT_OF_STOCK, "No stock"),
        CancelledUnitsInput("1", 1, BUYER_REQUESTED, "No stock"),
    )
