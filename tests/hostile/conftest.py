"""A server for the tests of a module to attack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.target import Target, attacked


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Those of the server; a module may have others."""
    return {"introspection": "on"}


@pytest.fixture(scope="module")
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]
) -> Iterator[Target]:
    template: Path = request.getfixturevalue("_sqlite_template")
    with attacked(tmp_path_factory.mktemp("attacked"), template, **settings) as target:
        yield target
