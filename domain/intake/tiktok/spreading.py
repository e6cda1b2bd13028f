"""Spreads an amount over lines, and takes one off charges."""

from collections.abc import Iterable, Sequence


def spread(amount: int, *weightings: Sequence[int]) -> list[int]:
    """Each line's part of `amount`, in proportion to the first weights that are not all 0; else all on the first line.

    The parts sum to the amount: what rounding down leaves goes to the largest remainders, of equal ones to the earlier
    lines. No part is above its weight, if the amount is not above the weights' sum.
    """
    lines = range(len(weightings[0]))
    on_the_first = [int(not line) for line in lines]
    weights = next(weights for weights in (*weightings, on_the_first) if any(weights))
    whole = sum(weights)
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(lines, key=lambda line: -(amount * weights[line] % whole))
    for line in by_remainder[: amount - sum(parts)]:
        parts[line] += 1
    return parts


def reduced(charges: Iterable[int], amount: int) -> list[int]:
    """The charges after `amount` is taken off them in turn; none goes below 0."""
    left = []
    for charge in charges:
        off = min(charge, amount)
        left.append(charge - off)
        amount -= off
    return left
