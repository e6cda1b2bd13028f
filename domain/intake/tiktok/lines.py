"""What the lines of an order tell of money, and which of them are one item (docs/rules.md, "Orders that come in")."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from domain.rules.money import digits
from domain.rules.order import value


@value
class LineAmounts:
    """Amounts of one unit in minor units; `deposit` is 0 if its line tells none."""

    price: int
    seller_discount: int
    platform_discount: int
    tax: int
    deposit: int

    @property
    def paid(self) -> int:
        """Without tax on top."""
        return self.price - self.seller_discount - self.platform_discount


@value
class Line:
    """One unit as its line tells it, its price without deposit."""

    sku: str
    is_gift: bool
    amounts: LineAmounts
    has_sales_tax: bool


def total_of(lines: Iterable[LineAmounts]) -> LineAmounts:
    """The sum of each amount."""
    price = seller_discount = platform_discount = tax = deposit = 0
    for each in lines:
        price += each.price
        seller_discount += each.seller_discount
        platform_discount += each.platform_discount
        tax += each.tax
        deposit += each.deposit
    return LineAmounts(price, seller_discount, platform_discount, tax, deposit)


def items(lines: Sequence[Line], currency: str) -> tuple[tuple[int, ...], ...]:
    """The indexes of each item's lines, items in the order of their first line.

    Lines of one SKU, gift and price are one item, unless what was paid for them differs by more than a step, which is
    the largest power of ten that divides every price and discount, at most a whole unit of the currency. By ascending
    amount, an item starts where one is more than a step above the first of the item before.
    """
    alike: defaultdict[tuple[str, bool, int, int], list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        alike[line.sku, line.is_gift, line.amounts.price, line.amounts.paid].append(index)
    if len({key[:3] for key in alike}) == len(alike):
        return tuple(map(tuple, alike.values()))
    zeros = min(_common_zeros(lines), digits(currency) or 0)
    step = 10**zeros  # pragma: no mutate: amounts differ by whole steps, so a little more explains the same
    found: list[tuple[tuple[str, bool, int, int], list[int]]] = []  # each with the first that is in it
    for key in sorted(alike):
        if found and key[:3] == found[-1][0][:3] and key[3] <= found[-1][0][3] + step:
            found[-1][1].extend(alike[key])
        else:
            found.append((key, alike[key]))
    return tuple(sorted(tuple(sorted(item)) for _, item in found))


def _common_zeros(lines: Sequence[Line]) -> int:
    """How many zeros every price and discount ends in, if not all are 0."""
    told = (line.amounts for line in lines)
    divisor = math.gcd(*[n for each in told for n in (each.price, each.seller_discount, each.platform_discount)])
    return len(str(divisor)) - len(str(divisor).rstrip("0"))
