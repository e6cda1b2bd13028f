"""Finds, locks and stores orders."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.rules.order import Buyer, Fee, Order, OrderItem, Package, PackageItem
from domain.rules.vocabulary import FeeKind, PackageStatus
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Row, Statement, among, equal, insert, parameters, storable
from domain.storage.tables import order_items, orders, package_items, packages, shops

HEADER = (
    orders.c.id,
    orders.c.number,
    orders.c.status,
    orders.c.version,
    orders.c.currency,
    orders.c.prices_include_tax,
    orders.c.placed_at,
    orders.c.paid_at,
    orders.c.ship_by,
    orders.c.updated_at,
    orders.c.buyer_name,
    orders.c.buyer_email,
    orders.c.buyer_locale,
    orders.c.shipping_fee,
    orders.c.shipping_tax,
    orders.c.fees,
    orders.c.shipping_refund_policy,
    orders.c.total,
    orders.c.refunded,
    orders.c.taken_off,
    orders.c.is_paid,
    orders.c.collect_on_delivery,
    orders.c.event_sequence,
)


_HERE = equal(shop_id=orders.c.shop_id)
_THIS = equal(shop_id=orders.c.shop_id, order_id=orders.c.id)
_BY_NUMBER = Statement(sa.select(*HEADER).where(*_HERE, *equal(number=orders.c.number)))
_BY_ID = Statement(sa.select(*HEADER).where(*_HERE, among(orders.c.id, "order_ids")))
_LOCK = Statement(
    sa.update(orders)
    .where(*_THIS)
    .values(version=orders.c.version + 1)
    .returning(*(orders.c.version - 1 if column is orders.c.version else column for column in HEADER))
)
_LOCK_SEQUENCE = Statement(
    sa.update(orders)
    .where(*_THIS)
    .values(event_sequence=orders.c.event_sequence + 1)
    .returning(orders.c.event_sequence, orders.c.updated_at)
)
_STORED = (
    orders.c.status,
    orders.c.paid_at,
    orders.c.is_paid,
    orders.c.refunded,
    orders.c.taken_off,
    orders.c.updated_at,
    orders.c.event_sequence,
)
_STORE = Statement(sa.update(orders).where(*_THIS).values(parameters(*_STORED)))
_CHANGED = (packages.c.status, packages.c.carrier, packages.c.tracking_number)
_STORE_PACKAGE = Statement(
    sa.update(packages)
    .where(*equal(shop_id=packages.c.shop_id, order_id=packages.c.order_id, position=packages.c.position))
    .values(parameters(*_CHANGED))
)
_IN_PACKAGE = equal(shop_id=package_items.c.shop_id, order_id=package_items.c.order_id, package=package_items.c.package)
_EMPTY = Statement(sa.delete(package_items).where(*_IN_PACKAGE, among(package_items.c.item, "items")))
_REDUCE = Statement(
    sa.update(package_items)
    .where(*_IN_PACKAGE, *equal(item=package_items.c.item))
    .values(parameters(package_items.c.quantity))
)


async def find_order(connection: Connection, shop_id: str, order_id: UUID) -> Order | None:
    return (await find_orders(connection, shop_id, [order_id])).get(order_id)


async def find_by_number(connection: Connection, shop_id: str, number: str) -> Order | None:
    if not storable([number]):
        return None
    headers = await _BY_NUMBER.rows(connection, shop_id=shop_id, number=number)
    found = await with_contents(connection, shop_id, headers)
    return found[0] if found else None


async def find_orders(connection: Connection, shop_id: str, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """The orders that the shop has, keyed by id."""
    headers = await _BY_ID.rows(connection, shop_id=shop_id, order_ids=order_ids)
    return {order.id: order for order in await with_contents(connection, shop_id, headers)}


async def lock_order(connection: Connection, shop_id: str, order_id: UUID) -> Order | None:
    """Locks the order until the transaction ends and increments its version; returns the order as it was before.

    This must be the transaction's first statement on the order. Items are read by a second statement: after a wait for
    another transaction, the first one would still see them as they were before it.
    """
    headers = await _LOCK.rows(connection, shop_id=shop_id, order_id=order_id)
    locked = await with_contents(connection, shop_id, headers)
    return locked[0] if locked else None


async def lock_sequence(connection: Connection, shop_id: str, order_id: UUID) -> tuple[int, datetime] | None:
    """Locks the order until the transaction ends and takes its next event sequence; the version stays the same.

    Returns the sequence and the time of the order's last update.
    """
    rows = await _LOCK_SEQUENCE.rows(connection, shop_id=shop_id, order_id=order_id)
    return (rows[0][0], rows[0][1]) if rows else None


async def store_order(connection: Connection, shop_id: str, order: Order) -> None:
    """Stores what an act changes in the order's own row, except the version: locking has incremented it."""
    values = {column.name: getattr(order, column.name) for column in _STORED}
    await _STORE.rows(connection, shop_id=shop_id, order_id=order.id, **values)


