"""An act whose transaction is retried is done once, and answered as if nothing had happened."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from domain import fulfillment, notification
from domain.mail.sending import Sent
from domain.rules import ids
from domain.rules.order import Cancellation, ItemEntry, Order, Shop
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.splits import PackageSplit
from domain.rules.transitions import PackageMove
from domain.rules.vocabulary import OrderStatus, PackageStatus, RefundStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import LATER, a_request, cancel_well, happened, item_id, package_id, read_again, units
from tests.support.fulfilling import move, set_status, settle, split
from tests.support.mailing import Script, run
from tests.support.stored import a_package_input, an_item_input, an_order_input, store, stored
from tests.support.troubles import ForgetfulDatabase, UnluckyDatabase

Act = Callable[[Database, Shop, Order], Awaitable[FulfillmentOutcome]]
Redress = Callable[[Database, Shop, Cancellation], Awaitable[FulfillmentOutcome]]


@pytest.fixture(params=[ForgetfulDatabase, UnluckyDatabase], ids=["committed", "rolled back"])
async def twice(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """The database, but each transaction is retried after it was committed or rolled back."""
    database = request.param(database_url)
    yield database
    await database.close()


async def a_mixed_order(database: Database, shop: Shop, status: OrderStatus) -> Order:
    packages = (a_package_input("A", dress=4), a_package_input("B", PackageStatus.IN_TRANSIT, dress=1))
    items = (an_item_input("dress", quantity=5),)
    return (await store(database, shop, an_order_input("1001", *items, status=status, packages=packages)))[0]


async def carry(database: Database, shop: Shop, order: Order) -> FulfillmentOutcome:
    request = PackageMove(package_id(order, "A"), PackageStatus.AWAITING_SHIPMENT, carrier="Swift")
    return await fulfillment.update_package_status(database, shop, request, actor="warehouse", now=LATER)


async def arrange(database: Database, shop: Shop, order: Order) -> FulfillmentOutcome:
    return await move(database, shop, order, "A", PackageStatus.AWAITING_COLLECTION)


async def release(database: Database, shop: Shop, order: Order) -> FulfillmentOutcome:
    return await set_status(database, shop, order, OrderStatus.AWAITING_SHIPMENT)


async def take_one_out(database: Database, shop: Shop, order: Order) -> FulfillmentOutcome:
    return await split(database, shop, order, "A", ("SKU-dress", 1))


@pytest.mark.parametrize(
    ("status", "act", "events"),
    [
        pytest.param("AWAITING_SHIPMENT", carry, [], id="carrier"),
        pytest.param(
            "AWAITING_SHIPMENT",
            arrange,
            ["PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT AWAITING_COLLECTION"],
            id="package",
        ),
        pytest.param("ON_HOLD", release, ["ORDER_STATUS_CHANGED ON_HOLD PARTIALLY_SHIPPING"], id="order"),
        pytest.param("AWAITING_SHIPMENT", take_one_out, ["PACKAGE_SPLIT 1 3"], id="split"),
    ],
)
async def test_an_order_changes_once(
    database: Database, twice: Database, shop: Shop, status: str, act: Act, events: list[str]
) -> None:
    order = await a_mixed_order(database, shop, OrderStatus[status])

    outcome = await act(twice, shop, order)

    after = await stored(database, shop, "1001")
    assert (outcome.problems, outcome.order) == ((), after)
    assert {outcome.package, outcome.new_package} <= {*after.packages, None}
    assert after.version == 2
    assert await happened(database, order) == ["ORDER_IMPORTED", *events]


async def test_a_concurrent_act_is_not_mistaken_for_the_callers_own(
    database: Database, database_url: str, shop: Shop
) -> None:
    order = await a_mixed_order(database, shop, OrderStatus.AWAITING_SHIPMENT)

    class Overtaken(UnluckyDatabase):
        async def meanwhile(self) -> None:
            entries = (ItemEntry(item_id(order, "SKU-dress"), 2),)
            request, moment = PackageSplit(package_id(order, "A"), entries), LATER + timedelta(microseconds=1)
            await fulfillment.split_package(database, shop, request, actor="warehouse", now=moment)

    overtaken = Overtaken(database_url)
    outcome = await take_one_out(overtaken, shop, order)
    await overtaken.close()

    after = await stored(database, shop, "1001")
    assert (outcome.problems, outcome.order) == ((), after)
    assert [sum(packed.quantity for packed in package.items) for package in after.packages] == [1, 2, 1, 1]
    assert await happened(database, order) == ["ORDER_IMPORTED", "PACKAGE_SPLIT 1 3", "PACKAGE_SPLIT 1 4"]


async def succeed(database: Database, shop: Shop, made: Cancellation) -> FulfillmentOutcome:
    return await settle(database, shop, made, RefundStatus.SUCCEEDED, "R-1")


async def send_again(database: Database, shop: Shop, made: Cancellation) -> FulfillmentOutcome:
    cancellation_id = ids.of_cancellation(made.id)
    return await notification.resend_notification(database, shop, cancellation_id, actor="seller", now=LATER)


@pytest.mark.parametrize(
    ("act", "event"),
    [
        pytest.param(succeed, "REFUND_STATUS_CHANGED PENDING SUCCEEDED", id="refund"),
        pytest.param(send_again, "NOTIFICATION_STATUS_CHANGED SENT QUEUED", id="mail"),
    ],
)
async def test_a_cancellation_changes_once(
    database: Database, twice: Database, shop: Shop, act: Redress, event: str
) -> None:
    order = await a_mixed_order(database, shop, OrderStatus.AWAITING_SHIPMENT)
    made = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))
    await run(database, Script(Sent()), now=LATER)

    outcome = await act(twice, shop, made)

    assert outcome == FulfillmentOutcome(
        await stored(database, shop, "1001"), cancellation=await read_again(database, shop, made)
    )
    assert (await happened(database, order))[3:] == [event]
