"""What is true of the stored data whatever was done to it: every test on a database ends with it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain import tables
from domain.database import Database
from domain.order import Order, OrderStatus, PackageStatus, Shop
from domain.queries import orders
from domain.refunds import due
from domain.status import SET_ON_ORDER, derived

Rows = Sequence[sa.Row[Any]]
_ACTS = {"ITEMS_CANCELLED", "PACKAGE_STATUS_CHANGED", "PACKAGE_SPLIT", "ORDER_STATUS_CHANGED"}


async def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored, by table."""
    return {name: sorted(map(tuple, rows), key=repr) for name, rows in (await _rows(database)).items()}


async def assert_sound(database: Database) -> None:
    """Reads everything and checks it; what is wrong is named by shop and order."""
    rows = await _rows(database)
    for row in rows["shops"]:
        shop = Shop(row.id, row.name, row.shipping_refund_policy, row.cursor_key)
        mine = {name: [each for each in rows[name] if each.shop_id == shop.id] for name in rows if name != "shops"}
        assert [event.number for event in mine["order_events"]] == list(range(1, row.last_event + 1)), shop.id
        async with database.reading() as connection:
            found = await orders.find_orders(connection, shop.id, [each.id for each in mine["orders"]])
        assert len(found) == len(mine["orders"])
        by_order = {
            name: _by_order(mine[name]) for name in mine if name not in {"orders", "outbox", "idempotency_keys"}
        }
        for order_id, order in found.items():
            _check_order(shop, order, {name: each[order_id] for name, each in by_order.items()})
        _check_answers(mine)


async def _rows(database: Database) -> dict[str, Rows]:
    sequence = {"order_events": (tables.order_events.c.number,)}
    async with database.reading() as connection:
        return {
            table.name: (
                await connection.execute(
                    sa.select(table).order_by(*sequence.get(table.name, table.primary_key.columns))
                )
            ).all()
            for table in tables.metadata.sorted_tables
        }


def _by_order(rows: Rows) -> defaultdict[UUID, list[sa.Row[Any]]]:
    grouped: defaultdict[UUID, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row.order_id].append(row)
    return grouped


def _check_order(shop: Shop, order: Order, rows: Mapping[str, Rows]) -> None:
    where = f"{shop.id} {order.number}"
    _check_units(where, order, rows)
    _check_status(where, order)
    _check_money(where, shop, order, rows)
    _check_log(where, order, rows)


def _check_units(where: str, order: Order, rows: Mapping[str, Rows]) -> None:
    packed, gone, cancelled = Counter[int](), Counter[int](), Counter[int]()
    for row in rows["package_items"]:
        packed[row.item] += row.quantity
        gone[row.item] += row.cancelled_quantity
    for row in rows["cancellation_lines"]:
        cancelled[row.item] += row.quantity
    assert packed == Counter({row.position: row.quantity for row in rows["order_items"]}), where
    assert all(cancelled[item] <= gone[item] for item in packed), where
    assert [package.number for package in order.packages] == sorted(row.number for row in rows["packages"]), where


def _check_status(where: str, order: Order) -> None:
    for package in order.packages:
        assert package.is_live is (package.status is not PackageStatus.CANCELLED), f"{where} {package.number}"
    live = {package.status for package in order.packages if package.is_live}
    expected = derived(live) if live else OrderStatus.CANCELLED
    assert order.status is expected or (live and order.status in SET_ON_ORDER), where
    assert order.status is not OrderStatus.COMPLETED or live == {PackageStatus.DELIVERED}, where


def _check_money(where: str, shop: Shop, order: Order, rows: Mapping[str, Rows]) -> None:
    assert order.refunded == due(order, shop.shipping_refund_policy), where
    assert sum(row.total for row in rows["cancellations"]) <= order.refunded <= order.total, where
    for cancellation in rows["cancellations"]:
        lines = [line for line in rows["cancellation_lines"] if line.cancellation_id == cancellation.id]
        assert [line.line for line in lines] == list(range(1, len(lines) + 1)), where
        assert lines, where
        charges = cancellation.shipping_fee + cancellation.fees_total
        charges += 0 if order.prices_include_tax else cancellation.shipping_tax
        assert cancellation.total == sum(line.total for line in lines) + charges, where
        assert cancellation.items_subtotal == sum(line.subtotal for line in lines), where
        assert cancellation.seller_discount == sum(line.seller_discount for line in lines), where
        assert cancellation.platform_discount == sum(line.platform_discount for line in lines), where
        assert cancellation.item_tax == sum(line.tax for line in lines), where
        assert cancellation.fees_total == sum(amount for _, amount in cancellation.fees), where
        assert cancellation.prices_include_tax is order.prices_include_tax, where


def _check_log(where: str, order: Order, rows: Mapping[str, Rows]) -> None:
    events = rows["order_events"]
    assert [event.sequence for event in events] == list(range(1, order.event_sequence + 1)), where
    assert [event.type.name for event in events].index("ORDER_IMPORTED") == 0, where
    told = [event.cancellation_id for event in events if event.type.name == "ITEMS_CANCELLED"]
    assert sorted(told) == sorted(row.id for row in rows["cancellations"]), where
    acts = [event.occurred_at for event in events if event.type.name in _ACTS]
    assert acts == sorted(acts), where
    # A carrier that is stored alone raises the version without an event, and what the order's status follows with it.
    moves = [event for event in events if event.type.name == "PACKAGE_STATUS_CHANGED" and event.after != "CANCELLED"]
    splits = [event for event in events if event.type.name == "PACKAGE_SPLIT"]
    assert order.version >= 1 + len(told) + len(moves) + len(splits), where
    assert len({event.new_package for event in splits}) == len(splits), where
    assert order.version > 1 or not _ACTS & {event.type.name for event in events}, where
    _check_steps(where, [each for each in events if each.type.name == "ORDER_STATUS_CHANGED"], order.status.name)
    moved = [event for event in events if event.type.name == "PACKAGE_STATUS_CHANGED"]
    for package in order.packages:
        _check_steps(where, [each for each in moved if each.package == package.position], package.status.name)


def _check_steps(where: str, steps: Rows, end: str) -> None:
    """Each change of a status goes on where the one before it ended, and the last one ends at the present status."""
    assert all(step.before != step.after for step in steps), where
    assert [step.before for step in steps[1:]] == [step.after for step in steps[:-1]], where
    assert not steps or steps[-1].after == end, where


def _check_answers(rows: Mapping[str, Rows]) -> None:
    """Each cancellation has one e-mail and one key, and there are no others; the log tells what became of them."""
    made = {row.id: row.idempotency_key for row in rows["cancellations"]}
    assert sorted(row.id for row in rows["outbox"] if row.topic == "cancellation") == sorted(made)
    assert {row.cancellation_id: row.key for row in rows["idempotency_keys"]} == made
    assert len(rows["idempotency_keys"]) == len(made)
    mails = {row.id: row.state.name for row in rows["outbox"]}
    for row in rows["cancellations"]:
        events = [event for event in rows["order_events"] if event.cancellation_id == row.id]
        settled = [event for event in events if event.type.name == "REFUND_STATUS_CHANGED"]
        mailed = [event for event in events if event.type.name == "NOTIFICATION_STATUS_CHANGED"]
        _check_steps(row.idempotency_key, settled, row.refund_status.name)
        _check_steps(row.idempotency_key, mailed, mails[row.id])
        assert settled or row.refund_status.name == ("PENDING" if row.total else "NOT_NEEDED"), row.idempotency_key
