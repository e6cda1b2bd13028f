"""Stores orders that come in, together in one transaction: new ones, and what has changed about known ones."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from domain import updating
from domain.once import look_up
from domain.rules.order import ImportNote, value
from domain.rules.outcomes import FulfillmentProblem, busy
from domain.rules.updates.told import told
from domain.rules.updates.update import update
from domain.rules.vocabulary import EventType, FulfillmentErrorCode, ImportOutcome
from domain.storage import events, known_orders, new_orders
from domain.storage.engine.backend import Connection, backend_of
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import BusyError, UnknownOutcomeError
from domain.storage.events import NewEvent
from domain.storage.known_orders import KnownOrder, LockedOrder, Source
from domain.storage.new_orders import Arrival
from domain.updating import TRUSTED, Carried, Lacking

# Others wait for an order that is being brought up to date until the transaction ends.
_MOST_UPDATES = 100


@value
class ImportResult:
    """The outcome for one order; `order_id` is None if it was rejected."""

    number: str
    outcome: ImportOutcome
    order_id: UUID | None
    problems: tuple[FulfillmentProblem, ...] = ()
    notes: tuple[ImportNote, ...] = ()


@value
class Importer:
    """Who imports into which shop. A rehearsal stores everything, and rolls it back."""

    shop_id: str
    actor: str
    lacking: Lacking = TRUSTED
    is_rehearsal: bool = False


def rejected(number: str, problems: tuple[FulfillmentProblem, ...]) -> ImportResult:
    return ImportResult(number, ImportOutcome.REJECTED, None, problems)


async def store(
    database: Database, importer: Importer, arrivals: Sequence[Arrival], *, now: datetime
) -> list[ImportResult]:
    """Stores the orders in one transaction, or more if it has many known ones to bring up to date.

    Orders that others hold follow one by one, each in its own transaction. Of two with one number, the second is judged
    like one in a later call. One that stays held is refused with TRY_AGAIN. Raises BusyError if the first transaction
    has to wait too long, and UnknownOutcomeError if orders may have been stored.
    """
    results: dict[int, ImportResult] = {}
    busy_numbers = set[str]()
    left = list(range(len(arrivals)))
    while left:
        done = await _once(database, importer, [arrivals[index] for index in left], now=now)
        results |= {left[place]: result for place, result in done.results.items()}
        left = [index for index in left if index not in results]
        if done.is_full and done.results:
            continue
        held = left[:1] if done.is_full else left
        for index in held:
            results[index] = await _alone(database, importer, arrivals[: index + 1], busy_numbers, now=now)
        left = left[len(held) :]
    return [results[index] for index in range(len(arrivals))]


async def _alone(
    database: Database, importer: Importer, arrivals: Sequence[Arrival], busy_numbers: set[str], *, now: datetime
) -> ImportResult:
    """Stores the last arrival in a transaction that waits, unless one before it has waited for the same order in vain.

    A rehearsal repeats earlier ones, as it has rolled them back.
    """
    number = arrivals[-1].order.number
    some = [each for each in arrivals if each.order.number == number] if importer.is_rehearsal else arrivals[-1:]
    if number not in busy_numbers:
        try:
            return (await _once(database, importer, some, now=now, is_waiting=True)).results[len(some) - 1]
        except BusyError:
            busy_numbers.add(number)
    return rejected(number, (busy(FulfillmentErrorCode.TRY_AGAIN),))


async def _once(
    database: Database, importer: Importer, arrivals: Sequence[Arrival], *, now: datetime, is_waiting: bool = False
) -> "_Transaction":
    """Runs the transaction once, even if its commit's answer is lost: the log shows whether it was committed."""
    last: _Transaction | None = None

    async def work(connection: Connection) -> _Transaction:
        nonlocal last
        if last and await last.is_committed(connection):
            await roll_back(connection)
            return last
        # Our own last attempt may still be being committed, and is not to be left out like somebody else's.
        last = _Transaction(importer, now, is_waiting=is_waiting or last is not None)
        await last.store(connection, arrivals)
        if importer.is_rehearsal:
            await roll_back(connection)
        return last

    try:
        return await database.writing(importer.shop_id, work)
    except UnknownOutcomeError as unknown:

        async def find(connection: Connection) -> _Transaction | None:
            return last if last and await last.is_committed(connection) else None

        return await look_up(database, importer.shop_id, unknown, find)


