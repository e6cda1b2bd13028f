"""Behind PgBouncer, each transaction may run in a session that another one used last, with what it left there."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from api.loops import mail_loop, smtp_sender
from api.settings import Settings
from api.wiring import clock, database_of
from domain import ingestion
from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.rules.vocabulary import ImportOutcome
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.postgresql_address import PostgresqlAddress
from domain.storage.tables import metadata
from tests.api.conftest import serving
from tests.domain.storage.engine.test_hints import is_heard
from tests.mail.delivery import servers
from tests.support.calling import ORDER
from tests.support.cancelling import a_request, cancel_well, everything, item_id
from tests.support.client import SECRET, Client, a_token
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.pgbouncer import PGBOUNCER, pooling
from tests.support.stored import a_shop, an_item_input, an_order_input, store

pytestmark = pytest.mark.skipif(
    not PGBOUNCER and not os.environ.get("CI"),  # noqa: TID251 - as everywhere
    reason="needs pgbouncer",
)
SESSIONS = 3
ROUNDS = 10
ORDERS = "{ orders { edges { node { id } } } }"
CANCEL = "mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { errors { code } } }"
CURSOR = '{ orderByNumber(number: "0") { eventCursor } }'
EVENTS = "subscription ($after: String) { orderEvents(after: $after) { order { number } } }"


@pytest.fixture
def pooled_url(postgresql_url: str, tmp_path: Path) -> Iterator[str]:
    with pooling(postgresql_url, tmp_path, sessions=SESSIONS) as url:
        yield url


@pytest.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Database]:
    database = Database(pooled_url)
    yield database
    await database.close()


def settings_for(database_url: str, **settings: Any) -> Settings:
    return Settings(database_url=database_url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS, **settings)


async def orders_of(database: Database, *shops: str) -> dict[Shop, list[Order]]:
    """Creates these shops with two orders each."""
    found = {}
    for shop_id in shops:
        shop = await a_shop(database, shop_id)
        given = (an_order_input(number, an_item_input("dress", quantity=ROUNDS)) for number in ("1001", "1002"))
        found[shop] = await store(database, shop, *given)
    return found


async def work_of(shop: Shop, orders: list[Order], base: str, session: int) -> None:
    """Reads and cancels in turn, and checks each time that the shop sees only its own orders."""
    client = Client(base, a_token(shop.id))
    for number in range(ROUNDS):
        found = (await client.data(ORDERS))["orders"]
        assert {edge["node"]["id"] for edge in found["edges"]} == {ids.of_order(order.id) for order in orders}
        items = [{"itemId": item_id(orders[session], "SKU-dress"), "quantity": 1}]
        request = {"orderId": ids.of_order(orders[session].id), "items": items, "reason": "OUT_OF_STOCK"}
        done = await client.data(CANCEL, input=request | {"idempotencyKey": f"{session}-{number}"})
        assert done["cancelItems"]["errors"] == []
    await client.http.aclose()


async def test_concurrent_shops_share_sessions_and_nothing_else(pooled_url: str, pooled: Database) -> None:
    """Catches a shop or a prepared statement that stays with a session, where the next transaction finds it."""
    shops = await orders_of(pooled, "one", "two", "three", "four")
    settings = settings_for(pooled_url)

    async with serving(settings, database_of(settings)) as one, serving(settings, database_of(settings)) as two:
        work = [work_of(*shop, base, session) for shop in shops.items() for session, base in enumerate((one, two))]
        await asyncio.wait_for(asyncio.gather(*work), PATIENCE_SECONDS)

    async with pooled.reading(EVERY_SHOP) as connection:
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
        assert (await connection.execute(sa.text(sessions))).scalar_one() <= SESSIONS
    await assert_sound(pooled)


async def test_rows_of_shops_are_kept_apart(pooled: Database) -> None:
    shops = await orders_of(pooled, "one", "two")
    for shop, [order, _] in shops.items():
        await cancel_well(pooled, shop, a_request(everything(order)))

    for table in metadata.sorted_tables:
        seen = await asyncio.gather(*(shops_seen(pooled, shop_id, table) for shop_id in ("one", "two", "nobody") * 3))
        assert seen == [{"one"}, {"two"}, set()] * 3


async def shops_seen(database: Database, shop_id: str, table: sa.Table) -> set[str]:
    column = table.c.id if table.name == "shops" else table.c.shop_id
    async with database.reading(shop_id) as connection:
        return set((await connection.execute(sa.select(column))).scalars())


async def test_every_wait_has_a_limit_in_every_session(pooled: Database) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")

    for _ in range(SESSIONS):
        async with pooled.reading(EVERY_SHOP) as connection:
            found = [(await connection.execute(sa.text(f"SHOW {name}"))).scalar_one() for name in names]
        assert found == ["2s", "5s", "5s"]


async def test_a_file_is_imported(pooled: Database, tmp_path: Path) -> None:
    shop = await a_shop(pooled)
    file = tmp_path / "orders.json"
    file.write_bytes(orjson.dumps([{**ORDER, "number": f"{number}"} for number in range(250)]))

    batches = [batch async for batch in ingestion.import_file(pooled, shop, file, actor="import", clock=clock)]

    outcomes = [result.outcome for batch in batches for result in batch.results]
    assert outcomes == [ImportOutcome.CREATED] * 250
    await assert_sound(pooled)


async def test_a_worker_sends_the_mails_of_every_shop(pooled: Database, pooled_url: str) -> None:
    for shop, orders in (await orders_of(pooled, "one", "two")).items():
        await cancel_well(pooled, shop, a_request(everything(orders[0])))
    inbox, stop = servers.Inbox(), asyncio.Event()

    async with servers.serving(inbox) as port:
        settings = settings_for(
            pooled_url, smtp_url=f"smtp://127.0.0.1:{port}?tls=none", mail_from="Demo Shop <orders@shop.example>"
        )
        sender = smtp_sender(settings)
        assert sender
        working = asyncio.ensure_future(mail_loop(sender, settings)(pooled, stop))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(inbox.messages) < 2:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.02)
        stop.set()
        await working

    await assert_sound(pooled)


@pytest.mark.parametrize("is_direct", [True, False], ids=["at a direct address", "by the tick"])
async def test_a_subscription_hears_of_events_and_the_log_says_how(
    pooled: Database, pooled_url: str, postgresql_url: str, *, is_direct: bool
) -> None:
    settings = settings_for(pooled_url, listen_url=postgresql_url if is_direct else None)
    shop = await a_shop(pooled)
    await store(pooled, shop, an_order_input("0"))

    with capture_logs() as lines:
        async with serving(settings, database_of(settings)) as base:
            client = Client(base, a_token(shop.id))
            cursor = (await client.data(CURSOR))["orderByNumber"]["eventCursor"]
            async with asyncio.timeout(PATIENCE_SECONDS), client.subscription(EVENTS, after=cursor) as results:
                for number in ("1", "2"):  # by the second, the feed has caught up and has to be woken
                    await store(pooled, shop, an_order_input(number))
                    heard = await anext(results)
                    assert "errors" not in heard, heard
                    assert heard["data"]["orderEvents"]["order"]["number"] == number
            await client.http.aclose()

    said = [(line["event"], line.get("by")) for line in lines if line["event"].startswith("hints.")]
    assert said == [("hints.heard", "LISTEN") if is_direct else ("hints.unheard", None)]


async def test_hints_sent_through_the_pooler_are_heard_by_a_direct_listener(
    pooled: Database, postgresql_url: str
) -> None:
    listener = Database(postgresql_url)

    await is_heard(pooled, listener, "orders")

    await listener.close()


async def test_statements_are_not_prepared_behind_a_pooler_unless_the_address_says_so(
    pooled_url: str, postgresql_url: str
) -> None:
    addresses = {
        postgresql_url: True,
        f"{postgresql_url}?prepared_statement_cache_size=0": False,
        pooled_url: False,
        f"{pooled_url}?prepared_statement_cache_size=10": True,  # the pooler supports them, as the user knows
    }

    for url, is_prepared in addresses.items():
        address = PostgresqlAddress(url)
        for connection in await asyncio.gather(*(address.connect() for _ in range(5))):
            assert bool((await connection.prepare("SELECT 1")).get_name()) is is_prepared
            await connection.close()
