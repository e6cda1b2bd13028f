"""What is compared with what: inputs in their order, orders from before, and what was done here in between."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.rules import ids
from domain.rules.order import ImportNote, ItemEntry, Order, Pick
from domain.rules.splits import PackageSplit, split_package
from domain.rules.updates.told import Told, ToldPackage, stored_as_told, told
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus
from tests.support.builders import BUYER, PLACED_AT, a_package, after, an_item, an_order
from tests.support.telling import a_told_order, a_told_package, acts, contents, known, notes, stored, told_again

AS, AC, IT, DE, CA = PackageStatus
EARLY, LATE = PLACED_AT + timedelta(hours=1), PLACED_AT + timedelta(hours=2)


def test_what_is_told_again_changes_nothing() -> None:
    first = a_told_order(a_told_package("A", AS, {1: (1, 1)}), a_told_package(None, IT, {1: 1}))

    done = told_again(first, first)

    assert (done.acts, done.notes, done.problems) == ((), (), ())
    assert done.before == done.after == stored(first)
    assert done.told == told(first)


def test_what_was_done_here_and_not_touched_there_stays() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 3}), a_told_package("B", AS, {1: 1}))
    here = moved(split(stored(first), "A", 1), "A-2", AC)

    done = told_again(first, a_told_order(a_told_package("A", AS, {1: 3}), a_told_package("B", IT, {1: 1})), here=here)

    assert acts(done) == ["B AWAITING_SHIPMENT to IN_TRANSIT"]
    assert contents(done.after) == {"A": (AS, {1: (2, 0)}), "A-2": (AC, {1: (1, 0)}), "B": (IT, {1: (1, 0)})}


def split(order: Order, number: str, units: int) -> Order:
    [position] = [package.position for package in order.packages if package.number == number]
    entries = (ItemEntry(ids.of_item(order.id, 1), units),)
    done = split_package(order, PackageSplit(ids.of_package(order.id, position), entries)).order
    assert done
    return done


def moved(order: Order, number: str, status: PackageStatus) -> Order:
    packages = (replace(each, status=status) if each.number == number else each for each in order.packages)
    return replace(order, packages=tuple(packages), status=OrderStatus.PARTIALLY_SHIPPING)


@pytest.mark.parametrize(
    ("last", "this", "kept"),
    [(None, None, None), (None, LATE, LATE), (EARLY, None, EARLY), (EARLY, EARLY, EARLY), (EARLY, LATE, LATE)],
    ids=["no times", "the first time", "no time any more", "the same time", "a later time"],
)
def test_an_input_that_is_not_older_counts(last: datetime | None, this: datetime | None, kept: datetime | None) -> None:
    first = a_told_order(a_told_package("A", AS, {1: 1}), source_updated_at=last)

    done = told_again(first, a_told_order(a_told_package("A", IT, {1: 1}), source_updated_at=this))

    assert len(done.acts) == 2
    assert done.source_updated_at == kept
    assert not done.is_older


def test_an_older_input_changes_nothing() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 1}), source_updated_at=LATE)
    second = a_told_order(a_told_package("A", IT, {1: 1}), source_updated_at=EARLY)

    done = told_again(first, second)

    assert (done.before, done.after, done.acts) == (stored(first), stored(first), ())
    assert done.is_older
    assert done.told == told(first)
    assert done.source_updated_at == LATE
    message = "It is from 2026-03-01T10:30:00+00:00, but what it said at 2026-03-01T11:30:00+00:00 is known."
    assert done.notes == (ImportNote(ImportNoteCode.OLDER, message),)


def test_another_order_with_the_number_is_refused_even_if_it_is_older() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 1}), source_updated_at=LATE)
    second = a_told_order(a_told_package("A", AS, {1: 2}), source_updated_at=EARLY)

    done = told_again(first, second)

    assert len(done.problems) == 1
    assert (done.notes, done.source_updated_at) == ((), LATE)


def test_acts_come_in_the_order_of_their_events() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 3}), a_told_package("B", AS, {2: 1}), status=OrderStatus.ON_HOLD)
    second = a_told_order(a_told_package("A", IT, {1: (1, 1)}), a_told_package("C", IT, {1: 1, 2: 1}), ship_by=LATE)

    done = told_again(first, second)

    assert acts(done) == [
        "cancel ITEMS: 1 of 1 in A",
        "A to C",
        "B to C",
        "B AWAITING_SHIPMENT to CANCELLED",
        "A AWAITING_SHIPMENT to IN_TRANSIT",
        "order ON_HOLD to IN_TRANSIT",
    ]
    assert done.after.version == 6
    assert contents(done.after) == {"A": (IT, {1: (1, 1)}), "B": (CA, {}), "C": (IT, {1: (1, 0), 2: (1, 0)})}
    assert notes(done) == [
        "CANCELLED_THERE: Cancelled at the source: 1 unit of SKU SKU-1.",
        "REPACKED: Moved from package A to C: 1 unit of SKU SKU-1.",
        "REPACKED: Moved from package B to C: 1 unit of SKU SKU-2.",
        "PACKAGE_STATUS: Package A went from AWAITING_SHIPMENT to IN_TRANSIT.",
        "DETAILS: The order is now to be shipped by 2026-03-01T11:30:00+00:00.",
        "ORDER_STATUS: The order went from ON_HOLD to IN_TRANSIT.",
    ]


def test_a_later_version_is_raised_from_where_it_is() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 1}))
    here = replace(stored(first), version=7)

    done = told_again(first, a_told_order(a_told_package("A", IT, {1: 1})), here=here)

    assert done.after.version == 8


def test_units_that_are_cancelled_here_only_are_noted_without_a_change() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 2, 2: 1}))
    here = after(stored(first), Pick(1, 1, 1), Pick(2, 1, 1))

    done = told_again(first, a_told_order(a_told_package("A", AS, {1: 2, 2: 1})), here=here)

    assert (done.acts, done.after) == ((), here)
    assert notes(done) == [
        (
            "CANCELLED_HERE_ONLY: Live at the source, but cancelled here, and stays so:"
            " 1 unit of SKU SKU-1 and 1 unit of SKU SKU-2."
        )
    ]


def test_what_is_stored_stands_for_what_was_told_of_an_order_from_before() -> None:
    first = a_told_order(a_told_package("A", AC, {1: 2}), a_told_package(None, AS, {1: 1}))
    second = a_told_order(a_told_package("A", AC, {1: 2}), a_told_package(None, AC, {1: 1}))

    done = update(Known(stored(first), None, None), second)

    assert acts(done) == [
        "1001-2 AWAITING_SHIPMENT to AWAITING_COLLECTION",
        "order PARTIALLY_SHIPPING to AWAITING_COLLECTION",
    ]
    assert done.told == told(second)


def test_an_order_from_before_keeps_what_was_split_off_here() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 3}))
    here = split(stored(first), "A", 1)

    done = update(Known(here, None, None), a_told_order(a_told_package("A", AC, {1: 3})))

    assert acts(done) == [
        "A AWAITING_SHIPMENT to AWAITING_COLLECTION",
        "A-2 AWAITING_SHIPMENT to AWAITING_COLLECTION",
        "order AWAITING_SHIPMENT to AWAITING_COLLECTION",
    ]
    assert contents(done.after) == {"A": (AC, {1: (2, 0)}), "A-2": (AC, {1: (1, 0)})}


def test_what_stands_for_told_has_splits_in_the_package_that_they_were_split_off() -> None:
    packages = (
        a_package(1, units={1: 2, 2: 2}, cancelled={1: 1}, number="A", carrier="DHL", tracking_number="1"),
        a_package(2, AC, units={1: 3, 3: 1}, cancelled={1: 1}, number="A-2", is_numbered_here=True),
        a_package(3, IT, units={1: 1}, number="1001-1", is_numbered_here=True),
        a_package(4, AC, units={1: 1}, number="1001-1-2", is_numbered_here=True),
        a_package(5, AS, units={1: 1}, number="B"),
        a_package(6, AS, units={1: 1}, number="B-2"),
    )
    items = (an_item(1, quantity=9), an_item(2), an_item(3, quantity=1))
    order = an_order(*items, packages=packages, paid_at=EARLY, ship_by=LATE)

    as_told = stored_as_told(order)

    def of(
        number: str | None, status: PackageStatus, *units: tuple[int, int, int], carrier: str | None = None
    ) -> ToldPackage:
        held = a_package(
            1, units={item: count for item, count, _ in units}, cancelled={item: gone for item, _, gone in units}
        )
        return ToldPackage(number, status, carrier, "1" if carrier else None, held.items)

    assert as_told == Told(
        status=OrderStatus.PARTIALLY_SHIPPING,
        paid_at=EARLY,
        ship_by=LATE,
        buyer=BUYER,
        packages=(
            of("A", AS, (1, 5, 2), (2, 2, 0), (3, 1, 0), carrier="DHL"),
            of("B", AS, (1, 1, 0)),
            of("B-2", AS, (1, 1, 0)),
            of(None, IT, (1, 1, 0)),
            of(None, AC, (1, 1, 0)),
        ),
    )


def test_all_that_an_input_tells_is_kept() -> None:
    first = a_told_order(a_told_package("A", AS, {1: 2}))
    second = a_told_order(
        a_told_package("A", AC, {1: (1, 1)}, carrier="DHL", tracking_number="1"),
        status=OrderStatus.ON_HOLD,
        paid_at=EARLY,
        ship_by=LATE,
        buyer=replace(BUYER, name="A***"),
    )

    done = told_again(first, second)

    held = a_package(1, units={1: 2}, cancelled={1: 1}).items
    assert done.told == Told(
        status=OrderStatus.ON_HOLD,
        paid_at=EARLY,
        ship_by=LATE,
        buyer=replace(BUYER, name="A***"),
        packages=(ToldPackage("A", AC, "DHL", "1", held),),
    )


def test_known_is_what_came_in_first() -> None:
    first = a_told_order(a_told_package(None, AS, {1: 1}), source_updated_at=EARLY)

    assert known(first).told == Told(
        status=OrderStatus.AWAITING_SHIPMENT,
        paid_at=PLACED_AT,
        ship_by=None,
        buyer=BUYER,
        packages=(ToldPackage(None, AS, None, None, a_package(1, units={1: 1}).items),),
    )
    assert known(first).source_updated_at == EARLY


def test_packages_of_ours_with_one_status_are_one_place() -> None:
    packages = (
        a_package(1, AS, units={1: 3}, cancelled={1: 1}, number="1001-1", is_numbered_here=True),
        a_package(2, AS, units={1: 5}, cancelled={1: 2}, number="1001-1-2", is_numbered_here=True),
    )

    as_told = stored_as_told(an_order(an_item(1, quantity=8), packages=packages))

    assert (as_told.live()[AS], as_told.gone()[AS], as_told.units()[AS]) == ({1: 5}, {1: 3}, {1: 8})
