"""docs/rules.md agrees with real calls: the order of problems, what acts log, and what happens to known orders."""

import re
from collections.abc import Awaitable
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from domain import fulfillment, ingestion, notification
from domain.mail.sending import Sent
from domain.rules import ids
from domain.rules.order import ItemEntry, ItemsSelection, Order, PackageSelection, Shop
from domain.rules.outcomes import CancellationProblem
from domain.rules.selection import judge
from domain.rules.transitions import PackageMove
from domain.rules.vocabulary import (
    CancellationErrorCode,
    CancellationReason,
    OrderStatus,
    PackageStatus,
    RefundStatus,
)
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.docs.pages import tables
from tests.support.builders import a_package, an_item, an_order
from tests.support.cancelling import LATER, a_request, cancel, cancel_well, everything, happened, package_id, units
from tests.support.fulfilling import move, set_status, settle, split
from tests.support.mailing import Script, run
from tests.support.stored import NOW, a_package_input, a_shop, an_order_input, store, stored

PAGE = "docs/rules.md"
*_, PROBLEMS = tables(PAGE, "What may be cancelled")
[ACTS] = tables(PAGE, "What is logged")
*_, PROMISED = tables(PAGE, "What is promised")
OUTCOMES, *_ = tables(PAGE, "Orders that come in")
OUT_OF_STOCK, PRICING_ERROR = CancellationReason.OUT_OF_STOCK, CancellationReason.PRICING_ERROR


def listed(cell: str) -> list[tuple[str, str]]:
    """The codes of a cell, each with every path that it may have."""
    found = re.findall(r"([A-Z_]+)(?: \(([^)]*)\))?", cell)
    return [(code, path) for code, paths in found for path in paths.split(" or ")]


_LIMITS = {name: int(limit.replace(",", "")) for name, limit in PROMISED}
LONGEST_KEY, LONGEST_NOTE = "k" * _LIMITS["characters of a key"], "n" * _LIMITS["characters of a note"]
CALL, ENTRY, EXPECTATION, ALONE = (listed(cell) for _, cell in PROBLEMS)


def told(problems: tuple[CancellationProblem, ...]) -> list[tuple[str, str]]:
    """Codes and paths as the page writes them."""
    return [(each.code.name, re.sub(r" \d+ ", " i ", " ".join(each.path))) for each in problems]


def test_the_page_has_every_code_of_a_cancellation() -> None:
    codes = {code for code, _ in CALL + ENTRY + EXPECTATION + ALONE}

    assert codes == set(CancellationErrorCode.__members__)


@on_sqlite
async def test_problems_of_a_call_come_in_the_order_of_the_page(database: Database) -> None:
    shop = await a_shop(database)
    shipping = a_package_input("A", PackageStatus.IN_TRANSIT, dress=3)
    [shipped] = await store(database, shop, an_order_input("1", packages=(shipping,)))
    key, note = LONGEST_KEY + "k", LONGEST_NOTE + "n"
    nothing = ItemsSelection("order_0", ())
    requests = [
        a_request(nothing, key, PRICING_ERROR, note=note),
        a_request(nothing, key, PRICING_ERROR, note="\x00"),
        a_request(PackageSelection("package_0"), key),
        a_request(PackageSelection(package_id(shipped, "A")), key),
        a_request(everything(shipped), key),
    ]

    calls = [told((await cancel(database, shop, request)).problems) for request in requests]

    assert calls == [[pair for pair in CALL if pair in call] for call in calls]
    assert {pair for call in calls for pair in call} == set(CALL)


