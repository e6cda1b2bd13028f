"""Orders that an import already knows: finds them, locks them, and stores what it changes about them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.rules.order import Order, Package, value
from domain.rules.updates.told import Told
from domain.rules.updates.update import Known
from domain.storage import told as told_json
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Row, Statement, among, equal, insert, update
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
_PACKAGE = (
    packages.c.number,
    packages.c.status,
    packages.c.carrier,
    packages.c.tracking_number,
    packages.c.is_numbered_here,
)
_IN_PACKAGE = equal(shop_id=package_items.c.shop_id, order_id=package_items.c.order_id, package=package_items.c.package)
_EMPTY = Statement(sa.delete(package_items).where(*_IN_PACKAGE, among(package_items.c.item, "items")))
_ORDER_KEYS = ("shop_id", "id")
_PACKAGE_KEYS = ("shop_id", "order_id", "position")
_ITEM_KEYS = ("shop_id", "order_id", "package", "item")


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


@value
class Change:
    """A locked order before and after an update, and what is kept of its input."""

    before: Order
    after: Order
    source: Source

    def packages(self) -> list[tuple[Package | None, Package]]:
        """Each package as it was, None if it is new, and as it is now."""
        known = {package.position: package for package in self.before.packages}
        return [(known.get(package.position), package) for package in self.after.packages]


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


async def keep_sources(connection: Connection, shop_id: str, sources: Mapping[UUID, Source]) -> None:
    """Stores what is kept of the last inputs, by the ids of their orders, which must be locked."""
    rows = [{"shop_id": shop_id, "id": order_id, **_source_row(source)} for order_id, source in sources.items()]
    await update(connection, orders, rows, keys=_ORDER_KEYS)


async def store_changes(connection: Connection, shop_id: str, changes: Sequence[Change]) -> None:
    """Stores what differs, and what is kept of the last inputs. The orders must be locked."""
    await _store_packages(connection, shop_id, changes)
    await _store_items(connection, shop_id, changes)
    rows = [
        {"shop_id": shop_id, "id": change.after.id, **_order_row(change.after), **_source_row(change.source)}
        for change in changes
    ]
    await update(connection, orders, rows, keys=_ORDER_KEYS)


async def _store_packages(connection: Connection, shop_id: str, changes: Sequence[Change]) -> None:
    """Numbers are unique: those that packages pass on to each other are given up first."""
    given_up, changed, added = [], [], []
    for change in changes:
        here, pairs = {"shop_id": shop_id, "order_id": change.after.id}, change.packages()
        taken = {new.number for old, new in pairs if old and old.number != new.number}
        for old, new in pairs:
            place = {**here, "position": new.position}
            if old is None:
                added.append({**place, **_package_row(new)})
            elif _package_row(old) != _package_row(new):
                changed.append({**place, **_package_row(new)})
                if old.number != new.number and old.number in taken:
                    # Nobody's number: those have no control characters.
                    given_up.append({**place, "number": f"\n{old.position}"})
    await update(connection, packages, given_up, keys=_PACKAGE_KEYS)
    await update(connection, packages, changed, keys=_PACKAGE_KEYS)
    await insert(connection, packages, added)


async def _store_items(connection: Connection, shop_id: str, changes: Sequence[Change]) -> None:
    changed, added = [], []
    for change in changes:
        for old, new in change.packages():
            place = {"shop_id": shop_id, "order_id": change.after.id, "package": new.position}
            known = {packed.item: packed for packed in old.items} if old else {}
            if gone := known.keys() - {packed.item for packed in new.items}:
                await _EMPTY.rows(connection, **place, items=gone)
            for packed in new.items:
                if packed.item not in known:
                    added.append({**place, **asdict(packed), "came_cancelled": 0})
                elif packed != known[packed.item]:
                    changed.append({**place, **asdict(packed)})
    await update(connection, package_items, changed, keys=_ITEM_KEYS)
    await insert(connection, package_items, added)


def _order_row(order: Order) -> dict[str, Any]:
    row = {column.name: getattr(order, column.name) for column in _CHANGED}
    return row | {f"buyer_{name}": part for name, part in asdict(order.buyer).items()}


def _package_row(package: Package) -> dict[str, Any]:
    return {column.name: getattr(package, column.name) for column in _PACKAGE}


def _source_row(source: Source) -> dict[str, Any]:
    return {
        "content_hash": source.content_hash,
        "source_hash": source.source_hash,
        "source_updated_at": source.updated_at,
        "told": source.told and told_json.to_json(source.told),
    }
