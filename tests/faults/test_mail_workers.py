"""Worker processes that are killed, overtaken or told to stop in the middle of a message."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from domain.storage.engine.database import Database
from tests.api.commands.test_worker import ended, working
from tests.api.conftest import on_postgresql
from tests.faults.mailing import QUEUED, SENT, Post, cancel_many, end_leases, settled, states, status_changes, up
from tests.support.command import Copy
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop

AT_ONCE = 10


def a_worker(folder: Path, database_url: str, port: int) -> AbstractAsyncContextManager[Copy]:
    folder.mkdir()
    settings = {
        "database_url": database_url,
        "smtp_url": f"smtp://127.0.0.1:{port}?tls=none",
        "mail_from": "Demo Shop <orders@shop.example>",
    }
    return working(folder, **settings)


class Deadly(Post):
    """Kills the worker that sends the first message, before or after answering 250, and accepts nothing more."""

    victim: Copy

    def __init__(self, *, says_250: bool) -> None:
        super().__init__()
        self._says_250 = says_250
        self._has_killed = False

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        await self.have(envelope)
        if not self._has_killed:
            self._has_killed = True
            if self._says_250:
                await server.push(self.accept(server, envelope))
            os.kill(self.victim.pid, signal.SIGKILL)
        return "421 4.3.2 Nobody is there"


@on_postgresql
@pytest.mark.parametrize("says_250", [False, True], ids=["before the 250", "after the 250"])
async def test_mail_in_flight_at_a_killed_worker_is_sent_by_another_when_its_lease_ends(
    database: Database,
    database_url: str,
    tmp_path: Path,
    says_250: bool,  # noqa: FBT001 - a parameter of the test
    record_property: Callable[[str, object], None],
) -> None:
    """Catches mail that is lost with its worker, taken while its lease still runs, or sent twice without need."""
    deadly, post = Deadly(says_250=says_250), Post()
    made = await cancel_many(database, 24, await a_shop(database))

    async with up(deadly) as port, a_worker(tmp_path / "killed", database_url, port) as deadly.victim:
        code = await ended(deadly.victim)
    async with up(post) as port, a_worker(tmp_path / "next", database_url, port):
        await settled(database, but=AT_ONCE)
        during = await states(database)
        leased = await end_leases(database)
        await settled(database)

    after = await states(database)
    copies = {address: {*ids, *post.had[address]} for address, ids in deadly.had.items()}
    record_property("calls", len(made))
    record_property("crashes", 1)
    record_property("lost", sum(state is not SENT for state, _, _ in after.values()))
    record_property("copies", len(copies))
    record_property("doubled", post.accepted.total() - len(made))
    assert (code, leased) == (-signal.SIGKILL, AT_ONCE)
    assert [mail for mail in during.values() if mail[0] is QUEUED] == [(QUEUED, 1, None)] * AT_ONCE
    assert post.accepted == dict.fromkeys(made, 1)
    assert deadly.accepted.total() == int(says_250)
    assert copies == {address: {f"<cancellation-{made[address].hex}@shop.example>"} for address in deadly.had}
    assert Counter(after.values()) == {(SENT, 1, None): 14, (SENT, 2, None): AT_ONCE}
    assert await status_changes(database) == dict.fromkeys(made.values(), 1)
    await assert_sound(database)


class Holding(Post):
    """Holds back every answer, which is 250 unless another is given for the address."""

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.going_on = asyncio.Event()
        self._answers = answers or {}

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        await self.have(envelope)
        await self.going_on.wait()
        return self._answers.get(envelope.rcpt_tos[0]) or self.accept(server, envelope)


@on_postgresql
async def test_a_worker_that_lost_its_leases_changes_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Catches a late answer, above all a 550, that overwrites what another worker has settled since."""
    made = await cancel_many(database, 2, await a_shop(database))
    accepted, refused = made
    slow, post = Holding({refused: "550 5.1.1 No such user"}), Post()

    async with (
        up(slow) as slow_port,
        up(post) as port,
        a_worker(tmp_path / "slow", database_url, slow_port) as overtaken,
    ):
        await slow.had_some(2)
        leased = await end_leases(database)
        async with a_worker(tmp_path / "next", database_url, port):
            await settled(database)
        before = await states(database)
        slow.going_on.set()
        overtaken.send_signal(signal.SIGTERM)
        code = await ended(overtaken)

    assert (leased, code) == (2, 0)
    assert (tmp_path / "slow" / "log").read_text().count("mail tried") == 2
    assert slow.accepted == {accepted: 1}
    assert post.accepted == {accepted: 1, refused: 1}
    assert [*before.values()] == [(SENT, 2, None)] * 2
    assert await states(database) == before
    assert await status_changes(database) == dict.fromkeys(made.values(), 1)
    await assert_sound(database)


class Meeting(Post):
    """Gives no answer until the other server has a message too."""

    def __init__(self, barrier: asyncio.Barrier) -> None:
        super().__init__()
        self._barrier = barrier
        self._has_met = False

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        if not self._has_met:
            self._has_met = True
            await self._barrier.wait()
        return await super().handle_DATA(server, _session, envelope)


@on_postgresql
async def test_two_workers_send_each_mail_once(
    database: Database,
    database_url: str,
    tmp_path: Path,
    rounds: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Catches a message that two workers claim, and one that neither claims."""
    shops = [await a_shop(database, f"shop-{number}") for number in range(3 * rounds)]
    made = await cancel_many(database, 60, *shops)
    barrier = asyncio.Barrier(2)
    first, second = Meeting(barrier), Meeting(barrier)

    async with (
        up(first) as first_port,
        up(second) as second_port,
        a_worker(tmp_path / "first", database_url, first_port),
        a_worker(tmp_path / "second", database_url, second_port),
    ):
        await settled(database)

    after = await states(database)
    record_property("calls", len(made))
    record_property("by each", f"{first.accepted.total()} and {second.accepted.total()}")
    record_property("lost", sum(state is not SENT for state, _, _ in after.values()))
    record_property("doubled", (first.accepted + second.accepted).total() - len(made))
    assert first.accepted + second.accepted == dict.fromkeys(made, 1)
    assert [*after.values()] == [(SENT, 1, None)] * len(made)
    assert await status_changes(database) == dict.fromkeys(made.values(), 1)
    await assert_sound(database)


async def test_a_worker_told_to_stop_finishes_what_is_in_flight_and_claims_no_more(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Catches a stop that cuts messages off, which would be sent again, or that goes on with the backlog."""
    await cancel_many(database, 25, await a_shop(database))
    post = Holding()

    async with up(post) as port, a_worker(tmp_path / "worker", database_url, port) as worker:
        await post.had_some(AT_ONCE)
        worker.send_signal(signal.SIGTERM)
        post.going_on.set()
        code = await ended(worker)

    after = await states(database)
    assert code == 0
    assert sorted(post.accepted.values()) == [1] * AT_ONCE
    assert Counter(after.values()) == {(QUEUED, 0, None): 15, (SENT, 1, None): AT_ONCE}
    assert set((await status_changes(database)).values()) == {1}
    await assert_sound(database)
