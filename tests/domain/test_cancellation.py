"""A cancellation from the call to the stored data: units, status, money, log, e-mail and key."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from api.demo import sample_shop
from domain import cancellation
from domain.mail import content
from domain.rules import ids
from domain.rules.order import (
    Cancellation,
    Fee,
    ItemEntry,
    ItemsSelection,
    Notification,
    Order,
    RefundBreakdown,
    RefundLine,
    Selection,
    Shop,
)
from domain.rules.order_input import BuyerInput, FeeInput, OrderInput
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    EventType,
    FeeKind,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)
from domain.storage import outbox, tables
from domain.storage.engine.database import Database
from domain.storage.outbox import MAIL_TOPIC
from tests.support.cancelling import (
    LATER,
    a_request,
    a_small_order,
    a_split_order,
    cancel,
    cancel_well,
    codes,
    everything,
    happened,
    item_id,
    package,
    package_id,
    read_again,
    rows,
    units,
)
from tests.support.invariants import assert_sound, dump
from tests.support.reading import sound_orders
from tests.support.stored import NOW, a_package_input, a_shop, an_item_input, an_order_input, store, stored

SAMPLES = Path(sample_shop.__file__).parent / "samples" / "orders-tiktok.json"


async def test_cancelling_units_stores_everything_that_belongs_to_it(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    selection = units(order, ("SKU-scarf", 1), ("SKU-dress", 2, "B"))

    made = await cancel_well(database, shop, a_request(selection, "key-1", note="Shelf is empty."))

    item, units_of, status = tables.order_items.c, tables.package_items.c, tables.packages.c
    assert await rows(database, item.position, item.quantity, by=[item.position]) == [(1, 3), (2, 2)]
    assert await rows(
        database, units_of.item, units_of.package, units_of.cancelled_quantity, by=[units_of.item, units_of.package]
    ) == [(1, 1, 2), (1, 2, 0), (2, 1, 1), (2, 2, 0)]
    assert await rows(database, status.number, status.status, by=[status.number]) == [
        ("A", PackageStatus.AWAITING_COLLECTION),
        ("B", PackageStatus.CANCELLED),
    ]
    header = tables.orders.c
    assert await rows(
        database,
        header.status,
        header.version,
        header.event_sequence,
        header.refunded,
        header.total,
        header.updated_at,
        by=[header.id],
    ) == [(OrderStatus.AWAITING_COLLECTION, 2, 4, 1417, 3099, LATER)]
    key = tables.idempotency_keys.c
    assert await rows(database, key.shop_id, key.key, key.cancellation_id, key.created_at, by=[key.key]) == [
        ("demo", "key-1", made.id, LATER)
    ]
    mail = tables.outbox.c
    assert await rows(
        database, mail.topic, mail.id, mail.state, mail.attempts, mail.visible_at, mail.lease, by=[mail.id]
    ) == [(MAIL_TOPIC, made.id, NotificationStatus.QUEUED, 0, LATER, None)]
    event = tables.order_events.c
    assert await rows(
        database,
        event.number,
        event.sequence,
        event.type,
        event.package,
        event.cancellation_id,
        event.before,
        event.after,
        event.actor,
        event.occurred_at,
        by=[event.number],
    ) == [
        (1, 1, EventType.ORDER_IMPORTED, None, None, None, None, "import", NOW),
        (2, 2, EventType.ITEMS_CANCELLED, None, made.id, None, None, "seller@desk-1", LATER),
        (3, 3, EventType.PACKAGE_STATUS_CHANGED, 1, None, "AWAITING_SHIPMENT", "CANCELLED", "seller@desk-1", LATER),
        (
            4,
            4,
            EventType.ORDER_STATUS_CHANGED,
            None,
            None,
            "PARTIALLY_SHIPPING",
            "AWAITING_COLLECTION",
            "seller@desk-1",
            LATER,
        ),
    ]


async def test_a_cancellation_is_read_back_as_it_was_answered(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    selection = units(order, ("SKU-scarf", 1), ("SKU-dress", 2))

    made = await cancel_well(database, shop, a_request(selection, "key-1", note="Shelf is empty."))

    assert made == Cancellation(
        id=made.id,
        order_id=order.id,
        scope=CancellationScope.ITEMS,
        reason=CancellationReason.OUT_OF_STOCK,
        note="Shelf is empty.",
        package=None,
        breakdown=RefundBreakdown(
            items_subtotal=1667,
            seller_discount=250,
            platform_discount=0,
            item_tax=0,
            shipping_fee=0,
            shipping_tax=0,
            fees=(),
            total=1417,
            lines=(
                RefundLine(1, 1, 2, subtotal=667, seller_discount=0, platform_discount=0, tax=0, total=667),
                RefundLine(2, 1, 1, subtotal=1000, seller_discount=250, platform_discount=0, tax=0, total=750),
            ),
        ),
        refund_status=RefundStatus.PENDING,
        notification=Notification(NotificationStatus.QUEUED),
        actor="seller@desk-1",
        idempotency_key="key-1",
        created_at=LATER,
    )
    assert await read_again(database, shop, made) == made


async def test_a_package_that_awaits_collection_is_cancelled_whole(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)

    made = await cancel_well(
        database, shop, a_request(package(order, "A"), reason=CancellationReason.UNDELIVERABLE_ADDRESS)
    )

    after = await stored(database, shop, "1001")
    assert (made.scope, made.package, made.breakdown.total) == (CancellationScope.PACKAGE, 2, 333 + 750)
    assert [(each.number, each.status) for each in after.packages] == [
        ("A", PackageStatus.CANCELLED),
        ("B", PackageStatus.AWAITING_SHIPMENT),
    ]
    assert (after.status, after.version, after.refunded) == (OrderStatus.AWAITING_SHIPMENT, 2, 1083)
    assert await read_again(database, shop, made) == made
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_COLLECTION CANCELLED",
        "ORDER_STATUS_CHANGED PARTIALLY_SHIPPING AWAITING_SHIPMENT",
    ]


async def test_cancelling_a_whole_order_lists_packages_by_number(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)

    made = await cancel_well(database, shop, a_request(everything(order), reason=CancellationReason.BUYER_REQUESTED))

    after = await stored(database, shop, "1001")
    assert (made.scope, made.package) == (CancellationScope.ORDER, None)
    assert [(line.item, line.package, line.quantity) for line in made.breakdown.lines] == [
        (1, 2, 1),
        (1, 1, 2),
        (2, 2, 1),
        (2, 1, 1),
    ]
    assert [line.total for line in made.breakdown.lines] == [333, 667, 750, 749]
    assert (made.breakdown.shipping_fee, made.breakdown.fees) == (499, (Fee(FeeKind.SMALL_ORDER, 101),))
    assert made.breakdown.total == after.refunded == after.total == 3099
    assert (after.status, after.version) == (OrderStatus.CANCELLED, 2)
    assert await read_again(database, shop, made) == made
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 2 AWAITING_COLLECTION CANCELLED",
        "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT CANCELLED",
        "ORDER_STATUS_CHANGED PARTIALLY_SHIPPING CANCELLED",
    ]


async def test_units_that_remain_keep_the_status_of_package_and_order(database: Database, shop: Shop) -> None:
    order = await a_small_order(database, shop)

    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))

    after = await stored(database, shop, "2001")
    assert (after.status, after.version, after.event_sequence) == (OrderStatus.AWAITING_SHIPMENT, 2, 2)
    assert [each.status for each in after.packages] == [PackageStatus.AWAITING_SHIPMENT]
    assert await happened(database, order) == ["ORDER_IMPORTED", "ITEMS_CANCELLED"]


async def test_other_orders_and_shops_are_untouched(database: Database, shop: Shop) -> None:
    other_shop = await a_shop(database, "other")
    order, neighbour = await a_split_order(database, shop), await a_split_order(database, shop, "1002")
    foreign = await a_split_order(database, other_shop)

    await cancel_well(database, shop, a_request(everything(order)))

    assert await stored(database, shop, "1002") == replace(neighbour, feed_number=6)
    assert await stored(database, other_shop, "1001") == foreign


async def test_the_mail_lists_what_was_cancelled_and_what_remains(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)

    await cancel_well(database, shop, a_request(package(order, "B"), note="secret"))

    [(payload,)] = await rows(database, tables.outbox.c.payload, by=[tables.outbox.c.id])
    mail = content.from_json(payload)
    assert [(each.item.product_name, each.item.quantity) for each in mail.cancelled] == [
        ("The dress", 2),
        ("The scarf", 1),
    ]
    assert [(each.product_name, each.quantity) for each in mail.remaining] == [("The dress", 1), ("The scarf", 1)]
    assert (mail.refund_total, mail.is_whole_order, mail.created_at) == (1417, False, LATER)
    assert "secret" not in str(payload)


async def test_an_order_with_more_package_items_than_one_statement_takes_is_cancelled(
    database: Database, shop: Shop
) -> None:
    items = [an_item_input(f"i{number}", quantity=3, subtotal="0.10") for number in range(400)]
    held: dict[str, Any] = {item.ref: 1 for item in items}  # other names than the parameters have
    given = an_order_input("big", *items, packages=tuple(a_package_input(number, **held) for number in "CAB"))
    [order] = await store(database, shop, given)

    made = await cancel_well(database, shop, a_request(everything(order)))

    assert len(made.breakdown.lines) == 1200
    assert made.breakdown.total == 4000
    assert (await stored(database, shop, "big")).status is OrderStatus.CANCELLED


# Previews


SCOPES: dict[str, Callable[[Order], Selection]] = {
    "items": lambda order: units(order, ("SKU-dress", 1), ("SKU-scarf", 1)),
    "the last units of a package": lambda order: units(order, ("SKU-dress", 2), ("SKU-scarf", 1)),
    "package": lambda order: package(order, "A"),
    "order": everything,
}


@pytest.mark.parametrize("select", SCOPES.values(), ids=SCOPES)
async def test_a_preview_shows_exactly_what_the_cancellation_then_does(
    database: Database, shop: Shop, select: Callable[[Order], Selection]
) -> None:
    order = await a_split_order(database, shop)
    selection = select(order)

    preview = await cancellation.preview(database, shop, selection, CancellationReason.OUT_OF_STOCK)
    outcome = await cancel(database, shop, a_request(selection))

    assert preview.plan
    assert outcome.cancellation
    assert outcome.order
    assert preview.order == preview.plan.before == order
    assert preview.plan.breakdown == outcome.cancellation.breakdown
    sequence, number = outcome.order.event_sequence, outcome.order.feed_number
    assert replace(preview.plan.after, updated_at=LATER, event_sequence=sequence, feed_number=number) == outcome.order


@pytest.mark.parametrize("select", SCOPES.values(), ids=SCOPES)
async def test_the_order_in_the_answer_is_the_stored_order(
    database: Database, shop: Shop, select: Callable[[Order], Selection]
) -> None:
    order = await a_split_order(database, shop)

    outcome = await cancel(database, shop, a_request(select(order)))

    assert outcome.order == await stored(database, shop, "1001")


async def test_a_preview_writes_nothing(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    before = await dump(database)

    await cancellation.preview(database, shop, everything(order), CancellationReason.OTHER)

    assert await dump(database) == before


async def test_a_preview_refuses_what_the_cancellation_refuses(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    selection = units(order, ("SKU-dress", 3), ("SKU-scarf", 0))

    preview = await cancellation.preview(database, shop, selection, CancellationReason.OTHER)
    outcome = await cancel(database, shop, a_request(selection, reason=CancellationReason.OTHER))

    assert preview.order == outcome.order == order
    assert preview.plan is None
    assert preview.problems == outcome.problems
    assert codes(outcome) == ["REASON_NOT_ALLOWED", "QUANTITY_EXCEEDED", "INVALID_QUANTITY"]


# Money and mail


@pytest.mark.parametrize(
    ("policy", "refunds", "left"),
    [
        (ShippingRefundPolicy.ON_FULL_CANCELLATION, [356, 358, 991], 0),
        (ShippingRefundPolicy.PROPORTIONAL, [568, 569, 568], 0),
        (ShippingRefundPolicy.NEVER, [356, 358, 356], 635),
    ],
    ids=lambda value: value.name if isinstance(value, ShippingRefundPolicy) else "",
)
async def test_each_policy_refunds_shipping_and_fees_to_the_last_cent(
    database: Database, policy: ShippingRefundPolicy, refunds: list[int], left: int
) -> None:
    shop = await a_shop(database, "demo", policy)
    given = an_order_input(
        "1001",
        an_item_input("dress", quantity=3, subtotal="10.00", tax="0.70"),
        shipping_fee="4.99",
        shipping_tax="0.35",
        fees=(FeeInput(FeeKind.SMALL_ORDER, "1.01"),),
        prices_include_tax=False,
        total="17.05",
    )
    [order] = await store(database, shop, given)

    made = [
        await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1)), f"key-{number}"))
        for number in range(3)
    ]

    after = await stored(database, shop, "1001")
    assert [each.breakdown.total for each in made] == refunds
    assert after.total - after.refunded == left
    assert [await read_again(database, shop, each) for each in made] == made
    await assert_sound(database)


async def test_a_gift_needs_no_refund_but_still_gets_its_mail(database: Database, shop: Shop) -> None:
    gift = an_item_input("sample", quantity=1, subtotal="0.00", is_gift=True)
    [order] = await store(database, shop, an_order_input("1001", an_item_input(), gift))

    made = await cancel_well(database, shop, a_request(units(order, ("SKU-sample", 1))))

    assert (made.breakdown.total, made.refund_status) == (0, RefundStatus.NOT_NEEDED)
    assert made.notification == Notification(NotificationStatus.QUEUED)
    assert await read_again(database, shop, made) == made


@pytest.mark.parametrize(
    ("address", "error"),
    [
        *(
            (address, "The buyer has no usable e-mail address.")
            for address in ("", "nobody", "ada@", "ada@example", "ada@example.com, eve@example.com")
        ),
        ("v***@chat.seller-us.example", "The buyer's e-mail address is masked."),
        ("*da@example.com", "The buyer's e-mail address is masked."),
    ],
)
async def test_without_a_usable_address_the_mail_fails_at_once(
    database: Database, shop: Shop, address: str, error: str
) -> None:
    [order] = await store(database, shop, an_order_input("1001", buyer=BuyerInput("Ada Buyer", address)))

    made = await cancel_well(database, shop, a_request(everything(order)))

    assert made.notification == Notification(NotificationStatus.FAILED, attempts=0, sent_at=None, last_error=error)
    assert await read_again(database, shop, made) == made
    assert await outbox.claim(database, MAIL_TOPIC, limit=10, now=LATER) == []
    assert await happened(database, order) == [
        "ORDER_IMPORTED",
        "ITEMS_CANCELLED",
        "PACKAGE_STATUS_CHANGED 1 AWAITING_SHIPMENT CANCELLED",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT CANCELLED",
    ]


async def the_largest(database: Database, shop: Shop) -> Order:
    """An order with as many package items as are allowed."""
    packed = tuple(a_package_input(f"{number:04}", dress=1) for number in range(2_000))
    [order] = await store(database, shop, an_order_input("1001", an_item_input(quantity=2_000), packages=packed))
    return order


async def test_the_largest_order_is_cancelled_whole(database: Database, shop: Shop) -> None:
    order = await the_largest(database, shop)

    made = await cancel_well(database, shop, a_request(everything(order)))

    after = await stored(database, shop, "1001")
    assert len(made.breakdown.lines) == len(after.packages) == 2_000
    assert (after.status, after.refunded) == (OrderStatus.CANCELLED, order.total)
    await assert_sound(database)


async def test_statistics_of_grown_tables_are_updated_before_the_largest_order_is_cancelled(
    postgresql_url: str, as_owner: Callable[[str], str]
) -> None:
    """Catches a new database without statistics, on which PostgreSQL would read the order again for each row."""
    database = Database(as_owner(postgresql_url))
    shop = await a_shop(database)
    order = await the_largest(database, shop)

    await cancel_well(database, shop, a_request(everything(order)))

    known = sa.text("SELECT reltuples FROM pg_class WHERE oid = 'packages'::regclass")
    async with database.reading(shop.id) as connection:
        assert (await connection.execute(known)).scalar_one() == 2_000
    await database.close()


def unshipped(given: OrderInput) -> OrderInput:
    """The order before any of its packages moved."""
    packages = [
        replace(
            each,
            status=PackageStatus.AWAITING_SHIPMENT,
            items=tuple(replace(packed, cancelled_quantity=0) for packed in each.items),
        )
        for each in given.packages or ()
    ]
    return replace(given, status=OrderStatus.AWAITING_SHIPMENT, packages=tuple(packages))


async def test_sample_orders_cancelled_unit_by_unit_refund_their_total_to_the_cent(
    database: Database, shop: Shop
) -> None:
    orders = await store(database, shop, *(unshipped(each.order) for each in sound_orders(SAMPLES)))
    picks = [
        (order, item.sku, package_.number)
        for order in orders
        for package_, packed in order.package_items()
        for item in order.items
        for _ in range(packed.quantity)
        if item.position == packed.item
    ]
    Random(1152).shuffle(picks)  # noqa: S311 - an order of events, no secret

    refunds = {order.number: 0 for order in orders}
    for number, (order, sku, place) in enumerate(picks):
        entry = ItemEntry(item_id(order, sku), 1, package_id(order, place))
        selection = ItemsSelection(ids.of_order(order.id), (entry,))
        made = await cancel_well(database, shop, a_request(selection, f"key-{number}"))
        refunds[order.number] += made.breakdown.total

    after = [await stored(database, shop, order.number) for order in orders]
    assert len(orders) == 60
    assert {order.status for order in after} == {OrderStatus.CANCELLED}
    assert refunds == {order.number: order.total for order in orders}
    assert [order.refunded for order in after] == [order.total for order in orders]
