"""A server for the clients to call, and the npm packages they need."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.settings import Settings
from domain.rules.order import Order, Shop
from domain.storage.engine.database import Database
from tests.api.conftest import serving
from tests.support import node
from tests.support.client import SECRET
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, an_item_input, an_order_input, store

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schema.graphql"


def an_environment(base: str, token: str) -> dict[str, str]:
    """Our own environment, plus the endpoint and the token for the client."""
    return {**os.environ, "ENDPOINT": f"{base}/graphql", "TOKEN": token}  # noqa: TID251 - passed on to a process


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the installed packages. Without a network, tests are skipped, or fail in CI."""
    try:
        node.install(HERE)
    except node.UnreachableError as error:
        if os.environ.get("CI"):  # noqa: TID251 - configures the tests, not the product
            raise
        pytest.skip(f"needs npm packages: {error}")
    return HERE


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop; the stored data must still be sound when the test ends."""
    yield await a_shop(database)
    await assert_sound(database)


@pytest.fixture
async def order(database: Database, shop: Shop) -> Order:
    """An order of thirty dresses, all cancellable."""
    given = an_order_input("1001", an_item_input("dress", quantity=30, subtotal="300.00"))
    return (await store(database, shop, given))[0]


@pytest.fixture
async def base(database_url: str, database: Database) -> AsyncIterator[str]:
    """The address of the server."""
    settings = Settings(
        database_url=database_url, jwt_secret=SECRET, introspection=True, operation_timeout=PATIENCE_SECONDS
    )
    async with serving(settings, database) as base:
        yield base
