"""The shop in which most use cases are tested."""

from collections.abc import AsyncIterator

import pytest

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """The test's shop; at the end, the stored data must still be sound."""
    yield await a_shop(database)
    await assert_sound(database)
