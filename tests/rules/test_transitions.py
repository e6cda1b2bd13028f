"""Allowed and refused moves of packages, orders and refunds."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest

from domain.rules import ids
from domain.rules.order import Cancellation, Notification, Order, RefundBreakdown
from domain.rules.outcomes import FulfillmentOutcome, FulfillmentProblem, Problem
from domain.rules.transitions import (
    PackageMove,
    Settlement,
    moved_order,
    moved_package,
    settled_refund,
)
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    FulfillmentErrorCode,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
)
from tests.support.builders import ORDER_ID, PLACED_AT, a_package, an_item, an_order

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PACKAGE = {position: ids.of_package(ORDER_ID, position) for position in range(1, 10)}
NO_PACKAGE = Problem(FulfillmentErrorCode.NOT_FOUND, "The shop has no package with this id.", ("packageId",))
NO_ORDER = Problem(FulfillmentErrorCode.NOT_FOUND, "The shop has no order with this id.", ("orderId",))
NO_CANCELLATION = Problem(
    FulfillmentErrorCode.NOT_FOUND, "The shop has no cancellation with this id.", ("cancellationId",)
)

WAITING, ARRANGED, TRAVELLING, THERE, GONE = PackageStatus
# Allowed moves, and the resulting status of an order whose other package still waits.
WAYS = {
    (WAITING, ARRANGED): OrderStatus.PARTIALLY_SHIPPING,
    (ARRANGED, WAITING): OrderStatus.AWAITING_SHIPMENT,
    (ARRANGED, TRAVELLING): OrderStatus.PARTIALLY_SHIPPING,
    (TRAVELLING, THERE): OrderStatus.PARTIALLY_SHIPPING,
}
NO_WAYS = [pair for pair in product(PackageStatus, repeat=2) if pair not in WAYS and pair[0] is not pair[1]]
RESTING = [OrderStatus.UNPAID, OrderStatus.ON_HOLD, OrderStatus.COMPLETED]
MOVING = [status for status in OrderStatus if status not in RESTING]

# Packages that fit each status of an order.
PACKAGES = {
    OrderStatus.UNPAID: [WAITING],
    OrderStatus.ON_HOLD: [WAITING],
    OrderStatus.AWAITING_SHIPMENT: [WAITING],
    OrderStatus.PARTIALLY_SHIPPING: [WAITING, TRAVELLING],
    OrderStatus.AWAITING_COLLECTION: [ARRANGED],
    OrderStatus.IN_TRANSIT: [TRAVELLING, THERE],
    OrderStatus.DELIVERED: [THERE],
    OrderStatus.COMPLETED: [THERE],
    OrderStatus.CANCELLED: [GONE],
}
ORDER_WAYS = [
    (OrderStatus.UNPAID, OrderStatus.ON_HOLD),
    (OrderStatus.UNPAID, OrderStatus.AWAITING_SHIPMENT),
    (OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT),
    (OrderStatus.AWAITING_SHIPMENT, OrderStatus.ON_HOLD),
    (OrderStatus.DELIVERED, OrderStatus.COMPLETED),
]
NO_ORDER_WAYS = [pair for pair in product(OrderStatus, repeat=2) if pair not in ORDER_WAYS and pair[0] is not pair[1]]

REFUND_WAYS = [
    (RefundStatus.PENDING, RefundStatus.SUCCEEDED),
    (RefundStatus.PENDING, RefundStatus.FAILED),
    (RefundStatus.FAILED, RefundStatus.SUCCEEDED),
]
NO_REFUND_WAYS = [
    (RefundStatus.SUCCEEDED, RefundStatus.FAILED),
    (RefundStatus.NOT_NEEDED, RefundStatus.SUCCEEDED),
    (RefundStatus.NOT_NEEDED, RefundStatus.FAILED),
]


def names(value: object) -> str | None:
    return value.name if isinstance(value, PackageStatus | OrderStatus | RefundStatus) else None


def an_order_with(
    *statuses: PackageStatus, status: OrderStatus | None = None, paid_at: datetime | None = None
) -> Order:
    """One unit in a package of each status."""
    packages = tuple(a_package(position, each, units={1: 1}) for position, each in enumerate(statuses, 1))
    return an_order(an_item(quantity=len(packages)), packages=packages, status=status, paid_at=paid_at)


def not_allowed(message: str) -> FulfillmentProblem:
    return Problem(FulfillmentErrorCode.TRANSITION_NOT_ALLOWED, message, ("status",))


def invalid(path: str, what: str) -> FulfillmentProblem:
    return Problem(FulfillmentErrorCode.INVALID_VALUE, f"{path} {what}.", (path,))


def unfit_texts(path: str, longest: int) -> list[tuple[str, list[FulfillmentProblem]]]:
    too_long = invalid(path, f"must have at most {longest} characters")
    control = invalid(path, "must not contain control characters or lone surrogates")
    return [
        ("x" * (longest + 1), [too_long]),
        ("\N{PACKAGE}" * (longest + 1), [too_long]),
        ("a\0b", [control]),
        ("\n", [control]),
        ("\x85", [control]),
        ("\ud800", [control]),
        ("\t" * (longest + 1), [too_long, control]),
    ]


UNFIT = ["too long", "too long beyond ASCII", "null", "LF", "next line", "half of a pair", "everything"]


# Packages


@pytest.mark.parametrize("status", [status for status in MOVING if status is not OrderStatus.CANCELLED], ids=names)
@pytest.mark.parametrize(("present", "to"), WAYS, ids=names)
def test_a_package_makes_an_allowed_move_and_the_order_follows(
    present: PackageStatus, to: PackageStatus, status: OrderStatus
) -> None:
    order = an_order_with(present, WAITING, status=status)

    outcome = moved_package(order, PackageMove(PACKAGE[1], to))

    moved = replace(order.packages[0], status=to)
    after = replace(order, status=WAYS[present, to], packages=(moved, order.packages[1]))
    assert outcome == FulfillmentOutcome(after, package=moved)


@pytest.mark.parametrize("status", MOVING, ids=names)
@pytest.mark.parametrize(("present", "to"), NO_WAYS, ids=names)
def test_a_package_makes_no_other_move(present: PackageStatus, to: PackageStatus, status: OrderStatus) -> None:
    order = an_order_with(present, WAITING, status=status)

    outcome = moved_package(order, PackageMove(PACKAGE[1], to, carrier="Swift", tracking_number="T-1"))

    message = f"A package that is {present.name} in an order that is {status.name} cannot become {to.name}."
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=(not_allowed(message),))


@pytest.mark.parametrize("status", RESTING, ids=names)
@pytest.mark.parametrize(("present", "to"), [*WAYS, *NO_WAYS], ids=names)
def test_packages_rest_while_a_status_is_set_on_the_order(
    present: PackageStatus, to: PackageStatus, status: OrderStatus
) -> None:
    order = an_order_with(present, WAITING, status=status)

    outcome = moved_package(order, PackageMove(PACKAGE[1], to))

    message = f"A package that is {present.name} in an order that is {status.name} cannot become {to.name}."
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=(not_allowed(message),))


@pytest.mark.parametrize("status", [*RESTING, None], ids=names)
@pytest.mark.parametrize("present", PackageStatus, ids=names)
def test_the_present_status_of_a_package_again_changes_nothing(
    present: PackageStatus, status: OrderStatus | None
) -> None:
    order = an_order_with(present, WAITING, status=status)

    assert moved_package(order, PackageMove(PACKAGE[1], present)) == FulfillmentOutcome(
        order, package=order.packages[0]
    )


@pytest.mark.parametrize("status", [*RESTING, None], ids=names)
@pytest.mark.parametrize("present", PackageStatus, ids=names)
def test_with_the_present_status_a_carrier_is_taken(present: PackageStatus, status: OrderStatus | None) -> None:
    order = an_order_with(present, WAITING, status=status)

    outcome = moved_package(order, PackageMove(PACKAGE[1], present, carrier="Swift", tracking_number="T-1"))

    package = replace(order.packages[0], carrier="Swift", tracking_number="T-1")
    after = replace(order, packages=(package, order.packages[1]))
    assert outcome == FulfillmentOutcome(after, package=package)


@pytest.mark.parametrize(
    ("carrier", "tracking_number", "expected"),
    [
        pytest.param(None, None, ("Swift", "T-1"), id="neither"),
        pytest.param("Slow", None, ("Slow", "T-1"), id="carrier"),
        pytest.param(None, "T-2", ("Swift", "T-2"), id="tracking number"),
        pytest.param("Slow", "T-2", ("Slow", "T-2"), id="both"),
        pytest.param("", None, (None, "T-1"), id="empty carrier"),
        pytest.param(None, "", ("Swift", None), id="empty tracking number"),
        pytest.param("x" * 500, "x" * 100, ("x" * 500, "x" * 100), id="as long as they may be"),
        pytest.param("\u202ea", "\N{PACKAGE}", ("\u202ea", "\N{PACKAGE}"), id="format characters"),
    ],
)
def test_parts_of_a_package_that_are_not_given_stay(
    carrier: str | None, tracking_number: str | None, expected: tuple[str | None, str | None]
) -> None:
    package = a_package(units={1: 2}, carrier="Swift", tracking_number="T-1")
    order = an_order(packages=(package,))

    outcome = moved_package(order, PackageMove(PACKAGE[1], ARRANGED, carrier, tracking_number))

    moved = replace(package, status=ARRANGED, carrier=expected[0], tracking_number=expected[1])
    after = replace(order, status=OrderStatus.AWAITING_COLLECTION, packages=(moved,))
    assert outcome == FulfillmentOutcome(after, package=moved)


@pytest.mark.parametrize(("text", "expected"), unfit_texts("carrier", 500), ids=UNFIT)
def test_a_carrier_that_cannot_be_stored_is_refused(text: str, expected: list[FulfillmentProblem]) -> None:
    order = an_order()

    outcome = moved_package(order, PackageMove(PACKAGE[1], ARRANGED, carrier=text))

    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=tuple(expected))


@pytest.mark.parametrize(("text", "expected"), unfit_texts("trackingNumber", 100), ids=UNFIT)
def test_a_tracking_number_that_cannot_be_stored_is_refused(text: str, expected: list[FulfillmentProblem]) -> None:
    order = an_order()

    outcome = moved_package(order, PackageMove(PACKAGE[1], WAITING, tracking_number=text))

    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=tuple(expected))


def test_every_problem_with_a_move_is_reported() -> None:
    order = an_order()

    outcome = moved_package(order, PackageMove(PACKAGE[1], THERE, carrier="x" * 501, tracking_number="\0"))

    message = "A package that is AWAITING_SHIPMENT in an order that is AWAITING_SHIPMENT cannot become DELIVERED."
    expected = (
        not_allowed(message),
        invalid("carrier", "must have at most 500 characters"),
        invalid("trackingNumber", "must not contain control characters or lone surrogates"),
    )
    assert outcome == FulfillmentOutcome(order, package=order.packages[0], problems=expected)


@pytest.mark.parametrize("order", [None, an_order()], ids=["no order", "another order"])
def test_a_missing_package_is_not_found(order: Order | None) -> None:
    outcome = moved_package(order, PackageMove(PACKAGE[9], ARRANGED, carrier="\0", tracking_number="x" * 101))

    expected = (
        NO_PACKAGE,
        invalid("carrier", "must not contain control characters or lone surrogates"),
        invalid("trackingNumber", "must have at most 100 characters"),
    )
    assert outcome == FulfillmentOutcome(problems=expected)


def test_a_package_moves_on_without_its_cancelled_units() -> None:
    package = a_package(units={1: 3, 2: 1}, cancelled={1: 2, 2: 1})
    order = an_order(an_item(1, quantity=3), an_item(2, quantity=1), packages=(package,))

    outcome = moved_package(order, PackageMove(PACKAGE[1], ARRANGED))

    moved = replace(package, status=ARRANGED)
    after = replace(order, status=OrderStatus.AWAITING_COLLECTION, packages=(moved,))
    assert outcome == FulfillmentOutcome(after, package=moved)


# Orders


@pytest.mark.parametrize(
    ("present", "to", "expected"),
    [
        (OrderStatus.UNPAID, OrderStatus.ON_HOLD, (OrderStatus.ON_HOLD, None)),
        (OrderStatus.UNPAID, OrderStatus.AWAITING_SHIPMENT, (OrderStatus.AWAITING_SHIPMENT, NOW)),
        (OrderStatus.ON_HOLD, OrderStatus.AWAITING_SHIPMENT, (OrderStatus.AWAITING_SHIPMENT, NOW)),
        (OrderStatus.AWAITING_SHIPMENT, OrderStatus.ON_HOLD, (OrderStatus.ON_HOLD, None)),
        (OrderStatus.DELIVERED, OrderStatus.COMPLETED, (OrderStatus.COMPLETED, None)),
    ],
    ids=names,
)
def test_an_order_makes_an_allowed_move(
    present: OrderStatus, to: OrderStatus, expected: tuple[OrderStatus, datetime | None]
) -> None:
    order = an_order_with(*PACKAGES[present], status=present)

    outcome = moved_order(order, to, NOW)

    assert outcome == FulfillmentOutcome(replace(order, status=expected[0], paid_at=expected[1]))


@pytest.mark.parametrize(("present", "to"), NO_ORDER_WAYS, ids=names)
def test_an_order_makes_no_other_move(present: OrderStatus, to: OrderStatus) -> None:
    order = an_order_with(*PACKAGES[present], status=present)

    outcome = moved_order(order, to, NOW)

    message = f"An order that is {present.name} cannot become {to.name}."
    assert outcome == FulfillmentOutcome(order, problems=(not_allowed(message),))


@pytest.mark.parametrize("present", OrderStatus, ids=names)
def test_the_present_status_of_an_order_again_changes_nothing(present: OrderStatus) -> None:
    order = an_order_with(*PACKAGES[present], status=present)

    assert moved_order(order, present, NOW) == FulfillmentOutcome(order)


@pytest.mark.parametrize("present", [OrderStatus.UNPAID, OrderStatus.ON_HOLD], ids=names)
@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([WAITING], OrderStatus.AWAITING_SHIPMENT),
        ([ARRANGED], OrderStatus.AWAITING_COLLECTION),
        ([TRAVELLING], OrderStatus.IN_TRANSIT),
        ([THERE], OrderStatus.DELIVERED),
        ([WAITING, ARRANGED], OrderStatus.PARTIALLY_SHIPPING),
        ([WAITING, TRAVELLING, THERE], OrderStatus.PARTIALLY_SHIPPING),
        ([TRAVELLING, THERE], OrderStatus.IN_TRANSIT),
        ([GONE, ARRANGED], OrderStatus.AWAITING_COLLECTION),
        ([GONE, WAITING, GONE, WAITING], OrderStatus.AWAITING_SHIPMENT),
    ],
    ids=lambda value: "+".join(each.name for each in value) if isinstance(value, list) else value.name,
)
def test_a_released_order_has_the_status_of_its_packages(
    statuses: list[PackageStatus], expected: OrderStatus, present: OrderStatus
) -> None:
    order = an_order_with(*statuses, status=present, paid_at=PLACED_AT)

    outcome = moved_order(order, OrderStatus.AWAITING_SHIPMENT, NOW)

    assert outcome == FulfillmentOutcome(replace(order, status=expected))


@pytest.mark.parametrize("present", [OrderStatus.UNPAID, OrderStatus.ON_HOLD], ids=names)
@pytest.mark.parametrize(
    ("before", "expected"), [(None, NOW), (PLACED_AT, PLACED_AT)], ids=["not paid yet", "paid already"]
)
@pytest.mark.parametrize("is_paid", [False, True], ids=["counts as unpaid", "counts as paid"])
def test_a_released_order_is_paid_since_it_was_paid_first(
    before: datetime | None, expected: datetime, present: OrderStatus, *, is_paid: bool
) -> None:
    order = an_order(status=present, paid_at=before, is_paid=is_paid)

    outcome = moved_order(order, OrderStatus.AWAITING_SHIPMENT, NOW)

    after = replace(order, status=OrderStatus.AWAITING_SHIPMENT, paid_at=expected, is_paid=True)
    assert outcome == FulfillmentOutcome(after)


@pytest.mark.parametrize(("present", "to"), ORDER_WAYS, ids=names)
@pytest.mark.parametrize(
    ("paid_at", "is_paid"), [(None, False), (PLACED_AT, True), (PLACED_AT, False)], ids=["no", "yes", "told too soon"]
)
def test_no_move_says_that_an_order_was_paid_at_the_door(
    present: OrderStatus, to: OrderStatus, paid_at: datetime | None, *, is_paid: bool
) -> None:
    order = an_order_with(*PACKAGES[present], status=present, paid_at=paid_at)
    order = replace(order, is_paid=is_paid, collect_on_delivery=True)

    outcome = moved_order(order, to, NOW)

    assert outcome == FulfillmentOutcome(replace(order, status=to))


@pytest.mark.parametrize(
    ("present", "to"),
    [way for way in ORDER_WAYS if way[1] is not OrderStatus.AWAITING_SHIPMENT],
    ids=names,
)
@pytest.mark.parametrize("is_paid", [False, True], ids=["unpaid", "paid"])
def test_holding_or_completing_an_order_leaves_whether_it_is_paid(
    present: OrderStatus, to: OrderStatus, *, is_paid: bool
) -> None:
    order = replace(an_order_with(*PACKAGES[present], status=present), is_paid=is_paid)

    outcome = moved_order(order, to, NOW)

    assert outcome == FulfillmentOutcome(replace(order, status=to))


@pytest.mark.parametrize("to", OrderStatus, ids=names)
def test_a_missing_order_is_not_found(to: OrderStatus) -> None:
    assert moved_order(None, to, NOW) == FulfillmentOutcome(problems=(NO_ORDER,))


# Refunds


def a_cancellation(status: RefundStatus, provider_reference: str | None = None) -> Cancellation:
    return Cancellation(
        id=UUID(int=7),
        order_id=ORDER_ID,
        scope=CancellationScope.ITEMS,
        reason=CancellationReason.OUT_OF_STOCK,
        note=None,
        package=None,
        breakdown=RefundBreakdown(1000, 0, 0, 0, 0, 0, (), 1000, ()),
        refund_status=status,
        notification=Notification(NotificationStatus.SENT),
        actor="seller",
        idempotency_key="key-1",
        created_at=PLACED_AT,
        provider_reference=provider_reference,
    )


def told(status: RefundStatus | None, provider_reference: str | None = None) -> Settlement:
    return Settlement(ids.of_cancellation(UUID(int=7)), status, provider_reference)


@pytest.mark.parametrize(("present", "to"), REFUND_WAYS, ids=names)
def test_a_refund_is_settled_as_allowed(present: RefundStatus, to: RefundStatus) -> None:
    order, cancellation = an_order(), a_cancellation(present)

    outcome = settled_refund(order, cancellation, told(to))

    assert outcome == FulfillmentOutcome(order, cancellation=replace(cancellation, refund_status=to))


@pytest.mark.parametrize(("present", "to"), NO_REFUND_WAYS, ids=names)
def test_a_refund_is_not_settled_otherwise(present: RefundStatus, to: RefundStatus) -> None:
    order, cancellation = an_order(), a_cancellation(present)

    outcome = settled_refund(order, cancellation, told(to, "R-1"))

    message = f"A refund that is {present.name} cannot become {to.name}."
    assert outcome == FulfillmentOutcome(order, cancellation=cancellation, problems=(not_allowed(message),))


@pytest.mark.parametrize("reference", [None, "R-1", "R-2", ""], ids=["no reference", "same", "another", "empty"])
@pytest.mark.parametrize("present", [RefundStatus.SUCCEEDED, RefundStatus.FAILED], ids=names)
def test_the_present_status_of_a_refund_again_changes_nothing(present: RefundStatus, reference: str | None) -> None:
    order, cancellation = an_order(), a_cancellation(present, "R-1")

    outcome = settled_refund(order, cancellation, told(present, reference))

    assert outcome == FulfillmentOutcome(order, cancellation=cancellation)


@pytest.mark.parametrize("to", [RefundStatus.PENDING, RefundStatus.NOT_NEEDED], ids=names)
@pytest.mark.parametrize("present", RefundStatus, ids=names)
def test_only_success_and_failure_can_be_reported(present: RefundStatus, to: RefundStatus) -> None:
    order, cancellation = an_order(), a_cancellation(present)

    outcome = settled_refund(order, cancellation, told(to))

    expected = invalid("status", "must be SUCCEEDED or FAILED")
    assert outcome == FulfillmentOutcome(order, cancellation=cancellation, problems=(expected,))


@pytest.mark.parametrize("present", RefundStatus, ids=names)
def test_a_refund_is_not_settled_without_one_outcome(present: RefundStatus) -> None:
    order, cancellation = an_order(), a_cancellation(present)

    outcome = settled_refund(order, cancellation, told(None, "\0"))

    expected = (
        invalid("outcome", "or status must be given, and not both"),
        invalid("providerReference", "must not contain control characters or lone surrogates"),
    )
    assert outcome == FulfillmentOutcome(order, cancellation=cancellation, problems=expected)


@pytest.mark.parametrize(
    ("present", "given", "expected"),
    [
        pytest.param(None, None, None, id="none"),
        pytest.param(None, "R-1", "R-1", id="given"),
        pytest.param("R-1", None, "R-1", id="given before"),
        pytest.param("R-1", "R-2", "R-2", id="given again"),
        pytest.param("R-1", "", None, id="empty"),
        pytest.param(None, "x" * 500, "x" * 500, id="as long as it may be"),
        pytest.param(None, "\u202ea", "\u202ea", id="format characters"),
    ],
)
def test_the_payment_systems_reference_is_kept(present: str | None, given: str | None, expected: str | None) -> None:
    order, cancellation = an_order(), a_cancellation(RefundStatus.FAILED, present)

    outcome = settled_refund(order, cancellation, told(RefundStatus.SUCCEEDED, given))

    settled = replace(cancellation, refund_status=RefundStatus.SUCCEEDED, provider_reference=expected)
    assert outcome == FulfillmentOutcome(order, cancellation=settled)


@pytest.mark.parametrize(("text", "expected"), unfit_texts("providerReference", 500), ids=UNFIT)
@pytest.mark.parametrize("present", [RefundStatus.PENDING, RefundStatus.SUCCEEDED], ids=names)
def test_a_reference_that_cannot_be_stored_is_refused(
    present: RefundStatus, text: str, expected: list[FulfillmentProblem]
) -> None:
    order, cancellation = an_order(), a_cancellation(present)

    outcome = settled_refund(order, cancellation, told(RefundStatus.SUCCEEDED, text))

    assert outcome == FulfillmentOutcome(order, cancellation=cancellation, problems=tuple(expected))


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (RefundStatus.PENDING, invalid("status", "must be SUCCEEDED or FAILED")),
        (RefundStatus.FAILED, not_allowed("A refund that is SUCCEEDED cannot become FAILED.")),
    ],
    ids=names,
)
def test_every_problem_with_a_settlement_is_reported(to: RefundStatus, expected: FulfillmentProblem) -> None:
    order, cancellation = an_order(), a_cancellation(RefundStatus.SUCCEEDED)

    outcome = settled_refund(order, cancellation, told(to, "x" * 501))

    problems = (expected, invalid("providerReference", "must have at most 500 characters"))
    assert outcome == FulfillmentOutcome(order, cancellation=cancellation, problems=problems)


@pytest.mark.parametrize(
    ("order", "cancellation"),
    [(None, None), (an_order(), None), (None, a_cancellation(RefundStatus.PENDING))],
    ids=["nothing", "an order", "a cancellation"],
)
def test_a_missing_cancellation_is_not_found(order: Order | None, cancellation: Cancellation | None) -> None:
    outcome = settled_refund(order, cancellation, told(RefundStatus.PENDING, "\0"))

    expected = (
        NO_CANCELLATION,
        invalid("status", "must be SUCCEEDED or FAILED"),
        invalid("providerReference", "must not contain control characters or lone surrogates"),
    )
    assert outcome == FulfillmentOutcome(problems=expected)


@pytest.mark.parametrize("to", [RefundStatus.SUCCEEDED, RefundStatus.FAILED], ids=names)
def test_a_valid_settlement_of_a_missing_refund_is_one_problem(to: RefundStatus) -> None:
    assert settled_refund(None, None, told(to, "R-1")) == FulfillmentOutcome(problems=(NO_CANCELLATION,))
