"""Invariants of an order's contents: packed and cancelled units, and the statuses and versions that follow."""

from functools import reduce
from itertools import combinations
from operator import add

import sqlalchemy as sa

from domain.rules.status import PAYMENT_BLOCKED, derived
from domain.rules.vocabulary import EventType, OrderStatus, PackageStatus
from domain.storage.engine.compiled import one_of
from domain.storage.invariants.invariant import Breaches, Invariant, row_of, same
from domain.storage.tables import cancellation_lines, order_events, order_items, orders, package_items, packages

_LIVE: list[PackageStatus] = [status for status in PackageStatus if status is not PackageStatus.CANCELLED]
_OF_ORDER = (packages.c.shop_id, packages.c.order_id)


def _items_packed() -> Breaches:
    packed = _units(package_items, "item")
    return (
        sa.select(*row_of(order_items))
        .outerjoin(packed, same(order_items, packed, "order_id", position="item"))
        .where(order_items.c.quantity != sa.func.coalesce(packed.c.units, 0))
    )


def _units(table: sa.Table, *names: str) -> sa.Subquery:
    columns = [table.c[name] for name in ("shop_id", "order_id", *names)]
    return sa.select(*columns, sa.func.sum(table.c.quantity).label("units")).group_by(*columns).subquery("units")


def _cancelled_units() -> Breaches:
    lines = _units(cancellation_lines, "item", "package")
    expected = package_items.c.came_cancelled + sa.func.coalesce(lines.c.units, 0)
    return (
        sa.select(*row_of(package_items))
        .outerjoin(lines, same(package_items, lines, "order_id", "item", "package"))
        .where(package_items.c.cancelled_quantity != expected)
    )


def _packages_without_units() -> Breaches:
    """An import may move the last unit of a package to another one."""
    was_emptied = sa.exists().where(
        same(order_events, packages, "order_id", package="position"), order_events.c.type == EventType.PACKAGE_SPLIT
    )
    holds = sa.exists().where(same(packages, package_items, "order_id", position="package"))
    return sa.select(*row_of(packages)).where(~holds, ~was_emptied)


def _package_status() -> Breaches:
    live = sa.func.sum(package_items.c.quantity - package_items.c.cancelled_quantity).label("live")
    columns = (package_items.c.shop_id, package_items.c.order_id, package_items.c.package)
    held = sa.select(*columns, live).group_by(*columns).subquery("held")
    is_cancelled = packages.c.status == PackageStatus.CANCELLED
    return (
        sa.select(*row_of(packages))
        .outerjoin(held, same(packages, held, "order_id", position="package"))
        .where(is_cancelled != (sa.func.coalesce(held.c.live, 0) == 0))
    )


def _order_status() -> Breaches:
    """Encodes each set of live package statuses as a bit mask, and takes its order status from the rule."""
    bits = {status: 1 << place for place, status in enumerate(_LIVE)}
    is_seen = [sa.func.max(sa.case((packages.c.status == status, bit), else_=0)) for status, bit in bits.items()]
    found = sa.select(*_OF_ORDER, reduce(add, is_seen).label("seen")).group_by(*_OF_ORDER).subquery("found")
    seen = sa.func.coalesce(found.c.seen, 0)
    sets = (set(some) for count in range(1, len(bits) + 1) for some in combinations(bits, count))
    rule = {sum(bits[status] for status in live): derived(live) for live in sets} | {0: OrderStatus.CANCELLED}
    is_right = sa.or_(
        *((orders.c.status == status) & (seen == live) for live, status in rule.items()),
        one_of(orders.c.status, PAYMENT_BLOCKED) & (seen > 0),
        (orders.c.status == OrderStatus.COMPLETED) & (seen == bits[PackageStatus.DELIVERED]),
    )
    return sa.select(*row_of(orders)).outerjoin(found, same(orders, found, id="order_id")).where(~is_right)


def _versions() -> Breaches:
    """A version may be higher: storing just a carrier increments it without an event.

    A package becomes CANCELLED, or is used again, by what an act does to its units.
    """
    is_ending = (order_events.c.after == "CANCELLED") | (order_events.c.before == "CANCELLED")
    moved = (order_events.c.type == EventType.PACKAGE_STATUS_CHANGED) & ~is_ending
    is_act = moved | one_of(order_events.c.type, (EventType.ITEMS_CANCELLED, EventType.PACKAGE_SPLIT))
    of_order = (order_events.c.shop_id, order_events.c.order_id)
    acts = (
        sa.select(*of_order, sa.func.sum(sa.case((is_act, 1), else_=0)).label("acts"))
        .where(is_act | (order_events.c.type == EventType.ORDER_STATUS_CHANGED))
        .group_by(*of_order)
        .subquery("acts")
    )
    too_low = (orders.c.version < 1 + acts.c.acts) | (orders.c.version == 1)
    return sa.select(*row_of(orders)).join(acts, same(orders, acts, id="order_id")).where(too_low)


CONTENTS = (
    Invariant(
        "order-has-items",
        "An order has at least one item.",
        sa.select(*row_of(orders)).where(~sa.exists().where(same(orders, order_items, id="order_id"))),
    ),
    Invariant("item-in-packages", "An order's packages hold exactly the quantity of each item.", _items_packed()),
    Invariant(
        "package-has-items",
        "A package holds at least one unit, unless units were moved out of it.",
        _packages_without_units(),
    ),
    Invariant(
        "line-in-package",
        "A cancellation takes units only from packages that hold the item.",
        sa.select(*row_of(cancellation_lines)).where(
            ~sa.exists().where(same(cancellation_lines, package_items, "order_id", "item", "package"))
        ),
    ),
    Invariant(
        "cancelled-units",
        "The cancelled units are exactly those that were cancelled here or imported as cancelled.",
        _cancelled_units(),
    ),
    Invariant("package-status", "A package is CANCELLED exactly when it has no live unit left.", _package_status()),
    Invariant("order-status", "An order's status agrees with its packages.", _order_status()),
    Invariant("order-version", "Every act on an order has incremented its version.", _versions()),
)
