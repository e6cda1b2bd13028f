"""The table in docs/rules.md, "What may be cancelled", cell by cell."""

from itertools import product

import pytest
from hypothesis import given

from domain.rules import ids
from domain.rules.eligibility import UNLOCKS, Eligibility, Verdict, eligibility
from domain.rules.order import ItemEntry, ItemsSelection, Order, OrderSelection, PackageSelection, Pick, Selection
from domain.rules.selection import judge
from domain.rules.status import PAYMENT_BLOCKED
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    NotCancellableReason,
    OrderStatus,
    PackageStatus,
)
from tests.rules.strategies import orders
from tests.support.builders import ORDER_ID, a_package, an_item, an_order

WAITING, ARRANGED, TRAVELLING, THERE, GONE = PackageStatus

# Rows: the stored status of the order. Columns: the status of its package. YES, or the reason why not.
TABLE = {
    CancellationScope.ITEMS: """
                        AWAITING_SHIPMENT AWAITING_COLLECTION IN_TRANSIT DELIVERED CANCELLED
    UNPAID              UNPAID            UNPAID              UNPAID     UNPAID    ALREADY_CANCELLED
    ON_HOLD             ON_HOLD           ON_HOLD             ON_HOLD    ON_HOLD   ALREADY_CANCELLED
    AWAITING_SHIPMENT   YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    PARTIALLY_SHIPPING  YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    AWAITING_COLLECTION YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    IN_TRANSIT          YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    DELIVERED           YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    COMPLETED           YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    CANCELLED           YES               AWAITING_COLLECTION SHIPPED    SHIPPED   ALREADY_CANCELLED
    """,
    CancellationScope.PACKAGE: """
                        AWAITING_SHIPMENT AWAITING_COLLECTION IN_TRANSIT DELIVERED CANCELLED
    UNPAID              UNPAID            UNPAID              UNPAID     UNPAID    ALREADY_CANCELLED
    ON_HOLD             ON_HOLD           ON_HOLD             ON_HOLD    ON_HOLD   ALREADY_CANCELLED
    AWAITING_SHIPMENT   YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    PARTIALLY_SHIPPING  YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    AWAITING_COLLECTION YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    IN_TRANSIT          YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    DELIVERED           YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    COMPLETED           YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    CANCELLED           YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    """,
    CancellationScope.ORDER: """
                        AWAITING_SHIPMENT AWAITING_COLLECTION IN_TRANSIT DELIVERED CANCELLED
    UNPAID              UNPAID            UNPAID              UNPAID     UNPAID    ALREADY_CANCELLED
    ON_HOLD             ON_HOLD           ON_HOLD             ON_HOLD    ON_HOLD   ALREADY_CANCELLED
    AWAITING_SHIPMENT   YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    PARTIALLY_SHIPPING  YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    AWAITING_COLLECTION YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    IN_TRANSIT          YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    DELIVERED           YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    COMPLETED           YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    CANCELLED           YES               YES                 SHIPPED    SHIPPED   ALREADY_CANCELLED
    """,
}
REASONS = {
    CancellationScope.ITEMS: "OUT_OF_STOCK",
    CancellationScope.PACKAGE: "OUT_OF_STOCK PRICING_ERROR UNDELIVERABLE_ADDRESS BUYER_REQUESTED OTHER",
    CancellationScope.ORDER: "OUT_OF_STOCK PRICING_ERROR UNDELIVERABLE_ADDRESS BUYER_REQUESTED OTHER",
}
ITEM, PACKAGE = ids.of_item(ORDER_ID, 1), ids.of_package(ORDER_ID, 1)
SELECTIONS: dict[CancellationScope, Selection] = {
    CancellationScope.ITEMS: ItemsSelection(ids.of_order(ORDER_ID), (ItemEntry(ITEM, 2),)),
    CancellationScope.PACKAGE: PackageSelection(PACKAGE),
    CancellationScope.ORDER: OrderSelection(ids.of_order(ORDER_ID)),
}


def cells(scope: CancellationScope) -> list[tuple[OrderStatus, PackageStatus, str]]:
    columns, *rows = (line.split() for line in TABLE[scope].strip().splitlines())
    return [
        (OrderStatus[row[0]], PackageStatus[column], answer)
        for row in rows
        for column, answer in zip(columns, row[1:], strict=True)
    ]


