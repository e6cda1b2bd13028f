"""Imports orders from a call or a file."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, closing, nullcontext
from datetime import datetime
from pathlib import Path
from uuid import UUID

from domain import arriving
from domain.arriving import Importer, ImportResult, rejected
from domain.intake.file import UnreadableFileError, read_orders
from domain.parts import Checked, Part, check, checked_parts, parts_of
from domain.rehearsal import Rehearsal
from domain.rules.order import Shop, value
from domain.rules.order_input import Incoming, OrderInput
from domain.rules.outcomes import busy
from domain.rules.vocabulary import FulfillmentErrorCode, ImportOutcome
from domain.storage import known_orders
from domain.storage.engine.database import Database
from domain.storage.engine.faults import BusyError
from domain.storage.new_orders import Arrival
from domain.updating import TRUSTED, Lacking

# PostgreSQL stores batches in parallel while the next one is read and checked.
_MOST_IN_FLIGHT = 3
# Checking yields to the event loop after this many entries.
_ENTRIES_BETWEEN_YIELDS = 200
_ENTRIES_PER_ORDER = 20  # the fixed cost of an order without items and packages


@value
class ImportedBatch:
    """Results for the next orders in a file, and the number of bytes read so far."""

    results: tuple[ImportResult, ...]
    bytes_read: int


async def import_orders(
    database: Database,
    shop: Shop,
    inputs: Iterable[OrderInput],
    *,
    actor: str,
    now: datetime,
    lacking: Lacking = TRUSTED,
) -> list[ImportResult]:
    """Stores every valid order in one transaction; results are in input order.

    What has changed about a known order is taken over: UPDATED, or UNCHANGED if nothing has (docs/rules.md, "Orders
    that come again"). The second of two orders with one number is treated like one in a second call. An order that
    stays busy is refused with TRY_AGAIN. Raises UnknownOutcomeError if the orders may have been stored.
    """
    checked, entries = [], 0
    for order in inputs:
        checked.append(Checked(order.number, check(shop, Incoming(order))))
        entries += _entries(order)
        if entries >= _ENTRIES_BETWEEN_YIELDS:
            await asyncio.sleep(0)
            entries = 0
    importer, arrivals = Importer(shop.id, actor, lacking), _arrivals(checked)
    try:
        stored = await arriving.store(database, importer, arrivals, now=now)
    except BusyError:
        refusal = (busy(FulfillmentErrorCode.TRY_AGAIN),)
        stored = [rejected(arrival.order.number, refusal) for arrival in arrivals]
    return _results(checked, stored)


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

    An order whose last input was the same byte for byte is UNCHANGED, and not even parsed. Raises UnreadableFileError
    once everything before the unreadable part has been imported and yielded. After BusyError or UnavailableError, later
    batches may be stored but not yielded; the import can be repeated. An order without a readable number is named by
    its place in the file, such as "line 17". Once `stop` is set, only batches in flight are stored; it is set at the
    end. A dry run stores each batch and rolls it back: the results are the same, but their ids belong to no order.
    """
    stop = stop or asyncio.Event()
    importer = Importer(shop.id, actor, is_rehearsal=is_dry_run)
    with closing(Rehearsal()) if is_dry_run else nullcontext() as rehearsal:
        work = _FileImport(database, shop, importer, clock, rehearsal)
        parts = _in_thread(parts_of(read_orders(path, is_stopped=stop.is_set)))
        async with aclosing(work.batches(parts, stop)) as imported:
            async for batch in imported:
                yield batch


class _FileImport:
    """Stores batches, several at a time, and yields their results in file order."""

    def __init__(
        self,
        database: Database,
        shop: Shop,
        importer: Importer,
        clock: Callable[[], datetime],
        rehearsal: Rehearsal | None,
    ) -> None:
        self._database = database
        self._shop = shop
        self._importer = importer
        self._clock = clock
        self._rehearsal = rehearsal
        self._most = 1 if database.has_single_writer else _MOST_IN_FLIGHT
        self._in_flight = deque[tuple[set[str], asyncio.Task[ImportedBatch]]]()

    async def batches(
        self, parts: AsyncGenerator[Sequence[Part]], stop: asyncio.Event
    ) -> AsyncGenerator[ImportedBatch]:
        unreadable: UnreadableFileError | None = None
        try:
            try:
                async for some in parts:
                    checked = await self._checked(some)
                    numbers = {arrival.order.number for arrival in _arrivals(checked)}
                    # The first of two orders with one number must be stored first.
                    while self._is_full() or not numbers.isdisjoint(self._numbers()):
                        yield await self._in_flight.popleft()[1]
                    if stop.is_set():  # the reader may have stopped in the middle of an order
                        break
                    storing = self._store(checked, some[-1].bytes_read)
                    self._in_flight.append((numbers, asyncio.create_task(storing)))
            except UnreadableFileError as error:
                unreadable = error
            while self._in_flight:
                yield await self._in_flight.popleft()[1]
            if unreadable and not stop.is_set():
                raise unreadable
        finally:
            stop.set()  # for the reader, which may be waiting for a pipe
            await asyncio.gather(*(task for _, task in self._in_flight), return_exceptions=True)
            await parts.aclose()

    def _is_full(self) -> bool:
        return len(self._in_flight) == self._most

    def _numbers(self) -> set[str]:
        return {number for numbers, _ in self._in_flight for number in numbers}

    async def _checked(self, parts: Sequence[Part]) -> list[Checked]:
        """The orders, parsed unless they are known byte for byte and nothing before them is about to change them."""
        async with self._database.reading(self._shop.id) as connection:
            hashes = {part.source_hash for part in parts}
            known = await known_orders.find_by_source(connection, self._shop.id, hashes)
        pending = self._numbers()
        if self._rehearsal:
            pending |= self._rehearsal.seen([number for number, _ in known.values()])
        return await asyncio.to_thread(checked_parts, self._shop, parts, known, pending)

    async def _store(self, checked: Sequence[Checked], bytes_read: int) -> ImportedBatch:
        arrivals, now = _arrivals(checked), self._clock()
        if self._rehearsal is None:
            stored = await arriving.store(self._database, self._importer, arrivals, now=now)
        else:
            earlier = self._rehearsal.earlier(self._shop, [arrival.order.number for arrival in arrivals])
            stored = await arriving.store(self._database, self._importer, [*earlier, *arrivals], now=now)
            stored = stored[len(earlier) :]
            self._rehearsal.add(checked)
        return ImportedBatch(tuple(_results(checked, stored)), bytes_read)


async def _in_thread(parts: Iterator[Sequence[Part]]) -> AsyncGenerator[Sequence[Part]]:
    """The same parts, read in a thread: empty pipes do not block transactions."""
    reading: asyncio.Future[Sequence[Part] | None] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(next, parts, None))
            some = await asyncio.shield(reading)
            if some is None:
                return
            yield some
    finally:
        if reading:  # a thread cannot be cancelled
            await asyncio.gather(reading, return_exceptions=True)


def _entries(order: OrderInput) -> int:
    """The cost of checking an order: the order itself, its items, its packages and their items."""
    packed = sum(1 + len(package.items) for package in order.packages or ())
    return _ENTRIES_PER_ORDER + len(order.items) + packed


def _arrivals(checked: Sequence[Checked]) -> list[Arrival]:
    return [each.result for each in checked if isinstance(each.result, Arrival)]


def _results(checked: Sequence[Checked], stored: Sequence[ImportResult]) -> list[ImportResult]:
    """The results under the names of the orders; `stored` has those of the arrivals."""
    left, results = iter(stored), []
    for each in checked:
        match each.result:
            case Arrival():
                found = next(left)
                results.append(ImportResult(each.name, found.outcome, found.order_id, found.problems, found.notes))
            case UUID() as order_id:
                results.append(ImportResult(each.name, ImportOutcome.UNCHANGED, order_id))
            case problems:
                results.append(rejected(each.name, problems))
    return results
