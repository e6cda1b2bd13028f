"""A refund's outcome is recorded once, without changing the order's version or time of update."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from domain import fulfillment
from domain.rules import ids
from domain.rules.order import Cancellation, Order, Shop
from domain.rules.outcomes import FulfillmentOutcome, Problem
from domain.rules.transitions import Settlement
from domain.rules.vocabulary import FulfillmentErrorCode, RefundStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import LATER, a_request, cancel_well, everything, happened, package_id, read_again, units
from tests.support.fulfilling import refused, settle
from tests.support.invariants import dump
from tests.support.stored import a_shop, an_item_input, an_order_input, store, stored
from tests.support.troubles import held_by_others

PENDING, SUCCEEDED, FAILED, NOT_NEEDED = RefundStatus
UNKNOWN = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b")


def names(value: object) -> str | None:
    return value.name if isinstance(value, RefundStatus) else None


async def a_cancellation(database: Database, shop: Shop, number: str = "1001") -> tuple[Order, Cancellation]:
    """An order with one unit cancelled."""
    [order] = await store(database, shop, an_order_input(number))
    made = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), f"key-{number}"))
    return await stored(database, shop, number), made


async def settled(
    database: Database, shop: Shop, *before: RefundStatus, reference: str | None = None
) -> tuple[Order, Cancellation]:
    """An order with one unit cancelled, whose refund went through these statuses."""
    _, made = await a_cancellation(database, shop)
    for status in before:
        await settle(database, shop, made, status, reference)
    again = await read_again(database, shop, made)
    assert again
    return await stored(database, shop, "1001"), again


@pytest.mark.parametrize(
    ("before", "to"),
    [([], SUCCEEDED), ([], FAILED), ([FAILED], SUCCEEDED)],
    ids=["pending, succeeded", "pending, failed", "failed, succeeded"],
)
async def test_a_refund_makes_each_allowed_transition(
    database: Database, shop: Shop, before: Sequence[RefundStatus], to: RefundStatus
) -> None:
    order, made = await settled(database, shop, *before)

    outcome = await settle(database, shop, made, to, "R-1")

    after = await stored(database, shop, "1001")
    changed = replace(made, refund_status=to, provider_reference="R-1")
    assert outcome == FulfillmentOutcome(after, cancellation=changed)
    assert after == replace(order, event_sequence=order.event_sequence + 1, feed_number=order.feed_number + 1)
    assert after.version == 2
    assert await read_again(database, shop, made) == changed
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        *[f"REFUND_STATUS_CHANGED PENDING {status.name}" for status in before],
        f"REFUND_STATUS_CHANGED {made.refund_status.name} {to.name}",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, "R-1"), ("R-2", "R-2"), ("", None), ("\u202e" + "x" * 499, "\u202e" + "x" * 499)],
    ids=["none", "another", "empty", "long"],
)
async def test_the_payment_systems_reference_is_stored(
    database: Database, shop: Shop, given: str | None, expected: str | None
) -> None:
    _, made = await settled(database, shop, FAILED, reference="R-1")

    outcome = await settle(database, shop, made, SUCCEEDED, given)

    assert outcome.cancellation == await read_again(database, shop, made)
    assert outcome.cancellation
    assert outcome.cancellation.provider_reference == expected


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED], ids=names)
async def test_setting_the_present_status_writes_nothing(database: Database, shop: Shop, status: RefundStatus) -> None:
    order, made = await settled(database, shop, status, reference="R-1")
    before = await dump(database)

    outcome = await settle(database, shop, made, status, "R-2")

    assert outcome == FulfillmentOutcome(order, cancellation=made)
    assert await dump(database) == before


@pytest.mark.parametrize(
    ("before", "to", "reference", "expected"),
    [
        pytest.param(
            [SUCCEEDED], FAILED, "R-2", [("TRANSITION_NOT_ALLOWED", ("status",))], id="transition not allowed"
        ),
        pytest.param([], PENDING, "R-2", [("INVALID_VALUE", ("status",))], id="not an outcome"),
        pytest.param([], NOT_NEEDED, None, [("INVALID_VALUE", ("status",))], id="no refund"),
        pytest.param([], SUCCEEDED, "\0", [("INVALID_VALUE", ("providerReference",))], id="invalid reference"),
    ],
)
async def test_a_refused_settlement_writes_nothing(
    database: Database,
    shop: Shop,
    before: Sequence[RefundStatus],
    to: RefundStatus,
    reference: str | None,
    expected: list[tuple[str, tuple[str, ...]]],
) -> None:
    order, made = await settled(database, shop, *before)
    dumped = await dump(database)

    outcome = await settle(database, shop, made, to, reference)

    assert (outcome.order, outcome.cancellation) == (order, made)
    assert refused(outcome) == expected
    assert await dump(database) == dumped


@pytest.mark.parametrize("to", [SUCCEEDED, FAILED], ids=names)
async def test_a_cancellation_without_a_refund_cannot_be_settled(
    database: Database, shop: Shop, to: RefundStatus
) -> None:
    [order] = await store(database, shop, an_order_input("1001", an_item_input(subtotal="0.00", is_gift=True)))
    made = await cancel_well(database, shop, a_request(everything(order)))
    before = await dump(database)

    outcome = await settle(database, shop, made, to)

    assert made.refund_status is NOT_NEEDED
    assert refused(outcome) == [("TRANSITION_NOT_ALLOWED", ("status",))]
    assert await dump(database) == before


async def test_only_the_given_cancellation_is_settled(database: Database, shop: Shop) -> None:
    order, first = await a_cancellation(database, shop)
    second = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "key-2"))
    _, elsewhere = await a_cancellation(database, shop, "1002")

    await settle(database, shop, second, SUCCEEDED, "R-1")

    assert await read_again(database, shop, first) == first
    assert await read_again(database, shop, elsewhere) == elsewhere
    assert await read_again(database, shop, second) == replace(
        second, refund_status=SUCCEEDED, provider_reference="R-1"
    )


async def test_unknown_and_foreign_cancellations_get_the_same_answer(database: Database, shop: Shop) -> None:
    _, foreign = await a_cancellation(database, await a_shop(database, "other"))
    order, made = await a_cancellation(database, shop)
    mine = ids.of_cancellation(made.id)
    strange = ["", "key-1001", "\0", "\ud800", mine.upper(), f"{mine} ", f"{mine}_1", made.id.hex]
    strange += [ids.of_cancellation(each) for each in (UNKNOWN, foreign.id, order.id)]
    strange += [ids.of_order(order.id), ids.of_order(made.id), package_id(order, "1001-1")]
    before = await dump(database)

    outcomes = [
        await fulfillment.settle_refund(database, shop, Settlement(each, SUCCEEDED), actor="payments", now=LATER)
        for each in strange
    ]

    message = "The shop has no cancellation with this id."
    problem = Problem(FulfillmentErrorCode.NOT_FOUND, message, ("cancellationId",))
    assert set(outcomes) == {FulfillmentOutcome(problems=(problem,))}
    assert await dump(database) == before


# The possible results of two concurrent settlements: the problems of each, and the log.
ONCE = ["ORDER_IMPORTED", "ITEMS_CANCELLED", "REFUND_STATUS_CHANGED PENDING SUCCEEDED"]
TWICE = [
    "ORDER_IMPORTED",
    "ITEMS_CANCELLED",
    "REFUND_STATUS_CHANGED PENDING FAILED",
    "REFUND_STATUS_CHANGED FAILED SUCCEEDED",
]
REFUSED = [("TRANSITION_NOT_ALLOWED", ("status",))]


@pytest.mark.parametrize(
    ("other", "allowed"),
    [(SUCCEEDED, [([], [], ONCE)]), (FAILED, [([], REFUSED, ONCE), ([], [], TWICE)])],
    ids=["the same", "the opposite"],
)
async def test_two_concurrent_settlements_take_effect_one_after_the_other(
    database: Database, shop: Shop, other: RefundStatus, allowed: list[object]
) -> None:
    rounds = [await a_cancellation(database, shop, f"{number}") for number in range(10)]
    begun = [settle(database, shop, made, SUCCEEDED, "R-1") for _, made in rounds[:5]]
    begun += [settle(database, shop, made, other, "R-2") for _, made in rounds]
    begun += [settle(database, shop, made, SUCCEEDED, "R-1") for _, made in rounds[5:]]

    outcomes = await asyncio.gather(*begun)

    successes, others = [*outcomes[:5], *outcomes[15:]], outcomes[5:15]
    stories = [
        (refused(success), refused(different), await happened(database, order))
        for success, different, (order, _) in zip(successes, others, rounds, strict=True)
    ]
    assert [story for story in stories if story not in allowed] == []
    after = [await read_again(database, shop, made) for _, made in rounds]
    assert {each.refund_status for each in after if each} == {SUCCEEDED}


async def test_a_refund_of_a_locked_order_can_be_settled_later(
    database: Database, shop: Shop, database_url: str
) -> None:
    _, made = await a_cancellation(database, shop)

    async with held_by_others(database, database_url):
        outcome = await settle(database, shop, made, SUCCEEDED)

    assert (outcome.order, outcome.cancellation, refused(outcome)) == (None, None, [("TRY_AGAIN", ())])
    assert (await settle(database, shop, made, SUCCEEDED)).problems == ()
