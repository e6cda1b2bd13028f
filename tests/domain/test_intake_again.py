"""Orders that come in again and again, while something is done to them here too."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules.vocabulary import OrderStatus, PackageStatus, ShippingRefundPolicy
from tests.support.market.intake import Intake, an_intake, numbered, some
from tests.support.market.life import Life
from tests.support.market.strategies import later, market_orders, shapes

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
with_each_policy = pytest.mark.parametrize("policy", ShippingRefundPolicy, ids=lambda policy: policy.name)
with_one_policy = pytest.mark.parametrize("policy", [ShippingRefundPolicy.PROPORTIONAL], ids=lambda policy: policy.name)
MOVES = st.sampled_from((PackageStatus.AWAITING_COLLECTION, PackageStatus.AWAITING_SHIPMENT, PackageStatus.IN_TRANSIT))
SETS = st.sampled_from((OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT))
HAPPENS = st.sampled_from(("hear", "hear", "hear", "again", "older", "cancel", "move", "split", "set"))


@pytest.fixture
def intake(tmp_path: Path, database_url: str, policy: ShippingRefundPolicy) -> Iterator[Intake]:
    with an_intake(tmp_path, database_url, policy) as intake:
        yield intake


def a_life(intake: Intake, data: st.DataObject) -> Life:
    """An order that has just come in, as a rule before anything of it has shipped."""
    is_open = data.draw(st.sampled_from((True, True, False)))
    return Life(intake, numbered(data.draw(market_orders(is_open=is_open)), intake.number()))


@on_sqlite
@with_each_policy
@some(max_examples=15)
@given(data=st.data())
def test_what_changes_there_is_so_here(intake: Intake, data: st.DataObject) -> None:
    """Nothing is done here meanwhile, so every unit is where the marketplace says."""
    life = a_life(intake, data)

    for _ in range(data.draw(st.integers(1, 5))):
        life.hears(data.draw(later(life.order)), data.draw(shapes))
        life.hears_again(data.draw(shapes))
    intake.checks()


@on_sqlite
@with_each_policy
@some(max_examples=15)
@given(data=st.data())
def test_what_is_done_here_stays_unless_it_changes_there(intake: Intake, data: st.DataObject) -> None:
    live_and_check(intake, data)


@on_postgresql
@with_one_policy
@some(max_examples=6)
@given(data=st.data())
def test_the_same_holds_on_postgresql(intake: Intake, data: st.DataObject) -> None:
    live_and_check(intake, data)


def live_and_check(intake: Intake, data: st.DataObject) -> None:
    """Anything happens in any order; the stored data is sound after every step."""
    life = a_life(intake, data)
    first = life.order
    for _ in range(data.draw(st.integers(1, 8))):
        match data.draw(HAPPENS):
            case "hear":
                life.hears(data.draw(later(life.order)), data.draw(shapes))
            case "again":
                life.hears_again(data.draw(shapes))
            case "older":
                life.hears_older(first)
            case "cancel":
                life.cancels(Random(data.draw(st.integers(0, 99))))  # noqa: S311 - chance, no secret
            case "move":
                life.moves(data.draw(st.integers(0, 3)), data.draw(MOVES))
            case "split":
                life.splits(data.draw(st.integers(0, 3)))
            case _:
                life.sets(data.draw(SETS))
        intake.checks()
