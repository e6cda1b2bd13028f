"""The marketplace's sample orders, cancelled step by step as far as the rules allow, balance to the last cent."""

from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.intake.check import normalise
from domain.rules.new_order import NewOrder
from domain.rules.order import Order, RefundBreakdown
from domain.rules.refunds import refund_breakdown
from domain.rules.selection import judge
from domain.rules.vocabulary import CancellationReason, OrderStatus, ShippingRefundPolicy
from tests.rules.test_refunds import sums
from tests.support.builders import after, an_order
from tests.support.closing import (
    MORE_SAMPLES,
    NEVER,
    NEXT_DAY,
    ON_FULL_CANCELLATION,
    PROPORTIONAL,
    SAMPLES,
    charges,
    next_selection,
    specified_refund,
)
from tests.support.reading import sound_orders

# The shipping and fees that the seller keeps when everything is cancelled.
NEVER_BACK = {ON_FULL_CANCELLATION: 0, PROPORTIONAL: 0, NEVER: 1}
policies = pytest.mark.parametrize("policy", ShippingRefundPolicy, ids=lambda policy: policy.name)
seeds = st.integers(0, 2**32 - 1)


def orders_of(file: Path) -> list[NewOrder]:
    judged = [*map(normalise, sound_orders(file))]
    return [order for order in judged if isinstance(order, NewOrder)]


@pytest.mark.parametrize(
    ("file", "count"), [(SAMPLES, 60), (MORE_SAMPLES, 12), (NEXT_DAY, 18)], ids=["given", "more", "next day"]
)
def test_no_sample_order_is_refused(file: Path, count: int) -> None:
    assert len(orders_of(file)) == count


@cache
def samples(policy: ShippingRefundPolicy) -> list[Order]:
    """The first day's samples as imported."""
    return [
        an_order(
            *new.items,
            packages=new.packages,
            status=new.status,
            policy=policy,
            number=new.number,
            currency=new.currency,
            prices_include_tax=new.prices_include_tax,
            shipping_fee=new.shipping_fee,
            shipping_tax=new.shipping_tax,
            fees=new.fees,
            total=new.total,
        )
        for new in (*orders_of(SAMPLES), *orders_of(MORE_SAMPLES))
    ]


def cancelled_bit_by_bit(order: Order, chance: Random, *, most: int = 1) -> tuple[Order, list[RefundBreakdown]]:
    """Cancels at most `most` units at a time while items can be cancelled, then whole packages."""
    breakdowns = []
    while selection := next_selection(order, chance, most):
        judgement = judge(order, selection, CancellationReason.OUT_OF_STOCK)
        assert judgement.problems == ()
        breakdowns.append(refund_breakdown(order, judgement.picks))
        order = after(order, *judgement.picks)
    return order, breakdowns


@policies
@settings(max_examples=10)
@given(seed=seeds)
def test_samples_cancelled_unit_by_unit_close_to_the_last_cent(policy: ShippingRefundPolicy, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - an order of events, no secret

    ends = [(order, *cancelled_bit_by_bit(order, chance)) for order in samples(policy)]

    refunds = {start.number: sum(each.total for each in breakdowns) for start, _, breakdowns in ends}
    assert len(ends) == 72
    assert refunds == {start.number: specified_refund(end, policy) - start.refunded for start, end, _ in ends}
    assert {end.number for _, end, _ in ends if not 0 <= end.refunded <= end.total} == set()
    assert min(each.total for _, _, breakdowns in ends for each in breakdowns) >= 0


@policies
@settings(max_examples=10)
@given(seed=seeds)
def test_samples_of_which_nothing_shipped_give_back_all_that_was_paid(policy: ShippingRefundPolicy, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - an order of events, no secret

    ends = [cancelled_bit_by_bit(order, chance)[0] for order in samples(policy)]

    over = [end for end in ends if end.status is OrderStatus.CANCELLED]
    never_back = {end.number: NEVER_BACK[policy] * sum(charges(end)) for end in over}
    assert len(over) == 54
    assert {end.number: end.total - end.refunded for end in over} == never_back


@policies
@settings(max_examples=10)
@given(seed=seeds, most=st.integers(2, 9))
def test_samples_cancelled_in_other_batches_give_back_the_same(
    policy: ShippingRefundPolicy, seed: int, most: int
) -> None:
    chance = Random(seed)  # noqa: S311 - an order of events, no secret

    one_by_one = [cancelled_bit_by_bit(order, chance) for order in samples(policy)]
    in_batches = [cancelled_bit_by_bit(order, chance, most=most) for order in samples(policy)]

    assert [end for end, _ in in_batches] == [end for end, _ in one_by_one]
    assert [sums(breakdowns) for _, breakdowns in in_batches] == [sums(breakdowns) for _, breakdowns in one_by_one]
