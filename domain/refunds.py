"""What is owed for cancelled units: the breakdown. Pure (specification, section 3).

What is due is a function of how many units of each item are cancelled; a cancellation gives back what is due after it
less what was due before. So any order and any batching of cancellations gives the same sums.
"""

from collections.abc import Mapping, Sequence

from domain.money import share
from domain.order import Fee, Order, OrderItem, Pick, RefundBreakdown, RefundLine, ShippingRefundPolicy, value


@value
class Charges:
    """Shipping, its tax and the fees of an order, or what comes back of them. `fees` is in the order's sequence."""

    shipping_fee: int
    shipping_tax: int
    fees: tuple[int, ...]


def unit_price(item: OrderItem) -> int:
    """The list price of one unit, before discounts."""
    return share(item.subtotal, 1, item.quantity)


def line_total(item: OrderItem, *, prices_include_tax: bool) -> int:
    """What the buyer paid for the whole line."""
    return paid(item, item.quantity, prices_include_tax=prices_include_tax)


def paid(item: OrderItem, units: int, *, prices_include_tax: bool) -> int:
    """What the buyer paid for the first so many units of the line; tax is in it only where prices exclude tax."""
    net = share(item.subtotal - item.seller_discount - item.platform_discount, units, item.quantity)
    return net if prices_include_tax else net + share(item.tax, units, item.quantity)


def order_total(order: Order) -> int:
    """What the parts of an order sum to."""
    lines = sum(line_total(item, prices_include_tax=order.prices_include_tax) for item in order.items)
    return lines + _charged(_charges(order), prices_include_tax=order.prices_include_tax)


def due(order: Order, policy: ShippingRefundPolicy) -> int:
    """All that is to come back for the units that are cancelled in this order."""
    cancelled = {item.position: item.cancelled_quantity for item in order.items}
    lines = _paid_for(order, cancelled)
    return lines + _charged(_charges_due(order, policy, cancelled), prices_include_tax=order.prices_include_tax)


def refund_breakdown(order: Order, picks: Sequence[Pick], policy: ShippingRefundPolicy) -> RefundBreakdown:
    """What cancelling these units, now live, gives back; one line a pick, shares taken in the order of the picks."""
    items = {item.position: item for item in order.items}
    cancelled = {item.position: item.cancelled_quantity for item in order.items}
    before = _charges_due(order, policy, cancelled)
    lines = []
    for pick in picks:
        start = cancelled[pick.item]
        cancelled[pick.item] = start + pick.quantity
        lines.append(_line(order, items[pick.item], pick, start))
    after = _charges_due(order, policy, cancelled)
    charges = Charges(
        after.shipping_fee - before.shipping_fee,
        after.shipping_tax - before.shipping_tax,
        tuple(late - early for late, early in zip(after.fees, before.fees, strict=True)),
    )
    back = zip(order.fees, charges.fees, strict=True)
    return RefundBreakdown(
        items_subtotal=sum(line.subtotal for line in lines),
        seller_discount=sum(line.seller_discount for line in lines),
        platform_discount=sum(line.platform_discount for line in lines),
        item_tax=sum(line.tax for line in lines),
        shipping_fee=charges.shipping_fee,
        shipping_tax=charges.shipping_tax,
        fees=tuple(Fee(fee.kind, amount) for fee, amount in back if amount),
        total=sum(line.total for line in lines) + _charged(charges, prices_include_tax=order.prices_include_tax),
        lines=tuple(lines),
    )


def _line(order: Order, item: OrderItem, pick: Pick, start: int) -> RefundLine:
    """What `pick.quantity` units give back after `start` units of the line."""
    end, n = start + pick.quantity, item.quantity
    after_seller = item.subtotal - item.seller_discount
    after_platform = after_seller - item.platform_discount
    step = [share(amount, end, n) - share(amount, start, n) for amount in (item.subtotal, after_seller, after_platform)]
    included = order.prices_include_tax
    return RefundLine(
        item=pick.item,
        package=pick.package,
        quantity=pick.quantity,
        subtotal=step[0],
        seller_discount=step[0] - step[1],
        platform_discount=step[1] - step[2],
        tax=share(item.tax, end, n) - share(item.tax, start, n),
        total=paid(item, end, prices_include_tax=included) - paid(item, start, prices_include_tax=included),
    )


def _charges(order: Order) -> Charges:
    return Charges(order.shipping_fee, order.shipping_tax, tuple(fee.amount for fee in order.fees))


def _charges_due(order: Order, policy: ShippingRefundPolicy, cancelled: Mapping[int, int]) -> Charges:
    """What is to come back of shipping and fees when so many units of the items, by position, are cancelled."""
    charges = _charges(order)
    is_live = any(cancelled[item.position] < item.quantity for item in order.items)
    if policy is ShippingRefundPolicy.NEVER:
        return _part(charges, 0, 1)
    lines = sum(line_total(item, prices_include_tax=order.prices_include_tax) for item in order.items)
    if policy is ShippingRefundPolicy.ON_FULL_CANCELLATION or not lines:
        return _part(charges, 0 if is_live else 1, 1)
    return _part(charges, _paid_for(order, cancelled), lines)


def _part(charges: Charges, of: int, whole: int) -> Charges:
    return Charges(
        share(charges.shipping_fee, of, whole),
        share(charges.shipping_tax, of, whole),
        tuple(share(fee, of, whole) for fee in charges.fees),
    )


def _paid_for(order: Order, units: Mapping[int, int]) -> int:
    """What the buyer paid for the first so many units of each item, by position."""
    return sum(paid(item, units[item.position], prices_include_tax=order.prices_include_tax) for item in order.items)


def _charged(charges: Charges, *, prices_include_tax: bool) -> int:
    """What the charges add to a total."""
    tax = 0 if prices_include_tax else charges.shipping_tax
    return charges.shipping_fee + sum(charges.fees) + tax
