"""The facts of a cancellation's e-mail."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.mail import content
from domain.mail.content import CancellationMail, CancelledItem
from domain.rules.order import Buyer, Cancellation, Fee, Notification, Order, Pick, Shop
from domain.rules.refunds import refund_breakdown
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    FeeKind,
    NotificationStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)
from tests.mail.samples import CANCELLED_AT, MAILS, a_mail, a_mail_item
from tests.support.builders import BUYER, ORDER_ID, a_package, after, an_item, an_order

SHOP = Shop("sage", "Sage & Linen", ShippingRefundPolicy.ON_FULL_CANCELLATION, b"key")
CANCELLATION_ID = UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6c")


def the_mail(
    order: Order,
    *picks: Pick,
    scope: CancellationScope = CancellationScope.ITEMS,
    package: int | None = None,
) -> CancellationMail:
    """The mail for cancelling these units of the order."""
    cancellation = a_cancellation(order, *picks, scope=scope, package=package)
    return content.cancellation_mail(SHOP, after(order, *picks), cancellation)


def a_cancellation(
    order: Order,
    *picks: Pick,
    scope: CancellationScope = CancellationScope.ITEMS,
    package: int | None = None,
    refund_status: RefundStatus = RefundStatus.PENDING,
) -> Cancellation:
    return Cancellation(
        id=CANCELLATION_ID,
        order_id=order.id,
        scope=scope,
        reason=CancellationReason.OUT_OF_STOCK,
        note="Between us: the whole batch was lost.",
        package=package,
        breakdown=refund_breakdown(order, picks),
        refund_status=refund_status,
        notification=Notification(NotificationStatus.QUEUED),
        actor="seller",
        idempotency_key="key-1",
        created_at=CANCELLED_AT,
    )


def the_mail_about_what_is_taken_off(order: Order, *picks: Pick) -> CancellationMail:
    """The mail for cancelling these units of an order that is not paid."""
    cancellation = a_cancellation(order, *picks, refund_status=RefundStatus.NOT_NEEDED)
    taken_off = order.taken_off + cancellation.breakdown.total
    return content.cancellation_mail(SHOP, replace(after(order, *picks), refunded=0, taken_off=taken_off), cancellation)


def test_it_says_what_was_cancelled_and_what_that_gives_back() -> None:
    dress = an_item(
        1,
        quantity=3,
        subtotal=3000,
        seller_discount=300,
        platform_discount=150,
        tax=210,
        product_name="Linen Wrap Dress",
        variant_name="Sage, M",
        image_url="https://img.example/dress.jpg",
    )
    order = an_order(dress, shipping_fee=599)

    mail = the_mail(order, Pick(item=1, package=1, quantity=2))

    units = a_mail_item("Linen Wrap Dress", "Sage, M", image_url="https://img.example/dress.jpg", quantity=2)
    assert mail.cancelled == (CancelledItem(units, 2000, 200, 100, 140, 1840),)
    assert mail.refund_total == 1840
    assert mail.shipping_fee == 0
    assert mail.remaining == (replace(units, quantity=1),)
    assert not mail.is_whole_order


def test_units_of_an_item_from_several_packages_are_one_entry() -> None:
    packages = (a_package(1, units={1: 2}), a_package(2, units={1: 1}))
    order = an_order(an_item(quantity=3, subtotal=1000), packages=packages)

    mail = the_mail(order, Pick(1, 1, 1), Pick(1, 2, 1))

    assert [(line.item.quantity, line.subtotal) for line in mail.cancelled] == [(2, 667)]


def test_what_is_on_its_way_is_still_to_come_and_what_was_delivered_is_not() -> None:
    packages = (
        a_package(1, PackageStatus.AWAITING_SHIPMENT, units={1: 2}),
        a_package(2, PackageStatus.AWAITING_COLLECTION, units={1: 1}),
        a_package(3, PackageStatus.IN_TRANSIT, units={1: 3}),
        a_package(4, PackageStatus.DELIVERED, units={1: 4, 2: 1}),
    )
    order = an_order(an_item(1, quantity=10), an_item(2, quantity=1), packages=packages)

    mail = the_mail(order, Pick(1, 1, 1))

    assert [(item.product_name, item.quantity) for item in mail.remaining] == [("Product 1", 5)]


def test_nothing_remains_and_shipping_comes_back_when_the_last_unit_goes() -> None:
    order = an_order(
        an_item(1, quantity=2, cancelled=1, subtotal=2000),
        shipping_fee=599,
        shipping_tax=49,
        fees=(Fee(FeeKind.HANDLING, 100),),
    )

    mail = the_mail(order, Pick(1, 1, 1))

    assert mail.is_whole_order
    assert mail.remaining == ()
    assert (mail.shipping_fee, mail.shipping_tax, mail.fees) == (599, 49, ((FeeKind.HANDLING, 100),))
    assert mail.refund_total == 1748


def test_a_cancelled_package_is_listed_by_its_items_and_the_others_still_come() -> None:
    packages = (a_package(1, units={1: 2, 2: 1}), a_package(2, PackageStatus.AWAITING_COLLECTION, units={1: 1, 3: 4}))
    order = an_order(an_item(1, quantity=3), an_item(2, quantity=1), an_item(3, quantity=4), packages=packages)

    mail = the_mail(order, Pick(1, 2, 1), Pick(3, 2, 4), scope=CancellationScope.PACKAGE, package=2)

    assert [(line.item.product_name, line.item.quantity) for line in mail.cancelled] == [
        ("Product 1", 1),
        ("Product 3", 4),
    ]
    assert [(item.product_name, item.quantity) for item in mail.remaining] == [("Product 1", 2), ("Product 2", 1)]
    assert not mail.is_whole_order


def test_the_last_package_with_live_units_is_the_end_of_the_order() -> None:
    packages = (a_package(1, PackageStatus.CANCELLED, units={1: 2}), a_package(2, units={2: 1}))
    order = an_order(an_item(1, quantity=2), an_item(2, quantity=1), packages=packages, shipping_fee=599)

    mail = the_mail(order, Pick(2, 2, 1), scope=CancellationScope.PACKAGE, package=2)

    assert [line.item.product_name for line in mail.cancelled] == ["Product 2"]
    assert (mail.is_whole_order, mail.remaining, mail.shipping_fee) == (True, (), 599)


def test_a_cancelled_order_lists_everything_that_was_still_live() -> None:
    packages = (a_package(1, units={1: 2}, cancelled={1: 1}), a_package(2, units={1: 1, 2: 5}))
    order = an_order(an_item(1, quantity=3, cancelled=1), an_item(2, quantity=5), packages=packages)

    mail = the_mail(order, Pick(1, 1, 1), Pick(1, 2, 1), Pick(2, 2, 5), scope=CancellationScope.ORDER)

    assert [(line.item.product_name, line.item.quantity) for line in mail.cancelled] == [
        ("Product 1", 2),
        ("Product 2", 5),
    ]
    assert (mail.is_whole_order, mail.remaining) == (True, ())


def test_a_proportional_share_of_shipping_and_fees_is_shown() -> None:
    order = an_order(
        an_item(quantity=4, subtotal=4000),
        policy=ShippingRefundPolicy.PROPORTIONAL,
        shipping_fee=1001,
        shipping_tax=80,
        fees=(Fee(FeeKind.HANDLING, 100),),
    )

    mail = the_mail(order, Pick(1, 1, 1))

    assert (mail.shipping_fee, mail.shipping_tax, mail.fees) == (250, 20, ((FeeKind.HANDLING, 25),))
    assert mail.refund_total == 1295
    assert not mail.is_whole_order


@pytest.mark.parametrize(
    ("quantity", "due"), [(1, 2599), (2, 1599), (3, 0)], ids=["one unit", "two units", "the whole order"]
)
def test_what_is_taken_off_an_order_collected_at_the_door_lowers_what_is_due_there(quantity: int, due: int) -> None:
    order = an_order(an_item(quantity=3, subtotal=3000), shipping_fee=599, is_paid=False, collect_on_delivery=True)

    mail = the_mail_about_what_is_taken_off(order, Pick(1, 1, quantity))

    assert (mail.is_taken_off, mail.due_at_door, mail.is_whole_order) == (True, due, quantity == 3)


def test_what_was_taken_off_before_is_not_due_either() -> None:
    item = an_item(quantity=3, cancelled=1, subtotal=3000)
    order = an_order(item, taken_off=1000, is_paid=False, collect_on_delivery=True)

    mail = the_mail_about_what_is_taken_off(order, Pick(1, 1, 1))

    assert (mail.refund_total, mail.due_at_door) == (1000, 1000)


def test_the_smallest_amount_is_taken_off_too() -> None:
    order = an_order(an_item(quantity=3, subtotal=3), is_paid=False, collect_on_delivery=True)

    mail = the_mail_about_what_is_taken_off(order, Pick(1, 1, 1))

    assert (mail.is_taken_off, mail.refund_total, mail.due_at_door) == (True, 1, 2)


def test_free_units_take_nothing_off() -> None:
    items = (an_item(1, subtotal=1000), an_item(2, subtotal=0))
    order = an_order(*items, is_paid=False, collect_on_delivery=True)

    mail = the_mail_about_what_is_taken_off(order, Pick(2, 1, 1))

    assert (mail.is_taken_off, mail.refund_total, mail.due_at_door) == (False, 0, 1000)


@pytest.mark.parametrize(
    ("is_paid", "collect_on_delivery"),
    [(True, True), (True, False), (False, False)],
    ids=["paid at the door", "paid", "not paid yet"],
)
def test_nothing_is_said_of_the_door_where_nothing_is_collected_there(
    *, is_paid: bool, collect_on_delivery: bool
) -> None:
    order = an_order(an_item(quantity=2), is_paid=is_paid, collect_on_delivery=collect_on_delivery)

    mail = the_mail(order, Pick(1, 1, 1))

    assert (mail.is_taken_off, mail.due_at_door) == (False, None)


def test_a_stored_mail_is_readdressed_to_the_contact_of_now() -> None:
    mail = a_mail(buyer=Buyer("A*** B***", "v***@relay.example", "en_US"), is_taken_off=True, due_at_door=1200)
    buyer = Buyer("Greta Müller", "greta@example.com", "de_DE")

    again = content.readdressed(content.to_json(mail), buyer)

    assert again == content.to_json(replace(mail, buyer=buyer))
    assert again["buyer"] == {"name": "Greta Müller", "email": "greta@example.com", "locale": "de_DE"}


@pytest.mark.parametrize("payload", [None, [1], {}, {"buyer": 5}], ids=["null", "list", "empty", "nonsense"])
def test_what_cannot_be_read_is_not_readdressed(payload: object) -> None:
    assert content.readdressed(payload, BUYER) == payload


def test_the_sellers_note_is_not_in_it() -> None:
    mail = the_mail(an_order(), Pick(1, 1, 1))

    assert "batch" not in str(content.to_json(mail))


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS)
def test_it_comes_back_from_json_as_it_was(mail: CancellationMail) -> None:
    assert content.from_json(content.to_json(mail)) == mail


def test_it_names_the_order_the_cancellation_and_the_buyer() -> None:
    order = an_order(prices_include_tax=True, currency="EUR")

    mail = the_mail(order, Pick(1, 1, 1))

    assert (mail.order_id, mail.order_number, mail.buyer) == (ORDER_ID, "1001", BUYER)
    assert (mail.cancellation_id, mail.created_at) == (CANCELLATION_ID, CANCELLED_AT)
    assert (mail.shop_name, mail.currency, mail.prices_include_tax) == ("Sage & Linen", "EUR", True)


def test_enums_are_stored_by_name() -> None:
    stored = content.to_json(a_mail(fees=((FeeKind.HANDLING, 61),)))

    assert stored["reason"] == "OUT_OF_STOCK"
    assert stored["fees"] == [["HANDLING", 61]]


@pytest.mark.parametrize(
    "payload",
    [None, [], {}, {**content.to_json(a_mail()), "reason": "RAIN"}, {**content.to_json(a_mail()), "cancelled": 5}],
    ids=["null", "list", "empty", "unknown reason", "no items"],
)
def test_anything_but_a_stored_mail_is_refused(payload: object) -> None:
    with pytest.raises(ValueError, match="CancellationMail"):
        content.from_json(payload)
