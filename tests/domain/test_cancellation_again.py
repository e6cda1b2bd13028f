"""A repeated call has one effect, and its key cannot be used for another request."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from domain import cancellation
from domain.cancellation import CancellationOutcome
from domain.mail.sending import Rejected, Sent
from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.order import ItemsSelection, Notification, Order, PackageSelection, Shop
from domain.rules.vocabulary import CancellationReason, NotificationStatus, OrderStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import (
    LATER,
    a_request,
    a_small_order,
    a_split_order,
    cancel,
    cancel_well,
    codes,
    everything,
    package,
    read_again,
    units,
)
from tests.support.invariants import dump
from tests.support.mailing import Script, run
from tests.support.stored import a_shop, stored


async def test_a_repeated_call_gives_the_same_answer_and_does_nothing(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    request = a_request(units(order, ("SKU-dress", 1)))
    first = await cancel(database, shop, request)
    before = await dump(database)

    again = await cancel(database, shop, request)

    assert (first.replayed, again.replayed) == (False, True)
    assert again == replace(first, replayed=True)
    assert await dump(database) == before


async def test_a_replay_shows_order_and_mail_as_they_are_now(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    request = a_request(units(order, ("SKU-dress", 1)))
    first = await cancel_well(database, shop, request)
    sent_at = LATER + timedelta(seconds=3)
    await run(database, Script(Sent()), now=sent_at)
    await cancel_well(database, shop, a_request(everything(order), "key-2"))

    again = await cancel(database, shop, request)

    assert again.replayed
    assert again.cancellation == replace(
        first, notification=Notification(NotificationStatus.SENT, attempts=1, sent_at=sent_at)
    )
    assert again.order == await stored(database, shop, "1001")
    assert again.order.status is OrderStatus.CANCELLED


async def test_a_mail_that_failed_has_no_time_of_sending(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    made = await cancel_well(database, shop, a_request(everything(order)))

    await run(database, Script(Rejected("550 No.")), now=LATER)

    again = await read_again(database, shop, made)
    assert again
    assert again.notification == Notification(NotificationStatus.FAILED, attempts=1, last_error="550 No.")


EQUAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "equal decimals": ({"expected_refund": Decimal(15)}, {"expected_refund": Decimal("15.00")}),
    "a note that is null or absent": ({"note": None}, {}),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
async def test_requests_are_compared_as_values(
    database: Database, shop: Shop, one: dict[str, Any], other: dict[str, Any]
) -> None:
    order = await a_small_order(database, shop, quantity=2, subtotal="30.00")
    selection = units(order, ("SKU-dress", 1))
    first = await cancel(database, shop, a_request(selection, **one))

    again = await cancel(database, shop, a_request(selection, **other))

    assert again == replace(first, replayed=True)


OTHERS: dict[str, Callable[[Order, CancellationRequest], CancellationRequest]] = {
    "another quantity": lambda order, first: replace(first, selection=units(order, ("SKU-dress", 2), ("SKU-scarf", 1))),
    "the entries in another order": lambda order, first: replace(
        first, selection=units(order, ("SKU-scarf", 1), ("SKU-dress", 1))
    ),
    "a package named": lambda order, first: replace(
        first, selection=units(order, ("SKU-dress", 1, "B"), ("SKU-scarf", 1))
    ),
    "another note": lambda _, first: replace(first, note="again"),
    "an empty note": lambda _, first: replace(first, note=""),
    "another reason": lambda _, first: replace(first, reason=CancellationReason.OTHER),
    "an expected version": lambda _, first: replace(first, expected_version=1),
    "an expected refund": lambda _, first: replace(first, expected_refund=Decimal(1)),
    "a package": lambda order, first: replace(first, selection=package(order, "B")),
    "the order": lambda order, first: replace(first, selection=everything(order)),
    "a request with many problems": lambda order, _: a_request(
        ItemsSelection(ids.of_order(order.id), ()), note="\0", reason=CancellationReason.OTHER
    ),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
async def test_another_request_under_a_used_key_is_refused_for_the_key_alone(
    database: Database, shop: Shop, change: Callable[[Order, CancellationRequest], CancellationRequest]
) -> None:
    order = await a_split_order(database, shop)
    first = a_request(units(order, ("SKU-dress", 1), ("SKU-scarf", 1)))
    await cancel_well(database, shop, first)
    before = await dump(database)

    outcome = await cancel(database, shop, change(order, first))

    assert [(problem.code.name, problem.path) for problem in outcome.problems] == [
        ("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))
    ]
    assert (outcome.order, outcome.cancellation) == (await stored(database, shop, "1001"), None)
    assert await dump(database) == before


async def test_equal_requests_for_a_package_and_for_its_order_are_two_requests(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    await cancel_well(database, shop, a_request(everything(order)))

    outcome = await cancel(database, shop, a_request(PackageSelection(ids.of_order(order.id))))

    assert codes(outcome) == ["IDEMPOTENCY_KEY_REUSED"]
    assert outcome.order is None


async def test_equal_requests_under_two_keys_are_two_cancellations(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)

    one = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "key-1"))
    two = await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), "key-2"))

    assert (one.breakdown.total, two.breakdown.total) == (333, 334)
    assert (await stored(database, shop, "2001")).refunded == 667


async def test_the_key_of_a_refused_call_is_free_for_any_request(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    refused = await cancel(database, shop, a_request(units(order, ("SKU-dress", 4))))

    outcome = await cancel(database, shop, a_request(units(order, ("SKU-dress", 3))))

    assert codes(refused) == ["QUANTITY_EXCEEDED"]
    assert (codes(outcome), outcome.replayed) == ([], False)


async def test_each_shop_has_its_own_keys(database: Database, shop: Shop) -> None:
    other_shop = await a_shop(database, "other")
    order, foreign = await a_small_order(database, shop), await a_small_order(database, other_shop)

    mine = await cancel(database, shop, a_request(everything(order)))
    theirs = await cancel(database, other_shop, a_request(everything(foreign)))

    assert [codes(mine), codes(theirs)] == [[], []]
    assert (mine.replayed, theirs.replayed) == (False, False)


async def test_invalid_keys_are_refused(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)
    keys = ["", " ", "a b", "a\tb", "key\n", "\x7f", "clé", "\0", "\ud800", "k" * 256]

    outcomes = [await cancel(database, shop, a_request(everything(order), key)) for key in keys]

    assert [codes(outcome) for outcome in outcomes] == [["INVALID_IDEMPOTENCY_KEY"]] * 10
    assert {outcome.problems[0].path for outcome in outcomes} == {("idempotencyKey",)}


@pytest.mark.parametrize("key", ["!", "~", "k" * 255, "".join(map(chr, range(0x21, 0x7F)))], ids=lambda key: key[:9])
async def test_a_key_may_have_any_visible_ascii_character(database: Database, shop: Shop, key: str) -> None:
    order = await a_small_order(database, shop)

    first = await cancel(database, shop, a_request(everything(order), key))
    again = await cancel(database, shop, a_request(everything(order), key))

    assert first.cancellation
    assert first.cancellation.idempotency_key == key
    assert again == replace(first, replayed=True)


async def test_a_call_that_finds_its_own_claim_is_no_replay(database: Database, shop: Shop) -> None:
    """As after a commit whose answer was lost: the same work is retried."""
    order = await a_small_order(database, shop)
    made_id = uuid7()

    async def call() -> CancellationOutcome:
        request = a_request(everything(order))
        return await cancellation.cancel(
            database, shop, request, cancellation_id=made_id, actor="seller@desk-1", now=LATER
        )

    first, second = await call(), await call()

    assert first == second
    assert not second.replayed
