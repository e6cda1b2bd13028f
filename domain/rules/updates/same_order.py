"""Decides whether an input is about the same order, and which of its units are which stored ones."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

from domain.rules.money import share, to_text
from domain.rules.new_order import NewOrder
from domain.rules.order import Order, OrderItem, PackageItem, value
from domain.rules.outcomes import FulfillmentProblem, misfit
from domain.rules.updates.told import Told, told
from domain.rules.vocabulary import FulfillmentErrorCode

# Units that are told apart: SKU, gift, and the list price of one, deposits aside.
_Kind = tuple[str, bool, Fraction]
# Units of a stored item: its position and their number.
_Units = tuple[int, int]


def retold(order: Order, deposits: Mapping[int, int], new: NewOrder) -> Told | FulfillmentProblem:
    """What the input tells, with the positions of the stored order; or how it differs from that order.

    `deposits` are the stored items' deposits, by position.
    """
    if order.currency != new.currency:
        return _taken(f"its currency is {order.currency}, now {new.currency}")
    ours, theirs = _kinds(order.items, deposits), _kinds(new.items, dict(new.deposits))
    if difference := _difference(ours, theirs, order.currency):
        return _taken(difference)
    now = replace(told(new), deposits=tuple(deposits.items()))
    if [*map(_identity, order.items)] == [*map(_identity, new.items)]:
        return now
    units: dict[int, list[_Units]] = {}
    for kind, items in theirs.items():
        units |= _matched(_paid(items, dict(new.deposits)), _paid(ours[kind], deposits))
    cancelled = {item.position: item.cancelled_quantity for item in order.items}
    return _translated(now, {item: _cancelled_first(pairs, cancelled) for item, pairs in units.items()})


def _identity(item: OrderItem) -> tuple[object, ...]:
    return item.sku, item.is_gift, item.quantity, item.subtotal, item.seller_discount, item.platform_discount


def _kinds(items: Sequence[OrderItem], deposits: Mapping[int, int]) -> dict[_Kind, list[OrderItem]]:
    kinds: defaultdict[_Kind, list[OrderItem]] = defaultdict(list)
    for item in items:
        price = Fraction(item.subtotal - deposits.get(item.position, 0), item.quantity)
        kinds[item.sku, item.is_gift, price].append(item)
    return kinds


def _difference(
    ours: Mapping[_Kind, Sequence[OrderItem]], theirs: Mapping[_Kind, Sequence[OrderItem]], currency: str
) -> str | None:
    """What differs first, by SKU; None if nothing does."""
    have = {kind: sum(item.quantity for item in items) for kind, items in ours.items()}
    now = {kind: sum(item.quantity for item in items) for kind, items in theirs.items()}
    kinds = sorted(kind for kind in {*have, *now} if have.get(kind) != now.get(kind))
    if not kinds:
        return None
    sku = kinds[0][0]
    before, after = _of_sku(have, sku), _of_sku(now, sku)
    if before != after:
        return f"units of SKU {sku}: {before}, now {after}"
    return f"units of SKU {sku}: {_described(have, sku, currency)}, now {_described(now, sku, currency)}"


def _of_sku(units: Mapping[_Kind, int], sku: str) -> int:
    return sum(count for kind, count in units.items() if kind[0] == sku)


def _described(units: Mapping[_Kind, int], sku: str, currency: str) -> str:
    return " and ".join(
        f"{count} at {to_text(share(price.numerator, 1, price.denominator), currency)}{' as gifts' if is_gift else ''}"
        for (each, is_gift, price), count in sorted(units.items())
        if each == sku
    )


def _taken(what: str) -> FulfillmentProblem:
    return misfit(("number",), f"belongs to another order of the shop: {what}", FulfillmentErrorCode.NUMBER_TAKEN)


@value
class _Paid:
    """An item's units and what was paid for each, deposits aside."""

    position: int
    units: int
    amount: Fraction


def _paid(items: Sequence[OrderItem], deposits: Mapping[int, int]) -> list[_Paid]:
    found = []
    for item in items:
        net = item.subtotal - deposits.get(item.position, 0) - item.seller_discount - item.platform_discount
        found.append(_Paid(item.position, item.quantity, Fraction(net, item.quantity)))
    return found


def _matched(theirs: Sequence[_Paid], ours: Sequence[_Paid]) -> dict[int, list[_Units]]:
    """For each of their items, by position, ours that hold its units: those paid alike first, then in order."""
    left = {item.position: item.units for item in ours}
    open_units = {item.position: item.units for item in theirs}
    found: dict[int, list[_Units]] = {item.position: [] for item in theirs}
    for must_be_alike in (True, False):
        for item, other in product(theirs, ours):
            count = min(open_units[item.position], left[other.position])
            if count and (item.amount == other.amount or not must_be_alike):
                found[item.position].append((other.position, count))
                open_units[item.position] -= count
                left[other.position] -= count
    return found


def _cancelled_first(units: Sequence[_Units], cancelled: Mapping[int, int]) -> list[_Units]:
    """First as many of each stored item as are cancelled here, so that they are not cancelled a second time."""
    gone = {item: min(count, cancelled[item]) for item, count in units}
    return [*gone.items(), *((item, count - gone[item]) for item, count in units)]


def _translated(input_told: Told, units: Mapping[int, Sequence[_Units]]) -> Told:
    """The same with stored positions; the first units of each item are the cancelled ones."""
    gone, live, named = _Taker(units), _Taker(units), _Taker(units)
    for item, count in sum(input_told.gone().values(), Counter[int]()).items():
        live.take(item, count)
    packages = []
    for package in input_told.packages:
        has_gone = sum((gone.take(each.item, each.cancelled_quantity) for each in package.items), Counter[int]())
        has_live = sum((live.take(each.item, each.live_quantity) for each in package.items), Counter[int]())
        items = tuple(
            PackageItem(item, has_live[item] + has_gone[item], has_gone[item]) for item in sorted(has_live | has_gone)
        )
        packages.append(replace(package, items=items))
    cancelled = tuple(
        replace(each, item=item, quantity=count)
        for each in input_told.cancelled
        for item, count in named.take(each.item, each.quantity).items()
    )
    return replace(input_told, packages=tuple(packages), cancelled=cancelled)


class _Taker:
    """Hands out the stored units of each item, first ones first."""

    def __init__(self, units: Mapping[int, Sequence[_Units]]) -> None:
        self._left = {item: list(pairs) for item, pairs in units.items()}

    def take(self, item: int, count: int) -> Counter[int]:
        """So many units, by stored position."""
        taken, left = Counter[int](), list[_Units]()
        for position, units in self._left[item]:
            part = min(units, count - taken.total())
            taken[position] += part
            left.append((position, units - part))
        self._left[item] = left
        return +taken
