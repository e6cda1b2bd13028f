"""What a marketplace order is once it is stored: as it should be, and as it is, in the same words."""

import re
from collections import Counter
from collections.abc import Iterable

from domain.rules.order import Order
from tests.support.closing import specified_refund
from tests.support.market.orders import FEES, STAGES, MarketOrder, Unit

# A SKU, whether it is a gift, the price of a unit with its deposit, and what was paid for the item's first entry.
Item = tuple[str, bool, int, int]


def items_of(order: MarketOrder) -> list[tuple[Item, list[int]]]:
    """The items, each with its entries; in the order of their first entry.

    Entries of one SKU, gift and price are apart where what was paid for them differs by more than a step.
    """
    found: dict[Item, list[int]] = {}
    step = step_of(order)
    first: dict[tuple[str, bool, int], int] = {}
    for place, unit in sorted(enumerate(order.units), key=lambda each: each[1].paid):
        alike = unit.sku, unit.is_gift, unit.price
        if alike not in first or unit.paid > first[alike] + step:
            first[alike] = unit.paid
        item = unit.sku, unit.is_gift, unit.price + unit.deposit, first[alike]
        found.setdefault(item, []).append(place)
    return sorted(((item, sorted(places)) for item, places in found.items()), key=lambda each: each[1][0])


def step_of(order: MarketOrder) -> int:
    """The largest power of ten that divides all prices and discounts, at most one whole unit of the currency."""
    amounts = [amount for unit in order.units for amount in (unit.price, unit.seller_discount, unit.platform_discount)]
    step = 1
    while step < 10**order.market.digits and not any(amount % (step * 10) for amount in amounts):
        step *= 10
    return step


def told_items(order: MarketOrder) -> list[tuple[str, bool, int, int, int]]:
    """Each item's SKU, gift, price, units and cancelled units, in order."""
    return [
        (*item[:3], len(places), sum(order.units[place].is_cancelled for place in places))
        for item, places in items_of(order)
    ]


def stored_items(order: Order) -> list[tuple[str, bool, int, int, int]]:
    return [
        (item.sku, item.is_gift, item.subtotal // item.quantity, item.quantity, item.cancelled_quantity)
        for item in order.items
    ]


def told_places(order: MarketOrder) -> Counter[tuple[str, bool, int, str, str]]:
    """Where the live units of each SKU, gift and price are: the package, empty for made ones, and its status."""
    return Counter((*_kind(unit), unit.package or "", unit.stage) for unit in order.live)


def stored_places(order: Order) -> Counter[tuple[str, bool, int, str, str]]:
    items = {item.position: item for item in order.items}
    found = Counter[tuple[str, bool, int, str, str]]()
    for package, packed in order.package_items():
        item = items[packed.item]
        number = "" if package.is_numbered_here else package.number
        kind = item.sku, item.is_gift, item.subtotal // item.quantity
        found[*kind, number, package.status.name] += packed.live_quantity
    return +found


def told_cancelled(order: MarketOrder) -> Counter[tuple[str, str]]:
    """Where the cancelled units of each SKU are when the order is new: the package's number, and its status."""
    made = made_numbers(order)
    stage = {unit.package or made[unit.stage]: unit.stage for unit in order.live}
    first = min(made.values(), default=f"{order.number}-1")
    places = [(unit.sku, unit.package or first) for unit in order.units if unit.is_cancelled]
    return Counter((f"{sku} in {number}", stage.get(number, "CANCELLED")) for sku, number in places)


def stored_cancelled(order: Order) -> Counter[tuple[str, str]]:
    items = {item.position: item for item in order.items}
    found = Counter[tuple[str, str]]()
    for package, packed in order.package_items():
        found[f"{items[packed.item].sku} in {package.number}", package.status.name] += packed.cancelled_quantity
    return +found


def made_numbers(order: MarketOrder) -> dict[str, str]:
    """The numbers made for the units without a package, by stage, from the least advanced on."""
    stages = sorted({unit.stage for unit in order.live if unit.package is None}, key=STAGES.index)
    return {stage: f"{order.number}-{place}" for place, stage in enumerate(stages, 1)}


def told_fees(order: MarketOrder) -> Counter[str]:
    """Fees by kind, after the discount has taken what the lines and shipping left of it."""
    left = max(order.payment_discount - order.products - order.shipping_fee, 0)
    fees = Counter[str]()
    for name, kind in FEES.items():
        amount = dict(order.fees).get(name, 0)
        fees[kind] += max(amount - left, 0)
        left = max(left - amount, 0)
    return +fees


def is_made(number: str, order_number: str) -> bool:
    return re.fullmatch(rf"{re.escape(order_number)}-\d+", number) is not None


def owed(order: Order) -> int:
    """What the cancelled units were worth, by the oracle of the refunds."""
    return specified_refund(order, order.shipping_refund_policy)


def order_status(units: Iterable[tuple[str, int]], set_to: str | None) -> str:
    """The status by the live units in each stage."""
    stages = {stage for stage, live in units if live}
    if not stages:
        return "CANCELLED"
    if set_to:
        return set_to
    if len(stages) == 1:
        return stages.pop()
    return "IN_TRANSIT" if stages == {"IN_TRANSIT", "DELIVERED"} else "PARTIALLY_SHIPPING"


def _kind(unit: Unit) -> tuple[str, bool, int]:
    return unit.sku, unit.is_gift, unit.price + unit.deposit
