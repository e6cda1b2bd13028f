"""A server to attack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.target import Target, attacked
from tests.support.patience import PATIENCE_SECONDS


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One for all tests, for it has to bear them all."""
    template: Path = request.getfixturevalue("_sqlite_template")
    settings = {"introspection": "on", "operation_timeout": str(PATIENCE_SECONDS)}
    with attacked(tmp_path_factory.mktemp("attacked"), template, **settings) as target:
        yield target
