"""Transactions begin, end and are retried as promised, on both databases."""

import asyncio
import shutil
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database, announce, roll_back
from domain.storage.engine.faults import BusyError, DeniedError, FileInUseError, UnavailableError
from domain.storage.engine.hints import ProcessHints
from domain.storage.engine.postgresql_address import PostgresqlAddress
from domain.storage.tables import idempotency_keys, shops
from tests.support.patience import PATIENCE_SECONDS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNREACHABLE = "postgresql://nobody:secret@127.0.0.1:1/nothing"


async def counting(url: str) -> AsyncIterator[Database]:
    """A database with two shops, whose `last_event` serves as a counter."""
    database = Database(url)
    rows = [
        {
            "id": shop_id,
            "name": shop_id,
            "shipping_refund_policy": ShippingRefundPolicy.NEVER,
            "cursor_key": b"",
            "last_event": 0,
            "created_at": NOON,
        }
        for shop_id in ("one", "two")
    ]

    async def insert(connection: AsyncConnection) -> None:
        await connection.execute(sa.insert(shops), rows)

    await database.writing(EVERY_SHOP, insert)
    yield database
    await database.close()


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may write to several shops in one transaction."""
    return as_owner(database_url)


@pytest.fixture
def postgresql_url(postgresql_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, too."""
    return as_owner(postgresql_url)


@pytest.fixture
async def counters(database_url: str) -> AsyncIterator[Database]:
    async for database in counting(database_url):
        yield database


@pytest.fixture
async def postgresql_counters(postgresql_url: str) -> AsyncIterator[Database]:
    async for database in counting(postgresql_url):
        yield database


@pytest.fixture
async def sqlite_counters(sqlite_url: str) -> AsyncIterator[Database]:
    async for database in counting(sqlite_url):
        yield database


async def count(connection: AsyncConnection, shop_id: str = "one") -> Any:
    return (await connection.execute(sa.select(shops.c.last_event).where(shops.c.id == shop_id))).scalar_one()


async def stored(database: Database, shop_id: str = "one") -> Any:
    async with database.reading(EVERY_SHOP) as connection:
        return await count(connection, shop_id)


async def increment(connection: AsyncConnection, shop_id: str = "one") -> None:
    await connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(last_event=shops.c.last_event + 1))


