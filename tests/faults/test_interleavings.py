"""Two acts on one order end as if one had followed the other, in every interleaving of their transactions."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import pytest

from domain import ingestion
from domain.rules.order import Order, Shop
from domain.rules.vocabulary import CancellationReason, PackageStatus, RefundStatus
from domain.storage import cancellations, orders
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.faults.stepping import Merge, Stage, SteppedDatabase, merges
from tests.support.cancelling import (
    LATER,
    a_request,
    a_split_input,
    a_split_order,
    cancel,
    cancel_well,
    happened,
    package,
    units,
)
from tests.support.fulfilling import move, settle, split
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop, stored

Record = Callable[[str, object], None]
OrderAct = Callable[[Database, Shop, Order], Awaitable[object]]
# The number of an act's steps, with and without a step of its own for claiming the key; an import first looks whether
# it knows the order.
WITH_KEY, WITHOUT, IMPORT = 5, 4, 5


async def _cancels_dresses(quantity: int, key: str, database: Database, shop: Shop, order: Order) -> object:
    request = a_request(units(order, ("SKU-dress", quantity, "B")), f"{order.number}-{key}")
    return await cancel(database, shop, request)


async def _cancels_package(database: Database, shop: Shop, order: Order) -> object:
    request = a_request(package(order, "A"), f"{order.number}-package", CancellationReason.BUYER_REQUESTED)
    return await cancel(database, shop, request)


async def _moves(number: str, to: PackageStatus, database: Database, shop: Shop, order: Order) -> object:
    return await move(database, shop, order, number, to)


async def _splits(database: Database, shop: Shop, order: Order) -> object:
    return await split(database, shop, order, "B", ("SKU-dress", 1))


async def _settles(status: RefundStatus, database: Database, shop: Shop, order: Order) -> object:
    async with database.reading(EVERY_SHOP) as connection:
        [made] = (await cancellations.list_by_order(connection, shop.id, [order.id]))[order.id]
    return await settle(database, shop, made, status)


async def _hears(to: PackageStatus, database: Database, shop: Shop, order: Order) -> object:
    given = a_split_input(order.number, to)
    return await ingestion.import_orders(database, shop, [given], actor="import", now=LATER)


async def _an_order(database: Database, shop: Shop, number: str) -> Order:
    return await a_split_order(database, shop, number)


async def _a_cancelled_order(database: Database, shop: Shop, number: str) -> Order:
    order = await a_split_order(database, shop, number)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), number))
    return order


@dataclass
class Pair:
    """Two acts on an order with two packages, A and B; `steps` counts the steps of their transactions.

    If the acts are alike, a merge is the same as its mirror image.
    """

    acts: tuple[OrderAct, OrderAct]
    steps: tuple[int, int] = (WITHOUT, WITHOUT)
    are_alike: bool = False
    prepare: Callable[[Database, Shop, str], Awaitable[Order]] = field(default=_an_order)

    @property
    def merges(self) -> list[Merge]:
        return [merge for merge in merges(*self.steps) if not (self.are_alike and merge[0])]


CANCEL_AND_COLLECT = (partial(_cancels_dresses, 1, "key"), partial(_moves, "B", PackageStatus.AWAITING_COLLECTION))
PAIRS = {
    "units are cancelled while their package goes to collection": Pair(CANCEL_AND_COLLECT, (WITH_KEY, WITHOUT)),
    "two cancel the last units": Pair(
        (partial(_cancels_dresses, 2, "one"), partial(_cancels_dresses, 2, "two")), are_alike=True
    ),
    "two cancel with one key": Pair(
        (partial(_cancels_dresses, 1, "key"), partial(_cancels_dresses, 1, "key")), (WITH_KEY, WITH_KEY), are_alike=True
    ),
    "a package is cancelled while it goes in transit": Pair(
        (_cancels_package, partial(_moves, "A", PackageStatus.IN_TRANSIT))
    ),
    "units are cancelled while their package is split": Pair((partial(_cancels_dresses, 2, "key"), _splits)),
    "a refund is settled as succeeded and as failed": Pair(
        (partial(_settles, RefundStatus.SUCCEEDED), partial(_settles, RefundStatus.FAILED)), prepare=_a_cancelled_order
    ),
    "a package is split twice": Pair((_splits, _splits), are_alike=True),
    "units are cancelled while an import says that their package goes to collection": Pair(
        (partial(_cancels_dresses, 1, "key"), partial(_hears, PackageStatus.AWAITING_COLLECTION)), (WITHOUT, IMPORT)
    ),
    "two imports say that a package goes to collection": Pair(
        (partial(_hears, PackageStatus.AWAITING_COLLECTION), partial(_hears, PackageStatus.AWAITING_COLLECTION)),
        (IMPORT, IMPORT),
        are_alike=True,
    ),
}


@dataclass
class Result:
    """The answers of two acts and what is then stored of their order, without what differs between orders."""

    answers: str
    left: str
    story: list[str] = field(compare=False)
    forgotten: int = field(compare=False)

    @property
    def is_cancelled_after_collection(self) -> bool:
        collected, cancelled = "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT AWAITING_COLLECTION", "ITEMS_CANCELLED"
        return [each for each in self.story if each in {collected, cancelled}] == [collected, cancelled]


@dataclass
class Played:
    """The results of all merges of a pair, and of its acts one after the other."""

    serial: list[Result]
    merged: list[Result]
    waits: int

    @property
    def wrong(self) -> list[Result]:
        """The results that the acts cannot have one after the other."""
        return [each for each in self.merged if each not in self.serial]

    @property
    def cancelled_after_collection(self) -> int:
        return sum(each.is_cancelled_after_collection for each in self.merged)

    @property
    def refunds_forgotten(self) -> int:
        """In how many merges the order lacks money that a cancellation refunds."""
        return sum(each.forgotten != 0 for each in self.merged)


async def play(database: Database, url: str, pair: Pair) -> Played:
    """Plays all merges of the pair, each on a fresh order, and, for comparison, one act after the other."""
    stage = Stage([SteppedDatabase(url, steps) for steps in pair.steps], await asyncpg.connect(url))
    shop = await a_shop(database)
    serial, merged = await _serial(database, shop, pair), []
    for number, merge in enumerate(pair.merges):
        order = await pair.prepare(database, shop, f"merge-{number}")
        answers = await stage.play(merge, [partial(_done_to, act, shop, order) for act in pair.acts])
        merged.append(await _result(database, shop, order, answers))
    await stage.close()
    return Played(serial, merged, stage.waits)


async def _serial(database: Database, shop: Shop, pair: Pair) -> list[Result]:
    """The results of one act after the other, in both orders."""
    results = []
    for first in (0, 1):
        order = await pair.prepare(database, shop, f"serial-{first}")
        answers = {each: await pair.acts[each](database, shop, order) for each in (first, 1 - first)}
        results.append(await _result(database, shop, order, [answers[0], answers[1]]))
    return results


async def _done_to(act: OrderAct, shop: Shop, order: Order, database: Database) -> object:
    return await act(database, shop, order)


async def _result(database: Database, shop: Shop, order: Order, answers: list[object]) -> Result:
    async with database.reading(EVERY_SHOP) as connection:
        made = (await cancellations.list_by_order(connection, shop.id, [order.id]))[order.id]
    left, story = await stored(database, shop, order.number), await happened(database, order)
    forgotten = sum(each.breakdown.total for each in made) - left.refunded
    return Result(_anonymous(order, answers), _anonymous(order, (left, made, story)), story, forgotten)


def _anonymous(order: Order, value: object) -> str:
    text = re.sub(r"UUID\('[-0-9a-f]+'\)|[0-9a-f]{32}|feed_number=\d+", "", repr(value))
    return text.replace(order.number, "N")


@pytest.fixture
async def on_postgresql(postgresql_url: str) -> AsyncIterator[Database]:
    database = Database(postgresql_url)
    yield database
    await database.close()


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
async def test_two_acts_end_as_if_one_had_followed_the_other(
    on_postgresql: Database, postgresql_url: str, pair: Pair, record_property: Record
) -> None:
    """Catches a decision on rows that the other act had already changed or was about to change."""
    played = await play(on_postgresql, postgresql_url, pair)

    record_property("merges", len(played.merged))
    record_property("waits", played.waits)
    record_property("wrong", len(played.wrong))
    assert played.wrong == []
    await assert_sound(on_postgresql)


@pytest.fixture
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts read the order without locking it; its version then stays the same, so the stored data are never sound."""
    monkeypatch.setattr(orders, "lock_order", orders.find_order)


