"""Units that were cancelled at the source: which, in which scope, why, and what comes back."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from domain.rules.new_order import CancelledUnits
from domain.rules.order import Package, Pick
from domain.rules.texts import LONGEST_NOTE
from domain.rules.updates.acts import CancelledThere, Update
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    ImportNoteCode,
    OrderStatus,
    PackageStatus,
    RefundStatus,
)
from tests.support.builders import PLACED_AT, after, an_item
from tests.support.telling import (
    a_told_order,
    acts,
    contents,
    known,
    notes,
    stored,
    told_again,
)
from tests.support.telling import a_told_package as told

AS, AC, IT, DE, CA = PackageStatus
BUYER_REQUESTED, OTHER = CancellationReason.BUYER_REQUESTED, CancellationReason.OTHER
OUT_OF_STOCK, PRICING_ERROR = CancellationReason.OUT_OF_STOCK, CancellationReason.PRICING_ERROR


def cancelled(done: Update) -> CancelledThere:
    [act] = [act for act in done.acts if isinstance(act, CancelledThere)]
    return act


def test_an_order_that_its_buyer_cancelled_on_the_second_day_is_cancelled_here() -> None:
    item = an_item(1, quantity=1, subtotal=165000, seller_discount=76000)
    first = a_told_order(told("1200", AS, {1: 1}), items=[item], currency="VND")
    units = [CancelledUnits(1, 1, BUYER_REQUESTED, "No longer needed")]
    second = a_told_order(told("1200", CA, {1: (0, 1)}), items=[item], currency="VND", cancelled=units)

    done = told_again(first, second)

    assert acts(done) == ["cancel ORDER: 1 of 1 in 1200", "order AWAITING_SHIPMENT to CANCELLED"]
    act = cancelled(done)
    assert (act.scope, act.package) == (CancellationScope.ORDER, None)
    assert (act.reason, act.note) == (BUYER_REQUESTED, "No longer needed")
    assert (act.refund_status, act.plan.breakdown.total) == (RefundStatus.SUCCEEDED, 89000)
    assert act.idempotency_key == "import 1001 1"
    assert contents(done.after) == {"1200": (CA, {1: (0, 1)})}
    assert (done.after.status, done.after.version) == (OrderStatus.CANCELLED, 2)
    assert (done.after.refunded, done.after.taken_off) == (89000, 0)
    assert notes(done) == [
        "CANCELLED_THERE: Cancelled at the source: 1 unit of SKU SKU-1.",
        "ORDER_STATUS: The order went from AWAITING_SHIPMENT to CANCELLED.",
    ]
    assert done.told == update(known(second), second).told


def test_the_key_has_the_version_before() -> None:
    first = a_told_order(told("A", AS, {1: 3}))
    second = a_told_order(told("A", AS, {1: (2, 1)}))
    third = a_told_order(told("A", AS, {1: (1, 2)}))

    once = told_again(first, second)
    twice = update(Known(once.after, once.told, None), third)

    assert cancelled(twice).idempotency_key == "import 1001 2"
    assert twice.after.version == 3
    assert cancelled(twice).plan.picks == (Pick(1, 1, 1),)


A1B1 = (told("A", AS, {1: 1}), told("B", AS, {1: 1}))
SCOPES: Mapping[str, tuple[tuple[Package, ...], tuple[Package, ...], list[str]]] = {
    "some of one package": (
        (told("A", AS, {1: 3}),),
        (told("A", AS, {1: (1, 2)}),),
        ["cancel ITEMS: 2 of 1 in A"],
    ),
    "all of one package": (
        (told("A", AS, {1: 1, 2: 1}), told("B", AS, {1: 1})),
        (told("A", CA, {1: (0, 1), 2: (0, 1)}), told("B", AS, {1: 1})),
        ["cancel PACKAGE A: 1 of 1 in A, 1 of 2 in A"],
    ),
    "one item of a package": (
        (told("A", AS, {1: 1, 2: 1}), told("B", AS, {1: 1})),
        (told("A", AS, {1: (0, 1), 2: 1}), told("B", AS, {1: 1})),
        ["cancel ITEMS: 1 of 1 in A"],
    ),
    "what was left of one package": (
        (told("A", AS, {1: (2, 1)}), told("B", AS, {1: 1})),
        (told("A", CA, {1: (0, 3)}), told("B", AS, {1: 1})),
        ["cancel PACKAGE A: 2 of 1 in A"],
    ),
    "two packages of three": (
        (*A1B1, told("C", AS, {1: 1})),
        (told("A", CA, {1: (0, 1)}), told("B", CA, {1: (0, 1)}), told("C", AS, {1: 1})),
        ["cancel ITEMS: 1 of 1 in A, 1 of 1 in B"],
    ),
    "all packages": (
        A1B1,
        (told("A", CA, {1: (0, 1)}), told("B", CA, {1: (0, 1)})),
        ["cancel ORDER: 1 of 1 in A, 1 of 1 in B", "order AWAITING_SHIPMENT to CANCELLED"],
    ),
    "units that await collection, one by one": (
        (told("A", AC, {1: 2}),),
        (told("A", AC, {1: (1, 1)}),),
        ["cancel ITEMS: 1 of 1 in A"],
    ),
    "units that have shipped": (
        (told("A", IT, {1: 2}), told("B", DE, {2: 1})),
        (told("A", IT, {1: (1, 1)}), told("B", CA, {2: (0, 1)})),
        ["cancel ITEMS: 1 of 1 in A, 1 of 2 in B"],
    ),
}


@pytest.mark.parametrize(("first", "second", "expected"), SCOPES.values(), ids=SCOPES)
def test_the_scope_says_how_much_went(
    first: tuple[Package, ...], second: tuple[Package, ...], expected: list[str]
) -> None:
    done = told_again(a_told_order(*first), a_told_order(*second))

    assert acts(done) == expected
    assert contents(done.after) == contents(stored(a_told_order(*second)))
    assert done.after.version == 2


PLACES: Mapping[str, tuple[tuple[Package, ...], tuple[Package, ...], list[str]]] = {
    "in the package that the source names, also if it is more advanced": (
        (told("A", AS, {1: 2}), told("B", IT, {1: 2})),
        (told("A", AS, {1: 2}), told("B", IT, {1: (1, 1)})),
        ["cancel ITEMS: 1 of 1 in B"],
    ),
    "in the packages that hold fewer there, if it names none for them": (
        (told("A", AS, {1: 2}), told("B", IT, {1: 2})),
        (told("A", AS, {1: 2}), told("B", IT, {1: 1}), told(None, CA, {1: (0, 1)})),
        ["cancel ITEMS: 1 of 1 in B"],
    ),
    "in the package that the source names, though another one loses a unit to it": (
        (told("A", AS, {1: 2}), told("B", AS, {1: 2})),
        (told("A", AS, {1: (2, 1)}), told("B", AS, {1: 1})),
        ["cancel ITEMS: 1 of 1 in A", "B to A"],
    ),
    "not where as many are cancelled here as there": (
        (told("A", AS, {1: (2, 1)}), told("B", AS, {1: 2})),
        (told("A", AS, {1: (2, 1)}), told("B", AS, {1: (1, 1)})),
        ["cancel ITEMS: 1 of 1 in B"],
    ),
    "no more than are live in the package": (
        (told("A", AS, {1: 1}), told("B", AS, {1: 1}), told("C", AS, {1: 1})),
        (told("A", AS, {1: (0, 2)}), told("C", AS, {1: 1})),
        ["cancel ITEMS: 1 of 1 in A, 1 of 1 in B"],
    ),
    "not in ours, if all of these are told": (
        (told(None, AS, {1: 1}), told(None, IT, {1: 1}), told("A", DE, {1: 1})),
        (told(None, IT, {1: (2, 1)}),),
        [
            "cancel PACKAGE A: 1 of 1 in A",
            "1001-1 AWAITING_SHIPMENT to IN_TRANSIT",
            "order PARTIALLY_SHIPPING to IN_TRANSIT",
        ],
    ),
    "in packages of ours, where fewer have the status": (
        (told(None, AS, {1: 1}), told(None, IT, {1: 2})),
        (told(None, AS, {1: (1, 1)}), told(None, IT, {1: 1})),
        ["cancel ITEMS: 1 of 1 in 1001-2"],
    ),
    "in packages of ours, from the least advanced on": (
        (told(None, AS, {1: 2}), told(None, IT, {1: 2})),
        (told(None, AS, {1: (0, 2)}), told(None, DE, {1: 2})),
        [
            "cancel PACKAGE 1001-1: 2 of 1 in 1001-1",
            "1001-2 IN_TRANSIT to DELIVERED",
            "order PARTIALLY_SHIPPING to DELIVERED",
        ],
    ),
}


@pytest.mark.parametrize(("first", "second", "expected"), PLACES.values(), ids=PLACES)
def test_units_are_cancelled_where_the_source_tells(
    first: tuple[Package, ...], second: tuple[Package, ...], expected: list[str]
) -> None:
    done = told_again(a_told_order(*first), a_told_order(*second))

    assert acts(done) == expected


def test_units_in_a_package_that_is_not_named_any_more_go_from_the_least_advanced_on() -> None:
    first = a_told_order(told("A", IT, {1: 1}), told("B", AS, {1: 1}), told("C", AS, {1: 1}))
    second = a_told_order(told("D", CA, {1: (0, 1)}), told("E", IT, {1: 2}))

    done = told_again(first, second)

    assert acts(done)[0] == "cancel PACKAGE B: 1 of 1 in B"


def test_units_that_are_cancelled_here_already_are_not_cancelled_again() -> None:
    first = a_told_order(told("A", AS, {1: 3}))
    here = after(stored(first), Pick(1, 1, 1))
    second = a_told_order(told("A", AS, {1: (1, 2)}))

    done = told_again(first, second, here=here)

    assert acts(done) == ["cancel ITEMS: 1 of 1 in A"]
    assert cancelled(done).plan.breakdown.total == 1000
    assert done.after.refunded == 2000


def test_what_was_cancelled_here_before_it_was_cancelled_there_is_left() -> None:
    first = a_told_order(told("A", AS, {1: 3}))
    here = after(stored(first), Pick(1, 1, 2))

    done = told_again(first, a_told_order(told("A", AS, {1: (2, 1)})), here=here)

    assert done.acts == ()
    assert done.after == here
    assert notes(done) == [
        "CANCELLED_HERE_ONLY: Live at the source, but cancelled here, and stays so: 1 unit of SKU SKU-1."
    ]


def test_more_may_be_cancelled_there_of_one_item_and_here_of_another() -> None:
    first = a_told_order(told("A", AS, {1: 2, 2: 2}))
    here = after(stored(first), Pick(1, 1, 1))

    done = told_again(first, a_told_order(told("A", AS, {1: 2, 2: (1, 1)})), here=here)

    assert acts(done) == ["cancel ITEMS: 1 of 2 in A"]
    assert contents(done.after) == {"A": (AS, {1: (1, 1), 2: (1, 1)})}
    assert [note.code for note in done.notes] == [ImportNoteCode.CANCELLED_THERE, ImportNoteCode.CANCELLED_HERE_ONLY]


WHY: Mapping[str, tuple[list[CancelledUnits], list[CancelledUnits], CancellationReason, str | None]] = {
    "the source gives none": ([], [], OTHER, None),
    "it gives one": ([], [CancelledUnits(1, 2, OUT_OF_STOCK, "Sold out")], OUT_OF_STOCK, "Sold out"),
    "without words": ([], [CancelledUnits(1, 2, OUT_OF_STOCK, "")], OUT_OF_STOCK, None),
    "several: that of most units, and all words": (
        [],
        [CancelledUnits(1, 1, PRICING_ERROR, "Wrong price"), CancelledUnits(2, 2, OUT_OF_STOCK, "Sold out")],
        OUT_OF_STOCK,
        "Wrong price; Sold out",
    ),
    "the units of one reason count together": (
        [],
        [
            CancelledUnits(1, 2, PRICING_ERROR, "Wrong price"),
            CancelledUnits(2, 1, OUT_OF_STOCK, "Sold out"),
            CancelledUnits(1, 1, OUT_OF_STOCK, "None left"),
            CancelledUnits(2, 1, OUT_OF_STOCK, "Sold out"),
        ],
        OUT_OF_STOCK,
        "Wrong price; Sold out; None left",
    ),
    "what was told before does not count": (
        [CancelledUnits(1, 3, PRICING_ERROR, "Wrong price")],
        [CancelledUnits(1, 3, PRICING_ERROR, "Wrong price"), CancelledUnits(2, 1, OUT_OF_STOCK, "Sold out")],
        OUT_OF_STOCK,
        "Sold out",
    ),
    "of the units that were told before, only those that are more count": (
        [CancelledUnits(1, 3, PRICING_ERROR, "Wrong price"), CancelledUnits(1, 1, OTHER, "")],
        [
            CancelledUnits(1, 4, PRICING_ERROR, "Wrong price"),
            CancelledUnits(1, 1, OTHER, ""),
            CancelledUnits(2, 2, OUT_OF_STOCK, "Sold out"),
        ],
        OUT_OF_STOCK,
        "Wrong price; Sold out",
    ),
    "more of them in several entries than were told before": (
        [CancelledUnits(1, 3, PRICING_ERROR, "Wrong price")],
        [
            CancelledUnits(1, 2, PRICING_ERROR, "Wrong price"),
            CancelledUnits(1, 2, PRICING_ERROR, "Wrong price"),
            CancelledUnits(1, 2, PRICING_ERROR, "Wrong price"),
            CancelledUnits(2, 4, OUT_OF_STOCK, "Sold out"),
        ],
        OUT_OF_STOCK,
        "Wrong price; Sold out",
    ),
    "with words and without": (
        [],
        [CancelledUnits(1, 2, PRICING_ERROR, ""), CancelledUnits(2, 1, OUT_OF_STOCK, "Sold out")],
        PRICING_ERROR,
        "Sold out",
    ),
    "as many units of two: the first one": (
        [],
        [CancelledUnits(1, 1, PRICING_ERROR, ""), CancelledUnits(2, 1, OUT_OF_STOCK, "")],
        PRICING_ERROR,
        None,
    ),
    "the same units in two entries are known as well": (
        [CancelledUnits(1, 1, PRICING_ERROR, "Wrong price"), CancelledUnits(1, 2, PRICING_ERROR, "Wrong price")],
        [
            CancelledUnits(1, 2, PRICING_ERROR, "Wrong price"),
            CancelledUnits(1, 2, PRICING_ERROR, "Wrong price"),
            CancelledUnits(2, 2, OUT_OF_STOCK, "Sold out"),
        ],
        OUT_OF_STOCK,
        "Wrong price; Sold out",
    ),
    "units of an item that was cancelled here before do not count": (
        [],
        [CancelledUnits(3, 4, PRICING_ERROR, "Wrong price"), CancelledUnits(2, 1, OUT_OF_STOCK, "Sold out")],
        OUT_OF_STOCK,
        "Sold out",
    ),
}


@pytest.mark.parametrize(("before", "now", "reason", "note"), WHY.values(), ids=WHY)
def test_the_reason_is_that_of_most_units_that_are_newly_cancelled(
    before: list[CancelledUnits], now: list[CancelledUnits], reason: CancellationReason, note: str | None
) -> None:
    first = a_told_order(told("A", AS, {1: 5, 2: 5, 3: (1, 4)}), cancelled=before)
    second = a_told_order(told("A", AS, {1: (3, 2), 2: (3, 2), 3: (1, 4)}), cancelled=now)

    act = cancelled(told_again(first, second))

    assert (act.reason, act.note) == (reason, note)


NOTES = {
    "as long as it may be": (["n" * 1_000, "o" * 998], f"{'n' * 1_000}; {'o' * 998}"),
    "longer": (["n" * 1_000, "o" * 999], f"{'n' * 1_000}; {'o' * 997}…"),
}


@pytest.mark.parametrize(("words", "note"), NOTES.values(), ids=NOTES)
def test_words_are_cut_to_what_a_note_may_hold(words: list[str], note: str) -> None:
    first = a_told_order(told("A", AS, {1: 2}))
    units = [CancelledUnits(1, 1, OTHER, word) for word in words]

    act = cancelled(told_again(first, a_told_order(told("A", CA, {1: (0, 2)}), cancelled=units)))

    assert act.note == note
    assert len(note) == LONGEST_NOTE


UNPAID, OPEN, HELD, GONE = (
    OrderStatus.UNPAID,
    OrderStatus.AWAITING_SHIPMENT,
    OrderStatus.ON_HOLD,
    OrderStatus.CANCELLED,
)
NEVER, LATER = None, PLACED_AT + timedelta(hours=1)
SUCCEEDED, NOT_NEEDED = RefundStatus.SUCCEEDED, RefundStatus.NOT_NEEDED
Day = tuple[OrderStatus, datetime | None]
REFUNDS: Mapping[str, tuple[Day, Day, bool, RefundStatus]] = {
    "it was paid": ((OPEN, PLACED_AT), (OPEN, PLACED_AT), False, SUCCEEDED),
    "it counts as paid": ((OPEN, NEVER), (OPEN, NEVER), False, SUCCEEDED),
    "it was held": ((HELD, NEVER), (HELD, NEVER), False, SUCCEEDED),
    "it was not paid": ((UNPAID, NEVER), (UNPAID, NEVER), False, NOT_NEEDED),
    "it is released by the same input": ((UNPAID, NEVER), (OPEN, NEVER), False, SUCCEEDED),
    "it was never released": ((UNPAID, NEVER), (GONE, NEVER), False, NOT_NEEDED),
    "it is held, and still not paid": ((UNPAID, NEVER), (HELD, NEVER), False, NOT_NEEDED),
    "it is paid by the same input": ((UNPAID, NEVER), (GONE, LATER), False, SUCCEEDED),
    "it is paid by the same input, and still UNPAID": ((UNPAID, NEVER), (UNPAID, LATER), False, SUCCEEDED),
    "its time of payment is known, but it is UNPAID": ((UNPAID, LATER), (UNPAID, LATER), False, NOT_NEEDED),
    "its time of payment is known, and it is no longer UNPAID": ((UNPAID, LATER), (GONE, LATER), False, SUCCEEDED),
    "it is to be paid at the door": ((OPEN, NEVER), (OPEN, NEVER), True, NOT_NEEDED),
    "it is paid at the door by the same input": ((OPEN, NEVER), (OPEN, LATER), True, NOT_NEEDED),
    "it was paid at the door": ((OPEN, LATER), (OPEN, LATER), True, SUCCEEDED),
    "it is to be paid at the door, and released": ((HELD, NEVER), (OPEN, NEVER), True, NOT_NEEDED),
}


@pytest.mark.parametrize(("first", "second", "is_at_door", "refund"), REFUNDS.values(), ids=REFUNDS)
def test_money_came_back_if_it_was_paid(first: Day, second: Day, *, is_at_door: bool, refund: RefundStatus) -> None:
    live = 0 if second[0] is GONE else 1
    one, two = (
        a_told_order(told("A", AS, units), status=status, paid_at=paid_at, collect_on_delivery=is_at_door)
        for units, (status, paid_at) in (({1: 2}, first), ({1: (live, 2 - live)}, second))
    )

    done = told_again(one, two)

    act, back = cancelled(done), 2000 - 1000 * live
    assert (act.refund_status, act.plan.breakdown.total) == (refund, back)
    assert (done.after.refunded, done.after.taken_off) == ((back, 0) if refund is SUCCEEDED else (0, back))


def test_nothing_comes_back_for_what_was_free() -> None:
    item = an_item(1, quantity=2, subtotal=2000, seller_discount=2000)
    first = a_told_order(told("A", AS, {1: 2}), items=[item])

    done = told_again(first, a_told_order(told("A", AS, {1: (1, 1)}), items=[item]))

    assert cancelled(done).refund_status is NOT_NEEDED


def test_a_single_cent_comes_back() -> None:
    item = an_item(1, quantity=1, subtotal=1)
    first = a_told_order(told("A", AS, {1: 1}), items=[item])

    done = told_again(first, a_told_order(told("A", AS, {1: (0, 1)}), items=[item]))

    assert cancelled(done).refund_status is SUCCEEDED


def test_a_note_names_at_most_three_skus() -> None:
    four = dict.fromkeys(range(1, 5), 1)
    first = a_told_order(told("A", AS, four | {5: 1}))
    second = a_told_order(told("A", AS, dict.fromkeys(range(1, 4), (0, 1)) | {4: 1, 5: 1}))
    third = a_told_order(told("A", AS, dict.fromkeys(range(1, 5), (0, 1)) | {5: 1}))

    three, more = (told_again(first, later).notes[0].message for later in (second, third))

    assert three == "Cancelled at the source: 1 unit of SKU SKU-1 and 1 unit of SKU SKU-2 and 1 unit of SKU SKU-3."
    assert more == (
        "Cancelled at the source: 1 unit of SKU SKU-1 and 1 unit of SKU SKU-2 and 1 unit of SKU SKU-3 and"
        " units of 1 more SKUs."
    )


def test_units_of_one_sku_are_named_together() -> None:
    items = [an_item(1, quantity=1, sku="X"), an_item(2, quantity=2, subtotal=2000, sku="X")]
    first = a_told_order(told("A", AS, {1: 1, 2: 2}), items=items)
    second = a_told_order(told("A", AS, {1: (0, 1), 2: (1, 1)}), items=items)

    done = told_again(first, second)

    assert notes(done) == ["CANCELLED_THERE: Cancelled at the source: 2 units of SKU X."]


def test_known_words_are_those_of_the_items_that_they_were_told_of() -> None:
    first = a_told_order(told("A", AS, {1: (1, 1), 2: 2}), cancelled=[CancelledUnits(1, 1, OUT_OF_STOCK, "x")])
    second = a_told_order(
        told("A", AS, {1: (1, 1), 2: (1, 1)}),
        cancelled=[CancelledUnits(1, 1, OUT_OF_STOCK, "x"), CancelledUnits(2, 1, OUT_OF_STOCK, "x")],
    )

    act = cancelled(update(known(first), second))

    assert (act.reason, act.note) == (OUT_OF_STOCK, "x")
