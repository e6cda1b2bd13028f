"""After a COMMIT whose answer is lost, the act is done once and answered as if nothing had happened."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from api.settings import Settings
from domain import ingestion, notification
from domain.arriving import ImportResult
from domain.cancellation import CancellationOutcome
from domain.mail.sending import Sent
from domain.rules import ids
from domain.rules.order import Cancellation, Order, Selection, Shop, value
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.vocabulary import ImportOutcome, OrderStatus, PackageStatus, RefundStatus
from domain.storage import cancellations, events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import UnavailableError, UnknownOutcomeError
from tests.api.conftest import serving
from tests.faults.proxy import Fault, Link, Proxy, answer_lost, answer_missing, commit_lost
from tests.support.cancelling import LATER, a_request, cancel, cancel_well, everything, units
from tests.support.client import SECRET, Client, a_token
from tests.support.fulfilling import move, set_status, settle, split
from tests.support.invariants import assert_sound
from tests.support.mailing import Script, run
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW, a_package_input, a_shop, an_item_input, an_order_input, store, stored
from tests.support.troubles import held

CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) {
  replayed cancellation { idempotencyKey } order { version } errors { code } } }
"""

SPLIT = "mutation ($input: SplitPackageInput!) { splitPackage(input: $input) { errors { code } } }"


@value
class Case:
    """An order of five dresses, one of which was cancelled and its e-mail sent."""

    shop: Shop
    order: Order
    made: Cancellation


Act = Callable[[Database, Case], Awaitable[FulfillmentOutcome]]
Other = Callable[[Database, Case], Awaitable[object]]


@pytest.fixture
async def direct(postgresql_url: str) -> AsyncIterator[Database]:
    """The database without the proxy."""
    database = Database(postgresql_url)
    yield database
    await database.close()


@pytest.fixture
async def case(direct: Database) -> Case:
    shop = await a_shop(direct)
    packages = (a_package_input("A", dress=4), a_package_input("B", dress=1))
    given = an_order_input("1001", an_item_input("dress", quantity=5, subtotal="100.01"), packages=packages)
    [order] = await store(direct, shop, given)
    made = await cancel_well(direct, shop, a_request(units(order, ("SKU-dress", 1)), "before"))
    await run(direct, Script(Sent()), now=LATER)
    return Case(shop, order, made)


def overtaken_by(act: Callable[[], Awaitable[object]]) -> Fault:
    """The answer is lost, and somebody else acts before the retry."""

    async def fault(link: Link) -> None:
        await link.commit()
        await act()
        link.close()

    return fault


async def made_with(database: Database, case: Case, key: str) -> Cancellation:
    async with database.reading(EVERY_SHOP) as connection:
        listed = await cancellations.list_by_order(connection, case.shop.id, [case.order.id])
    [made] = [each for each in listed[case.order.id] if each.idempotency_key == key]
    return made


async def logged(database: Database, shop: Shop) -> list[str]:
    """The log since the case began: event types, and statuses before and after."""
    async with database.reading(EVERY_SHOP) as connection:
        found = await events.list_events(connection, shop.id, after=3, limit=100)
    parts = [(each.type.name, each.before, each.after) for each in found]
    return [" ".join(str(part) for part in each if part is not None) for each in parts]


async def move_on(database: Database, case: Case) -> FulfillmentOutcome:
    return await move(database, case.shop, case.order, "A", PackageStatus.AWAITING_COLLECTION)


async def collect(database: Database, case: Case) -> FulfillmentOutcome:
    return await move(database, case.shop, case.order, "A", PackageStatus.IN_TRANSIT)


async def take_one_out(database: Database, case: Case) -> FulfillmentOutcome:
    return await split(database, case.shop, case.order, "A", ("SKU-dress", 1))


async def hold(database: Database, case: Case) -> FulfillmentOutcome:
    return await set_status(database, case.shop, case.order, OrderStatus.ON_HOLD)


async def release(database: Database, case: Case) -> FulfillmentOutcome:
    return await set_status(database, case.shop, case.order, OrderStatus.AWAITING_SHIPMENT)


async def fail(database: Database, case: Case) -> FulfillmentOutcome:
    return await settle(database, case.shop, case.made, RefundStatus.FAILED, "R-1")


async def succeed(database: Database, case: Case) -> FulfillmentOutcome:
    return await settle(database, case.shop, case.made, RefundStatus.SUCCEEDED, "R-2")


async def send_again(database: Database, case: Case) -> FulfillmentOutcome:
    cancellation_id = ids.of_cancellation(case.made.id)
    return await notification.resend_notification(database, case.shop, cancellation_id, actor="seller", now=LATER)


async def deliver(database: Database, _: Case) -> None:
    await run(database, Script(Sent()), now=LATER)


