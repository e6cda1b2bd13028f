"""The buckets of rate limiting."""

import pytest

from api.errors import RateLimitedError
from api.execution.rate_limit import Budget


class Clock:
    """A clock in seconds that moves only when a test sets it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def spent(budget: Budget, caller: str, costs: list[int]) -> list[int | None]:
    """For each cost, None or the seconds to wait."""
    return [_spent(budget, caller, cost) for cost in costs]


def _spent(budget: Budget, caller: str, cost: int) -> int | None:
    try:
        budget.spend(caller, cost)
    except RateLimitedError as error:
        return error.seconds
    return None


def test_ten_seconds_worth_may_be_spent_at_once() -> None:
    budget = Budget(5, Clock())

    assert spent(budget, "a", [49, 1, 1]) == [None, None, 1]


def test_a_refused_cost_takes_nothing() -> None:
    budget = Budget(5, Clock())

    assert spent(budget, "a", [30, 25, 20]) == [None, 1, None]


def test_a_cost_already_paid_is_not_taken_again() -> None:
    budget = Budget(5, Clock())
    budget.spend("a", 1)

    budget.spend("a", 40, paid=1)
    budget.spend("a", 0, paid=1)

    assert spent(budget, "a", [11, 10]) == [1, None]


def test_the_bucket_refills_up_to_its_size() -> None:
    clock = Clock()
    budget = Budget(5, clock)
    budget.spend("a", 50)

    clock.now += 2
    after_two = spent(budget, "a", [11, 10])
    clock.now += 1000
    after_long = spent(budget, "a", [51, 50, 1])

    assert after_two == [1, None]
    assert after_long == [1, None, 1]


def test_the_wait_for_an_unaffordable_cost_is_that_for_a_full_bucket() -> None:
    assert spent(Budget(5, Clock()), "a", [1_000_000]) == [10]


def test_each_caller_has_a_bucket() -> None:
    budget = Budget(5, Clock())
    budget.spend("a", 50)

    assert spent(budget, "b", [50]) == [None]


def test_the_least_recent_callers_are_forgotten() -> None:
    clock = Clock()
    budget = Budget(1, clock)
    budget.spend("first", 10)

    others = [spent(budget, str(number), [1]) for number in range(10_000)]

    assert others == [[None]] * 10_000
    assert spent(budget, "first", [10]) == [None]


def test_a_refusal_names_the_cost_and_the_wait() -> None:
    with pytest.raises(
        RateLimitedError, match="This costs 60, more than you have left of 50 per ten seconds; wait 2 s"
    ):
        Budget(5, Clock()).spend("a", 60)
