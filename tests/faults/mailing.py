"""Mail under faults: cancellations for many buyers, servers that misbehave, and what arrived where."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from email import message_from_bytes
from uuid import UUID

import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules.decision import CancellationRequest
from domain.rules.order import Cancellation, Shop
from domain.rules.order_input import BuyerInput
from domain.rules.vocabulary import EventType, NotificationStatus
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.tables import order_events
from domain.storage.tables import outbox as table
from tests.mail.delivery.servers import Inbox
from tests.support.cancelling import LATER, a_request, cancel_well, everything, rows
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import an_order_input, store

QUEUED, SENT, FAILED = NotificationStatus.QUEUED, NotificationStatus.SENT, NotificationStatus.FAILED


async def cancel_many(database: Database, count: int, *shops: Shop) -> dict[str, UUID]:
    """Cancels `count` orders in each shop, one per buyer; returns the cancellations by the buyer's address."""
    made: dict[str, UUID] = {}
    for shop in shops:
        buyers = [BuyerInput("Ada Buyer", f"buyer-{number}@{shop.id}.example") for number in range(count)]
        given = [an_order_input(f"{number}", buyer=each) for number, each in enumerate(buyers)]
        requests = [
            a_request(everything(order), f"key-{order.number}") for order in await store(database, shop, *given)
        ]
        turn = asyncio.Semaphore(20)  # more calls than there are connections would be told to try again
        done = await asyncio.gather(*(_cancel(database, shop, request, turn) for request in requests))
        made |= {each.email: cancelled.id for each, cancelled in zip(buyers, done, strict=True)}
    return made


async def _cancel(
    database: Database, shop: Shop, request: CancellationRequest, turn: asyncio.Semaphore
) -> Cancellation:
    async with turn:
        return await cancel_well(database, shop, request)


@asynccontextmanager
async def a_backlog(owner_url: str, shop: Shop, count: int) -> AsyncIterator[None]:
    """Inside the block, `count` copies of the shop's only mail wait; real cancellations would take too long to make."""
    database = Database(owner_url)
    mine = table.c.shop_id == shop.id

    async def copy(connection: AsyncConnection) -> UUID:
        row = dict((await connection.execute(sa.select(table).where(mine))).mappings().one())
        await connection.execute(sa.insert(table), [row | {"id": UUID(int=number)} for number in range(count)])
        found: UUID = row["id"]
        return found

    original = await database.writing(shop.id, copy)
    yield
    copies = sa.delete(table).where(mine, table.c.id != original)
    await database.writing(shop.id, lambda connection: connection.execute(copies))
    await database.close()


def fast_clock(speed: float) -> Callable[[], datetime]:
    """A clock that starts at the time of the tests' cancellations and runs `speed` times as fast as real time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    return lambda: LATER + timedelta(seconds=(loop.time() - began) * speed)


async def states(database: Database) -> dict[UUID, tuple[NotificationStatus, int, str | None]]:
    """The stored state, attempts and last error of each mail."""
    columns = (table.c.id, table.c.state, table.c.attempts, table.c.last_error)
    return {row[0]: row[1:] for row in await rows(database, *columns, by=[table.c.id])}


async def count_in(database: Database, state: NotificationStatus) -> int:
    return Counter(found for found, _, _ in (await states(database)).values())[state]


async def settled(database: Database, *, but: int = 0) -> None:
    """Waits until at most `but` mails are still queued."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await count_in(database, QUEUED) > but:  # noqa: ASYNC110 - other processes settle them
            await asyncio.sleep(0.05)


