"""The use cases of packages that move (specification, section 7)."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import events, ids
from domain.database import BusyError, Database
from domain.events import NewEvent
from domain.order import EventType, FulfillmentErrorCode, Order, Package, PackageStatus, Shop, value
from domain.queries import orders
from domain.selection import find_package
from domain.status import can_move_package, order_status


@value
class PackageMove:
    """The status a package is to have; a carrier or tracking number that is None is left as it is."""

    package_id: str
    status: PackageStatus
    carrier: str | None = None
    tracking_number: str | None = None


@value
class MoveOutcome:
    """The order and the package as they are now, None when there is none; `refusal` when nothing was done."""

    order: Order | None = None
    package: Package | None = None
    refusal: FulfillmentErrorCode | None = None


async def update_package_status(
    database: Database, shop: Shop, move: PackageMove, *, actor: str, now: datetime
) -> MoveOutcome:
    """Moves one package along; refuses with NOT_FOUND, TRANSITION_NOT_ALLOWED or TRY_AGAIN."""

    async def work(connection: AsyncConnection) -> MoveOutcome:
        ref = ids.parse(move.package_id)
        order = await orders.lock_order(connection, shop.id, ref.uuid) if ref and ref.kind == "package" else None
        package = find_package(order, move.package_id) if order else None
        if order is None or package is None:
            await connection.rollback()
            return MoveOutcome(refusal=FulfillmentErrorCode.NOT_FOUND)
        moved = replace(
            package,
            status=move.status,
            carrier=package.carrier if move.carrier is None else move.carrier,
            tracking_number=package.tracking_number if move.tracking_number is None else move.tracking_number,
        )
        if moved == package:
            await connection.rollback()
            return MoveOutcome(order, package)
        if move.status is not package.status and not can_move_package(order, package, move.status):
            await connection.rollback()
            return MoveOutcome(order, package, FulfillmentErrorCode.TRANSITION_NOT_ALLOWED)
        return await _store(connection, shop, order, moved, actor=actor, now=now)

    try:
        return await database.writing(work)
    except BusyError:
        return MoveOutcome(refusal=FulfillmentErrorCode.TRY_AGAIN)


async def _store(
    connection: AsyncConnection, shop: Shop, order: Order, moved: Package, *, actor: str, now: datetime
) -> MoveOutcome:
    """Writes the package, the status that the order has with it, and what changed into the log."""
    packages = tuple(moved if package.position == moved.position else package for package in order.packages)
    status = order_status(order.status, packages)
    written = _events(order, moved, replace(order, status=status))
    after = replace(
        order,
        status=status,
        version=order.version + 1,
        updated_at=now,
        packages=packages,
        event_sequence=order.event_sequence + len(written),
    )
    await orders.store_package(connection, shop.id, order.id, moved)
    await orders.store_order(connection, shop.id, after)
    if written:
        number = await events.append(connection, shop.id, written, actor=actor, now=now)
        after = replace(after, feed_number=number)
    return MoveOutcome(after, moved)


def _events(order: Order, moved: Package, after: Order) -> list[NewEvent]:
    before = next(package for package in order.packages if package.position == moved.position)
    written = []
    if moved.status is not before.status:
        written.append(
            NewEvent(
                order.id,
                order.event_sequence + 1,
                EventType.PACKAGE_STATUS_CHANGED,
                package=moved.position,
                before=before.status.name,
                after=moved.status.name,
            )
        )
    if after.status is not order.status:
        written.append(
            NewEvent(
                order.id,
                order.event_sequence + 2,
                EventType.ORDER_STATUS_CHANGED,
                before=order.status.name,
                after=after.status.name,
            )
        )
    return written
