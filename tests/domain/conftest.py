"""The shop that most use cases are tested in."""

from collections.abc import AsyncIterator

import pytest

from domain.rules.order import Shop
from domain.storage.database import Database
from tests.support.invariants import assert_sound
from tests.support.stored import a_shop


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """The shop of the test; at its end what is stored is still sound."""
    yield await a_shop(database)
    await assert_sound(database)
