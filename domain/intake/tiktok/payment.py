"""Checks that an order's payment and lines add up, and reads from its total what counts towards it.

What the payment does not tell is what the lines tell.
"""

from collections.abc import Mapping, Sequence

from domain.intake.findings import TOO_LARGE, Findings
from domain.intake.tiktok.lines import Line, LineAmounts, total_of
from domain.rules.money import to_text
from domain.rules.order import value
from domain.rules.vocabulary import FeeKind, FulfillmentErrorCode

# In the order of the order's fees; fees of one kind are one. The deposit, the last, may belong to the lines.
_FEES = {
    "retail_delivery_fee": FeeKind.RETAIL_DELIVERY,
    "buyer_service_fee": FeeKind.BUYER_SERVICE,
    "payment_discount_service_fee": FeeKind.BUYER_SERVICE,
    "small_order_fee": FeeKind.SMALL_ORDER,
    "handling_fee": FeeKind.HANDLING,
    "item_insurance_fee": FeeKind.INSURANCE,
    "item_insurance_tax": FeeKind.INSURANCE,
    "shipping_insurance_fee": FeeKind.INSURANCE,
    "distance_fee": FeeKind.DISTANCE,
}
PAYMENT_FIELDS = (
    "original_total_product_price",
    "seller_discount",
    "platform_discount",
    "sub_total",
    "shipping_fee",
    "shipping_fee_tax",
    "product_tax",
    "tax",
    *_FEES,
    "pfand_fee",
    "payment_platform_discount",
    "total_amount",
)
# Beside shipping_fee, its own parts explain no difference.
EXPLAINED = frozenset(PAYMENT_FIELDS) | {
    "original_shipping_fee",
    "shipping_fee_seller_discount",
    "shipping_fee_platform_discount",
    "shipping_fee_cofunded_discount",
}


@value
class Charged:
    """What an order's total consists of, in minor units. `tax` is the tax on its lines, `fees` has no deposit.

    `told` is the sum of what the lines tell.
    """

    told: LineAmounts
    prices_include_tax: bool
    deposit: int
    tax: int
    fees: Mapping[FeeKind, int]


class Payment:
    """The amounts of a payment, with what its lines tell.

    `amounts` has every amount of the payment in minor units, also those that are not in PAYMENT_FIELDS; of these, those
    that are not in `given` are 0.
    """

    def __init__(
        self,
        amounts: Mapping[str, int],
        given: frozenset[str],
        lines: Sequence[Line],
        findings: Findings,
        currency: str,
    ) -> None:
        self._amounts = amounts
        self._given = given
        self._lines = lines
        self._told = total_of([line.amounts for line in lines])
        self._findings = findings
        self._currency = currency

    def charged(self) -> Charged | None:
        """None if the amounts do not add up."""
        problems = len(self._findings.problems)
        amounts, tax, fees = self._amounts, self._tax(), self._fees()
        charges = (
            self._sub_total() + amounts["shipping_fee"] + sum(fees.values()) - amounts["payment_platform_discount"]
        )
        says = self._as_total_says(charges, tax)
        if not says or len(self._findings.problems) > problems:
            return None
        charged = Charged(self._told, *says, tax=tax - amounts["shipping_fee_tax"], fees=fees)
        return None if self._is_too_large(charged) else charged

    def _sub_total(self) -> int:
        """What was paid for the lines, without deposits and before the payment's discount."""
        told = self._told
        price = self._compared("original_total_product_price", told.price)
        seller_discount = self._discount("seller_discount", told.seller_discount)
        platform_discount = self._discount("platform_discount", told.platform_discount)
        return self._compared("sub_total", price - seller_discount - platform_discount)

    def _discount(self, name: str, on_lines: int) -> int:
        """A discount that no line tells is told by the payment alone."""
        return self._compared(name, on_lines) if on_lines else self._amounts[name]

    def _compared(self, name: str, parts: int) -> int:
        """The payment's amount if it is given, otherwise the sum of its parts, which must not be negative."""
        amount = self._amounts[name] if name in self._given else max(parts, 0)
        if amount != parts:
            self._refuse(name, self._text(parts))
        return amount

    def _tax(self) -> int:
        """The tax on the lines and on shipping, which is at least what the lines tell and that on shipping."""
        amounts, given = self._amounts, self._given
        on_lines, on_shipping = self._told.tax, amounts["shipping_fee_tax"]
        on_products = amounts["product_tax"] if "product_tax" in given else on_lines
        tax = amounts["tax"] if "tax" in given else on_products + on_shipping
        if tax < on_lines + on_shipping:
            name, parts = ("product_tax", on_lines) if on_products < on_lines else ("tax", on_lines + on_shipping)
            self._refuse(name, self._text(parts))
        return tax

    def _fees(self) -> dict[FeeKind, int]:
        fees: dict[FeeKind, int] = {}
        for name, kind in _FEES.items():
            if amount := self._amounts[name]:
                fees[kind] = fees.get(kind, 0) + amount
        return fees

    def _as_total_says(self, charges: int, tax: int) -> tuple[bool, int] | None:
        """Whether prices include tax, and the deposit; a deposit that only lines tell may be in their prices."""
        total = self._amounts["total_amount"]
        deposits = (self._amounts["pfand_fee"],) if "pfand_fee" in self._given else (self._told.deposit, 0)
        for deposit in deposits:
            if charges + deposit == total:
                return tax > 0 or not any(line.has_sales_tax for line in self._lines), deposit
            if charges + deposit + tax == total:
                return False, deposit
        sums = self._text(charges + deposits[0])
        if tax:
            sums += f", or to {self._text(charges + deposits[0] + tax)} with tax on top"
        self._refuse("total_amount", sums)
        return None

    def _not_understood(self) -> str:
        names = [
            f"{name} {self._text(amount)}" for name, amount in self._amounts.items() if amount and name not in EXPLAINED
        ]
        return f"; not understood: {', '.join(names)}" if names else ""

    def _is_too_large(self, charged: Charged) -> bool:
        """Each amount is below the limit, but sums may not be."""
        is_too_large = max(self._told.price + charged.deposit, charged.tax, *charged.fees.values()) >= TOO_LARGE
        if is_too_large:
            what = "has too large parts: they must be below 10^15 in the currency's smallest unit"
            self._findings.refuse(what, "payment", "total_amount")
        return is_too_large

    def _refuse(self, name: str, parts: str) -> None:
        what = f"is {self._text(self._amounts[name])}, but its parts sum to {parts}{self._not_understood()}"
        self._findings.refuse(what, "payment", name, code=FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP)

    def _text(self, amount: int) -> str:
        return to_text(amount, self._currency)