class _Transaction:
    """Stores arrivals, and keeps the results by their index.

    Arrivals without a result concern known orders: others hold them, which a transaction that waits never finds, or
    enough have been brought up to date, and it `is_full`.
    """

    def __init__(self, importer: Importer, now: datetime, *, is_waiting: bool) -> None:
        self.results: dict[int, ImportResult] = {}
        self.is_full = False
        self._events: list[tuple[int, NewEvent, datetime]] = []
        self._importer = importer
        self._shop_id = importer.shop_id
        self._now = now
        self._is_waiting = is_waiting
        self._room = _MOST_UPDATES

    async def is_committed(self, connection: Connection) -> bool:
        """Whether the log has its first event; without any, it is safe to repeat."""
        if not self._events:
            return False
        _, event, at = self._events[0]
        return await events.is_written(connection, self._shop_id, event, actor=self._importer.actor, now=at)

    async def store(self, connection: Connection, arrivals: Sequence[Arrival]) -> None:
        held = sum(len(package.items) for arrival in arrivals for package in arrival.order.packages)
        await backend_of(connection).expect_rows(connection, held, of_one_order=False)
        left = set[str]()
        for turn in _turns(arrivals):
            some = {index: arrival for index, arrival in turn.items() if arrival.order.number not in left}
            await self._store_turn(connection, some)
            left |= {arrival.order.number for index, arrival in some.items() if index not in self.results}
        # Last, because it locks a row shared by the whole shop; in the order of the arrivals.
        self._events.sort(key=itemgetter(0))
        for at, group in groupby(self._events, key=itemgetter(2)):
            logged = [event for _, event, _ in group]
            await events.append(connection, self._shop_id, logged, actor=self._importer.actor, now=at)

    async def _store_turn(self, connection: Connection, arrivals: Mapping[int, Arrival]) -> None:
        """Stores arrivals with different numbers: the new ones, and then what the others change.

        Known ones are never tried to be inserted, as that would wait for whoever changes them.
        """
        numbers = {arrival.order.number for arrival in arrivals.values()}
        known = await known_orders.list_known(connection, self._shop_id, numbers)
        created = await self._create(connection, [each for each in arrivals.values() if each.order.number not in known])
        for index, arrival in arrivals.items():
            if arrival.id in created:
                self._events.append((index, NewEvent(arrival.id, 1, EventType.ORDER_IMPORTED), self._now))
                self._is(ImportOutcome.CREATED, index, arrival, arrival.id, arrival.notes)
        others = {index: arrival for index, arrival in arrivals.items() if arrival.id not in created}
        # Those that somebody else has just created.
        if missing := {arrival.order.number for arrival in others.values()} - known.keys():
            known |= await known_orders.list_known(connection, self._shop_id, missing)
        if others:
            await self._compare(connection, others, {index: known[each.order.number] for index, each in others.items()})

    async def _create(self, connection: Connection, arrivals: Sequence[Arrival]) -> set[UUID]:
        """Stores the arrivals whose numbers are free, and returns their ids."""
        if not arrivals:
            return set()
        inserted = await new_orders.insert_orders(connection, self._shop_id, arrivals, now=self._now)
        if new := [arrival for arrival in arrivals if arrival.id in inserted]:
            await new_orders.insert_contents(connection, self._shop_id, new)
        return inserted

    async def _compare(
        self, connection: Connection, arrivals: Mapping[int, Arrival], found: Mapping[int, KnownOrder]
    ) -> None:
        """Brings known orders up to date, if nobody else holds them."""
        new = [each.id for index, each in found.items() if _says_more(arrivals[index], each)]
        locked = await self._locked(connection, new)
        updates: list[Carried] = []
        sources: dict[UUID, Source] = {}
        for index, arrival in arrivals.items():
            order_id = found[index].id
            if order_id not in new:
                self._is(ImportOutcome.UNCHANGED, index, arrival, order_id)
            elif order_id in locked:
                decided = self._decide(index, arrival, locked[order_id])
                if isinstance(decided, Carried):
                    updates.append(decided)
                elif decided:
                    sources[order_id] = decided
        await known_orders.keep_sources(connection, self._shop_id, sources)
        if updates:
            await updating.carry_out(connection, self._shop_id, updates)

    async def _locked(self, connection: Connection, order_ids: Sequence[UUID]) -> dict[UUID, LockedOrder]:
        """Locks as many of these orders as there is still room for, leaving out those that others hold."""
        # What a rehearsal has stored is gone in the next transaction.
        room = len(order_ids) if self._importer.is_rehearsal else self._room
        some = order_ids[:room]
        self.is_full = self.is_full or len(some) < len(order_ids)
        self._room -= len(some)
        if not some:
            return {}
        return await known_orders.lock_known(connection, self._shop_id, some, is_waiting=self._is_waiting)

    def _decide(self, index: int, arrival: Arrival, locked: LockedOrder) -> Carried | Source | None:
        """Keeps the result; returns what is to be written."""
        order_id = locked.known.order.id
        if _is_same(arrival, locked.source):
            self._is(ImportOutcome.UNCHANGED, index, arrival, order_id)
            source = _kept(arrival, locked.source)
            return source if source != locked.source else None
        decided = update(locked.known, arrival.order)
        is_done = bool(decided.acts or decided.notes) and not decided.is_older
        problems = decided.problems or (updating.refusal(decided, self._importer.lacking) if is_done else ())
        source = Source(arrival.content_hash, arrival.source_hash, decided.source_updated_at, decided.told)
        if problems:
            self.results[index] = rejected(arrival.order.number, problems)
            return None
        if not is_done:
            self._is(ImportOutcome.UNCHANGED, index, arrival, order_id, decided.notes)
            return None if decided.is_older else source
        decided = replace(decided, notes=(*arrival.notes, *decided.notes))
        done = updating.carried(decided, source, actor=self._importer.actor, now=self._now)
        self._events += [(index, event, done.at) for event in done.events]
        self._is(ImportOutcome.UPDATED, index, arrival, order_id, decided.notes)
        return done

    def _is(
        self,
        outcome: ImportOutcome,
        index: int,
        arrival: Arrival,
        order_id: UUID,
        notes: tuple[ImportNote, ...] = (),
    ) -> None:
        self.results[index] = ImportResult(arrival.order.number, outcome, order_id, notes=notes)


