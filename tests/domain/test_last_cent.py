"""Orders cancelled unit by unit through the use case are refunded to the last cent."""

from random import Random

import pytest

from domain.rules.vocabulary import OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage.engine.database import Database
from tests.support.cancelling import a_request, cancel_well, units
from tests.support.closing import SAMPLES, next_selection, specified_refund
from tests.support.invariants import assert_sound
from tests.support.reading import sound_orders
from tests.support.stored import a_shop, an_item_input, an_order_input, store, stored


@pytest.mark.parametrize("policy", ShippingRefundPolicy, ids=lambda policy: policy.name)
async def test_sample_orders_under_way_are_cancelled_as_far_as_the_rules_allow(
    database: Database, policy: ShippingRefundPolicy
) -> None:
    shop, chance = await a_shop(database, policy=policy), Random(3)  # noqa: S311 - an order of events, no secret
    samples = [each.order for each in sound_orders(SAMPLES)]
    moved = [each for each in samples if {p.status for p in each.packages or ()} - {PackageStatus.AWAITING_SHIPMENT}]
    starts = await store(database, shop, *moved)

    refunds = {start.number: start.refunded for start in starts}
    for order in starts:
        while selection := next_selection(await stored(database, shop, order.number), chance, most=1):
            made = await cancel_well(database, shop, a_request(selection, f"key-{chance.random()}"))
            refunds[order.number] += made.breakdown.total

    ends = [await stored(database, shop, each.number) for each in starts]
    assert len(ends) == 22
    assert {end.number: end.refunded for end in ends} == refunds
    assert {end.number: specified_refund(end, policy) for end in ends} == refunds
    assert sum(end.status is OrderStatus.CANCELLED for end in ends) == 10
    await assert_sound(database)


@pytest.mark.parametrize(
    ("quantity", "amounts", "batches", "refunds", "seller_discounts"),
    [
        (3, ("10.00", "0", "0"), [1, 1, 1], [333, 334, 333], [0, 0, 0]),
        (2, ("1.67", "0", "0"), [1, 1], [84, 83], [0, 0]),
        (4, ("30.98", "0", "0"), [1, 1, 1, 1], [775, 774, 775, 774], [0, 0, 0, 0]),
        (4, ("30.98", "0", "0"), [2, 2], [1549, 1549], [0, 0]),
        (4, ("30.98", "0", "0"), [3, 1], [2324, 774], [0, 0]),
        (4, ("30.98", "0", "0"), [1, 3], [775, 2323], [0, 0]),
        (3, ("0", "0", "0"), [1, 1, 1], [0, 0, 0], [0, 0, 0]),
        (2, ("39.98", "19.99", "0"), [1, 1], [1000, 999], [999, 1000]),
        (10, ("239.00", "59.75", "0"), [1] * 10, [1793, 1792] * 5, [597, 598] * 5),
        (2, ("30.00", "15.01", "14.99"), [1, 1], [0, 0], [750, 751]),
    ],
    ids=lambda value: " less ".join(value) if isinstance(value, tuple) else None,
)
async def test_each_cancellation_in_turn_refunds_the_specified_amount(
    database: Database,
    quantity: int,
    amounts: tuple[str, str, str],
    batches: list[int],
    refunds: list[int],
    seller_discounts: list[int],
) -> None:
    shop = await a_shop(database, policy=ShippingRefundPolicy.NEVER)
    subtotal, seller, platform = amounts
    item = an_item_input(
        "dress", quantity=quantity, subtotal=subtotal, seller_discount=seller, platform_discount=platform
    )
    [order] = await store(database, shop, an_order_input("1001", item))

    made = [
        await cancel_well(database, shop, a_request(units(order, ("SKU-dress", batch)), f"key-{number}"))
        for number, batch in enumerate(batches)
    ]

    assert [each.breakdown.total for each in made] == refunds
    assert [each.breakdown.seller_discount for each in made] == seller_discounts
    assert (await stored(database, shop, "1001")).refunded == order.total
    await assert_sound(database)
