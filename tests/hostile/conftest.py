"""The server under attack, and a client of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.hostile.target import Target, attacked
from tests.hostile.wire import TOKEN
from tests.support.client import Client
from tests.support.patience import PATIENCE_SECONDS


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One server for all tests: it must survive them all."""
    template: Path = request.getfixturevalue("_sqlite_template")
    settings = {"introspection": "on", "operation_timeout": str(PATIENCE_SECONDS)}
    with attacked(tmp_path_factory.mktemp("attacked"), template, **settings) as target:
        yield target


@pytest.fixture
async def client(target: Target) -> AsyncIterator[Client]:
    client = Client(target.base, TOKEN)
    yield client
    await client.http.aclose()
