"""What was paid for an order and for each of its units (docs/rules.md, "Orders that come in").

The marketplace tells some amounts for the order as a whole only, and whether tax came on top only by its total.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from domain.intake.findings import Findings
from domain.intake.tiktok.lines import Line, LineAmounts, items
from domain.intake.tiktok.payment import PAYMENT_FIELDS, Charged, Payment
from domain.intake.tiktok.spreading import reduced, spread
from domain.rules.money import to_text
from domain.rules.order import Fee, ImportNote, value
from domain.rules.vocabulary import FeeKind, FulfillmentErrorCode, ImportNoteCode

__all__ = ["PAYMENT_FIELDS", "Line", "LineAmounts", "Settled", "settled"]


@value
class Settled:
    """The amounts of an order in minor units; they sum to `total`.

    `lines` are as given, each with its part of what the payment tells for all. Their prices include their deposits,
    which are 0 where the deposit is a fee of the order. `items` are the indexes of each item's lines, items in the
    order of their first line.
    """

    prices_include_tax: bool
    lines: tuple[LineAmounts, ...]
    items: tuple[tuple[int, ...], ...]
    shipping_fee: int
    shipping_tax: int
    fees: tuple[Fee, ...]
    total: int
    notes: tuple[ImportNote, ...]


def settled(
    payment: Mapping[str, int], given: frozenset[str], lines: Sequence[Line], findings: Findings, *, currency: str
) -> Settled | None:
    """What was paid; None if the amounts do not add up, one of them is bad, or there are no lines.

    `payment` has every amount of the payment in minor units, also those that are not in PAYMENT_FIELDS; of these, those
    that are not in `given` are 0.
    """
    if findings.has_bad_amounts or _are_refused(lines, findings):
        return None
    charged = Payment(payment, given, lines, findings, currency).charged()
    return _Settlement(payment, lines, charged, currency).settled() if charged else None


def _are_refused(lines: Sequence[Line], findings: Findings) -> bool:
    if not lines:
        findings.refuse("must not be empty", "line_items", code=FulfillmentErrorCode.EMPTY_SELECTION)
    below_zero = [index for index, line in enumerate(lines) if line.amounts.paid < 0]
    for index in below_zero:
        what = "must not be less than both discounts together"
        findings.refuse(what, "line_items", str(index), "original_price")
    return not lines or bool(below_zero)


class _Settlement:
    """Spreads over the lines of an order what only its payment tells."""

    def __init__(self, payment: Mapping[str, int], told: Sequence[Line], charged: Charged, currency: str) -> None:
        self._payment = payment
        self._told = told
        self._charged = charged
        self._currency = currency
        self._lines = [line.amounts for line in told]
        self._notes: list[ImportNote] = []

    def settled(self) -> Settled:
        self._spread_discount("seller_discount")
        self._spread_discount("platform_discount")
        fees = self._with_deposit()
        self._spread_tax()
        shipping_fee, shipping_tax, *amounts = self._after_discount(fees.values())
        return Settled(
            prices_include_tax=self._charged.prices_include_tax,
            lines=tuple(self._lines),
            items=items(self._told, self._currency),
            shipping_fee=shipping_fee,
            shipping_tax=shipping_tax,
            fees=tuple(fee for fee in map(Fee, fees, amounts) if fee.amount),
            total=self._payment["total_amount"],
            notes=tuple(self._notes),
        )

    def _spread_discount(self, name: str) -> None:
        """It is at most what the lines cost without it, because sub_total is not negative."""
        discount = self._payment[name]
        if discount and not getattr(self._charged.told, name):
            self._add(name, spread(discount, self._paid()))
            self._note(name, discount)

    def _with_deposit(self) -> Mapping[FeeKind, int]:
        """The fees. Deposits that the lines tell belong to the lines instead, if they are those that were paid."""
        fees, told, paid = self._charged.fees, self._charged.told.deposit, self._charged.deposit
        if told:
            deposits = [line.deposit for line in self._lines]
            if told == paid:
                self._add("price", deposits)
                return fees
            self._add("deposit", [-deposit for deposit in deposits])
        return {**fees, FeeKind.DEPOSIT: paid}

    def _spread_tax(self) -> None:
        """What lines do not tell is spread over all of them."""
        if rest := self._charged.tax - self._charged.told.tax:
            self._add("tax", spread(rest, self._paid(), [line.price for line in self._lines]))
            self._note("tax" if self._payment["tax"] else "product_tax", rest)

    def _after_discount(self, fees: Iterable[int]) -> list[int]:
        """The shipping fee, the tax on it, and the fees, less what the payment's discount has beyond the lines.

        Where tax comes on top, the discount may be more than all of these; then the lines' tax is less.
        """
        shipping_fee, shipping_tax = self._payment["shipping_fee"], self._payment["shipping_fee_tax"]
        discount = self._payment["payment_platform_discount"]
        if not discount:
            return [shipping_fee, shipping_tax, *fees]
        paid = self._paid()
        on_lines = min(discount, sum(paid))
        beyond = discount - on_lines
        self._add("platform_discount", spread(on_lines, paid))
        self._note("payment_platform_discount", on_lines, beyond=beyond)
        shipping_fee, *fees, tax, shipping_tax = reduced([shipping_fee, *fees, self._charged.tax, shipping_tax], beyond)
        taken_off = spread(self._charged.tax - tax, [line.tax for line in self._lines])
        self._add("tax", [-part for part in taken_off])
        return [shipping_fee, shipping_tax, *fees]

    def _paid(self) -> list[int]:
        return [line.paid for line in self._lines]

    def _add(self, name: str, parts: Sequence[int]) -> None:
        def with_part(line: LineAmounts, part: int) -> LineAmounts:
            return replace(line, **{name: getattr(line, name) + part})

        self._lines = list(map(with_part, self._lines, parts))

    def _note(self, name: str, spread_over_lines: int, *, beyond: int = 0) -> None:
        message = f"payment.{name} was spread over the lines: {to_text(spread_over_lines, self._currency)}."
        if beyond:
            message += f" Another {to_text(beyond, self._currency)} was taken off shipping, fees and tax."
        self._notes.append(ImportNote(ImportNoteCode.AMOUNT_SPREAD, message))