def _turns(arrivals: Sequence[Arrival]) -> Iterator[dict[int, Arrival]]:
    """The arrivals by index: the first of each number, then the second of each, and so on."""
    seen = Counter[str]()
    turns: list[dict[int, Arrival]] = []
    for index, arrival in enumerate(arrivals):
        number = arrival.order.number
        if seen[number] == len(turns):
            turns.append({})
        turns[seen[number]][index] = arrival
        seen[number] += 1
    yield from turns


def _says_more(arrival: Arrival, known: KnownOrder) -> bool:
    """Whether there is anything to decide about the known order, or to keep of the arrival."""
    time = arrival.order.source_updated_at
    is_other_time = time is not None and time != known.source_updated_at
    is_other_source = arrival.source_hash is not None and arrival.source_hash != known.source_hash
    return arrival.content_hash != known.content_hash or is_other_time or is_other_source or known.is_untold


def _is_same(arrival: Arrival, source: Source) -> bool:
    """Whether the arrival tells what was told last, and not earlier."""
    time = arrival.order.source_updated_at
    is_older = time is not None and source.updated_at is not None and time < source.updated_at
    return arrival.content_hash == source.content_hash and not is_older


def _kept(arrival: Arrival, source: Source) -> Source:
    """What is kept of an arrival that tells the same as the last one; it is not older."""
    return Source(
        source.content_hash,
        arrival.source_hash or source.source_hash,
        arrival.order.source_updated_at or source.updated_at,
        source.told or told(arrival.order),
    )
