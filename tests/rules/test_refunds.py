"""Refunds for cancelled units."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules.order import Fee, Order, OrderItem, Pick, RefundBreakdown, RefundLine
from domain.rules.refunds import due, line_total, order_total, paid, refund_breakdown, unit_price
from domain.rules.vocabulary import FeeKind, PackageStatus, ShippingRefundPolicy
from tests.rules.strategies import MOST, all_of, batches_of, not_shipped, orders, parts_of
from tests.support.builders import a_package, after, an_item, an_order

ON_FULL_CANCELLATION = ShippingRefundPolicy.ON_FULL_CANCELLATION
PROPORTIONAL = ShippingRefundPolicy.PROPORTIONAL
NEVER = ShippingRefundPolicy.NEVER
HANDLING, OTHER = FeeKind.HANDLING, FeeKind.OTHER


def in_turn(order: Order, batches: Iterable[Iterable[Pick]]) -> list[RefundBreakdown]:
    """The breakdowns of successive cancellations."""
    breakdowns = []
    for batch in batches:
        picks = list(batch)
        breakdowns.append(refund_breakdown(order, picks))
        order = after(order, *picks)
    return breakdowns


def cancelled_by(item: OrderItem, quantities: Iterable[int]) -> list[RefundLine]:
    """The lines of successive cancellations of these quantities."""
    batches = [[Pick(1, 1, quantity)] for quantity in quantities]
    return [line for breakdown in in_turn(an_order(item), batches) for line in breakdown.lines]


def sums(breakdowns: Iterable[RefundBreakdown]) -> Counter[str]:
    """The sum of each amount: fees by kind, lines by item."""
    total = Counter[str]()
    for breakdown in breakdowns:
        total["items_subtotal"] += breakdown.items_subtotal
        total["seller_discount"] += breakdown.seller_discount
        total["platform_discount"] += breakdown.platform_discount
        total["item_tax"] += breakdown.item_tax
        total["shipping_fee"] += breakdown.shipping_fee
        total["shipping_tax"] += breakdown.shipping_tax
        total["total"] += breakdown.total
        for fee in breakdown.fees:
            total[fee.kind.name] += fee.amount
        for line in breakdown.lines:
            total[f"item {line.item} total"] += line.total
            total[f"item {line.item} tax"] += line.tax
    return total


@pytest.mark.parametrize(
    ("item", "quantities", "expected"),
    [
        pytest.param(an_item(quantity=3, subtotal=1000), [1, 1, 1], [333, 334, 333], id="1000 of 3"),
        pytest.param(an_item(quantity=2, subtotal=167), [1, 1], [84, 83], id="167 of 2"),
        pytest.param(an_item(quantity=4, subtotal=3098), [1, 1, 1, 1], [775, 774, 775, 774], id="3098 of 4, 1+1+1+1"),
        pytest.param(an_item(quantity=4, subtotal=3098), [2, 2], [1549, 1549], id="3098 of 4, 2+2"),
        pytest.param(an_item(quantity=4, subtotal=3098), [3, 1], [2324, 774], id="3098 of 4, 3+1"),
        pytest.param(an_item(quantity=4, subtotal=3098), [1, 3], [775, 2323], id="3098 of 4, 1+3"),
        pytest.param(an_item(quantity=5, subtotal=0), [1, 2, 2], [0, 0, 0], id="0 of 5"),
        pytest.param(
            an_item(quantity=2, subtotal=3998, seller_discount=1999), [1, 1], [1000, 999], id="2 x 1999 less 1999"
        ),
        pytest.param(
            an_item(quantity=10, subtotal=23900, seller_discount=5975),
            [1] * 10,
            [1793, 1792, 1793, 1792, 1793, 1792, 1793, 1792, 1793, 1792],
            id="10 x 2390 less 5975",
        ),
        pytest.param(
            an_item(quantity=2, subtotal=3000, seller_discount=1501, platform_discount=1499),
            [1, 1],
            [0, 0],
            id="2 x 1500 less 1501 and 1499",
        ),
    ],
)
def test_units_give_back_what_was_paid_for_them(item: OrderItem, quantities: list[int], expected: list[int]) -> None:
    assert [line.total for line in cancelled_by(item, quantities)] == expected


def test_the_discount_goes_back_beside_the_refund() -> None:
    lines = cancelled_by(an_item(quantity=2, subtotal=3998, seller_discount=1999), [1, 1])

    assert [line.seller_discount for line in lines] == [999, 1000]
    assert [line.subtotal for line in lines] == [1999, 1999]


def test_a_discount_below_one_minor_unit_a_unit_may_step_back_by_one() -> None:
    seller = cancelled_by(an_item(quantity=4, subtotal=3, seller_discount=1), [1, 1, 1, 1])
    platform = cancelled_by(an_item(quantity=4, subtotal=3, platform_discount=1), [1, 1, 1, 1])

    assert [line.seller_discount for line in seller] == [0, 1, -1, 1]
    assert [line.platform_discount for line in platform] == [0, 1, -1, 1]
    assert [line.total for line in seller] == [1, 0, 1, 0]


def test_the_largest_line_is_given_back_to_the_last_unit() -> None:
    item = an_item(
        quantity=1_000_000, subtotal=MOST, seller_discount=333_333_333_333_333, platform_discount=1, tax=MOST
    )

    lines = cancelled_by(item, [1, 999_998, 1])

    assert lines == [
        RefundLine(
            item=1,
            package=1,
            quantity=1,
            subtotal=1_000_000_000,
            seller_discount=333_333_333,
            platform_discount=0,
            tax=1_000_000_000,
            total=1_666_666_667,
        ),
        RefundLine(
            item=1,
            package=1,
            quantity=999_998,
            subtotal=999_997_999_999_999,
            seller_discount=333_332_666_666_667,
            platform_discount=1,
            tax=999_997_999_999_999,
            total=1_666_663_333_333_330,
        ),
        RefundLine(
            item=1,
            package=1,
            quantity=1,
            subtotal=1_000_000_000,
            seller_discount=333_333_333,
            platform_discount=0,
            tax=1_000_000_000,
            total=1_666_666_667,
        ),
    ]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (an_item(quantity=3, subtotal=1000, seller_discount=500), 333),
        (an_item(quantity=2, subtotal=167), 84),
        (an_item(quantity=1, subtotal=5), 5),
    ],
    ids=["1000 of 3", "167 of 2", "one"],
)
def test_the_unit_price_is_the_first_units_list_price(item: OrderItem, expected: int) -> None:
    assert unit_price(item) == expected


@pytest.mark.parametrize(
    ("units", "with_tax_on_top", "with_tax_inside"), [(0, 0, 0), (1, 568, 533), (2, 1137, 1067), (3, 1705, 1600)]
)
def test_tax_is_paid_on_top_only_where_prices_exclude_it(
    units: int, with_tax_on_top: int, with_tax_inside: int
) -> None:
    item = an_item(quantity=3, subtotal=2000, seller_discount=300, platform_discount=100, tax=105)

    assert paid(item, units, prices_include_tax=False) == with_tax_on_top
    assert paid(item, units, prices_include_tax=True) == with_tax_inside


def test_a_line_total_is_what_was_paid_for_all_its_units() -> None:
    item = an_item(quantity=3, cancelled=1, subtotal=2000, seller_discount=300, platform_discount=100, tax=105)

    assert line_total(item, prices_include_tax=False) == 1705
    assert line_total(item, prices_include_tax=True) == 1600


def a_whole_order(
    *,
    prices_include_tax: bool = False,
    live: PackageStatus = PackageStatus.AWAITING_SHIPMENT,
    policy: ShippingRefundPolicy = ON_FULL_CANCELLATION,
) -> Order:
    """3 x 1000 less 300 and 150 with tax 204, and a gift; shipping 500 with tax 41, and fees of 99, 0 and 7."""
    return an_order(
        an_item(1, quantity=3, subtotal=3000, seller_discount=300, platform_discount=150, tax=204),
        an_item(2, quantity=1, subtotal=800, platform_discount=800, is_gift=True),
        packages=(
            a_package(1, PackageStatus.AWAITING_SHIPMENT, units={1: 2}),
            a_package(2, live, units={1: 1, 2: 1}),
        ),
        prices_include_tax=prices_include_tax,
        shipping_fee=500,
        shipping_tax=41,
        fees=(Fee(HANDLING, 99), Fee(OTHER, 0), Fee(OTHER, 7)),
        policy=policy,
    )


@pytest.mark.parametrize(("prices_include_tax", "expected"), [(False, 3401), (True, 3156)], ids=["on top", "inside"])
def test_a_total_is_lines_and_shipping_and_fees(*, prices_include_tax: bool, expected: int) -> None:
    assert order_total(a_whole_order(prices_include_tax=prices_include_tax)) == expected


def test_a_breakdown_has_a_line_for_each_pick_and_their_sums() -> None:
    picks = [
        Pick(item=1, package=1, quantity=1),
        Pick(item=1, package=2, quantity=1),
        Pick(item=2, package=2, quantity=1),
    ]

    breakdown = refund_breakdown(a_whole_order(), picks)

    assert breakdown == RefundBreakdown(
        items_subtotal=2800,
        seller_discount=200,
        platform_discount=900,
        item_tax=136,
        shipping_fee=0,
        shipping_tax=0,
        fees=(),
        total=1836,
        lines=(
            RefundLine(1, 1, 1, subtotal=1000, seller_discount=100, platform_discount=50, tax=68, total=918),
            RefundLine(1, 2, 1, subtotal=1000, seller_discount=100, platform_discount=50, tax=68, total=918),
            RefundLine(2, 2, 1, subtotal=800, seller_discount=0, platform_discount=800, tax=0, total=0),
        ),
    )


def test_shares_are_taken_in_the_order_of_the_picks() -> None:
    order = an_order(
        an_item(quantity=3, subtotal=1000), packages=(a_package(1, units={1: 1}), a_package(2, units={1: 2}))
    )

    first = refund_breakdown(order, [Pick(1, 1, 1), Pick(1, 2, 1)])
    then = refund_breakdown(after(order, Pick(1, 1, 1)), [Pick(1, 2, 2)])

    assert [(line.package, line.total) for line in first.lines] == [(1, 333), (2, 334)]
    assert [(line.package, line.total) for line in then.lines] == [(2, 667)]


def test_where_prices_include_tax_it_is_shown_but_not_added() -> None:
    order = a_whole_order(prices_include_tax=True)

    breakdown = refund_breakdown(order, all_of(order))

    assert (breakdown.item_tax, breakdown.shipping_tax) == (204, 41)
    assert [line.tax for line in breakdown.lines] == [136, 68, 0]
    assert [line.total for line in breakdown.lines] == [1700, 850, 0]
    assert breakdown.total == 3156


def charges(breakdown: RefundBreakdown) -> tuple[int, int, list[tuple[FeeKind, int]]]:
    return breakdown.shipping_fee, breakdown.shipping_tax, [(fee.kind, fee.amount) for fee in breakdown.fees]


NOTHING: tuple[int, int, list[tuple[FeeKind, int]]] = (0, 0, [])
ONE_BY_ONE = [[Pick(1, 1, 1)], [Pick(1, 1, 1)], [Pick(1, 2, 1)], [Pick(2, 2, 1)]]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(
            ON_FULL_CANCELLATION,
            [NOTHING, NOTHING, NOTHING, (500, 41, [(HANDLING, 99), (OTHER, 7)])],
            id="with the last live unit",
        ),
        pytest.param(
            PROPORTIONAL,
            [
                (167, 14, [(HANDLING, 33), (OTHER, 2)]),
                (166, 13, [(HANDLING, 33), (OTHER, 3)]),
                (167, 14, [(HANDLING, 33), (OTHER, 2)]),
                NOTHING,
            ],
            id="in proportion",
        ),
        pytest.param(NEVER, [NOTHING, NOTHING, NOTHING, NOTHING], id="never"),
    ],
)
def test_shipping_and_fees_come_back_by_the_policy(
    policy: ShippingRefundPolicy, expected: list[tuple[int, int, list[tuple[FeeKind, int]]]]
) -> None:
    assert [charges(breakdown) for breakdown in in_turn(a_whole_order(policy=policy), ONE_BY_ONE)] == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ON_FULL_CANCELLATION, [918, 918, 918, 647]),
        (PROPORTIONAL, [1134, 1133, 1134, 0]),
        (NEVER, [918, 918, 918, 0]),
    ],
    ids=lambda value: value.name if isinstance(value, ShippingRefundPolicy) else "",
)
def test_the_total_has_shipping_and_fees_in_it(policy: ShippingRefundPolicy, expected: list[int]) -> None:
    assert [breakdown.total for breakdown in in_turn(a_whole_order(policy=policy), ONE_BY_ONE)] == expected


@pytest.mark.parametrize(
    ("prices_include_tax", "expected"), [(False, (300, 30)), (True, (250, 25))], ids=["on top", "inside"]
)
def test_the_proportion_is_of_what_was_paid_for_the_lines(
    *, prices_include_tax: bool, expected: tuple[int, int]
) -> None:
    order = an_order(
        an_item(1, quantity=1, subtotal=1000, tax=500),
        an_item(2, quantity=1, subtotal=4000, seller_discount=1000, tax=500),
        prices_include_tax=prices_include_tax,
        shipping_fee=1000,
        shipping_tax=100,
        policy=PROPORTIONAL,
    )

    breakdown = refund_breakdown(order, [Pick(1, 1, 1)])

    assert (breakdown.shipping_fee, breakdown.shipping_tax) == expected


def test_where_nothing_was_paid_for_the_lines_shipping_comes_back_with_the_last_live_unit() -> None:
    gift = an_item(quantity=2, subtotal=1000, seller_discount=1000, is_gift=True)
    order = an_order(gift, shipping_fee=500, shipping_tax=41, fees=(Fee(HANDLING, 99),), policy=PROPORTIONAL)

    breakdowns = in_turn(order, [[Pick(1, 1, 1)], [Pick(1, 1, 1)]])

    assert [charges(breakdown) for breakdown in breakdowns] == [NOTHING, (500, 41, [(HANDLING, 99)])]
    assert [breakdown.total for breakdown in breakdowns] == [0, 640]


def test_shipped_units_keep_the_shipping_fee_from_coming_back() -> None:
    order = a_whole_order(live=PackageStatus.IN_TRANSIT)

    breakdown = refund_breakdown(order, [Pick(1, 1, 2)])

    assert charges(breakdown) == NOTHING
    assert breakdown.total == 1836


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ON_FULL_CANCELLATION, [1836, 3401]),
        (PROPORTIONAL, [2267, 3401]),
        (NEVER, [1836, 2754]),
    ],
    ids=lambda value: value.name if isinstance(value, ShippingRefundPolicy) else "",
)
def test_units_that_come_in_cancelled_are_due_from_the_start(policy: ShippingRefundPolicy, expected: list[int]) -> None:
    order = a_whole_order()
    partly = after(order, Pick(1, 1, 2))
    fully = after(order, *all_of(order))

    assert [due(partly, policy), due(fully, policy)] == expected
    assert due(order, policy) == 0


def test_the_last_live_unit_brings_shipping_back_where_others_came_in_cancelled() -> None:
    order = after(a_whole_order(), Pick(1, 1, 2), Pick(1, 2, 1))

    breakdown = refund_breakdown(order, [Pick(2, 2, 1)])

    assert breakdown.total == 647


@given(orders(), st.data())
def test_any_order_and_batching_of_cancellations_gives_the_same_sums(order: Order, data: st.DataObject) -> None:
    picks = data.draw(parts_of(order))

    at_once = refund_breakdown(order, picks)
    bit_by_bit = in_turn(order, data.draw(batches_of(picks)))

    assert sums(bit_by_bit) == sums([at_once])


@given(orders(), st.data())
def test_it_does_not_matter_from_which_package_units_are_taken(order: Order, data: st.DataObject) -> None:
    picks = data.draw(parts_of(order))
    moved = [Pick(pick.item, 99, pick.quantity) for pick in picks]

    assert sums([refund_breakdown(order, moved)]) == sums([refund_breakdown(order, picks)])


@given(orders(not_shipped, st.just(0), st.sampled_from([ON_FULL_CANCELLATION, PROPORTIONAL])), st.data())
def test_everything_cancelled_gives_back_exactly_what_was_paid(order: Order, data: st.DataObject) -> None:
    breakdowns = in_turn(order, data.draw(batches_of(all_of(order))))

    assert sum(breakdown.total for breakdown in breakdowns) == order_total(order)
    assert sum(breakdown.shipping_fee for breakdown in breakdowns) == order.shipping_fee
    assert sum(breakdown.shipping_tax for breakdown in breakdowns) == order.shipping_tax
    assert sum(fee.amount for breakdown in breakdowns for fee in breakdown.fees) == sum(f.amount for f in order.fees)


@given(orders(not_shipped, st.just(0), st.just(NEVER)), st.data())
def test_everything_cancelled_gives_back_all_lines_where_shipping_never_comes_back(
    order: Order, data: st.DataObject
) -> None:
    breakdowns = in_turn(order, data.draw(batches_of(all_of(order))))

    lines = sum(line_total(item, prices_include_tax=order.prices_include_tax) for item in order.items)
    assert sum(breakdown.total for breakdown in breakdowns) == lines
    assert {charges(breakdown) == NOTHING for breakdown in breakdowns} == {True}


@given(orders(), st.data())
def test_nothing_is_ever_taken_back_from_the_buyer(order: Order, data: st.DataObject) -> None:
    breakdowns = in_turn(order, data.draw(batches_of(data.draw(parts_of(order)))))

    lines = [line for breakdown in breakdowns for line in breakdown.lines]
    amounts = [amount for b in breakdowns for amount in (b.total, b.item_tax, b.items_subtotal, b.shipping_fee)]
    amounts += [breakdown.shipping_tax for breakdown in breakdowns]
    amounts += [amount for line in lines for amount in (line.total, line.tax, line.subtotal)]
    assert min(amounts, default=0) >= 0
    assert all(fee.amount > 0 for breakdown in breakdowns for fee in breakdown.fees)
    assert all(line.seller_discount >= -1 and line.platform_discount >= -1 for line in lines)


@given(orders(), st.data())
def test_what_is_due_rises_by_the_refund_and_never_above_what_was_paid(order: Order, data: st.DataObject) -> None:
    picks = data.draw(parts_of(order))

    breakdown = refund_breakdown(order, picks)

    policy = order.shipping_refund_policy
    before, now = due(order, policy), due(after(order, *picks), policy)
    assert now - before == breakdown.total
    assert 0 <= before <= now <= order.total == order_total(order)


@given(orders(), st.data())
def test_lines_sum_to_the_header(order: Order, data: st.DataObject) -> None:
    picks = data.draw(parts_of(order))

    breakdown = refund_breakdown(order, picks)

    lines = breakdown.lines
    assert [Pick(line.item, line.package, line.quantity) for line in lines] == picks
    assert sum(line.subtotal for line in lines) == breakdown.items_subtotal
    assert sum(line.seller_discount for line in lines) == breakdown.seller_discount
    assert sum(line.platform_discount for line in lines) == breakdown.platform_discount
    assert sum(line.tax for line in lines) == breakdown.item_tax


@given(orders(), st.data())
def test_the_parts_add_up_to_the_total(order: Order, data: st.DataObject) -> None:
    picks = data.draw(parts_of(order))

    b = refund_breakdown(order, picks)

    on_top = not order.prices_include_tax
    lines = [line.subtotal - line.seller_discount - line.platform_discount + on_top * line.tax for line in b.lines]
    assert [line.total for line in b.lines] == lines
    header = b.items_subtotal - b.seller_discount - b.platform_discount + on_top * b.item_tax
    assert b.total == header + b.shipping_fee + on_top * b.shipping_tax + sum(fee.amount for fee in b.fees)
