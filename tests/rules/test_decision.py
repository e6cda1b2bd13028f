"""Decisions about cancellations: the plan, or every problem."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules import ids
from domain.rules.decision import (
    CancellationRequest,
    Decision,
    decide,
    decide_request,
    is_key,
    new_cancellation,
    request_hash,
    target,
)
from domain.rules.order import (
    Cancellation,
    ItemEntry,
    ItemsSelection,
    Notification,
    Order,
    OrderSelection,
    PackageSelection,
    Pick,
    Selection,
)
from domain.rules.outcomes import Problem
from domain.rules.refunds import refund_breakdown
from domain.rules.selection import judge
from domain.rules.vocabulary import (
    CancellationErrorCode,
    CancellationReason,
    CancellationScope,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
)
from tests.rules.strategies import orders
from tests.support.builders import ORDER_ID, PLACED_AT, a_package, an_item, an_order

ORDER = ids.of_order(ORDER_ID)
ITEM = {position: ids.of_item(ORDER_ID, position) for position in (1, 2, 3)}
PACKAGE = {position: ids.of_package(ORDER_ID, position) for position in (1, 2, 3)}
OUT_OF_STOCK, OTHER = CancellationReason.OUT_OF_STOCK, CancellationReason.OTHER
WAITING, TRAVELLING = PackageStatus.AWAITING_SHIPMENT, PackageStatus.IN_TRANSIT
QUEUED = Notification(NotificationStatus.QUEUED)
CANCELLATION_ID = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6c")


def a_shipping_order(*, version: int = 7) -> Order:
    """Item 1 is in two waiting packages and one in transit, item 2 in one waiting package; each unit costs 10.00."""
    return an_order(
        an_item(1, quantity=6, subtotal=6000),
        an_item(2, quantity=2, subtotal=2000),
        packages=(
            a_package(1, WAITING, units={1: 2, 2: 2}, cancelled={1: 1}),
            a_package(2, WAITING, units={1: 3}),
            a_package(3, TRAVELLING, units={1: 1}),
        ),
        version=version,
    )


def of_items(*entries: ItemEntry) -> ItemsSelection:
    return ItemsSelection(ORDER, entries)


def a_request(
    selection: Selection | None = None,
    reason: CancellationReason = OUT_OF_STOCK,
    *,
    key: str = "key-1",
    note: str | None = None,
    version: int | None = None,
    refund: str | None = None,
) -> CancellationRequest:
    expected = None if refund is None else Decimal(refund)
    return CancellationRequest(selection or of_items(ItemEntry(ITEM[1], 1)), reason, key, note, version, expected)


def refusals(decided: Decision) -> list[tuple[str, str]]:
    return [(problem.code.name, ".".join(problem.path)) for problem in decided.problems]


def test_a_plan_takes_the_units_and_gives_their_refund() -> None:
    order = a_shipping_order()

    decided = decide(order, of_items(ItemEntry(ITEM[1], 1, PACKAGE[2]), ItemEntry(ITEM[2], 2)), OUT_OF_STOCK)

    assert decided.order is order
    assert decided.problems == ()
    plan = decided.plan
    assert plan
    assert plan.before is order
    assert plan.picks == (Pick(1, 2, 1), Pick(2, 1, 2))
    assert plan.breakdown == refund_breakdown(order, plan.picks)
    assert plan.breakdown.total == 3000
    assert plan.ended_packages == ()
    assert plan.after == replace(
        order,
        version=8,
        items=(replace(order.items[0], cancelled_quantity=2), replace(order.items[1], cancelled_quantity=2)),
        packages=(
            replace(
                order.packages[0],
                items=(order.packages[0].items[0], replace(order.packages[0].items[1], cancelled_quantity=2)),
            ),
            replace(order.packages[1], items=(replace(order.packages[1].items[0], cancelled_quantity=1),)),
            order.packages[2],
        ),
        refunded=order.refunded + 3000,
    )


def test_what_was_not_paid_is_taken_off_instead_of_refunded() -> None:
    order = replace(a_shipping_order(), is_paid=False, collect_on_delivery=True, refunded=0, taken_off=1000)

    plan = decide(order, of_items(ItemEntry(ITEM[1], 1, PACKAGE[2]), ItemEntry(ITEM[2], 2)), OUT_OF_STOCK).plan

    assert plan
    assert plan.breakdown == refund_breakdown(order, plan.picks)
    assert plan.breakdown.total == 3000
    assert (plan.after.refunded, plan.after.taken_off) == (0, 4000)


def test_what_is_cancelled_once_it_is_paid_is_refunded_beside_what_was_taken_off() -> None:
    order = replace(a_shipping_order(), collect_on_delivery=True, refunded=0, taken_off=1000)

    plan = decide(order, of_items(ItemEntry(ITEM[2], 2)), OUT_OF_STOCK).plan

    assert plan
    assert (plan.after.refunded, plan.after.taken_off) == (2000, 1000)


@pytest.mark.parametrize(
    ("refund", "expected"), [("10.00", []), ("0.00", [("REFUND_CHANGED", "expect.refundTotal")])], ids=["right", "zero"]
)
def test_the_expected_refund_of_an_unpaid_order_is_by_how_much_less_is_due(
    refund: str, expected: list[tuple[str, str]]
) -> None:
    order = replace(a_shipping_order(), is_paid=False, collect_on_delivery=True, refunded=0, taken_off=1000)

    assert refusals(decide_request(order, a_request(refund=refund))) == expected


def test_units_of_one_item_in_several_packages_add_up() -> None:
    decided = decide(
        a_shipping_order(),
        of_items(ItemEntry(ITEM[1], 1, PACKAGE[1]), ItemEntry(ITEM[1], 2, PACKAGE[2])),
        OUT_OF_STOCK,
    )

    assert decided.plan
    assert decided.plan.after.items[0].cancelled_quantity == 4


def test_the_last_live_unit_ends_its_package_and_the_order_moves_on() -> None:
    order = a_shipping_order()

    decided = decide(order, PackageSelection(PACKAGE[2]), OTHER)

    assert decided.plan
    ended = replace(
        order.packages[1],
        status=PackageStatus.CANCELLED,
        items=(replace(order.packages[1].items[0], cancelled_quantity=3),),
    )
    assert decided.plan.ended_packages == (ended,)
    assert decided.plan.after.packages == (order.packages[0], ended, order.packages[2])
    assert decided.plan.after.status is OrderStatus.PARTIALLY_SHIPPING


def test_the_last_package_that_was_not_shipped_moves_the_order_to_what_is_left() -> None:
    order = an_order(
        an_item(1, quantity=2), packages=(a_package(1, WAITING, units={1: 1}), a_package(2, TRAVELLING, units={1: 1}))
    )

    decided = decide(order, of_items(ItemEntry(ITEM[1], 1)), OUT_OF_STOCK)

    assert decided.plan
    assert decided.plan.after.status is OrderStatus.IN_TRANSIT


def test_an_order_without_a_live_unit_is_cancelled() -> None:
    decided = decide(an_order(), OrderSelection(ORDER), OTHER)

    assert decided.plan
    assert decided.plan.after.status is OrderStatus.CANCELLED


def test_a_status_set_on_the_order_stays_while_any_unit_is_live() -> None:
    order = an_order(packages=(a_package(1, units={1: 1}), a_package(2, units={1: 1})), status=OrderStatus.COMPLETED)

    decided = decide(order, PackageSelection(ids.of_package(ORDER_ID, 1)), OTHER)

    assert decided.plan
    assert decided.plan.after.status is OrderStatus.COMPLETED


def test_a_refused_selection_has_no_plan_and_every_problem() -> None:
    order = a_shipping_order()

    decided = decide(order, of_items(ItemEntry(ITEM[1], 9), ItemEntry(ITEM[3], 1)), OTHER)

    assert decided.order is order
    assert decided.plan is None
    assert refusals(decided) == [
        ("REASON_NOT_ALLOWED", "reason"),
        ("QUANTITY_EXCEEDED", "items.0.quantity"),
        ("ITEM_NOT_FOUND", "items.1.itemId"),
    ]


def test_without_an_order_there_is_no_plan() -> None:
    decided = decide(None, OrderSelection(ORDER), OTHER)

    assert decided == Decision(
        None, (Problem(CancellationErrorCode.ORDER_NOT_FOUND, "The shop has no order with this id.", ("orderId",)),)
    )


@given(order=orders(), scope=st.sampled_from(CancellationScope), data=st.data())
def test_a_plan_is_what_the_judgement_and_the_refund_say(
    order: Order, scope: CancellationScope, data: st.DataObject
) -> None:
    package = data.draw(st.sampled_from(order.packages))
    selections: dict[CancellationScope, Selection] = {
        CancellationScope.ITEMS: of_items(ItemEntry(ITEM[1], data.draw(st.integers(1, 3)))),
        CancellationScope.PACKAGE: PackageSelection(ids.of_package(order.id, package.position)),
        CancellationScope.ORDER: OrderSelection(ORDER),
    }
    selection = selections[scope]

    decided = decide(order, selection, OUT_OF_STOCK)

    judgement = judge(order, selection, OUT_OF_STOCK)
    assert decided.problems == judgement.problems
    assert (decided.plan is None) == bool(judgement.problems)
    if plan := decided.plan:
        taken = sum(pick.quantity for pick in judgement.picks)
        live_before = sum(item.live_quantity for item in order.items)
        assert sum(item.live_quantity for item in plan.after.items) == live_before - taken
        assert sum(packed.live_quantity for _, packed in plan.after.package_items()) == live_before - taken
        back = (plan.after.refunded - order.refunded, plan.after.taken_off - order.taken_off)
        assert back == ((plan.breakdown.total, 0) if order.is_paid else (0, plan.breakdown.total))
        assert plan.after.refunded + plan.after.taken_off <= order.total
        assert {package.position for package in plan.ended_packages} == {
            new.position
            for old, new in zip(order.packages, plan.after.packages, strict=True)
            if old.is_live and not new.is_live
        }


@pytest.mark.parametrize(
    ("selection", "is_target"),
    [
        pytest.param(OrderSelection(ORDER), True, id="the order"),
        pytest.param(of_items(), True, id="its items"),
        pytest.param(PackageSelection(PACKAGE[3]), True, id="a package it has"),
        pytest.param(PackageSelection(ids.of_package(ORDER_ID, 4)), False, id="a package it lacks"),
    ],
)
def test_an_order_is_the_target_unless_it_lacks_the_package(selection: Selection, is_target: bool) -> None:  # noqa: FBT001 - a parameter
    order = a_shipping_order()

    assert target(order, selection) is (order if is_target else None)
    assert target(None, selection) is None


def test_a_request_without_expectations_is_decided_like_its_preview() -> None:
    order, request = a_shipping_order(), a_request()

    assert decide_request(order, request) == decide(order, request.selection, OUT_OF_STOCK)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("k", True, id="one character"),
        pytest.param("k" * 255, True, id="255 characters"),
        pytest.param("k" * 256, False, id="256 characters"),
        pytest.param("", False, id="empty"),
        pytest.param("!~", True, id="the first and the last visible character"),
        pytest.param("a b", False, id="a space"),
        pytest.param("a\x7f", False, id="a control character"),
        pytest.param("é", False, id="beyond ASCII"),
    ],
)
def test_a_key_is_visible_ascii(key: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_key(key) is expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(
            a_request(key=""),
            Problem(
                CancellationErrorCode.INVALID_IDEMPOTENCY_KEY,
                "An idempotency key has 1 to 255 visible ASCII characters and no spaces.",
                ("idempotencyKey",),
            ),
            id="key",
        ),
        pytest.param(
            a_request(note="x" * 2001),
            Problem(
                CancellationErrorCode.TEXT_TOO_LONG,
                "The note has 2,001 characters; at most 2,000 are allowed.",
                ("note",),
            ),
            id="long note",
        ),
        pytest.param(
            a_request(note="a\x00b"),
            Problem(
                CancellationErrorCode.INVALID_TEXT,
                "The note contains control characters; only tabs and line breaks are allowed.",
                ("note",),
            ),
            id="control characters",
        ),
    ],
)
def test_problems_of_the_request_itself_are_reported(
    request_: CancellationRequest, expected: Problem[CancellationErrorCode]
) -> None:
    order = a_shipping_order()

    assert decide_request(order, request_) == Decision(order, (expected,))


def test_a_note_of_the_longest_length_with_tabs_and_line_breaks_is_taken() -> None:
    assert decide_request(a_shipping_order(), a_request(note="\t\r\n" + "x" * 1997)).problems == ()


def test_what_is_wrong_with_the_request_comes_before_the_selection_and_hides_expectations() -> None:
    request = a_request(of_items(ItemEntry(ITEM[3], 1)), key="a b", note="x" * 2001, version=1, refund="0.01")

    decided = decide_request(a_shipping_order(), request)

    assert decided.plan is None
    assert refusals(decided) == [
        ("INVALID_IDEMPOTENCY_KEY", "idempotencyKey"),
        ("TEXT_TOO_LONG", "note"),
        ("ITEM_NOT_FOUND", "items.0.itemId"),
    ]


@pytest.mark.parametrize(
    ("version", "refund", "expected"),
    [
        pytest.param(7, "10", [], id="as seen"),
        pytest.param(7, "10.000", [], id="the same amount in more digits"),
        pytest.param(6, None, [("ORDER_CHANGED", "expect.orderVersion")], id="an older version"),
        pytest.param(8, None, [("ORDER_CHANGED", "expect.orderVersion")], id="a later version"),
        pytest.param(None, "9.99", [("REFUND_CHANGED", "expect.refundTotal")], id="another refund"),
        pytest.param(None, "10.001", [("REFUND_CHANGED", "expect.refundTotal")], id="less than a cent more"),
        pytest.param(
            6,
            "0",
            [("ORDER_CHANGED", "expect.orderVersion"), ("REFUND_CHANGED", "expect.refundTotal")],
            id="both",
        ),
    ],
)
def test_the_callers_expectations_must_hold(
    version: int | None, refund: str | None, expected: list[tuple[str, str]]
) -> None:
    order = a_shipping_order()

    decided = decide_request(order, a_request(version=version, refund=refund))

    assert refusals(decided) == expected
    assert decided.plan == decide(order, a_request().selection, OUT_OF_STOCK).plan


def test_a_failed_expectation_says_what_holds_now() -> None:
    decided = decide_request(a_shipping_order(), a_request(version=6, refund="9.99"))

    assert [problem.message for problem in decided.problems] == [
        "The order is at version 7, not 6; review it and retry.",
        "The refund would now be 10.00, not 9.99; review it and retry.",
    ]


def test_an_expected_refund_has_the_digits_of_its_currency() -> None:
    order = an_order(an_item(quantity=1, subtotal=1500), currency="JPY")

    assert decide_request(order, a_request(refund="1500")).problems == ()
    assert refusals(decide_request(order, a_request(refund="15"))) == [("REFUND_CHANGED", "expect.refundTotal")]


def test_a_cancellation_records_the_request_and_the_plan() -> None:
    order, request = a_shipping_order(), a_request(PackageSelection(PACKAGE[2]), OTHER, note="damaged")
    plan = decide(order, request.selection, request.reason).plan
    assert plan

    made = new_cancellation(request, plan, QUEUED, cancellation_id=CANCELLATION_ID, actor="clerk", now=PLACED_AT)

    assert made == Cancellation(
        id=CANCELLATION_ID,
        order_id=ORDER_ID,
        scope=CancellationScope.PACKAGE,
        reason=OTHER,
        note="damaged",
        package=2,
        breakdown=plan.breakdown,
        refund_status=RefundStatus.PENDING,
        notification=QUEUED,
        actor="clerk",
        idempotency_key="key-1",
        created_at=PLACED_AT,
    )


def test_a_cancellation_by_item_names_no_package() -> None:
    order, request = an_order(), a_request()
    plan = decide(order, request.selection, request.reason).plan
    assert plan

    made = new_cancellation(request, plan, QUEUED, cancellation_id=CANCELLATION_ID, actor="clerk", now=PLACED_AT)

    assert (made.scope, made.package) == (CancellationScope.ITEMS, None)


@pytest.mark.parametrize(
    ("subtotal", "is_paid", "expected"),
    [
        pytest.param(3000, True, RefundStatus.PENDING, id="paid"),
        pytest.param(0, True, RefundStatus.NOT_NEEDED, id="paid nothing"),
        pytest.param(3000, False, RefundStatus.NOT_NEEDED, id="not paid"),
        pytest.param(0, False, RefundStatus.NOT_NEEDED, id="nothing to pay"),
    ],
)
def test_a_refund_is_needed_for_what_was_paid(subtotal: int, expected: RefundStatus, *, is_paid: bool) -> None:
    order = an_order(an_item(subtotal=subtotal), is_paid=is_paid, collect_on_delivery=True)
    plan = decide(order, a_request().selection, OUT_OF_STOCK).plan
    assert plan

    made = new_cancellation(a_request(), plan, QUEUED, cancellation_id=CANCELLATION_ID, actor="clerk", now=PLACED_AT)

    assert made.refund_status is expected
    assert made.breakdown == plan.breakdown


@pytest.mark.parametrize(
    ("first", "second", "are_equal"),
    [
        pytest.param(a_request(refund="5"), a_request(refund="5.00"), True, id="an amount in more digits"),
        pytest.param(a_request(key="a"), a_request(key="b"), True, id="the key"),
        pytest.param(a_request(), a_request(of_items(ItemEntry(ITEM[1], 2))), False, id="quantity"),
        pytest.param(a_request(), a_request(of_items(ItemEntry(ITEM[1], 1, PACKAGE[1]))), False, id="package"),
        pytest.param(
            a_request(of_items(ItemEntry(ITEM[1], 1), ItemEntry(ITEM[2], 1))),
            a_request(of_items(ItemEntry(ITEM[2], 1), ItemEntry(ITEM[1], 1))),
            False,
            id="order of the entries",
        ),
        pytest.param(a_request(), a_request(reason=OTHER), False, id="reason"),
        pytest.param(a_request(), a_request(note="x"), False, id="note"),
        pytest.param(a_request(version=1), a_request(version=2), False, id="version"),
        pytest.param(a_request(refund="5"), a_request(refund="5.01"), False, id="refund"),
        pytest.param(a_request(), a_request(refund="0"), False, id="no expected refund is not zero"),
    ],
)
def test_requests_are_the_same_when_their_values_are(
    first: CancellationRequest,
    second: CancellationRequest,
    are_equal: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert (request_hash(first) == request_hash(second)) is are_equal


def test_the_scope_tells_requests_for_one_id_apart() -> None:
    assert request_hash(a_request(OrderSelection(ORDER))) != request_hash(a_request(PackageSelection(ORDER)))


def test_stored_hashes_stay_valid() -> None:
    request = a_request(of_items(ItemEntry("item_1", 2, "package_1")), note="é", version=3, refund="12.50")

    assert request_hash(request).hex() == "0d1843e04dd2d7cf9cc1a4da17a2e7c329fa7a4d8773a49bd37c3240e3e2b7d7"
