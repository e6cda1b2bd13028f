"""The server under attack: a process of its own on a SQLite file, with its health watched."""

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

from domain.storage.engine.database import Database
from tests.hostile import health
from tests.hostile.wire import Answer, send
from tests.support.cancelling import a_split_order
from tests.support.client import SECRET
from tests.support.closing import SAMPLES
from tests.support.command import run, started
from tests.support.invariants import assert_sound, dump
from tests.support.stored import a_shop, an_item_input, an_order_input, store

Record = Callable[[str, object], None]
# The goal is 0.1 s on an idle machine, but tests share busy ones.
_WORST_SECONDS = 3


@dataclass
class Target:
    """A server with the shops `demo` and `other`.

    `other` has one order. `demo` has the sample orders, four more, and one of the largest size allowed.
    """

    port: int
    url: str
    folder: Path
    _read: int = 0  # bytes of the log read so far

    def send(self, request: bytes) -> Answer:
        return send(self.port, request)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All stored rows by table."""
        return asyncio.run(self._with_database(dump))

    def assert_sound(self) -> None:
        asyncio.run(self._with_database(assert_sound))

    def log(self) -> str:
        """The log since the last call."""
        with (self.folder / "log").open("rb") as log:
            log.seek(self._read)
            text = log.read()
        self._read += len(text)
        return text.decode()

    def faults(self) -> list[str]:
        """Lines logged since the last call that no client should be able to cause."""
        return [line for line in self.log().splitlines() if _is_fault(line)]

    @contextmanager
    def watched(self, record: Record, what: str) -> Iterator[None]:
        """Records the slowest health check during the block, and fails if the server stalled."""
        checks = self.folder / "health"
        with _checking(self.port, checks):
            _worst(checks, time.monotonic())
            began = time.monotonic()
            yield
            worst = _worst(checks, began)
        record(f"worst health check beside {what}", f"{worst * 1000:.0f} ms")
        assert worst < _WORST_SECONDS

    async def _with_database(self, work: Callable[[Database], Any]) -> Any:
        database = Database(self.url)
        try:
            return await work(database)
        finally:
            await database.close()


@contextmanager
def _checking(port: int, file: Path) -> Iterator[None]:
    with file.open("wb") as checks:
        process = subprocess.Popen([sys.executable, "-I", health.__file__, str(port)], stdout=checks)  # noqa: S603 - our own
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _worst(file: Path, since: float) -> float:
    """Waits for a check that begins after now, then returns the slowest one since the given time."""
    until = time.monotonic()
    while not (checks := _checks(file)) or checks[-1][0] < until:
        time.sleep(0.01)
    return max(seconds for began, seconds in checks if began + seconds > since)


def _checks(file: Path) -> list[tuple[float, float]]:
    lines = file.read_text().split("\n")[:-1]
    return [(float(began), float(seconds)) for began, seconds in map(str.split, lines)]


def _is_fault(line: str) -> bool:
    try:
        entry = orjson.loads(line)
    except ValueError:  # every line must be JSON
        return True
    # uvicorn logs a text frame with invalid UTF-8 as an error
    return entry["level"] in ("error", "critical") and "Invalid UTF-8 sequence" not in entry["event"]


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
    """A server in the folder, on a filled copy of the empty database."""
    url = f"sqlite:///{shutil.copy(template, folder / 'shortship.db')}"
    asyncio.run(_fill(url))
    assert run(folder, "import", "--shop", "demo", str(SAMPLES)).returncode == 0
    with started(folder, "serve", jwt_secret=SECRET, **settings) as (_, client):
        yield Target(int(client.base_url.port or 0), url, folder)
