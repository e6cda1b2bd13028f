"""Dates, payment, and the buyer's contact."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.rules.order import Buyer, Order
from domain.rules.updates.told import told
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import OrderStatus, PackageStatus
from tests.support.builders import PLACED_AT
from tests.support.telling import a_told_order, a_told_package, acts, known, notes, stored, told_again

AS, AC, IT, DE, CA = PackageStatus
UNPAID, HELD, OPEN = OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT
LATER, LAST = PLACED_AT + timedelta(hours=1), PLACED_AT + timedelta(hours=2)
ADA = Buyer("Ada Buyer", "ada@example.com", "en_US")
A1 = a_told_package("A", AS, {1: 1})
CONTACT = "DETAILS: The buyer's contact changed."

CONTACTS: Mapping[str, tuple[Buyer, Buyer, Buyer]] = {
    "the same": (ADA, ADA, ADA),
    "another name": (ADA, replace(ADA, name="Bea"), replace(ADA, name="Bea")),
    "another address": (ADA, replace(ADA, email="bea@example.com"), replace(ADA, email="bea@example.com")),
    "another language": (ADA, replace(ADA, locale="de_DE"), replace(ADA, locale="de_DE")),
    "a masked name": (ADA, replace(ADA, name="A*** B***"), ADA),
    "an empty name": (ADA, replace(ADA, name=""), ADA),
    "a masked address": (ADA, replace(ADA, email="a***@example.com"), ADA),
    "an empty address": (ADA, replace(ADA, email=""), ADA),
    "a masked name with another address": (
        ADA,
        Buyer("A***", "bea@example.com", "en_US"),
        replace(ADA, email="bea@example.com"),
    ),
    "another name with a masked address": (ADA, Buyer("Bea", "b*@example.com", "en_US"), replace(ADA, name="Bea")),
    "a usable name for a masked one": (replace(ADA, name="A***"), ADA, ADA),
    "a usable address for a masked one": (replace(ADA, email="a*@example.com"), ADA, ADA),
    "a usable contact for none": (replace(ADA, name="", email=""), ADA, ADA),
    "another masked contact": (
        Buyer("A***", "a*@example.com", "en_US"),
        Buyer("B***", "b*@example.com", "en_US"),
        Buyer("B***", "b*@example.com", "en_US"),
    ),
    "none for a masked one": (
        Buyer("A***", "a*@example.com", "en_US"),
        replace(ADA, name="", email=""),
        replace(ADA, name="", email=""),
    ),
    "a star in the domain does not mask": (
        ADA,
        replace(ADA, email="ada@*.example.com"),
        replace(ADA, email="ada@*.example.com"),
    ),
}


@pytest.mark.parametrize(("first", "second", "expected"), CONTACTS.values(), ids=CONTACTS)
def test_the_contact_of_now_counts_unless_it_is_of_no_use(first: Buyer, second: Buyer, expected: Buyer) -> None:
    done = told_again(a_told_order(A1, buyer=first), a_told_order(A1, buyer=second))

    assert done.after.buyer == expected
    assert notes(done) == ([] if expected == first else [CONTACT])
    assert done.after.version == (1 if expected == first else 2)
    assert done.told.buyer == second


def test_a_language_that_is_not_told_any_more_stays() -> None:
    german, english = replace(ADA, locale="de_DE"), replace(ADA, name="Bea")
    first = a_told_order(A1, buyer=german)
    without = replace(a_told_order(A1, buyer=english), has_locale=False)

    done = told_again(first, without)
    again = update(Known(done.after, done.told, None), a_told_order(A1, buyer=replace(ADA, locale="fr_FR")))

    assert done.after.buyer == done.told.buyer == replace(german, name="Bea")
    assert again.after.buyer == replace(ADA, locale="fr_FR")


def test_a_contact_that_was_of_use_comes_back_without_a_change() -> None:
    usable, masked = a_told_order(A1, buyer=ADA), a_told_order(A1, buyer=Buyer("A***", "a*@example.com", "en_US"))

    hidden = told_again(usable, masked)
    shown = update(Known(hidden.after, hidden.told, None), usable)

    assert hidden.after == shown.after == stored(usable)
    assert (hidden.notes, shown.notes) == ((), ())


def test_a_contact_that_the_source_did_not_touch_stays_as_it_is_here() -> None:
    first = a_told_order(A1, buyer=ADA)
    here = replace(stored(first), buyer=Buyer("Cleo", "cleo@example.com", "fr_FR"))

    done = told_again(first, a_told_order(A1, buyer=ADA, ship_by=LATER), here=here)

    assert done.after.buyer == here.buyer


SHIP_BY: Mapping[str, tuple[datetime | None, datetime | None, list[str]]] = {
    "none as before": (None, None, []),
    "the same": (LATER, LATER, []),
    "the first": (None, LATER, ["DETAILS: The order is now to be shipped by 2026-03-01T10:30:00+00:00."]),
    "another": (LATER, LAST, ["DETAILS: The order is now to be shipped by 2026-03-01T11:30:00+00:00."]),
    "none any more": (LATER, None, ["DETAILS: The order no longer has a ship-by date."]),
}


@pytest.mark.parametrize(("first", "second", "expected"), SHIP_BY.values(), ids=SHIP_BY)
def test_the_ship_by_date_is_that_of_now(first: datetime | None, second: datetime | None, expected: list[str]) -> None:
    done = told_again(a_told_order(A1, ship_by=first), a_told_order(A1, ship_by=second))

    assert done.after.ship_by == second
    assert notes(done) == expected
    assert done.after.version == 1 + len(expected)


def test_a_ship_by_date_that_is_here_already_changes_nothing() -> None:
    first = a_told_order(A1)
    here = replace(stored(first), ship_by=LATER)

    done = told_again(first, a_told_order(A1, ship_by=LATER), here=here)

    assert (done.after, done.notes) == (here, ())


def test_all_details_together_raise_the_version_once() -> None:
    done = told_again(
        a_told_order(A1, paid_at=None), a_told_order(A1, buyer=replace(ADA, name="Bea"), ship_by=LATER, paid_at=LAST)
    )

    assert done.acts == ()
    assert done.after.version == 2
    assert notes(done) == [
        "DETAILS: The order was paid at 2026-03-01T11:30:00+00:00.",
        "DETAILS: The order is now to be shipped by 2026-03-01T10:30:00+00:00.",
        CONTACT,
    ]


def test_details_beside_acts_raise_it_no_further() -> None:
    done = told_again(
        a_told_order(A1), a_told_order(a_told_package("A", IT, {1: 1}), buyer=replace(ADA, name="Bea"), ship_by=LATER)
    )

    assert acts(done) == ["A AWAITING_SHIPMENT to IN_TRANSIT", "order AWAITING_SHIPMENT to IN_TRANSIT"]
    assert done.after.version == 2
    assert [note.code.name for note in done.notes] == ["PACKAGE_STATUS", "DETAILS", "DETAILS", "ORDER_STATUS"]


Day = tuple[OrderStatus, datetime | None]
PAID: Mapping[str, tuple[Day, Day, bool, tuple[datetime | None, bool]]] = {
    "still without a time": ((UNPAID, None), (UNPAID, None), False, (None, False)),
    "with a time": ((UNPAID, None), (OPEN, LATER), False, (LATER, True)),
    "with a time, but still UNPAID": ((UNPAID, None), (UNPAID, LATER), False, (LATER, True)),
    "released without a time": ((UNPAID, None), (OPEN, None), False, (None, True)),
    "held, and still not paid": ((UNPAID, None), (HELD, None), False, (None, False)),
    "no longer UNPAID, with the time of before": ((UNPAID, LATER), (HELD, LATER), False, (LATER, True)),
    "UNPAID, with the time of before": ((UNPAID, LATER), (UNPAID, LATER), False, (LATER, False)),
    "with another time": ((OPEN, LATER), (OPEN, LAST), False, (LAST, True)),
    "nothing takes it back": ((OPEN, LATER), (OPEN, None), False, (LATER, True)),
    "not even UNPAID": ((OPEN, LATER), (UNPAID, None), False, (LATER, True)),
    "it counted as paid without a time": ((OPEN, None), (OPEN, None), False, (None, True)),
    "at the door": ((OPEN, None), (OPEN, LATER), True, (LATER, True)),
    "at the door, released": ((UNPAID, None), (OPEN, None), True, (None, False)),
    "at the door, from ON_HOLD": ((HELD, None), (OPEN, None), True, (None, False)),
    "at the door, no longer UNPAID, with the time of before": ((UNPAID, LATER), (OPEN, LATER), True, (LATER, True)),
}


@pytest.mark.parametrize(("first", "second", "is_at_door", "expected"), PAID.values(), ids=PAID)
def test_an_order_is_paid_once_its_source_says_so(
    first: Day, second: Day, *, is_at_door: bool, expected: tuple[datetime | None, bool]
) -> None:
    one, two = (
        a_told_order(A1, status=status, paid_at=paid_at, collect_on_delivery=is_at_door)
        for status, paid_at in (first, second)
    )

    after = told_again(one, two).after

    assert (after.paid_at, after.is_paid) == expected


def test_delivery_does_not_pay_for_an_order_that_is_paid_at_the_door() -> None:
    first = a_told_order(A1, paid_at=None, collect_on_delivery=True)
    second = a_told_order(
        a_told_package("A", DE, {1: 1}), paid_at=None, collect_on_delivery=True, status=OrderStatus.COMPLETED
    )

    after = told_again(first, second).after

    assert (after.status, after.is_paid) == (OrderStatus.COMPLETED, False)


def test_a_time_of_payment_that_is_here_already_is_no_change() -> None:
    first = a_told_order(A1, paid_at=None)
    here = replace(stored(first), paid_at=LATER)

    done = told_again(first, a_told_order(A1, paid_at=LATER), here=here)

    assert (done.after, done.notes) == (here, ())


def test_the_source_s_time_of_payment_counts_more_than_that_of_a_release_here() -> None:
    first = a_told_order(A1, paid_at=None, status=UNPAID)
    here = replace(stored(first), status=OPEN, paid_at=LAST, is_paid=True)

    done = told_again(first, a_told_order(A1, paid_at=LATER), here=here)

    assert done.after.paid_at == LATER
    assert done.acts == ()
    assert done.after.version == 2


def test_a_payment_that_changes_nothing_else_raises_the_version() -> None:
    first = a_told_order(A1, paid_at=None, status=UNPAID)
    here = replace(stored(first), status=OPEN)

    done = told_again(first, a_told_order(A1, paid_at=None), here=here)

    assert (done.after.is_paid, done.after.version) == (True, 2)
    assert notes(done) == ["DETAILS: The order is paid."]


def from_before(order: Order) -> Known:
    """The same, from before it was kept whether the buyer pays at the door."""
    return Known(
        replace(order, collect_on_delivery=False, is_paid=True, refunded=order.taken_off, taken_off=0), None, None
    )


AT_THE_DOOR = "DETAILS: The buyer pays at the door."


def test_an_order_from_before_takes_over_that_it_is_paid_at_the_door() -> None:
    new = a_told_order(a_told_package("A", AS, {1: 2}), paid_at=None, collect_on_delivery=True)

    done = update(from_before(stored(new)), new)

    assert done.after == replace(stored(new), version=2)
    assert (done.after.collect_on_delivery, done.after.is_paid) == (True, False)
    assert notes(done) == [AT_THE_DOOR]
    assert done.told == told(new)


def test_units_that_are_cancelled_by_the_same_input_are_taken_off() -> None:
    new = a_told_order(a_told_package("A", AS, {1: 2}), paid_at=None, collect_on_delivery=True)
    second = a_told_order(a_told_package("A", AS, {1: (1, 1)}), paid_at=None, collect_on_delivery=True)

    done = update(from_before(stored(new)), second)

    assert (done.after.refunded, done.after.taken_off, done.after.version) == (0, 1000, 2)


def test_an_order_from_before_that_was_paid_at_the_door_stays_paid() -> None:
    new = a_told_order(A1, paid_at=LATER, collect_on_delivery=True)

    done = update(from_before(stored(new)), new)

    assert (done.after.collect_on_delivery, done.after.is_paid, done.after.paid_at) == (True, True, LATER)


def test_an_order_from_before_with_cancelled_units_stays_as_it_was_paid() -> None:
    new = a_told_order(a_told_package("A", AS, {1: (1, 1)}), paid_at=None, collect_on_delivery=True)
    before = from_before(stored(new))

    done = update(before, new)

    assert (done.after, done.notes) == (before.order, ())


def test_later_orders_do_not_become_ones_that_are_paid_at_the_door() -> None:
    first = a_told_order(A1, paid_at=None)

    done = told_again(first, a_told_order(A1, paid_at=None, collect_on_delivery=True))

    assert (done.after, done.notes) == (stored(first), ())


def test_an_order_from_before_that_is_not_paid_at_the_door_stays_so() -> None:
    first = a_told_order(A1)

    done = update(Known(stored(first), None, None), first)

    assert (done.after, done.notes, done.told) == (stored(first), (), told(first))


def test_an_order_that_is_known_to_be_paid_at_the_door_is_not_taken_over_again() -> None:
    first = a_told_order(A1, paid_at=None, collect_on_delivery=True)
    here = replace(stored(first), is_paid=True, paid_at=LATER)

    done = update(Known(here, None, None), first)

    assert (done.after, done.notes) == (here, ())


def test_known_contacts_and_dates_of_an_order_from_before_stand_for_what_was_told() -> None:
    first = a_told_order(A1, ship_by=LATER, buyer=ADA)
    second = a_told_order(A1, ship_by=LATER, buyer=replace(ADA, name="Bea"))

    done = update(Known(known(first).order, None, None), second)

    assert notes(done) == [CONTACT]
