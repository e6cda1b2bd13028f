"""The shop in which most use cases are tested."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.support.invariants import assert_sound
from tests.support.market.intake import Intake, an_intake
from tests.support.stored import a_shop


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """The test's shop; at the end, the stored data must still be sound."""
    yield await a_shop(database)
    await assert_sound(database)


@pytest.fixture
def intake(tmp_path: Path, database_url: str) -> Iterator[Intake]:
    with an_intake(tmp_path, database_url) as intake:
        yield intake
