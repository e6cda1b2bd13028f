"""The use cases of packages that move (specification, section 7)."""

import unicodedata
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import events, ids
from domain.database import BusyError, Database
from domain.events import NewEvent
from domain.order import EventType, FulfillmentErrorCode, Order, Package, PackageStatus, Shop, value
from domain.order_check import LONGEST_NUMBER, LONGEST_TEXT
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
class Refusal:
    """One reason why nothing was done. `path` is in the schema's words and begins below the argument `input`."""

    code: FulfillmentErrorCode
    message: str
    path: tuple[str, ...] = ()


@value
class MoveOutcome:
    """The order and the package as they are now, None when there is none; with any refusal nothing was done."""

    order: Order | None = None
    package: Package | None = None
    refusals: tuple[Refusal, ...] = ()


async def update_package_status(
    database: Database, shop: Shop, move: PackageMove, *, actor: str, now: datetime
) -> MoveOutcome:
    """Moves one package along; refuses with NOT_FOUND or TRANSITION_NOT_ALLOWED, INVALID_VALUE, and TRY_AGAIN alone."""
    unfit = _unfit_texts(move)

    async def work(connection: AsyncConnection) -> MoveOutcome:
        ref = ids.parse(move.package_id)
        order = await orders.lock_order(connection, shop.id, ref.uuid) if ref and ref.kind == "package" else None
        package = find_package(order, move.package_id) if order else None
        if order is None or package is None:
            await connection.rollback()
            return MoveOutcome(refusals=(_not_found(), *unfit))
        moved = replace(
            package,
            status=move.status,
            carrier=_given(move.carrier, package.carrier),
            tracking_number=_given(move.tracking_number, package.tracking_number),
        )
        refusals = (*_wrong_way(order, package, move.status), *unfit)
        if refusals or moved == package:
            await connection.rollback()
            return MoveOutcome(order, package, refusals)
        return await _store(connection, shop, order, moved, actor=actor, now=now)

    try:
        return await database.writing(work)
    except BusyError:
        message = "The order is busy; try again in a moment."
        return MoveOutcome(refusals=(Refusal(FulfillmentErrorCode.TRY_AGAIN, message),))


def _given(text: str | None, present: str | None) -> str | None:
    """What is stored of a text: none for an empty one, and when none is given the present one."""
    return present if text is None else text or None


def _not_found() -> Refusal:
    return Refusal(FulfillmentErrorCode.NOT_FOUND, "The shop has no package with this id.", ("packageId",))


def _wrong_way(order: Order, package: Package, to: PackageStatus) -> list[Refusal]:
    if to is package.status or can_move_package(order, package, to):
        return []
    message = (
        f"A package that is {package.status.name} in an order that is {order.status.name} cannot become {to.name}."
    )
    return [Refusal(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("status",))]


def _unfit_texts(move: PackageMove) -> list[Refusal]:
    """Carrier and tracking number have the limits that they have in an import."""
    texts = (("carrier", move.carrier, LONGEST_TEXT), ("trackingNumber", move.tracking_number, LONGEST_NUMBER))
    refusals = []
    for name, text, longest in texts:
        if text and (len(text) > longest or any(unicodedata.category(character) in ("Cc", "Cs") for character in text)):
            message = f"{name} must have at most {longest} characters, and no control characters."
            refusals.append(Refusal(FulfillmentErrorCode.INVALID_VALUE, message, (name,)))
    return refusals


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
