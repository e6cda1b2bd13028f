"""An e-mail that was sent or failed is queued again for the contact of now, with a fresh 48 hours to succeed."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa

from domain import notification
from domain.mail.sending import Deferred, Outcome, Rejected, Sent
from domain.rules import ids
from domain.rules.order import Buyer, Cancellation, Notification, Order, OrderEvent, Shop
from domain.rules.order_input import BuyerInput
from domain.rules.outcomes import FulfillmentOutcome, Problem
from domain.rules.vocabulary import EventType, FulfillmentErrorCode, NotificationStatus
from domain.storage import outbox
from domain.storage.cancellations import insert_cancellation
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.outbox import MAIL_TOPIC
from domain.storage.tables import orders
from domain.storage.tables import outbox as table
from tests.mail.samples import received, text_of
from tests.support.cancelling import LATER, a_request, cancel_well, happened, package_id, read_again, units
from tests.support.fulfilling import refused
from tests.support.invariants import dump
from tests.support.mailing import Script, logged, notification_of, run
from tests.support.stored import NOW, a_shop, an_order_input, store, stored
from tests.support.troubles import held_by_others

QUEUED, SENT, FAILED, NOT_NEEDED = NotificationStatus
UNKNOWN = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")
DAYS_LATER = NOW + timedelta(days=5)


async def a_cancellation(
    database: Database, shop: Shop, number: str = "1001", email: str = "ada@example.com"
) -> tuple[Order, Cancellation]:
    """Cancels one unit of a new order with this number; its e-mail is queued at LATER."""
    [order] = await store(database, shop, an_order_input(number, buyer=BuyerInput("Ada Buyer", email)))
    made = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), f"key-{number}"))
    return await stored(database, shop, number), made


async def a_tried_one(database: Database, shop: Shop, *outcomes: Outcome) -> tuple[Order, Cancellation, Script]:
    """A cancellation whose e-mail has been tried with these outcomes, if any."""
    _, made = await a_cancellation(database, shop)
    sender = Script(*outcomes)
    if outcomes:
        await run(database, sender, now=LATER)
    again = await read_again(database, shop, made)
    assert again
    return await stored(database, shop, "1001"), again, sender


async def resend(database: Database, shop: Shop, cancellation_id: str) -> FulfillmentOutcome:
    return await notification.resend_notification(
        database, shop, cancellation_id, actor="seller@desk-1", now=DAYS_LATER
    )


async def queue_row(database: Database) -> dict[str, object]:
    """The only row of the outbox, without its payload."""
    columns = [column for column in table.c if column.name != "payload"]
    async with database.reading(EVERY_SHOP) as connection:
        return dict((await connection.execute(sa.select(*columns))).mappings().one())


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Sent(), SENT), (Rejected("550 No such user"), FAILED)],
    ids=["sent", "failed"],
)
async def test_a_sent_or_failed_mail_is_queued_as_if_it_were_new(
    database: Database, shop: Shop, outcome: Outcome, status: NotificationStatus
) -> None:
    order, made, _ = await a_tried_one(database, shop, outcome)

    answer = await resend(database, shop, ids.of_cancellation(made.id))

    after = await stored(database, shop, "1001")
    queued = replace(made, notification=Notification(QUEUED))
    assert made.notification.status is status
    assert answer == FulfillmentOutcome(after, cancellation=queued)
    assert await read_again(database, shop, made) == queued
    assert after == replace(order, event_sequence=4, feed_number=4)
    assert (await logged(database, shop))[1:] == [
        OrderEvent(
            number=4,
            order_id=order.id,
            sequence=4,
            type=EventType.NOTIFICATION_STATUS_CHANGED,
            occurred_at=DAYS_LATER,
            actor="seller@desk-1",
            cancellation_id=made.id,
            before=status.name,
            after="QUEUED",
        )
    ]
    assert await queue_row(database) == {
        "shop_id": "demo",
        "topic": MAIL_TOPIC,
        "id": made.id,
        "state": QUEUED,
        "attempts": 0,
        "queued_at": DAYS_LATER,
        "visible_at": DAYS_LATER,
        "lease": None,
        "done_at": None,
        "last_error": None,
    }


async def test_the_same_mail_is_sent_again(database: Database, shop: Shop) -> None:
    order, made, first = await a_tried_one(database, shop, Sent())
    await resend(database, shop, ids.of_cancellation(made.id))
    second = Script(Sent())

    await run(database, second, now=DAYS_LATER)

    assert second.messages == first.messages
    assert await notification_of(database, shop, made.id) == Notification(SENT, attempts=1, sent_at=DAYS_LATER)
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        "NOTIFICATION_STATUS_CHANGED QUEUED SENT",
        "NOTIFICATION_STATUS_CHANGED SENT QUEUED",
        "NOTIFICATION_STATUS_CHANGED QUEUED SENT",
    ]


async def test_a_resent_mail_has_48_hours_again(database: Database, shop: Shop) -> None:
    _, made, _ = await a_tried_one(database, shop, Rejected("550 No such user"))
    await resend(database, shop, ids.of_cancellation(made.id))

    await run(database, Script(Deferred("451 Later")), now=DAYS_LATER + timedelta(hours=47))

    assert await notification_of(database, shop, made.id) == Notification(QUEUED, attempts=1, last_error="451 Later")


async def test_a_resent_mail_is_given_up_after_48_hours(database: Database, shop: Shop) -> None:
    _, made, _ = await a_tried_one(database, shop, Sent())
    await resend(database, shop, ids.of_cancellation(made.id))

    await run(database, Script(Deferred("451 Later")), now=DAYS_LATER + timedelta(hours=48))

    assert await notification_of(database, shop, made.id) == Notification(FAILED, attempts=1, last_error="451 Later")


async def test_the_loop_is_woken_at_once(database: Database, shop: Shop) -> None:
    _, made, _ = await a_tried_one(database, shop, Sent())

    with database.hints.listening(outbox.HINT) as hint:
        await resend(database, shop, ids.of_cancellation(made.id))
        is_woken = hint.is_set()

    assert is_woken


@pytest.mark.parametrize("outcomes", [[], [Deferred("451 Later")]], ids=["not tried yet", "tried already"])
async def test_resending_a_queued_mail_changes_nothing(database: Database, shop: Shop, outcomes: list[Outcome]) -> None:
    order, made, _ = await a_tried_one(database, shop, *outcomes)
    before = await dump(database)

    answer = await resend(database, shop, ids.of_cancellation(made.id))

    assert answer == FulfillmentOutcome(order, cancellation=made)
    assert await dump(database) == before


async def test_concurrent_calls_queue_the_mail_once(database: Database, shop: Shop) -> None:
    order, made, _ = await a_tried_one(database, shop, Sent())
    cancellation_id = ids.of_cancellation(made.id)

    answers = await asyncio.gather(*(resend(database, shop, cancellation_id) for _ in range(5)))

    after = await stored(database, shop, "1001")
    queued = replace(made, notification=Notification(QUEUED))
    assert set(answers) == {FulfillmentOutcome(after, cancellation=queued)}
    assert after.event_sequence == order.event_sequence + 1


@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("ada", "The buyer has no usable e-mail address."),
        ("v***@chat.seller-us.example", "The buyer's e-mail address is masked."),
    ],
    ids=["unusable", "masked"],
)
async def test_a_mail_without_a_usable_address_is_not_queued(
    database: Database, shop: Shop, email: str, message: str
) -> None:
    order, made = await a_cancellation(database, shop, email=email)
    before = await dump(database)

    answer = await resend(database, shop, ids.of_cancellation(made.id))

    problem = Problem(FulfillmentErrorCode.INVALID_VALUE, message, ("cancellationId",))
    assert answer == FulfillmentOutcome(order, cancellation=made, problems=(problem,))
    assert made.notification == Notification(FAILED, attempts=0, last_error=message)
    assert await dump(database) == before


async def test_it_goes_to_the_contact_of_now_and_says_the_same(database: Database, shop: Shop) -> None:
    order, made, first = await a_tried_one(database, shop, Sent())
    await reach(database, order, Buyer("Grete Muster", "grete@example.com", "de_DE"))
    # Cancelled since: the mail still says what was left after its own cancellation.
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 2)), "key-2"))
    await run(database, Script(Sent()), now=LATER)

    answer = await resend(database, shop, ids.of_cancellation(made.id))
    await run(database, second := Script(Sent()), now=DAYS_LATER)

    [before], [after] = first.messages, second.messages
    assert answer.problems == ()
    assert (before.recipient, after.recipient) == ("ada@example.com", "grete@example.com")
    assert received(after)["To"] == "Grete Muster <grete@example.com>"
    assert received(after)["Subject"] == "Demo Shop: Ein Teil Ihrer Bestellung 1001 wurde storniert"
    assert [received(after)[name] for name in ("Message-ID", "Date")] == [
        received(before)[name] for name in ("Message-ID", "Date")
    ]
    assert "Guten Tag Grete Muster," in text_of(after)
    assert "Sie erhalten weiterhin:\n\n2 × The dress\n" in text_of(after)  # noqa: RUF001 - the sign that is meant


@pytest.mark.parametrize("email", ["", "ada", "v***@relay.example"], ids=["none", "unusable", "masked"])
async def test_a_mail_that_failed_from_the_start_is_sent_once_there_is_an_address(
    database: Database, shop: Shop, email: str
) -> None:
    order, made = await a_cancellation(database, shop, email=email)
    await reach(database, order, replace(order.buyer, email="ada@example.com"))

    answer = await resend(database, shop, ids.of_cancellation(made.id))
    await run(database, sender := Script(Sent()), now=DAYS_LATER)

    assert made.notification.status is FAILED
    assert answer.problems == ()
    assert [message.recipient for message in sender.messages] == ["ada@example.com"]
    assert await notification_of(database, shop, made.id) == Notification(SENT, attempts=1, sent_at=DAYS_LATER)


async def test_a_mail_that_is_queued_already_goes_to_the_contact_it_was_queued_for(
    database: Database, shop: Shop
) -> None:
    order, made = await a_cancellation(database, shop)
    await reach(database, order, Buyer("Grete Muster", "grete@example.com", "de_DE"))

    await resend(database, shop, ids.of_cancellation(made.id))
    await run(database, sender := Script(Sent()), now=LATER)

    assert [message.recipient for message in sender.messages] == ["ada@example.com"]


async def reach(database: Database, order: Order, buyer: Buyer) -> None:
    """Gives the order another contact, as an import does."""
    contact = {"buyer_name": buyer.name, "buyer_email": buyer.email, "buyer_locale": buyer.locale}
    change = sa.update(orders).where(orders.c.id == order.id).values(contact)
    await database.writing("demo", lambda connection: connection.execute(change))


async def test_a_cancellation_that_needs_no_mail_gets_none(database: Database) -> None:
    shop = await a_shop(database)
    order, made = await a_cancellation(database, shop)
    quiet = replace(made, id=UNKNOWN, idempotency_key="import 1001 1", notification=Notification(NOT_NEEDED))
    # As imports leave it: without a mail, as the marketplace has told the buyer.
    store_it = partial(insert_cancellation, shop_id=shop.id, cancellation=quiet, prices_include_tax=True)
    await database.writing(shop.id, store_it)
    before = await dump(database)

    answer = await resend(database, shop, ids.of_cancellation(quiet.id))

    message = "No e-mail is sent about this cancellation: it was made at the marketplace, which has told the buyer."
    problem = Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("cancellationId",))
    assert answer == FulfillmentOutcome(order, cancellation=quiet, problems=(problem,))
    assert await dump(database) == before


async def test_only_the_mail_of_the_given_cancellation_is_queued(database: Database, shop: Shop) -> None:
    _, first = await a_cancellation(database, shop, "1001")
    _, second = await a_cancellation(database, shop, "1002")
    await run(database, Script(Sent(), Sent()), now=LATER)

    await resend(database, shop, ids.of_cancellation(second.id))

    assert (await notification_of(database, shop, first.id)).status is SENT
    assert (await notification_of(database, shop, second.id)).status is QUEUED


async def test_unknown_and_foreign_cancellations_get_the_same_answer(database: Database, shop: Shop) -> None:
    _, foreign = await a_cancellation(database, await a_shop(database, "other"))
    order, made = await a_cancellation(database, shop)
    mine = ids.of_cancellation(made.id)
    strange = ["", "key-1001", "\0", "\ud800", mine.upper(), f"{mine} ", f"{mine}_1", made.id.hex]
    strange += [ids.of_cancellation(each) for each in (UNKNOWN, foreign.id, order.id)]
    strange += [ids.of_order(order.id), ids.of_order(made.id), package_id(order, "1001-1")]
    before = await dump(database)

    answers = [await resend(database, shop, each) for each in strange]

    message = "The shop has no cancellation with this id."
    problem = Problem(FulfillmentErrorCode.NOT_FOUND, message, ("cancellationId",))
    assert set(answers) == {FulfillmentOutcome(problems=(problem,))}
    assert await dump(database) == before


async def test_a_mail_of_a_locked_order_can_be_queued_later(database: Database, shop: Shop, database_url: str) -> None:
    _, made, _ = await a_tried_one(database, shop, Sent())
    cancellation_id = ids.of_cancellation(made.id)

    async with held_by_others(database, database_url):
        answer = await resend(database, shop, cancellation_id)

    assert (answer.order, answer.cancellation, refused(answer)) == (None, None, [("TRY_AGAIN", ())])
    assert (await resend(database, shop, cancellation_id)).problems == ()
