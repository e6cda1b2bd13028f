"""Units that their source has put into other packages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from domain.rules import ids
from domain.rules.new_order import NewOrder
from domain.rules.order import ItemEntry, Order, Package, Pick
from domain.rules.splits import PackageSplit, split_package
from domain.rules.status import order_status
from domain.rules.updates.acts import Update
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import OrderStatus, PackageStatus
from tests.support.builders import after
from tests.support.telling import a_told_order, acts, contents, notes, stored, told_again
from tests.support.telling import a_told_package as told

AS, AC, IT, DE, CA = PackageStatus
Contents = dict[str, tuple[PackageStatus, dict[int, tuple[int, int]]]]


def told_in_turn(*days: NewOrder) -> list[Update]:
    """What each day after the first one changes."""
    last, done = Known(stored(days[0]), None, None), []
    for day in days:
        done.append(update(last, day))
        last = Known(done[-1].after, done[-1].told, None)
    return done[1:]


def with_status(order: Order, number: str, status: PackageStatus) -> Order:
    packages = tuple(replace(each, status=status) if each.number == number else each for each in order.packages)
    return replace(order, packages=packages, status=order_status(order.status, packages))


def split(order: Order, number: str, *units: tuple[int, int]) -> Order:
    """Splits units off, given as (item, count)."""
    [position] = [package.position for package in order.packages if package.number == number]
    entries = tuple(ItemEntry(ids.of_item(order.id, item), count) for item, count in units)
    done = split_package(order, PackageSplit(ids.of_package(order.id, position), entries)).order
    assert done
    return done


def packing(done: Update) -> list[str]:
    """The acts, without the order's own."""
    return [act for act in acts(done) if not act.startswith("order")]