async def cancel_the_rest(database: Database, case: Case) -> CancellationOutcome:
    return await cancel(database, case.shop, a_request(everything(case.order), "other"))


async def arrive(database: Database, case: Case, subtotal: str = "5.00") -> ImportResult:
    given = an_order_input("1002", an_item_input(subtotal=subtotal))
    [result] = await ingestion.import_orders(database, case.shop, [given], actor="import", now=NOW)
    return result


async def arrive_again(database: Database, case: Case) -> ImportResult:
    """The case's order, which its source now says is on hold."""
    packages = (a_package_input("A", dress=4), a_package_input("B", dress=1))
    item = an_item_input("dress", quantity=5, subtotal="100.01")
    given = an_order_input("1001", item, packages=packages, status=OrderStatus.ON_HOLD)
    [result] = await ingestion.import_orders(database, case.shop, [given], actor="import", now=LATER)
    return result


MOVED_ON = [
    "PACKAGE_STATUS_CHANGED AWAITING_SHIPMENT AWAITING_COLLECTION",
    "ORDER_STATUS_CHANGED AWAITING_SHIPMENT PARTIALLY_SHIPPING",
]
COLLECTED = ["PACKAGE_STATUS_CHANGED AWAITING_COLLECTION IN_TRANSIT"]
HELD, RELEASED = "ORDER_STATUS_CHANGED AWAITING_SHIPMENT ON_HOLD", "ORDER_STATUS_CHANGED ON_HOLD AWAITING_SHIPMENT"
FAILED, SUCCEEDED = "REFUND_STATUS_CHANGED PENDING FAILED", "REFUND_STATUS_CHANGED FAILED SUCCEEDED"
QUEUED, DELIVERED = "NOTIFICATION_STATUS_CHANGED SENT QUEUED", "NOTIFICATION_STATUS_CHANGED QUEUED SENT"
CANCELLED = [
    "ITEMS_CANCELLED",
    "PACKAGE_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
    "PACKAGE_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
    "ORDER_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
]
# An act and its events, and the act with which somebody else overtakes it and its events
ACTS: dict[str, tuple[Act, list[str], Other, list[str]]] = {
    "updatePackageStatus": (move_on, MOVED_ON, collect, COLLECTED),
    "splitPackage": (take_one_out, ["PACKAGE_SPLIT"], take_one_out, ["PACKAGE_SPLIT"]),
    "updateOrderStatus": (hold, [HELD], release, [RELEASED]),
    "settleRefund": (fail, [FAILED], succeed, [SUCCEEDED]),
    "resendNotification": (send_again, [QUEUED], deliver, [DELIVERED]),
}
# A selection, the events of cancelling it, and those of somebody else then cancelling the rest, if any
SELECTIONS: dict[str, tuple[Callable[[Order], Selection], list[str], list[str]]] = {
    "cancelItems": (lambda order: units(order, ("SKU-dress", 1)), ["ITEMS_CANCELLED"], CANCELLED),
    "cancelOrder": (everything, CANCELLED, []),
}
LOST = pytest.mark.parametrize("fault", [answer_lost, commit_lost], ids=["answer", "commit"])


@LOST
@pytest.mark.parametrize("name", SELECTIONS)
async def test_units_are_cancelled_once(
    direct: Database, through: Database, proxy: Proxy, case: Case, fault: Fault, name: str
) -> None:
    """Catches units cancelled twice, and an answer that calls the only cancellation a replay."""
    selection, log, _ = SELECTIONS[name]
    proxy.faults.append(fault)

    outcome = await cancel(through, case.shop, a_request(selection(case.order)))

    assert proxy.faults == []
    assert (outcome.problems, outcome.replayed) == ((), False)
    assert outcome.order == await stored(direct, case.shop, "1001")
    assert outcome.cancellation == await made_with(direct, case, "key-1")
    assert await logged(direct, case.shop) == log
    await assert_sound(direct)


@pytest.mark.parametrize("name", SELECTIONS)
async def test_a_cancellation_overtaken_by_another_is_made_once(
    direct: Database, through: Database, proxy: Proxy, case: Case, name: str
) -> None:
    """Catches a retry that judges the order as the other left it, and refuses what was done."""
    selection, log, then = SELECTIONS[name]
    proxy.faults.append(overtaken_by(lambda: cancel_the_rest(direct, case)))

    outcome = await cancel(through, case.shop, a_request(selection(case.order)))

    assert proxy.faults == []
    assert (outcome.problems, outcome.replayed) == ((), False)
    assert outcome.order == await stored(direct, case.shop, "1001")
    assert outcome.cancellation == await made_with(direct, case, "key-1")
    assert await logged(direct, case.shop) == [*log, *then]
    await assert_sound(direct)


