"""TikTok Shop's orders are translated into our own."""

from datetime import UTC, datetime

import pytest

from domain.intake.check import normalise
from domain.rules.new_order import NewOrder, content_hash
from domain.rules.order import ImportNote
from domain.rules.order_input import (
    BuyerInput,
    FeeInput,
    Incoming,
    OrderInput,
    OrderItemInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.vocabulary import FeeKind, ImportNoteCode, OrderStatus, PackageStatus
from tests.support.in_id import in_id
from tests.support.marketplace import FREE, Json, a_line, a_marketplace_order, refusals, translated

PAYMENT = {
    "currency": "USD",
    "original_total_product_price": "30.00",
    "seller_discount": "3.00",
    "platform_discount": "1.50",
    "sub_total": "25.50",
    "shipping_fee": "5.00",
    "product_tax": "2.10",
    "shipping_fee_tax": "0.35",
    "tax": "2.45",
    "handling_fee": "1.00",
    "total_amount": "33.95",
}
UNIT = a_line(
    original_price="10.00",
    seller_discount="1.00",
    platform_discount="0.50",
    item_tax=[{"tax_amount": "0.70", "tax_type": "SALES_TAX"}],
    package_id="A",
    package_status="TO_FULFILL",
)
TO_ADA = {"buyer_email": "ada@example.com", "recipient_address": {"name": "Ada Buyer", "region_code": "US"}}
ORDER = a_marketplace_order(UNIT, UNIT, UNIT, payment=PAYMENT, **TO_ADA)


def stored(order: Json) -> NewOrder:
    new = normalise(translated(order))
    assert isinstance(new, NewOrder), new
    return new


def test_an_order_is_translated_whole() -> None:
    times = {"paid_time": 1_772_357_460, "rts_sla_time": 1_772_530_200, "update_time": 1_772_361_000}
    texts = {"sku_name": "Sage, M", "sku_image": "https://example.com/1.jpg", "is_gift": False}
    moving = UNIT | {"package_id": "B", "package_status": "FULFILLING", "sku_name": "Sage, L"}

    order = translated(ORDER | times | {"line_items": [UNIT | texts, moving, UNIT], "is_cod": False})

    assert order == Incoming(
        OrderInput(
            number="5764",
            status=OrderStatus.AWAITING_SHIPMENT,
            currency="USD",
            prices_include_tax=False,
            placed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
            paid_at=datetime(2026, 3, 1, 9, 31, tzinfo=UTC),
            ship_by=datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
            source_updated_at=datetime(2026, 3, 1, 10, 30, tzinfo=UTC),
            collect_on_delivery=False,
            buyer=BuyerInput("Ada Buyer", "ada@example.com", "en_US"),
            items=(
                OrderItemInput(
                    ref="1",
                    sku="S-1",
                    product_id="P-1",
                    product_name="Linen Dress",
                    variant_name="Sage, M",
                    image_url="https://example.com/1.jpg",
                    is_gift=False,
                    quantity=3,
                    subtotal="30.00",
                    seller_discount="3.00",
                    platform_discount="1.50",
                    tax="2.10",
                ),
            ),
            packages=(
                PackageInput("A", PackageStatus.AWAITING_SHIPMENT, (PackageItemInput("1", 2),)),
                PackageInput("B", PackageStatus.IN_TRANSIT, (PackageItemInput("1", 1),)),
            ),
            shipping_fee="5.00",
            shipping_tax="0.35",
            fees=(FeeInput(FeeKind.HANDLING, "1.00"),),
            total="33.95",
        )
    )


def test_both_formats_of_an_order_are_the_same_order() -> None:
    ours = OrderInput(
        number="5764",
        status=OrderStatus.AWAITING_SHIPMENT,
        currency="USD",
        prices_include_tax=False,
        placed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        buyer=BuyerInput("Ada Buyer", "ada@example.com"),
        items=(
            OrderItemInput(
                ref="dress",
                sku="S-1",
                product_id="P-1",
                product_name="Linen Dress",
                quantity=3,
                subtotal="30",
                seller_discount="3",
                platform_discount="1.5",
                tax="2.1",
            ),
        ),
        packages=(PackageInput("A", PackageStatus.AWAITING_SHIPMENT, (PackageItemInput("dress", 3),)),),
        fees=(FeeInput(FeeKind.HANDLING, "1"),),
        shipping_fee="5",
        shipping_tax="0.35",
        total="33.95",
    )

    known = normalise(Incoming(ours))

    assert isinstance(known, NewOrder)
    assert content_hash(stored(ORDER)) == content_hash(known)


def without_quotes(order: Json) -> Json:
    """The same order, with numbers for what is written as texts."""
    numbers = {name: float(text) for name, text in PAYMENT.items() if name != "currency"}
    line = UNIT | {
        "original_price": 10,
        "seller_discount": 1.0,
        "item_tax": [{"tax_amount": 0.7, "tax_type": "SALES_TAX"}],
    }
    times = {"create_time": "1772357400", "paid_time": "0", "update_time": ""}
    return order | times | {"id": 5764, "payment": PAYMENT | numbers, "line_items": [line, line, UNIT]}


def test_numbers_may_stand_where_texts_do_and_the_other_way_round() -> None:
    assert translated(without_quotes(ORDER)) == translated(ORDER)


def test_an_amount_of_many_digits_is_exact() -> None:
    line = a_line(original_price="9999999999999.99")
    payment = FREE | {"sub_total": "9999999999999.99", "total_amount": 9999999999999.99}

    assert translated(a_marketplace_order(line, payment=payment)).order.total == "9999999999999.99"


@pytest.mark.parametrize("missing", ["", None, " "])
def test_what_is_empty_is_missing(missing: str | None) -> None:
    members = (
        "paid_time",
        "rts_sla_time",
        "update_time",
        "buyer_email",
        "cancel_reason",
        "cancellation_initiator",
    )
    of_line = (
        "sku_name",
        "sku_image",
        "seller_discount",
        "platform_discount",
        "pfand_fee",
        "display_status",
        "package_id",
        "package_status",
        "shipping_provider_name",
        "tracking_number",
    )
    payment = FREE | dict.fromkeys(("tax", "shipping_fee", "seller_discount", "handling_fee"), missing)
    address = {"name": missing, "region_code": missing}
    line = a_line(**dict.fromkeys(of_line, missing))

    given = translated(
        a_marketplace_order(line, payment=payment, recipient_address=address, **dict.fromkeys(members, missing))
    )

    assert given.order == translated(a_marketplace_order()).order


@pytest.mark.parametrize("missing", ["", None])
def test_objects_lists_and_truth_may_be_missing(missing: str | None) -> None:
    order = a_marketplace_order(a_line(is_gift=missing, item_tax=missing), is_cod=missing, recipient_address=missing)

    assert translated(order) == translated(a_marketplace_order())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_772_357_400, datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("1772357400", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        (" 1772357400 ", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        (1772357400.0, datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        (1_772_357_400_123, datetime(2026, 3, 1, 9, 30, 0, 123_000, tzinfo=UTC)),
        ("1772357400123", datetime(2026, 3, 1, 9, 30, 0, 123_000, tzinfo=UTC)),
        (1, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (10**11 - 1, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (10**11, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (253_402_300_799_999, datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ],
)
def test_times_are_seconds_or_milliseconds(given: float | str, expected: datetime) -> None:
    order = a_marketplace_order(create_time=given, paid_time=given, rts_sla_time=given, update_time=given)

    ours = translated(order).order

    assert ours.placed_at == expected
    assert [ours.paid_at, ours.ship_by, ours.source_updated_at] == [expected] * 3


@pytest.mark.parametrize("given", [0, "0", "000", 0.0])
def test_a_time_of_0_is_not_set(given: float | str) -> None:
    ours = translated(a_marketplace_order(paid_time=given, rts_sla_time=given, update_time=given)).order

    assert [ours.paid_at, ours.ship_by, ours.source_updated_at] == [None] * 3


TIMES = ("create_time", "paid_time", "rts_sla_time", "update_time")


@pytest.mark.parametrize(
    "given",
    [-1, 1.5, 253_402_300_800_000, 10**15, 10**30, "1" * 1_000_000, "yesterday", "2026-03-01T09:30:00Z", "1e9", "٣"],
    ids=in_id,
)
def test_what_is_no_time_is_refused(given: float | str) -> None:
    order = a_marketplace_order(**dict.fromkeys(TIMES, given))

    what = "must be a time in Unix seconds or milliseconds."
    assert refusals(order) == [("INVALID_VALUE", f"{name} {what}") for name in TIMES]


@pytest.mark.parametrize(
    ("is_cod", "expected"), [(True, True), ("true", True), (1, True), (False, False), ("false", False), (None, None)]
)
def test_an_order_may_be_collected_at_the_door(is_cod: object, expected: bool | None) -> None:  # noqa: FBT001 - a case
    assert translated(a_marketplace_order(is_cod=is_cod)).order.collect_on_delivery is expected


@pytest.mark.parametrize(
    ("region", "locale"),
    [
        ("US", "en_US"),
        ("GB", "en_GB"),
        ("DE", "de_DE"),
        ("AT", "de_DE"),
        ("ES", "es_ES"),
        ("MX", "es_ES"),
        ("FR", "fr_FR"),
        ("JP", "ja_JP"),
        ("ID", "id_ID"),
        ("VN", None),
        (" DE ", "de_DE"),
        (None, None),
    ],
)
def test_the_region_decides_the_language(region: str | None, locale: str | None) -> None:
    order = a_marketplace_order(recipient_address={"region_code": region})

    assert translated(order).order.buyer == BuyerInput("", "", locale)


def test_an_order_may_come_without_its_buyer() -> None:
    assert translated(a_marketplace_order()).order.buyer == BuyerInput("", "", None)


@pytest.mark.parametrize("email", ["hana..123.@docomo.example", "v***@chat.seller-us.example", "no address"])
def test_an_email_is_passed_on_trimmed(email: str) -> None:
    incoming = translated(a_marketplace_order(buyer_email=f" {email}\n"))

    assert incoming.order.buyer.email == email
    assert incoming.notes == (ImportNote(ImportNoteCode.TEXT_TIDIED, "buyer_email has had white space removed."),)


def test_texts_are_tidied_and_noted() -> None:
    untidy = {
        "sku_id": " S-1 ",
        "product_id": " P-1",
        "product_name": "Linen shirt\n2 pack\twhite",
        "sku_name": " Sand,  M",
        "sku_image": " https://example.com/1.jpg",
    }
    order = a_marketplace_order(
        a_line(**untidy), a_line(sku_id="S-1 "), id=" 5764\n", recipient_address={"name": "n" * 501}
    )

    incoming = translated(order)

    [item] = incoming.order.items
    assert (incoming.order.number, incoming.order.buyer.name) == ("5764", "n" * 499 + "…")
    assert (item.sku, item.product_id, item.quantity) == ("S-1", "P-1", 2)
    assert (item.product_name, item.variant_name) == ("Linen shirt 2 pack white", "Sand, M")
    assert item.image_url == "https://example.com/1.jpg"
    assert [(note.code, note.message) for note in incoming.notes] == [
        (ImportNoteCode.TEXT_TIDIED, "line_items.0.sku_id has had white space removed (6 more)."),
        (ImportNoteCode.TEXT_TIDIED, "recipient_address.name has been cut to 500 characters."),
    ]


def test_deposits_of_lines_are_told_by_item() -> None:
    bottle = a_line(original_price="10.00", pfand_fee="0.25")
    payment = FREE | {"sub_total": "30.00", "pfand_fee": "0.50", "total_amount": "30.50"}
    order = a_marketplace_order(a_line(sku_id="S-2", original_price="10.00"), bottle, bottle, payment=payment)

    assert translated(order).deposits == (("2", 50),)


@pytest.mark.parametrize("currency", ["JPY", " JPY "])
def test_amounts_have_the_digits_of_their_currency(currency: str) -> None:
    given = translated(a_marketplace_order(payment=FREE | {"currency": currency})).order

    assert (given.currency, given.items[0].subtotal, given.total) == ("JPY", "0", "0")


@pytest.mark.parametrize(
    ("said", "words", "status"),
    [
        ("COMPLETED", ["COMPLETED", "DELIVERED"], OrderStatus.COMPLETED),
        ("COMPLETED", ["COMPLETED", "CANCELLED"], OrderStatus.COMPLETED),
        ("COMPLETED", [None], OrderStatus.COMPLETED),
        ("COMPLETED", ["IN_TRANSIT"], OrderStatus.IN_TRANSIT),
        ("COMPLETED", ["DELIVERED", "IN_TRANSIT"], OrderStatus.IN_TRANSIT),
        ("COMPLETED", ["DELIVERED", "ON_HOLD"], OrderStatus.PARTIALLY_SHIPPING),
        ("COMPLETED", ["CANCELLED"], OrderStatus.CANCELLED),
        ("UNPAID", ["IN_TRANSIT"], OrderStatus.UNPAID),
        ("UNPAID", ["CANCELLED"], OrderStatus.CANCELLED),
        ("ON_HOLD", ["AWAITING_SHIPMENT", "CANCELLED"], OrderStatus.ON_HOLD),
        ("AWAITING_SHIPMENT", ["IN_TRANSIT"], OrderStatus.IN_TRANSIT),
        ("IN_TRANSIT", [None], OrderStatus.IN_TRANSIT),
        ("DELIVERED", ["AWAITING_COLLECTION"], OrderStatus.AWAITING_COLLECTION),
        ("PARTIALLY_SHIPPING", ["AWAITING_SHIPMENT", "IN_TRANSIT"], OrderStatus.PARTIALLY_SHIPPING),
        ("AWAITING_SHIPMENT", ["CANCELLED", "CANCELLED"], OrderStatus.CANCELLED),
        ("CANCELLED", ["IN_TRANSIT", None], OrderStatus.CANCELLED),
    ],
)
def test_the_status_is_the_orders_own_or_follows_from_its_units(
    said: str, words: list[str | None], status: OrderStatus
) -> None:
    lines = [a_line(display_status=word) for word in words]

    assert stored(a_marketplace_order(*lines, status=said)).status is status


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            a_marketplace_order(status="SHIPPED"),
            (
                "status must be one of UNPAID, ON_HOLD, AWAITING_SHIPMENT, PARTIALLY_SHIPPING, AWAITING_COLLECTION,"
                ' IN_TRANSIT, DELIVERED, COMPLETED, CANCELLED, not "SHIPPED".'
            ),
        ),
        (a_marketplace_order(status=""), "status is missing."),
        (a_marketplace_order(id=""), "id is missing."),
        (a_marketplace_order(id="1" * 101), "id must have at most 100 characters."),
        (a_marketplace_order(create_time=None), "create_time is missing."),
        (a_marketplace_order(create_time=0), "create_time is missing."),
        (a_marketplace_order(create_time=0.0), "create_time is missing."),
        (a_marketplace_order(a_line(sku_id=None)), "line_items.0.sku_id is missing."),
        (a_marketplace_order(a_line(product_id=" ")), "line_items.0.product_id is missing."),
        (a_marketplace_order(a_line(product_name="")), "line_items.0.product_name is missing."),
        (
            a_marketplace_order(a_line(product_id="1" * 501)),
            "line_items.0.product_id must have at most 500 characters.",
        ),
        (
            a_marketplace_order(a_line(product_name="a\0")),
            "line_items.0.product_name must not contain control characters or lone surrogates.",
        ),
        (
            a_marketplace_order(a_line(sku_name="a\0")),
            "line_items.0.sku_name must not contain control characters or lone surrogates.",
        ),
        (
            a_marketplace_order(a_line(), a_line(sku_id="S-2", sku_image="u" * 2_001)),
            "line_items.1.sku_image must have at most 2000 characters.",
        ),
        (
            a_marketplace_order(recipient_address={"name": "A\x85\x00B"}),
            "recipient_address.name must not contain control characters or lone surrogates.",
        ),
        (a_marketplace_order(buyer_email="e" * 501), "buyer_email must have at most 500 characters."),
        (
            a_marketplace_order(payment=FREE | {"currency": "usd"}),
            "payment.currency must be an ISO 4217 currency code in capitals.",
        ),
        (
            a_marketplace_order(payment={"total_amount": "0"}),
            "payment.currency must be an ISO 4217 currency code in capitals.",
        ),
        (
            a_marketplace_order(payment=FREE | {"tax": "much"}),
            'payment.tax must be a decimal number such as "12.50".',
        ),
    ],
    ids=lambda given: given[:40] if isinstance(given, str) else "",
)
def test_each_mistake_has_its_sentence_and_its_place(order: Json, message: str) -> None:
    assert refusals(order) == [("INVALID_VALUE", message)]


def test_amounts_that_do_not_add_up_are_refused() -> None:
    [(code, _)] = refusals(a_marketplace_order(payment=FREE | {"total_amount": "5"}))

    assert code == "AMOUNTS_DO_NOT_ADD_UP"


def test_every_problem_is_reported_at_once() -> None:
    order = a_marketplace_order(
        a_line(),
        a_line(seller_discount="?", package_id="A" * 101, package_status="?", product_name="\0"),
        status="?",
        create_time=10**30,
        payment=FREE | {"tax": "much", "total_amount": None},
    )

    assert [message.split()[0] for _, message in refusals(order)] == [
        "payment.tax",
        "payment.total_amount",
        "line_items.1.seller_discount",
        "status",
        "line_items.1.package_id",
        "line_items.1.package_status",
        "create_time",
        "line_items.1.product_name",
    ]


@pytest.mark.parametrize("missing", [[], None])
def test_an_order_without_units_is_refused(missing: object) -> None:
    assert refusals(a_marketplace_order() | {"line_items": missing}) == [
        ("EMPTY_SELECTION", "line_items must not be empty.")
    ]


def test_an_order_without_a_payment_is_refused() -> None:
    assert [code for code, _ in refusals(a_marketplace_order(payment=None))] == ["INVALID_VALUE", "INVALID_VALUE"]
