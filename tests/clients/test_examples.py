"""The examples work, and follow events without loss or repetition, however often their sockets drop."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.rules.order import Order, Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.clients.conftest import HERE, SCHEMA, an_environment
from tests.clients.cutting import Proxy
from tests.support import node
from tests.support.cancelling import a_request, cancel_well, units
from tests.support.client import a_token
from tests.support.patience import PATIENCE_SECONDS

PYTHON = HERE / "python" / "example.py"
TYPESCRIPT = HERE / "typescript"


@pytest.fixture(params=["python", "typescript"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The command line of an example, built first if needed."""
    if request.param == "python":
        return [sys.executable, str(PYTHON)]
    packages: Path = request.getfixturevalue("packages")
    sources = sorted([SCHEMA, *TYPESCRIPT.glob("*.*"), *TYPESCRIPT.glob("src/*.*")])
    node.once(TYPESCRIPT / "build", sources, lambda: _build(packages / "node_modules"))
    return [node.node(), str(TYPESCRIPT / "build" / "example.js")]


def _build(modules: Path) -> None:
    """What `npm run generate` and `npm run build` do."""
    node.run(TYPESCRIPT, modules / "@graphql-codegen" / "cli" / "esm" / "bin.js")
    node.run(TYPESCRIPT, modules / "typescript" / "bin" / "tsc")


@asynccontextmanager
async def started(command: list[str], base: str) -> AsyncIterator[Process]:
    environment = an_environment(base, a_token())
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def lines(process: Process, count: int) -> list[dict[str, Any]]:
    """The next lines it prints."""
    assert process.stdout
    assert process.stderr
    async with asyncio.timeout(PATIENCE_SECONDS):
        found = [await process.stdout.readline() for _ in range(count)]
        assert all(found), (await process.stderr.read()).decode()
    return [orjson.loads(line) for line in found]


async def cancel(database: Database, shop: Shop, order: Order, count: int) -> None:
    """Cancels units one by one, as someone else would."""
    for each in range(count):
        await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), f"{count}-{each}"))


@on_sqlite
async def test_an_example_cancels_and_follows_events_across_dropped_connections(
    base: str, database: Database, shop: Shop, order: Order, command: list[str]
) -> None:
    async with Proxy(base).running() as proxy, started(command, proxy.base) as process:
        story = await lines(process, 4)
        await cancel(database, shop, order, 1)
        live = await lines(process, 1)
        proxy.is_open = False
        await proxy.cut()
        await cancel(database, shop, order, 3)
        proxy.is_open = True
        missed = await lines(process, 3)
        proxy.allowance = 700  # a few events, the last one cut short
        await proxy.cut()
        before = proxy.connections
        await cancel(database, shop, order, 20)
        resumed = await lines(process, 20)
        reconnects = proxy.connections - before

    assert story == [
        {"order": "1001", "item": "The dress", "cancellable": 30},
        {"refund": "$10.00", "status": "AWAITING_SHIPMENT"},
        {"cancelled": {"status": "AWAITING_SHIPMENT", "version": 2}, "errors": []},
        {"event": "ItemsCancelled", "order": "1001", "sequence": 2},
    ]
    followed = [(each["event"], each["sequence"]) for each in live + missed + resumed]
    assert followed == [("ItemsCancelled", sequence) for sequence in range(3, 27)]
    assert reconnects >= 3


@on_sqlite
@pytest.mark.usefixtures("order")
async def test_an_example_stops_when_its_token_is_refused(base: str, command: list[str]) -> None:
    environment = an_environment(base, "none")

    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        printed, complaint = await process.communicate()

    assert process.returncode == 1
    assert printed == b""
    assert b"token" in complaint
