"""Computes the refund for cancelled units (docs/rules.md, "What is owed").

The total due depends only on how many units of each item are cancelled; a cancellation refunds the total due after it
minus the total due before. So cancelling in steps refunds the same as cancelling at once.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.rules.money import share
from domain.rules.order import Fee, Order, OrderItem, Pick, RefundBreakdown, RefundLine
from domain.rules.vocabulary import ShippingRefundPolicy


class Priced(Protocol):
    """The priced parts of an order, stored or new."""

    @property
    def items(self) -> tuple[OrderItem, ...]: ...
    @property
    def prices_include_tax(self) -> bool: ...
    @property
    def shipping_fee(self) -> int: ...
    @property
    def shipping_tax(self) -> int: ...
    @property
    def fees(self) -> tuple[Fee, ...]: ...


def unit_price(item: OrderItem) -> int:
    """The list price of one unit, before discounts."""
    return share(item.subtotal, 1, item.quantity)


def line_total(item: OrderItem, *, prices_include_tax: bool) -> int:
    """The amount that the buyer paid for the whole line."""
    net = item.subtotal - item.seller_discount - item.platform_discount
    return net if prices_include_tax else net + item.tax


def paid(item: OrderItem, units: int, *, prices_include_tax: bool) -> int:
    """The amount that the buyer paid for the first `units` of the line, including any tax on top."""
    net = share(item.subtotal - item.seller_discount - item.platform_discount, units, item.quantity)
    return net if prices_include_tax else net + share(item.tax, units, item.quantity)


def order_total(order: Priced) -> int:
    """The sum of all parts of an order."""
    return _lines_total(order) + sum(_charges(order))


def due(order: Priced, policy: ShippingRefundPolicy) -> int:
    """The total refund due for all units cancelled in this order."""
    cancelled = _cancelled(order)
    if not any(cancelled.values()):  # pragma: no mutate: only saves time
        return 0
    part = _part_due(order, policy, cancelled)
    return _paid_for(order, cancelled) + sum(share(charge, *part) for charge in _charges(order))


def refund_breakdown(order: Order, picks: Sequence[Pick]) -> RefundBreakdown:
    """The refund for cancelling these live units: one line per pick, rounded in the order of the picks."""
    items = {item.position: item for item in order.items}
    cancelled = _cancelled(order)
    before = _part_due(order, order.shipping_refund_policy, cancelled)
    lines = []
    for pick in picks:
        lines.append(_line(order, items[pick.item], pick, cancelled[pick.item]))
        cancelled[pick.item] += pick.quantity
    after = _part_due(order, order.shipping_refund_policy, cancelled)
    shipping_fee = _step(order.shipping_fee, before, after)
    shipping_tax = _step(order.shipping_tax, before, after)
    fees = tuple(Fee(fee.kind, back) for fee in order.fees if (back := _step(fee.amount, before, after)))
    charges = shipping_fee + sum(fee.amount for fee in fees) + (0 if order.prices_include_tax else shipping_tax)
    return RefundBreakdown(
        items_subtotal=sum(line.subtotal for line in lines),
        seller_discount=sum(line.seller_discount for line in lines),
        platform_discount=sum(line.platform_discount for line in lines),
        item_tax=sum(line.tax for line in lines),
        shipping_fee=shipping_fee,
        shipping_tax=shipping_tax,
        fees=fees,
        total=sum(line.total for line in lines) + charges,
        lines=tuple(lines),
    )


def _line(order: Order, item: OrderItem, pick: Pick, start: int) -> RefundLine:
    """The refund for `pick.quantity` units after the first `start` units of the line."""
    before, after = (start, item.quantity), (start + pick.quantity, item.quantity)
    after_seller = item.subtotal - item.seller_discount
    subtotal = _step(item.subtotal, before, after)
    less_seller = _step(after_seller, before, after)
    net = _step(after_seller - item.platform_discount, before, after)
    tax = _step(item.tax, before, after)
    return RefundLine(
        item=pick.item,
        package=pick.package,
        quantity=pick.quantity,
        subtotal=subtotal,
        seller_discount=subtotal - less_seller,
        platform_discount=less_seller - net,
        tax=tax,
        total=net if order.prices_include_tax else net + tax,
    )


def _step(total: int, before: tuple[int, int], after: tuple[int, int]) -> int:
    """The refund from `total` when the fraction due, as (part, whole), goes from `before` to `after`."""
    return share(total, *after) - share(total, *before)


def _part_due(order: Priced, policy: ShippingRefundPolicy, cancelled: Mapping[int, int]) -> tuple[int, int]:
    """The fraction of shipping and fees due, as (part, whole), for the units cancelled per item position."""
    if policy is ShippingRefundPolicy.PROPORTIONAL and (lines := _lines_total(order)):
        return _paid_for(order, cancelled), lines
    is_live = any(cancelled[item.position] < item.quantity for item in order.items)
    return int(policy is not ShippingRefundPolicy.NEVER and not is_live), 1


def _charges(order: Priced) -> list[int]:
    """Shipping and fees: each amount that counts towards the order's total."""
    shipping = [order.shipping_fee] if order.prices_include_tax else [order.shipping_fee, order.shipping_tax]
    return shipping + [fee.amount for fee in order.fees]


def _lines_total(order: Priced) -> int:
    return sum([line_total(item, prices_include_tax=order.prices_include_tax) for item in order.items])


def _cancelled(order: Priced) -> dict[int, int]:
    """The cancelled units, keyed by item position."""
    return {item.position: item.cancelled_quantity for item in order.items}


def _paid_for(order: Priced, units: Mapping[int, int]) -> int:
    """The amount that the buyer paid for the first `units` of each item, keyed by position."""
    return sum(paid(item, units[item.position], prices_include_tax=order.prices_include_tax) for item in order.items)
