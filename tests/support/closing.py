"""Cancels orders bit by bit as far as the rules allow, and computes the refund that is due."""

from fractions import Fraction
from math import floor
from pathlib import Path
from random import Random

from domain.rules import ids
from domain.rules.eligibility import eligibility
from domain.rules.order import ItemEntry, ItemsSelection, Order, OrderItem, OrderSelection, PackageSelection, Selection
from domain.rules.vocabulary import ShippingRefundPolicy

_FOLDER = Path(__file__).parents[2] / "api" / "demo" / "samples"
SAMPLES, MORE_SAMPLES, NEXT_DAY = (_FOLDER / f"orders-{name}.json" for name in ("tiktok", "more", "next-day"))
ON_FULL_CANCELLATION, PROPORTIONAL, NEVER = ShippingRefundPolicy


def next_selection(order: Order, chance: Random, most: int) -> Selection | None:
    """Up to `most` units of an item while any can be cancelled by item, then a whole package or order, then None."""
    verdicts = eligibility(order)
    places = [(place, verdict.quantity) for place, verdict in verdicts.package_items.items() if verdict.is_cancellable]
    if places:
        (package, item), quantity = chance.choice(places)
        units = chance.randint(1, min(most, quantity))
        entry = ItemEntry(ids.of_item(order.id, item), units, ids.of_package(order.id, package))
        return ItemsSelection(ids.of_order(order.id), (entry,))
    whole: list[Selection] = [
        PackageSelection(ids.of_package(order.id, package))
        for package, verdict in verdicts.packages.items()
        if verdict.is_cancellable
    ]
    if verdicts.order.is_cancellable:
        whole.append(OrderSelection(ids.of_order(order.id)))
    return chance.choice(whole) if whole else None


def charges(order: Order) -> list[int]:
    """Shipping and fees as counted in the order's total."""
    shipping_tax = 0 if order.prices_include_tax else order.shipping_tax
    return [order.shipping_fee, shipping_tax, *(fee.amount for fee in order.fees)]


def rounded_part(amount: int, part: Fraction) -> int:
    return floor(amount * part + Fraction(1, 2))


def specified_refund(order: Order, policy: ShippingRefundPolicy) -> int:
    """All that is owed for the cancelled units (docs/rules.md, "What is owed")."""

    def paid(item: OrderItem, units: int) -> int:
        net = item.subtotal - item.seller_discount - item.platform_discount
        part = Fraction(units, item.quantity)
        return rounded_part(net, part) + (0 if order.prices_include_tax else rounded_part(item.tax, part))

    back = sum(paid(item, item.cancelled_quantity) for item in order.items)
    lines = sum(paid(item, item.quantity) for item in order.items)
    is_over = all(item.cancelled_quantity == item.quantity for item in order.items)
    in_proportion = Fraction(back, lines) if lines else Fraction(is_over)
    part = {ON_FULL_CANCELLATION: Fraction(is_over), PROPORTIONAL: in_proportion, NEVER: Fraction(0)}[policy]
    return back + sum(rounded_part(charge, part) for charge in charges(order))
