"""A split moves units to a new package, and moves no money."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules import ids
from domain.rules.order import ItemEntry, Order, Package, PackageItem, RefundBreakdown
from domain.rules.outcomes import FulfillmentOutcome, FulfillmentProblem, Problem
from domain.rules.refunds import due, order_total, refund_breakdown
from domain.rules.splits import PackageSplit, split_package
from domain.rules.status import SET_ON_ORDER, order_status
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus
from tests.rules.strategies import all_of, orders
from tests.support.builders import ORDER_ID, a_package, an_item, an_order

WAITING, ARRANGED, TRAVELLING, THERE, GONE = PackageStatus
ITEM = {position: ids.of_item(ORDER_ID, position) for position in range(1, 10)}
PACKAGE = {position: ids.of_package(ORDER_ID, position) for position in range(1, 10)}
ELSEWHERE = "item_00000000000000000000000000000000_1"

NO_PACKAGE = Problem(FulfillmentErrorCode.NOT_FOUND, "The shop has no package with this id.", ("packageId",))
NOTHING = Problem(FulfillmentErrorCode.EMPTY_SELECTION, "Name at least one item to move.", ("items",))
EVERYTHING = Problem(FulfillmentErrorCode.INVALID_VALUE, "At least one unit must stay in the package.", ("items",))


def split(order: Order | None, *entries: ItemEntry, package: int = 1) -> FulfillmentOutcome:
    return split_package(order, PackageSplit(PACKAGE[package], entries))


def a_full_order() -> Order:
    """The first package holds 4 live and 2 cancelled units of item 1, one of item 2, and a cancelled one of item 3."""
    return an_order(
        an_item(1, quantity=7),
        an_item(2, quantity=3),
        an_item(3, quantity=1),
        an_item(4, quantity=1),
        packages=(
            a_package(1, units={1: 6, 2: 1, 3: 1}, cancelled={1: 2, 3: 1}, carrier="Swift", tracking_number="T-1"),
            a_package(2, TRAVELLING, units={1: 1, 2: 2, 4: 1}),
        ),
    )


def an_order_of(*numbers: str, positions: tuple[int, ...] = (1, 2, 3, 4)) -> Order:
    """A package of two units for each number; the first one is split."""
    packages = tuple(
        a_package(position, units={1: 2}, number=number) for position, number in zip(positions, numbers, strict=False)
    )
    return an_order(an_item(quantity=2 * len(packages)), packages=packages)


def not_found(index: int) -> FulfillmentProblem:
    message = "The package holds no units of an item with this id."
    return Problem(FulfillmentErrorCode.NOT_FOUND, message, ("items", str(index), "itemId"))


def invalid_quantity(index: int) -> FulfillmentProblem:
    path = ("items", str(index), "quantity")
    return Problem(FulfillmentErrorCode.INVALID_QUANTITY, "Move at least 1 unit.", path)


def duplicate(index: int) -> FulfillmentProblem:
    message = "An earlier entry names this item; combine them into one."
    return Problem(FulfillmentErrorCode.DUPLICATE_ITEM, message, ("items", str(index), "itemId"))


def exceeded(index: int, asked: int, held: int) -> FulfillmentProblem:
    message = f"You asked for {asked}, but the package holds {held}."
    return Problem(FulfillmentErrorCode.QUANTITY_EXCEEDED, message, ("items", str(index), "quantity"))


def not_split(package: str, order: str) -> FulfillmentProblem:
    message = f"A package that is {package} in an order that is {order} cannot be split."
    return Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("packageId",))


@pytest.mark.parametrize(
    ("entries", "moved", "left"),
    [
        pytest.param(
            [ItemEntry(ITEM[1], 1)],
            [PackageItem(1, 1, 0)],
            [PackageItem(1, 5, 2), PackageItem(2, 1, 0), PackageItem(3, 1, 1)],
            id="one unit",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 4)],
            [PackageItem(1, 4, 0)],
            [PackageItem(1, 2, 2), PackageItem(2, 1, 0), PackageItem(3, 1, 1)],
            id="cancelled units stay",
        ),
        pytest.param(
            [ItemEntry(ITEM[2], 1)],
            [PackageItem(2, 1, 0)],
            [PackageItem(1, 6, 2), PackageItem(3, 1, 1)],
            id="an item that moves whole",
        ),
        pytest.param(
            [ItemEntry(ITEM[2], 1), ItemEntry(ITEM[1], 3)],
            [PackageItem(1, 3, 0), PackageItem(2, 1, 0)],
            [PackageItem(1, 3, 2), PackageItem(3, 1, 1)],
            id="all but one unit",
        ),
    ],
)
def test_units_move_to_a_new_package(
    entries: list[ItemEntry], moved: list[PackageItem], left: list[PackageItem]
) -> None:
    order = a_full_order()

    outcome = split(order, *entries)

    old = replace(order.packages[0], items=tuple(left))
    new = Package(3, "1001-1-2", WAITING, None, None, is_numbered_here=True, items=tuple(moved))
    after = replace(order, packages=(old, new, order.packages[1]))
    assert outcome == FulfillmentOutcome(after, package=old, new_package=new)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param(["A"], "A-2", id="first split"),
        pytest.param(["A", "A-2"], "A-3", id="second split"),
        pytest.param(["A", "A-2", "A-3", "A-4"], "A-5", id="fourth split"),
        pytest.param(["A", "A-3", "A-4"], "A-2", id="gap at the start"),
        pytest.param(["A", "A-2", "A-4"], "A-3", id="gap in between"),
        pytest.param(["A-2", "A"], "A-2-2", id="of a package that was split off"),
        pytest.param(["A-2", "A-3", "A-2-2"], "A-2-3", id="of one again"),
        pytest.param(["A", "B-2", "A-20", "a-2"], "A-2", id="numbers that only look alike"),
        pytest.param(["A", "A-1"], "A-2", id="never 1"),
        pytest.param(["x" * 100], "x" * 100 + "-2", id="of a long number"),
    ],
)
def test_the_new_package_has_the_first_number_that_is_free(numbers: list[str], expected: str) -> None:
    outcome = split(an_order_of(*numbers), ItemEntry(ITEM[1], 1))

    assert outcome.new_package
    assert outcome.new_package.number == expected


@pytest.mark.parametrize(
    ("positions", "expected"),
    [((1,), 2), ((1, 2), 3), ((1, 7), 8), ((1, 9, 4), 10)],
    ids=["one", "two", "with a gap", "in another order than the numbers"],
)
def test_positions_are_never_reused(positions: tuple[int, ...], expected: int) -> None:
    outcome = split(an_order_of("A", "B", "C", positions=positions), ItemEntry(ITEM[1], 1))

    assert outcome.new_package
    assert outcome.new_package.position == expected


def test_packages_stay_in_the_order_of_their_numbers_as_text() -> None:
    outcome = split(an_order_of("A", "A-10", "A-3", "A0"), ItemEntry(ITEM[1], 1))

    assert outcome.order
    assert [package.number for package in outcome.order.packages] == ["A", "A-10", "A-2", "A-3", "A0"]


@pytest.mark.parametrize("numbers", [("A", "B"), ("B", "A")], ids=["first", "last"])
def test_other_packages_stay_as_they_are(numbers: tuple[str, str]) -> None:
    order = an_order_of(*numbers)
    other = next(package for package in order.packages if package.position == 2)

    outcome = split(order, ItemEntry(ITEM[1], 1))

    assert outcome.order
    assert [package for package in outcome.order.packages if package.position == 2] == [other]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([], [NOTHING], id="nothing"),
        pytest.param([ItemEntry(ELSEWHERE, 1)], [not_found(0)], id="unknown item"),
        pytest.param([ItemEntry("", 1)], [not_found(0)], id="no id"),
        pytest.param([ItemEntry(PACKAGE[1], 1)], [not_found(0)], id="id of another type"),
        pytest.param([ItemEntry(ITEM[1].upper(), 1)], [not_found(0)], id="id in another spelling"),
        pytest.param([ItemEntry(ITEM[4], 1)], [not_found(0)], id="item of another package"),
        pytest.param([ItemEntry(ITEM[1], 0)], [invalid_quantity(0)], id="no unit"),
        pytest.param([ItemEntry(ITEM[1], -1)], [invalid_quantity(0)], id="less than no unit"),
        pytest.param([ItemEntry(ITEM[1], 5)], [exceeded(0, 5, 4)], id="more units than are live"),
        pytest.param([ItemEntry(ITEM[2], 2)], [exceeded(0, 2, 1)], id="more units than are in this package"),
        pytest.param([ItemEntry(ITEM[3], 1)], [exceeded(0, 1, 0)], id="a cancelled unit"),
        pytest.param([ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 1)], [duplicate(1)], id="an item twice"),
        pytest.param(
            [ItemEntry(ITEM[1], 3), ItemEntry(ITEM[1], 2)], [duplicate(1)], id="twice and more than there are together"
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 1)] * 3, [duplicate(1), duplicate(2)], id="an item three times, every later one"
        ),
        pytest.param([ItemEntry(ITEM[1], 4), ItemEntry(ITEM[2], 1)], [EVERYTHING], id="all live units"),
    ],
)
def test_a_selection_is_refused_with_what_is_wrong(
    entries: list[ItemEntry], expected: list[FulfillmentProblem]
) -> None:
    order = a_full_order()

    outcome = split(order, *entries)

    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=tuple(expected))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([ItemEntry(ELSEWHERE, 0)], [not_found(0)], id="unknown before no unit"),
        pytest.param(
            [ItemEntry(ELSEWHERE, 1), ItemEntry(ELSEWHERE, 1)], [not_found(0), not_found(1)], id="unknown before twice"
        ),
        pytest.param([ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 0)], [invalid_quantity(1)], id="no unit before twice"),
        pytest.param(
            [ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 9)], [duplicate(1)], id="twice before more than there are"
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 0), ItemEntry(ITEM[1], 1)],
            [invalid_quantity(0), duplicate(1)],
            id="twice even of a refused one",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 9), ItemEntry(ITEM[1], 1)],
            [exceeded(0, 9, 4), duplicate(1)],
            id="the first as if alone",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 4), ItemEntry(ITEM[2], 1), ItemEntry(ITEM[3], 1)],
            [exceeded(2, 1, 0)],
            id="too many units of one before all units",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 5), ItemEntry(ITEM[2], 0)],
            [exceeded(0, 5, 4), invalid_quantity(1)],
            id="as many units as are live, but of the wrong items",
        ),
    ],
)
def test_each_entry_has_the_first_problem_that_holds(
    entries: list[ItemEntry], expected: list[FulfillmentProblem]
) -> None:
    order = a_full_order()

    outcome = split(order, *entries)

    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=tuple(expected))


def test_every_entry_is_reported_in_its_place() -> None:
    order = a_full_order()

    outcome = split(
        order,
        ItemEntry(ITEM[1], 5),
        ItemEntry(ELSEWHERE, 1),
        ItemEntry(ITEM[2], 1),
        ItemEntry(ITEM[1], 1),
        ItemEntry(ITEM[3], 0),
        ItemEntry(ITEM[4], 0),
        ItemEntry(ITEM[2], 9),
    )

    expected = (exceeded(0, 5, 4), not_found(1), duplicate(3), invalid_quantity(4), not_found(5), duplicate(6))
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=expected)


@pytest.mark.parametrize("status", [ARRANGED, TRAVELLING, THERE, GONE], ids=lambda status: status.name)
def test_only_a_package_that_awaits_shipment_is_split(status: PackageStatus) -> None:
    packages = (a_package(1, status, units={1: 3}), a_package(2, units={1: 1}))
    order = an_order(an_item(quantity=4), packages=packages, status=OrderStatus.PARTIALLY_SHIPPING)

    outcome = split(order, ItemEntry(ITEM[1], 1))

    expected = (not_split(status.name, "PARTIALLY_SHIPPING"),)
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (OrderStatus.UNPAID, [not_split("AWAITING_SHIPMENT", "UNPAID")]),
        (OrderStatus.ON_HOLD, [not_split("AWAITING_SHIPMENT", "ON_HOLD")]),
        (OrderStatus.COMPLETED, [not_split("AWAITING_SHIPMENT", "COMPLETED")]),
        (OrderStatus.AWAITING_SHIPMENT, []),
        (OrderStatus.PARTIALLY_SHIPPING, []),
    ],
    ids=lambda value: value.name if isinstance(value, OrderStatus) else "",
)
def test_packages_rest_while_a_status_is_set_on_the_order(
    status: OrderStatus, expected: list[FulfillmentProblem]
) -> None:
    outcome = split(an_order(status=status), ItemEntry(ITEM[1], 1))

    assert outcome.problems == tuple(expected)


def test_a_package_that_cannot_be_split_reports_no_quantities() -> None:
    order = an_order(an_item(quantity=3), packages=(a_package(1, ARRANGED, units={1: 3}),))

    too_many = split(order, ItemEntry(ITEM[1], 4))
    everything = split(order, ItemEntry(ITEM[1], 3))

    expected = (not_split("AWAITING_COLLECTION", "AWAITING_COLLECTION"),)
    assert too_many == FulfillmentOutcome(order, package=order.packages[0], problems=expected)
    assert everything == too_many


def test_a_package_that_cannot_be_split_reports_everything_else_too() -> None:
    order = an_order(an_item(quantity=3), packages=(a_package(1, ARRANGED, units={1: 3}),))

    outcome = split(order, ItemEntry(ELSEWHERE, 1), ItemEntry(ITEM[1], 0), ItemEntry(ITEM[1], 1))

    expected = (
        not_split("AWAITING_COLLECTION", "AWAITING_COLLECTION"),
        not_found(0),
        invalid_quantity(1),
        duplicate(2),
    )
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=expected)


def test_a_package_that_is_not_split_and_no_entry_are_two_problems() -> None:
    order = an_order(status=OrderStatus.UNPAID)

    outcome = split(order)

    expected = (not_split("AWAITING_SHIPMENT", "UNPAID"), NOTHING)
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=expected)


def test_an_order_is_not_split_beyond_its_limit_of_package_items() -> None:
    packages = (a_package(1, units={1: 2, 2: 1}), *(a_package(n, units={1: 1}) for n in range(2, 2000)))
    order = an_order(an_item(1, quantity=2000), an_item(2, quantity=1), packages=packages)

    two = split(order, ItemEntry(ITEM[1], 1), ItemEntry(ITEM[2], 1))
    one = split(replace(order, packages=packages[:-1]), ItemEntry(ITEM[1], 1))

    assert [(problem.message, problem.path) for problem in two.problems] == [
        ("An order can have at most 2,000 package items; this would exceed that.", ("items",))
    ]
    assert one.problems == ()


@pytest.mark.parametrize("order", [None, a_full_order()], ids=["no order", "another order"])
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([ItemEntry(ITEM[1], 1)], [NO_PACKAGE], id="good entry"),
        pytest.param([], [NO_PACKAGE, NOTHING], id="nothing"),
        pytest.param(
            [ItemEntry("x", 99), ItemEntry(ITEM[1], 0), ItemEntry("x", 1), ItemEntry(ITEM[1], 0), ItemEntry("", 1)],
            [NO_PACKAGE, invalid_quantity(1), duplicate(2), invalid_quantity(3)],
            id="entries judged by themselves",
        ),
    ],
)
def test_a_missing_package_is_not_found(
    order: Order | None, entries: list[ItemEntry], expected: list[FulfillmentProblem]
) -> None:
    outcome = split(order, *entries, package=9)

    assert outcome == FulfillmentOutcome(problems=tuple(expected))


# Properties


def can_be_split(order: Order, package: Package) -> bool:
    live = sum(packed.live_quantity for packed in package.items)
    return package.status is WAITING and order.status not in SET_ON_ORDER and live > 1


@st.composite
def splits(draw: st.DrawFn) -> tuple[Order, PackageSplit]:
    """An order and an allowed split of it."""
    order = draw(
        orders(st.just(WAITING) | st.sampled_from(PackageStatus)).filter(
            lambda order: any(can_be_split(order, package) for package in order.packages)
        )
    )
    package = draw(st.sampled_from([package for package in order.packages if can_be_split(order, package)]))
    live = {packed.item: packed.live_quantity for packed in package.items if packed.live_quantity}
    taken = {item: draw(st.integers(0, quantity)) for item, quantity in live.items()}
    first = next(iter(live))
    if taken == live:
        taken[first] -= 1
    if not any(taken.values()):
        taken[first] = 1
    entries = tuple(ItemEntry(ITEM[item], quantity) for item, quantity in taken.items() if quantity)
    return order, PackageSplit(PACKAGE[package.position], entries)


@st.composite
def any_entries(draw: st.DrawFn) -> tuple[ItemEntry, ...]:
    items = st.sampled_from((ITEM[1], ITEM[2], ITEM[3], ELSEWHERE))
    quantities = st.integers(-1, 3) | st.integers(1, 300_000)
    return draw(st.lists(st.builds(ItemEntry, items, quantities), max_size=4).map(tuple))


def units(order: Order) -> tuple[Counter[int], Counter[int]]:
    """The units of each item in packages, and the cancelled ones among them."""
    packed, cancelled = Counter[int](), Counter[int]()
    for _, each in order.package_items():
        packed[each.item] += each.quantity
        cancelled[each.item] += each.cancelled_quantity
    return packed, cancelled


def sums(order: Order) -> RefundBreakdown:
    """The refund for cancelling all live units, without its lines."""
    return replace(refund_breakdown(order, all_of(order)), lines=())


@given(splits())
def test_a_split_moves_units_and_never_money(made: tuple[Order, PackageSplit]) -> None:
    order, asked = made

    after = split_package(order, asked).order

    assert after
    assert after.items == order.items
    assert units(after) == units(order)
    assert (after.total, after.refunded) == (order.total, order.refunded)
    assert order_total(after) == order_total(order)
    assert due(after, after.shipping_refund_policy) == due(order, order.shipping_refund_policy)
    assert sums(after) == sums(order)


@given(splits())
def test_a_split_moves_exactly_the_units_that_are_named(made: tuple[Order, PackageSplit]) -> None:
    order, asked = made

    outcome = split_package(order, asked)

    assert outcome.new_package
    assert outcome.package
    moved = {ITEM[packed.item]: packed.live_quantity for packed in outcome.new_package.items}
    assert moved == {entry.item_id: entry.quantity for entry in asked.entries}
    assert all(packed.cancelled_quantity == 0 for packed in outcome.new_package.items)
    assert outcome.package.is_live


@given(splits())
def test_a_split_leaves_the_status_of_the_order(made: tuple[Order, PackageSplit]) -> None:
    order, asked = made

    after = split_package(order, asked).order

    assert after
    assert after.status is order.status is order_status(order.status, after.packages)


@given(splits(), st.data())
def test_the_order_of_the_entries_does_not_matter(made: tuple[Order, PackageSplit], data: st.DataObject) -> None:
    order, asked = made
    shuffled = replace(asked, entries=tuple(data.draw(st.permutations(asked.entries))))

    assert split_package(order, shuffled) == split_package(order, asked)


@given(orders(), st.sampled_from(list(PACKAGE)), any_entries())
def test_a_refused_split_changes_nothing(order: Order, package: int, entries: tuple[ItemEntry, ...]) -> None:
    outcome = split(order, *entries, package=package)

    is_refused = bool(outcome.problems)
    assert (outcome.order in {order, None}, outcome.new_package is None) == (is_refused, is_refused)
    assert (outcome.package in {*order.packages, None}) is is_refused


@given(orders() | st.none(), any_entries())
def test_an_entry_has_at_most_one_problem_and_they_are_in_order(
    order: Order | None, entries: tuple[ItemEntry, ...]
) -> None:
    outcome = split(order, *entries)

    places = [problem.path[1] for problem in outcome.problems if len(problem.path) > 1]
    assert places == sorted(set(places), key=int)
