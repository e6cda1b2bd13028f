"""Mail that has to wait: behind another shop's, for a server that is down, and until it is given up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise

from aiosmtpd.smtp import SMTP, Envelope, Session

from domain import notification
from domain.mail.delivery.smtp import SmtpSender, smtp_settings
from domain.mail.sending import Deferred, Sent
from domain.rules import ids
from domain.storage.engine.database import Database
from domain.storage.outbox import GIVE_UP_AFTER
from tests.api.conftest import on_sqlite
from tests.faults.mailing import (
    FAILED,
    QUEUED,
    SENT,
    Post,
    a_backlog,
    cancel_many,
    count_in,
    fast_clock,
    settled,
    states,
    status_changes,
    up,
)
from tests.mail.samples import a_message
from tests.support.cancelling import LATER
from tests.support.invariants import assert_sound
from tests.support.mailing import Script, logged, run
from tests.support.stored import a_shop


@asynccontextmanager
async def mailing(database: Database, port: int, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Runs the loop that sends mail to the server on this port."""
    stop, sender = asyncio.Event(), SmtpSender(smtp_settings(f"smtp://127.0.0.1:{port}?tls=none"))
    loop = asyncio.create_task(notification.run(database, sender, a_message, clock=clock, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await loop
        await sender.close()


class Busy(Post):
    """Defers the messages to one buyer, and accepts all others."""

    def __init__(self, deferred: str) -> None:
        super().__init__()
        self.tries = 0
        self._deferred = deferred

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        if envelope.rcpt_tos[0] != self._deferred:
            return await super().handle_DATA(server, session, envelope)
        self.tries += 1
        return "451 4.7.1 Later"


async def test_thousands_of_mails_of_one_shop_do_not_delay_the_mail_of_another(
    database: Database,
    database_url: str,
    as_owner: Callable[[str], str],
    record_property: Callable[[str, object], None],
) -> None:
    """Catches a claim that goes by age alone: the other shop's mail would be the last."""
    busy, quiet = await a_shop(database, "busy"), await a_shop(database, "quiet")
    [first] = await cancel_many(database, 1, busy)
    post = Busy(first)

    async with a_backlog(as_owner(database_url), busy, 5000):
        await cancel_many(database, 1, quiet)
        async with up(post) as port, mailing(database, port, lambda: LATER):
            await post.had_some(1)

    record_property("waiting", 5000)
    record_property("tried before the other shop's", post.tries)
    assert post.tries < 400
    await assert_sound(database)


async def test_a_mail_is_given_up_after_48_hours_and_can_be_sent_again(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    """Catches a mail given up by its attempts, too early or never, and one that is too old to resend."""
    shop = await a_shop(database)
    [mail] = (await cancel_many(database, 1, shop)).values()

    tries = await tried_until_given_up(database, every=timedelta(minutes=30))
    given_up, [failed] = (await states(database))[mail], await logged(database, shop)
    later = failed.occurred_at
    again = await notification.resend_notification(database, shop, ids.of_cancellation(mail), actor="seller", now=later)
    await run(database, Script(Deferred("451 Later")), now=later + timedelta(hours=47))
    await run(database, Script(Sent()), now=later + timedelta(hours=48))

    record_property("attempts", tries)
    assert failed.occurred_at - LATER == GIVE_UP_AFTER
    assert given_up == (FAILED, tries, "451 Later")
    assert tries == 97
    assert again.problems == ()
    assert (await states(database))[mail] == (SENT, 2, None)
    assert [event.after for event in await logged(database, shop)] == ["FAILED", "QUEUED", "SENT"]
    await assert_sound(database)


async def tried_until_given_up(database: Database, *, every: timedelta) -> int:
    """The number of tries, which are further apart than any pause."""
    now, tries = LATER, 0
    while await count_in(database, QUEUED):
        await run(database, Script(Deferred("451 Later")), now=now)
        now, tries = now + every, tries + 1
    return tries


class Down(Post):
    """Hangs up on the first `knocks` connections, and records when each one came."""

    def __init__(self, *, knocks: int) -> None:
        super().__init__()
        self.times: list[float] = []
        self._knocks = knocks

    def connected(self) -> asyncio.BaseProtocol:
        self.times.append(asyncio.get_running_loop().time())
        return Slammed() if len(self.times) <= self._knocks else super().connected()


class Slammed(asyncio.Protocol):
    """Hangs up at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@on_sqlite
async def test_while_the_server_is_down_one_mail_at_a_time_is_tried_less_and_less_often(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    """Catches a loop that tries every mail, or tries all the time, while the server is down."""
    made = await cancel_many(database, 12, await a_shop(database, "north"), await a_shop(database, "south"))
    post = Down(knocks=12)

    async with up(post) as port, mailing(database, port, fast_clock(20)):
        await settled(database)

    pauses = [later - earlier for earlier, later in pairwise(post.times[9:13])]
    record_property("calls", len(made))
    record_property("connections while down", 12)
    record_property("pauses", ", ".join(f"{pause:.1f}" for pause in pauses))
    assert [pause > least for pause, least in zip(pauses, (0.9, 1.9, 3.9), strict=True)] == [True] * 3
    assert post.accepted == dict.fromkeys(made, 1)
    assert await status_changes(database) == dict.fromkeys(made.values(), 1)
    await assert_sound(database)
