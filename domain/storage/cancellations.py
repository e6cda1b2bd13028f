"""Reads and writes cancellations with their lines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.rules.order import Cancellation, Notification, Order, Pick, RefundBreakdown, RefundLine
from domain.rules.vocabulary import NotificationStatus, PackageStatus
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Row, Statement, among, equal, insert, parameters
from domain.storage.orders import fees_of, find_order, lock_sequence, pairs_of
from domain.storage.outbox import MAIL_TOPIC
from domain.storage.tables import (
    cancellation_lines,
    cancellations,
    outbox,
    package_items,
    packages,
)

# The statement's cost grows with the square of this number, and databases limit parameters.
_PICKS_AT_ONCE = 500

_LINE = (
    cancellation_lines.c.item,
    cancellation_lines.c.package,
    cancellation_lines.c.quantity,
    cancellation_lines.c.subtotal,
    cancellation_lines.c.seller_discount,
    cancellation_lines.c.platform_discount,
    cancellation_lines.c.tax,
    cancellation_lines.c.total,
)
_HEAD = (*cancellations.c.keys(), "state", "attempts", "done_at", "last_error")


def _of_mail(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column of the e-mail, as a subquery: given a join, the planner may start with all e-mails of a new table."""
    here = [*equal(shop_id=outbox.c.shop_id, topic=outbox.c.topic), outbox.c.id == cancellations.c.id]
    return sa.select(column).where(*here).scalar_subquery()


def _selection(*conditions: sa.ColumnElement[bool]) -> Statement:
    """One row per line, each with its cancellation and e-mail; oldest first."""
    mail = (outbox.c.state, outbox.c.attempts, outbox.c.done_at, outbox.c.last_error)
    return Statement(
        sa.select(cancellations, *map(_of_mail, mail), *_LINE)
        .select_from(cancellations)
        .join(
            cancellation_lines,
            (cancellation_lines.c.shop_id == cancellations.c.shop_id)
            & (cancellation_lines.c.order_id == cancellations.c.order_id)
            & (cancellation_lines.c.cancellation_id == cancellations.c.id),
        )
        .where(*equal(shop_id=cancellations.c.shop_id), *conditions)
        .order_by(cancellations.c.created_at, cancellations.c.id, cancellation_lines.c.line)
    )


# The condition names both tables, so that the planner can start with either of them.
_BY_ID = _selection(among(cancellations.c.id, "ids"), among(cancellation_lines.c.cancellation_id, "ids"))
_BY_ORDER = _selection(among(cancellations.c.order_id, "ids"), among(cancellation_lines.c.order_id, "ids"))
_THIS = equal(shop_id=cancellations.c.shop_id, id=cancellations.c.id)
_ORDER_ID = Statement(sa.select(cancellations.c.order_id).where(*_THIS))
_SETTLE = Statement(
    sa.update(cancellations)
    .where(*_THIS)
    .values(parameters(cancellations.c.refund_status, cancellations.c.provider_reference))
)


async def find_cancellation(connection: Connection, shop_id: str, cancellation_id: UUID) -> Cancellation | None:
    return (await find_cancellations(connection, shop_id, [cancellation_id])).get(cancellation_id)


async def find_cancellations(
    connection: Connection, shop_id: str, cancellation_ids: Iterable[UUID]
) -> dict[UUID, Cancellation]:
    """The cancellations that the shop has, keyed by id."""
    found = await _BY_ID.rows(connection, shop_id=shop_id, topic=MAIL_TOPIC, ids=cancellation_ids)
    return {cancellation.id: cancellation for cancellation in _cancellations(found)}


async def find_order_id(connection: Connection, shop_id: str, cancellation_id: UUID) -> UUID | None:
    """The order that the cancellation belongs to; None if the shop does not have it."""
    found = await _ORDER_ID.rows(connection, shop_id=shop_id, id=cancellation_id)
    return found[0][0] if found else None


