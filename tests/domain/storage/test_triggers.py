"""The log only grows: statements that bypass every rule can neither leave a gap in it nor remove anything."""

import re
from collections.abc import Callable, Iterable

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.order import Shop
from domain.storage import tables
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database, roll_back
from tests.support.cancelling import a_request, a_small_order, a_split_order, cancel_well, units
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop

# The number and sequence of the newest event in `log`: a cancellation in the order 1001 of the shop `demo`.
NUMBER, SEQUENCE = 3, 2
AN_ORDER = "(SELECT id FROM orders WHERE shop_id = '{}' AND number = '{}')"
A_CANCELLATION = "(SELECT id FROM cancellations WHERE shop_id = 'other')"


def an_event(verb: str = "INSERT", **changes: str | int) -> str:
    """Inserts a copy of the newest event as the next one, with these columns changed."""
    next_one: dict[str, str | int] = {"number": NUMBER + 1, "sequence": SEQUENCE + 1}
    values = {column.name: column.name for column in tables.order_events.columns} | next_one | changes
    parts = ", ".join(str(part) for part in values.values())
    copied = f"SELECT {parts} FROM order_events WHERE shop_id = 'demo' AND number = {NUMBER}"  # noqa: S608 - ours
    return f"{verb} INTO order_events ({', '.join(values)}) {copied}"


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may do everything else: the triggers bind the owner too."""
    return as_owner(database_url)


@pytest.fixture
async def log(database: Database, shop: Shop) -> Database:
    """Two shops, each with the orders 2001 and 1001; one unit of 1001 is cancelled."""
    for each in (shop, await a_shop(database, "other")):
        await a_small_order(database, each)
        order = await a_split_order(database, each)
        await cancel_well(database, each, a_request(units(order, ("SKU-dress", 1))))
    return database


async def outcomes(database: Database, statements: Iterable[str]) -> dict[str, str]:
    """What refused each statement, or "done"; each is undone."""
    return {statement: await outcome(database, statement) for statement in statements}


async def outcome(database: Database, statement: str) -> str:
    async def undone(connection: AsyncConnection) -> None:
        await connection.execute(sa.text(statement))
        await roll_back(connection)

    try:
        await database.writing(EVERY_SHOP, undone)
    except IntegrityError as error:
        names = "ck_[a-z_]+|foreign key|unique constraint|order_events_[a-z]+(?=:)"
        return "".join(re.findall(names, str(error.orig), re.IGNORECASE)).lower()
    return "done"


async def test_an_event_follows_the_one_before_it(log: Database) -> None:
    expected = {
        an_event(): "done",
        an_event(number=NUMBER + 2): "order_events_follow",
        an_event(sequence=SEQUENCE + 2): "order_events_follow",
        an_event(order_id=AN_ORDER.format("demo", "2001")): "order_events_follow",
        an_event(shop_id="'nowhere'", sequence=1): "order_events_follow",
        an_event(number=0): "ck_order_events_numbers",
        an_event(sequence=0): "ck_order_events_numbers",
    }

    found = await outcomes(log, expected)

    assert found == expected


async def test_an_event_belongs_to_its_own_shop_and_order(log: Database) -> None:
    statements = [
        an_event(shop_id="'nowhere'", number=1, sequence=1),
        an_event(order_id=AN_ORDER.format("other", "1001"), sequence=1),
        an_event(order_id=AN_ORDER.format("demo", "2001"), sequence=2),
        an_event(cancellation_id=A_CANCELLATION),
        an_event(package=3),
        an_event(new_package=3),
    ]

    found = await outcomes(log, statements)

    assert found == dict.fromkeys(statements, "foreign key")


async def test_no_number_is_used_twice(log: Database) -> None:
    statements = [an_event(number=NUMBER), an_event(sequence=SEQUENCE), an_event(number=1), an_event(sequence=1)]

    found = await outcomes(log, statements)

    expected = "order_events_once" if log.has_single_writer else "unique constraint"
    assert found == dict.fromkeys(statements, expected)


async def test_events_are_neither_changed_nor_deleted(log: Database) -> None:
    statements = [
        "UPDATE order_events SET actor = 'nobody' WHERE number = 1",
        "UPDATE order_events SET number = number + 1",
        "UPDATE order_events SET after = NULL",
        "DELETE FROM order_events WHERE number = 3",
        "DELETE FROM order_events",
    ]

    found = await outcomes(log, statements)

    assert found == dict.fromkeys(statements, "order_events_stay")


async def test_no_other_statement_removes_an_event(log: Database) -> None:
    statement = an_event("INSERT OR REPLACE", number=1) if log.has_single_writer else "TRUNCATE order_events"

    found = await outcome(log, statement)

    assert found == ("order_events_once" if log.has_single_writer else "order_events_stay")


async def test_writing_an_event_does_not_read_the_whole_log(
    postgresql_url: str, as_owner: Callable[[str], str]
) -> None:
    database = Database(as_owner(postgresql_url))
    await a_small_order(database, await a_shop(database))
    columns = [column.name for column in tables.order_events.columns]
    values = [f"{name} + n" if name in {"number", "sequence"} else name for name in columns]
    events = f"SELECT {', '.join(values)} FROM order_events CROSS JOIN generate_series(1, 1000) AS n"  # noqa: S608 - ours
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'order_events'"

    async def work(connection: AsyncConnection) -> int:
        await connection.execute(sa.text(f"INSERT INTO order_events ({', '.join(columns)}) {events}"))
        rows = (await connection.execute(sa.text(read))).scalar_one()
        await roll_back(connection)
        return int(rows)

    found = await database.writing(EVERY_SHOP, work)

    assert found <= 3000
    await assert_sound(database)
    await database.close()
