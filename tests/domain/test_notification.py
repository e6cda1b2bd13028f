"""The loop that sends e-mail to buyers: what becomes of each message, and what is logged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from domain import cancellation, notification
from domain.mail import content
from domain.mail.content import CancellationMail
from domain.mail.delivery.mailbox import Mailbox
from domain.mail.sending import Deferred, Outcome, OutgoingMessage, Rejected, Sent, Unreachable
from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.order import Buyer, ItemEntry, ItemsSelection, Notification, OrderEvent, Shop
from domain.rules.order_input import BuyerInput
from domain.rules.vocabulary import CancellationReason, EventType, NotificationStatus
from domain.storage import outbox
from domain.storage.engine import hints
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.migrations import runner
from domain.storage.outbox import MAIL_TOPIC
from domain.storage.tables import outbox as table
from tests.mail.samples import a_mail, a_message
from tests.support.mailing import Script, logged, notification_of, run
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW, a_shop, an_order_input, store, stored


async def a_cancellation(
    database: Database, shop: Shop, number: str = "1001", email: str = "ada@example.com", *, now: datetime = NOW
) -> UUID:
    """Cancels one unit of a new order with this number."""
    [order] = await store(database, shop, an_order_input(number, buyer=BuyerInput("Ada Buyer", email)))
    selection = ItemsSelection(ids.of_order(order.id), (ItemEntry(ids.of_item(order.id, 1), 1),))
    request = CancellationRequest(selection, CancellationReason.OUT_OF_STOCK, f"key-{number}")
    outcome = await cancellation.cancel(database, shop, request, cancellation_id=uuid4(), actor="seller", now=now)
    assert outcome.cancellation
    return outcome.cancellation.id


@pytest.fixture
async def owner(database_url: str, as_owner: Callable[[str], str]) -> AsyncIterator[Database]:
    """The database as the owner of its tables, who may rename them."""
    owner = Database(as_owner(database_url))
    yield owner
    await owner.close()


async def corrupt(database: Database, cancellation_id: UUID, payload: object) -> None:
    statement = sa.update(table).where(table.c.id == cancellation_id).values(payload=payload)
    await database.writing("demo", lambda connection: connection.execute(statement))


async def test_an_accepted_message_is_marked_sent_and_logged(database: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    before = await stored(database, shop, "1001")
    sender = Script(Sent())

    await run(database, sender, now=NOW + timedelta(minutes=15))

    after = await stored(database, shop, "1001")
    assert [message.recipient for message in sender.messages] == ["ada@example.com"]
    assert await notification_of(database, shop, cancelled) == Notification(
        NotificationStatus.SENT, attempts=1, sent_at=NOW + timedelta(minutes=15)
    )
    assert await logged(database, shop) == [
        OrderEvent(
            number=before.feed_number + 1,
            order_id=before.id,
            sequence=before.event_sequence + 1,
            type=EventType.NOTIFICATION_STATUS_CHANGED,
            occurred_at=NOW + timedelta(minutes=15),
            actor="mail",
            cancellation_id=cancelled,
            before="QUEUED",
            after="SENT",
        )
    ]
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


async def test_a_rejected_message_fails_for_good(database: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)

    await run(database, Script(Rejected("550 No such user")))

    after = await notification_of(database, shop, cancelled)
    assert (after.status, after.attempts, after.last_error) == (NotificationStatus.FAILED, 1, "550 No such user")
    assert [event.after for event in await logged(database, shop)] == ["FAILED"]


@pytest.mark.parametrize("outcome", [Deferred("451 Later"), Unreachable("Connection refused")])
async def test_a_deferred_message_stays_queued(database: Database, outcome: Deferred | Unreachable) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)

    await run(database, Script(outcome))

    assert await notification_of(database, shop, cancelled) == Notification(
        NotificationStatus.QUEUED, attempts=1, last_error=outcome.error
    )
    assert await logged(database, shop) == []


async def test_a_message_deferred_for_48_hours_fails(database: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)

    await run(database, Script(Deferred("451 Later")), now=NOW + timedelta(hours=48))

    after = await notification_of(database, shop, cancelled)
    assert (after.status, after.last_error) == (NotificationStatus.FAILED, "451 Later")


async def test_a_message_is_retried_until_it_is_accepted(database: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    first, second = Script(Deferred("451 Later")), Script(Sent())

    await run(database, first)
    await run(database, second, now=NOW + timedelta(minutes=15))

    after = await notification_of(database, shop, cancelled)
    assert (after.status, after.attempts, after.last_error) == (NotificationStatus.SENT, 2, None)
    assert first.messages == second.messages


async def test_while_the_server_is_down_one_message_is_tried_at_a_time(database: Database) -> None:
    shop = await a_shop(database)
    await a_cancellation(database, shop, "1001")
    sender = Flooded(database, shop)

    await run(database, sender)

    assert len(sender.messages) == 2
    assert [event.after for event in await logged(database, shop)] == ["SENT"]


class Flooded(Script):
    """Gets two more messages to send while its server is down; then the server comes back."""

    def __init__(self, database: Database, shop: Shop) -> None:
        super().__init__(Unreachable("down"), Sent())
        self._database, self._shop = database, shop

    async def send(self, message: OutgoingMessage) -> Outcome:
        if not self.messages:
            await a_cancellation(self._database, self._shop, "1002")
            await a_cancellation(self._database, self._shop, "1003")
        return await super().send(message)


async def test_messages_are_sent_concurrently(database: Database) -> None:
    shop = await a_shop(database)
    other = await a_shop(database, "other")
    for number in ("1001", "1002"):
        await a_cancellation(database, shop, number)
    await a_cancellation(database, other)
    sender = Together(3)

    await run(database, sender)

    assert len(sender.messages) == 3


class Together(Script):
    """Accepts no message until all of them have come."""

    def __init__(self, parties: int) -> None:
        super().__init__(*[Sent()] * parties)
        self._barrier = asyncio.Barrier(parties)

    async def send(self, message: OutgoingMessage) -> Outcome:
        await self._barrier.wait()
        return await super().send(message)


@pytest.mark.parametrize("payload", [{}, None, [1], {"buyer": 5}], ids=["empty", "null", "list", "nonsense"])
async def test_an_unreadable_message_fails_and_holds_up_no_other(database: Database, payload: object) -> None:
    shop = await a_shop(database)
    broken = await a_cancellation(database, shop, "1001")
    await corrupt(database, broken, payload)
    good = await a_cancellation(database, shop, "1002")

    await run(database, Script(Sent()))

    after = await notification_of(database, shop, broken)
    assert (after.status, after.last_error) == (
        NotificationStatus.FAILED,
        "The stored message cannot be read.",
    )
    assert (await notification_of(database, shop, good)).status is NotificationStatus.SENT
    assert sorted(event.after or "" for event in await logged(database, shop)) == ["FAILED", "SENT"]


async def test_a_message_that_cannot_be_composed_holds_up_no_other(database: Database) -> None:
    shop = await a_shop(database)
    broken = await a_cancellation(database, shop, "1001")
    good = await a_cancellation(database, shop, "1002")

    def compose(mail: CancellationMail) -> OutgoingMessage:
        if mail.order_number == "1001":
            raise ZeroDivisionError
        return a_message(mail)

    await run(database, Script(Sent()), compose=compose)

    assert (await notification_of(database, shop, broken)).status is NotificationStatus.QUEUED
    assert (await notification_of(database, shop, good)).status is NotificationStatus.SENT


async def test_without_a_usable_address_nothing_is_sent(database: Database) -> None:
    shop = await a_shop(database)
    unusable = await a_cancellation(database, shop, "1001", email="ada")
    await a_cancellation(database, shop, "1002")
    sender = Script(Sent())

    await run(database, sender)

    after = await notification_of(database, shop, unusable)
    assert (after.status, after.attempts) == (NotificationStatus.FAILED, 0)
    assert len(sender.messages) == 1


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("ada", "The buyer has no usable e-mail address."),
        ("v***@chat.seller-us.example", "The buyer's e-mail address is masked."),
    ],
    ids=["unusable", "masked"],
)
async def test_an_address_that_is_no_longer_usable_gets_no_mail(database: Database, address: str, error: str) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    buyer = Buyer("Ada Buyer", address, "en_US")
    mail = replace(a_mail(buyer=buyer), order_id=(await stored(database, shop, "1001")).id)
    await corrupt(database, cancelled, content.to_json(mail))
    await a_cancellation(database, shop, "1002")

    await run(database, Script(Sent()))

    after = await notification_of(database, shop, cancelled)
    assert (after.status, after.last_error) == (NotificationStatus.FAILED, error)


async def test_a_sender_that_lost_its_lease_changes_nothing(database: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    before = await stored(database, shop, "1001")

    await run(database, Overtaken(database))

    after = await notification_of(database, shop, cancelled)
    assert (after.status, after.attempts) == (NotificationStatus.QUEUED, 2)
    assert await stored(database, shop, "1001") == before


class Overtaken(Script):
    """Takes so long that somebody else claims the message."""

    def __init__(self, database: Database) -> None:
        super().__init__(Sent())
        self._database = database

    async def send(self, message: OutgoingMessage) -> Outcome:
        await outbox.claim(self._database, MAIL_TOPIC, limit=1, now=NOW + timedelta(minutes=5))
        return await super().send(message)


async def test_a_sent_message_is_settled_after_a_database_fault(database: Database, owner: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    sender = Interrupted(owner)

    await run(database, sender)

    assert len(sender.messages) == 1
    assert (await notification_of(database, shop, cancelled)).status is NotificationStatus.SENT


async def test_a_message_that_cannot_be_settled_within_its_lease_is_left_to_the_next_sender(
    database: Database, owner: Database
) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    sender = Interrupted(owner, lasting=timedelta(minutes=5))

    await notification.run(
        database, sender, a_message, clock=lambda: sender.now, stop=sender.stop, timer=sender.seconds
    )

    assert (await notification_of(database, shop, cancelled)).status is NotificationStatus.QUEUED
    assert [message.attempts for message in await outbox.claim(database, MAIL_TOPIC, limit=1, now=sender.now)] == [2]
    await sender.repaired


async def test_a_sent_message_is_settled_even_if_the_clock_jumped_ahead(database: Database, owner: Database) -> None:
    shop = await a_shop(database)
    cancelled = await a_cancellation(database, shop)
    sender = Interrupted(owner, lasting=timedelta(hours=2))

    await notification.run(database, sender, a_message, clock=lambda: sender.now, stop=sender.stop, timer=lambda: 0)

    assert (await notification_of(database, shop, cancelled)).status is NotificationStatus.SENT


async def test_every_message_is_sent_even_if_the_clock_was_set_back(database: Database) -> None:
    shop, other = await a_shop(database), await a_shop(database, "other")
    made = [await a_cancellation(database, shop, f"100{number}") for number in range(5)]
    await run(database, Script(*[Deferred("451 Later")] * 3, Sent(), Deferred("451 Later")))
    beside = await a_cancellation(database, other)

    await run(database, Script(*[Sent()] * 5), now=NOW - timedelta(hours=2))

    assert (await notification_of(database, other, beside)).status is NotificationStatus.SENT
    assert {(await notification_of(database, shop, mail)).status for mail in made} == {NotificationStatus.SENT}
    assert {event.occurred_at for event in await logged(database, shop)} == {NOW, NOW + timedelta(microseconds=1)}


@pytest.mark.parametrize(("back", "passed"), [(timedelta(hours=2), 0), (timedelta(0), 60)], ids=["here", "elsewhere"])
async def test_messages_are_sent_even_if_the_clock_is_set_back_while_the_loop_runs(
    database: Database, back: timedelta, passed: float
) -> None:
    shop = await a_shop(database)
    await a_cancellation(database, shop)
    sender = SetBack(database, back, passed)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await notification.run(
            database, sender, a_message, clock=lambda: sender.now, stop=sender.stop, timer=lambda: sender.passed
        )

    assert len(sender.messages) == 2


async def test_due_mail_is_sent_even_if_mail_ahead_of_the_clock_cannot_be_brought_back(
    database: Database, owner: Database
) -> None:
    """Catches a failing search for mail ahead of the clock that keeps due mail from being sent."""
    shop, other = await a_shop(database), await a_shop(database, "other")
    due = await a_cancellation(database, shop)
    ahead = await a_cancellation(database, other, now=NOW + timedelta(hours=2))
    for statement in refusing_to_bring_back(database):
        await owner.writing(EVERY_SHOP, partial(execute, statement))
    with capture_logs() as lines:
        await run(database, Script(Sent()))

    assert (await notification_of(database, shop, due)).status is NotificationStatus.SENT
    assert (await notification_of(database, other, ahead)).status is NotificationStatus.QUEUED
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["no mail could be brought back"]


def refusing_to_bring_back(database: Database) -> list[str]:
    """Statements after which any change of `queued_at` is refused."""
    trigger = "CREATE TRIGGER refuse BEFORE UPDATE OF queued_at ON outbox"
    if database.has_single_writer:
        return [f"{trigger} BEGIN SELECT RAISE(ABORT, 'refused'); END"]
    function = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
    return [
        f"{function} $$BEGIN RAISE 'refused' USING ERRCODE = 'query_canceled'; END$$",
        f"{trigger} FOR EACH ROW EXECUTE FUNCTION refuse()",
    ]


async def execute(statement: str, connection: AsyncConnection) -> None:
    await connection.execute(sa.text(statement))


class SetBack(Script):
    """While it sends the first message, time passes, and the clock that queued the second is set back."""

    def __init__(self, database: Database, back: timedelta, passed: float) -> None:
        super().__init__(Sent(), Sent())
        self.now, self.passed = NOW, 0.0
        self._database = database
        self._then = back, passed

    async def send(self, message: OutgoingMessage) -> Outcome:
        if not self.messages:
            shop = await a_shop(self._database, "other")
            await a_cancellation(self._database, shop, now=NOW + timedelta(hours=2) - self._then[0])
            self.now -= self._then[0]
            self.passed += self._then[1]
        return await super().send(message)


class Interrupted(Script):
    """Just after it accepts the message, the database cannot settle anything."""

    def __init__(self, database: Database, *, lasting: timedelta = timedelta(0)) -> None:
        super().__init__(Sent())
        self.now = NOW
        self._database = database
        self._lasting = lasting

    async def send(self, message: OutgoingMessage) -> Outcome:
        await self._rename("order_events", "away")
        self.now += self._lasting
        self.repaired = asyncio.create_task(self._repair())
        return await super().send(message)

    def seconds(self) -> float:
        return self.now.timestamp()

    async def _repair(self) -> None:
        await asyncio.sleep(0.3)
        await self._rename("away", "order_events")

    async def _rename(self, old: str, new: str) -> None:
        await self._database.writing(
            EVERY_SHOP, lambda connection: connection.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))
        )


async def test_the_loop_survives_a_database_that_cannot_be_used(sqlite_url: str) -> None:
    empty = Database(f"{sqlite_url}.new")
    sender = Script(Sent())
    loop = asyncio.create_task(run(empty, sender))
    await asyncio.sleep(0.05)

    await runner.migrate(empty)
    cancelled = await a_cancellation(empty, shop := await a_shop(empty))
    await loop

    assert (await notification_of(empty, shop, cancelled)).status is NotificationStatus.SENT
    await empty.close()


async def test_an_idle_loop_stops_at_once(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "TICK_SECONDS", 2 * PATIENCE_SECONDS)
    stop = asyncio.Event()
    loop = asyncio.create_task(notification.run(database, Mailbox(tmp_path), a_message, clock=lambda: NOW, stop=stop))
    await asyncio.sleep(0.05)

    stop.set()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await loop


async def test_addresses_are_not_logged(database: Database) -> None:
    shop = await a_shop(database)
    await a_cancellation(database, shop)

    with capture_logs() as lines:
        await run(database, Script(Unreachable("553 <orders@shop.example> is not yours")))

    assert [line["event"] for line in lines] == ["no mail can be sent"]
    assert "@" not in str(lines)
