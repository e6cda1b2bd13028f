"""How often a property is tried: the same examples in each run, unless an option asks for more and other ones."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings


def tried(request: pytest.FixtureRequest, option: str, holds: Callable[..., None], examples: int) -> None:
    """Runs what @given has made of a property, for the test that asks, with so many examples."""
    wanted = request.config.getoption(option)
    chosen = holds if wanted else seed(request.node.name)(holds)
    settings(
        max_examples=wanted or examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )(chosen)()
