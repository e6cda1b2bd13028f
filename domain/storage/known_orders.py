"""Orders that an import already knows: finds them, locks them, and stores what it changes about them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.rules.order import Order, Package, value
from domain.rules.updates.told import Told
from domain.rules.updates.update import Known
from domain.storage import told as told_json
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Row, Statement, among, equal, insert, parameters
from domain.storage.orders import HEADER, with_contents
from domain.storage.tables import orders, package_items, packages

_HERE = equal(shop_id=orders.c.shop_id)
_BY_SOURCE = Statement(
    sa.select(orders.c.source_hash, orders.c.number, orders.c.id).where(*_HERE, among(orders.c.source_hash, "hashes"))
)
_BY_NUMBER = Statement(
    sa.select(orders.c.number, orders.c.id, orders.c.content_hash, orders.c.source_hash, orders.c.source_updated_at)
    .where(*_HERE, among(orders.c.number, "numbers"))
    .add_columns(orders.c.told.is_(None))
)
# No key of an order ever changes, and rows that refer to it may be inserted meanwhile.
_LOCKED = sa.select(orders.c.id).where(*_HERE, among(orders.c.id, "order_ids")).order_by(orders.c.id)
_LOCK = Statement(_LOCKED.with_for_update(key_share=True))
_LOCK_FREE = Statement(_LOCKED.with_for_update(key_share=True, skip_locked=True))
_SOURCE = (orders.c.content_hash, orders.c.source_hash, orders.c.source_updated_at, orders.c.told)
_READ = Statement(sa.select(*HEADER, *_SOURCE).where(*_HERE, among(orders.c.id, "order_ids")))
_THIS = equal(shop_id=orders.c.shop_id, order_id=orders.c.id)
_KEEP = Statement(sa.update(orders).where(*_THIS).values(parameters(*_SOURCE)))
_CHANGED = (
    orders.c.status,
    orders.c.version,
    orders.c.paid_at,
    orders.c.ship_by,
    orders.c.updated_at,
    orders.c.refunded,
    orders.c.taken_off,
    orders.c.is_paid,
    orders.c.collect_on_delivery,
    orders.c.event_sequence,
)
_BUYER = (orders.c.buyer_name, orders.c.buyer_email, orders.c.buyer_locale)
_STORE = Statement(sa.update(orders).where(*_THIS).values(parameters(*_CHANGED, *_BUYER, *_SOURCE)))
_PACKAGE = (
    packages.c.number,
    packages.c.status,
    packages.c.carrier,
    packages.c.tracking_number,
    packages.c.is_numbered_here,
)
_OF_PACKAGE = equal(shop_id=packages.c.shop_id, order_id=packages.c.order_id, position=packages.c.position)
_STORE_PACKAGE = Statement(sa.update(packages).where(*_OF_PACKAGE).values(parameters(*_PACKAGE)))
_FREE_NUMBER = Statement(sa.update(packages).where(*_OF_PACKAGE).values(parameters(packages.c.number)))
_IN_PACKAGE = equal(shop_id=package_items.c.shop_id, order_id=package_items.c.order_id, package=package_items.c.package)
_EMPTY = Statement(sa.delete(package_items).where(*_IN_PACKAGE, among(package_items.c.item, "items")))
_STORE_ITEM = Statement(
    sa.update(package_items)
    .where(*_IN_PACKAGE, *equal(item=package_items.c.item))
    .values(parameters(package_items.c.quantity, package_items.c.cancelled_quantity))
)


@value
class Source:
    """What is kept of an order's last input; `told` is None if it came in before that was kept.

    `source_hash` is None if it did not come from a file.
    """

    content_hash: bytes
    source_hash: bytes | None
    updated_at: datetime | None
    told: Told | None


@value
class KnownOrder:
    """A known order, as far as it takes to see whether an input says anything new."""

    id: UUID
    content_hash: bytes
    source_hash: bytes | None
    source_updated_at: datetime | None
    is_untold: bool


@value
class LockedOrder:
    """A known order, locked until the transaction ends."""

    known: Known
    source: Source


async def find_by_source(
    connection: Connection, shop_id: str, hashes: Collection[bytes]
) -> dict[bytes, tuple[str, UUID]]:
    """The number and id of each order whose last input had one of these hashes."""
    rows = await _BY_SOURCE.rows(connection, shop_id=shop_id, hashes=hashes)
    return {source_hash: (number, order_id) for source_hash, number, order_id in rows}


async def list_known(connection: Connection, shop_id: str, numbers: Collection[str]) -> dict[str, KnownOrder]:
    """The shop's orders with these numbers, keyed by number."""
    found = await _BY_NUMBER.rows(connection, shop_id=shop_id, numbers=numbers)
    return {number: KnownOrder(*known) for number, *known in found}