async def lock_cancellation(
    connection: Connection, shop_id: str, cancellation_id: UUID | None
) -> tuple[Order | None, Cancellation | None]:
    """Locks the cancellation's order until the transaction ends and takes its next event sequence.

    Returns both as they were before, or (None, None) if the shop has no such cancellation.
    """
    order_id = await find_order_id(connection, shop_id, cancellation_id) if cancellation_id else None
    if order_id is None or cancellation_id is None:
        return None, None
    await lock_sequence(connection, shop_id, order_id)
    order = await find_order(connection, shop_id, order_id)
    before = order and replace(order, event_sequence=order.event_sequence - 1)
    return before, await find_cancellation(connection, shop_id, cancellation_id)


async def store_settlement(connection: Connection, shop_id: str, cancellation: Cancellation) -> None:
    """Stores the refund's status; the order must be locked."""
    await _SETTLE.rows(
        connection,
        shop_id=shop_id,
        id=cancellation.id,
        refund_status=cancellation.refund_status,
        provider_reference=cancellation.provider_reference,
    )


async def list_by_order(
    connection: Connection, shop_id: str, order_ids: Sequence[UUID]
) -> dict[UUID, tuple[Cancellation, ...]]:
    """The cancellations of each of these orders, oldest first."""
    found: defaultdict[UUID, list[Cancellation]] = defaultdict(list)
    rows = await _BY_ORDER.rows(connection, shop_id=shop_id, topic=MAIL_TOPIC, ids=order_ids)
    for cancellation in _cancellations(rows):
        found[cancellation.order_id].append(cancellation)
    return {order_id: tuple(found[order_id]) for order_id in order_ids}


def _cancellations(rows: Iterable[Row]) -> list[Cancellation]:
    """Cancellations from rows with one line each, in the order of the rows."""
    lines: defaultdict[UUID, list[RefundLine]] = defaultdict(list)
    heads: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        head = dict(zip(_HEAD, row, strict=False))
        heads[head["id"]] = head
        lines[head["id"]].append(RefundLine(*row[-len(_LINE) :]))
    return [_cancellation(head, tuple(lines[head["id"]])) for head in heads.values()]


def _cancellation(row: Mapping[str, Any], lines: tuple[RefundLine, ...]) -> Cancellation:
    return Cancellation(
        id=row["id"],
        order_id=row["order_id"],
        scope=row["scope"],
        reason=row["reason"],
        note=row["note"],
        package=row["package"],
        breakdown=RefundBreakdown(
            items_subtotal=row["items_subtotal"],
            seller_discount=row["seller_discount"],
            platform_discount=row["platform_discount"],
            item_tax=row["item_tax"],
            shipping_fee=row["shipping_fee"],
            shipping_tax=row["shipping_tax"],
            fees=fees_of(row["fees"]),
            total=row["total"],
            lines=lines,
        ),
        refund_status=row["refund_status"],
        notification=_notification(row),
        actor=row["actor"],
        idempotency_key=row["idempotency_key"],
        created_at=row["created_at"],
        provider_reference=row["provider_reference"],
    )


def _notification(row: Mapping[str, Any]) -> Notification:
    """A cancellation that an import made has no e-mail."""
    if row["state"] is None:
        return Notification(NotificationStatus.NOT_NEEDED)
    return Notification(
        status=row["state"],
        attempts=row["attempts"],
        sent_at=row["done_at"] if row["state"] is NotificationStatus.SENT else None,
        last_error=row["last_error"],
    )


async def cancel_units(connection: Connection, shop_id: str, order_id: UUID, picks: Sequence[Pick]) -> None:
    """Marks units as cancelled. The order must be locked; a CHECK refuses more units than there are."""
    for start in range(0, len(picks), _PICKS_AT_ONCE):
        await _cancel_some_units(connection, shop_id, order_id, picks[start : start + _PICKS_AT_ONCE])


