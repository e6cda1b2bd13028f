"""A SQLite file that cannot grow, is locked by others or has vanished, under a server that keeps running."""

import asyncio
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.rules.order import Order, Shop
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import UnavailableError
from tests.api.conftest import on_sqlite
from tests.faults.served import UNITS, Served, a_large_order, keys, serving
from tests.support.cancelling import a_request, cancel_well, units
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop

UNAVAILABLE = {"code": "UNAVAILABLE"}
FRAME = 4096 + 24  # bytes of a page in the write-ahead log


@contextmanager
def a_full_disk(server: Served, size: int) -> Iterator[None]:
    """Inside the block, no file of the server grows beyond this size, as on a full disk."""
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, limits[1]))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


@on_sqlite
@pytest.mark.parametrize("part", [0, 1], ids=["nothing can be written", "the write-ahead log cannot grow"])
async def test_on_a_full_disk_cancellations_are_unavailable_until_there_is_room(
    database: Database, tmp_path: Path, part: int, record_property: Callable[[str, object], None]
) -> None:
    """Catches an answer before its commit, a key that is used up, and a server that has to be restarted."""
    order = await a_large_order(database, await a_shop(database))

    async with serving(tmp_path) as server:
        before = [await server.cancel(order, f"before-{number}") for number in range(10)]
        size = (tmp_path / "shortship.db-wal").stat().st_size
        with a_full_disk(server, part * size):
            during = await asyncio.gather(*(server.cancel(order, f"during-{number}") for number in range(10)))
            left, repeated = await server.left(order), await server.cancel(order, "before-0")
        after = [await server.cancel(order, f"during-{number}") for number in range(10)]
        is_running = server.process.poll() is None

    record_property("calls", 30)
    record_property("refused", during.count(UNAVAILABLE))
    assert [answer["errors"] for answer in before] == [[]] * 10
    assert during == [UNAVAILABLE] * 10
    assert left == UNITS - 10
    assert repeated in ({**before[0], "replayed": True}, UNAVAILABLE)
    assert [(answer["errors"], answer["replayed"]) for answer in after] == [([], False)] * 10
    assert await keys(database) == sorted(f"{when}-{number}" for when in ("before", "during") for number in range(10))
    assert is_running
    await assert_sound(database)


@on_sqlite
@pytest.mark.parametrize("pages", [None, 2], ids=["no room at all", "room for less than a cancellation"])
async def test_a_server_is_not_ready_while_it_cannot_write(
    database: Database, tmp_path: Path, pages: int | None
) -> None:
    """Catches a server that gets calls only to refuse them, or stays out of use once there is room."""
    order = await a_large_order(database, await a_shop(database))

    async with serving(tmp_path) as server:
        before = await server.cancel(order, "before")
        size = 0 if pages is None else (tmp_path / "shortship.db-wal").stat().st_size + pages * FRAME
        with a_full_disk(server, size):
            refused = await server.cancel(order, "key")
            readiness = [await server.readiness() for _ in range(3)]
        await server.ready()
        after = await server.cancel(order, "key")

    assert (before["errors"], refused, readiness) == ([], UNAVAILABLE, [503] * 3)
    assert (after["errors"], after["replayed"]) == ([], False)
    await assert_sound(database)


@on_sqlite
async def test_a_full_database_stores_nothing_of_a_cancellation_until_there_is_room(
    database: Database,
) -> None:
    """Catches a statement that fails for want of a page and leaves the effects of earlier ones behind."""
    shop = await a_shop(database)
    order = await a_large_order(database, shop)
    await database.writing(EVERY_SHOP, lambda connection: connection.execute(sa.text("PRAGMA max_page_count = 1")))

    done = await cancelled_until_full(database, shop, order)
    stored_when_full = await keys(database)
    await database.writing(
        EVERY_SHOP, lambda connection: connection.execute(sa.text("PRAGMA max_page_count = 1000000"))
    )
    made = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), f"key-{done}"))

    assert len(stored_when_full) == done
    assert made.idempotency_key == f"key-{done}"
    await assert_sound(database)


async def cancelled_until_full(database: Database, shop: Shop, order: Order) -> int:
    """Cancels until the database is full; returns how many cancellations fit."""
    for number in count():
        try:
            await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), f"key-{number}"))
        except UnavailableError:
            break
    return number


@on_sqlite
async def test_while_others_lock_the_file_callers_are_told_to_try_again_and_reads_work(
    database: Database, tmp_path: Path
) -> None:
    """Catches an endless wait, a fault instead of advice to try again, and readers that wait with writers."""
    order = await a_large_order(database, await a_shop(database))

    async with serving(tmp_path) as server:
        with closing(sqlite3.connect(tmp_path / "shortship.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            calls = asyncio.gather(*(server.cancel(order, f"key-{number}") for number in range(4)))
            left = await server.left(order)
            async with asyncio.timeout(PATIENCE_SECONDS):
                busy = await calls
        after = [await server.cancel(order, f"key-{number}") for number in range(4)]

    try_again = {"errors": [{"code": "TRY_AGAIN", "retryable": True}], "replayed": False, "cancellation": None}
    assert busy == [try_again] * 4
    assert left == UNITS
    assert [(answer["errors"], answer["replayed"]) for answer in after] == [([], False)] * 4
    await assert_sound(database)


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(os.urandom(path.stat().st_size))
    other.rename(path)


@on_sqlite
@pytest.mark.parametrize("happens", [remove, replace])
async def test_nothing_is_acknowledged_while_the_file_is_removed_or_replaced(
    database: Database, tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    """Catches cancellations lost with a file that was removed or replaced while the server had it open."""
    order = await a_large_order(database, await a_shop(database))
    file, kept = tmp_path / "shortship.db", tmp_path / "kept.db"

    async with serving(tmp_path) as server:
        before = await server.cancel(order, "before")
        kept.hardlink_to(file)
        happens(file)
        during = [await server.cancel(order, "during"), await server.cancel(order, "before")]
        reading, readiness = await server.reading(order), await server.readiness()
        kept.rename(file)
        after = [await server.cancel(order, "during"), await server.cancel(order, "before")]

    assert during == [UNAVAILABLE] * 2
    assert (reading, readiness) == ("UNAVAILABLE", 503)
    assert [(answer["errors"], answer["replayed"]) for answer in (before, *after)] == [
        ([], False),
        ([], False),
        ([], True),
    ]
    assert await keys(database) == ["before", "during"]
    await assert_sound(database)


@on_sqlite
async def test_an_overwritten_file_is_unavailable_and_the_server_keeps_running(
    database: Database, tmp_path: Path
) -> None:
    """Catches a fault of the file that is reported as an internal error, and a readiness check that crashes."""
    order = await a_large_order(database, await a_shop(database))
    file = tmp_path / "shortship.db"

    async with serving(tmp_path) as server:
        before = [await server.cancel(order, f"key-{number}") for number in range(10)]
        content = file.read_bytes()
        file.write_bytes(os.urandom(len(content)))
        reading, readiness = await server.reading(order), await server.readiness()
        is_running = server.process.poll() is None
        file.write_bytes(content)

    assert [answer["errors"] for answer in before] == [[]] * 10
    assert reading in {"", "UNAVAILABLE"}  # the last writes are not in the file yet
    assert readiness == 503
    assert is_running
    await assert_sound(database)