async def terminate(connection: AsyncConnection, url: str) -> None:
    """Has the server end the connection, as an administrator or a crash would."""
    pid = (await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
    administrator = await asyncpg.connect(url)
    await administrator.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await administrator.close()


async def test_work_is_committed_and_its_value_returned(counters: Database) -> None:
    async def work(connection: AsyncConnection) -> str:
        await increment(connection)
        return "done"

    result = await counters.writing(EVERY_SHOP, work)

    assert result == "done"
    assert await stored(counters) == 1


async def test_work_that_raises_leaves_nothing_behind(counters: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await increment(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await counters.writing(EVERY_SHOP, work)

    assert await stored(counters) == 0


async def test_work_that_rolls_itself_back_still_returns_its_value(counters: Database) -> None:
    async def work(connection: AsyncConnection) -> str:
        await increment(connection)
        await roll_back(connection)
        return "refused"

    result = await counters.writing(EVERY_SHOP, work)

    assert result == "refused"
    assert await stored(counters) == 0


async def test_a_reader_sees_a_single_snapshot(counters: Database) -> None:
    async with counters.reading(EVERY_SHOP) as connection:
        before = await count(connection)
        await counters.writing(EVERY_SHOP, increment)
        after = await count(connection)

    assert (before, after, await stored(counters)) == (0, 0, 1)


async def test_a_reader_cannot_write(counters: Database) -> None:
    with pytest.raises(UnavailableError):
        async with counters.reading(EVERY_SHOP) as connection:
            await increment(connection)

    assert await stored(counters) == 0


async def test_writers_that_lock_before_they_read_lose_no_update(counters: Database) -> None:
    async def read_modify_write(connection: AsyncConnection) -> None:
        await connection.execute(sa.update(shops).where(shops.c.id == "one").values(name="locked"))
        seen = await count(connection)
        await asyncio.sleep(0)
        await connection.execute(sa.update(shops).where(shops.c.id == "one").values(last_event=seen + 1))

    await asyncio.gather(*(counters.writing(EVERY_SHOP, read_modify_write) for _ in range(50)))

    assert await stored(counters) == 50


async def test_both_writers_in_a_deadlock_succeed(postgresql_counters: Database) -> None:
    both_hold_one = asyncio.Barrier(2)
    attempts: list[str] = []

    def swap(first: str, second: str) -> Any:
        async def work(connection: AsyncConnection) -> None:
            attempts.append(first)
            await increment(connection, first)
            if len(attempts) <= 2:
                await both_hold_one.wait()
            await increment(connection, second)

        return work

    await asyncio.gather(
        postgresql_counters.writing(EVERY_SHOP, swap("one", "two")),
        postgresql_counters.writing(EVERY_SHOP, swap("two", "one")),
    )

    assert len(attempts) == 3
    assert await stored(postgresql_counters, "one") == 2
    assert await stored(postgresql_counters, "two") == 2


async def test_waiting_too_long_for_a_row_is_busy(postgresql_counters: Database) -> None:
    async def impatient(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("SET LOCAL lock_timeout = '20ms'"))
        await increment(connection)

    async def holding(connection: AsyncConnection) -> None:
        await increment(connection)
        with pytest.raises(BusyError):
            await postgresql_counters.writing(EVERY_SHOP, impatient)

    await postgresql_counters.writing(EVERY_SHOP, holding)

    assert await stored(postgresql_counters) == 1


async def test_waiting_too_long_for_the_file_is_busy(sqlite_counters: Database, sqlite_url: str) -> None:
    async def be_impatient(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("PRAGMA busy_timeout = 20"))

    await sqlite_counters.writing(EVERY_SHOP, be_impatient)
    other = sqlite3.connect(str(sa.make_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(BusyError):
        await sqlite_counters.writing(EVERY_SHOP, increment)

    other.close()
    assert await stored(sqlite_counters) == 0


async def test_every_wait_inside_postgresql_has_a_limit(postgresql_counters: Database) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")

    async with postgresql_counters.reading(EVERY_SHOP) as connection:
        settings = [(await connection.execute(sa.text(f"SHOW {name}"))).scalar_one() for name in names]

    assert settings == ["2s", "5s", "5s"]


async def test_sqlite_is_set_to_be_durable_and_safe(sqlite_counters: Database) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "trusted_schema")

    async with sqlite_counters.reading(EVERY_SHOP) as connection:
        settings = [(await connection.execute(sa.text(f"PRAGMA {name}"))).scalar_one() for name in names]

    assert settings == ["wal", 2, 1, 1500, 0]


async def test_work_whose_caller_is_cancelled_is_rolled_back(counters: Database, database_url: str) -> None:
    begun, going_on = asyncio.Event(), asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        await increment(connection)
        begun.set()
        await going_on.wait()
        await increment(connection)

    caller = asyncio.create_task(counters.writing(EVERY_SHOP, work))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    going_on.set()
    await counters.close()

    later = Database(database_url)
    assert await stored(later) == 0
    await later.close()


async def test_a_caller_that_goes_away_does_not_interrupt_a_commit(counters: Database, database_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await increment(connection)
        asyncio.get_running_loop().call_soon(caller.cancel)  # in the loop's next turn, during the commit

    caller = asyncio.create_task(counters.writing(EVERY_SHOP, work))
    with pytest.raises(asyncio.CancelledError):
        await caller
    await counters.close()

    later = Database(database_url)
    assert await stored(later) == 1
    await later.close()


@pytest.mark.parametrize("statements_after", [0, 1], ids=["before the commit", "before another statement"])
async def test_work_whose_connection_is_lost_is_retried(
    postgresql_counters: Database, postgresql_url: str, statements_after: int
) -> None:
    attempts = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal attempts
        attempts += 1
        await increment(connection)
        if attempts == 1:
            await terminate(connection, postgresql_url)
        for _ in range(statements_after):
            await count(connection)

    await postgresql_counters.writing(EVERY_SHOP, work)

    assert attempts == 2
    assert await stored(postgresql_counters) == 1


async def test_a_reader_whose_connection_is_lost_gets_an_error(
    postgresql_counters: Database, postgresql_url: str
) -> None:
    async def read() -> None:
        async with postgresql_counters.reading(EVERY_SHOP) as connection:
            await terminate(connection, postgresql_url)
            await count(connection)

    with pytest.raises(UnavailableError):
        await read()

    assert await stored(postgresql_counters) == 0


@pytest.mark.parametrize("is_noticed", [True, False], ids=["noticed", "not yet noticed"])
async def test_a_connection_that_is_lost_while_it_is_set_up_is_replaced(
    postgresql_counters: Database, postgresql_url: str, monkeypatch: pytest.MonkeyPatch, *, is_noticed: bool
) -> None:
    connect, to_end = PostgresqlAddress.connect, 2

    async def connect_to_a_dying_server(address: PostgresqlAddress, **options: Any) -> asyncpg.Connection:
        nonlocal to_end
        connection = await connect(address, **options)
        if to_end:
            to_end -= 1
            if is_noticed:
                connection.terminate()
            else:
                administrator = await asyncpg.connect(postgresql_url)
                await administrator.execute("SELECT pg_terminate_backend($1, 5000)", connection.get_server_pid())
                await administrator.close()
        return connection

    monkeypatch.setattr(PostgresqlAddress, "connect", connect_to_a_dying_server)
    database = Database(postgresql_url)

    with pytest.raises(UnavailableError):
        await stored(database)
    await database.writing(EVERY_SHOP, increment)

    assert to_end == 0
    assert await stored(postgresql_counters) == 1
    await database.close()


async def test_a_connection_to_a_read_only_server_is_replaced(postgresql_counters: Database) -> None:
    """The server may have become a standby without closing its connections."""
    servers: list[int] = []

    async def work(connection: AsyncConnection) -> None:
        servers.append((await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())
        if len(servers) == 1:
            await connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        await increment(connection)

    await postgresql_counters.writing(EVERY_SHOP, work)

    assert len(set(servers)) == 2
    assert await stored(postgresql_counters) == 1


async def test_connections_lost_while_idle_are_replaced(postgresql_counters: Database, postgresql_url: str) -> None:
    await asyncio.gather(*(postgresql_counters.writing("one", increment) for _ in range(8)))
    administrator = await asyncpg.connect(postgresql_url)
    ended = await administrator.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1",
        administrator.get_server_pid(),
    )
    await administrator.close()

    seen = await asyncio.gather(*(stored(postgresql_counters) for _ in range(8)))

    assert len(ended) > 1
    assert seen == [8] * 8


async def test_a_faulty_statement_raises_its_own_error_and_is_not_retried(counters: Database) -> None:
    attempts = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal attempts
        attempts += 1
        await connection.execute(sa.text("SELECT nothing FROM nowhere"))

    with pytest.raises(DBAPIError) as raised:
        await counters.writing(EVERY_SHOP, work)

    assert attempts == 1
    assert raised.value.__cause__ is raised.value.orig


async def test_a_refused_commit_does_not_hinder_the_next(counters: Database) -> None:
    claim = sa.insert(idempotency_keys).values(
        shop_id="one", key="key", request_hash=b"", cancellation_id=UUID(int=1), created_at=NOON
    )

    with pytest.raises((sqlite3.IntegrityError, asyncpg.ForeignKeyViolationError)):
        await counters.writing(EVERY_SHOP, lambda connection: connection.execute(claim))
    await counters.writing(EVERY_SHOP, increment)

    assert await stored(counters) == 1


async def test_a_server_that_does_not_exist_is_unavailable() -> None:
    database = Database(UNREACHABLE)

    with pytest.raises(UnavailableError):
        await database.writing(EVERY_SHOP, increment)
    with pytest.raises(UnavailableError):
        await stored(database)

    await database.close()


async def test_a_database_that_does_not_exist_is_unavailable(postgresql_url: str) -> None:
    database = Database(f"{postgresql_url}_of_nobody")

    with pytest.raises(UnavailableError):
        await database.writing(EVERY_SHOP, increment)
    with pytest.raises(UnavailableError):
        await stored(database)

    await database.close()


async def drivers_ended() -> None:
    """Waits for the driver's threads: after a file failed to open, they still report to this loop."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, PATIENCE_SECONDS)


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/shortship.db")

    with pytest.raises(UnavailableError):
        await database.writing(EVERY_SHOP, increment)

    await drivers_ended()


async def test_a_file_that_is_not_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "shortship.db").write_text("no database at all")
    database = Database(f"sqlite:///{tmp_path}/shortship.db")

    with pytest.raises(UnavailableError):
        await database.writing(EVERY_SHOP, increment)
    with pytest.raises(UnavailableError):
        await stored(database)

    await database.close()


def modes(folder: Path) -> dict[str, str]:
    """The modes of a folder's files, as `ls` shows them."""
    return {path.name: stat.filemode(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_new_file_is_accessible_to_its_owner_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    database.claim_file()

    await database.writing("demo", lambda connection: connection.execute(sa.text("CREATE TABLE buyers (name TEXT)")))

    assert modes(tmp_path) == {
        "new.db": "-rw-------",
        "new.db-shm": "-rw-------",
        "new.db-wal": "-rw-------",
        "new.db.lock": "-rw-------",
    }
    await database.close()


async def test_reading_does_not_create_a_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing.db", read_only=True)

    with pytest.raises(UnavailableError):
        await stored(database)

    await drivers_ended()
    assert not database.exists()


async def test_a_file_of_any_name_is_read_and_not_written(sqlite_url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(tmp_path / 'shortship.db', tmp_path / 'file #1 of 100%.db')}"
    database = Database(url, read_only=True)

    async with database.reading(EVERY_SHOP) as connection:
        found = (await connection.execute(sa.select(shops))).all()
        await connection.execute(sa.text("PRAGMA query_only = OFF"))
        with pytest.raises(DBAPIError, match="readonly"):
            await connection.execute(sa.delete(shops))
    await database.close()

    assert sqlite_url != url
    assert found == []


async def refusal(url: str) -> str:
    """The reason given for not being able to use this database."""
    database = Database(url)
    with pytest.raises(UnavailableError) as refused:
        await stored(database)
    await database.close()
    await drivers_ended()
    return str(refused.value)


async def test_the_reason_why_a_server_cannot_be_used_has_no_password(postgresql_url: str) -> None:
    url = sa.make_url(postgresql_url).set(password="s3cr3t")
    place = f"{url.host}:{url.port}"
    administrator = await asyncpg.connect(postgresql_url)
    role = f"few_{uuid4().hex}"
    await administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD 's3cr3t' CONNECTION LIMIT 0")
    cases = {
        url: f'{url.database} at {place} cannot be used: password authentication failed for user "{url.username}"',
        url.set(port=1): f"{url.database} at {url.host}:1 cannot be used: Connection refused",
        url.set(host="nowhere.invalid"): f"{url.database} at nowhere.invalid:{url.port} cannot be used: "
        "Name or service not known",
        url.set(username=role): f'{url.database} at {place} cannot be used: too many connections for role "{role}"',
        sa.make_url(postgresql_url).set(database="none"): f"none at {place} cannot be used: "
        'database "none" does not exist',
    }

    said = [await refusal(case.render_as_string(hide_password=False)) for case in cases]

    await administrator.execute(f"DROP ROLE {role}")
    await administrator.close()
    assert said == [f"The database {sentence}." for sentence in cases.values()]


async def test_the_reason_why_a_file_cannot_be_used_is_given(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database.\n" * 100)
    causes = {
        "text.db": "file is not a database",
        "missing/shop.db": f"there is no folder {tmp_path / 'missing'}",
        ".": "Is a directory",
    }

    said = [await refusal(f"sqlite:///{tmp_path / name}") for name in causes]

    assert said == [f"The database {tmp_path / name} cannot be used: {cause}." for name, cause in causes.items()]


async def test_a_statement_that_the_role_may_not_run_is_denied_with_a_reason(postgresql_counters: Database) -> None:
    async def give_away(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("SET LOCAL ROLE pg_monitor"))
        await increment(connection)

    with pytest.raises(DeniedError, match=r"does not allow it: permission denied for table shops\.$"):
        await postgresql_counters.writing(EVERY_SHOP, give_away)


async def test_a_full_disk_is_unavailable(sqlite_counters: Database) -> None:
    async def fill(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("PRAGMA max_page_count = 1"))
        await connection.execute(sa.update(shops).values(cursor_key=bytes(1_000_000)))

    async def increment_and_announce(connection: AsyncConnection) -> None:
        await increment(connection)
        announce(connection, "orders")

    with pytest.raises(UnavailableError, match=r"shortship\.db cannot be used: database or disk is full\.$"):
        await sqlite_counters.writing(EVERY_SHOP, fill)
    await sqlite_counters.writing(EVERY_SHOP, increment_and_announce)

    assert not sqlite_counters.is_writable  # a write this small succeeds even on a full disk
    assert await stored(sqlite_counters) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shortship.db",
        "mysql://host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///shortship.db?mode=ro",
        "sqlite+aiosqlite://shortship.db",
        "postgresql+psycopg://host/name",
    ],
)
def test_other_kinds_of_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///path"):
        Database(url)


async def test_only_one_process_can_claim_a_file(sqlite_url: str) -> None:
    first, second = Database(sqlite_url), Database(sqlite_url)

    first.claim_file()
    with pytest.raises(FileInUseError):
        second.claim_file()
    await first.close()
    second.claim_file()

    await second.close()


async def test_many_processes_can_claim_a_server(postgresql_url: str) -> None:
    first, second = Database(postgresql_url), Database(postgresql_url)

    first.claim_file()
    second.claim_file()

    await first.close()
    await second.close()


def test_only_a_missing_file_counts_as_not_existing(sqlite_url: str, tmp_path: Path) -> None:
    assert Database(sqlite_url).exists()
    assert Database(UNREACHABLE).exists()
    assert not Database(f"sqlite:///{tmp_path}/missing.db").exists()


async def test_listeners_are_woken_after_the_commit(counters: Database) -> None:
    counters.hints = ProcessHints()  # a bus that connects wakes every listener

    async def work(connection: AsyncConnection) -> bool:
        announce(connection, "orders")
        await increment(connection)
        return hint.is_set()

    with counters.hints.listening("orders") as hint, counters.hints.listening("mail") as other:
        was_set_before = await counters.writing(EVERY_SHOP, work)

    assert not was_set_before
    assert hint.is_set()
    assert not other.is_set()


async def test_a_rollback_wakes_nobody(counters: Database) -> None:
    async def refuse(connection: AsyncConnection) -> None:
        announce(connection, "orders")
        await roll_back(connection)

    async def fail(connection: AsyncConnection) -> None:
        announce(connection, "orders")
        raise LookupError

    counters.hints = ProcessHints()  # a bus that connects wakes every listener
    with counters.hints.listening("orders") as hint:
        await counters.writing(EVERY_SHOP, refuse)
        with pytest.raises(LookupError):
            await counters.writing(EVERY_SHOP, fail)
        await counters.writing(EVERY_SHOP, increment)

    assert not hint.is_set()