@pytest.fixture
async def then_held(postgresql_url: str, as_owner: Callable[[str], str]) -> AsyncIterator[Fault]:
    """The answer is lost, and from then on others hold the locks that a retry needs; reads still work."""
    async with AsyncExitStack() as stack:

        async def fault(link: Link) -> None:
            await link.commit()
            lock = "LOCK TABLE orders, idempotency_keys IN SHARE ROW EXCLUSIVE MODE"
            await stack.enter_async_context(held(as_owner(postgresql_url), lock))
            link.close()

        yield fault


@pytest.fixture
async def pending() -> AsyncIterator[Fault]:
    """The connection breaks, and the server has not yet committed when it is asked again."""
    over = asyncio.Event()

    async def fault(link: Link) -> None:
        link.leave()
        await over.wait()

    yield fault
    over.set()


async def cancel_one(database: Database, case: Case) -> CancellationOutcome:
    return await cancel(database, case.shop, a_request(units(case.order, ("SKU-dress", 1))))


# An act and its events
UNCERTAIN: dict[str, tuple[Callable[[Database, Case], Awaitable[Any]], list[str]]] = {
    "splitPackage": (take_one_out, ["PACKAGE_SPLIT"]),
    "settleRefund": (fail, [FAILED]),
    "cancelItems": (cancel_one, ["ITEMS_CANCELLED"]),
    "importOrders": (arrive, ["ORDER_IMPORTED"]),
    "importOrders, of a known order": (arrive_again, [HELD, "ORDER_UPDATED"]),
}


@pytest.mark.parametrize("name", UNCERTAIN)
async def test_a_committed_act_is_never_reported_as_not_done(
    direct: Database, through: Database, proxy: Proxy, case: Case, then_held: Fault, name: str
) -> None:
    """Catches a TRY_AGAIN that makes a client do it twice."""
    act, log = UNCERTAIN[name]
    proxy.faults.append(then_held)

    outcome = await act(through, case)

    assert proxy.faults == []
    assert outcome.problems == ()
    assert await logged(direct, case.shop) == log
    await assert_sound(direct)


@pytest.mark.parametrize("name", UNCERTAIN)
async def test_an_act_that_may_still_be_committed_is_unavailable(
    through: Database, proxy: Proxy, case: Case, pending: Fault, name: str
) -> None:
    """Catches a TRY_AGAIN for what the server may still be committing."""
    act, _ = UNCERTAIN[name]
    proxy.faults.append(pending)

    with pytest.raises(UnavailableError):
        await act(through, case)

    assert proxy.faults == []


@pytest.mark.parametrize("name", UNCERTAIN)
async def test_an_act_that_a_lost_server_may_have_committed_is_unknown(
    through: Database, proxy: Proxy, case: Case, name: str
) -> None:
    """Catches an error that says to try again in a moment, because the check failed too."""

    async def gone(link: Link) -> None:
        proxy.refuse()
        await answer_lost(link)

    act, _ = UNCERTAIN[name]
    proxy.faults.append(gone)

    with pytest.raises(UnknownOutcomeError):
        await act(through, case)

    assert proxy.faults == []


