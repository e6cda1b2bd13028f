"""Faults that are caused, not imagined: each test says what it would have caught, and reports what it counted."""

import random
from collections.abc import Callable

import pytest


@pytest.fixture
def chance(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> random.Random:
    """What is left to chance in a test; its seed is reported, and `--fault-seed` repeats it."""
    seed = request.config.getoption("--fault-seed")
    seed = random.SystemRandom().getrandbits(32) if seed is None else int(seed)
    record_property("seed", seed)
    return random.Random(seed)  # noqa: S311 - chance, no secret


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a test repeats what depends on luck: once, or as often as `--fault-rounds` says."""
    return int(request.config.getoption("--fault-rounds"))
