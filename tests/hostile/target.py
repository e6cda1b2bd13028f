"""The server that is attacked: a process of its own on a SQLite file, with its health watched."""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from domain.database import Database
from tests.api.client import SECRET
from tests.api.test_cli import SAMPLES, run, started
from tests.cancelling import a_split_order
from tests.hostile import health
from tests.hostile.wire import Answer, send
from tests.invariants import assert_sound, dump
from tests.stored import a_shop, an_item_input, an_order_input, store

Record = Callable[[str, object], None]
# The goal is 0.1 s on a machine that does nothing else; tests run on those that do.
_WORST_SECONDS = 1


@dataclass
class Target:
    """A server with the shops `demo`, which has the sample orders, four more and the largest that may be, and `other`, which has one."""

    port: int
    url: str
    folder: Path
    log: Path

    def send(self, request: bytes) -> Answer:
        return send(self.port, request)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is stored."""
        return asyncio.run(self._with_database(dump))

    def assert_sound(self) -> None:
        asyncio.run(self._with_database(assert_sound))

    def faults(self) -> list[str]:
        """Lines of its log that a client must not be able to cause."""
        return [line for line in self.log.read_text().splitlines() if _is_fault(line)]

    @contextmanager
    def watched(self, record: Record, what: str) -> Iterator[None]:
        """Records how long the worst health check took meanwhile, and fails where the server stood still."""
        began = time.monotonic()
        yield
        worst = self._worst(began)
        record(f"worst health check beside {what}", f"{worst * 1000:.0f} ms")
        assert worst < _WORST_SECONDS

    def _worst(self, since: float) -> float:
        until = time.monotonic()
        while not (checks := self._checks()) or checks[-1][0] < until:
            time.sleep(0.01)
        return max(seconds for began, seconds in checks if began + seconds > since)

    def _checks(self) -> list[tuple[float, float]]:
        lines = (self.folder / "health").read_text().split("\n")[:-1]
        return [(float(began), float(seconds)) for began, seconds in map(str.split, lines)]

    async def _with_database(self, work: Callable[[Database], Any]) -> Any:
        database = Database(self.url)
        try:
            return await work(database)
        finally:
            await database.close()


def _is_fault(line: str) -> bool:
    try:
        told = orjson.loads(line)
    except ValueError:  # every line is to be JSON
        return True
    # uvicorn's word for a client's frame that is no text
    return told["level"] in ("error", "critical") and "Invalid UTF-8 sequence" not in told["event"]


async def _fill(url: str) -> None:
    database = Database(url)
    demo, other = [await a_shop(database, name) for name in ("demo", "other")]
    await store(database, demo, *(an_order_input(number) for number in ("1001", "1002", "1003")))
    await a_split_order(database, demo, "2001")
    large = [an_item_input(f"{number}", quantity=1, subtotal="1.00") for number in range(500)]
    await store(database, demo, an_order_input("5000", *large))
    await store(database, other, an_order_input("1001"))
    await database.close()


@contextmanager
def attacked(folder: Path, template: Path, **settings: str) -> Iterator[Target]:
    """A server in the folder, on a copy of the empty database."""
    url = f"sqlite:///{shutil.copy(template, folder / 'shortship.db')}"
    asyncio.run(_fill(url))
    assert run(folder, "import", "--shop", "demo", str(SAMPLES)).returncode == 0
    with started(folder, "serve", jwt_secret=SECRET, **settings) as (_, client):
        port = int(client.base_url.port or 0)
        with _watching(port, folder / "health"):
            yield Target(port, url, folder, folder / "log")


@contextmanager
def _watching(port: int, file: Path) -> Iterator[None]:
    with file.open("wb") as checks:
        process = subprocess.Popen([sys.executable, health.__file__, str(port)], stdout=checks)  # noqa: S603 - our own
    try:
        yield
    finally:
        process.kill()
        process.wait()
