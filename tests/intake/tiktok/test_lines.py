"""Units become items: one for each SKU, gift and price, and more where their amounts tell them apart."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.intake.tiktok.lines import Line, items
from tests.intake.tiktok.amounts import a_line

kinds = st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from((2000, 2050)))
units = st.tuples(kinds, st.integers(0, 400)).map(
    lambda unit: a_line(unit[0][2], unit[1], sku=unit[0][0], is_gift=unit[0][1])
)


def discounted(*discounts: int, price: int = 2000) -> list[Line]:
    return [a_line(price, discount) for discount in discounts]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([a_line()], ((0,),), id="one unit"),
        pytest.param([a_line(), a_line()], ((0, 1),), id="alike"),
        pytest.param([a_line(), a_line(sku="S-2"), a_line()], ((0, 2), (1,)), id="another SKU between"),
        pytest.param([a_line(sku="S-2"), a_line(sku="S-1")], ((0,), (1,)), id="in the order of the lines"),
        pytest.param([a_line(), a_line(is_gift=True)], ((0,), (1,)), id="a gift"),
        pytest.param([a_line(1000), a_line(1001)], ((0,), (1,)), id="another price"),
        pytest.param([a_line(tax=70), a_line(tax=9)], ((0, 1),), id="tax tells nothing apart"),
        pytest.param([a_line(deposit=25), a_line()], ((0, 1),), id="deposits tell nothing apart"),
        pytest.param([a_line(1000, 300, 0), a_line(1000, 0, 300)], ((0, 1),), id="two discounts of one amount"),
        pytest.param(
            [a_line(1000, 500), a_line(1000, 0), a_line(999, 500, sku="S-0"), a_line(1000, 501)],
            ((0, 3), (1,), (2,)),
            id="the step is one cent",
        ),
    ],
)
def test_units_of_one_kind_and_amount_are_one_item(lines: list[Line], expected: tuple[tuple[int, ...], ...]) -> None:
    assert items(lines, "USD") == expected


@pytest.mark.parametrize(
    ("lines", "currency", "expected"),
    [
        pytest.param(discounted(0, 2000), "USD", ((0,), (1,)), id="the second unit is free"),
        pytest.param(discounted(472, 473, price=5797), "USD", ((0, 1),), id="a cent of rounding"),
        pytest.param(discounted(472, 474, price=5797), "USD", ((0,), (1,)), id="two cents"),
        pytest.param(discounted(470, 480), "USD", ((0, 1),), id="a step of ten cents"),
        pytest.param(discounted(470, 490), "USD", ((0,), (1,)), id="two steps of ten cents"),
        pytest.param(discounted(400, 500), "USD", ((0, 1),), id="a step of one dollar"),
        pytest.param(discounted(0, 1000), "USD", ((0,), (1,)), id="at most one dollar"),
        pytest.param(discounted(33300, 33400, price=100000), "IDR", ((0, 1),), id="a rupiah of rounding"),
        pytest.param(discounted(343044, 343045, price=857610), "VND", ((0, 1),), id="a dong"),
        pytest.param(discounted(343040, 343050, price=857610), "VND", ((0,), (1,)), id="at most one dong"),
        pytest.param(discounted(1000, 1010, price=20000), "KWD", ((0, 1),), id="ten fils"),
        pytest.param(discounted(1000, 2000, price=20000), "KWD", ((0, 1),), id="one dinar"),
        pytest.param(discounted(10000, 20000, price=20000), "KWD", ((0,), (1,)), id="ten dinars"),
        pytest.param(discounted(0, 1), "?", ((0, 1),), id="a currency without digits"),
        pytest.param(discounted(0, 2), "?", ((0,), (1,)), id="a currency without digits, two apart"),
    ],
)
def test_what_rounding_explains_is_one_item(
    lines: list[Line], currency: str, expected: tuple[tuple[int, ...], ...]
) -> None:
    assert items(lines, currency) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(a_line(101, sku="S-2"), ((0,), (1,), (2,)), id="price"),
        pytest.param(a_line(100, 1, sku="S-2"), ((0,), (1,), (2,)), id="seller's discount"),
        pytest.param(a_line(100, 0, 1, sku="S-2"), ((0,), (1,), (2,)), id="platform's discount"),
        pytest.param(a_line(100, tax=1, deposit=1, sku="S-2"), ((0, 1), (2,)), id="neither tax nor deposit"),
    ],
)
def test_every_price_and_discount_of_the_order_counts_for_the_step(
    line: Line, expected: tuple[tuple[int, ...], ...]
) -> None:
    assert items([*discounted(400, 410), line], "USD") == expected


@pytest.mark.parametrize(
    ("discounts", "expected"),
    [
        pytest.param((3, 2, 1), ((0, 1), (2,)), id="two steps are two items"),
        pytest.param((1, 2, 3, 4, 5), ((0,), (1, 2), (3, 4)), id="each within a step of its first"),
        pytest.param((5, 4, 3, 2, 1), ((0, 1), (2, 3), (4,)), id="the lowest amount is the first"),
        pytest.param((1, 3, 1, 2, 3), ((0, 2), (1, 3, 4)), id="mixed"),
    ],
)
def test_items_start_from_the_lowest_amount(discounts: tuple[int, ...], expected: tuple[tuple[int, ...], ...]) -> None:
    assert items(discounted(*discounts), "USD") == expected


@given(st.lists(units, min_size=1, max_size=12))
def test_every_line_is_in_one_item_of_its_kind(lines: list[Line]) -> None:
    found = items(lines, "USD")

    of_item = [
        {(lines[index].sku, lines[index].is_gift, lines[index].amounts.price) for index in each} for each in found
    ]
    assert sorted(index for each in found for index in each) == list(range(len(lines)))
    assert [each[0] for each in found] == sorted(each[0] for each in found)
    assert all(list(each) == sorted(each) for each in found)
    assert {len(kinds) for kinds in of_item} == {1}


@given(st.lists(units, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_decide_which_are_one_item(lines: list[Line], random: Random) -> None:
    shuffled = random.sample(list(enumerate(lines)), len(lines))

    found = items([line for _, line in shuffled], "USD")

    before = {tuple(sorted(shuffled[index][0] for index in item)) for item in found}
    assert before == set(items(lines, "USD"))
