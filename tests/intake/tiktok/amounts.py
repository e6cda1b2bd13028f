"""Builders of payments and lines, in minor units."""

from collections.abc import Mapping, Sequence

from domain.intake.findings import Findings
from domain.intake.tiktok.money import PAYMENT_FIELDS, Line, LineAmounts, Settled, settled
from domain.rules.order import ImportNote
from domain.rules.outcomes import FulfillmentProblem
from domain.rules.refunds import order_total
from domain.rules.vocabulary import FulfillmentErrorCode, ImportNoteCode
from tests.support.builders import an_item, an_order

AMOUNTS_DO_NOT_ADD_UP = FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP


def a_line(  # noqa: PLR0913 a builder has a parameter for every field
    price: int = 1000,
    seller_discount: int = 0,
    platform_discount: int = 0,
    *,
    tax: int = 0,
    deposit: int = 0,
    sku: str = "S-1",
    is_gift: bool = False,
    has_sales_tax: bool = False,
) -> Line:
    amounts = LineAmounts(price, seller_discount, platform_discount, tax, deposit)
    return Line(sku, is_gift, amounts, has_sales_tax=has_sales_tax)


def outcome(
    payment: Mapping[str, int], lines: Sequence[Line], currency: str = "USD"
) -> tuple[Settled | None, list[FulfillmentProblem]]:
    """For a payment that gives these amounts only."""
    findings = Findings(currency)
    found = settled(
        {**dict.fromkeys(PAYMENT_FIELDS, 0), **payment}, frozenset(payment), lines, findings, currency=currency
    )
    return found, findings.problems


def paid(*lines: Line, **payment: int) -> Settled:
    return paid_in("USD", *lines, **payment)


def paid_in(currency: str, *lines: Line, **payment: int) -> Settled:
    found, problems = outcome(payment, lines, currency)
    assert problems == []
    assert found is not None
    return found


def refused(*lines: Line, **payment: int) -> list[tuple[FulfillmentErrorCode, str]]:
    """The codes and messages of the problems."""
    found, problems = outcome(payment, lines)
    assert found is None
    return [(problem.code, problem.message) for problem in problems]


def spread_note(message: str) -> ImportNote:
    return ImportNote(ImportNoteCode.AMOUNT_SPREAD, message)


def total_of(found: Settled) -> int:
    """The total of the order that is made of these amounts."""
    items = []
    for position, indexes in enumerate(found.items, 1):
        lines = [found.lines[index] for index in indexes]
        items.append(
            an_item(
                position,
                quantity=len(lines),
                subtotal=sum(line.price for line in lines),
                seller_discount=sum(line.seller_discount for line in lines),
                platform_discount=sum(line.platform_discount for line in lines),
                tax=sum(line.tax for line in lines),
            )
        )
    order = an_order(
        *items,
        prices_include_tax=found.prices_include_tax,
        shipping_fee=found.shipping_fee,
        shipping_tax=found.shipping_tax,
        fees=found.fees,
    )
    return order_total(order)
