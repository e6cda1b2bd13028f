"""TikTok Shop's orders are translated into our own."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.intake.check import normalise
from domain.intake.tiktok import ItemTax, LineItem, MarketplaceOrder, Payment, RecipientAddress, incoming
from domain.rules.new_order import NewOrder, content_hash
from domain.rules.order_input import (
    BuyerInput,
    FeeInput,
    Incoming,
    OrderInput,
    OrderItemInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.vocabulary import FeeKind, FulfillmentErrorCode, OrderStatus, PackageStatus

INVALID_VALUE = FulfillmentErrorCode.INVALID_VALUE
AMOUNTS_DO_NOT_ADD_UP = FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP

UNIT = LineItem(
    sku_id="S-1",
    product_id="P-1",
    product_name="Linen Dress",
    original_price="10.00",
    seller_discount="1.00",
    platform_discount="0.50",
    item_tax=(ItemTax("0.70", "SALES_TAX"),),
    package_id="A",
    package_status="TO_FULFILL",
)
PAYMENT = Payment(
    currency="USD",
    original_total_product_price="10.00",
    seller_discount="1.00",
    platform_discount="0.50",
    sub_total="8.50",
    shipping_fee="5.00",
    product_tax="0.70",
    shipping_fee_tax="0.35",
    tax="1.05",
    total_amount="14.55",
)
ORDER = MarketplaceOrder(
    id="5764",
    status="AWAITING_SHIPMENT",
    create_time=1_772_357_400,
    paid_time=0,
    payment=PAYMENT,
    line_items=(UNIT,),
    buyer_email="ada@example.com",
    recipient_address=RecipientAddress("Ada Buyer", "US"),
)


def paying(**changes: str | None) -> MarketplaceOrder:
    return replace(ORDER, payment=replace(PAYMENT, **changes))  # type: ignore[arg-type]  # any field of the payment


def of_units(*units: LineItem) -> MarketplaceOrder:
    """Free units, so that no sums need stating."""
    free = {"original_price": "0", "seller_discount": None, "platform_discount": None, "item_tax": None}
    lines = tuple(replace(unit, **free) for unit in units)  # type: ignore[arg-type]  # fields of a line
    payment = Payment("USD", original_total_product_price="0", sub_total="0", total_amount="0")
    return replace(ORDER, payment=payment, line_items=lines)


def translated(order: MarketplaceOrder) -> OrderInput:
    given = incoming(order)
    assert isinstance(given, Incoming)
    return given.order


def problems(order: MarketplaceOrder) -> list[tuple[FulfillmentErrorCode, str]]:
    found = incoming(order)
    assert isinstance(found, tuple)
    return [(problem.code, ".".join(problem.path)) for problem in found]


def test_units_of_one_kind_become_an_item() -> None:
    gift = replace(UNIT, original_price="0.00", is_gift=True, seller_discount=None, platform_discount=None, item_tax=())
    dearer = replace(UNIT, original_price="12.00", sku_name="M", sku_image="https://example.com/1.jpg")
    order = replace(
        ORDER,
        status="PARTIALLY_SHIPPING",
        paid_time=1_772_357_460,
        rts_sla_time=1_772_530_200,
        line_items=(
            UNIT,
            dearer,
            gift,
            replace(UNIT, original_price="10.0", item_tax=(ItemTax("0.71", "SALES_TAX"), ItemTax("0.01", "OTHER"))),
            replace(UNIT, package_id="B", package_status="FULFILLING"),
        ),
        payment=Payment(
            currency="USD",
            original_total_product_price="42.00",
            seller_discount="4.00",
            platform_discount="2.00",
            sub_total="36.00",
            shipping_fee="5.00",
            product_tax="2.82",
            shipping_fee_tax="0.35",
            tax="3.17",
            retail_delivery_fee="0.28",
            buyer_service_fee="0.00",
            small_order_fee="1.00",
            handling_fee="2.00",
            total_amount="47.45",
        ),
    )

    assert translated(order) == OrderInput(
        number="5764",
        status=OrderStatus.PARTIALLY_SHIPPING,
        currency="USD",
        prices_include_tax=False,
        placed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        paid_at=datetime(2026, 3, 1, 9, 31, tzinfo=UTC),
        ship_by=datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
        buyer=BuyerInput("Ada Buyer", "ada@example.com", "en_US"),
        items=(
            OrderItemInput(
                ref="1",
                sku="S-1",
                product_id="P-1",
                product_name="Linen Dress",
                quantity=3,
                subtotal="30.00",
                seller_discount="3.00",
                platform_discount="1.50",
                tax="2.12",
            ),
            OrderItemInput(
                ref="2",
                sku="S-1",
                product_id="P-1",
                product_name="Linen Dress",
                variant_name="M",
                image_url="https://example.com/1.jpg",
                quantity=1,
                subtotal="12.00",
                seller_discount="1.00",
                platform_discount="0.50",
                tax="0.70",
            ),
            OrderItemInput(
                ref="3",
                sku="S-1",
                product_id="P-1",
                product_name="Linen Dress",
                is_gift=True,
                quantity=1,
                subtotal="0.00",
                seller_discount="0.00",
                platform_discount="0.00",
                tax="0.00",
            ),
        ),
        packages=(
            PackageInput(
                "A",
                PackageStatus.AWAITING_SHIPMENT,
                (PackageItemInput("1", 2), PackageItemInput("2", 1), PackageItemInput("3", 1)),
            ),
            PackageInput("B", PackageStatus.IN_TRANSIT, (PackageItemInput("1", 1),)),
        ),
        shipping_fee="5.00",
        shipping_tax="0.35",
        fees=(
            FeeInput(FeeKind.RETAIL_DELIVERY, "0.28"),
            FeeInput(FeeKind.SMALL_ORDER, "1.00"),
            FeeInput(FeeKind.HANDLING, "2.00"),
        ),
        total="47.45",
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
                quantity=1,
                subtotal="10",
                seller_discount="1",
                platform_discount="0.5",
                tax="0.7",
            ),
        ),
        packages=(PackageInput("A", PackageStatus.AWAITING_SHIPMENT, (PackageItemInput("dress", 1),)),),
        shipping_fee="5",
        shipping_tax="0.35",
        total="14.55",
    )

    stored, known = normalise(Incoming(translated(ORDER))), normalise(Incoming(ours))

    assert isinstance(stored, NewOrder)
    assert isinstance(known, NewOrder)
    assert content_hash(stored) == content_hash(known)


@pytest.mark.parametrize(
    ("tax_type", "total", "prices_include_tax"), [("SALES_TAX", "14.55", False), ("VAT", "13.50", True)]
)
def test_only_sales_tax_comes_on_top(tax_type: str, total: str, prices_include_tax: bool) -> None:  # noqa: FBT001 - a case
    taxed = replace(UNIT, item_tax=(ItemTax("0.70", tax_type),))

    given = translated(replace(paying(total_amount=total), line_items=(taxed,)))

    assert given.prices_include_tax is prices_include_tax
    assert (given.items[0].tax, given.shipping_tax, given.total) == ("0.70", "0.35", total)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("TO_FULFILL", PackageStatus.AWAITING_SHIPMENT),
        ("PROCESSING", PackageStatus.AWAITING_COLLECTION),
        ("FULFILLING", PackageStatus.IN_TRANSIT),
        ("COMPLETED", PackageStatus.DELIVERED),
        ("CANCELLED", PackageStatus.CANCELLED),
    ],
)
def test_package_statuses_are_translated(theirs: str, ours: PackageStatus) -> None:
    given = translated(of_units(replace(UNIT, package_status=theirs)))

    assert given.packages == (PackageInput("A", ours, (PackageItemInput("1", 1),)),)


def test_units_without_a_package_are_together_in_one_that_awaits_shipment() -> None:
    loose = replace(UNIT, package_id=None, package_status=None)

    given = translated(of_units(loose, UNIT, replace(loose, package_id="", package_status="FULFILLING")))

    assert given.packages == (
        PackageInput("5764-1", PackageStatus.AWAITING_SHIPMENT, (PackageItemInput("1", 2),)),
        PackageInput("A", PackageStatus.AWAITING_SHIPMENT, (PackageItemInput("1", 1),)),
    )


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
        ("VN", "en_US"),
        (None, "en_US"),
    ],
)
def test_the_region_decides_the_language(region: str | None, locale: str) -> None:
    given = translated(replace(ORDER, recipient_address=RecipientAddress("Ada", region)))

    assert given.buyer.locale == locale


def test_an_order_may_come_without_its_buyer() -> None:
    given = translated(replace(ORDER, buyer_email=None, recipient_address=None))

    assert given.buyer == BuyerInput("", "", "en_US")


@pytest.mark.parametrize(("currency", "nothing"), [("JPY", "0"), ("KWD", "0.000")])
def test_amounts_have_the_digits_of_their_currency(currency: str, nothing: str) -> None:
    order = of_units(UNIT)

    given = translated(replace(order, payment=replace(order.payment, currency=currency)))

    assert (given.items[0].subtotal, given.total) == (nothing, nothing)


@pytest.mark.parametrize(
    ("order", "code", "path"),
    [
        pytest.param(replace(ORDER, status="SHIPPED"), INVALID_VALUE, "status", id="status"),
        pytest.param(replace(ORDER, create_time=10**12), INVALID_VALUE, "create_time", id="milliseconds"),
        pytest.param(replace(ORDER, create_time=10**4000), INVALID_VALUE, "create_time", id="a huge number"),
        pytest.param(replace(ORDER, paid_time=-(10**12)), INVALID_VALUE, "paid_time", id="long ago"),
        pytest.param(replace(ORDER, rts_sla_time=10**12), INVALID_VALUE, "rts_sla_time", id="far away"),
        pytest.param(paying(currency="usd"), INVALID_VALUE, "payment.currency", id="currency"),
        pytest.param(paying(shipping_fee="5.001"), INVALID_VALUE, "payment.shipping_fee", id="a tenth of a cent"),
        pytest.param(paying(handling_fee="-1.00"), INVALID_VALUE, "payment.handling_fee", id="negative fee"),
        pytest.param(
            replace(ORDER, line_items=(replace(UNIT, original_price="ten"),)),
            INVALID_VALUE,
            "line_items.0.original_price",
            id="price in words",
        ),
        pytest.param(
            replace(ORDER, line_items=(replace(UNIT, item_tax=(ItemTax("0.70"), ItemTax(""))),)),
            INVALID_VALUE,
            "line_items.0.item_tax.1.tax_amount",
            id="no tax amount",
        ),
        pytest.param(
            replace(ORDER, line_items=(replace(UNIT, seller_discount="?"),)),
            INVALID_VALUE,
            "line_items.0.seller_discount",
            id="seller discount",
        ),
        pytest.param(
            replace(ORDER, line_items=(replace(UNIT, platform_discount="?"),)),
            INVALID_VALUE,
            "line_items.0.platform_discount",
            id="platform discount",
        ),
        pytest.param(
            of_units(replace(UNIT, package_status="LOST")), INVALID_VALUE, "line_items.0.package_status", id="lost"
        ),
        pytest.param(
            of_units(replace(UNIT, package_status=None)), INVALID_VALUE, "line_items.0.package_status", id="no status"
        ),
        pytest.param(
            of_units(UNIT, replace(UNIT, sku_id="S-2"), replace(UNIT, package_status="CANCELLED")),
            INVALID_VALUE,
            "line_items.2.package_status",
            id="two statuses in one package",
        ),
        pytest.param(
            paying(sub_total="8.51", total_amount="14.56"), AMOUNTS_DO_NOT_ADD_UP, "payment.sub_total", id="sub total"
        ),
        pytest.param(paying(total_amount="14.54"), AMOUNTS_DO_NOT_ADD_UP, "payment.total_amount", id="total"),
        pytest.param(paying(handling_fee="0.01"), AMOUNTS_DO_NOT_ADD_UP, "payment.total_amount", id="a fee more"),
        pytest.param(paying(tax="1.04", total_amount="14.54"), AMOUNTS_DO_NOT_ADD_UP, "payment.tax", id="tax"),
        pytest.param(paying(shipping_fee_tax=None), AMOUNTS_DO_NOT_ADD_UP, "payment.tax", id="missing tax"),
        pytest.param(
            paying(product_tax="0.69", shipping_fee_tax="0.36"),
            AMOUNTS_DO_NOT_ADD_UP,
            "payment.product_tax",
            id="lines' tax",
        ),
        pytest.param(
            paying(original_total_product_price="10.01", sub_total="8.51", total_amount="14.56"),
            AMOUNTS_DO_NOT_ADD_UP,
            "payment.original_total_product_price",
            id="lines' prices",
        ),
        pytest.param(
            paying(seller_discount="0.99", sub_total="8.51", total_amount="14.56"),
            AMOUNTS_DO_NOT_ADD_UP,
            "payment.seller_discount",
            id="lines' seller discounts",
        ),
        pytest.param(
            paying(platform_discount="0.49", sub_total="8.51", total_amount="14.56"),
            AMOUNTS_DO_NOT_ADD_UP,
            "payment.platform_discount",
            id="lines' platform discounts",
        ),
    ],
)
def test_each_mistake_has_its_code_and_its_place(
    order: MarketplaceOrder, code: FulfillmentErrorCode, path: str
) -> None:
    assert problems(order) == [(code, path)]


def test_every_problem_is_reported_at_once() -> None:
    order = replace(
        ORDER,
        status="?",
        create_time=10**12,
        payment=replace(PAYMENT, tax="much", total_amount="1"),
        line_items=(replace(UNIT, seller_discount="?", package_status="?"),),
    )

    assert problems(order) == [
        (INVALID_VALUE, "payment.tax"),
        (INVALID_VALUE, "line_items.0.seller_discount"),
        (INVALID_VALUE, "status"),
        (INVALID_VALUE, "create_time"),
        (INVALID_VALUE, "line_items.0.package_status"),
    ]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            replace(ORDER, status="SHIPPED"),
            (
                "status must be one of UNPAID, ON_HOLD, AWAITING_SHIPMENT, PARTIALLY_SHIPPING, AWAITING_COLLECTION,"
                " IN_TRANSIT, DELIVERED, COMPLETED, CANCELLED."
            ),
        ),
        (replace(ORDER, create_time=10**12), "create_time must be a time in Unix seconds."),
        (paying(currency="usd"), "payment.currency must be an ISO 4217 currency code in capitals."),
        (paying(tax="much"), 'payment.tax must be a decimal number such as "12.50".'),
        (paying(total_amount="14.50"), "payment.total_amount is 14.50, but its parts sum to 14.55."),
        (
            of_units(replace(UNIT, package_status="LOST")),
            "line_items.0.package_status must be one of TO_FULFILL, PROCESSING, FULFILLING, COMPLETED, CANCELLED.",
        ),
        (
            of_units(UNIT, replace(UNIT, package_status="CANCELLED")),
            "line_items.1.package_status must match the package's other units.",
        ),
    ],
)
def test_messages_are_sentences_that_name_the_place(order: MarketplaceOrder, message: str) -> None:
    found = incoming(order)

    assert isinstance(found, tuple)
    assert [problem.message for problem in found] == [message]


def test_an_order_without_units_is_left_to_the_checks_of_all_orders() -> None:
    found = normalise(Incoming(translated(replace(ORDER, line_items=()))))

    assert isinstance(found, tuple)
    assert [problem.code for problem in found] == [FulfillmentErrorCode.EMPTY_SELECTION]