Row = tuple[Sequence[Package], Sequence[Package], list[str], Contents]
REPACKED: Mapping[str, Row] = {
    "into a package that is new": (
        [told("A", AS, {1: 3})],
        [told("A", AS, {1: 2}), told("B", AS, {1: 1})],
        ["A to B"],
        {"A": (AS, {1: (2, 0)}), "B": (AS, {1: (1, 0)})},
    ),
    "a new package has its status from the start": (
        [told("A", AS, {1: 3})],
        [told("A", AS, {1: 2}), told("B", IT, {1: 1})],
        ["A to B"],
        {"A": (AS, {1: (2, 0)}), "B": (IT, {1: (1, 0)})},
    ),
    "into a package that is known": (
        [told("A", AS, {1: 2}), told("B", AS, {1: 1})],
        [told("A", AS, {1: 1}), told("B", AS, {1: 2})],
        ["A to B"],
        {"A": (AS, {1: (1, 0)}), "B": (AS, {1: (2, 0)})},
    ),
    "into a known package that moves on": (
        [told("A", AS, {1: 2}), told("B", AS, {2: 1})],
        [told("A", AS, {1: 1}), told("B", IT, {1: 1, 2: 1})],
        ["A to B", "B AWAITING_SHIPMENT to IN_TRANSIT"],
        {"A": (AS, {1: (1, 0)}), "B": (IT, {1: (1, 0), 2: (1, 0)})},
    ),
    "a package without units stays as CANCELLED": (
        [told("A", AS, {1: 1}), told("B", AS, {1: 1})],
        [told("B", AS, {1: 2})],
        ["A to B", "A AWAITING_SHIPMENT to CANCELLED"],
        {"A": (CA, {}), "B": (AS, {1: (2, 0)})},
    ),
    "cancelled units are never moved": (
        [told("A", AS, {1: (1, 1), 2: (0, 1)}), told("B", AS, {1: 1})],
        [told("B", AS, {1: (2, 1), 2: (0, 1)})],
        ["A to B", "A AWAITING_SHIPMENT to CANCELLED"],
        {"A": (CA, {1: (0, 1), 2: (0, 1)}), "B": (AS, {1: (2, 0)})},
    ),
    "from several packages, by number": (
        [told("B", AS, {1: 1}), told("A", AS, {2: 1}), told("C", AS, {1: 1})],
        [told("D", AS, {1: 2, 2: 1})],
        [
            "A to D",
            "B to D",
            "C to D",
            "A AWAITING_SHIPMENT to CANCELLED",
            "B AWAITING_SHIPMENT to CANCELLED",
            "C AWAITING_SHIPMENT to CANCELLED",
        ],
        {"A": (CA, {}), "B": (CA, {}), "C": (CA, {}), "D": (AS, {1: (2, 0), 2: (1, 0)})},
    ),
    "into several packages, by number": (
        [told("A", AS, {1: 3})],
        [told("A", AS, {1: 1}), told("C", AS, {1: 1}), told("B", AS, {1: 1})],
        ["A to B", "A to C"],
        {"A": (AS, {1: (1, 0)}), "B": (AS, {1: (1, 0)}), "C": (AS, {1: (1, 0)})},
    ),
    "two packages swap their units": (
        [told("A", AS, {1: 1}), told("B", AS, {2: 1})],
        [told("A", AS, {2: 1}), told("B", AS, {1: 1})],
        ["B to A", "A to B"],
        {"A": (AS, {2: (1, 0)}), "B": (AS, {1: (1, 0)})},
    ),
    "the package that we made takes the number": (
        [told(None, AS, {1: 2})],
        [told("P", AS, {1: 2})],
        [],
        {"P": (AS, {1: (2, 0)})},
    ),
    "the package that we made takes the number, and its cancelled units stay": (
        [told(None, AS, {1: (2, 1)})],
        [told("P", IT, {1: 2}), told(None, CA, {1: (0, 1)})],
        ["P AWAITING_SHIPMENT to IN_TRANSIT"],
        {"P": (IT, {1: (2, 1)})},
    ),
    "the package that we made loses its units to two": (
        [told(None, AS, {1: 2})],
        [told("P", AS, {1: 1}), told("Q", IT, {1: 1})],
        ["1001-1 to P", "1001-1 to Q", "1001-1 AWAITING_SHIPMENT to CANCELLED"],
        {"1001-1": (CA, {}), "P": (AS, {1: (1, 0)}), "Q": (IT, {1: (1, 0)})},
    ),
    "the package that we made loses some": (
        [told(None, AS, {1: 2})],
        [told("P", AS, {1: 1}), told(None, AS, {1: 1})],
        ["1001-1 to P"],
        {"1001-1": (AS, {1: (1, 0)}), "P": (AS, {1: (1, 0)})},
    ),
    "the package that we made loses one item": (
        [told(None, AS, {1: 2, 2: 1})],
        [told("P", AS, {1: 2}), told(None, AS, {2: 1})],
        ["1001-1 to P"],
        {"1001-1": (AS, {2: (1, 0)}), "P": (AS, {1: (2, 0)})},
    ),
    "the package that we made loses all to one that is known": (
        [told(None, AS, {1: 2}), told("P", AS, {1: 1})],
        [told("P", AS, {1: 3})],
        ["1001-1 to P", "1001-1 AWAITING_SHIPMENT to CANCELLED"],
        {"1001-1": (CA, {}), "P": (AS, {1: (3, 0)})},
    ),
    "the first of two that we made takes the number": (
        [told(None, AS, {1: 1}), told(None, AC, {1: 2})],
        [told("P", AC, {1: 3})],
        ["1001-2 to P", "1001-2 AWAITING_COLLECTION to CANCELLED", "P AWAITING_SHIPMENT to AWAITING_COLLECTION"],
        {"1001-2": (CA, {}), "P": (AC, {1: (3, 0)})},
    ),
    "two that we made take the numbers of two": (
        [told(None, AS, {1: 1}), told(None, IT, {2: 1})],
        [told("Q", AS, {1: 1}), told("P", IT, {2: 1})],
        [],
        {"P": (IT, {2: (1, 0)}), "Q": (AS, {1: (1, 0)})},
    ),
    "a package of the source never takes another number": (
        [told("A", AS, {1: 2})],
        [told("P", AS, {1: 2})],
        ["A to P", "A AWAITING_SHIPMENT to CANCELLED"],
        {"A": (CA, {}), "P": (AS, {1: (2, 0)})},
    ),
    "into no package: into one that we made with that status": (
        [told("A", AS, {1: 2}), told(None, AS, {2: 1})],
        [told("A", AS, {1: 1}), told(None, AS, {1: 1, 2: 1})],
        ["A to 1001-2"],
        {"1001-2": (AS, {1: (1, 0), 2: (1, 0)}), "A": (AS, {1: (1, 0)})},
    ),
    "into no package: into a new one, if none has that status": (
        [told("A", AS, {1: 2}), told(None, IT, {2: 1})],
        [told("A", AS, {1: 1}), told(None, AS, {1: 1}), told(None, IT, {2: 1})],
        ["A to 1001-1"],
        {"1001-1": (AS, {1: (1, 0)}), "1001-2": (IT, {2: (1, 0)}), "A": (AS, {1: (1, 0)})},
    ),
    "into no package: one of the source's with that status is none": (
        [told("A", AS, {1: 2})],
        [told("A", AS, {1: 1}), told(None, AS, {1: 1})],
        ["A to 1001-1"],
        {"1001-1": (AS, {1: (1, 0)}), "A": (AS, {1: (1, 0)})},
    ),
    "what has shipped may go where it has come as far": (
        [told("A", IT, {1: 2})],
        [told("A", IT, {1: 1}), told("B", IT, {1: 1})],
        ["A to B"],
        {"A": (IT, {1: (1, 0)}), "B": (IT, {1: (1, 0)})},
    ),
    "what has shipped may go further": (
        [told("A", IT, {1: 2})],
        [told("A", IT, {1: 1}), told("B", DE, {1: 1})],
        ["A to B"],
        {"A": (IT, {1: (1, 0)}), "B": (DE, {1: (1, 0)})},
    ),
    "what has not shipped may go back": (
        [told("A", AC, {1: 2})],
        [told("A", AC, {1: 1}), told("B", AS, {1: 1})],
        ["A to B"],
        {"A": (AC, {1: (1, 0)}), "B": (AS, {1: (1, 0)})},
    ),
}


