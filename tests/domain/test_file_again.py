"""A file that comes again: what is the same byte for byte is not even parsed, and the rest is taken over."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from domain import ingestion
from domain.arriving import ImportResult
from domain.rules.order import Shop
from domain.rules.order_input import OrderInput
from domain.rules.vocabulary import ImportOutcome
from domain.storage import tables
from domain.storage.engine import postgresql
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.domain.test_ingestion import as_json, lines
from tests.support.invariants import assert_sound, dump
from tests.support.stored import NOW, a_shop, an_order_input, stored
from tests.support.troubles import held

CREATED, UPDATED = ImportOutcome.CREATED, ImportOutcome.UPDATED
UNCHANGED, REJECTED = ImportOutcome.UNCHANGED, ImportOutcome.REJECTED
SHIP_BY = NOW + timedelta(days=3)
ONE, TWO = an_order_input("1"), an_order_input("2")
CHANGED = replace(ONE, ship_by=SHIP_BY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.jsonl"


def write(path: Path, *orders: OrderInput) -> None:
    path.write_text(lines(*orders))


async def imported(database: Database, shop: Shop, path: Path, *, is_dry_run: bool = False) -> list[ImportResult]:
    under_way = ingestion.import_file(database, shop, path, actor="import", clock=lambda: NOW, is_dry_run=is_dry_run)
    return [result async for batch in under_way for result in batch.results]


async def outcomes_of(database: Database, shop: Shop, path: Path, *orders: OrderInput) -> list[ImportOutcome]:
    write(path, *orders)
    return [result.outcome for result in await imported(database, shop, path)]


async def source_hashes(database: Database) -> dict[str, bytes | None]:
    async with database.reading(EVERY_SHOP) as connection:
        query = sa.select(tables.orders.c.number, tables.orders.c.source_hash)
        return {row.number: row.source_hash for row in await connection.execute(query)}


@pytest.mark.parametrize(
    "wrapped", [json.dumps, lambda orders: json.dumps({"orders": orders})], ids=["array", "object"]
)
async def test_an_order_is_known_by_its_bytes_in_any_wrapper(
    database: Database, tmp_path: Path, path: Path, wrapped: Any
) -> None:
    shop = await a_shop(database)
    assert await outcomes_of(database, shop, path, ONE, TWO) == [CREATED] * 2
    before = await dump(database)
    other = tmp_path / "orders.json"
    other.write_text(wrapped([as_json(TWO), as_json(ONE)]))

    results = await imported(database, shop, other)

    one, two = await stored(database, shop, "1"), await stored(database, shop, "2")
    assert [(each.number, each.outcome, each.order_id) for each in results] == [
        ("2", UNCHANGED, two.id),
        ("1", UNCHANGED, one.id),
    ]
    assert await dump(database) == before


async def test_what_is_known_by_its_bytes_is_not_judged(database: Database, path: Path) -> None:
    """Catches a reader that parses all the same."""
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE)
    known = (await source_hashes(database))["1"]

    async def take_over(connection: Any) -> None:
        bad = sa.update(tables.orders).values(content_hash=b"another content")
        await connection.execute(bad)

    await database.writing(shop.id, take_over)

    assert await outcomes_of(database, shop, path, ONE) == [UNCHANGED]
    assert (await source_hashes(database))["1"] == known


async def test_the_bytes_of_the_last_input_taken_over_are_kept(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE)
    first = await source_hashes(database)

    changed = await outcomes_of(database, shop, path, CHANGED)
    second = await source_hashes(database)
    back = await outcomes_of(database, shop, path, ONE)

    assert (changed, back) == ([UPDATED], [UPDATED])
    assert second != first
    assert await source_hashes(database) == first
    assert (await stored(database, shop, "1")).ship_by is None


async def test_the_same_content_in_other_bytes_is_known_by_them_next_time(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE)
    first = await source_hashes(database)

    found = await outcomes_of(database, shop, path, an_order_input("1", total="30"))

    assert found == [UNCHANGED]
    assert await source_hashes(database) != first


async def test_a_call_forgets_the_bytes_only_if_it_changes_the_order(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE, TWO)
    first = await source_hashes(database)

    await ingestion.import_orders(database, shop, [CHANGED, TWO], actor="feed", now=NOW)

    assert await source_hashes(database) == {"1": None, "2": first["2"]}
    assert await outcomes_of(database, shop, path, ONE) == [UPDATED]


async def test_an_older_input_does_not_replace_the_bytes(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    new, old = replace(ONE, source_updated_at=NOW), replace(CHANGED, source_updated_at=NOW - timedelta(hours=1))
    await outcomes_of(database, shop, path, new)
    first = await source_hashes(database)

    write(path, old, new)
    results = await imported(database, shop, path)

    assert [each.outcome for each in results] == [UNCHANGED, UNCHANGED]
    assert [[note.code.name for note in each.notes] for each in results] == [["OLDER"], []]
    assert await source_hashes(database) == first


@pytest.mark.parametrize("between", [0, 1_200], ids=["in one batch", "in different ones"])
async def test_what_is_known_by_its_bytes_is_judged_after_a_change_before_it(
    database: Database, path: Path, between: int
) -> None:
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE, TWO)
    others = [an_order_input(f"other {number}") for number in range(between)]

    found = await outcomes_of(database, shop, path, ONE, TWO, CHANGED, *others, ONE, TWO)

    assert found == [UNCHANGED, UNCHANGED, UPDATED, *[CREATED] * between, UPDATED, UNCHANGED]
    assert (await stored(database, shop, "1")).ship_by is None
    await assert_sound(database)


async def test_a_dry_run_says_the_same_of_orders_that_are_known_by_their_bytes(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE, TWO)
    others = [an_order_input(f"other {number}") for number in range(600)]
    write(path, TWO, CHANGED, *others, ONE, CHANGED, TWO, others[0])
    before = await dump(database)

    rehearsed = await imported(database, shop, path, is_dry_run=True)
    unchanged = await dump(database)
    results = await imported(database, shop, path)

    expected = [UNCHANGED, UPDATED, *[CREATED] * 600, UPDATED, UPDATED, UNCHANGED, UNCHANGED]
    assert [each.outcome for each in rehearsed] == [each.outcome for each in results] == expected
    assert [each.notes for each in rehearsed] == [each.notes for each in results]
    assert unchanged == before


async def test_numbers_that_cannot_be_shown_give_way_to_their_lines(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    write(path, an_order_input("1\u00a0"))

    names = [(each.number, each.outcome) for _ in range(2) for each in await imported(database, shop, path)]

    assert names == [("line 1", CREATED), ("line 1", UNCHANGED)]


async def test_orders_from_before_it_was_kept_what_was_told_are_known_by_their_content(
    database: Database, path: Path
) -> None:
    shop = await a_shop(database)
    await outcomes_of(database, shop, path, ONE, TWO)

    async def forget(connection: Any) -> None:
        await connection.execute(sa.update(tables.orders).values(told=sa.null(), source_hash=None))

    await database.writing(shop.id, forget)

    assert await outcomes_of(database, shop, path, ONE, replace(TWO, ship_by=SHIP_BY)) == [UNCHANGED, UPDATED]
    assert None not in (await source_hashes(database)).values()
    assert await outcomes_of(database, shop, path, CHANGED, TWO) == [UPDATED, UPDATED]
    await assert_sound(database)


async def test_two_imports_of_one_file_at_once_do_everything_once(database: Database, path: Path) -> None:
    shop = await a_shop(database)
    known = [an_order_input(f"{number}") for number in range(700)]
    await outcomes_of(database, shop, path, *known)
    write(
        path, *(replace(order, ship_by=SHIP_BY) for order in known), *(an_order_input(f"new {n}") for n in range(300))
    )

    both = await asyncio.gather(imported(database, shop, path), imported(database, shop, path))

    found = [sorted(each.outcome.name for each in pair) for pair in zip(*both, strict=True)]
    assert found == [["UNCHANGED", "UPDATED"]] * 700 + [["CREATED", "UNCHANGED"]] * 300
    await assert_sound(database)


@pytest.fixture
async def on_postgresql(postgresql_url: str) -> Any:
    database = Database(postgresql_url)
    yield database
    await database.close()


async def test_an_order_that_others_hold_is_left_and_done_alone(
    on_postgresql: Database, postgresql_url: str, path: Path
) -> None:
    """Catches a batch that waits for one order, and one that forgets it."""
    shop = await a_shop(on_postgresql)
    await outcomes_of(on_postgresql, shop, path, ONE, TWO)
    write(path, CHANGED, replace(TWO, ship_by=SHIP_BY), an_order_input("3"), ONE)

    async with held(postgresql_url, "UPDATE orders SET version = version WHERE number = '1'"):
        under_way = asyncio.create_task(imported(on_postgresql, shop, path))
        while "3" not in await source_hashes(on_postgresql):  # noqa: ASYNC110 - the rest of the batch is committed
            await asyncio.sleep(0.01)
    results = await under_way

    assert [each.outcome for each in results] == [UPDATED, UPDATED, CREATED, UPDATED]
    assert (await stored(on_postgresql, shop, "1")).ship_by is None
    await assert_sound(on_postgresql)


@pytest.mark.parametrize("is_dry_run", [False, True])
async def test_an_order_that_others_hold_for_long_is_the_only_one_to_try_again(
    on_postgresql: Database, postgresql_url: str, path: Path, monkeypatch: pytest.MonkeyPatch, *, is_dry_run: bool
) -> None:
    shop = await a_shop(on_postgresql)
    await outcomes_of(on_postgresql, shop, path, ONE, TWO)
    write(path, CHANGED, replace(TWO, ship_by=SHIP_BY), an_order_input("3"), ONE)
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.05)

    async with held(postgresql_url, "UPDATE orders SET version = version WHERE number = '1'"):
        results = await imported(on_postgresql, shop, path, is_dry_run=is_dry_run)

    assert [each.outcome for each in results] == [REJECTED, UPDATED, CREATED, REJECTED]
    assert [[problem.code.name for problem in each.problems] for each in results] == [
        ["TRY_AGAIN"],
        [],
        [],
        ["TRY_AGAIN"],
    ]
    await assert_sound(on_postgresql)