async def _cancel_some_units(connection: Connection, shop_id: str, order_id: UUID, picks: Sequence[Pick]) -> None:
    values = {"shop_id": shop_id, "order_id": order_id}
    values |= {f"item_{number}": pick.item for number, pick in enumerate(picks)}
    values |= {f"package_{number}": pick.package for number, pick in enumerate(picks)}
    values |= {f"quantity_{number}": pick.quantity for number, pick in enumerate(picks)}
    changed = await _cancelling(len(picks)).rows(connection, **values)
    if len(changed) != len(picks):
        raise AssertionError(f"expected {len(picks)} package items to change, found {len(changed)}")


@lru_cache(maxsize=50)
def _cancelling(count: int) -> Statement:
    """The statement that marks the units of this many picks."""
    picks = [
        (
            (package_items.c.item == sa.bindparam(f"item_{number}", type_=sa.Integer))
            & (package_items.c.package == sa.bindparam(f"package_{number}", type_=sa.Integer)),
            sa.bindparam(f"quantity_{number}", type_=sa.Integer),
        )
        for number in range(count)
    ]
    here = equal(shop_id=package_items.c.shop_id, order_id=package_items.c.order_id)
    return Statement(
        sa.update(package_items)
        .where(*here, sa.or_(*(place for place, _ in picks)))
        .values(cancelled_quantity=package_items.c.cancelled_quantity + sa.case(*picks))
        .returning(package_items.c.item)
    )


_END = Statement(
    sa.update(packages)
    .where(*equal(shop_id=packages.c.shop_id, order_id=packages.c.order_id), among(packages.c.position, "positions"))
    .values(status=sa.bindparam("ended", type_=packages.c.status.type))
)


async def end_packages(connection: Connection, shop_id: str, order_id: UUID, positions: Sequence[int]) -> None:
    """Makes packages without a live unit CANCELLED."""
    ended = PackageStatus.CANCELLED
    await _END.rows(connection, shop_id=shop_id, order_id=order_id, positions=positions, ended=ended)


async def insert_cancellation(
    connection: Connection, shop_id: str, cancellation: Cancellation, *, prices_include_tax: bool
) -> None:
    await insert_cancellations(connection, shop_id, [(cancellation, prices_include_tax)])


async def insert_cancellations(connection: Connection, shop_id: str, made: Sequence[tuple[Cancellation, bool]]) -> None:
    """Inserts cancellations, each with whether the prices of its order include tax."""
    rows = [_row(shop_id, cancellation, prices_include_tax=is_included) for cancellation, is_included in made]
    await insert(connection, cancellations, rows)
    lines = [
        {
            "shop_id": shop_id,
            "order_id": cancellation.order_id,
            "cancellation_id": cancellation.id,
            "line": number,
            **asdict(line),
        }
        for cancellation, _ in made
        for number, line in enumerate(cancellation.breakdown.lines, 1)
    ]
    await insert(connection, cancellation_lines, lines)


def _row(shop_id: str, cancellation: Cancellation, *, prices_include_tax: bool) -> dict[str, Any]:
    breakdown = cancellation.breakdown
    return {
        "shop_id": shop_id,
        "order_id": cancellation.order_id,
        "id": cancellation.id,
        "scope": cancellation.scope,
        "reason": cancellation.reason,
        "note": cancellation.note,
        "package": cancellation.package,
        "prices_include_tax": prices_include_tax,
        "items_subtotal": breakdown.items_subtotal,
        "seller_discount": breakdown.seller_discount,
        "platform_discount": breakdown.platform_discount,
        "item_tax": breakdown.item_tax,
        "shipping_fee": breakdown.shipping_fee,
        "shipping_tax": breakdown.shipping_tax,
        "fees": pairs_of(breakdown.fees),
        "fees_total": sum(fee.amount for fee in breakdown.fees),
        "total": breakdown.total,
        "refund_status": cancellation.refund_status,
        "provider_reference": cancellation.provider_reference,
        "actor": cancellation.actor,
        "idempotency_key": cancellation.idempotency_key,
        "created_at": cancellation.created_at,
    }
