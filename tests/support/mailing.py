"""Runs the loop that sends e-mail, and reads back what it left."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from domain import notification
from domain.mail.content import CancellationMail
from domain.mail.sending import Outcome, OutgoingMessage
from domain.rules.order import Notification, OrderEvent, Shop
from domain.rules.vocabulary import EventType
from domain.storage import cancellations, events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.mail.samples import a_message
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW


class Script:
    """A sender that returns these outcomes in turn, then stops the loop."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.messages: list[OutgoingMessage] = []
        self.stop = asyncio.Event()

    async def send(self, message: OutgoingMessage) -> Outcome:
        self.messages.append(message)
        outcome = self.outcomes.pop(0)
        if not self.outcomes:
            self.stop.set()
        return outcome


async def run(
    database: Database,
    sender: Script,
    *,
    compose: Callable[[CancellationMail], OutgoingMessage] = a_message,
    now: datetime = NOW,
) -> None:
    """Runs the loop until the sender has returned its last outcome."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await notification.run(database, sender, compose, clock=lambda: now, stop=sender.stop)


async def notification_of(database: Database, shop: Shop, cancellation_id: UUID) -> Notification:
    async with database.reading(EVERY_SHOP) as connection:
        cancelled = await cancellations.find_cancellation(connection, shop.id, cancellation_id)
    assert cancelled
    return cancelled.notification


async def logged(database: Database, shop: Shop) -> list[OrderEvent]:
    """The events about e-mail in the log."""
    async with database.reading(EVERY_SHOP) as connection:
        written = await events.list_events(connection, shop.id, after=0, limit=100)
    return [event for event in written if event.type is EventType.NOTIFICATION_STATUS_CHANGED]