@pytest.mark.parametrize(("first", "second", "expected", "is_now"), REPACKED.values(), ids=REPACKED)
def test_live_units_go_where_the_source_tells(
    first: Sequence[Package], second: Sequence[Package], expected: list[str], is_now: Contents
) -> None:
    done = told_again(a_told_order(*first), a_told_order(*second))

    assert packing(done) == expected
    assert contents(done.after) == is_now
    raises = [act for act in expected if not act.endswith("to CANCELLED")]
    assert done.after.version == 1 + (len(raises) or 1)


BACK: Mapping[str, tuple[Sequence[Package], Sequence[Package], str]] = {
    "into a new package": (
        [told("A", IT, {1: 2})],
        [told("A", IT, {1: 1}), told("B", AC, {1: 1})],
        "Not moved from package A to B, which is less advanced: 1 unit of SKU SKU-1.",
    ),
    "into a known package": (
        [told("A", DE, {1: 2}), told("B", IT, {2: 1})],
        [told("A", DE, {1: 1}), told("B", IT, {1: 1, 2: 1})],
        "Not moved from package A to B, which is less advanced: 1 unit of SKU SKU-1.",
    ),
    "into no package": (
        [told("A", IT, {1: 2})],
        [told("A", IT, {1: 1}), told(None, AS, {1: 1})],
        "Not moved from package A to no package, which is less advanced: 1 unit of SKU SKU-1.",
    ),
}


@pytest.mark.parametrize(("first", "second", "note"), BACK.values(), ids=BACK)
def test_what_has_shipped_does_not_move_into_a_less_advanced_package(
    first: Sequence[Package], second: Sequence[Package], note: str
) -> None:
    done = told_again(a_told_order(*first), a_told_order(*second))

    assert done.acts == ()
    assert done.after == stored(a_told_order(*first))
    assert notes(done) == [f"NOT_TAKEN_OVER: {note}"]


def test_it_moves_into_a_package_that_has_come_further_here() -> None:
    first = a_told_order(told("A", IT, {1: 2}), told("B", AC, {1: 1}))
    here = with_status(stored(first), "B", IT)

    done = told_again(first, a_told_order(told("A", IT, {1: 1}), told("B", AC, {1: 2})), here=here)

    assert acts(done) == ["A to B"]
    assert contents(done.after) == {"A": (IT, {1: (1, 0)}), "B": (IT, {1: (2, 0)})}


def test_what_did_not_move_does_so_once_its_package_has_come_as_far() -> None:
    days = told_in_turn(
        a_told_order(told("A", IT, {1: 2})),
        a_told_order(told("A", IT, {1: 1}), told("B", AC, {1: 1})),
        a_told_order(told("A", IT, {1: 1}), told("B", DE, {1: 1})),
    )

    assert [packing(day) for day in days] == [[], ["A to B"]]
    assert contents(days[-1].after) == {"A": (IT, {1: (1, 0)}), "B": (DE, {1: (1, 0)})}


def test_units_that_stay_and_units_that_come_are_both_where_they_are_told() -> None:
    *_, done = told_in_turn(
        a_told_order(told("A", AC, {1: 2}), told("B", IT, {2: 1})),
        a_told_order(told("A", AC, {1: 2}), told("C", AS, {2: 1})),
        a_told_order(told("A", AC, {1: 1}), told("B", AC, {1: 1, 2: 1})),
    )

    assert acts(done) == ["A to B"]
    assert notes(done) == [
        "REPACKED: Moved from package A to B: 1 unit of SKU SKU-1.",
        "NOT_TAKEN_OVER: Package B is IN_TRANSIT and does not go back to AWAITING_COLLECTION.",
    ]