def refusals(scope: CancellationScope, reason: CancellationReason, answer: str) -> list[tuple[str, str | None]]:
    wrong_reason = [] if reason.name in REASONS[scope].split() else [("REASON_NOT_ALLOWED", None)]
    return wrong_reason + ([] if answer == "YES" else [("NOT_CANCELLABLE", answer)])


def verdict(answer: str) -> Verdict:
    return Verdict(2, None) if answer == "YES" else Verdict(0, NotCancellableReason[answer])


def order_in(order: OrderStatus, package: PackageStatus) -> Order:
    return an_order(an_item(quantity=2), packages=(a_package(1, package, units={1: 2}),), status=order)


def test_the_table_has_every_pair_of_statuses() -> None:
    pairs = [(order, package) for order, package, _ in cells(CancellationScope.ITEMS)]

    assert pairs == list(product(OrderStatus, PackageStatus))
    assert pairs == [(order, package) for order, package, _ in cells(CancellationScope.PACKAGE)]
    assert pairs == [(order, package) for order, package, _ in cells(CancellationScope.ORDER)]


@pytest.mark.parametrize(
    ("order", "package", "by_item", "whole_package", "whole_order"),
    [
        pytest.param(order, package, by_item, whole_package, whole_order, id=f"{order.name}-{package.name}")
        for (order, package, by_item), (_, _, whole_package), (_, _, whole_order) in zip(
            *(cells(scope) for scope in CancellationScope), strict=True
        )
    ],
)
def test_the_fields_say_what_the_table_says(
    order: OrderStatus, package: PackageStatus, by_item: str, whole_package: str, whole_order: str
) -> None:
    assert eligibility(order_in(order, package)) == Eligibility(
        order=verdict(whole_order),
        items={1: verdict(by_item)},
        packages={1: verdict(whole_package)},
        package_items={(1, 1): verdict(by_item)},
    )


@pytest.mark.parametrize(
    ("scope", "reason", "order", "package", "expected"),
    [
        pytest.param(
            scope,
            reason,
            order,
            package,
            refusals(scope, reason, answer),
            id=f"{scope.name}-{reason.name}-{order.name}-{package.name}",
        )
        for scope, reason in product(CancellationScope, CancellationReason)
        for order, package, answer in cells(scope)
    ],
)
def test_requests_are_judged_as_the_table_says(
    scope: CancellationScope,
    reason: CancellationReason,
    order: OrderStatus,
    package: PackageStatus,
    expected: list[tuple[str, str | None]],
) -> None:
    judgement = judge(order_in(order, package), SELECTIONS[scope], reason)

    because = [(p.code.name, p.not_cancellable_reason and p.not_cancellable_reason.name) for p in judgement.problems]
    assert because == expected
    assert judgement.picks == (() if expected else (Pick(item=1, package=1, quantity=2),))


def test_each_reason_unlocks_its_scopes() -> None:
    items, package, order = CancellationScope

    assert {reason: set(scopes) for reason, scopes in UNLOCKS.items()} == {
        CancellationReason.OUT_OF_STOCK: {items, package, order},
        CancellationReason.PRICING_ERROR: {package, order},
        CancellationReason.UNDELIVERABLE_ADDRESS: {package, order},
        CancellationReason.BUYER_REQUESTED: {package, order},
        CancellationReason.OTHER: {package, order},
    }


def test_an_item_gives_its_live_units_in_packages_that_await_shipment() -> None:
    order = an_order(
        an_item(quantity=15),
        packages=(
            a_package(1, WAITING, units={1: 4}, cancelled={1: 1}),
            a_package(2, ARRANGED, units={1: 5}),
            a_package(3, WAITING, units={1: 2}),
            a_package(4, THERE, units={1: 3}),
            a_package(5, GONE, units={1: 1}),
        ),
    )

    verdicts = eligibility(order)

    assert verdicts.items == {1: Verdict(5, None)}
    assert verdicts.package_items == {
        (1, 1): Verdict(3, None),
        (2, 1): Verdict(0, NotCancellableReason.AWAITING_COLLECTION),
        (3, 1): Verdict(2, None),
        (4, 1): Verdict(0, NotCancellableReason.SHIPPED),
        (5, 1): Verdict(0, NotCancellableReason.ALREADY_CANCELLED),
    }
    assert verdicts.packages == {
        1: Verdict(3, None),
        2: Verdict(5, None),
        3: Verdict(2, None),
        4: Verdict(0, NotCancellableReason.SHIPPED),
        5: Verdict(0, NotCancellableReason.ALREADY_CANCELLED),
    }
    assert verdicts.order == Verdict(0, NotCancellableReason.SHIPPED)
    assert verdicts.items_cancellable


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([ARRANGED, GONE], NotCancellableReason.AWAITING_COLLECTION),
        ([ARRANGED, TRAVELLING], NotCancellableReason.SHIPPED),
        ([TRAVELLING, ARRANGED], NotCancellableReason.SHIPPED),
        ([ARRANGED, THERE], NotCancellableReason.SHIPPED),
        ([THERE, TRAVELLING], NotCancellableReason.SHIPPED),
        ([GONE, TRAVELLING], NotCancellableReason.SHIPPED),
        ([GONE, GONE], NotCancellableReason.ALREADY_CANCELLED),
    ],
    ids=lambda value: "+".join(status.name for status in value) if isinstance(value, list) else "",
)
def test_the_most_advanced_package_with_live_units_says_why_an_item_is_greyed_out(
    statuses: list[PackageStatus], expected: NotCancellableReason
) -> None:
    packages = tuple(a_package(position, status, units={1: 1}) for position, status in enumerate(statuses, start=1))

    verdicts = eligibility(an_order(an_item(quantity=2), packages=packages))

    assert verdicts.items == {1: Verdict(0, expected)}
    assert not verdicts.items_cancellable


