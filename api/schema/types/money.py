"""Amounts of money, built from minor units."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from api.schema.types.scalars import CurrencyCode, DecimalText, argument, described
from domain.rules import locales
from domain.rules.money import to_text
from domain.rules.order import Fee as DomainFee
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


@strawberry.type(description="A fee on an order, or the refunded part of one.")
class Fee:
    kind: FeeKind = described("What the fee is for.")
    amount: Money = described("The amount.")


def money(minor: int, currency: str) -> Money:
    return Money(minor=minor, currency=CurrencyCode(currency))


def fee_list(fees: Iterable[DomainFee], currency: str) -> list[Fee]:
    return [Fee(kind=fee.kind, amount=money(fee.amount, currency)) for fee in fees]