async def test_a_client_of_the_api_is_told_that_the_outcome_is_unknown(
    proxy: Proxy, case: Case, pending: Fault
) -> None:
    """Catches an answer that invites the client to split once more."""
    dress, package = ids.of_item(case.order.id, 1), ids.of_package(case.order.id, 1)
    settings = Settings(database_url=proxy.url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS)

    async with serving(settings, Database(proxy.url)) as base:
        client = Client(base, a_token(case.shop.id))
        proxy.faults.append(pending)
        body = await client.post(SPLIT, input={"packageId": package, "items": [{"itemId": dress, "quantity": 1}]})
        await client.http.aclose()

    [error] = body["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert error["message"].endswith("without one, look it up first.")


async def test_a_shop_is_created_once(through: Database, proxy: Proxy) -> None:
    """Catches a creation that finds its own shop there already."""
    proxy.faults.append(answer_lost)

    shop = await a_shop(through, "new")

    assert proxy.faults == []
    assert shop.id == "new"


async def test_units_are_cancelled_once_when_the_connection_falls_silent(
    direct: Database, proxy: Proxy, case: Case
) -> None:
    """Catches a caller that waits for ever, or is told that nothing was done."""
    impatient = Database(proxy.url, statement_seconds=1)
    proxy.faults.append(answer_missing)

    async with asyncio.timeout(PATIENCE_SECONDS):
        outcome = await cancel(impatient, case.shop, a_request(units(case.order, ("SKU-dress", 1))))

    assert proxy.faults == []
    assert (outcome.problems, outcome.replayed) == ((), False)
    assert outcome.order == await stored(direct, case.shop, "1001")
    assert await logged(direct, case.shop) == ["ITEMS_CANCELLED"]
    await impatient.close()
    await assert_sound(direct)


@LOST
@pytest.mark.parametrize("name", ACTS)
async def test_an_act_is_done_once(
    direct: Database, through: Database, proxy: Proxy, case: Case, fault: Fault, name: str
) -> None:
    """Catches an act that is done twice, or refused because it finds itself done."""
    act, log, _, _ = ACTS[name]
    proxy.faults.append(fault)

    outcome = await act(through, case)

    assert proxy.faults == []
    assert (outcome.problems, outcome.order) == ((), await stored(direct, case.shop, "1001"))
    assert await logged(direct, case.shop) == log
    await assert_sound(direct)


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_overtaken_by_another_is_done_once(
    direct: Database, through: Database, proxy: Proxy, case: Case, name: str
) -> None:
    """Catches a retry that judges the order as the other left it: refused, or done twice."""
    act, log, other, then = ACTS[name]
    proxy.faults.append(overtaken_by(lambda: other(direct, case)))

    outcome = await act(through, case)

    assert proxy.faults == []
    assert outcome.problems == ()
    assert await logged(direct, case.shop) == [*log, *then]
    await assert_sound(direct)


@LOST
async def test_an_order_is_imported_once(
    direct: Database, through: Database, proxy: Proxy, case: Case, fault: Fault
) -> None:
    """Catches an import that calls its own order known."""
    proxy.faults.append(fault)

    result = await arrive(through, case)

    assert proxy.faults == []
    assert (result.outcome, result.order_id) == (
        ImportOutcome.CREATED,
        (await stored(direct, case.shop, "1002")).id,
    )
    assert await logged(direct, case.shop) == ["ORDER_IMPORTED"]
    await assert_sound(direct)


@LOST
async def test_a_known_order_is_brought_up_to_date_once(
    direct: Database, through: Database, proxy: Proxy, case: Case, fault: Fault
) -> None:
    """Catches an UNCHANGED from the retry, which finds its own change there already."""
    proxy.faults.append(fault)

    result = await arrive_again(through, case)

    assert proxy.faults == []
    assert (result.outcome, result.order_id) == (ImportOutcome.UPDATED, case.order.id)
    assert await logged(direct, case.shop) == [HELD, "ORDER_UPDATED"]
    await assert_sound(direct)


async def test_an_update_overtaken_by_another_act_is_done_once(
    direct: Database, through: Database, proxy: Proxy, case: Case
) -> None:
    """Catches a retry that judges the order as the other left it."""
    proxy.faults.append(overtaken_by(lambda: release(direct, case)))

    result = await arrive_again(through, case)

    assert proxy.faults == []
    assert result.outcome is ImportOutcome.UPDATED
    assert await logged(direct, case.shop) == [HELD, "ORDER_UPDATED", RELEASED]
    await assert_sound(direct)


async def test_an_import_overtaken_by_others_is_the_one_that_created_the_order(
    direct: Database, through: Database, proxy: Proxy, case: Case
) -> None:
    """Catches an import that takes its own order for another's, because others used its number meanwhile."""
    others: list[ImportResult] = []

    async def come_in() -> None:
        others.extend([await arrive(direct, case), await arrive(direct, case, "6.00")])

    proxy.faults.append(overtaken_by(come_in))

    result = await arrive(through, case)

    assert proxy.faults == []
    assert result.outcome is ImportOutcome.CREATED
    assert [other.outcome for other in others] == [ImportOutcome.UNCHANGED, ImportOutcome.REJECTED]
    assert await logged(direct, case.shop) == ["ORDER_IMPORTED"]
    await assert_sound(direct)


@LOST
async def test_a_client_of_the_api_notices_nothing(direct: Database, proxy: Proxy, case: Case, fault: Fault) -> None:
    """Catches an UNAVAILABLE, a refusal or `replayed` for a call that succeeded."""
    item = ids.of_item(case.order.id, 1)
    request = {
        "orderId": ids.of_order(case.order.id),
        "items": [{"itemId": item, "quantity": 1}],
        "reason": "OUT_OF_STOCK",
    }
    settings = Settings(database_url=proxy.url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS)

    async with serving(settings, Database(proxy.url)) as base:
        client = Client(base, a_token(case.shop.id))
        proxy.faults.append(fault)
        answers = [await client.data(CANCEL, input=request | {"idempotencyKey": "key-1"}) for _ in range(2)]
        await client.http.aclose()

    first = {"cancellation": {"idempotencyKey": "key-1"}, "order": {"version": 3}, "errors": []}
    assert proxy.faults == []
    assert [answer["cancelItems"] for answer in answers] == [first | {"replayed": False}, first | {"replayed": True}]
    assert await logged(direct, case.shop) == ["ITEMS_CANCELLED"]
    await assert_sound(direct)
