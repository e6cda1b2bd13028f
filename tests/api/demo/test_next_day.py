"""The demo's second day: what the marketplace tells of its orders a day later is taken over once."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.demo import operations, sample_shop
from api.settings import Settings
from domain.rules.order import Order, OrderEvent
from domain.rules.vocabulary import EventType, NotificationStatus, OrderStatus, PackageStatus, RefundStatus
from domain.storage import cancellation_list, events
from domain.storage.cancellation_list import CancellationFilter
from domain.storage.engine.database import Database
from domain.storage.pages import PageRequest
from tests.support.invariants import assert_sound, dump
from tests.support.stored import stored

PAID_AT_DOOR, CANCELLED, SHORT, RELEASED, REPACKED, SHIPPED = (
    f"576400078900000{number}" for number in ("05", "07", "08", "10", "11", "12")
)


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """The demo's, on its first day."""
    monkeypatch.chdir(tmp_path)
    settings = await sample_shop.prepare(sample_shop.settings_of(Settings()))
    database = Database(settings.database_url)
    yield database
    await assert_sound(database)
    await database.close()


async def orders_of(database: Database) -> dict[str, Order]:
    shop = await sample_shop.demo_shop(database)
    numbers = (PAID_AT_DOOR, CANCELLED, SHORT, RELEASED, REPACKED, SHIPPED)
    return {number: await stored(database, shop, number) for number in numbers}


async def updates_in(database: Database) -> list[OrderEvent]:
    async with database.reading(sample_shop.SHOP_ID) as connection:
        logged = await events.list_events(connection, sample_shop.SHOP_ID, after=0, limit=1_000)
    return [event for event in logged if event.type is EventType.ORDER_UPDATED]


async def test_it_changes_six_orders_and_says_what_was_taken_over(database: Database) -> None:
    numbers = {order.id: number for number, order in (await orders_of(database)).items()}

    await sample_shop.bring_next_day(database, asyncio.Event(), seconds=0)

    updates = await updates_in(database)
    assert {update.actor for update in updates} == {"import"}
    assert {numbers[update.order_id]: [note.code.name for note in update.notes] for update in updates} == {
        PAID_AT_DOOR: ["PACKAGE_STATUS", "DETAILS", "ORDER_STATUS"],
        CANCELLED: ["AMOUNT_SPREAD", "CANCELLED_THERE", "ORDER_STATUS"],
        SHORT: ["CANCELLED_THERE"],
        RELEASED: ["DETAILS", "DETAILS", "ORDER_STATUS"],
        REPACKED: ["REPACKED"],
        SHIPPED: ["PACKAGE_STATUS", "DETAILS", "DETAILS", "ORDER_STATUS"],
    }
    assert len(updates) == 6


async def test_each_of_the_six_shows_something_else(database: Database) -> None:
    before = await orders_of(database)

    await sample_shop.bring_next_day(database, asyncio.Event(), seconds=0)

    after = await orders_of(database)
    assert (before[PAID_AT_DOOR].paid, before[PAID_AT_DOOR].due_at_door) == (0, 66201)
    assert (after[PAID_AT_DOOR].paid, after[PAID_AT_DOOR].due_at_door) == (66201, 0)
    assert (after[CANCELLED].status, after[CANCELLED].refunded) == (OrderStatus.CANCELLED, 434566)
    assert [item.cancelled_quantity for item in after[SHORT].items] == [0, 1]
    assert after[SHORT].refunded == 900  # with its deposit of 1.50
    assert (before[RELEASED].status, after[RELEASED].status) == (OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT)
    assert after[RELEASED].buyer.name == "Signe Lindgren"
    assert [len(order[REPACKED].packages) for order in (before, after)] == [1, 2]
    assert [(package.status, package.carrier, package.tracking_number) for package in after[SHIPPED].packages] == [
        (PackageStatus.IN_TRANSIT, "Yamato Transport", "400000000012")
    ]


async def test_its_cancellations_are_paid_and_told_already(database: Database) -> None:
    shop = await sample_shop.demo_shop(database)

    await sample_shop.bring_next_day(database, asyncio.Event(), seconds=0)

    async with database.reading(shop.id) as connection:
        page = await cancellation_list.list_cancellations(connection, shop, CancellationFilter(), PageRequest(100))
    made = [each for each in page.entries if each.actor == "import"]
    assert [(each.refund_status, each.notification.status) for each in made] == [
        (RefundStatus.SUCCEEDED, NotificationStatus.NOT_NEEDED)
    ] * 2


async def test_a_demo_that_is_started_again_changes_nothing_more(database: Database) -> None:
    await sample_shop.bring_next_day(database, asyncio.Event(), seconds=0)
    before = await dump(database)

    await sample_shop.prepare(sample_shop.settings_of(Settings()))
    await sample_shop.bring_next_day(database, asyncio.Event(), seconds=0)

    assert await dump(database) == before


async def test_it_does_not_come_once_the_demo_stops(database: Database) -> None:
    stop = asyncio.Event()
    stop.set()

    await sample_shop.bring_next_day(database, stop)

    assert await updates_in(database) == []


async def test_no_package_that_moves_and_no_step_is_of_an_order_that_it_changes(database: Database) -> None:
    shop = await sample_shop.demo_shop(database)
    changed = {order.id for order in (await orders_of(database)).values()}

    moving = await sample_shop.moving_orders(database, shop, size=10, is_from_back=True)
    listed = await sample_shop.moving_orders(database, shop, size=100)

    variables = json.dumps(operations.tabs(listed, None, {"packages": []}))
    assert len(moving) == 10
    assert changed & {order.id for order in moving} == set()
    assert [order_id for order_id in changed if order_id.hex in variables] == []
