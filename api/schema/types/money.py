"""Amounts of money and the totals of an order, built from minor units."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from api.schema.types.scalars import CurrencyCode, DecimalText, argument, described
from domain.rules import locales
from domain.rules import order as domain
from domain.rules.money import to_text
from domain.rules.vocabulary import FeeKind


@strawberry.type(description="An amount of money.")
class Money:
    currency: CurrencyCode = described("The currency of the amount.")
    minor: strawberry.Private[int]

    @strawberry.field(description="The exact amount, with as many decimal places as the currency has.")
    def amount(self) -> DecimalText:
        return DecimalText(to_text(self.minor, self.currency))

    @strawberry.field(description='The amount formatted for people by the rules of CLDR, such as "$1,234.50".')
    def formatted(
        self,
        locale: Annotated[str | None, argument('A locale such as "de_DE"; "en_US" if omitted or unknown.')] = None,
    ) -> str:
        return locales.amount(self.minor, self.currency, locales.locale_of(locale or "en_US"))


@strawberry.type(description="A fee on an order, or the part of one that comes back.")
class Fee:
    kind: FeeKind = described("What the fee is for.")
    amount: Money = described("The amount.")


@strawberry.type(description="The amounts of an order.")
class OrderTotals:
    source: strawberry.Private[domain.Order]

    @strawberry.field(description="The list price of all items.")
    def items_subtotal(self) -> Money:
        return self._sum("subtotal")

    @strawberry.field(description="The seller's discount on the list price.")
    def seller_discount(self) -> Money:
        return self._sum("seller_discount")

    @strawberry.field(description="The platform's discount on the list price.")
    def platform_discount(self) -> Money:
        return self._sum("platform_discount")

    @strawberry.field(description="The tax on the items; included in their prices if pricesIncludeTax.")
    def item_tax(self) -> Money:
        return self._sum("tax")

    @strawberry.field(description="Shipping after discounts, and before tax unless pricesIncludeTax.")
    def shipping_fee(self) -> Money:
        return money(self.source.shipping_fee, self.source.currency)

    @strawberry.field(description="The tax on shipping; included in shippingFee if pricesIncludeTax.")
    def shipping_tax(self) -> Money:
        return money(self.source.shipping_tax, self.source.currency)

    @strawberry.field(description="The fees on the whole order.")
    def fees(self) -> list[Fee]:
        return fee_list(self.source.fees, self.source.currency)

    @strawberry.field(description="The sum of all parts: what the buyer pays if nothing is cancelled before.")
    def total(self) -> Money:
        return money(self.source.total, self.source.currency)

    @strawberry.field(
        description="What the buyer has paid: the total less what was cancelled before it was paid; 0 until then."
    )
    def paid(self) -> Money:
        return money(self.source.paid, self.source.currency)

    @strawberry.field(description="What is still to be collected at the door; 0 if it is paid or no unit is live.")
    def due(self) -> Money:
        return money(self.source.due_at_door, self.source.currency)

    @strawberry.field(
        description="All refunds, whether paid out yet or not, including those for units cancelled before the import."
    )
    def refunded(self) -> Money:
        return money(self.source.refunded, self.source.currency)

    @strawberry.field(
        description="What is left to refund: paid minus refunded, whether it can still be cancelled or not."
    )
    def refundable(self) -> Money:
        return money(self.source.paid - self.source.refunded, self.source.currency)

    def _sum(self, amount: str) -> Money:
        return money(sum(getattr(item, amount) for item in self.source.items), self.source.currency)


def money(minor: int, currency: str) -> Money:
    return Money(minor=minor, currency=CurrencyCode(currency))


def fee_list(fees: Iterable[domain.Fee], currency: str) -> list[Fee]:
    return [Fee(kind=fee.kind, amount=money(fee.amount, currency)) for fee in fees]
