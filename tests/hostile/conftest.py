"""A server to attack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.target import Target, attacked


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One for all tests, for it has to bear them all."""
    template: Path = request.getfixturevalue("_sqlite_template")
    with attacked(tmp_path_factory.mktemp("attacked"), template, introspection="on") as target:
        yield target
