"""How properties are tried: without a deadline, and some with the same examples in each run."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings

PROFILE = "shortship"
settings.register_profile(PROFILE, deadline=None, database=None, print_blob=True)


def tried(request: pytest.FixtureRequest, option: str, holds: Callable[..., None], examples: int) -> None:
    """Runs a property made by @given inside the requesting test, with this many examples.

    They are the same in each run; the option asks for another number, drawn at random.
    """
    wanted = request.config.getoption(option)
    chosen = holds if wanted else seed(request.node.name)(holds)
    settings(
        max_examples=wanted or examples,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )(chosen)()
