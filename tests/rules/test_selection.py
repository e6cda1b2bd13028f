"""Requests resolve to units, or to every problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules import ids
from domain.rules.eligibility import Verdict, eligibility
from domain.rules.order import ItemEntry, ItemsSelection, Order, OrderSelection, PackageSelection, Pick
from domain.rules.outcomes import CancellationProblem, Problem
from domain.rules.selection import Judgement, judge, scope_of
from domain.rules.vocabulary import (
    CancellationErrorCode,
    CancellationReason,
    CancellationScope,
    NotCancellableReason,
    OrderStatus,
    PackageStatus,
)
from tests.rules.strategies import orders
from tests.support.builders import ORDER_ID, a_package, an_item, an_order

WAITING, ARRANGED, TRAVELLING, THERE, GONE = PackageStatus
ORDER = ids.of_order(ORDER_ID)
ITEM = {position: ids.of_item(ORDER_ID, position) for position in range(1, 10)}
PACKAGE = {position: ids.of_package(ORDER_ID, position) for position in range(1, 10)}
OTHER_ORDER = "order_00000000000000000000000000000000"
ELSEWHERE = "item_00000000000000000000000000000000_1"


def judge_items(
    order: Order | None, *entries: ItemEntry, reason: CancellationReason = CancellationReason.OUT_OF_STOCK
) -> Judgement:
    return judge(order, ItemsSelection(ORDER, entries), reason)


def judge_package(order: Order | None, package_id: str) -> Judgement:
    return judge(order, PackageSelection(package_id), CancellationReason.OTHER)


def judge_order(order: Order | None) -> Judgement:
    return judge(order, OrderSelection(ORDER), CancellationReason.OTHER)


def said(judgement: Judgement) -> list[str]:
    return [f"{problem.code.name} {'.'.join(problem.path)}" for problem in judgement.problems]


def a_split_order() -> Order:
    """Item 1 has units in every status, in packages whose numbers sort as text: 1001-1, 1001-10, 1001-2, ..."""
    return an_order(
        an_item(1, quantity=12),
        an_item(2, quantity=4),
        packages=(
            a_package(1, WAITING, units={1: 2, 2: 1}, number="1001-2"),
            a_package(2, WAITING, units={1: 3, 2: 1}, number="1001-10"),
            a_package(3, WAITING, units={1: 3}, cancelled={1: 2}, number="1001-1"),
            a_package(4, ARRANGED, units={1: 1, 2: 2}, number="1001-3"),
            a_package(5, TRAVELLING, units={1: 2}, number="1001-4"),
            a_package(6, GONE, units={1: 1}, number="1001-5"),
        ),
    )


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (ItemsSelection(ORDER, ()), CancellationScope.ITEMS),
        (PackageSelection(PACKAGE[1]), CancellationScope.PACKAGE),
        (OrderSelection(ORDER), CancellationScope.ORDER),
    ],
    ids=["items", "package", "order"],
)
def test_a_selection_has_its_scope(
    selection: ItemsSelection | PackageSelection | OrderSelection, expected: CancellationScope
) -> None:
    assert scope_of(selection) is expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([ItemEntry(ITEM[1], 1)], [Pick(1, 3, 1)], id="first package by number"),
        pytest.param([ItemEntry(ITEM[1], 3)], [Pick(1, 3, 1), Pick(1, 2, 2)], id="first and part of the second"),
        pytest.param(
            [ItemEntry(ITEM[1], 6)], [Pick(1, 3, 1), Pick(1, 2, 3), Pick(1, 1, 2)], id="all that await shipment"
        ),
        pytest.param([ItemEntry(ITEM[1], 2, PACKAGE[1])], [Pick(1, 1, 2)], id="the package named"),
        pytest.param(
            [ItemEntry(ITEM[1], 2), ItemEntry(ITEM[1], 1, PACKAGE[3])],
            [Pick(1, 3, 1), Pick(1, 2, 2)],
            id="packages named are served first",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 2, PACKAGE[2])],
            [Pick(1, 3, 1), Pick(1, 2, 2)],
            id="the rest comes from what is left",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 3), ItemEntry(ITEM[1], 1, PACKAGE[2])],
            [Pick(1, 3, 1), Pick(1, 2, 3)],
            id="one pick for a place",
        ),
        pytest.param(
            [ItemEntry(ITEM[2], 2), ItemEntry(ITEM[1], 2, PACKAGE[2])],
            [Pick(1, 2, 2), Pick(2, 2, 1), Pick(2, 1, 1)],
            id="by item as in the order",
        ),
        pytest.param(
            [ItemEntry(ITEM[2], 1, PACKAGE[1]), ItemEntry(ITEM[2], 1, PACKAGE[2])],
            [Pick(2, 2, 1), Pick(2, 1, 1)],
            id="by package number",
        ),
    ],
)
def test_units_are_taken_from_packages_by_number(entries: list[ItemEntry], expected: list[Pick]) -> None:
    judgement = judge_items(a_split_order(), *entries)

    assert judgement == Judgement((), tuple(expected))


def test_packages_that_do_not_await_shipment_are_skipped() -> None:
    packages = (a_package(1, THERE, units={1: 1}), a_package(2, ARRANGED, units={1: 1}), a_package(3, units={1: 1}))

    judgement = judge_items(an_order(an_item(quantity=3), packages=packages), ItemEntry(ITEM[1], 1))

    assert judgement == Judgement((), (Pick(1, 3, 1),))


def test_a_million_units_are_taken_in_one_call() -> None:
    packages = (a_package(1, units={1: 400_000}), a_package(2, units={1: 600_000}))

    judgement = judge_items(an_order(an_item(quantity=1_000_000), packages=packages), ItemEntry(ITEM[1], 1_000_000))

    assert judgement == Judgement((), (Pick(1, 1, 400_000), Pick(1, 2, 600_000)))


def test_a_package_gives_all_its_live_units() -> None:
    package = a_package(1, ARRANGED, units={2: 3, 1: 2, 3: 1}, cancelled={2: 1, 3: 1})
    order = an_order(an_item(1), an_item(2), an_item(3), packages=(package, a_package(2, TRAVELLING, units={1: 1})))

    judgement = judge_package(order, PACKAGE[1])

    assert judgement == Judgement((), (Pick(1, 1, 2), Pick(2, 1, 2)))


def test_an_order_gives_all_its_live_units() -> None:
    order = an_order(
        an_item(1, quantity=4),
        an_item(2, quantity=3),
        packages=(
            a_package(1, WAITING, units={1: 3, 2: 1}, cancelled={1: 1}, number="1001-2"),
            a_package(2, ARRANGED, units={1: 1, 2: 2}, number="1001-10"),
            a_package(3, GONE, units={2: 1}),
        ),
    )

    judgement = judge_order(order)

    assert judgement == Judgement((), (Pick(1, 2, 1), Pick(1, 1, 2), Pick(2, 2, 2), Pick(2, 1, 1)))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            ItemEntry(ELSEWHERE, 1, PACKAGE[1]),
            Problem(
                CancellationErrorCode.ITEM_NOT_FOUND,
                "The order has no item with this id.",
                ("items", "0", "itemId"),
                item_id=ELSEWHERE,
                package_id=PACKAGE[1],
            ),
            id="unknown item",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 1, "nonsense"),
            Problem(
                CancellationErrorCode.PACKAGE_NOT_FOUND,
                "The order has no package with this id that holds units of this item.",
                ("items", "0", "packageId"),
                item_id=ITEM[1],
                package_id="nonsense",
            ),
            id="unknown package",
        ),
        pytest.param(
            ItemEntry(ITEM[2], 1, PACKAGE[3]),
            Problem(
                CancellationErrorCode.PACKAGE_NOT_FOUND,
                "The order has no package with this id that holds units of this item.",
                ("items", "0", "packageId"),
                item_id=ITEM[2],
                package_id=PACKAGE[3],
            ),
            id="package without the item",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 0),
            Problem(
                CancellationErrorCode.INVALID_QUANTITY,
                "Cancel at least 1 unit.",
                ("items", "0", "quantity"),
                item_id=ITEM[1],
            ),
            id="no unit",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 1, PACKAGE[4]),
            Problem(
                CancellationErrorCode.NOT_CANCELLABLE,
                "No unit can be cancelled: the package is waiting for the carrier and can only be cancelled whole.",
                ("items", "0", "itemId"),
                item_id=ITEM[1],
                package_id=PACKAGE[4],
                not_cancellable_reason=NotCancellableReason.AWAITING_COLLECTION,
            ),
            id="package awaiting collection",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 9, PACKAGE[5]),
            Problem(
                CancellationErrorCode.NOT_CANCELLABLE,
                "No unit can be cancelled: the carrier has collected it.",
                ("items", "0", "itemId"),
                item_id=ITEM[1],
                package_id=PACKAGE[5],
                not_cancellable_reason=NotCancellableReason.SHIPPED,
            ),
            id="shipped, whatever quantity",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 1, PACKAGE[6]),
            Problem(
                CancellationErrorCode.NOT_CANCELLABLE,
                "No unit can be cancelled: nothing is left to cancel.",
                ("items", "0", "itemId"),
                item_id=ITEM[1],
                package_id=PACKAGE[6],
                not_cancellable_reason=NotCancellableReason.ALREADY_CANCELLED,
            ),
            id="cancelled package",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 3, PACKAGE[1]),
            Problem(
                CancellationErrorCode.QUANTITY_EXCEEDED,
                "You asked for 3, but only 2 can be cancelled.",
                ("items", "0", "quantity"),
                item_id=ITEM[1],
                package_id=PACKAGE[1],
                cancellable_quantity=2,
            ),
            id="more than the package has",
        ),
        pytest.param(
            ItemEntry(ITEM[1], 7),
            Problem(
                CancellationErrorCode.QUANTITY_EXCEEDED,
                "You asked for 7, but only 6 can be cancelled.",
                ("items", "0", "quantity"),
                item_id=ITEM[1],
                cancellable_quantity=6,
            ),
            id="more than all packages have",
        ),
    ],
)
def test_an_entry_is_refused_with_what_is_wrong(entry: ItemEntry, expected: CancellationProblem) -> None:
    judgement = judge_items(a_split_order(), entry)

    assert judgement == Judgement((expected,), ())


def test_an_earlier_entry_makes_a_duplicate() -> None:
    judgement = judge_items(a_split_order(), ItemEntry(ITEM[1], 1, PACKAGE[1]), ItemEntry(ITEM[1], 1, PACKAGE[1]))

    expected = Problem(
        CancellationErrorCode.DUPLICATE_ITEM,
        "An earlier entry names this item and package; combine them into one.",
        ("items", "1", "itemId"),
        item_id=ITEM[1],
        package_id=PACKAGE[1],
    )
    assert judgement == Judgement((expected,), ())


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (ItemEntry(ELSEWHERE, 0, "nonsense"), "ITEM_NOT_FOUND items.1.itemId"),
        (ItemEntry(ITEM[1], 0, "nonsense"), "PACKAGE_NOT_FOUND items.1.packageId"),
        (ItemEntry(ITEM[1], 0, PACKAGE[5]), "INVALID_QUANTITY items.1.quantity"),
        (ItemEntry(ITEM[1], -1), "INVALID_QUANTITY items.1.quantity"),
        (ItemEntry(ITEM[1], 99), "DUPLICATE_ITEM items.1.itemId"),
        (ItemEntry(ITEM[1], 99, PACKAGE[5]), "NOT_CANCELLABLE items.1.itemId"),
        (ItemEntry(ITEM[1], 99, PACKAGE[1]), "QUANTITY_EXCEEDED items.1.quantity"),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "",
)
def test_only_the_first_problem_of_an_entry_is_reported(entry: ItemEntry, expected: str) -> None:
    judgement = judge_items(a_split_order(), ItemEntry(ITEM[1], 1), entry)

    assert said(judgement) == [expected]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            [ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 2), ItemEntry(ITEM[1], 3)],
            ["DUPLICATE_ITEM items.1.itemId", "DUPLICATE_ITEM items.2.itemId"],
            id="every later one",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 7), ItemEntry(ITEM[1], 1)],
            ["QUANTITY_EXCEEDED items.0.quantity", "DUPLICATE_ITEM items.1.itemId"],
            id="the first is judged as if alone",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 6), ItemEntry(ITEM[1], 6)], ["DUPLICATE_ITEM items.1.itemId"], id="it takes no units"
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 0), ItemEntry(ITEM[1], 1)],
            ["INVALID_QUANTITY items.0.quantity", "DUPLICATE_ITEM items.1.itemId"],
            id="of a refused one",
        ),
        pytest.param(
            [ItemEntry(ELSEWHERE, 1), ItemEntry(ELSEWHERE, 1)],
            ["ITEM_NOT_FOUND items.0.itemId", "ITEM_NOT_FOUND items.1.itemId"],
            id="unknown twice",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 1, PACKAGE[1]), ItemEntry(ITEM[1], 1, PACKAGE[2])],
            [],
            id="another package is another entry",
        ),
        pytest.param([ItemEntry(ITEM[1], 1), ItemEntry(ITEM[2], 1)], [], id="another item is another entry"),
    ],
)
def test_the_same_item_and_package_may_be_named_once(entries: list[ItemEntry], expected: list[str]) -> None:
    assert said(judge_items(a_split_order(), *entries)) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            [ItemEntry(ITEM[1], 6), ItemEntry(ITEM[1], 2, PACKAGE[1])],
            {"items.0.quantity": 4},
            id="served first though named later",
        ),
        pytest.param(
            [ItemEntry(ITEM[1], 1), ItemEntry(ITEM[1], 3, PACKAGE[2]), ItemEntry(ITEM[1], 3, PACKAGE[1])],
            {"items.2.quantity": 2},
            id="a refused entry takes nothing",
        ),
        pytest.param(
            [ItemEntry(ITEM[2], 1), ItemEntry(ITEM[2], 1, PACKAGE[1]), ItemEntry(ITEM[2], 1, PACKAGE[2])],
            {"items.0.quantity": 0},
            id="nothing is left for the one without a package",
        ),
    ],
)
def test_quantity_exceeded_says_what_is_left_for_the_entry(
    entries: list[ItemEntry], expected: dict[str, int | None]
) -> None:
    judgement = judge_items(a_split_order(), *entries)

    assert {".".join(problem.path): problem.cancellable_quantity for problem in judgement.problems} == expected
    assert {problem.code for problem in judgement.problems} == {CancellationErrorCode.QUANTITY_EXCEEDED}


def test_every_entry_is_reported_in_its_place() -> None:
    judgement = judge_items(
        a_split_order(),
        ItemEntry(ITEM[1], 9),
        ItemEntry(ITEM[1], 9, PACKAGE[1]),
        ItemEntry(ELSEWHERE, 1),
        ItemEntry(ITEM[2], 1),
        ItemEntry(ITEM[1], 1, PACKAGE[5]),
        ItemEntry(ITEM[2], 0, PACKAGE[1]),
        ItemEntry(ITEM[1], 1),
        ItemEntry(ITEM[2], 1, "nonsense"),
        ItemEntry(ITEM[2], 1),
        ItemEntry(ELSEWHERE, 1, PACKAGE[1]),
        ItemEntry(ITEM[1], 9, PACKAGE[3]),
    )

    assert said(judgement) == [
        "QUANTITY_EXCEEDED items.0.quantity",
        "QUANTITY_EXCEEDED items.1.quantity",
        "ITEM_NOT_FOUND items.2.itemId",
        "NOT_CANCELLABLE items.4.itemId",
        "INVALID_QUANTITY items.5.quantity",
        "DUPLICATE_ITEM items.6.itemId",
        "PACKAGE_NOT_FOUND items.7.packageId",
        "DUPLICATE_ITEM items.8.itemId",
        "ITEM_NOT_FOUND items.9.itemId",
        "QUANTITY_EXCEEDED items.10.quantity",
    ]
    assert judgement.picks == ()


@pytest.mark.parametrize(
    ("status", "reason", "why"),
    [
        (OrderStatus.UNPAID, NotCancellableReason.UNPAID, "the order has not been paid"),
        (OrderStatus.ON_HOLD, NotCancellableReason.ON_HOLD, "the order is on hold"),
    ],
    ids=["unpaid", "on hold"],
)
def test_an_order_that_payment_blocks_says_so(status: OrderStatus, reason: NotCancellableReason, why: str) -> None:
    judgement = judge_items(an_order(status=status), ItemEntry(ITEM[1], 1))

    expected = Problem(
        CancellationErrorCode.NOT_CANCELLABLE,
        f"No unit can be cancelled: {why}.",
        ("items", "0", "itemId"),
        item_id=ITEM[1],
        not_cancellable_reason=reason,
    )
    assert judgement == Judgement((expected,), ())


def test_an_empty_selection_is_refused() -> None:
    expected = Problem(CancellationErrorCode.EMPTY_SELECTION, "Select at least one item to cancel.", ("items",))

    assert judge_items(an_order()) == Judgement((expected,), ())


def test_a_reason_that_does_not_unlock_the_scope_is_refused() -> None:
    message = "PRICING_ERROR does not unlock ITEMS; cancellationReasons lists what each reason unlocks."
    expected = Problem(CancellationErrorCode.REASON_NOT_ALLOWED, message, ("reason",))

    judgement = judge_items(an_order(), ItemEntry(ITEM[1], 1), reason=CancellationReason.PRICING_ERROR)

    assert judgement == Judgement((expected,), ())


def test_a_wrong_reason_is_one_problem_beside_those_of_the_entries() -> None:
    judgement = judge_items(
        a_split_order(),
        ItemEntry(ITEM[1], 1),
        ItemEntry(ITEM[1], 9, PACKAGE[1]),
        ItemEntry(ELSEWHERE, 1),
        reason=CancellationReason.OTHER,
    )

    assert said(judgement) == [
        "REASON_NOT_ALLOWED reason",
        "QUANTITY_EXCEEDED items.1.quantity",
        "ITEM_NOT_FOUND items.2.itemId",
    ]


def test_a_wrong_reason_for_nothing_is_two_problems() -> None:
    judgement = judge_items(a_split_order(), reason=CancellationReason.OTHER)

    assert said(judgement) == ["EMPTY_SELECTION items", "REASON_NOT_ALLOWED reason"]


def test_an_unknown_order_is_not_found() -> None:
    expected = Problem(CancellationErrorCode.ORDER_NOT_FOUND, "The shop has no order with this id.", ("orderId",))

    assert judge_order(None) == Judgement((expected,), ())


def test_entries_of_an_unknown_order_are_judged_by_themselves() -> None:
    judgement = judge_items(
        None,
        ItemEntry("anything", 1_000_000, "anywhere"),
        ItemEntry("anything", 0),
        ItemEntry("anything", 1, "anywhere"),
        ItemEntry("anything", 0, "anywhere"),
        ItemEntry("else", 1),
        reason=CancellationReason.OTHER,
    )

    assert said(judgement) == [
        "ORDER_NOT_FOUND orderId",
        "REASON_NOT_ALLOWED reason",
        "INVALID_QUANTITY items.1.quantity",
        "DUPLICATE_ITEM items.2.itemId",
        "INVALID_QUANTITY items.3.quantity",
    ]
    assert judgement.picks == ()


def test_an_unknown_order_with_an_empty_selection_has_every_problem_of_the_call() -> None:
    judgement = judge_items(None, reason=CancellationReason.OTHER)

    assert said(judgement) == ["ORDER_NOT_FOUND orderId", "EMPTY_SELECTION items", "REASON_NOT_ALLOWED reason"]


@pytest.mark.parametrize("order", [None, a_split_order()], ids=["no order", "another order"])
def test_an_unknown_package_is_not_found(order: Order | None) -> None:
    expected = Problem(
        CancellationErrorCode.PACKAGE_NOT_FOUND,
        "The shop has no package with this id.",
        ("packageId",),
        package_id=PACKAGE[9],
    )

    assert judge_package(order, PACKAGE[9]) == Judgement((expected,), ())


def test_a_package_that_has_left_is_refused() -> None:
    expected = Problem(
        CancellationErrorCode.NOT_CANCELLABLE,
        "It cannot be cancelled: the carrier has collected it.",
        ("packageId",),
        package_id=PACKAGE[5],
        not_cancellable_reason=NotCancellableReason.SHIPPED,
    )

    assert judge_package(a_split_order(), PACKAGE[5]) == Judgement((expected,), ())


def test_each_package_that_has_left_blocks_the_order() -> None:
    order = an_order(
        an_item(quantity=6),
        packages=(
            a_package(1, WAITING, units={1: 1}),
            a_package(2, THERE, units={1: 1}, number="1001-22"),
            a_package(3, ARRANGED, units={1: 1}),
            a_package(4, TRAVELLING, units={1: 1}, number="1001-21"),
            a_package(5, GONE, units={1: 1}),
            a_package(6, TRAVELLING, units={1: 1}, cancelled={1: 1}),
        ),
    )

    judgement = judge_order(order)

    message = "It cannot be cancelled: the carrier has collected it."
    shipped = NotCancellableReason.SHIPPED
    expected = [
        Problem(
            CancellationErrorCode.NOT_CANCELLABLE,
            message,
            ("orderId",),
            package_id=PACKAGE[position],
            not_cancellable_reason=shipped,
        )
        for position in (4, 2)
    ]
    assert judgement == Judgement(tuple(expected), ())


@pytest.mark.parametrize(
    ("order", "reason", "why"),
    [
        pytest.param(
            an_order(an_item(cancelled=2)),
            NotCancellableReason.ALREADY_CANCELLED,
            "nothing is left to cancel",
            id="cancelled",
        ),
        pytest.param(
            an_order(status=OrderStatus.UNPAID), NotCancellableReason.UNPAID, "the order has not been paid", id="unpaid"
        ),
        pytest.param(
            an_order(packages=(a_package(1, TRAVELLING, units={1: 2}),), status=OrderStatus.ON_HOLD),
            NotCancellableReason.ON_HOLD,
            "the order is on hold",
            id="on hold",
        ),
    ],
)
def test_an_order_refused_otherwise_names_no_package(order: Order, reason: NotCancellableReason, why: str) -> None:
    expected = Problem(
        CancellationErrorCode.NOT_CANCELLABLE,
        f"It cannot be cancelled: {why}.",
        ("orderId",),
        not_cancellable_reason=reason,
    )

    assert judge_order(order) == Judgement((expected,), ())


@st.composite
def entries(draw: st.DrawFn) -> ItemEntry:
    item = draw(st.sampled_from((ITEM[1], ITEM[2], ITEM[3], ELSEWHERE)))
    quantity = draw(st.integers(-1, 4) | st.integers(1, 300_000))
    return ItemEntry(item, quantity, draw(st.none() | st.sampled_from((PACKAGE[1], PACKAGE[2], PACKAGE[3], ELSEWHERE))))


@given(orders(), st.lists(entries(), min_size=1, max_size=5))
def test_units_are_taken_exactly_or_not_at_all(order: Order, entries: list[ItemEntry]) -> None:
    free = {place: verdict.quantity for place, verdict in eligibility(order).package_items.items()}
    numbers = {package.position: package.number for package in order.packages}

    judgement = judge_items(order, *entries)

    asked = 0 if judgement.problems else sum(entry.quantity for entry in entries)
    assert sum(pick.quantity for pick in judgement.picks) == asked
    assert all(0 < pick.quantity <= free[pick.package, pick.item] for pick in judgement.picks)
    places = [(pick.item, numbers[pick.package]) for pick in judgement.picks]
    assert places == sorted(set(places))


@given(orders())
def test_all_that_the_fields_offer_can_be_cancelled_and_not_one_more(order: Order) -> None:
    verdicts = eligibility(order)
    offers: dict[tuple[str, str | None], Verdict] = {(ITEM[item], None): v for item, v in verdicts.items.items()}
    offers |= {(ITEM[item], PACKAGE[package]): v for (package, item), v in verdicts.package_items.items()}

    offered = [judge_items(order, ItemEntry(item, v.quantity or 1, package)) for (item, package), v in offers.items()]
    more = [judge_items(order, ItemEntry(item, v.quantity + 1, package)) for (item, package), v in offers.items()]

    assert [{problem.not_cancellable_reason for problem in judgement.problems} for judgement in offered] == [
        {verdict.reason} - {None} for verdict in offers.values()
    ]
    assert [
        [(p.not_cancellable_reason, p.cancellable_quantity or 0) for p in judgement.problems] for judgement in more
    ] == [[(verdict.reason, verdict.quantity)] for verdict in offers.values()]


@given(orders())
def test_whole_packages_and_orders_go_exactly_when_the_fields_say_so(order: Order) -> None:
    verdicts = eligibility(order)

    judged = {package.position: judge_package(order, PACKAGE[package.position]) for package in order.packages}
    whole = judge_order(order)

    assert {position: sum(pick.quantity for pick in judgement.picks) for position, judgement in judged.items()} == {
        position: verdict.quantity for position, verdict in verdicts.packages.items()
    }
    assert sum(pick.quantity for pick in whole.picks) == verdicts.order.quantity
    assert {problem.not_cancellable_reason for problem in whole.problems} == {verdicts.order.reason} - {None}
