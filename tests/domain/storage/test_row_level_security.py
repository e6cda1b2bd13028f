"""PostgreSQL itself keeps shops apart, even for statements that name no shop."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from domain.rules.order import Shop
from domain.storage import outbox
from domain.storage.engine.backend import EVERY_SHOP, ShopScope
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import DeniedError
from domain.storage.engine.hints import ProcessHints
from domain.storage.outbox import MAIL_TOPIC
from domain.storage.tables import metadata
from tests.api.conftest import on_postgresql
from tests.support.cancelling import LATER, a_request, cancel_well, everything
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop, an_order_input, store

pytestmark = on_postgresql
TABLES = [table.name for table in metadata.sorted_tables]


@pytest.fixture
async def two_shops(database: Database) -> AsyncIterator[tuple[Shop, Shop]]:
    """Two shops with two orders each, one of them cancelled."""
    both = await a_shop(database, "one"), await a_shop(database, "two")
    for shop in both:
        [order, _] = await store(database, shop, an_order_input("1001"), an_order_input("1002"))
        await cancel_well(database, shop, a_request(everything(order)))
    yield both
    await assert_sound(database)


async def shops_seen(database: Database, shop_id: ShopScope, table: str) -> set[str]:
    """The shops whose rows a transaction of this shop sees in a table."""
    column = "id" if table == "shops" else "shop_id"
    async with database.reading(shop_id) as connection:
        return set((await connection.execute(sa.text(f"SELECT {column} FROM {table}"))).scalars())  # noqa: S608 - ours


async def changed(database: Database, shop_id: ShopScope, statement: str) -> int:
    """The number of rows that a statement changes in a transaction of this shop."""

    async def work(connection: Any) -> int:
        result = await connection.execute(sa.text(statement))
        await roll_back(connection)
        return int(result.rowcount)

    return await database.writing(shop_id, work)


@pytest.mark.usefixtures("two_shops")
@pytest.mark.parametrize("table", TABLES)
async def test_a_transaction_sees_only_the_rows_of_its_shop(database: Database, table: str) -> None:
    seen = [await shops_seen(database, shop_id, table) for shop_id in ("one", "two", "nobody", EVERY_SHOP)]

    assert seen == [{"one"}, {"two"}, set(), {"one", "two"}]


@pytest.mark.usefixtures("two_shops")
@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("UPDATE orders SET version = version", 2),
        ("UPDATE shops SET name = name", 1),
        ("UPDATE package_items SET cancelled_quantity = cancelled_quantity", 2),
        ("UPDATE outbox SET attempts = attempts", 1),
        ("DELETE FROM idempotency_keys", 1),
    ],
)
async def test_a_statement_that_names_no_shop_changes_only_its_own(
    database: Database, statement: str, rows: int
) -> None:
    assert await changed(database, "one", statement) == rows


@pytest.mark.usefixtures("two_shops")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO shops SELECT 'three', name, shipping_refund_policy, cursor_key, 0, created_at FROM shops",
        "UPDATE orders SET shop_id = 'two', number = number || '-copy'",
        "UPDATE idempotency_keys SET shop_id = 'two', key = key || '-copy'",
    ],
    ids=["a shop", "an order", "a key"],
)
async def test_nothing_is_written_into_another_shop(database: Database, statement: str) -> None:
    with pytest.raises(DeniedError, match="row-level security"):
        await changed(database, "one", statement)


@pytest.mark.usefixtures("two_shops")
@pytest.mark.parametrize(
    "table", sorted({*TABLES} - {"outbox", "idempotency_keys", "order_events", "cancellation_lines"})
)
async def test_a_transaction_for_every_shop_changes_only_mails_and_keys(database: Database, table: str) -> None:
    column = metadata.tables[table].primary_key.columns[0].name
    statement = f"UPDATE {table} SET {column} = {column}"  # noqa: S608 - ours

    assert await changed(database, EVERY_SHOP, statement) == 0


@pytest.mark.usefixtures("two_shops")
@pytest.mark.parametrize(
    "statement",
    ["UPDATE order_events SET actor = 'me'", "DELETE FROM order_events", "UPDATE cancellation_lines SET total = 1"],
)
async def test_append_only_rows_cannot_be_changed(database: Database, statement: str) -> None:
    with pytest.raises(DeniedError, match="permission denied"):
        await changed(database, "one", statement)


@pytest.mark.usefixtures("two_shops")
async def test_a_session_without_a_shop_sees_nothing(postgresql_url: str) -> None:
    connection = await asyncpg.connect(postgresql_url)
    seen = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES]  # noqa: S608 - ours
    await connection.close()

    assert seen == [0] * len(TABLES)


async def test_a_connection_switches_shops_even_after_a_rollback(
    database: Database, two_shops: tuple[Shop, Shop]
) -> None:
    one, two = two_shops
    seen = [
        (await changed(database, shop.id, "UPDATE shops SET name = name"), await shops_seen(database, shop.id, "shops"))
        for shop in (one, two, one, one, two)
    ]

    assert seen == [(1, {shop.id}) for shop in (one, two, one, one, two)]


async def test_the_shop_is_set_when_a_transaction_begins_and_reset_when_it_ends(
    database: Database, two_shops: tuple[Shop, Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one round trip, and never for the session, which a pooler may hand to another shop."""
    said: list[str] = []
    left: list[str] = []
    execute = asyncpg.Connection.execute

    async def noted(self: asyncpg.Connection, statement: str, *arguments: Any) -> Any:  # the original's arguments
        said.append(statement)
        answer = await execute(self, statement, *arguments)
        if statement == "COMMIT;":
            left.append(await self.fetchval("SELECT current_setting('shortship.shop', true)"))
        return answer

    await database.hints.close()
    database.hints = ProcessHints()  # without a connection that runs statements of its own
    monkeypatch.setattr(asyncpg.Connection, "execute", noted)
    for shop in two_shops:
        await shops_seen(database, shop.id, "shops")
        await changed(database, shop.id, "UPDATE shops SET name = name")

    assert [re.findall(r"\w+", statement)[0] for statement in said] == ["BEGIN", "COMMIT", "BEGIN", "ROLLBACK"] * 2
    assert left == ["", ""]


@pytest.mark.parametrize("shop_id", ["O'Neill", "back\\slash", "two\nlines", "'; SELECT '", "Größe 雪 $1 %s"])
async def test_a_shop_id_may_be_any_text(database: Database, shop_id: str) -> None:
    async with database.reading(shop_id) as connection:
        current = (await connection.execute(sa.text("SELECT current_setting('shortship.shop')"))).scalar_one()

    assert current == shop_id


@pytest.mark.usefixtures("two_shops")
async def test_mails_of_every_shop_are_claimed(database: Database) -> None:
    claimed = [
        message.shop_id for _ in range(2) for message in await outbox.claim(database, MAIL_TOPIC, limit=9, now=LATER)
    ]

    assert sorted(claimed) == ["one", "two"]
