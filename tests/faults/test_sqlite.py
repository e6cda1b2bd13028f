"""A server on SQLite is killed again and again, and no other process may write beside it."""

import asyncio
import random
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from domain.rules.order import Order
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.faults.served import Served, a_large_order, keys, serving
from tests.support.command import run, said
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, stored

CRASHES, CLIENTS = 4, 8


class Callers:
    """Clients that cancel one unit after another; each repeats a call with its key until it is answered."""

    def __init__(self, *orders: Order) -> None:
        self.answered: dict[str, str] = {}
        self.cut_off = self.kept_all_the_same = 0
        self._orders = orders
        self._waiting = [f"{client}-0" for client in range(CLIENTS)]
        self._news = asyncio.Condition()

    async def call_until_killed(self, server: Served) -> None:
        await asyncio.gather(*(self._call_on(server, client) for client in range(CLIENTS)))

    async def call_again(self, server: Served) -> dict[str, str]:
        """Repeats the calls that were answered, and those that were cut off last.

        No more at once than before: with more, this process is so slow that the server gives up waiting for requests.
        """
        keys, turn = [*self.answered, *self._waiting], asyncio.Semaphore(CLIENTS)

        async def repeat(key: str) -> dict[str, Any]:
            async with turn:
                return await self._cancel(server, key)

        answers = await asyncio.gather(*map(repeat, keys))
        self.kept_all_the_same += sum(answer["replayed"] for answer in answers) - len(self.answered)
        return {key: answer["cancellation"]["id"] for key, answer in zip(keys, answers, strict=True)}

    async def answers(self, more: int) -> None:
        """Waits until this many more calls are answered."""
        wanted = len(self.answered) + more
        async with asyncio.timeout(PATIENCE_SECONDS), self._news:
            await self._news.wait_for(lambda: len(self.answered) >= wanted)

    async def _call_on(self, server: Served, client: int) -> None:
        first = int(self._waiting[client].partition("-")[2])
        for number in count(first):
            key = self._waiting[client] = f"{client}-{number}"
            try:
                answer = await self._cancel(server, key)
            except httpx.TransportError:
                self.cut_off += 1
                return
            assert answer["errors"] == []
            self.kept_all_the_same += answer["replayed"]
            self.answered[key] = answer["cancellation"]["id"]
            async with self._news:
                self._news.notify_all()

    async def _cancel(self, server: Served, key: str) -> dict[str, Any]:
        """The answer, retried on TRY_AGAIN: on a slow machine, others may hold the write lock for too long."""
        while (answer := await server.cancel(self._order(key), key)).get("errors"):
            assert answer["errors"] == [{"code": "TRY_AGAIN", "retryable": True}]
        return answer

    def _order(self, key: str) -> Order:
        return self._orders[sum(key.encode()) % len(self._orders)]


async def crash(callers: Callers, database: Database, folder: Path, chance: random.Random, *, times: int) -> None:
    """Starts a server and kills it under load: by turns at any moment, and while it owes the answer to a commit."""
    for number in range(times):
        async with serving(folder) as server:
            calls = asyncio.create_task(callers.call_until_killed(server))
            await callers.answers(more=chance.randint(1, 60))
            if number % 2:
                await stop_owing_an_answer(server, callers, database, chance)
            else:
                await a_moment(chance)
            server.process.kill()
            await calls


async def stop_owing_an_answer(server: Served, callers: Callers, database: Database, chance: random.Random) -> None:
    """Suspends the server for good once it has committed more than it has answered."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            await a_moment(chance)
            server.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.05)  # for answers in flight to arrive
            if len(await keys(database)) > len(callers.answered):
                return
            server.process.send_signal(signal.SIGCONT)


async def a_moment(chance: random.Random) -> None:
    """Sleeps long enough for a call or two, and waits for nothing, so that anything may be in flight at its end."""
    await asyncio.sleep(chance.uniform(0, 0.03))


@on_sqlite
async def test_a_killed_server_loses_nothing_acknowledged_and_does_nothing_twice(
    database: Database,
    tmp_path: Path,
    chance: random.Random,
    rounds: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Catches an answer before its commit, a key that is lost or stored alone, and a lock that stays."""
    shop = await a_shop(database)
    orders = [await a_large_order(database, shop, number) for number in ("1001", "1002", "1003")]
    callers = Callers(*orders)

    await crash(callers, database, tmp_path, chance, times=rounds * CRASHES)
    async with serving(tmp_path) as server:
        again = await callers.call_again(server)

    made = await keys(database)
    after = [await stored(database, shop, order.number) for order in orders]
    record_property("calls", len(again))
    record_property("crashes", rounds * CRASHES)
    record_property("cut off", callers.cut_off)
    record_property("of them kept", callers.kept_all_the_same)
    record_property("lost", len(callers.answered.items() - again.items()))
    record_property("doubled", len(made) - len(again))
    assert callers.answered.items() <= again.items()
    assert callers.kept_all_the_same > 0
    assert made == sorted(again)
    assert sum(order.items[0].cancelled_quantity for order in after) == len(again)
    await assert_sound(database)


@on_sqlite
async def test_commands_that_write_are_refused_beside_a_running_server(database: Database, tmp_path: Path) -> None:
    """Catches a second writer, with which SQLite before 3.51.3 can lose committed data."""
    order = await a_large_order(database, await a_shop(database))
    (tmp_path / "orders.json").write_text("[]")
    commands = (["import", "--shop", "demo", "orders.json"], ["shop", "create", "second", "--name", "Second"])

    async with serving(tmp_path) as server:
        refused = [run(tmp_path, *command) for command in commands]
        answer = await server.cancel(order, "key")

    sentence = "shortship.db is in use by another process; only one may write to it.\n"
    assert [said(done) for done in refused] == [(2, "", sentence)] * len(commands)
    assert answer["errors"] == []
    await assert_sound(database)