def test_a_package_without_live_units_of_an_item_has_no_say_about_it() -> None:
    shipped = a_package(1, TRAVELLING, units={1: 1, 2: 1}, cancelled={1: 1})
    order = an_order(an_item(1), an_item(2), packages=(shipped, a_package(2, ARRANGED, units={1: 1, 2: 1})))

    verdicts = eligibility(order)

    assert verdicts.items == {
        1: Verdict(0, NotCancellableReason.AWAITING_COLLECTION),
        2: Verdict(0, NotCancellableReason.SHIPPED),
    }
    assert verdicts.package_items[1, 1] == Verdict(0, NotCancellableReason.ALREADY_CANCELLED)


def test_an_item_without_a_live_unit_is_already_cancelled_in_an_unpaid_order() -> None:
    order = an_order(an_item(1, cancelled=2), an_item(2), status=OrderStatus.UNPAID)

    verdicts = eligibility(order)

    assert verdicts.items == {
        1: Verdict(0, NotCancellableReason.ALREADY_CANCELLED),
        2: Verdict(0, NotCancellableReason.UNPAID),
    }
    assert verdicts.order == Verdict(0, NotCancellableReason.UNPAID)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([WAITING, ARRANGED], Verdict(2, None)),
        ([WAITING, GONE], Verdict(1, None)),
        ([ARRANGED, GONE], Verdict(1, None)),
        ([WAITING, TRAVELLING], Verdict(0, NotCancellableReason.SHIPPED)),
        ([THERE, WAITING, ARRANGED], Verdict(0, NotCancellableReason.SHIPPED)),
        ([GONE, TRAVELLING], Verdict(0, NotCancellableReason.SHIPPED)),
        ([GONE, GONE], Verdict(0, NotCancellableReason.ALREADY_CANCELLED)),
    ],
    ids=lambda value: "+".join(status.name for status in value) if isinstance(value, list) else "",
)
def test_one_live_package_that_has_left_blocks_the_whole_order(
    statuses: list[PackageStatus], expected: Verdict
) -> None:
    packages = tuple(a_package(position, status, units={1: 1}) for position, status in enumerate(statuses, start=1))

    assert eligibility(an_order(an_item(quantity=len(statuses)), packages=packages)).order == expected


def test_a_verdict_is_cancellable_when_there_is_no_reason_against_it() -> None:
    assert Verdict(1, None).is_cancellable
    assert not Verdict(0, NotCancellableReason.SHIPPED).is_cancellable


def test_payment_blocks_in_the_statuses_that_say_so() -> None:
    blocked = {status for status in OrderStatus if not eligibility(order_in(status, WAITING)).items_cancellable}

    assert blocked == PAYMENT_BLOCKED


@given(orders())
def test_the_parts_of_an_order_never_disagree(order: Order) -> None:
    verdicts = eligibility(order)

    assert {item: verdict.quantity for item, verdict in verdicts.items.items()} == {
        item.position: sum(v.quantity for (_, of), v in verdicts.package_items.items() if of == item.position)
        for item in order.items
    }
    everything = [verdicts.order]
    everything += [*verdicts.items.values(), *verdicts.packages.values(), *verdicts.package_items.values()]
    assert all(verdict.is_cancellable is (verdict.quantity > 0) for verdict in everything)
    assert verdicts.items_cancellable is any(verdict.quantity for verdict in verdicts.items.values())
