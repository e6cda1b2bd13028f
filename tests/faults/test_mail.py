"""Mail over a server with random faults of every kind: nothing is lost, and nothing is doubled without need."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from domain import notification
from domain.mail.delivery.smtp import SmtpSender, smtp_settings
from domain.storage.engine.database import Database
from tests.faults.mailing import (
    FAILED,
    SENT,
    BadPost,
    a_free_port,
    cancel_many,
    fast_clock,
    settled,
    states,
    status_changes,
    tried,
    up,
)
from tests.mail.samples import a_message
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop

MAILS = 16
# Back-off and leases run fifty times as fast, so a send has a limit as tight as in production.
SPEED = 50
STEP_SECONDS, SEND_SECONDS, SLOW = 0.4, 0.8, 1.2


@asynccontextmanager
async def mailing(*databases: Database, port: int) -> AsyncIterator[None]:
    """Runs a loop that sends mail for each database."""
    stop, clock = asyncio.Event(), fast_clock(SPEED)
    settings = smtp_settings(f"smtp://127.0.0.1:{port}?tls=none")
    senders = [SmtpSender(settings, step_seconds=STEP_SECONDS, send_seconds=SEND_SECONDS) for _ in databases]
    loops = [
        asyncio.create_task(notification.run(database, sender, a_message, clock=clock, stop=stop))
        for database, sender in zip(databases, senders, strict=True)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*loops)
        await asyncio.gather(*(sender.close() for sender in senders))


async def test_every_mail_arrives_or_is_refused_for_good(
    database: Database,
    database_url: str,
    chance: random.Random,
    rounds: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Catches a mail that is dropped on a fault, sent again after its 250, or sent with another Message-ID."""
    post, port, other = BadPost(chance, slow=SLOW), a_free_port(), Database(database_url)
    shops = [await a_shop(database, f"shop-{number}") for number in range(3 * rounds)]
    loops = [database] if database.has_single_writer else [database, other]
    made = await cancel_many(database, MAILS, *shops[:rounds])

    async with mailing(*loops, port=port):
        await tried(database)
        async with up(post, port):
            made |= await cancel_many(database, MAILS, *shops[rounds : 2 * rounds])
            await post.had_some(rounds * MAILS // 2)
        made |= await cancel_many(database, MAILS, *shops[2 * rounds :])
        async with up(post, port):
            await settled(database)
            after = await states(database)

    sent = {address for address, mail in made.items() if after[mail][0] is SENT}
    failed = {address: after[mail][2] for address, mail in made.items() if after[mail][0] is FAILED}
    copies = sum(len(ids) - 1 for ids in post.had.values())
    record_property("calls", len(made))
    record_property("faults", post.faults.total())
    record_property("lost", len(made) - len(sent) - len(failed))
    record_property("copies without a 250", copies)
    record_property("doubled", sum(post.accepted.values()) - len(sent))
    assert sent | failed.keys() == made.keys()
    assert failed.keys() == post.refused
    assert {error[:3] for error in failed.values() if error} <= {"550"}
    assert post.accepted == dict.fromkeys(sent, 1)
    assert {address: set(ids) for address, ids in post.had.items() if address in sent} == {
        address: {f"<cancellation-{made[address].hex}@shop.example>"} for address in sent
    }
    assert await status_changes(database) == dict.fromkeys(made.values(), 1)
    await other.close()
    await assert_sound(database)
