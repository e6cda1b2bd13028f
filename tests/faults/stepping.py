"""Runs two transactions against each other step by step, in every interleaving."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import combinations
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.storage.engine.backend import Connection, ShopScope, driver_of
from domain.storage.engine.compiled import Row, Statement
from domain.storage.engine.database import Database, Work
from domain.storage.engine.postgresql import Postgresql
from tests.support.patience import PATIENCE_SECONDS

Act = Callable[[Database], Awaitable[object]]
# Which of the two transactions takes each step: 0 or 1
Merge = tuple[int, ...]
_WITHOUT_KEY = 4
_ENDS = ("commit", "roll_back")


def merges(steps: int, others: int) -> Iterator[Merge]:
    """All interleavings of two transactions with these numbers of steps."""
    for places in combinations(range(steps + others), others):
        yield tuple(int(place in places) for place in range(steps + others))


# Called before each statement on the driver's connection, in the context of one transaction
_before_rows: ContextVar[Callable[[str], Awaitable[None]]] = ContextVar("before_rows")


@contextmanager
def stepped_statements() -> Iterator[None]:
    """Makes statements on the driver's connection, commits and rollbacks wait for their turn too."""
    rows = Statement.rows

    def stepping(end: Callable[[Postgresql, Connection], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def stepped_end(self: Postgresql, connection: Connection) -> None:
            if before := _before_rows.get(None):
                await before(end.__name__)
            await end(self, connection)

        return stepped_end

    async def stepped(self: Statement, connection: AsyncConnection, **values: Any) -> list[Row]:
        if before := _before_rows.get(None):
            await before(_text(self))
        return await rows(self, connection, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Statement, "rows", stepped)
        patch.setattr(Postgresql, "commit", stepping(Postgresql.commit))
        patch.setattr(Postgresql, "roll_back", stepping(Postgresql.roll_back))
        yield


@cache
def _text(statement: Statement) -> str:
    """Cached, because str() compiles the statement each time."""
    return str(statement)


class SteppedDatabase(Database):
    """A PostgreSQL database whose transactions wait before each step until they are let go.

    The steps are: claim a key, lock the order, read it, write, and commit or roll back. In transactions of four steps,
    claiming the key is not a step of its own. Those of an import are: look whether the order is known, lock it, read
    it, write, and commit or roll back.
    """

    def __init__(self, url: str, steps: int) -> None:
        super().__init__(url)
        self._is_key_a_step = steps > _WITHOUT_KEY
        self.waits = asyncio.Event()
        self.backend = 0
        self._may_go = asyncio.Event()

    def let_go(self) -> None:
        self.waits.clear()
        self._may_go.set()

    async def writing(self, shop_id: ShopScope, work: Work[Any]) -> Any:  # like the method it overrides
        async def stepped(connection: AsyncConnection) -> object:
            self.backend = driver_of(connection).get_server_pid()
            self._listen(connection.sync_connection)
            return await work(connection)

        return await super().writing(shop_id, stepped)

    def _listen(self, connection: sa.Connection | None) -> None:
        last = ""

        async def before(step: str) -> None:
            nonlocal last
            if step != last:
                last = step
                await self._turn()

        async def before_rows(statement: str) -> None:
            await before("end" if statement in _ENDS else self._step(statement, last))

        def before_statement(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            sa.util.await_only(before_rows(statement))

        _before_rows.set(before_rows)
        sa.event.listen(connection, "before_cursor_execute", before_statement)

    def _step(self, statement: str, last: str) -> str:
        """The step that the statement belongs to, after the step `last`."""
        if "INTO idempotency_keys" in statement and self._is_key_a_step:
            return "key"
        begins = last in {"", "key"}
        if begins or (statement.startswith("UPDATE orders") and "RETURNING" in statement):
            return "lock"
        if "FOR UPDATE" in statement:
            return "lock known orders"
        return "read" if statement.startswith("SELECT") else "write"

    async def _turn(self) -> None:
        self._may_go.clear()
        self.waits.set()
        await self._may_go.wait()


class Stage:
    """Plays two acts against each other, each on its own connection."""

    def __init__(self, databases: Sequence[SteppedDatabase], watcher: asyncpg.Connection) -> None:
        self._databases = databases
        self._watcher = watcher
        self.waits = 0  # steps that could not be taken in turn because the other act held a lock

    async def play(self, merge: Merge, acts: Sequence[Act]) -> list[object]:
        """The acts' answers, or the exceptions that they raise, when their steps are taken in this order.

        An act that is blocked by the other's lock takes its step as soon as it can.
        """
        with stepped_statements():
            return await self._played(merge, acts)

    async def _played(self, merge: Merge, acts: Sequence[Act]) -> list[object]:
        tasks = [asyncio.ensure_future(act(each)) for act, each in zip(acts, self._databases, strict=True)]
        turns = list(merge)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._at_rest(tasks):
                ready = [each for each, database in enumerate(self._databases) if database.waits.is_set()]
                turns = [turn for turn in turns if not tasks[turn].done()]
                if ready:
                    turn = next((turn for turn in turns if turn in ready), ready[0])
                    self.waits += bool(turns) and turns[0] != turn
                    turns = _without(turns, turn)
                    self._databases[turn].let_go()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        for database in self._databases:
            await database.close()
        await self._watcher.close()

    async def _at_rest(self, tasks: Sequence[asyncio.Future[Any]]) -> bool:
        """Waits until each act has ended, or is waiting for its turn or a lock; False once all have ended."""
        for task, database in zip(tasks, self._databases, strict=True):
            while not (task.done() or database.waits.is_set() or await self._is_blocked(database.backend)):  # noqa: ASYNC110
                await asyncio.sleep(0.003)  # asking takes time away from the steps
        return not all(task.done() for task in tasks)

    async def _is_blocked(self, backend: int) -> bool:
        return bool(await self._watcher.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", backend))


def _without(turns: list[int], turn: int) -> list[int]:
    """The turns without the first occurrence of `turn`, if any."""
    place = turns.index(turn) if turn in turns else len(turns)
    return turns[:place] + turns[place + 1 :]
