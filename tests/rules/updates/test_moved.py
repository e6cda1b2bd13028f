"""Packages and orders that have moved on."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from domain.rules.order import Package
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import OrderStatus, PackageStatus
from tests.support.telling import Units, a_told_order, a_told_package, acts, contents, notes, stored, told_again

AS, AC, IT, DE, CA = PackageStatus
UNPAID, HELD, OPEN = OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT
COMPLETED, IN_TRANSIT = OrderStatus.COMPLETED, OrderStatus.IN_TRANSIT
DELIVERED = OrderStatus.DELIVERED


def not_back(present: PackageStatus, status: PackageStatus) -> str:
    return f"NOT_TAKEN_OVER: Package {{}} is {present.name} and does not go back to {status.name}."


def moved(before: PackageStatus, after: PackageStatus) -> str:
    return f"PACKAGE_STATUS: Package {{}} went from {before.name} to {after.name}."


# What was told, what it is here by now, what is told now; then what it becomes, and the note.
MOVES = {
    "one step": (AS, AS, AC, AC, moved(AS, AC)),
    "several steps at once": (AS, AS, DE, DE, moved(AS, DE)),
    "back before it is collected": (AC, AC, AS, AS, moved(AC, AS)),
    "back, what was arranged here": (AS, AC, AS, AC, None),
    "back, newly told": (IT, AC, AS, AS, moved(AC, AS)),
    "back from collected": (IT, IT, AC, IT, not_back(IT, AC)),
    "back from delivered": (DE, DE, IT, DE, not_back(DE, IT)),
    "back from collected to the start": (IT, IT, AS, IT, not_back(IT, AS)),
    "on, but not as far as here": (AS, IT, AC, IT, not_back(IT, AC)),
    "on, to where it is here": (AS, IT, IT, IT, None),
    "on, further than here": (AS, AC, IT, IT, moved(AC, IT)),
    "as before, and further here": (AC, DE, AC, DE, None),
    "as before, and back here": (AC, AS, AC, AS, None),
}


@pytest.mark.parametrize(("before", "here", "now", "expected", "note"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("number", ["A", None], ids=["named", "ours"])
def test_a_package_moves_to_what_is_newly_told(
    before: PackageStatus,
    here: PackageStatus,
    now: PackageStatus,
    expected: PackageStatus,
    note: str | None,
    number: str | None,
) -> None:
    first = a_told_order(a_told_package(number, before, {1: 2}))
    order = stored(first)
    order = replace(order, packages=(replace(order.packages[0], status=here),), status=OrderStatus[here.name])

    done = told_again(first, a_told_order(a_told_package(number, now, {1: 2})), here=order)

    name = number or "1001-1"
    change = [f"{name} {here.name} to {expected.name}", f"order {here.name} to {expected.name}"]
    assert acts(done) == (change if expected is not here else [])
    assert contents(done.after) == {name: (expected, {1: (2, 0)})}
    assert done.after.version == (1 if expected is here else 2)
    assert notes(done)[:1] == ([note.format(name)] if note else [])


def test_each_package_that_moves_raises_the_version_and_the_order_moves_once() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 1}), a_told_package("B", AS, {1: 1}))
    second = a_told_order(a_told_package("A", DE, {1: 1}), a_told_package("B", IT, {1: 1}))

    done = told_again(first, second)

    assert acts(done) == [
        "A AWAITING_SHIPMENT to DELIVERED",
        "B AWAITING_SHIPMENT to IN_TRANSIT",
        "order AWAITING_SHIPMENT to IN_TRANSIT",
    ]
    assert done.after.version == 3


Packages = tuple[Package, ...]


def told(number: str | None, status: PackageStatus, units: Units) -> Package:
    return a_told_package(number, status, units)


OURS: Mapping[
    str, tuple[Packages, Packages, list[str], dict[str, tuple[PackageStatus, dict[int, tuple[int, int]]]]]
] = {
    "a package moves on with its units": (
        (told(None, AS, {1: 2}), told(None, AC, {1: 1})),
        (told(None, AS, {1: 2}), told(None, IT, {1: 1})),
        ["1001-2 AWAITING_COLLECTION to IN_TRANSIT"],
        {"1001-1": (AS, {1: (2, 0)}), "1001-2": (IT, {1: (1, 0)})},
    ),
    "one gets a number as it goes back, while a package goes the other way": (
        (told(None, AC, {1: 1}), told("A", AS, {1: 1}), told(None, AS, {1: 1})),
        (told("A", AC, {1: 1}), told("B", AS, {1: 1}), told(None, AS, {1: 1})),
        ["1001-1 AWAITING_COLLECTION to AWAITING_SHIPMENT", "A AWAITING_SHIPMENT to AWAITING_COLLECTION"],
        {"1001-1": (AS, {1: (1, 0)}), "A": (AC, {1: (1, 0)}), "B": (AS, {1: (1, 0)})},
    ),
    "one goes back as another gets a number, while a package goes the other way": (
        (told(None, AS, {1: 1}), told(None, AC, {1: 1}), told("B", AS, {1: 1})),
        (told(None, AS, {1: 1}), told("B", AC, {1: 1}), told("A", AS, {1: 1})),
        ["1001-2 AWAITING_COLLECTION to AWAITING_SHIPMENT", "B AWAITING_SHIPMENT to AWAITING_COLLECTION"],
        {"1001-2": (AS, {1: (1, 0)}), "A": (AS, {1: (1, 0)}), "B": (AC, {1: (1, 0)})},
    ),
    "two packages move into one status": (
        (told(None, AS, {1: 2}), told(None, AC, {1: 1})),
        (told(None, IT, {1: 3}),),
        ["1001-1 AWAITING_SHIPMENT to IN_TRANSIT", "1001-2 AWAITING_COLLECTION to IN_TRANSIT"],
        {"1001-1": (IT, {1: (2, 0)}), "1001-2": (IT, {1: (1, 0)})},
    ),
    "the more advanced units are split off": (
        (told(None, AS, {1: 3}),),
        (told(None, AS, {1: 2}), told(None, IT, {1: 1})),
        ["1001-1 to 1001-2"],
        {"1001-1": (AS, {1: (2, 0)}), "1001-2": (IT, {1: (1, 0)})},
    ),
    "into one package for each status": (
        (told(None, AS, {1: 3, 2: 1}),),
        (told(None, AC, {1: 1}), told(None, IT, {1: 1, 2: 1}), told(None, DE, {1: 1})),
        ["1001-1 AWAITING_SHIPMENT to AWAITING_COLLECTION", "1001-1 to 1001-2", "1001-1 to 1001-3"],
        {"1001-1": (AC, {1: (1, 0)}), "1001-2": (IT, {1: (1, 0), 2: (1, 0)}), "1001-3": (DE, {1: (1, 0)})},
    ),
    "into the next number that is free": (
        (told(None, AS, {1: 2}), told("1001-2", AS, {1: 1})),
        (told(None, AS, {1: 1}), told(None, IT, {1: 1}), told("1001-2", AS, {1: 1})),
        ["1001-1 to 1001-3"],
        {"1001-1": (AS, {1: (1, 0)}), "1001-2": (AS, {1: (1, 0)}), "1001-3": (IT, {1: (1, 0)})},
    ),
    "the most advanced told is in the most advanced here": (
        (told(None, AS, {1: 1}), told(None, AC, {1: 1}), told(None, IT, {1: 1})),
        (told(None, AC, {1: 1}), told(None, IT, {1: 1}), told(None, DE, {1: 1})),
        [
            "1001-1 AWAITING_SHIPMENT to AWAITING_COLLECTION",
            "1001-2 AWAITING_COLLECTION to IN_TRANSIT",
            "1001-3 IN_TRANSIT to DELIVERED",
        ],
        {"1001-1": (AC, {1: (1, 0)}), "1001-2": (IT, {1: (1, 0)}), "1001-3": (DE, {1: (1, 0)})},
    ),
    "each item by itself": (
        (told(None, AS, {1: 1, 2: 1}),),
        (told(None, AS, {1: 1}), told(None, AC, {2: 1})),
        ["1001-1 to 1001-2"],
        {"1001-1": (AS, {1: (1, 0)}), "1001-2": (AC, {2: (1, 0)})},
    ),
    "cancelled units stay behind": (
        (told(None, AS, {1: (2, 1)}),),
        (told(None, AS, {1: (1, 1)}), told(None, IT, {1: 1})),
        ["1001-1 to 1001-2"],
        {"1001-1": (AS, {1: (1, 1)}), "1001-2": (IT, {1: (1, 0)})},
    ),
}


@pytest.mark.parametrize(("first", "second", "expected", "after"), OURS.values(), ids=OURS)
def test_packages_of_ours_move_on_with_their_units(
    first: Packages,
    second: Packages,
    expected: list[str],
    after: dict[str, tuple[PackageStatus, dict[int, tuple[int, int]]]],
) -> None:
    done = told_again(a_told_order(*first), a_told_order(*second))

    assert [act for act in acts(done) if not act.startswith("order")] == expected
    assert contents(done.after) == after
    assert done.after.version == 1 + len(expected)


Day = tuple[OrderStatus, PackageStatus]
ORDERS: Mapping[str, tuple[Day, OrderStatus | None, Day, OrderStatus, int, str | None]] = {
    "UNPAID is left": ((UNPAID, AS), None, (OPEN, AS), OPEN, 2, None),
    "UNPAID is left for ON_HOLD": ((UNPAID, AS), None, (HELD, AS), HELD, 2, None),
    "UNPAID is left for what follows from the packages": ((UNPAID, AS), None, (OPEN, IT), IN_TRANSIT, 3, None),
    "UNPAID is left for COMPLETED": ((UNPAID, AS), None, (COMPLETED, DE), COMPLETED, 3, None),
    "UNPAID is never set": (
        (OPEN, AS),
        None,
        (UNPAID, AS),
        OPEN,
        1,
        "The order is AWAITING_SHIPMENT and does not become UNPAID.",
    ),
    "not even from ON_HOLD": (
        (HELD, AS),
        None,
        (UNPAID, AS),
        HELD,
        1,
        "The order is ON_HOLD and does not become UNPAID.",
    ),
    "UNPAID as before stays": ((UNPAID, AS), None, (UNPAID, AS), UNPAID, 1, None),
    "UNPAID as before stays left here": ((UNPAID, AS), OPEN, (UNPAID, AS), OPEN, 1, None),
    "UNPAID stays while packages move": ((UNPAID, AS), None, (UNPAID, AC), UNPAID, 2, None),
    "released here and there": ((UNPAID, AS), OPEN, (OPEN, AS), OPEN, 1, None),
    "released here, then held there": ((UNPAID, AS), OPEN, (HELD, AS), HELD, 2, None),
    "held here, then paid there: the hold stays": ((UNPAID, AS), HELD, (OPEN, AS), HELD, 2, None),
    "ON_HOLD is set": ((OPEN, AS), None, (HELD, AS), HELD, 2, None),
    "ON_HOLD is set after it shipped": ((OPEN, IT), None, (HELD, IT), HELD, 2, None),
    "ON_HOLD is released": ((HELD, AS), None, (OPEN, AS), OPEN, 2, None),
    "ON_HOLD is released, and it is shipped": ((HELD, AS), None, (OPEN, IT), IN_TRANSIT, 3, None),
    "ON_HOLD is released by COMPLETED": ((HELD, IT), None, (COMPLETED, DE), COMPLETED, 3, None),
    "ON_HOLD that was set here stays": ((OPEN, AS), HELD, (OPEN, IT), HELD, 2, None),
    "ON_HOLD that was released here stays released": (
        (HELD, AS),
        OPEN,
        (HELD, AC),
        OrderStatus.AWAITING_COLLECTION,
        2,
        None,
    ),
    "COMPLETED is set": ((OPEN, DE), None, (COMPLETED, DE), COMPLETED, 2, None),
    "COMPLETED is set once all is delivered": ((OPEN, AS), None, (COMPLETED, DE), COMPLETED, 3, None),
    "COMPLETED that was set here is no change": ((OPEN, DE), COMPLETED, (COMPLETED, DE), COMPLETED, 1, None),
    "COMPLETED stays": (
        (COMPLETED, DE),
        None,
        (OPEN, DE),
        COMPLETED,
        1,
        "The order is COMPLETED and does not become DELIVERED.",
    ),
    "COMPLETED does not become ON_HOLD": (
        (COMPLETED, DE),
        None,
        (HELD, DE),
        COMPLETED,
        1,
        "The order is COMPLETED and does not become ON_HOLD.",
    ),
    "it follows from the packages": ((OPEN, AS), None, (OPEN, DE), DELIVERED, 2, None),
}


@pytest.mark.parametrize(("first", "here", "second", "expected", "version", "note"), ORDERS.values(), ids=ORDERS)
def test_the_order_s_status_is_left_or_set(
    first: Day, here: OrderStatus | None, second: Day, expected: OrderStatus, version: int, note: str | None
) -> None:
    one, two = (a_told_order(told("A", package, {1: 1}), status=status) for status, package in (first, second))
    order = replace(stored(one), status=here or one.status, is_paid=one.is_paid or here is OPEN)

    done = told_again(one, two, here=order)

    assert done.after.status is expected
    assert done.after.version == version
    move = f"order {order.status.name} to {expected.name}"
    assert [act for act in acts(done) if act.startswith("order")] == ([move] if expected is not order.status else [])
    left_alone = [text.removeprefix("NOT_TAKEN_OVER: ") for text in notes(done) if text.startswith("NOT_TAKEN_OVER")]
    assert left_alone == ([note] if note else [])
    change = f"ORDER_STATUS: The order went from {order.status.name} to {expected.name}."
    assert (change in notes(done)) is (expected is not order.status)


def test_an_order_that_is_not_all_delivered_here_is_not_completed_but_released() -> None:
    first = a_told_order(told("A", DE, {1: 1}), told("B", IT, {1: 1}), status=UNPAID)
    second = a_told_order(told("A", DE, {1: 1}), told("B", IT, {1: 1}))

    done = told_again(first, replace(second, status=COMPLETED))

    assert done.after.status is IN_TRANSIT
    assert notes(done) == [
        "DETAILS: The order is paid.",
        "NOT_TAKEN_OVER: The order is UNPAID and does not become COMPLETED.",
        "ORDER_STATUS: The order went from UNPAID to IN_TRANSIT.",
    ]


@pytest.mark.parametrize("status", [UNPAID, HELD, OPEN])
def test_an_order_whose_last_units_go_is_cancelled_whatever_was_set_on_it(status: OrderStatus) -> None:
    first = a_told_order(told("A", AS, {1: 1}), status=status)

    done = told_again(first, a_told_order(told("A", AS, {1: (0, 1)}), status=status))

    assert acts(done) == ["cancel ORDER: 1 of 1 in A", f"order {status.name} to CANCELLED"]
    assert done.after.version == 2


Label = tuple[str | None, str | None]
LABELS: Mapping[str, tuple[Label, Label, Label, list[str]]] = {
    "none": ((None, None), (None, None), (None, None), []),
    "the same": (("DHL", "1"), ("DHL", "1"), ("DHL", "1"), []),
    "new ones": (
        (None, None),
        ("DHL", "1"),
        ("DHL", "1"),
        ["DETAILS: Package A has a new carrier: DHL.", "DETAILS: Package A has a new tracking number: 1."],
    ),
    "another number": (("DHL", "1"), ("DHL", "2"), ("DHL", "2"), ["DETAILS: Package A has a new tracking number: 2."]),
    "another carrier": (("DHL", "1"), ("UPS", "1"), ("UPS", "1"), ["DETAILS: Package A has a new carrier: UPS."]),
    "none any more": (
        ("DHL", "1"),
        (None, None),
        (None, None),
        ["DETAILS: Package A no longer has a carrier.", "DETAILS: Package A no longer has a tracking number."],
    ),
}


@pytest.mark.parametrize(("first", "second", "expected", "said"), LABELS.values(), ids=LABELS)
def test_carrier_and_tracking_number_are_those_of_now(
    first: Label, second: Label, expected: Label, said: list[str]
) -> None:
    one, two = (
        a_told_order(a_told_package("A", AS, {1: 1}, carrier=carrier, tracking_number=number))
        for carrier, number in (first, second)
    )

    done = told_again(one, two)

    [package] = done.after.packages
    assert (package.carrier, package.tracking_number) == expected
    assert notes(done) == said
    assert done.acts == ()
    assert done.after.version == (2 if said else 1)


def test_a_carrier_that_was_given_here_stays_until_the_source_tells_another() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 1}, carrier="DHL"))
    here = replace(stored(first), packages=(replace(stored(first).packages[0], carrier="UPS"),))

    same = told_again(first, a_told_order(a_told_package("A", AC, {1: 1}, carrier="DHL")), here=here)
    equal = told_again(first, a_told_order(a_told_package("A", AS, {1: 1}, carrier="UPS")), here=here)
    other = told_again(first, a_told_order(a_told_package("A", AS, {1: 1}, carrier="GLS")), here=here)

    assert [done.after.packages[0].carrier for done in (same, equal, other)] == ["UPS", "UPS", "GLS"]
    assert equal.notes == ()


def test_the_carrier_of_another_package_changes_nothing_about_this_one() -> None:
    first = a_told_order(told("A", AS, {1: 1}), told("B", AS, {1: 1}))
    second = a_told_order(told("A", AS, {1: 1}), a_told_package("B", IT, {1: 1}, carrier="DHL", tracking_number="1"))

    done = told_again(first, second)

    assert [package.carrier for package in done.after.packages] == [None, "DHL"]
    assert acts(done) == ["B AWAITING_SHIPMENT to IN_TRANSIT", "order AWAITING_SHIPMENT to PARTIALLY_SHIPPING"]


def test_what_is_told_again_is_not_new() -> None:
    first = a_told_order(told("A", AC, {1: 1}))
    here = replace(stored(first), packages=(replace(stored(first).packages[0], status=AS),), status=OPEN)

    done = update(Known(here, None, None), first)

    assert acts(done) == [
        "A AWAITING_SHIPMENT to AWAITING_COLLECTION",
        "order AWAITING_SHIPMENT to AWAITING_COLLECTION",
    ]
