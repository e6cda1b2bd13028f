"""Amounts are spread by largest remainders, and taken off charges in turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.intake.tiktok.spreading import reduced, spread

MOST = 10**15 - 1
amounts = st.one_of(st.integers(0, 3), st.integers(0, 9_999), st.integers(0, MOST))
weightings = st.lists(amounts, min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        pytest.param(39506, [434566], [39506], id="one line"),
        pytest.param(100, [1, 1], [50, 50], id="nothing is left"),
        pytest.param(100, [3, 1], [75, 25], id="by weight"),
        pytest.param(100, [1, 1, 1], [34, 33, 33], id="of equal remainders the earlier"),
        pytest.param(200, [1, 1, 1], [67, 67, 66], id="two are left"),
        pytest.param(100, [1, 1, 2, 3], [14, 14, 29, 43], id="the largest remainders"),
        pytest.param(10, [0, 3, 0, 3, 3], [0, 4, 0, 3, 3], id="nothing on a weight of 0"),
        pytest.param(1, [1, 2], [0, 1], id="the larger remainder is later"),
        pytest.param(7, [5, 3], [4, 3], id="the larger remainder is on the smaller weight"),
        pytest.param(7, [1, 2, 4], [1, 2, 4], id="all of the weights"),
        pytest.param(0, [1, 2], [0, 0], id="nothing to spread"),
        pytest.param(MOST, [MOST, MOST], [500_000_000_000_000, 499_999_999_999_999], id="the largest amount"),
    ],
)
def test_an_amount_is_spread_by_largest_remainders(amount: int, weights: list[int], parts: list[int]) -> None:
    assert spread(amount, weights) == parts


@pytest.mark.parametrize(
    ("weightings", "parts"),
    [
        pytest.param([[1, 3], [1, 1]], [25, 75], id="the first"),
        pytest.param([[0, 3], [1, 1]], [0, 100], id="the first, with a 0"),
        pytest.param([[0, 0], [1, 1]], [50, 50], id="the second"),
        pytest.param([[0, 0], [0, 0]], [100, 0], id="all on the first line"),
        pytest.param([[0, 0, 0]], [100, 0, 0], id="one weighting"),
    ],
)
def test_the_first_weights_that_are_not_all_0_count(weightings: list[list[int]], parts: list[int]) -> None:
    assert spread(100, *weightings) == parts


@given(amounts, weightings)
def test_parts_are_exact_and_near_their_share(amount: int, weights: list[int]) -> None:
    parts = spread(amount, weights)

    whole = sum(weights)
    assert sum(parts) == amount
    assert min(parts) >= 0
    assert all(
        abs(part * whole - amount * weight) < whole for part, weight in zip(parts, weights, strict=True) if whole
    )


@given(weightings, st.data())
def test_no_part_is_above_its_weight_if_there_is_enough(weights: list[int], data: st.DataObject) -> None:
    parts = spread(data.draw(st.integers(0, sum(weights))), weights)

    assert all(part <= weight for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize(
    ("amount", "left"),
    [
        pytest.param(0, [5, 0, 3], id="nothing"),
        pytest.param(4, [1, 0, 3], id="a part of the first"),
        pytest.param(5, [0, 0, 3], id="all of the first"),
        pytest.param(7, [0, 0, 1], id="a part of a later one"),
        pytest.param(9, [0, 0, 0], id="more than there is"),
    ],
)
def test_an_amount_is_taken_off_charges_in_turn(amount: int, left: list[int]) -> None:
    assert reduced([5, 0, 3], amount) == left
