"""Settles what was paid for each unit of a marketplace's order (docs/rules.md, "Orders that come in")."""

from collections.abc import Mapping, Sequence

from domain.intake.findings import Findings
from domain.rules.order import Fee, ImportNote, value
from domain.rules.vocabulary import FeeKind, FulfillmentErrorCode

_FEES = {
    "retail_delivery_fee": FeeKind.RETAIL_DELIVERY,
    "buyer_service_fee": FeeKind.BUYER_SERVICE,
    "small_order_fee": FeeKind.SMALL_ORDER,
    "handling_fee": FeeKind.HANDLING,
    "pfand_fee": FeeKind.DEPOSIT,
}
PAYMENT_FIELDS: tuple[str, ...] = (
    "original_total_product_price",
    "seller_discount",
    "platform_discount",
    "sub_total",
    "shipping_fee",
    *_FEES,
    "product_tax",
    "shipping_fee_tax",
    "tax",
    "total_amount",
)


@value
class LineAmounts:
    """Minor units, of one unit; `deposit` is what the line itself tells."""

    price: int
    seller_discount: int
    platform_discount: int
    tax: int
    deposit: int


@value
class Line:
    sku: str
    is_gift: bool
    amounts: LineAmounts
    has_tax: bool
    has_sales_tax: bool


@value
class Settled:
    """`items` are the indexes of each item's lines."""

    prices_include_tax: bool
    lines: tuple[LineAmounts, ...]
    items: tuple[tuple[int, ...], ...]
    shipping_fee: int
    shipping_tax: int
    fees: tuple[Fee, ...]
    total: int
    notes: tuple[ImportNote, ...]


def settled(
    payment: Mapping[str, int], given: frozenset[str], lines: Sequence[Line], findings: Findings
) -> Settled | None:
    """None if the amounts do not add up."""
    is_taxed_on_top = any(line.has_sales_tax for line in lines)
    fees = tuple(Fee(kind, payment[name]) for name, kind in _FEES.items() if payment[name])
    charges = payment["shipping_fee"] + sum(fee.amount for fee in fees) + (payment["tax"] if is_taxed_on_top else 0)
    if lines and payment["total_amount"] != payment["sub_total"] + charges:
        what = f"do not add up: {sorted(given)}"
        findings.refuse(what, "payment", code=FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP)
        return None
    kinds: dict[tuple[str, bool, int], list[int]] = {}
    for index, line in enumerate(lines):
        kinds.setdefault((line.sku, line.is_gift, line.amounts.price), []).append(index)
    return Settled(
        prices_include_tax=not is_taxed_on_top,
        lines=tuple(line.amounts for line in lines),
        items=tuple(map(tuple, kinds.values())),
        shipping_fee=payment["shipping_fee"],
        shipping_tax=payment["shipping_fee_tax"],
        fees=fees,
        total=payment["total_amount"],
        notes=(),
    )
