"""Invariants of what was paid, refunded and taken off (docs/rules.md, "What is owed")."""

from typing import Any

import sqlalchemy as sa

from domain.rules.vocabulary import EventType, OrderStatus, RefundStatus, ShippingRefundPolicy
from domain.storage.engine.compiled import one_of
from domain.storage.invariants.invariant import Breaches, Invariant, made_by_import, row_of, same
from domain.storage.invariants.money import fees_sum
from domain.storage.tables import cancellations, order_events, order_items, orders, package_items

_Number = sa.ColumnElement[Any]  # an integer, or the exact sum of integers

_AWAIT_PAYMENT = (OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.CANCELLED)
_is_needed = cancellations.c.refund_status != RefundStatus.NOT_NEEDED
_was_unpaid = sa.exists().where(
    same(order_events, orders, order_id="id"),
    order_events.c.type == EventType.ORDER_STATUS_CHANGED,
    order_events.c.before == OrderStatus.UNPAID.name,
)
# Whatever came in cancelled was taken off; or refunded, where nothing says that it was paid later; or one of the two.
_was_taken_off = orders.c.collect_on_delivery | ~orders.c.is_paid
_was_refunded = ~_was_taken_off & orders.c.paid_at.is_(None) & ~_was_unpaid


def _share(total: _Number, units: _Number, whole: _Number) -> _Number:
    """The rule for money, without a number that a database could not hold."""
    return total // whole * units + (2 * (total % whole) * units + whole) // (2 * whole)


def _came() -> sa.Subquery:
    """For orders of which units came in cancelled: their price and tax, and whether they are all there is."""
    of_item = (package_items.c.shop_id, package_items.c.order_id, package_items.c.item)
    units = sa.func.sum(package_items.c.came_cancelled).label("units")
    of_items = sa.select(*of_item, units).where(package_items.c.came_cancelled > 0).group_by(*of_item).subquery("units")
    of_orders = sa.select(of_items.c.shop_id, of_items.c.order_id).distinct().subquery("some")
    of_order, whole = (order_items.c.shop_id, order_items.c.order_id), order_items.c.quantity
    gone = sa.cast(sa.func.coalesce(of_items.c.units, 0), sa.BigInteger)
    price = order_items.c.subtotal - order_items.c.seller_discount - order_items.c.platform_discount
    return (
        sa.select(
            *of_order,
            sa.func.sum(_share(price, gone, whole)).label("price"),
            sa.func.sum(_share(order_items.c.tax, gone, whole)).label("tax"),
            sa.func.min(sa.case((gone == whole, 1), else_=0)).label("is_all"),
        )
        .join(of_orders, same(order_items, of_orders, "order_id"))
        .outerjoin(of_items, same(order_items, of_items, "order_id", position="item"))
        .group_by(*of_order)
        .subquery("came")
    )


def _sums() -> sa.Subquery:
    """By how much each order's sums exceed those of its cancellations, and within which bounds they should."""
    of_order = (cancellations.c.shop_id, cancellations.c.order_id)
    back = sa.func.sum(sa.case((_is_needed, cancellations.c.total), else_=0)).label("back")
    off = sa.func.sum(sa.case((_is_needed, 0), else_=cancellations.c.total)).label("off")
    made = sa.select(*of_order, back, off).group_by(*of_order).subquery("made")
    came = _came()
    on_top, policy = sa.case((orders.c.prices_include_tax, 0), else_=1), orders.c.shipping_refund_policy
    lines = came.c.price + on_top * came.c.tax
    charges = orders.c.shipping_fee + fees_sum(orders.c.fees) + on_top * orders.c.shipping_tax
    is_all = (came.c.is_all == 1) & (policy != ShippingRefundPolicy.NEVER)
    # The part of the charges has products that are too large for a database.
    may_be_part = came.c.is_all.is_not(None) & (policy == ShippingRefundPolicy.PROPORTIONAL)
    least = sa.case((is_all, lines + charges), else_=sa.func.coalesce(lines, 0))
    return (
        sa.select(
            orders.c.shop_id,
            orders.c.id,
            (orders.c.refunded - sa.func.coalesce(made.c.back, 0)).label("back"),
            (orders.c.taken_off - sa.func.coalesce(made.c.off, 0)).label("off"),
            least.label("least"),
            sa.case((may_be_part, lines + charges), else_=least).label("most"),
        )
        .outerjoin(made, same(orders, made, id="order_id"))
        .outerjoin(came, same(orders, came, id="order_id"))
        .subquery("sums")
    )


def _refunded() -> Breaches:
    sums = _sums()
    came = sums.c.back.between(sums.c.least, sums.c.most)
    is_right = sa.case((_was_taken_off, sums.c.back == 0), (_was_refunded, came), else_=(sums.c.back == 0) | came)
    return sa.select(*row_of(orders)).join(sums, same(orders, sums, "id")).where(~is_right)


def _taken_off() -> Breaches:
    sums = _sums()
    either = (sums.c.back + sums.c.off).between(sums.c.least, sums.c.most)
    came = sums.c.off.between(sums.c.least, sums.c.most)
    is_right = sa.case((_was_taken_off, came), (_was_refunded, sums.c.off == 0), else_=either)
    return sa.select(*row_of(orders)).join(sums, same(orders, sums, "id")).where(~is_right)


def _paid() -> Breaches:
    at_door = orders.c.collect_on_delivery
    may_be_unpaid = (orders.c.refunded == 0) & (at_door | one_of(orders.c.status, _AWAIT_PAYMENT))
    may_be_paid = ~at_door | orders.c.paid_at.is_not(None)
    return sa.select(*row_of(orders)).where(sa.case((orders.c.is_paid, ~may_be_paid), else_=~may_be_unpaid))


def _needed() -> Breaches:
    """Of an order that is paid in advance, only an import cancels units before it is paid."""
    can_be_taken_off = orders.c.collect_on_delivery | (made_by_import() & ~_was_refunded)
    is_free = cancellations.c.total == 0
    return (
        sa.select(*row_of(cancellations))
        .join(orders, same(cancellations, orders, order_id="id"))
        .where((_is_needed & is_free) | (~_is_needed & ~is_free & ~can_be_taken_off))
    )


REFUNDS = (
    Invariant(
        "order-paid",
        "An order that is not paid has no refunds and is collected at the door, UNPAID, ON_HOLD or CANCELLED; one that"
        " was paid at the door has a time of payment.",
        _paid(),
    ),
    Invariant(
        "order-refunded",
        "An order's refunded amount is the sum of its refunds and of what came in cancelled and paid.",
        _refunded(),
    ),
    Invariant(
        "order-taken-off",
        "The amount taken off an order is the sum of what was cancelled, here or before, while it was not paid.",
        _taken_off(),
    ),
    Invariant(
        "refund-needed",
        "A refund is NOT_NEEDED exactly when there is nothing to refund or nothing was paid.",
        _needed(),
    ),
)
