"""The bucket of what a caller may ask for."""

import pytest

from api.errors import RateLimitedError
from api.execution.rate_limit import Budget


class Clock:
    """Seconds that pass only when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def spent(budget: Budget, caller: str, costs: list[int]) -> list[int | None]:
    """For each cost None, or after how many seconds to come again."""
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


def test_what_was_refused_takes_nothing() -> None:
    budget = Budget(5, Clock())

    assert spent(budget, "a", [30, 25, 20]) == [None, 1, None]


def test_what_is_paid_already_is_not_taken_again() -> None:
    budget = Budget(5, Clock())
    budget.spend("a", 1)

    budget.spend("a", 40, paid=1)
    budget.spend("a", 0, paid=1)

    assert spent(budget, "a", [11, 10]) == [1, None]


def test_the_bucket_fills_up_and_does_not_flow_over() -> None:
    clock = Clock()
    budget = Budget(5, clock)
    budget.spend("a", 50)

    clock.now += 2
    after_two = spent(budget, "a", [11, 10])
    clock.now += 1000
    after_long = spent(budget, "a", [51, 50, 1])

    assert after_two == [1, None]
    assert after_long == [1, None, 1]


def test_what_can_never_be_paid_is_not_waited_for_longer_than_a_full_bucket() -> None:
    assert spent(Budget(5, Clock()), "a", [1_000_000]) == [10]


def test_callers_have_a_bucket_each() -> None:
    budget = Budget(5, Clock())
    budget.spend("a", 50)

    assert spent(budget, "b", [50]) == [None]


def test_callers_that_were_not_heard_of_for_long_are_forgotten() -> None:
    clock = Clock()
    budget = Budget(1, clock)
    budget.spend("first", 10)

    others = [spent(budget, str(number), [1]) for number in range(10_000)]

    assert others == [[None]] * 10_000
    assert spent(budget, "first", [10]) == [None]


def test_a_refusal_says_what_it_is_about() -> None:
    with pytest.raises(
        RateLimitedError, match="This costs 60, more than you have left of 50 per ten seconds; wait 2 s"
    ):
        Budget(5, Clock()).spend("a", 60)