@pytest.fixture
async def without_constraint(postgresql_url: str, as_owner: Callable[[str], str]) -> None:
    """The log accepts two events of one order with the same sequence."""
    administrator = await asyncpg.connect(as_owner(postgresql_url))
    await administrator.execute("ALTER TABLE order_events DROP CONSTRAINT uq_order_events_shop_id_order_id_sequence")
    await administrator.close()


@pytest.mark.usefixtures("without_lock")
async def test_without_the_lock_a_constraint_refuses_what_is_wrong(
    on_postgresql: Database, postgresql_url: str, record_property: Record
) -> None:
    """Catches a test above that would notice nothing, and tables that let wrong code store wrong data."""
    played = await play(on_postgresql, postgresql_url, Pair(CANCEL_AND_COLLECT))

    record_property("merges", len(played.merged))
    record_property("wrong", len(played.wrong))
    record_property("cancelled after collection", played.cancelled_after_collection)
    assert played.wrong
    assert all("UniqueViolationError" in result.answers for result in played.wrong)
    assert (played.cancelled_after_collection, played.refunds_forgotten) == (0, 0)


@pytest.mark.usefixtures("without_lock", "without_constraint")
async def test_without_lock_and_constraint_units_are_cancelled_after_collection(
    on_postgresql: Database, postgresql_url: str, record_property: Record
) -> None:
    """Catches merges in which the two acts never decide at the same time."""
    played = await play(on_postgresql, postgresql_url, Pair(CANCEL_AND_COLLECT))

    record_property("merges", len(played.merged))
    record_property("wrong", len(played.wrong))
    record_property("cancelled after collection", played.cancelled_after_collection)
    record_property("refunds forgotten", played.refunds_forgotten)
    assert played.cancelled_after_collection
    assert played.refunds_forgotten
