"""Imports orders from a call or a file."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.intake import formats
from domain.intake.check import normalise
from domain.intake.file import FileOrder, UnreadableFileError, read_orders
from domain.once import look_up
from domain.rules import refunds
from domain.rules.new_order import NewOrder, content_hash
from domain.rules.order import ImportNote, Shop, value
from domain.rules.order_input import Incoming, OrderInput
from domain.rules.outcomes import FulfillmentProblem, busy, misfit
from domain.rules.vocabulary import EventType, FulfillmentErrorCode, ImportOutcome
from domain.storage import events, new_orders
from domain.storage.engine.backend import Connection, backend_of
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import BusyError, UnknownOutcomeError
from domain.storage.events import NewEvent
from domain.storage.new_orders import Arrival, KnownOrder

# Large enough to save round trips, small enough to hold the lock on the shop's event counter only briefly.
_BATCH_ORDERS = 500
_BATCH_BYTES = 4 * 2**20
# PostgreSQL stores batches in parallel while the next one is read and checked.
_MOST_IN_FLIGHT = 3
# Checking yields to the event loop after this many entries.
_ENTRIES_BETWEEN_YIELDS = 200
_ENTRIES_PER_ORDER = 20  # the fixed cost of an order without items and packages


_Result = Arrival | tuple[FulfillmentProblem, ...]


@value
class ImportResult:
    """The outcome for one order; `order_id` is None if it was rejected."""

    number: str
    outcome: ImportOutcome
    order_id: UUID | None
    problems: tuple[FulfillmentProblem, ...] = ()
    notes: tuple[ImportNote, ...] = ()


@value
class ImportedBatch:
    """Results for the next orders in a file, and the number of bytes read so far."""

    results: tuple[ImportResult, ...]
    bytes_read: int


async def import_orders(
    database: Database, shop: Shop, inputs: Iterable[OrderInput], *, actor: str, now: datetime
) -> list[ImportResult]:
    """Stores every valid order in one transaction; results are in input order.

    An order with a known number is UNCHANGED if its content equals what was imported, even if the stored order has
    changed since, and NUMBER_TAKEN otherwise. The second of two orders with one number is treated like one in a second
    call (docs/rules.md, "Orders that come in"). If the database is too busy, every valid order is refused with
    TRY_AGAIN. Raises UnknownOutcomeError if the orders may have been stored.
    """
    checked, entries = [], 0
    for order in inputs:
        checked.append(_Checked(order.number, _check(shop, Incoming(order))))
        entries += _entries(order)
        if entries >= _ENTRIES_BETWEEN_YIELDS:
            await asyncio.sleep(0)
            entries = 0
    try:
        return await _import(database, shop.id, checked, actor=actor, now=now)
    except BusyError:
        refusal = (busy(FulfillmentErrorCode.TRY_AGAIN),)
        results = (refusal if isinstance(order.result, Arrival) else order.result for order in checked)
        return [_result(_Checked(order.name, result), {}) for order, result in zip(checked, results, strict=True)]


async def import_file(  # noqa: PLR0913 - each is a choice of the importer
    database: Database,
    shop: Shop,
    path: Path,
    *,
    actor: str,
    clock: Callable[[], datetime],
    stop: asyncio.Event | None = None,
    is_dry_run: bool = False,
) -> AsyncGenerator[ImportedBatch]:
    """Imports a file of any size in batches, each stamped with its own time; yields results in file order.

    Raises UnreadableFileError once everything before the unreadable part has been imported and yielded. After BusyError
    or UnavailableError, later batches may be stored but not yielded; the import can be repeated. An order without a
    readable number is named by its place in the file, such as "line 17". Once `stop` is set, only batches in flight
    are stored; it is set at the end. A dry run stores each batch and rolls it back: the results are the same, but their
    ids belong to no order.
    """
    stop = stop or asyncio.Event()
    batches = _read_in_thread(_batches(shop, read_orders(path, is_stopped=stop.is_set)))
    most = 1 if database.has_single_writer else _MOST_IN_FLIGHT
    with closing(_Rehearsal()) if is_dry_run else nullcontext() as rehearsal:

        async def store(batch: _Batch) -> ImportedBatch:
            results = await _import(database, shop.id, batch.orders, actor=actor, now=clock(), rehearsal=rehearsal)
            return ImportedBatch(tuple(results), batch.bytes_read)

        async with aclosing(_store_all(batches, store, most=most, stop=stop)) as imported:
            async for batch in imported:
                yield batch


@value
class _Checked:
    """An order that is ready to be stored, or its problems."""

    name: str
    result: _Result


@value
class _Batch:
    orders: tuple[_Checked, ...]
    bytes_read: int


async def _store_all(
    batches: AsyncGenerator[_Batch],
    store: Callable[[_Batch], Coroutine[Any, Any, ImportedBatch]],
    *,
    most: int,
    stop: asyncio.Event,
) -> AsyncGenerator[ImportedBatch]:
    """Keeps up to `most` batches in flight and yields their results in order."""
    in_flight = deque[tuple[set[str], asyncio.Task[ImportedBatch]]]()
    unreadable: UnreadableFileError | None = None
    try:
        try:
            async for batch in batches:
                numbers = {arrival.order.number for arrival in _arrivals(batch.orders)}
                # The first of two orders with one number must be stored first.
                while len(in_flight) == most or not all(numbers.isdisjoint(others) for others, _ in in_flight):
                    yield await in_flight.popleft()[1]
                if stop.is_set():  # the reader may have stopped in the middle of an order
                    break
                in_flight.append((numbers, asyncio.create_task(store(batch))))
        except UnreadableFileError as error:
            unreadable = error
        while in_flight:
            yield await in_flight.popleft()[1]
        if unreadable and not stop.is_set():
            raise unreadable
    finally:
        stop.set()  # for the reader, which may be waiting for a pipe
        await asyncio.gather(*(task for _, task in in_flight), return_exceptions=True)
        await batches.aclose()


def _check(shop: Shop, content: Incoming | tuple[FulfillmentProblem, ...]) -> _Result:
    order = normalise(content) if isinstance(content, Incoming) else content
    if not isinstance(order, NewOrder):
        return order
    policy = shop.shipping_refund_policy
    cancelled = refunds.due(order, policy)
    refunded = cancelled if order.is_paid and not order.collect_on_delivery else 0
    return Arrival(uuid7(), order, content_hash(order), policy, refunded=refunded, taken_off=cancelled - refunded)


def _batches(shop: Shop, orders: Iterable[FileOrder]) -> Iterator[_Batch]:
    checked: list[_Checked] = []
    start = end = 0
    try:
        for order in orders:
            number, content = formats.read(order.part)
            checked.append(_Checked(number or order.place, _check(shop, content)))
            end = order.bytes_read
            if len(checked) == _BATCH_ORDERS or end - start >= _BATCH_BYTES:
                yield _Batch(tuple(checked), end)
                checked, start = [], end
    except UnreadableFileError:
        if checked:
            yield _Batch(tuple(checked), end)
        raise
    if checked:
        yield _Batch(tuple(checked), end)


async def _read_in_thread(batches: Iterator[_Batch]) -> AsyncGenerator[_Batch]:
    """The same batches, read and checked in a thread: slow checks and empty pipes do not block transactions."""
    reading: asyncio.Future[_Batch | None] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(next, batches, None))
            batch = await asyncio.shield(reading)
            if batch is None:
                return
            yield batch
    finally:
        if reading:  # a thread cannot be cancelled
            await asyncio.gather(reading, return_exceptions=True)


def _entries(order: OrderInput) -> int:
    """The cost of checking an order: the order itself, its items, its packages and their items."""
    packed = sum(1 + len(package.items) for package in order.packages or ())
    return _ENTRIES_PER_ORDER + len(order.items) + packed


def _arrivals(checked: Sequence[_Checked]) -> list[Arrival]:
    return [order.result for order in checked if isinstance(order.result, Arrival)]


class _Rehearsal:
    """The orders a dry run would have stored so far; on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._orders = sqlite3.connect("", isolation_level=None)  # a private temporary file
        self._orders.execute("CREATE TABLE orders (number PRIMARY KEY, id, content_hash) WITHOUT ROWID")

    def with_earlier(self, stored: dict[str, KnownOrder]) -> dict[str, KnownOrder]:
        """Adds the orders and returns, for each number, the first one added."""
        for number, known in stored.items():
            row = (number, known.id.bytes, known.content_hash)
            self._orders.execute("INSERT OR IGNORE INTO orders VALUES (?, ?, ?)", row)
        find = "SELECT id, content_hash FROM orders WHERE number = ?"
        found = ((number, self._orders.execute(find, (number,)).fetchone()) for number in stored)
        return {number: KnownOrder(UUID(bytes=order_id), content_hash) for number, (order_id, content_hash) in found}

    def close(self) -> None:
        self._orders.close()