def test_a_package_that_took_a_number_is_the_same_one() -> None:
    first = a_told_order(told(None, AS, {1: 2}))

    done = told_again(first, a_told_order(told("P", IT, {1: 2}, carrier="DHL", tracking_number="1")))

    [package] = done.after.packages
    assert (package.position, package.number, package.is_numbered_here) == (1, "P", False)
    assert (package.carrier, package.tracking_number) == ("DHL", "1")
    assert acts(done) == ["P AWAITING_SHIPMENT to IN_TRANSIT", "order AWAITING_SHIPMENT to IN_TRANSIT"]
    assert notes(done) == [
        "REPACKED: Package 1001-1 is now P.",
        "PACKAGE_STATUS: Package P went from AWAITING_SHIPMENT to IN_TRANSIT.",
        "DETAILS: Package P has a new carrier: DHL.",
        "DETAILS: Package P has a new tracking number: 1.",
        "ORDER_STATUS: The order went from AWAITING_SHIPMENT to IN_TRANSIT.",
    ]


def test_a_package_that_has_shipped_here_takes_the_number_of_one_that_has_not() -> None:
    first = a_told_order(told(None, AS, {1: 2}))
    here = with_status(stored(first), "1001-1", IT)

    done = told_again(first, a_told_order(told("P", AC, {1: 2})), here=here)

    assert contents(done.after) == {"P": (IT, {1: (2, 0)})}
    assert notes(done) == [
        "REPACKED: Package 1001-1 is now P.",
        "NOT_TAKEN_OVER: Package P is IN_TRANSIT and does not go back to AWAITING_COLLECTION.",
    ]


def test_new_packages_of_the_source_have_its_details_and_ours_have_none() -> None:
    first = a_told_order(told("A", AS, {1: 3}))
    second = a_told_order(
        told("A", AS, {1: 1}), told("B", IT, {1: 1}, carrier="DHL", tracking_number="1"), told(None, AS, {1: 1})
    )

    done = told_again(first, second)

    assert [
        (each.position, each.number, each.carrier, each.tracking_number, each.is_numbered_here)
        for each in done.after.packages
    ] == [(2, "1001-1", None, None, True), (1, "A", None, None, False), (3, "B", "DHL", "1", False)]
    assert [note.code.name for note in done.notes] == ["REPACKED", "REPACKED", "ORDER_STATUS"]


def test_a_package_without_units_gets_some_again() -> None:
    together = a_told_order(told("B", AS, {1: 2}))
    apart = a_told_order(told("A", AC, {1: 1}), told("B", AS, {1: 1}))

    _, last = told_in_turn(a_told_order(told("A", AS, {1: 1}), told("B", AS, {1: 1})), together, apart)

    assert acts(last) == [
        "A CANCELLED to AWAITING_COLLECTION",
        "B to A",
        "order AWAITING_SHIPMENT to PARTIALLY_SHIPPING",
    ]
    assert last.after.version == last.before.version + 2
    assert contents(last.after) == {"A": (AC, {1: (1, 0)}), "B": (AS, {1: (1, 0)})}


def test_a_package_that_loses_all_and_gets_others_may_start_again() -> None:
    first = a_told_order(told("A", IT, {1: 1}), told("B", IT, {2: 1}), told("C", AS, {3: 1}))
    second = a_told_order(told("A", IT, {1: 1, 2: 1}), told("B", AS, {3: 1}))

    done = told_again(first, second)

    assert packing(done) == [
        "B to A",
        "B IN_TRANSIT to CANCELLED",
        "B CANCELLED to AWAITING_SHIPMENT",
        "C to B",
        "C AWAITING_SHIPMENT to CANCELLED",
    ]
    assert contents(done.after) == {"A": (IT, {1: (1, 0), 2: (1, 0)}), "B": (AS, {3: (1, 0)}), "C": (CA, {})}


def test_what_was_split_off_here_stays_split_off() -> None:
    first = a_told_order(told("A", AS, {1: 3}), told("B", AS, {1: 1}))
    here = split(stored(first), "A", (1, 1))

    done = told_again(first, a_told_order(told("A", IT, {1: 3}), told("B", AS, {1: 1})), here=here)

    assert packing(done) == ["A AWAITING_SHIPMENT to IN_TRANSIT", "A-2 AWAITING_SHIPMENT to IN_TRANSIT"]
    assert contents(done.after) == {"A": (IT, {1: (2, 0)}), "A-2": (IT, {1: (1, 0)}), "B": (AS, {1: (1, 0)})}