@on_sqlite
async def test_the_longest_key_and_note_of_the_page_are_taken(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1"))

    made = await cancel_well(database, shop, a_request(everything(order), LONGEST_KEY, note=LONGEST_NOTE))

    assert (made.idempotency_key, made.note) == (LONGEST_KEY, LONGEST_NOTE)


def test_of_several_problems_an_entry_has_the_first_of_the_page() -> None:
    packages = (a_package(1, units={1: 2}), a_package(2, PackageStatus.IN_TRANSIT, units={2: 2}))
    order = an_order(an_item(1), an_item(2), packages=packages)
    free, shipped, travelling = ids.of_item(order.id, 1), ids.of_item(order.id, 2), ids.of_package(order.id, 2)
    entries = [
        ItemEntry("item_0", 0, "package_0"),
        ItemEntry(shipped, 0, "package_0"),
        ItemEntry(shipped, 0),
        ItemEntry(shipped, 99),
        ItemEntry(shipped, 99, travelling),
        ItemEntry(free, 99),
    ]

    selection = ItemsSelection(ids.of_order(order.id), (ItemEntry(shipped, 99), *entries))
    _, *problems = judge(order, selection, OUT_OF_STOCK).problems

    assert told(tuple(problems)) == ENTRY


@on_sqlite
async def test_expectations_come_last_and_a_used_key_alone(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1"))
    expecting = a_request(everything(order), expected_version=9, expected_refund=Decimal("0.01"))
    too_many = replace(expecting, selection=units(order, ("SKU-dress", 9)))

    with_another = await cancel(database, shop, too_many)
    by_themselves = await cancel(database, shop, expecting)
    await cancel_well(database, shop, a_request(everything(order)))
    reused = await cancel(database, shop, replace(too_many, note="\x00"))

    assert told(with_another.problems) == [("QUANTITY_EXCEEDED", "items i quantity")]
    assert told(by_themselves.problems) == EXPECTATION
    assert [*told(reused.problems), ("TRY_AGAIN", "")] == ALONE


class Acts:
    """What acts on one order write, in short: the types of their events and what they add to its version."""

    def __init__(self, database: Database, shop: Shop, order: Order) -> None:
        self._database = database
        self._shop = shop
        self._order = order

    async def write(self, act: Awaitable[object]) -> tuple[list[str], str]:
        before, seen = await self._state()
        await act
        after, happened_now = await self._state()
        types = (event.split()[0].title().replace("_", "") for event in happened_now[len(seen) :])
        raised = after.version - before.version
        return [name for name, _ in groupby(types)], f"+ {raised}" if raised else ""

    async def _state(self) -> tuple[Order, list[str]]:
        return await stored(self._database, self._shop, self._order.number), await happened(self._database, self._order)


@on_sqlite
async def test_each_act_logs_what_the_page_says(database: Database) -> None:
    shop = await a_shop(database)
    packages = (a_package_input("A", dress=1), a_package_input("B", dress=2))
    order, other = await store(database, shop, an_order_input("1", packages=packages), an_order_input("2"))
    carrier = PackageMove(package_id(order, "A"), PackageStatus.AWAITING_COLLECTION, carrier="DHL")
    acts = Acts(database, shop, order)
    imported = ([event.title().replace("_", "") for event in await happened(database, order)], str(order.version))

    parted = await acts.write(split(database, shop, order, "B", ("SKU-dress", 1)))
    moved = await acts.write(move(database, shop, order, "A", PackageStatus.AWAITING_COLLECTION))
    named = await acts.write(fulfillment.update_package_status(database, shop, carrier, actor="warehouse", now=LATER))
    cancelled = await acts.write(cancel_well(database, shop, a_request(units(order, ("SKU-dress", 2)))))
    made = (await cancel(database, shop, a_request(units(order, ("SKU-dress", 2))))).cancellation
    assert made
    settled = await acts.write(settle(database, shop, made, RefundStatus.SUCCEEDED))
    mailed = await acts.write(run(database, Script(Sent()), now=LATER))
    again = await acts.write(
        notification.resend_notification(database, shop, ids.of_cancellation(made.id), actor="seller", now=LATER)
    )
    held = await Acts(database, shop, other).write(set_status(database, shop, other, OrderStatus.ON_HOLD))
    changed = [an_order_input("2", ship_by=LATER)]
    updated = await Acts(database, shop, other).write(
        ingestion.import_orders(database, shop, changed, actor="import", now=LATER)
    )

    written = [imported, cancelled, moved, named, parted, held, settled, mailed, again, updated]
    assert written == [(re.findall(r"`(\w+)`", events), version) for _, events, version in ACTS]


@on_sqlite
async def test_a_number_that_comes_in_has_the_outcome_of_the_page(database: Database) -> None:
    shop = await a_shop(database)
    given = an_order_input("1")
    changed = replace(given, buyer=replace(given.buyer, name="Bea"))
    renamed = replace(changed, items=(replace(given.items[0], product_name="Gown"),))
    inputs = dict(zip([content for _, content, _ in OUTCOMES], [given, given, changed, renamed], strict=False))

    async def outcome(content: str) -> str:
        other = inputs.get(content, replace(given, currency="EUR"))
        [result] = await ingestion.import_orders(database, shop, [other], actor="import", now=NOW)
        return ": ".join([result.outcome.name, *(problem.code.name for problem in result.problems)])

    assert [await outcome(content) for _, content, _ in OUTCOMES] == [expected for *_, expected in OUTCOMES]
