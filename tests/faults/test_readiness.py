"""/readyz while PostgreSQL is halted or its disk is full: what it says, how soon, and at what cost."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from api.settings import Settings
from domain.rules import ids
from domain.storage.engine.database import Database
from tests.api.conftest import serving
from tests.faults.proxy import Proxy
from tests.support.cancelling import item_id
from tests.support.client import SECRET, Client, a_token
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postgresql import connected
from tests.support.stored import a_shop, an_item_input, an_order_input, store

FIND = '{ orderByNumber(number: "1001") { number } }'
CANCEL = "mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { errors { code } } }"


def settings(url: str) -> Settings:
    return Settings(database_url=url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS)


async def readiness(client: Client) -> int:
    return (await client.http.get("/readyz")).status_code


async def until_ready(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await readiness(client) != 200:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.05)


async def test_a_halted_database_is_reported_at_once_by_one_probe(proxy: Proxy, through: Database) -> None:
    """Catches an answer that takes as long as a request's retries, and probes that fill the pool one by one."""
    async with serving(settings(proxy.url), through) as base:
        client = Client(base, a_token())
        before = await readiness(client)
        links = proxy.most_links
        fallen = asyncio.create_task(proxy.silence.after(1))
        earlier = asyncio.create_task(client.post(FIND))
        start = time.monotonic()
        first = await readiness(client)
        took = time.monotonic() - start
        is_answered_first = not earlier.done()
        await fallen
        during = await asyncio.gather(*(readiness(client) for _ in range(30)))
        more = proxy.most_links - links
        proxy.silence.break_()
        await until_ready(client)
        await earlier
        await client.http.aclose()

    assert (before, first, during) == (200, 503, [503] * 30)
    assert took >= 1
    assert is_answered_first
    assert more <= 3  # one probe, another one after it, and the connection that cancels it on the server


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A small disk for PostgreSQL's files."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder = Path(tempfile.mkdtemp(prefix="shortship-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=0755", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)  # noqa: S603 - our own values
    if made.returncode:
        folder.rmdir()
        pytest.skip(f"no disk can be mounted here: {made.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607 - the same
    folder.rmdir()


@pytest.fixture
async def on_small_disk(postgresql_url: str, as_owner: Callable[[str], str], small_disk: Path) -> AsyncIterator[str]:
    """The URL of a database whose files are on the small disk."""
    name = sa.make_url(postgresql_url).database
    administrator = await connected(
        sa.make_url(as_owner(postgresql_url)).set(database="postgres").render_as_string(hide_password=False)
    )
    tables, space = small_disk / "tables", f"small_{uuid4().hex}"
    tables.mkdir(mode=0o700)
    shutil.chown(tables, "nobody")
    try:
        await administrator.execute(f"CREATE TABLESPACE {space} LOCATION '{tables}'")
    except asyncpg.PostgresError as error:
        pytest.skip(f"the server cannot use it: {error}")
    await administrator.execute(f"ALTER DATABASE {name} SET TABLESPACE {space}")
    yield postgresql_url
    await administrator.execute(f"ALTER DATABASE {name} SET TABLESPACE pg_default")
    await administrator.execute(f"DROP TABLESPACE {space}")
    await administrator.close()


def fill(folder: Path) -> Path:
    """Fills the disk with a file, and returns its path."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


async def test_a_server_is_not_ready_while_the_disk_of_postgresql_is_full(on_small_disk: str, small_disk: Path) -> None:
    """Catches a probe that needs less room than a cancellation, so that calls arrive only to be refused."""
    database = Database(on_small_disk)
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=5)))
    items = [{"itemId": item_id(order, "SKU-dress"), "quantity": 1}]
    request = {"orderId": ids.of_order(order.id), "items": items, "reason": "OUT_OF_STOCK", "idempotencyKey": "key"}

    async with serving(settings(on_small_disk), database) as base:
        client = Client(base, a_token())
        before = await readiness(client)
        ballast = fill(small_disk)
        refused = await client.post(CANCEL, input=request)
        during = [await readiness(client) for _ in range(3)]
        ballast.unlink()
        await until_ready(client)
        after = await client.post(CANCEL, input=request)
        await client.http.aclose()

    assert [error["extensions"] for error in refused["errors"]] == [{"code": "UNAVAILABLE"}]
    assert (before, during) == (200, [503] * 3)
    assert after == {"data": {"cancelItems": {"errors": []}}}
