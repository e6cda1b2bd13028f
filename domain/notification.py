"""Sends queued e-mails to buyers, and queues one again on request."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from domain.mail import content
from domain.mail.address import address_fault
from domain.mail.content import CancellationMail
from domain.mail.sending import Deferred, Outcome, OutgoingMessage, Rejected, Sender, Sent, Unreachable
from domain.once import Done, once
from domain.rules import ids
from domain.rules.order import Cancellation, Notification, Order, Shop
from domain.rules.outcomes import FulfillmentOutcome, FulfillmentProblem, Problem
from domain.rules.transitions import no_cancellation
from domain.rules.vocabulary import EventType, FulfillmentErrorCode, NotificationStatus
from domain.storage import cancellations, events, orders, outbox
from domain.storage.engine.backend import Connection
from domain.storage.engine.database import Database, roll_back
from domain.storage.engine.faults import BusyError, UnavailableError
from domain.storage.engine.hints import TICK_SECONDS, hint_or_tick
from domain.storage.events import NewEvent
from domain.storage.outbox import MAIL_TOPIC, Claimed

Compose = Callable[[CancellationMail], OutgoingMessage]

_ACTOR = "mail"
_NO_MAIL = "No e-mail is sent about this cancellation: it was made at the marketplace, which has told the buyer."
_QUEUED = NotificationStatus.QUEUED
_BATCH = 10
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_BRING_BACK_SECONDS = 60.0
_ADDRESS = re.compile(r"\S+@\S+")

_log = structlog.get_logger(__name__)


async def run(
    database: Database,
    sender: Sender,
    compose: Compose,
    *,
    clock: Callable[[], datetime],
    stop: asyncio.Event,
    timer: Callable[[], float] = time.monotonic,
) -> None:
    """Sends queued messages until `stop` is set, then returns once those in flight are settled.

    Survives outages of the database. While the mail server is unreachable, tries one message at a time and backs off.
    `timer` is monotonic, in seconds.
    """
    mailer = _Mailer(database, sender, compose, clock, timer)
    pause = 0.0
    with database.hints.listening(outbox.HINT) as hint:
        while not stop.is_set():
            outcomes = await mailer.send_batch(limit=1 if pause else _BATCH)
            if any(isinstance(outcome, Unreachable) for outcome in outcomes):
                pause = min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                await _or_stop(asyncio.sleep(pause), stop)
            elif outcomes:
                pause = 0.0
            else:
                await _or_stop(hint_or_tick(hint), stop)


async def resend_notification(
    database: Database, shop: Shop, cancellation_id: str, *, actor: str, now: datetime
) -> FulfillmentOutcome:
    """Queues a cancellation's e-mail again, for the buyer's contact of now; a no-op while it is still queued.

    Everything else in it stays. Problems: NOT_FOUND, TRANSITION_NOT_ALLOWED if there is no e-mail about this
    cancellation, INVALID_VALUE if the buyer has no usable address, or TRY_AGAIN.
    """
    uuid = ids.uuid_of(cancellation_id, "cancellation")

    async def lock(connection: Connection) -> tuple[Order | None, Cancellation | None]:
        return await cancellations.lock_cancellation(connection, shop.id, uuid)

    async def do(connection: Connection, locked: tuple[Order | None, Cancellation | None]) -> FulfillmentOutcome | Done:
        order, cancellation = locked
        refusals = _resend_refusals(order, cancellation)
        if order is None or cancellation is None or refusals or cancellation.notification.status is _QUEUED:
            return FulfillmentOutcome(order, cancellation=cancellation, problems=refusals)
        payload = await outbox.find_payload(connection, shop.id, MAIL_TOPIC, cancellation.id)
        again = content.readdressed(payload, order.buyer)
        await outbox.add_again(connection, shop.id, MAIL_TOPIC, cancellation.id, again, now=now)
        before, sequence = cancellation.notification.status, order.event_sequence + 1
        event = _status_changed(order.id, sequence, cancellation.id, before=before, after=_QUEUED)
        at = events.moment(order.updated_at, now)
        order = await events.append_to(connection, shop.id, order, [event], actor=actor, now=at)
        queued = replace(cancellation, notification=Notification(_QUEUED))
        return Done(FulfillmentOutcome(order, cancellation=queued), event, at)

    return await once(database, shop, lock, do, actor=actor)


def _resend_refusals(order: Order | None, cancellation: Cancellation | None) -> tuple[FulfillmentProblem, ...]:
    if order is None or cancellation is None:
        return (no_cancellation(),)
    if cancellation.notification.status is NotificationStatus.NOT_NEEDED:
        return (Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, _NO_MAIL, ("cancellationId",)),)
    if fault := address_fault(order.buyer.email):
        return (Problem(FulfillmentErrorCode.INVALID_VALUE, fault, ("cancellationId",)),)
    return ()


async def _or_stop(waiting: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


class _Mailer:
    def __init__(
        self,
        database: Database,
        sender: Sender,
        compose: Compose,
        clock: Callable[[], datetime],
        timer: Callable[[], float],
    ) -> None:
        self._database = database
        self._sender = sender
        self._compose = compose
        self._clock = clock
        self._timer = timer
        self._last_now = datetime.max.replace(tzinfo=UTC)
        self._bring_back_at = 0.0

    async def send_batch(self, *, limit: int) -> list[Outcome]:
        """Claims up to `limit` due messages, sends them concurrently and returns their outcomes."""
        leased_until = self._timer() + outbox.LEASE.total_seconds()
        return await asyncio.gather(*(self._send_and_settle(each, leased_until) for each in await self._claim(limit)))

    async def _claim(self, limit: int) -> list[Claimed]:
        claimed: list[Claimed] = []
        await self._bring_back()
        try:
            while len(claimed) < limit:
                more = await outbox.claim(self._database, MAIL_TOPIC, limit=limit - len(claimed), now=self._clock())
                if not more:
                    break
                claimed += more
        except Exception as error:  # noqa: BLE001 - the loop must outlive any fault
            _log_fault("no mail could be claimed", error)
        return claimed

    async def _bring_back(self) -> None:
        """Makes mail due again after the clock was set back, and every minute in case another process's clock was.

        If it found some, the next round looks for more. After a fault it waits, so that due mail is sent meanwhile.
        """
        now, seconds = self._clock(), self._timer()
        is_set_back, self._last_now = now < self._last_now, now
        if not is_set_back and seconds < self._bring_back_at:
            return
        self._bring_back_at = seconds + _BRING_BACK_SECONDS
        try:
            if await outbox.bring_back(self._database, MAIL_TOPIC, now=now):
                self._bring_back_at = seconds
        except Exception as error:  # noqa: BLE001 - the loop must outlive any fault
            _log_fault("no mail could be brought back", error)

    async def _send_and_settle(self, claimed: Claimed, leased_until: float) -> Outcome:
        mail = _read(claimed)
        outcome = await self._send(mail) if mail else Rejected("The stored message cannot be read.")
        log = _log.bind(shop=claimed.shop_id, cancellation=str(claimed.id), attempts=claimed.attempts)
        if isinstance(outcome, Unreachable):
            log.error("no mail can be sent", error=_ADDRESS.sub("(address)", outcome.error))
        else:
            log.info("mail tried", outcome=type(outcome).__name__)
        await self._settle(claimed, mail.order_id if mail else None, outcome, leased_until)
        return outcome

    async def _send(self, mail: CancellationMail) -> Outcome:
        if fault := address_fault(mail.buyer.email):
            return Rejected(fault)
        try:
            return await self._sender.send(self._compose(mail))
        except Exception as error:  # noqa: BLE001 - a message that triggers a bug must not stop the others
            _log_fault("a mail could not be made or sent", error)
            return Deferred("The message could not be composed or sent.")

    async def _settle(self, claimed: Claimed, order_id: UUID | None, outcome: Outcome, leased_until: float) -> None:
        """Retries until the lease ends: a message that was sent but not settled would be sent again."""
        while True:
            try:
                await self._database.writing(claimed.shop_id, partial(self._record, claimed, order_id, outcome))
            except Exception as error:  # noqa: BLE001 - the loop must outlive any fault
                _log_fault("a mail could not be settled", error)
            else:
                return
            if self._timer() >= leased_until:
                return
            await asyncio.sleep(TICK_SECONDS)

    async def _record(self, claimed: Claimed, order_id: UUID | None, outcome: Outcome, connection: Connection) -> None:
        now = self._clock()
        if isinstance(outcome, Deferred | Unreachable) and not claimed.is_too_old(now):
            await outbox.try_again(connection, claimed, now=now, error=outcome.error)
            return
        state = NotificationStatus.SENT if isinstance(outcome, Sent) else NotificationStatus.FAILED
        error = None if isinstance(outcome, Sent) else outcome.error
        order_id = order_id or await cancellations.find_order_id(connection, claimed.shop_id, claimed.id)
        # Lock the order first, like every other act on it.
        locked = await orders.lock_sequence(connection, claimed.shop_id, order_id) if order_id else None
        if order_id is None or locked is None:
            await roll_back(connection)
            return
        sequence, updated_at = locked
        at = events.moment(updated_at, now)
        if not await outbox.settle(connection, claimed, state, now=at, error=error):
            await roll_back(connection)
            return
        event = _status_changed(order_id, sequence, claimed.id, before=_QUEUED, after=state)
        await events.append(connection, claimed.shop_id, [event], actor=_ACTOR, now=at)


def _read(claimed: Claimed) -> CancellationMail | None:
    try:
        return content.from_json(claimed.payload)
    except ValueError:
        return None


def _status_changed(
    order_id: UUID, sequence: int, cancellation_id: UUID, *, before: NotificationStatus, after: NotificationStatus
) -> NewEvent:
    return NewEvent(
        order_id=order_id,
        sequence=sequence,
        type=EventType.NOTIFICATION_STATUS_CHANGED,
        cancellation_id=cancellation_id,
        before=before.name,
        after=after.name,
    )


def _log_fault(event: str, error: Exception) -> None:
    """Logs an outage in one line, and anything else, which is a bug, with its traceback."""
    is_outage = isinstance(error, UnavailableError | BusyError)
    reason, trace = (str(error), None) if is_outage else (type(error).__name__, error)
    _log.error(event, error=reason, exc_info=trace)