def test_what_was_split_off_a_package_of_ours_stays_split_off() -> None:
    first = a_told_order(told(None, AS, {1: 3}))
    here = split(stored(first), "1001-1", (1, 1))

    done = told_again(first, a_told_order(told(None, IT, {1: 3})), here=here)

    assert packing(done) == ["1001-1 AWAITING_SHIPMENT to IN_TRANSIT", "1001-1-2 AWAITING_SHIPMENT to IN_TRANSIT"]


def test_what_was_split_off_here_takes_the_number_that_the_source_gives_it() -> None:
    first = a_told_order(told("A", AS, {1: 3, 2: 1}))
    here = split(stored(first), "A", (1, 2))

    done = told_again(first, a_told_order(told("A", AS, {1: 1, 2: 1}), told("B", IT, {1: 2})), here=here)

    assert packing(done) == ["B AWAITING_SHIPMENT to IN_TRANSIT"]
    assert contents(done.after) == {"A": (AS, {1: (1, 0), 2: (1, 0)}), "B": (IT, {1: (2, 0)})}


HERE_ONLY: Mapping[str, tuple[Sequence[Package], Pick, Sequence[Package], list[str], Contents]] = {
    "in their package": (
        [told("A", AS, {1: 2}), told("B", AS, {1: 2})],
        Pick(1, 2, 1),
        [told("A", AS, {1: 2}), told("B", IT, {1: 2})],
        ["B AWAITING_SHIPMENT to IN_TRANSIT"],
        {"A": (AS, {1: (2, 0)}), "B": (IT, {1: (1, 1)})},
    ),
    "in the least advanced one, if theirs is not named any more": (
        [told("A", AS, {1: 2})],
        Pick(1, 1, 1),
        [told("B", IT, {1: 1}), told("C", AS, {1: 1})],
        ["A to B", "A AWAITING_SHIPMENT to CANCELLED"],
        {"A": (CA, {1: (0, 1)}), "B": (IT, {1: (1, 0)})},
    ),
    "by number, if two are as far": (
        [told("A", AS, {1: 2})],
        Pick(1, 1, 1),
        [told("C", IT, {1: 1}), told("B", IT, {1: 1})],
        ["A to C", "A AWAITING_SHIPMENT to CANCELLED"],
        {"A": (CA, {1: (0, 1)}), "C": (IT, {1: (1, 0)})},
    ),
    "in the least advanced of ours": (
        [told(None, AS, {1: 2})],
        Pick(1, 1, 1),
        [told(None, AS, {1: 1}), told(None, IT, {1: 1})],
        ["1001-1 AWAITING_SHIPMENT to IN_TRANSIT"],
        {"1001-1": (IT, {1: (1, 1)})},
    ),
    "in ours, though one of the source's is less advanced": (
        [told(None, AC, {1: 2}), told("A", AS, {1: 1})],
        Pick(1, 1, 1),
        [told(None, IT, {1: 2}), told("A", AS, {1: 1})],
        ["1001-1 AWAITING_COLLECTION to IN_TRANSIT"],
        {"1001-1": (IT, {1: (1, 1)}), "A": (AS, {1: (1, 0)})},
    ),
    "beside those that are cancelled there": (
        [told("A", AS, {1: (3, 1)}), told("B", AS, {1: 1})],
        Pick(1, 1, 1),
        [told("A", IT, {1: (3, 1)}), told("B", AS, {1: 1})],
        ["A AWAITING_SHIPMENT to IN_TRANSIT"],
        {"A": (IT, {1: (2, 2)}), "B": (AS, {1: (1, 0)})},
    ),
}


@pytest.mark.parametrize(("first", "pick", "second", "expected", "is_now"), HERE_ONLY.values(), ids=HERE_ONLY)
def test_units_that_are_cancelled_here_only_count_as_gone(
    first: Sequence[Package], pick: Pick, second: Sequence[Package], expected: list[str], is_now: Contents
) -> None:
    one = a_told_order(*first)

    done = told_again(one, a_told_order(*second), here=after(stored(one), pick))

    assert packing(done) == expected
    assert contents(done.after) == is_now
    assert notes(done)[0].startswith("CANCELLED_HERE_ONLY: ")


def test_the_order_moves_when_its_packages_do() -> None:
    done = told_again(a_told_order(told("A", AS, {1: 2})), a_told_order(told("A", AS, {1: 1}), told("B", DE, {1: 1})))

    assert acts(done) == ["A to B", "order AWAITING_SHIPMENT to PARTIALLY_SHIPPING"]
    assert done.after.status is OrderStatus.PARTIALLY_SHIPPING
