"""Caches stay small: a megabyte of text from a caller leaves nothing behind in any of them."""

import tracemalloc
from collections.abc import Callable

import pytest

from api.errors import RefusedError
from api.schema.languages import preferred_language
from api.transport.negotiation import answer_type, check_content_type
from domain.intake.check import normalise
from domain.rules import ids, locales
from domain.rules.order_input import Incoming
from tests.support.marketplace import FREE, a_line, a_marketplace_order, read
from tests.support.stored import an_item_input, an_order_input

_TEXTS = 10
_MOST_BYTES = 2_000_000


def content_type(text: str) -> None:
    with pytest.raises(RefusedError):
        check_content_type(text)


TAKERS: dict[str, Callable[[str], object]] = {
    "amount": lambda text: normalise(Incoming(an_order_input("1001", an_item_input(subtotal=text)))),
    "amount of digits": lambda text: normalise(
        Incoming(an_order_input("1001", an_item_input(subtotal=f"1{'0' * len(text)}")))
    ),
    "currency": lambda text: normalise(Incoming(an_order_input("1001", currency=text))),
    "the marketplace's amount": lambda text: read(a_marketplace_order(payment=FREE | {"total_amount": text})),
    "the marketplace's other amount": lambda text: read(a_marketplace_order(payment=FREE | {"voucher": text})),
    "the marketplace's digits": lambda text: read(a_marketplace_order(a_line(original_price=f"1{'0' * len(text)}"))),
    "the marketplace's currency": lambda text: read(a_marketplace_order(payment=FREE | {"currency": text})),
    "the marketplace's time": lambda text: read(a_marketplace_order(create_time=text)),
    "the marketplace's status": lambda text: read(a_marketplace_order(a_line(display_status=text), status=text)),
    "the marketplace's texts": lambda text: read(a_marketplace_order(a_line(sku_id=text, product_name=text))),
    "locale": locales.locale_of,
    "id": ids.parse,
    "accept": lambda text: answer_type(f"application/json, text/{text}"),
    "accept, in ranges": lambda text: answer_type(f"application/json,{f'text/{text[:200_000]},' * 5}"),
    "accept-language": preferred_language,
    "content-type": content_type,
}


@pytest.mark.parametrize("name", TAKERS)
def test_a_text_of_a_megabyte_is_not_remembered(name: str) -> None:
    TAKERS[name]("x")
    tracemalloc.start()

    for number in range(_TEXTS):
        TAKERS[name](str(number) * (1_000_000 // len(str(number))))

    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < _MOST_BYTES
