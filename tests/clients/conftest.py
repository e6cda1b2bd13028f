"""A server for the clients, and the npm packages that they need."""

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
    """The current environment, plus the address and the token that a client uses."""
    return {**os.environ, "ENDPOINT": f"{base}/graphql", "TOKEN": token}  # noqa: TID251 - handed on to a process


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the npm packages. Skips the test if they cannot be installed; in CI that is a failure."""
    try:
        node.install(HERE)
    except node.UnreachableError as error:
        if os.environ.get("CI"):  # noqa: TID251 - a setting of the tests, not of the code
            raise
        pytest.skip(f"needs packages of npm: {error}")
    return HERE


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """The shop of the test; checks at the end that what is stored is sound."""
    yield await a_shop(database)
    await assert_sound(database)


@pytest.fixture
async def order(database: Database, shop: Shop) -> Order:
    """Thirty dresses, all of which can be cancelled."""
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