async def tried(database: Database) -> None:
    """Waits until an attempt to send some mail has failed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while {error for _, _, error in (await states(database)).values()} == {None}:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)


async def status_changes(database: Database) -> Counter[UUID]:
    """How many status changes the log has for each mail."""
    columns = (order_events.c.type, order_events.c.cancellation_id)
    written = await rows(database, *columns, by=[order_events.c.shop_id, order_events.c.number])
    return Counter(mail for kind, mail in written if kind is EventType.NOTIFICATION_STATUS_CHANGED)


async def end_leases(database: Database) -> int:
    """Ends all leases, as if their time had passed; returns how many there were."""
    statement = sa.update(table).where(table.c.lease.is_not(None)).values(visible_at=table.c.queued_at)
    return int((await database.writing(EVERY_SHOP, lambda connection: connection.execute(statement))).rowcount)


class Post(Inbox):
    """Accepts every message; records by address the ones it had, and counts those answered with 250."""

    def __init__(self) -> None:
        super().__init__()
        self.had: dict[str, list[str]] = {}
        self.accepted: Counter[str] = Counter()
        self._protocols: list[SMTP] = []
        self._news = asyncio.Condition()

    def connected(self) -> asyncio.BaseProtocol:
        self._protocols.append(SMTP(self, hostname="mail.test"))
        return self._protocols[-1]

    def abort(self) -> None:
        """Drops every connection."""
        for protocol in self._protocols:
            if protocol.transport:
                protocol.transport.close()

    async def had_some(self, count: int) -> None:
        """Waits until it has had messages for `count` buyers."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: len(self.had) >= count)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        await self.have(envelope)
        return self.accept(server, envelope)

    async def have(self, envelope: Envelope) -> None:
        assert isinstance(envelope.original_content, bytes)
        message_id = message_from_bytes(envelope.original_content)["Message-ID"]
        self.had.setdefault(envelope.rcpt_tos[0], []).append(message_id)
        async with self._news:
            self._news.notify_all()

    def accept(self, server: SMTP, envelope: Envelope) -> str:
        if server.transport and not server.transport.is_closing():
            self.accepted[envelope.rcpt_tos[0]] += 1
        return "250 OK"


class BadPost(Post):
    """Answers at random: late, with 451, 550 or nonsense, or not at all.

    A message gets through after `most_faults` faults, unless one of them was a 550, which is for good. `slow` has to be
    longer than the sender waits.
    """

    def __init__(self, chance: random.Random, *, slow: float, most_faults: int = 4) -> None:
        super().__init__()
        self.faults: Counter[str] = Counter()
        self.refused: set[str] = set()
        self._suffered: Counter[str] = Counter()
        self._chance, self._slow, self._most_faults = chance, slow, most_faults

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = self._fault(address, "rcpt", ["451", "550", "garbage", "drop", "slow"], probability=0.35)
        answer = await super().handle_RCPT(server, session, envelope, address, options)
        return await self._misbehave(fault, server, address) or answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        address = envelope.rcpt_tos[0]
        refusal = self._fault(address, "data", ["451", "550", "drop"], probability=0.25)
        if refusal:
            return await self._misbehave(refusal, server, address)
        await self.have(envelope)
        fault = self._fault(address, "taken", ["garbage", "drop", "slow"], probability=0.35)
        return await self._misbehave(fault, server, address) or self.accept(server, envelope)

    def _fault(self, address: str, step: str, kinds: list[str], *, probability: float) -> str:
        if address in self.refused:  # the refusal may have been lost, and is given again
            return "550"
        if self._suffered[address] >= self._most_faults or self._chance.random() > probability:
            return ""
        kind = self._chance.choice(kinds)
        self._suffered[address] += 1
        self.faults[f"{step}_{kind}"] += 1
        return kind

    async def _misbehave(self, fault: str, server: SMTP, address: str) -> str:
        """The bad answer; empty without a fault."""
        match fault:
            case "451":
                return "451 4.7.1 Later"
            case "550":
                self.refused.add(address)
                return "550 5.1.1 No such user"
            case "garbage":
                return "\x01what"
            case "drop":
                assert server.transport
                server.transport.close()
                return "421 4.3.2 Gone"
            case "slow":
                with suppress(asyncio.CancelledError):  # the client has hung up
                    await asyncio.sleep(self._slow)
                return "421 4.3.2 Too late"
            case _:
                return ""


@asynccontextmanager
async def up(post: Post, port: int = 0) -> AsyncIterator[int]:
    """Serves the post, and yields its port; at the end it is gone at once, even with messages in flight."""
    server = await asyncio.get_running_loop().create_server(post.connected, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        post.abort()
        await server.wait_closed()


def a_free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