async def lock_known(
    connection: Connection, shop_id: str, order_ids: Collection[UUID], *, is_waiting: bool
) -> dict[UUID, LockedOrder]:
    """Locks these orders until the transaction ends, in the order of their ids.

    Without `is_waiting`, leaves out those that other transactions hold. Contents are read by later statements: after a
    wait, the first one would still see them as they were before it.
    """
    lock = _LOCK if is_waiting else _LOCK_FREE
    locked = [row[0] for row in await lock.rows(connection, shop_id=shop_id, order_ids=order_ids)]
    rows = await _READ.rows(connection, shop_id=shop_id, order_ids=locked)
    found = await with_contents(connection, shop_id, [row[: len(HEADER)] for row in rows])
    return {order.id: _locked(order, row) for order, row in zip(found, rows, strict=True)}


def _locked(order: Order, row: Row) -> LockedOrder:
    content_hash, source_hash, updated_at, content = row[len(HEADER) :]
    told = told_json.from_json(content) if content else None
    return LockedOrder(Known(order, told, updated_at), Source(content_hash, source_hash, updated_at, told))


async def keep_source(connection: Connection, shop_id: str, order_id: UUID, source: Source) -> None:
    """Stores what is kept of the last input, and nothing else. The order must be locked."""
    await _KEEP.rows(connection, shop_id=shop_id, order_id=order_id, **_source_values(source))


async def store_update(connection: Connection, shop_id: str, before: Order, after: Order, source: Source) -> None:
    """Stores what differs, and what is kept of the last input. The order must be locked."""
    await _store_packages(connection, shop_id, before, after)
    values = {column.name: getattr(after, column.name) for column in _CHANGED}
    buyer = {f"buyer_{name}": part for name, part in asdict(after.buyer).items()}
    await _STORE.rows(connection, shop_id=shop_id, order_id=after.id, **values, **buyer, **_source_values(source))


async def _store_packages(connection: Connection, shop_id: str, before: Order, after: Order) -> None:
    here, known = {"shop_id": shop_id, "order_id": after.id}, {package.position: package for package in before.packages}
    changed = [(known[each.position], each) for each in after.packages if each.position in known]
    await _store_heads(connection, here, [(old, new) for old, new in changed if _head(old) != _head(new)])
    added = [package for package in after.packages if package.position not in known]
    await insert(connection, packages, [{**here, "position": each.position, **_head(each)} for each in added])
    for package in added:
        await _fill(connection, here, package, replace(package, items=()))
    for old, new in changed:
        await _fill(connection, here, new, old)


async def _fill(connection: Connection, here: dict[str, Any], package: Package, before: Package) -> None:
    """Stores the units in a package, except those that it held before."""
    known, place = {packed.item: packed for packed in before.items}, {**here, "package": package.position}
    if gone := known.keys() - {packed.item for packed in package.items}:
        await _EMPTY.rows(connection, **place, items=gone)
    for packed in package.items:
        if packed.item in known and packed != known[packed.item]:
            await _STORE_ITEM.rows(connection, **place, **asdict(packed))
    added = [packed for packed in package.items if packed.item not in known]
    await insert(connection, package_items, [{**place, **asdict(packed), "came_cancelled": 0} for packed in added])


async def _store_heads(
    connection: Connection, here: dict[str, Any], changed: Sequence[tuple[Package, Package]]
) -> None:
    """Numbers are unique: those that packages pass on to each other are given up first."""
    taken = {new.number for old, new in changed if old.number != new.number}
    for old, new in changed:
        if old.number != new.number and old.number in taken:
            # Nobody's number: those have no control characters.
            await _FREE_NUMBER.rows(connection, **here, position=old.position, number=f"\n{old.position}")
    for _, package in changed:
        await _STORE_PACKAGE.rows(connection, **here, position=package.position, **_head(package))


def _head(package: Package) -> dict[str, Any]:
    return {column.name: getattr(package, column.name) for column in _PACKAGE}


def _source_values(source: Source) -> dict[str, Any]:
    return {
        "content_hash": source.content_hash,
        "source_hash": source.source_hash,
        "source_updated_at": source.updated_at,
        "told": source.told and told_json.to_json(source.told),
    }
