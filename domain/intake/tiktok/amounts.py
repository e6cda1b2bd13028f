"""Reads the amounts of a marketplace's order in minor units."""

from collections.abc import Mapping, Sequence
from itertools import islice

from domain.intake.findings import Findings
from domain.intake.tiktok.lines import Line, LineAmounts
from domain.intake.tiktok.payment import EXPLAINED, PAYMENT_FIELDS
from domain.intake.tiktok.texts import kept
from domain.intake.tiktok.wire import LineItem

_TAX_ON_TOP = "SALES_TAX"
_LINE_FIELDS = ("original_price", "seller_discount", "platform_discount", "pfand_fee")
_TAX_FIELDS = ("tax_amount",)
# Stands for what is no text.
_NO_AMOUNT = "?"
# Other fields only matter where amounts do not add up: the refusal names them.
_NO_OTHERS = EXPLAINED | {"currency"}
_MOST_OTHERS = 100
_LONGEST_NAME = 100


def payment_amounts(payment: Mapping[str, object], findings: Findings) -> tuple[dict[str, int], frozenset[str]]:
    """Every amount that counts or may explain why others do not add up, and the names of those that count.

    An amount that counts is 0, and not named, where it is missing.
    """
    texts = {name: text if isinstance(text, str) else _NO_AMOUNT for name, text in payment.items() if text is not None}
    found = findings.amounts(texts, PAYMENT_FIELDS, "payment")
    amounts = dict(zip(PAYMENT_FIELDS, found, strict=True))  # pragma: no mutate: they are as many
    given = frozenset([name for name in PAYMENT_FIELDS if (text := texts.get(name)) and not text.isspace()])
    if "total_amount" not in given:
        findings.has_bad_amounts = True
        findings.refuse("is missing", "payment", "total_amount")
    if others := [name for name in texts if name not in _NO_OTHERS and len(name) <= _LONGEST_NAME]:
        read = ((name, findings.minor(texts[name].strip())) for name in others)
        amounts.update(islice(((name, minor) for name, minor in read if minor is not None), _MOST_OTHERS))
    return amounts, given


def line_amounts(lines: Sequence[LineItem], findings: Findings) -> list[Line]:
    """The lines with the amounts of each one's unit."""
    return [_line(index, line, findings) for index, line in enumerate(lines)]


def _line(index: int, line: LineItem, findings: Findings) -> Line:
    path = ("line_items", str(index))
    price, seller_discount, platform_discount, deposit = findings.amounts(line, _LINE_FIELDS, *path)
    if not line.get("original_price"):
        findings.has_bad_amounts = True
        findings.refuse("is missing", *path, "original_price")
    tax, has_sales_tax = 0, False
    for each, told in enumerate(line.get("item_tax") or ()):
        tax += findings.amounts(told, _TAX_FIELDS, *path, "item_tax", str(each))[0]
        has_sales_tax = has_sales_tax or told.get("tax_type") == _TAX_ON_TOP
    amounts = LineAmounts(price, seller_discount, platform_discount, tax, deposit)
    sku = kept(line.get("sku_id"), findings, *path, "sku_id")
    return Line(sku, bool(line.get("is_gift")), amounts, has_sales_tax)