async def store_package(connection: Connection, shop_id: str, order_id: UUID, package: Package) -> None:
    """Stores the package's status, carrier and tracking number."""
    values = {column.name: getattr(package, column.name) for column in _CHANGED}
    await _STORE_PACKAGE.rows(connection, shop_id=shop_id, order_id=order_id, position=package.position, **values)


async def store_split(connection: Connection, shop_id: str, order_id: UUID, left: Package, new: Package) -> None:
    """Stores a new package and removes its units from `left`, the package it was split from."""
    here = {"shop_id": shop_id, "order_id": order_id}
    row = {column: getattr(new, column) for column in packages.columns.keys() if column not in here}  # noqa: SIM118 columns are no dict
    await insert(connection, packages, [{**here, **row}])
    kept = {packed.item: packed.quantity for packed in left.items}
    await _EMPTY.rows(
        connection, **here, package=left.position, items=[moved.item for moved in new.items if moved.item not in kept]
    )
    for moved in new.items:
        if quantity := kept.get(moved.item):
            await _REDUCE.rows(connection, **here, package=left.position, item=moved.item, quantity=quantity)
    rows = [{**here, "package": new.position, **asdict(moved), "came_cancelled": 0} for moved in new.items]
    await insert(connection, package_items, rows)


_UNITS = (
    package_items.c.item,
    package_items.c.quantity,
    package_items.c.cancelled_quantity,
    order_items.c.sku,
    order_items.c.product_id,
    order_items.c.product_name,
    order_items.c.variant_name,
    order_items.c.image_url,
    order_items.c.is_gift,
    order_items.c.quantity.label("ordered"),
    order_items.c.subtotal,
    order_items.c.seller_discount,
    order_items.c.platform_discount,
    order_items.c.tax,
)
_PACKAGE = (
    packages.c.position,
    packages.c.number,
    packages.c.status,
    packages.c.carrier,
    packages.c.tracking_number,
    packages.c.is_numbered_here,
)
_FEED_NUMBER = sa.select(shops.c.last_event).where(*equal(shop_id=shops.c.id)).scalar_subquery()
_HELD = (
    sa.select(packages.c.order_id, *_UNITS, *_PACKAGE, _FEED_NUMBER)
    .select_from(package_items)
    .join(
        order_items,
        (order_items.c.shop_id == package_items.c.shop_id)
        & (order_items.c.order_id == package_items.c.order_id)
        & (order_items.c.position == package_items.c.item),
    )
    .join(
        packages,
        (packages.c.shop_id == package_items.c.shop_id)
        & (packages.c.order_id == package_items.c.order_id)
        & (packages.c.position == package_items.c.package),
    )
    .where(
        *equal(shop_id=package_items.c.shop_id),
        # Repeated for each table, so that the planner can start with any of them.
        *(among(table.c.order_id, "order_ids") for table in (package_items, order_items, packages)),
    )
)
_HOLDING = sa.select(package_items.c.order_id, package_items.c.package).where(
    *equal(shop_id=package_items.c.shop_id), among(package_items.c.order_id, "order_ids")
)
# Packages from which an import has moved the last unit. An outer join would read them too, but without statistics it
# takes a minute for the largest order.
_EMPTY_PACKAGES = sa.select(packages.c.order_id, *(sa.null() for _ in _UNITS), *_PACKAGE, _FEED_NUMBER).where(
    *equal(shop_id=packages.c.shop_id),
    among(packages.c.order_id, "order_ids"),
    packages.c.status == PackageStatus.CANCELLED,
    sa.tuple_(packages.c.order_id, packages.c.position).not_in(_HOLDING),
)
_CONTENTS = Statement(sa.union_all(_HELD, _EMPTY_PACKAGES).order_by("item"))


