"""Whether an input is about the same order, and which of its units are which."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from domain.rules.new_order import CancelledUnits, NewOrder
from domain.rules.order import OrderItem, PackageItem, Pick
from domain.rules.updates.told import told
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import CancellationReason, FulfillmentErrorCode, OrderStatus, PackageStatus
from tests.support.builders import after, an_item
from tests.support.telling import Units, a_told_order, a_told_package, acts, contents, known, stored, told_again

AS, AC, IT, DE, CA = PackageStatus


def an_order_of(
    *items: OrderItem, units: Units | None = None, currency: str = "USD", deposits: Mapping[int, int] | None = None
) -> NewOrder:
    """In one package A."""
    held = units or {item.position: item.quantity for item in items}
    return a_told_order(a_told_package("A", AS, held), items=items, currency=currency, deposits=deposits)


DRESS = an_item(1, sku="D", quantity=3, subtotal=3000)
SCARF = an_item(2, sku="S", quantity=1, subtotal=500)
ONE = an_item(1, sku="D", quantity=1, subtotal=1000)
GIFT = an_item(2, sku="D", quantity=2, subtotal=2000, is_gift=True)
TAKEN: Mapping[str, tuple[NewOrder, NewOrder, str]] = {
    "another currency": (an_order_of(DRESS), an_order_of(DRESS, currency="EUR"), "its currency is USD, now EUR"),
    "fewer units": (
        an_order_of(DRESS),
        an_order_of(an_item(1, sku="D", quantity=2, subtotal=2000)),
        "units of SKU D: 3, now 2",
    ),
    "fewer live units of as many": (
        an_order_of(DRESS, units={1: (1, 2)}),
        an_order_of(an_item(1, sku="D", quantity=2, subtotal=2000)),
        "units of SKU D: 3, now 2",
    ),
    "a SKU more": (an_order_of(DRESS), an_order_of(DRESS, SCARF), "units of SKU S: 0, now 1"),
    "a SKU less": (an_order_of(DRESS, SCARF), an_order_of(DRESS), "units of SKU S: 1, now 0"),
    "another SKU: the first one is named": (
        an_order_of(ONE),
        an_order_of(an_item(1, sku="C", quantity=1, subtotal=1000)),
        "units of SKU C: 0, now 1",
    ),
    "another price": (
        an_order_of(DRESS),
        an_order_of(an_item(1, sku="D", quantity=3, subtotal=3600)),
        "units of SKU D: 3 at 10.00, now 3 at 12.00",
    ),
    "another price of some": (
        an_order_of(DRESS),
        an_order_of(an_item(1, sku="D", quantity=2, subtotal=2000), an_item(2, sku="D", quantity=1, subtotal=1200)),
        "units of SKU D: 3 at 10.00, now 2 at 10.00 and 1 at 12.00",
    ),
    "a price that is no whole cent": (
        an_order_of(DRESS),
        an_order_of(an_item(1, sku="D", quantity=3, subtotal=3001)),
        "units of SKU D: 3 at 10.00, now 3 at 10.00",
    ),
    "another price, without decimals": (
        an_order_of(ONE, currency="JPY"),
        an_order_of(an_item(1, sku="D", quantity=1, subtotal=1200), currency="JPY"),
        "units of SKU D: 1 at 1000, now 1 at 1200",
    ),
    "a gift": (
        an_order_of(ONE, SCARF),
        an_order_of(an_item(1, sku="D", quantity=1, subtotal=1000, is_gift=True), SCARF),
        "units of SKU D: 1 at 10.00, now 1 at 10.00 as gifts",
    ),
    "another deposit at the same subtotal": (
        an_order_of(ONE, deposits={1: 25}),
        an_order_of(ONE, deposits={1: 50}),
        "units of SKU D: 1 at 9.75, now 1 at 9.50",
    ),
}


@pytest.mark.parametrize(("first", "second", "difference"), TAKEN.values(), ids=TAKEN)
def test_another_order_does_not_get_the_number(first: NewOrder, second: NewOrder, difference: str) -> None:
    before = known(first)

    done = update(before, second)

    [problem] = done.problems
    assert (problem.code, problem.path) == (FulfillmentErrorCode.NUMBER_TAKEN, ("number",))
    assert problem.message == f"number belongs to another order of the shop: {difference}."
    assert (done.before, done.after, done.told) == (before.order, before.order, before.told)
    assert (done.acts, done.notes, done.is_older) == ((), (), False)


SAME: Mapping[str, tuple[NewOrder, NewOrder]] = {
    "with other amounts paid": (
        an_order_of(DRESS),
        an_order_of(an_item(1, sku="D", quantity=3, subtotal=3000, seller_discount=5, platform_discount=7, tax=9)),
    ),
    "with another name and picture": (
        an_order_of(DRESS),
        an_order_of(an_item(1, sku="D", quantity=3, subtotal=3000, product_name="X", image_url="https://x.example")),
    ),
    "with a deposit that was not told before": (
        an_order_of(ONE),
        an_order_of(an_item(1, sku="D", quantity=1, subtotal=1025), deposits={1: 25}),
    ),
    "with a deposit that is not told any more": (
        an_order_of(an_item(1, sku="D", quantity=1, subtotal=1025), deposits={1: 25}),
        an_order_of(ONE),
    ),
    "with its items in another order": (
        an_order_of(ONE, SCARF),
        an_order_of(an_item(1, sku="S", quantity=1, subtotal=500), an_item(2, sku="D", quantity=1, subtotal=1000)),
    ),
}


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME)
def test_the_same_units_are_the_same_order(first: NewOrder, second: NewOrder) -> None:
    done = told_again(first, second)

    assert done.problems == ()
    assert (done.acts, done.notes, done.after) == ((), (), stored(first))


def test_the_deposits_of_the_first_day_stay() -> None:
    first = an_order_of(an_item(1, sku="D", quantity=1, subtotal=1025), deposits={1: 25})

    done = told_again(first, an_order_of(ONE))
    again = update(Known(done.after, done.told, None), an_order_of(ONE))

    assert done.told.deposits == ((1, 25),)
    assert again.problems == ()


def test_an_order_from_before_deposits_were_kept_has_none() -> None:
    first = an_order_of(an_item(1, sku="D", quantity=1, subtotal=1025))

    [problem] = update(Known(stored(first), None, None), an_order_of(ONE)).problems

    assert problem.message == "number belongs to another order of the shop: units of SKU D: 1 at 10.25, now 1 at 10.00."


def an_item_paid(position: int, quantity: int, paid: int, *, sku: str = "D") -> OrderItem:
    """At a list price of 10.00 a unit."""
    subtotal = 1000 * quantity
    return an_item(position, sku=sku, quantity=quantity, subtotal=subtotal, seller_discount=subtotal - paid)


FREE_SECOND = (an_item_paid(1, 1, 1000), an_item_paid(2, 1, 0))
MATCHED: Mapping[str, tuple[Sequence[OrderItem], Units, Sequence[OrderItem], Units, list[str]]] = {
    "by what was paid, in another order": (
        FREE_SECOND,
        {1: 1, 2: 1},
        (an_item_paid(1, 1, 0), an_item_paid(2, 1, 1000)),
        {1: (0, 1), 2: 1},
        ["cancel ITEMS: 1 of 2 in A"],
    ),
    "one item on the first day, two on the second": (
        (an_item_paid(1, 2, 1000),),
        {1: 2},
        FREE_SECOND,
        {1: 1, 2: (0, 1)},
        ["cancel ITEMS: 1 of 1 in A"],
    ),
    "two items on the first day, one on the second": (
        FREE_SECOND,
        {1: 1, 2: 1},
        (an_item_paid(1, 2, 1000),),
        {1: (1, 1)},
        ["cancel ITEMS: 1 of 1 in A"],
    ),
    "in their order, if nothing was paid alike": (
        (an_item_paid(1, 1, 900), an_item_paid(2, 2, 1400)),
        {1: 1, 2: 2},
        (an_item_paid(1, 2, 1600), an_item_paid(2, 1, 800)),
        {1: (0, 2), 2: 1},
        ["cancel ITEMS: 1 of 1 in A, 1 of 2 in A"],
    ),
    "in their order, the last ones with what is left": (
        (an_item_paid(1, 1, 900), an_item_paid(2, 2, 1400)),
        {1: 1, 2: 2},
        (an_item_paid(1, 2, 1600), an_item_paid(2, 1, 800)),
        {1: 2, 2: (0, 1)},
        ["cancel ITEMS: 1 of 2 in A"],
    ),
    "those paid alike first, the others in their order": (
        (an_item_paid(1, 1, 500), an_item_paid(2, 2, 2000)),
        {1: 1, 2: 2},
        (an_item_paid(1, 1, 1000), an_item_paid(2, 2, 1500)),
        {1: (0, 1), 2: 2},
        ["cancel ITEMS: 1 of 2 in A"],
    ),
    "both discounts count": (
        (
            an_item(1, sku="D", quantity=1, subtotal=1000, seller_discount=300),
            an_item(2, sku="D", quantity=1, subtotal=1000, platform_discount=400),
        ),
        {1: 1, 2: 1},
        (
            an_item(1, sku="D", quantity=1, subtotal=1000, seller_discount=400),
            an_item(2, sku="D", quantity=1, subtotal=1000, platform_discount=300),
        ),
        {1: (0, 1), 2: 1},
        ["cancel ITEMS: 1 of 2 in A"],
    ),
    "by the amount of one unit": (
        (an_item_paid(1, 1, 800), an_item_paid(2, 2, 800)),
        {1: 1, 2: 2},
        (an_item_paid(1, 2, 800), an_item_paid(2, 1, 800)),
        {1: (0, 2), 2: 1},
        ["cancel ITEMS: 2 of 2 in A"],
    ),
    "only with items of their SKU": (
        (an_item_paid(1, 1, 1000, sku="E"), an_item_paid(2, 1, 1000)),
        {1: 1, 2: 1},
        (an_item_paid(1, 1, 1000), an_item_paid(2, 1, 1000, sku="E")),
        {1: (0, 1), 2: 1},
        ["cancel ITEMS: 1 of 2 in A"],
    ),
    "units that came in cancelled with those that are": (
        FREE_SECOND,
        {1: 1, 2: (0, 1)},
        (an_item_paid(1, 2, 1000),),
        {1: (1, 1)},
        [],
    ),
    "many more units than came in cancelled": (
        (an_item_paid(1, 2, 2000), an_item_paid(2, 2, 0)),
        {1: (1, 1), 2: 2},
        (an_item_paid(1, 4, 2000),),
        {1: (1, 3)},
        ["cancel ITEMS: 1 of 1 in A, 1 of 2 in A"],
    ),
    "more units than came in cancelled": (
        (an_item_paid(1, 2, 2000), an_item_paid(2, 2, 0)),
        {1: 2, 2: (1, 1)},
        (an_item_paid(1, 4, 2000),),
        {1: (2, 2)},
        ["cancel ITEMS: 1 of 1 in A"],
    ),
}


@pytest.mark.parametrize(("items", "units", "later", "now", "expected"), MATCHED.values(), ids=MATCHED)
def test_units_are_matched(
    items: Sequence[OrderItem], units: Units, later: Sequence[OrderItem], now: Units, expected: list[str]
) -> None:
    done = told_again(an_order_of(*items, units=units), an_order_of(*later, units=now))

    assert done.problems == ()
    assert acts(done) == expected


def test_what_is_told_of_units_is_kept_by_stored_item() -> None:
    first = an_order_of(an_item_paid(1, 2, 1000), an_item_paid(2, 1, 1000))
    reasons = [CancelledUnits(1, 1, CancellationReason.OTHER, "x"), CancelledUnits(2, 1, CancellationReason.OTHER, "y")]
    second = a_told_order(
        a_told_package("A", AS, {1: 1, 2: (0, 1), 3: (0, 1)}),
        items=(an_item_paid(1, 1, 1000), an_item_paid(2, 1, 0), an_item_paid(3, 1, 500)),
        cancelled=[replace(each, item=each.item + 1) for each in reasons],
    )
    merged = a_told_order(
        a_told_package("A", AS, {1: (1, 2)}),
        items=(an_item_paid(1, 3, 2000),),
        cancelled=[CancelledUnits(1, 2, CancellationReason.OTHER, "z")],
    )

    apart, together = (
        told_again(first, second).told,
        told_again(first, merged, here=after(stored(first), Pick(2, 1, 1))).told,
    )

    assert apart.packages[0].items == (PackageItem(1, 2, 2), PackageItem(2, 1, 0))
    assert [(each.item, each.quantity) for each in apart.cancelled] == [(1, 1), (1, 1)]
    assert together.packages[0].items == (PackageItem(1, 2, 1), PackageItem(2, 1, 1))
    assert [(each.item, each.quantity) for each in together.cancelled] == [(1, 1), (2, 1)]


def test_deposits_do_not_count_in_what_was_paid() -> None:
    first = an_order_of(
        an_item(1, sku="D", quantity=1, subtotal=1025, seller_discount=500),
        an_item(2, sku="D", quantity=1, subtotal=1000, seller_discount=475),
        deposits={1: 25},
    )
    second = an_order_of(
        an_item(1, sku="D", quantity=1, subtotal=1025, seller_discount=475),
        an_item(2, sku="D", quantity=1, subtotal=1000, seller_discount=500),
        units={1: (0, 1), 2: 1},
        deposits={1: 25},
    )

    done = told_again(first, second)

    assert acts(done) == ["cancel ITEMS: 1 of 2 in A"]


def test_the_units_of_two_items_that_became_one_are_told_of_theirs() -> None:
    first = a_told_order(
        a_told_package("A", AS, {1: 2}),
        a_told_package("B", AS, {2: 2}),
        items=(an_item_paid(1, 2, 2000), an_item_paid(2, 2, 0)),
    )
    reasons = [
        CancelledUnits(1, 1, CancellationReason.OUT_OF_STOCK, "x"),
        CancelledUnits(1, 1, CancellationReason.OTHER, "y"),
    ]
    second = a_told_order(
        a_told_package("A", IT, {1: (1, 1)}),
        a_told_package("B", AS, {1: (1, 1)}),
        items=(an_item_paid(1, 4, 2000),),
        cancelled=reasons,
    )

    done = told_again(first, second, here=after(stored(first), Pick(2, 2, 1)))

    assert acts(done) == [
        "cancel ITEMS: 1 of 1 in A",
        "A AWAITING_SHIPMENT to IN_TRANSIT",
        "order AWAITING_SHIPMENT to PARTIALLY_SHIPPING",
    ]
    assert contents(done.after) == {"A": (IT, {1: (1, 1)}), "B": (AS, {2: (1, 1)})}
    assert [(each.item, each.quantity, each.words) for each in done.told.cancelled] == [(2, 1, "x"), (1, 1, "y")]


def test_what_an_input_of_the_same_items_tells_is_kept_as_it_is() -> None:
    second = a_told_order(
        a_told_package("A", IT, {1: 3, 2: (1, 1)}), a_told_package(None, AS, {2: 1}), status=OrderStatus.ON_HOLD
    )

    done = told_again(a_told_order(a_told_package(None, AS, {1: 3, 2: 3})), second)

    assert done.told == told(second)