async def _import(
    database: Database,
    shop_id: str,
    checked: Sequence[_Checked],
    *,
    actor: str,
    now: datetime,
    rehearsal: _Rehearsal | None = None,
) -> list[ImportResult]:
    arrivals = _arrivals(checked)

    async def store(connection: Connection) -> dict[str, KnownOrder]:
        stored = await _store(connection, shop_id, arrivals, actor=actor, now=now)
        if rehearsal:
            await roll_back(connection)
        return stored

    try:
        stored = await database.writing(shop_id, store) if arrivals else {}
    except UnknownOutcomeError as unknown:

        async def find(connection: Connection) -> dict[str, KnownOrder] | None:
            known = await new_orders.list_known(connection, shop_id, [arrival.order.number for arrival in arrivals])
            # A transaction stores all of its new orders or none.
            is_done = not {each.id for each in known.values()}.isdisjoint(arrival.id for arrival in arrivals)
            return known if is_done else None

        stored = await look_up(database, shop_id, unknown, find)
    if rehearsal:
        stored = rehearsal.with_earlier(stored)
    return [_result(order, stored) for order in checked]


async def _store(
    connection: Connection, shop_id: str, arrivals: Sequence[Arrival], *, actor: str, now: datetime
) -> dict[str, KnownOrder]:
    """Stores the orders whose numbers are free; returns the stored order for each number."""
    held = sum(len(package.items) for arrival in arrivals for package in arrival.order.packages)
    await backend_of(connection).expect_rows(connection, held, of_one_order=False)
    inserted = await new_orders.insert_orders(connection, shop_id, arrivals, now=now)
    new = [arrival for arrival in arrivals if arrival.id in inserted]
    known = [arrival.order.number for arrival in arrivals if arrival.id not in inserted]
    stored = {arrival.order.number: KnownOrder(arrival.id, arrival.content_hash) for arrival in new}
    if known:
        stored |= await new_orders.list_known(connection, shop_id, known)
    if new:
        await new_orders.insert_contents(connection, shop_id, new)
        arrived = [NewEvent(arrival.id, 1, EventType.ORDER_IMPORTED) for arrival in new]
        await events.append(connection, shop_id, arrived, actor=actor, now=now)
    return stored


def _result(order: _Checked, stored: Mapping[str, KnownOrder]) -> ImportResult:
    arrival = order.result
    if not isinstance(arrival, Arrival):
        return ImportResult(order.name, ImportOutcome.REJECTED, None, arrival)
    known = stored[arrival.order.number]
    # Also if the order was already known because the transaction was retried after a lost commit answer.
    if known.id == arrival.id:
        return ImportResult(order.name, ImportOutcome.CREATED, known.id)
    if known.content_hash == arrival.content_hash:
        return ImportResult(order.name, ImportOutcome.UNCHANGED, known.id)
    taken = misfit(("number",), "belongs to another order of the shop", FulfillmentErrorCode.NUMBER_TAKEN)
    return ImportResult(order.name, ImportOutcome.REJECTED, None, (taken,))