async def with_contents(connection: Connection, shop_id: str, headers: Sequence[Row]) -> list[Order]:
    """The orders for these rows of HEADER, in the same order, with their items and packages."""
    if not headers:
        return []
    contents: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in await _CONTENTS.rows(connection, shop_id=shop_id, order_ids=[header[0] for header in headers]):
        contents[row[0]].append(row)
    return [_order(header, contents[header[0]]) for header in headers]


def fees_of(pairs: list[list[Any]]) -> tuple[Fee, ...]:
    """Fees from their stored JSON, a list of [kind, amount] pairs."""
    return tuple(Fee(FeeKind[kind], amount) for kind, amount in pairs)


def pairs_of(fees: Iterable[Fee]) -> list[list[Any]]:
    """Fees as JSON to store."""
    return [[fee.kind.name, fee.amount] for fee in fees]


def _order(header: Row, contents: Sequence[Row]) -> Order:
    order_id, number, status, version, currency, prices_include_tax = header[:6]
    placed_at, paid_at, ship_by, updated_at = header[6:10]
    buyer_name, buyer_email, buyer_locale = header[10:13]
    shipping_fee, shipping_tax, fees, policy, total, refunded = header[13:19]
    taken_off, is_paid, collect_on_delivery, event_sequence = header[19:]
    items, packages = _contents(contents)
    return Order(
        id=order_id,
        number=number,
        status=status,
        version=version,
        currency=currency,
        prices_include_tax=prices_include_tax,
        placed_at=placed_at,
        paid_at=paid_at,
        ship_by=ship_by,
        updated_at=updated_at,
        buyer=Buyer(buyer_name, buyer_email, buyer_locale),
        items=items,
        packages=packages,
        shipping_fee=shipping_fee,
        shipping_tax=shipping_tax,
        fees=fees_of(fees),
        shipping_refund_policy=policy,
        total=total,
        refunded=refunded,
        taken_off=taken_off,
        is_paid=is_paid,
        collect_on_delivery=collect_on_delivery,
        event_sequence=event_sequence,
        feed_number=contents[0][21],
    )


def _contents(rows: Sequence[Row]) -> tuple[tuple[OrderItem, ...], tuple[Package, ...]]:
    """An order's items and packages, from its package items joined with both, sorted by item."""
    items: dict[int, Row] = {}
    packages: dict[int, Row] = {}
    cancelled: defaultdict[int, int] = defaultdict(int)
    held: defaultdict[int, list[PackageItem]] = defaultdict(list)
    for row in rows:
        item, quantity, gone = row[1:4]
        package = row[15]
        packages[package] = row
        if item is None:
            continue
        items[item] = row
        cancelled[item] += gone
        held[package].append(PackageItem(item, quantity, gone))
    # Positional arguments: a page has hundreds of these, and keywords would double the time.
    found = [
        OrderItem(position, *row[4:11], cancelled[position], *row[11:15])  # type: ignore[call-arg]  # mypy cannot count starred arguments
        for position, row in items.items()
    ]
    parts = [
        Package(position, *row[16:21], tuple(held[position]))  # type: ignore[call-arg]  # the same
        for position, row in packages.items()
    ]
    parts.sort(key=attrgetter("number"))
    return tuple(found), tuple(parts)
