"""The installed `shortship check`: its output and exit code, and that it only reads."""

import asyncio
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from domain.storage.invariants.check import INVARIANTS
from tests.api.conftest import on_sqlite
from tests.support.calling import FIND, ask, cancel_one
from tests.support.cancelling import a_request, a_split_order, cancel_well, units
from tests.support.client import SECRET, a_token
from tests.support.command import COMMAND, run, said, started
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import an_order_input, store

HOLD = f"{len(INVARIANTS)} invariants hold.\n"


async def check(folder: Path, database_url: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run, folder, "check", database_url=database_url)


async def test_a_sound_database_passes(tmp_path: Path, database: Database, database_url: str, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))

    done = await check(tmp_path, database_url)

    assert said(done) == (0, HOLD, "")
    await assert_sound(database)


async def test_each_violation_is_a_line(tmp_path: Path, database: Database, database_url: str, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))
    take = sa.text("UPDATE package_items SET cancelled_quantity = 0")
    await database.writing("demo", lambda connection: connection.execute(take))

    done = await check(tmp_path, database_url)

    sentence = "The cancelled units are exactly those that were cancelled here or imported as cancelled."
    line = f"cancelled-units: {sentence} shop demo, order 1001, item 1, package 1\n"
    assert said(done) == (1, line, "")


async def test_of_many_violations_the_first_are_listed(
    tmp_path: Path, database: Database, database_url: str, shop: Shop
) -> None:
    await store(database, shop, *(an_order_input(str(number)) for number in range(1000, 1025)))
    give = sa.text("UPDATE orders SET refunded = 1")
    await database.writing("demo", lambda connection: connection.execute(give))

    done = await check(tmp_path, database_url)

    lines = done.stdout.splitlines()
    sentence = (
        "order-refunded: An order's refunded amount is the sum of its refunds and of what came in cancelled and paid."
    )
    assert done.returncode == 1
    assert lines == [
        *(f"{sentence} shop demo, order {number}" for number in range(1000, 1020)),
        f"{sentence} and 5 more",
    ]


@on_sqlite
async def test_it_runs_beside_a_server_and_writes_nothing(tmp_path: Path, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("1001"))
    file, token = tmp_path / "shortship.db", a_token()

    with started(tmp_path, "serve", jwt_secret=SECRET) as (_, client):
        order = ask(client, FIND, token)["data"]["orderByNumber"]
        first = cancel_one(client, token, order, "one")
        before = file.read_bytes()
        beside = run(tmp_path, "check")
        after = file.read_bytes()
        second = cancel_one(client, token, order, "two")
    alone = run(tmp_path, "check")

    assert said(beside) == (0, HOLD, "")
    assert said(alone) == (0, HOLD, "")
    assert after == before
    assert [each["data"]["cancelItems"]["errors"] for each in (first, second)] == [[], []]
    await assert_sound(database)


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    done = run(tmp_path, "check")

    assert said(done) == (2, "", "The database shortship.db does not exist: run `shortship migrate`.\n")
    assert list(tmp_path.iterdir()) == []


# Databases that cannot be checked, with the errors.
UNFIT = {
    "no database": ("sqlite:///text.db", "The database text.db cannot be used: file is not a database.\n"),
    "a folder": ("sqlite:///folder", "The database folder cannot be used: Is a directory.\n"),
    "no tables": (
        "sqlite:///empty.db",
        "The database empty.db is not migrated to this version: run `shortship migrate`.\n",
    ),
    "newer tables": (
        "sqlite:///newer.db",
        "The database newer.db was migrated by a newer version of Shortship; run that version.\n",
    ),
    "unreachable": (
        "postgresql://nobody:s3cr3t@127.0.0.1:1/none",
        "The database none at 127.0.0.1:1 cannot be used: Connection refused.\n",
    ),
}


@pytest.mark.parametrize(("database_url", "sentence"), UNFIT.values(), ids=UNFIT)
def test_a_database_that_cannot_be_checked_is_one_sentence(tmp_path: Path, database_url: str, sentence: str) -> None:
    (tmp_path / "text.db").write_text("This is no database.\n" * 100)
    (tmp_path / "empty.db").touch()
    (tmp_path / "folder").mkdir()
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer, newer:
        newer.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        newer.execute("INSERT INTO alembic_version VALUES ('9999')")

    done = run(tmp_path, "check", database_url=database_url)

    assert said(done) == (2, "", sentence)


def run_read_only(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder without write access, as on a read-only medium."""
    script = 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && exec "$@"'
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-ec", script, "sh"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], cwd=folder, check=False).returncode:  # noqa: S603
        pytest.skip("no file system can be made read-only here")
    return subprocess.run(  # noqa: S603 - our own command
        [*namespace, COMMAND, command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@on_sqlite
@pytest.mark.parametrize("beside", [(), ("-wal", "-shm"), ("-wal",)], ids=["nothing", "both files", "the log alone"])
async def test_a_read_only_file_is_checked_together_with_its_write_ahead_log(
    database: Database, tmp_path: Path, shop: Shop, beside: tuple[str, ...]
) -> None:
    """Catches a check that has to write, and one that misses the last writes."""
    await store(database, shop, an_order_input("1001"))
    await database.close()
    file, medium = tmp_path / "shortship.db", tmp_path / "medium"
    medium.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as last:
        last.execute("UPDATE orders SET refunded = 1")  # no unit is cancelled
        for suffix in ("", *beside):
            shutil.copy(f"{file}{suffix}", medium)

    done = run_read_only(medium, "check")

    if not beside:
        assert said(done) == (0, HOLD, "")
    elif "-shm" in beside:
        assert (done.returncode, done.stderr) == (1, "")
        assert "order 1001" in done.stdout
    else:
        reason = (
            "nothing can be written beside it, which reading shortship.db-wal requires; copy both to another folder"
        )
        assert said(done) == (2, "", f"The database shortship.db cannot be used: {reason}.\n")


def test_commands_that_write_say_that_the_file_system_is_read_only(tmp_path: Path, sqlite_url: str) -> None:
    assert sqlite_url.endswith("/shortship.db")

    done = run_read_only(tmp_path, "migrate")

    assert said(done) == (2, "", "The database shortship.db cannot be used: Read-only file system.\n")
