"""The values of the domain."""

from enum import Enum

import pytest

from domain.rules import order as words
from domain.rules.vocabulary import PackageStatus
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
