"""The use case of orders that come in: by the call, and by the file (specification, section 7)."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.intake.check import normalise
from domain.intake.file import FileOrder, UnreadableFileError, read_orders
from domain.once import look_up
from domain.rules import refunds
from domain.rules.new_order import NewOrder, content_hash
from domain.rules.order import Shop, value
from domain.rules.order_input import OrderInput
from domain.rules.outcomes import FulfillmentProblem, busy, misfit
from domain.rules.vocabulary import EventType, FulfillmentErrorCode, ImportOutcome
from domain.storage import events, new_orders
from domain.storage.backend import Connection, backend_of
from domain.storage.database import Database, roll_back
from domain.storage.events import NewEvent
from domain.storage.faults import BusyError, UnknownOutcomeError
from domain.storage.new_orders import Arrival, KnownOrder

# Enough to make round trips cheap, and few enough to hold the shop's event counter for a moment only.
_BATCH_ORDERS = 500
_BATCH_BYTES = 4 * 2**20
# PostgreSQL stores batches beside each other, while the next one is read and judged.
_MOST_AT_ONCE = 3
# So much of orders is judged without a break, for others to have their turn, and the database's answers to be taken.
_ENTRIES_AT_A_STRETCH = 200
_ENTRIES_OF_AN_ORDER = 20  # what is judged of an order whatever it has


@value
class ImportResult:
    """What became of one order; `order_id` is that of the stored order, None where it was rejected."""

    number: str
    outcome: ImportOutcome
    order_id: UUID | None
    problems: tuple[FulfillmentProblem, ...] = ()


@value
class ImportedBatch:
    """The results of the next orders of a file, and how many of its bytes have been read up to here."""

    results: tuple[ImportResult, ...]
    bytes_read: int


async def import_orders(
    database: Database, shop: Shop, inputs: Iterable[OrderInput], *, actor: str, now: datetime
) -> list[ImportResult]:
    """Stores what can be stored, in one transaction; results in the order of the inputs.

    A known number is UNCHANGED when its content is the same, whatever happened to the order since, and NUMBER_TAKEN
    when it is not. A number that comes twice is judged as if its second order came in a second call. Where the database
    is too busy, all that could have been stored is refused with TRY_AGAIN; UnknownOutcomeError where it may be stored.
    """
    judged, at_a_stretch = [], 0
    for order in inputs:
        judged.append(_Judged(order.number, _judgement(shop, order)))
        at_a_stretch += _entries(order)
        if at_a_stretch >= _ENTRIES_AT_A_STRETCH:
            await asyncio.sleep(0)
            at_a_stretch = 0
    try:
        return await _import(database, shop.id, judged, actor=actor, now=now)
    except BusyError:
        return [_result(_Judged(order.name, _or_busy(order.judgement)), {}) for order in judged]


async def import_file(  # noqa: PLR0913 - each is a choice of whoever imports
    database: Database,
    shop: Shop,
    path: Path,
    *,
    actor: str,
    clock: Callable[[], datetime],
    stop: asyncio.Event | None = None,
    is_dry_run: bool = False,
) -> AsyncGenerator[ImportedBatch]:
    """Imports a file of any size in batches, each at its time, and yields the results in the order of the file.

    Raises UnreadableFileError; what came before the place where a file breaks off has been imported and yielded then.
    BusyError and UnavailableError may leave later batches stored that were not yielded; the import can be repeated.
    An order without a readable number goes by its place in the file, such as "line 17". Once `stop` is set, only the
    batches under way are stored; it is set at the end. In a dry run each batch is stored and rolled back: results are
    what they would be, and their ids those of no order.
    """
    stop = stop or asyncio.Event()
    batches = _read_aside(_batches(shop, read_orders(path, is_stopped=stop.is_set)))
    most = 1 if database.has_single_writer else _MOST_AT_ONCE
    under_way = deque[tuple[set[str], asyncio.Task[ImportedBatch]]]()
    unreadable: UnreadableFileError | None = None

    with closing(_Rehearsal()) if is_dry_run else nullcontext() as rehearsal:

        async def store(batch: _Batch) -> ImportedBatch:
            results = await _import(database, shop.id, batch.orders, actor=actor, now=clock(), rehearsal=rehearsal)
            return ImportedBatch(tuple(results), batch.bytes_read)

        try:
            try:
                async for batch in batches:
                    numbers = {arrival.order.number for arrival in _arrivals(batch.orders)}
                    # The first of two orders with one number is the one that is stored.
                    while len(under_way) == most or not all(numbers.isdisjoint(others) for others, _ in under_way):
                        yield await under_way.popleft()[1]
                    if stop.is_set():  # it may end where reading was stopped, in the middle of an order
                        break
                    under_way.append((numbers, asyncio.create_task(store(batch))))
            except UnreadableFileError as error:
                unreadable = error
            while under_way:
                yield await under_way.popleft()[1]
            if unreadable and not stop.is_set():
                raise unreadable
        finally:
            stop.set()  # for the reader, who may wait for a pipe
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
            await batches.aclose()


@value
class _Judged:
    """An order by its name, ready to be stored, or what is wrong with it."""

    name: str
    judgement: Arrival | tuple[FulfillmentProblem, ...]


@value
class _Batch:
    orders: tuple[_Judged, ...]
    bytes_read: int


def _judgement(
    shop: Shop, content: OrderInput | tuple[FulfillmentProblem, ...]
) -> Arrival | tuple[FulfillmentProblem, ...]:
    order = normalise(content) if isinstance(content, OrderInput) else content
    if not isinstance(order, NewOrder):
        return order
    policy = shop.shipping_refund_policy
    return Arrival(uuid7(), order, content_hash(order), policy, refunds.due(order, policy))


def _or_busy(
    judgement: Arrival | tuple[FulfillmentProblem, ...],
) -> tuple[FulfillmentProblem, ...]:
    return (busy(FulfillmentErrorCode.TRY_AGAIN),) if isinstance(judgement, Arrival) else judgement


def _batches(shop: Shop, orders: Iterable[FileOrder]) -> Iterator[_Batch]:
    judged: list[_Judged] = []
    start = end = 0
    try:
        for order in orders:
            judged.append(_Judged(order.name, _judgement(shop, order.content)))
            end = order.bytes_read
            if len(judged) == _BATCH_ORDERS or end - start >= _BATCH_BYTES:
                yield _Batch(tuple(judged), end)
                judged, start = [], end
    except UnreadableFileError:
        if judged:
            yield _Batch(tuple(judged), end)
        raise
    if judged:
        yield _Batch(tuple(judged), end)


async def _read_aside(batches: Iterator[_Batch]) -> AsyncGenerator[_Batch]:
    """The same, read and judged in a thread: transactions go on while there is much to judge, or a pipe is empty."""
    reading: asyncio.Future[_Batch | None] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(next, batches, None))
            batch = await asyncio.shield(reading)
            if batch is None:
                return
            yield batch
    finally:
        if reading:  # its thread goes on, whoever waits for it
            await asyncio.gather(reading, return_exceptions=True)


def _entries(order: OrderInput) -> int:
    """How much there is to judge in an order: itself, its items, and what its packages hold."""
    packed = sum(1 + len(package.items) for package in order.packages or ())
    return _ENTRIES_OF_AN_ORDER + len(order.items) + packed


def _arrivals(judged: Sequence[_Judged]) -> list[Arrival]:
    return [order.judgement for order in judged if isinstance(order.judgement, Arrival)]


class _Rehearsal:
    """The orders that a dry run would have stored so far, on disk: memory does not grow with the file."""

    def __init__(self) -> None:
        self._orders = sqlite3.connect("", isolation_level=None)  # a file that nobody else sees, and nobody removes
        self._orders.execute("CREATE TABLE orders (number PRIMARY KEY, id, content_hash) WITHOUT ROWID")

    def with_earlier(self, stored: dict[str, KnownOrder]) -> dict[str, KnownOrder]:
        """The orders under these numbers, had those before them been stored; they are from now on."""
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
    judged: Sequence[_Judged],
    *,
    actor: str,
    now: datetime,
    rehearsal: _Rehearsal | None = None,
) -> list[ImportResult]:
    arrivals = _arrivals(judged)

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
            # All of them are there or none that came with this call.
            is_done = not {each.id for each in known.values()}.isdisjoint(arrival.id for arrival in arrivals)
            return known if is_done else None

        stored = await look_up(database, shop_id, unknown, find)
    if rehearsal:
        stored = rehearsal.with_earlier(stored)
    return [_result(order, stored) for order in judged]


async def _store(
    connection: Connection, shop_id: str, arrivals: Sequence[Arrival], *, actor: str, now: datetime
) -> dict[str, KnownOrder]:
    """The orders that the shop has under these numbers afterwards."""
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


def _result(order: _Judged, stored: Mapping[str, KnownOrder]) -> ImportResult:
    arrival = order.judgement
    if not isinstance(arrival, Arrival):
        return ImportResult(order.name, ImportOutcome.REJECTED, None, arrival)
    known = stored[arrival.order.number]
    # The transaction may have been run again after a commit whose answer was lost: then the order is known, and ours.
    if known.id == arrival.id:
        return ImportResult(order.name, ImportOutcome.CREATED, known.id)
    if known.content_hash == arrival.content_hash:
        return ImportResult(order.name, ImportOutcome.UNCHANGED, known.id)
    taken = misfit(("number",), "is that of another order of the shop", FulfillmentErrorCode.NUMBER_TAKEN)
    return ImportResult(order.name, ImportOutcome.REJECTED, None, (taken,))
