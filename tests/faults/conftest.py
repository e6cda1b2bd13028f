"""Tests under real faults: each says what it catches, and reports what it counted."""

import random
from collections.abc import AsyncIterator, Callable

import pytest

from domain.storage.engine.database import Database
from tests.faults.proxy import Proxy


@pytest.fixture
def chance(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> random.Random:
    """The test's randomness; its seed is reported, and `--fault-seed` repeats it."""
    seed = request.config.getoption("--fault-seed")
    seed = random.SystemRandom().getrandbits(32) if seed is None else int(seed)
    record_property("seed", seed)
    return random.Random(seed)  # noqa: S311 - chance, no secret


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a test repeats what depends on chance: once, or `--fault-rounds` times."""
    return int(request.config.getoption("--fault-rounds"))


@pytest.fixture
async def proxy(postgresql_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(postgresql_url).running() as proxy:
        yield proxy


@pytest.fixture
async def through(proxy: Proxy) -> AsyncIterator[Database]:
    """The database, reached through the proxy."""
    database = Database(proxy.url)
    yield database
    await database.close()
