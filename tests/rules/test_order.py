"""The values of the domain."""

from dataclasses import replace
from enum import Enum

import pytest

from domain.rules import order as words
from domain.rules.order import Order
from domain.rules.vocabulary import PackageStatus, ShippingRefundPolicy
from tests.support.builders import a_package, an_item, an_order


@pytest.mark.parametrize(
    "enum",
    [word for word in vars(words).values() if isinstance(word, type) and issubclass(word, Enum) and word is not Enum],
)
def test_no_two_members_of_an_enum_share_a_sentence(enum: type[Enum]) -> None:
    assert [member.name for member in enum] == list(enum.__members__)


def test_units_that_are_not_cancelled_are_live() -> None:
    order = an_order(an_item(1, quantity=5, cancelled=2), an_item(2, quantity=1, cancelled=1))

    assert [item.live_quantity for item in order.items] == [3, 0]
    assert [packed.live_quantity for packed in order.packages[0].items] == [3, 0]
    assert order.is_live
    assert order.packages[0].is_live


def test_nothing_is_live_where_everything_is_cancelled() -> None:
    order = an_order(an_item(1, quantity=5, cancelled=5), an_item(2, quantity=1, cancelled=1))

    assert not order.is_live
    assert not order.packages[0].is_live


def test_package_items_come_by_package() -> None:
    packages = (a_package(2, PackageStatus.IN_TRANSIT, units={1: 1}), a_package(1, units={2: 1, 1: 1}))
    order = an_order(an_item(1), an_item(2, quantity=1), packages=packages)

    assert [(package.number, packed.item) for package, packed in order.package_items()] == [
        ("1001-1", 2),
        ("1001-1", 1),
        ("1001-2", 1),
    ]


UNTOUCHED: dict[int, int] = {}
SOME_GONE, ALL_GONE = {1: 1, 2: 1}, {1: 2, 2: 1}
ON_FULL_CANCELLATION, PROPORTIONAL, NEVER = ShippingRefundPolicy


def an_order_of(
    cancelled: dict[int, int],
    policy: ShippingRefundPolicy,
    *,
    taken_off: int | None = None,
    is_paid: bool = True,
    collect_on_delivery: bool = False,
) -> Order:
    """Two units for 20.00, one for 10.00 and 5.00 for shipping; of these, some units are cancelled."""
    return an_order(
        an_item(1, quantity=2, subtotal=2000),
        an_item(2, quantity=1, subtotal=1000),
        packages=(a_package(units={1: 2, 2: 1}, cancelled=cancelled),),
        policy=policy,
        shipping_fee=500,
        taken_off=taken_off,
        is_paid=is_paid,
        collect_on_delivery=collect_on_delivery,
    )


@pytest.mark.parametrize("policy", ShippingRefundPolicy, ids=lambda policy: policy.name)
@pytest.mark.parametrize("cancelled", [UNTOUCHED, SOME_GONE, ALL_GONE], ids=["untouched", "some gone", "all gone"])
def test_all_of_a_paid_order_is_paid_whatever_was_refunded(
    cancelled: dict[int, int], policy: ShippingRefundPolicy
) -> None:
    order = an_order_of(cancelled, policy)

    assert (order.paid, order.due_at_door) == (3500, 0)


@pytest.mark.parametrize("is_collected", [False, True], ids=["in advance", "at the door"])
@pytest.mark.parametrize(
    ("cancelled", "policy", "expected"),
    [
        pytest.param(UNTOUCHED, ON_FULL_CANCELLATION, (0, 3500, 0), id="untouched"),
        pytest.param(UNTOUCHED, PROPORTIONAL, (0, 3500, 0), id="untouched, in proportion"),
        pytest.param(UNTOUCHED, NEVER, (0, 3500, 0), id="untouched, never"),
        pytest.param(SOME_GONE, ON_FULL_CANCELLATION, (2000, 1500, 0), id="some gone"),
        pytest.param(SOME_GONE, PROPORTIONAL, (2333, 1167, 0), id="some gone, in proportion"),
        pytest.param(SOME_GONE, NEVER, (2000, 1500, 0), id="some gone, never"),
        pytest.param(ALL_GONE, ON_FULL_CANCELLATION, (3500, 0, 0), id="all gone"),
        pytest.param(ALL_GONE, PROPORTIONAL, (3500, 0, 0), id="all gone, in proportion"),
        pytest.param(ALL_GONE, NEVER, (3000, 0, 500), id="all gone, never"),
    ],
)
def test_what_is_cancelled_before_it_is_paid_is_not_due_any_more(
    cancelled: dict[int, int], policy: ShippingRefundPolicy, expected: tuple[int, int, int], *, is_collected: bool
) -> None:
    """Expected: what is taken off, what is due at the door then, and what the buyer would have paid beyond that."""
    taken_off, due, beyond = expected

    order = an_order_of(cancelled, policy, is_paid=False, collect_on_delivery=is_collected)
    paid = replace(order, is_paid=True)

    assert (order.refunded, order.taken_off) == (0, taken_off)
    assert (order.paid, order.due_at_door) == (0, due if is_collected else 0)
    assert (paid.paid, paid.due_at_door) == (due + beyond, 0)


def test_what_was_taken_off_an_order_paid_at_the_door_stays_taken_off() -> None:
    order = an_order_of(SOME_GONE, ON_FULL_CANCELLATION, taken_off=2000, collect_on_delivery=True)

    assert (order.paid, order.refunded, order.taken_off, order.due_at_door) == (1500, 0, 2000, 0)
