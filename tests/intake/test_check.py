"""Incoming orders are checked as a whole, and normalised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.intake.check import normalise
from domain.rules.new_order import CancelledUnits, NewOrder, content_hash
from domain.rules.order import Buyer, Fee, OrderItem, Package, PackageItem
from domain.rules.order_input import (
    BuyerInput,
    CancelledUnitsInput,
    FeeInput,
    Incoming,
    OrderInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.outcomes import Problem
from domain.rules.vocabulary import CancellationReason, FeeKind, FulfillmentErrorCode, OrderStatus, PackageStatus
from tests.support.stored import a_package_input, an_item_input, an_order_input

INVALID_VALUE = FulfillmentErrorCode.INVALID_VALUE
INVALID_QUANTITY = FulfillmentErrorCode.INVALID_QUANTITY
EMPTY_SELECTION = FulfillmentErrorCode.EMPTY_SELECTION
DUPLICATE_ITEM = FulfillmentErrorCode.DUPLICATE_ITEM
NOT_FOUND = FulfillmentErrorCode.NOT_FOUND
AMOUNTS_DO_NOT_ADD_UP = FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP

WAITING = PackageStatus.AWAITING_SHIPMENT
DRESS = an_item_input("dress", quantity=3, subtotal="30.00")
# One item of 3 units for 30.00 in one package; prices include tax.
ORDER = an_order_input("1001", DRESS, packages=(a_package_input("A", dress=3),))
BUYER = ORDER.buyer


def with_item(**changes: object) -> OrderInput:
    return replace(ORDER, items=(replace(DRESS, **changes),))  # type: ignore[arg-type]  # any field of the item


def with_packages(*packages: PackageInput) -> OrderInput:
    return replace(ORDER, packages=packages)


def partly_cancelled(*quantities: tuple[int, int], status: PackageStatus = WAITING) -> OrderInput:
    """A package for each quantity and cancelled quantity of the one item."""
    held = [(PackageItemInput("dress", quantity, cancelled),) for quantity, cancelled in quantities]
    return with_packages(*(PackageInput(f"P{number}", status, items) for number, items in enumerate(held)))


def new_order(given: OrderInput) -> NewOrder:
    order = normalise(Incoming(given))
    assert isinstance(order, NewOrder)
    return order


def problems(given: OrderInput) -> list[tuple[FulfillmentErrorCode, str]]:
    found = normalise(Incoming(given))
    assert isinstance(found, tuple)
    return [(problem.code, ".".join(problem.path)) for problem in found]


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        pytest.param(replace(ORDER, number=""), INVALID_VALUE, "number", id="empty number"),
        pytest.param(replace(ORDER, number="1" * 101), INVALID_VALUE, "number", id="long number"),
        pytest.param(replace(ORDER, number="10\t01"), INVALID_VALUE, "number", id="control character in number"),
        pytest.param(replace(ORDER, currency="usd"), INVALID_VALUE, "currency", id="small letters"),
        pytest.param(replace(ORDER, currency="DEM"), INVALID_VALUE, "currency", id="currency of the past"),
        pytest.param(replace(ORDER, currency="XXX"), INVALID_VALUE, "currency", id="no currency"),
        pytest.param(replace(ORDER, placed_at=datetime(2026, 3, 1)), INVALID_VALUE, "placedAt", id="time without zone"),  # noqa: DTZ001 - the case
        pytest.param(replace(ORDER, paid_at=datetime(2026, 3, 1)), INVALID_VALUE, "paidAt", id="paid, without zone"),  # noqa: DTZ001 - the case
        pytest.param(
            replace(ORDER, ship_by=datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
            INVALID_VALUE,
            "shipBy",
            id="time after the last year",
        ),
        pytest.param(
            replace(ORDER, source_updated_at=datetime(2026, 3, 1)),  # noqa: DTZ001 - the case
            INVALID_VALUE,
            "sourceUpdatedAt",
            id="updated, without zone",
        ),
        pytest.param(replace(ORDER, buyer=replace(BUYER, name="n" * 501)), INVALID_VALUE, "buyer.name", id="long name"),
        pytest.param(replace(ORDER, buyer=replace(BUYER, name="A\x85B")), INVALID_VALUE, "buyer.name", id="C1 in name"),
        pytest.param(replace(ORDER, buyer=replace(BUYER, email="e" * 501)), INVALID_VALUE, "buyer.email", id="e-mail"),
        pytest.param(replace(ORDER, buyer=replace(BUYER, email="a\0@b")), INVALID_VALUE, "buyer.email", id="NUL"),
        pytest.param(replace(ORDER, buyer=replace(BUYER, locale="\ud800")), INVALID_VALUE, "buyer.locale", id="half"),
        pytest.param(replace(ORDER, items=(), packages=None), EMPTY_SELECTION, "items", id="no items"),
        pytest.param(with_item(sku="S\0"), INVALID_VALUE, "items.0.sku", id="NUL in sku"),
        pytest.param(with_item(product_id="\x7f"), INVALID_VALUE, "items.0.productId", id="DEL in product"),
        pytest.param(with_item(product_name="p" * 501), INVALID_VALUE, "items.0.productName", id="long product name"),
        pytest.param(with_item(variant_name="M\n"), INVALID_VALUE, "items.0.variantName", id="line end in variant"),
        pytest.param(with_item(image_url="u" * 2001), INVALID_VALUE, "items.0.imageUrl", id="long URL"),
        pytest.param(with_item(image_url="\udfff"), INVALID_VALUE, "items.0.imageUrl", id="half a pair in URL"),
        pytest.param(with_item(quantity=0), INVALID_QUANTITY, "items.0.quantity", id="no units"),
        pytest.param(with_item(quantity=-(10**4000)), INVALID_QUANTITY, "items.0.quantity", id="fewer than none"),
        pytest.param(with_item(quantity=1_000_001), INVALID_VALUE, "items.0.quantity", id="too many units"),
        pytest.param(with_item(quantity=10**4000), INVALID_VALUE, "items.0.quantity", id="far too many units"),
        pytest.param(with_item(quantity=4), INVALID_QUANTITY, "items.0.quantity", id="more units than packed"),
        pytest.param(with_item(quantity=2), INVALID_QUANTITY, "items.0.quantity", id="fewer units than packed"),
        pytest.param(with_item(subtotal="-0.01"), INVALID_VALUE, "items.0.subtotal", id="negative amount"),
        pytest.param(with_item(subtotal="NaN"), INVALID_VALUE, "items.0.subtotal", id="not a number"),
        pytest.param(with_item(subtotal="3e1"), INVALID_VALUE, "items.0.subtotal", id="exponent"),
        pytest.param(with_item(subtotal="30,00"), INVALID_VALUE, "items.0.subtotal", id="comma"),
        pytest.param(with_item(subtotal=""), INVALID_VALUE, "items.0.subtotal", id="empty amount"),
        pytest.param(with_item(subtotal="٣٠"), INVALID_VALUE, "items.0.subtotal", id="other digits"),
        pytest.param(with_item(subtotal="30.001"), INVALID_VALUE, "items.0.subtotal", id="tenth of a cent"),
        pytest.param(with_item(subtotal="9" * 101), INVALID_VALUE, "items.0.subtotal", id="long amount"),
        pytest.param(with_item(subtotal="10000000000000"), INVALID_VALUE, "items.0.subtotal", id="10^15 minor units"),
        pytest.param(with_item(seller_discount="x"), INVALID_VALUE, "items.0.sellerDiscount", id="seller discount"),
        pytest.param(with_item(platform_discount="x"), INVALID_VALUE, "items.0.platformDiscount", id="discount"),
        pytest.param(with_item(tax="-1"), INVALID_VALUE, "items.0.tax", id="negative tax"),
        pytest.param(replace(ORDER, shipping_fee="-1"), INVALID_VALUE, "shippingFee", id="negative shipping"),
        pytest.param(replace(ORDER, shipping_tax="-1"), INVALID_VALUE, "shippingTax", id="negative shipping tax"),
        pytest.param(
            replace(ORDER, fees=(FeeInput(FeeKind.OTHER, "0"), FeeInput(FeeKind.OTHER, "."))),
            INVALID_VALUE,
            "fees.1.amount",
            id="fee",
        ),
        pytest.param(replace(ORDER, total="thirty"), INVALID_VALUE, "total", id="total in words"),
        pytest.param(replace(ORDER, total="30.01"), AMOUNTS_DO_NOT_ADD_UP, "total", id="a cent more"),
        pytest.param(
            replace(ORDER, status=OrderStatus.COMPLETED), INVALID_VALUE, "status", id="completed before delivered"
        ),
        pytest.param(
            replace(ORDER, status=OrderStatus.PARTIALLY_SHIPPING, packages=None),
            INVALID_VALUE,
            "status",
            id="split without packages",
        ),
        pytest.param(
            replace(ORDER, items=(DRESS, replace(DRESS, quantity=1, subtotal="0"))),
            INVALID_VALUE,
            "items.1.ref",
            id="ref twice",
        ),
        pytest.param(with_packages(a_package_input("", dress=3)), INVALID_VALUE, "packages.0.number", id="no number"),
        pytest.param(
            with_packages(a_package_input("A" * 101, dress=3)), INVALID_VALUE, "packages.0.number", id="its long number"
        ),
        pytest.param(
            with_packages(a_package_input("A", dress=1), a_package_input("A", dress=2)),
            INVALID_VALUE,
            "packages.1.number",
            id="package number twice",
        ),
        pytest.param(
            with_packages(replace(a_package_input("A", dress=3), carrier="DHL\0")),
            INVALID_VALUE,
            "packages.0.carrier",
            id="NUL in carrier",
        ),
        pytest.param(
            with_packages(replace(a_package_input("A", dress=3), tracking_number="1" * 101)),
            INVALID_VALUE,
            "packages.0.trackingNumber",
            id="long tracking number",
        ),
        pytest.param(
            with_packages(a_package_input("A", dress=3), a_package_input("B")),
            EMPTY_SELECTION,
            "packages.1.items",
            id="empty package",
        ),
        pytest.param(
            with_packages(a_package_input("A", dres=3)), NOT_FOUND, "packages.0.items.0.ref", id="mistyped ref"
        ),
        pytest.param(
            with_packages(a_package_input("A", dress=3, hat=1)), NOT_FOUND, "packages.0.items.1.ref", id="unknown ref"
        ),
        pytest.param(
            with_packages(a_package_input("A", dress=3), PackageInput("B", WAITING, (PackageItemInput("dress", 0),))),
            INVALID_QUANTITY,
            "packages.1.items.0.quantity",
            id="none packed",
        ),
        pytest.param(
            partly_cancelled((3, -1)),
            INVALID_QUANTITY,
            "packages.0.items.0.cancelledQuantity",
            id="fewer than none cancelled",
        ),
        pytest.param(
            partly_cancelled((1, 1), (2, 3)),
            INVALID_QUANTITY,
            "packages.1.items.0.cancelledQuantity",
            id="more cancelled than packed",
        ),
        pytest.param(
            partly_cancelled((3, 4), status=PackageStatus.CANCELLED),
            INVALID_QUANTITY,
            "packages.0.items.0.cancelledQuantity",
            id="more cancelled than packed, in a cancelled package",
        ),
        pytest.param(
            partly_cancelled((3, 10**4000)),
            INVALID_QUANTITY,
            "packages.0.items.0.cancelledQuantity",
            id="far more cancelled",
        ),
        pytest.param(
            with_packages(
                PackageInput("A", WAITING, (PackageItemInput("dress", 1), PackageItemInput("dress", 2))),
            ),
            DUPLICATE_ITEM,
            "packages.0.items.1.ref",
            id="ref twice in a package",
        ),
    ],
)
def test_each_mistake_has_its_code_and_its_place(given: OrderInput, code: FulfillmentErrorCode, path: str) -> None:
    assert problems(given) == [(code, path)]


def test_discounts_together_are_at_most_the_subtotal() -> None:
    given = replace(with_item(seller_discount="20.00", platform_discount="10.01"), shipping_fee="0.01", total="0")

    assert problems(given) == [(INVALID_VALUE, "items.0.subtotal")]


def test_every_problem_is_reported_at_once() -> None:
    given = replace(
        ORDER,
        number="",
        buyer=BuyerInput("\0", "\0", "\0"),
        items=(replace(DRESS, quantity=0, tax="?"), replace(DRESS, sku="\0")),
        packages=(a_package_input("A", hat=0), a_package_input("A")),
        total="-1",
    )

    assert problems(given) == [
        (INVALID_VALUE, "number"),
        (INVALID_VALUE, "buyer.name"),
        (INVALID_VALUE, "buyer.email"),
        (INVALID_VALUE, "buyer.locale"),
        (INVALID_VALUE, "items.1.ref"),
        (INVALID_QUANTITY, "items.0.quantity"),
        (INVALID_VALUE, "items.0.tax"),
        (INVALID_VALUE, "items.1.sku"),
        (INVALID_VALUE, "packages.1.number"),
        (NOT_FOUND, "packages.0.items.0.ref"),
        (INVALID_QUANTITY, "packages.0.items.0.quantity"),
        (EMPTY_SELECTION, "packages.1.items"),
        (INVALID_VALUE, "total"),
    ]


def test_units_and_amounts_are_judged_apart() -> None:
    given = replace(with_item(quantity=4), total="1.00")

    assert problems(given) == [(INVALID_QUANTITY, "items.0.quantity"), (AMOUNTS_DO_NOT_ADD_UP, "total")]


def test_an_unknown_currency_is_one_problem_and_not_one_for_each_amount() -> None:
    assert problems(replace(ORDER, currency="ABC", total="12.345")) == [(INVALID_VALUE, "currency")]


def test_a_wrong_total_is_reported_with_both_sums() -> None:
    given = replace(ORDER, currency="JPY", items=(replace(DRESS, subtotal="3000"),), shipping_fee="500", total="3501")

    assert normalise(Incoming(given)) == (
        Problem(AMOUNTS_DO_NOT_ADD_UP, "total is 3501, but the parts sum to 3500.", ("total",)),
    )


NO_CONTROL = "must not contain control characters or lone surrogates."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (replace(ORDER, number=""), "number must not be empty."),
        (replace(ORDER, number="1" * 101), "number must have at most 100 characters."),
        (replace(ORDER, buyer=BuyerInput("n" * 501, "")), "buyer.name must have at most 500 characters."),
        (replace(ORDER, buyer=BuyerInput("", "\n")), f"buyer.email {NO_CONTROL}"),
        (replace(ORDER, currency="usd"), "currency must be an ISO 4217 currency code in capitals."),
        (replace(ORDER, placed_at=datetime(2026, 3, 1)), "placedAt must be a time with a UTC offset."),  # noqa: DTZ001 - the case
        (replace(ORDER, items=(), packages=None), "items must not be empty."),
        (
            replace(ORDER, items=(DRESS,) * 2, packages=None, total="60"),
            "items.1.ref repeats the ref of an earlier item.",
        ),
        (with_item(quantity=0), "items.0.quantity must be at least 1."),
        (with_item(quantity=1_000_001), "items.0.quantity must be at most 1000000."),
        (with_item(quantity=2), "items.0.quantity is 2, but the packages hold 3."),
        (with_item(subtotal="x"), 'items.0.subtotal must be a decimal number such as "12.50".'),
        (with_item(subtotal="-1"), "items.0.subtotal must not be negative."),
        (with_item(subtotal="0.001"), "items.0.subtotal must have at most 2 decimals, as its currency has."),
        (
            with_item(subtotal="10000000000000"),
            "items.0.subtotal is too large: it must be below 10^15 in the currency's smallest unit.",
        ),
        (
            replace(with_item(seller_discount="30.01"), shipping_fee="0.01", total="0"),
            "items.0.subtotal must not be less than both discounts together.",
        ),
        (
            with_packages(*(a_package_input("A", dress=n) for n in (1, 2))),
            "packages.1.number repeats the number of an earlier package.",
        ),
        (with_packages(a_package_input("A", dress=3), a_package_input("B")), "packages.1.items must not be empty."),
        (
            with_packages(a_package_input("A", dress=3, hat=1)),
            "packages.0.items.1.ref does not match any item of the order.",
        ),
        (
            with_packages(PackageInput("A", WAITING, tuple(PackageItemInput("dress", n) for n in (1, 2)))),
            "packages.0.items.1.ref repeats the ref of an earlier entry in this package.",
        ),
        (
            replace(ORDER, status=OrderStatus.COMPLETED),
            "status must not be COMPLETED unless every package is DELIVERED or CANCELLED.",
        ),
        (
            replace(ORDER, status=OrderStatus.PARTIALLY_SHIPPING, packages=None),
            "status must not be PARTIALLY_SHIPPING without packages.",
        ),
        (replace(ORDER, total="30.10"), "total is 30.10, but the parts sum to 30.00."),
        (partly_cancelled((3, 4)), "packages.0.items.0.cancelledQuantity must be between 0 and the quantity."),
    ],
)
def test_messages_are_sentences_that_name_the_place(given: OrderInput, message: str) -> None:
    found = normalise(Incoming(given))

    assert isinstance(found, tuple)
    assert [problem.message for problem in found] == [message]


def test_more_than_500_items_are_refused() -> None:
    items = [an_item_input(f"{number}", quantity=1, subtotal="1") for number in range(501)]

    assert len(new_order(an_order_input("1001", *items[:500])).items) == 500
    assert normalise(Incoming(an_order_input("1001", *items))) == (
        Problem(INVALID_VALUE, "items must have at most 500 items, not 501.", ("items",)),
    )


def in_packages(items: int, packages: int) -> OrderInput:
    """An order with one unit of each item in each package."""
    ordered = [an_item_input(f"{number}", quantity=packages, subtotal="1") for number in range(items)]
    held = tuple(PackageItemInput(item.ref, 1) for item in ordered)
    packed = tuple(PackageInput(f"P{number}", PackageStatus.AWAITING_SHIPMENT, held) for number in range(packages))
    return an_order_input("1001", *ordered, packages=packed)


@pytest.mark.parametrize(
    ("items", "packages", "largest"),
    [(500, 5, (500, 4)), (1, 2001, (1, 2000)), (40, 51, (40, 50)), (500, 70, (400, 5))],
)
def test_more_than_2000_package_items_are_refused_whatever_else_is_wrong(
    items: int, packages: int, largest: tuple[int, int]
) -> None:
    too_large = replace(in_packages(items, packages), currency="???", total="x")

    assert sum(len(package.items) for package in new_order(in_packages(*largest)).packages) == 2000
    assert normalise(Incoming(too_large)) == (
        Problem(
            INVALID_VALUE,
            f"packages must have at most 2,000 package items, not {items * packages:,}.",
            ("packages",),
        ),
    )


def test_empty_packages_count_as_much_as_others() -> None:
    empty = tuple(PackageInput(f"{number}", PackageStatus.AWAITING_SHIPMENT, ()) for number in range(2001))

    assert normalise(Incoming(an_order_input("1001", packages=empty))) == (
        Problem(INVALID_VALUE, "packages must have at most 2,000 package items, not 2,001.", ("packages",)),
    )


def test_more_than_100_fees_are_refused() -> None:
    fees = (FeeInput(FeeKind.HANDLING, "0.01"),) * 101

    assert normalise(Incoming(an_order_input("1001", fees=fees))) == (
        Problem(INVALID_VALUE, "fees must have at most 100 fees, not 101.", ("fees",)),
    )


def test_the_limits_themselves_are_allowed() -> None:
    item = an_item_input(
        "dress",
        quantity=1_000_000,
        subtotal="9999999999999.99",
        sku="s" * 500,
        product_name="p" * 500,
        image_url="u" * 2_000,
    )
    package = replace(a_package_input("A" * 100, dress=1_000_000), tracking_number="T" * 100, carrier="c" * 500)
    given = an_order_input("1" * 100, item, packages=(package,), buyer=BuyerInput("n" * 500, "e" * 500, "l" * 500))

    order = new_order(given)

    assert order.total == 999_999_999_999_999
    assert order.items[0].quantity == 1_000_000


def test_times_are_kept_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    given = replace(ORDER, placed_at=datetime(2026, 3, 1, tzinfo=tokyo), ship_by=datetime(2026, 3, 2, tzinfo=tokyo))

    order = new_order(given)

    assert order.placed_at.tzinfo is UTC
    assert order.placed_at == datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert order.ship_by == datetime(2026, 3, 1, 15, tzinfo=UTC)


def test_an_order_is_stored_as_it_was_paid() -> None:
    given = OrderInput(
        number="1001",
        status=OrderStatus.AWAITING_SHIPMENT,
        currency="KWD",
        prices_include_tax=False,
        placed_at=datetime(2026, 3, 1, 10, 30, tzinfo=timezone(timedelta(hours=1))),
        paid_at=datetime(2026, 3, 1, 9, 31, tzinfo=UTC),
        buyer=BuyerInput("Ada \u202eBuyer", "not an address", "de_AT"),
        items=(
            an_item_input("dress", quantity=2, subtotal="20.5", seller_discount="1.25", tax="0.75"),
            an_item_input("hat", quantity=1, subtotal="3", platform_discount="3.0000", is_gift=True, image_url=""),
        ),
        packages=(
            PackageInput("B", PackageStatus.CANCELLED, (PackageItemInput("dress", 1),), "", "T-1"),
            PackageInput("A", WAITING, (PackageItemInput("hat", 1), PackageItemInput("dress", 1)), "DHL", ""),
        ),
        shipping_fee="1",
        shipping_tax="0.05",
        fees=(FeeInput(FeeKind.HANDLING, "0.1"), FeeInput(FeeKind.OTHER, "0")),
        total="21.15",
    )

    order = normalise(Incoming(given))

    assert order == NewOrder(
        number="1001",
        status=OrderStatus.AWAITING_SHIPMENT,
        currency="KWD",
        prices_include_tax=False,
        placed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        paid_at=datetime(2026, 3, 1, 9, 31, tzinfo=UTC),
        ship_by=None,
        buyer=Buyer("Ada \u202eBuyer", "not an address", "de_AT"),
        items=(
            OrderItem(1, "SKU-dress", "P-dress", "The dress", None, None, False, 2, 1, 20_500, 1_250, 0, 750),  # noqa: FBT003 - fields in their order
            OrderItem(2, "SKU-hat", "P-hat", "The hat", None, None, True, 1, 0, 3_000, 0, 3_000, 0),  # noqa: FBT003 - fields in their order
        ),
        packages=(
            Package(
                1, "B", PackageStatus.CANCELLED, None, "T-1", is_numbered_here=False, items=(PackageItem(1, 1, 1),)
            ),
            Package(
                2, "A", WAITING, "DHL", None, is_numbered_here=False, items=(PackageItem(2, 1, 0), PackageItem(1, 1, 0))
            ),
        ),
        shipping_fee=1_000,
        shipping_tax=50,
        fees=(Fee(FeeKind.HANDLING, 100), Fee(FeeKind.OTHER, 0)),
        total=21_150,
        collect_on_delivery=False,
        is_paid=True,
        source_updated_at=None,
    )


def test_a_buyer_without_locale_is_written_to_in_english() -> None:
    order = new_order(replace(ORDER, buyer=BuyerInput("Ada", "ada@example.com")))
    german = new_order(replace(ORDER, buyer=BuyerInput("Ada", "ada@example.com", "de_DE")))

    assert (order.buyer.locale, order.has_locale) == ("en_US", False)
    assert (german.buyer.locale, german.has_locale) == ("de_DE", True)


@pytest.mark.parametrize(
    ("given", "package"),
    [
        (OrderStatus.UNPAID, PackageStatus.AWAITING_SHIPMENT),
        (OrderStatus.ON_HOLD, PackageStatus.AWAITING_SHIPMENT),
        (OrderStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_SHIPMENT),
        (OrderStatus.AWAITING_COLLECTION, PackageStatus.AWAITING_COLLECTION),
        (OrderStatus.IN_TRANSIT, PackageStatus.IN_TRANSIT),
        (OrderStatus.DELIVERED, PackageStatus.DELIVERED),
        (OrderStatus.COMPLETED, PackageStatus.DELIVERED),
    ],
)
@pytest.mark.parametrize("packages", [None, ()])
def test_an_order_without_packages_gets_one_with_everything(
    given: OrderStatus, package: PackageStatus, packages: tuple[PackageInput, ...] | None
) -> None:
    order = new_order(replace(ORDER, status=given, packages=packages))

    assert order.status is given
    assert order.items[0].cancelled_quantity == 0
    assert order.packages == (
        Package(1, "1001-1", package, None, None, is_numbered_here=True, items=(PackageItem(1, 3, 0),)),
    )


def test_a_cancelled_order_without_packages_has_no_live_unit() -> None:
    order = new_order(replace(ORDER, status=OrderStatus.CANCELLED, packages=None))

    assert order.status is OrderStatus.CANCELLED
    assert order.items[0].cancelled_quantity == 3
    assert order.packages == (
        Package(1, "1001-1", PackageStatus.CANCELLED, None, None, is_numbered_here=True, items=(PackageItem(1, 3, 3),)),
    )


def test_a_cancelled_order_has_nothing_but_cancelled_packages() -> None:
    packages = (a_package_input("A", WAITING, dress=1), a_package_input("B", PackageStatus.DELIVERED, dress=2))

    order = new_order(replace(ORDER, status=OrderStatus.CANCELLED, packages=packages))

    assert order.items[0].cancelled_quantity == 3
    assert [package.status for package in order.packages] == [PackageStatus.CANCELLED, PackageStatus.CANCELLED]


@pytest.mark.parametrize(
    ("given", "packages", "status"),
    [
        (OrderStatus.DELIVERED, (WAITING,), OrderStatus.AWAITING_SHIPMENT),
        (OrderStatus.AWAITING_SHIPMENT, (PackageStatus.IN_TRANSIT,), OrderStatus.IN_TRANSIT),
        (OrderStatus.PARTIALLY_SHIPPING, (PackageStatus.IN_TRANSIT, WAITING), OrderStatus.PARTIALLY_SHIPPING),
        (OrderStatus.AWAITING_SHIPMENT, (PackageStatus.CANCELLED,), OrderStatus.CANCELLED),
        (OrderStatus.UNPAID, (WAITING, PackageStatus.IN_TRANSIT), OrderStatus.UNPAID),
        (OrderStatus.ON_HOLD, (PackageStatus.CANCELLED, WAITING), OrderStatus.ON_HOLD),
        (OrderStatus.COMPLETED, (PackageStatus.DELIVERED, PackageStatus.CANCELLED), OrderStatus.COMPLETED),
        (OrderStatus.COMPLETED, (PackageStatus.CANCELLED,), OrderStatus.CANCELLED),
    ],
)
def test_the_status_is_that_of_the_packages_where_it_is_not_the_orders_own(
    given: OrderStatus, packages: tuple[PackageStatus, ...], status: OrderStatus
) -> None:
    inputs = [a_package_input(f"P{number}", each, dress=3 // len(packages)) for number, each in enumerate(packages)]
    quantity = 3 // len(packages) * len(packages)

    order = new_order(replace(ORDER, status=given, items=(replace(DRESS, quantity=quantity),), packages=tuple(inputs)))

    assert order.status is status


def test_a_negative_quantity_allows_no_cancelled_units_at_all() -> None:
    assert problems(partly_cancelled((-1, 0), (3, 0))) == [(INVALID_QUANTITY, "packages.0.items.0.quantity")]


def test_of_no_units_none_are_cancelled() -> None:
    assert problems(partly_cancelled((0, 1), (3, 0))) == [
        (INVALID_QUANTITY, "packages.0.items.0.quantity"),
        (INVALID_QUANTITY, "packages.0.items.0.cancelledQuantity"),
    ]


def test_cancelled_units_and_packed_ones_are_judged_apart() -> None:
    assert problems(partly_cancelled((2, 3))) == [
        (INVALID_QUANTITY, "packages.0.items.0.cancelledQuantity"),
        (INVALID_QUANTITY, "items.0.quantity"),
    ]


def test_units_may_come_in_cancelled() -> None:
    order = new_order(partly_cancelled((1, 0), (2, 1)))

    assert order.status is OrderStatus.AWAITING_SHIPMENT
    assert order.items[0].cancelled_quantity == 1
    assert [package.items for package in order.packages] == [(PackageItem(1, 1, 0),), (PackageItem(1, 2, 1),)]
    assert [package.status for package in order.packages] == [WAITING, WAITING]


def test_a_package_of_which_everything_is_cancelled_is_cancelled() -> None:
    order = new_order(partly_cancelled((1, 1), (2, 0), status=PackageStatus.DELIVERED))

    assert order.status is OrderStatus.DELIVERED
    assert order.items[0].cancelled_quantity == 1
    assert [package.status for package in order.packages] == [PackageStatus.CANCELLED, PackageStatus.DELIVERED]


def test_an_order_of_which_everything_is_cancelled_is_cancelled() -> None:
    assert new_order(partly_cancelled((1, 1), (2, 2))).status is OrderStatus.CANCELLED


def test_a_cancelled_package_is_cancelled_whole_whatever_its_quantities_say() -> None:
    order = new_order(partly_cancelled((3, 1), status=PackageStatus.CANCELLED))

    assert order.packages[0].items == (PackageItem(1, 3, 3),)
    assert order.items[0].cancelled_quantity == 3


def test_a_completed_order_may_have_come_in_partly_cancelled() -> None:
    given = replace(partly_cancelled((1, 1), (2, 1), status=PackageStatus.DELIVERED), status=OrderStatus.COMPLETED)

    assert new_order(given).status is OrderStatus.COMPLETED


def test_what_other_formats_add_is_kept() -> None:
    given = an_order_input("1001", DRESS, an_item_input("hat"), packages=(a_package_input("A", dress=3, hat=3),))
    gone = CancelledUnitsInput("hat", 2, CancellationReason.PRICING_ERROR, "Wrong price")

    order = normalise(Incoming(given, deposits=(("hat", 25),), cancelled=(gone,)))

    assert isinstance(order, NewOrder)
    assert order.deposits == ((2, 25),)
    assert order.cancelled == (CancelledUnits(2, 2, CancellationReason.PRICING_ERROR, "Wrong price"),)


def test_a_number_made_here_is_known_as_such_and_may_be_longer() -> None:
    packages = (a_package_input("A", dress=1), a_package_input("1" * 120, dress=2))

    order = normalise(Incoming(with_packages(*packages), numbered_here=frozenset({"1" * 120})))

    assert isinstance(order, NewOrder)
    assert [package.is_numbered_here for package in order.packages] == [False, True]


def test_a_number_made_here_has_its_limit_too() -> None:
    given = with_packages(a_package_input("1" * 121, dress=3))

    assert normalise(Incoming(given, numbered_here=frozenset({"1" * 121}))) == (
        Problem(INVALID_VALUE, "packages.0.number must have at most 120 characters.", ("packages", "0", "number")),
    )


def test_the_package_of_the_longest_order_number_is_numbered_after_it() -> None:
    order = new_order(replace(ORDER, number="1" * 100, packages=None))

    assert order.packages[0].number == "1" * 100 + "-1"


@pytest.mark.parametrize(
    ("status", "is_collected", "paid_at", "is_paid"),
    [
        (OrderStatus.AWAITING_SHIPMENT, None, None, True),
        (OrderStatus.AWAITING_SHIPMENT, False, None, True),
        (OrderStatus.AWAITING_SHIPMENT, True, None, False),
        (OrderStatus.AWAITING_SHIPMENT, True, datetime(2026, 3, 1, tzinfo=UTC), True),
        (OrderStatus.CANCELLED, None, None, False),
        (OrderStatus.CANCELLED, None, datetime(2026, 3, 1, tzinfo=UTC), True),
        (OrderStatus.UNPAID, None, None, False),
    ],
)
def test_an_order_comes_in_paid_or_not(
    status: OrderStatus,
    is_collected: bool | None,  # noqa: FBT001 - a case
    paid_at: datetime | None,
    is_paid: bool,  # noqa: FBT001 - a case
) -> None:
    order = new_order(replace(ORDER, status=status, collect_on_delivery=is_collected, paid_at=paid_at))

    assert order.is_paid is is_paid
    assert order.collect_on_delivery is bool(is_collected)


def test_the_time_of_the_source_is_kept_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))

    order = new_order(replace(ORDER, source_updated_at=datetime(2026, 3, 1, tzinfo=tokyo)))

    assert order.source_updated_at == datetime(2026, 2, 28, 15, tzinfo=UTC)


A_TIME = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SPLIT = with_packages(a_package_input("A", dress=1), a_package_input("B", dress=2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ORDER, replace(ORDER, total="30"), id="zeros"),
        pytest.param(ORDER, with_item(subtotal="030.000000"), id="more zeros"),
        pytest.param(ORDER, with_item(tax="0", seller_discount="0.00", is_gift=False), id="defaults"),
        pytest.param(ORDER, with_item(image_url="", variant_name=""), id="empty texts"),
        pytest.param(ORDER, replace(ORDER, fees=None, shipping_tax="-0"), id="no fees"),
        pytest.param(ORDER, replace(ORDER, source_updated_at=A_TIME), id="a later look"),
        pytest.param(ORDER, replace(ORDER, collect_on_delivery=False), id="not collected at the door"),
        pytest.param(
            ORDER, with_packages(PackageInput("A", WAITING, (PackageItemInput("dress", 3, 0),))), id="none cancelled"
        ),
        pytest.param(ORDER, replace(ORDER, status=OrderStatus.DELIVERED), id="a status that does not count"),
        pytest.param(
            replace(ORDER, ship_by=A_TIME),
            replace(ORDER, ship_by=A_TIME.astimezone(timezone(timedelta(hours=9)))),
            id="another zone",
        ),
        pytest.param(SPLIT, replace(SPLIT, packages=tuple(reversed(SPLIT.packages or ()))), id="packages' sequence"),
        pytest.param(
            replace(ORDER, packages=None), with_packages(a_package_input("1001-1", dress=3)), id="the one package"
        ),
        pytest.param(
            replace(ORDER, packages=None), replace(with_item(ref="other"), packages=None), id="name within the order"
        ),
    ],
)
def test_the_same_order_written_differently_has_the_same_hash(one: OrderInput, other: OrderInput) -> None:
    assert content_hash(new_order(one)) == content_hash(new_order(other))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(ORDER, number="1002"), id="number"),
        pytest.param(replace(ORDER, status=OrderStatus.UNPAID), id="status"),
        pytest.param(replace(ORDER, currency="EUR"), id="currency"),
        pytest.param(replace(ORDER, prices_include_tax=False), id="tax on top"),
        pytest.param(replace(ORDER, placed_at=A_TIME + timedelta(microseconds=1)), id="placed"),
        pytest.param(replace(ORDER, paid_at=A_TIME), id="paid"),
        pytest.param(replace(ORDER, ship_by=A_TIME), id="ship by"),
        pytest.param(replace(ORDER, collect_on_delivery=True), id="collected at the door"),
        pytest.param(
            with_packages(PackageInput("A", WAITING, (PackageItemInput("dress", 3, 1),))), id="cancelled units"
        ),
        pytest.param(replace(ORDER, buyer=replace(BUYER, name="Bob")), id="buyer's name"),
        pytest.param(replace(ORDER, buyer=replace(BUYER, email="bob@example.com")), id="buyer's e-mail"),
        pytest.param(replace(ORDER, buyer=replace(BUYER, locale="de_DE")), id="buyer's locale"),
        pytest.param(replace(ORDER, items=(DRESS, an_item_input("hat", quantity=1, subtotal="0"))), id="another item"),
        pytest.param(with_item(sku="S"), id="sku"),
        pytest.param(with_item(product_id="P"), id="product"),
        pytest.param(with_item(product_name="Dress"), id="product's name"),
        pytest.param(with_item(variant_name="M"), id="variant"),
        pytest.param(with_item(image_url="https://example.com/1.jpg"), id="image"),
        pytest.param(with_item(is_gift=True), id="gift"),
        pytest.param(with_item(tax="0.01"), id="tax"),
        pytest.param(replace(with_item(seller_discount="1"), total="29"), id="seller's discount"),
        pytest.param(replace(with_item(platform_discount="1"), total="29"), id="platform's discount"),
        pytest.param(SPLIT, id="packages"),
        pytest.param(with_packages(a_package_input("B", dress=3)), id="package's number"),
        pytest.param(with_packages(replace(a_package_input("A", dress=3), carrier="DHL")), id="carrier"),
        pytest.param(with_packages(replace(a_package_input("A", dress=3), tracking_number="1")), id="tracking number"),
        pytest.param(with_packages(a_package_input("A", PackageStatus.IN_TRANSIT, dress=3)), id="package's status"),
        pytest.param(replace(ORDER, shipping_tax="1"), id="shipping tax"),
        pytest.param(replace(ORDER, shipping_fee="1", total="31"), id="shipping"),
        pytest.param(replace(ORDER, fees=(FeeInput(FeeKind.OTHER, "1"),), total="31"), id="fee"),
        pytest.param(replace(ORDER, fees=(FeeInput(FeeKind.HANDLING, "1"),), total="31"), id="another fee"),
    ],
)
def test_any_difference_makes_another_hash(other: OrderInput) -> None:
    with_items = replace(other, packages=other.packages if len(other.items) == 1 else None)

    assert content_hash(new_order(with_items)) != content_hash(new_order(ORDER))


def test_the_hash_is_stored_and_so_stays_what_it_is() -> None:
    expected = "21f6ca8d999e6b27f933a2e8ef5f740bda3179ca286abe3bea1683ee3f4c103f"

    assert content_hash(new_order(SPLIT)).hex() == expected


def test_units_of_a_cancelled_package_count_as_before_they_had_a_number() -> None:
    gone = with_packages(a_package_input("A", PackageStatus.CANCELLED, dress=1), a_package_input("B", dress=2))

    expected = "1280c680a885e6c8f6b3a657acacf795ff40c39752cff8b0d8b44fe4abfe7c98"
    assert content_hash(new_order(gone)).hex() == expected


def test_what_counts_only_where_it_is_there_stays_what_it_is_too() -> None:
    order = replace(new_order(replace(SPLIT, collect_on_delivery=True)), deposits=((1, 25),))

    expected = "be2a0da9689f610110930081ebefab27c06fefa2933ba19cc34aac693c17e3d2"
    assert content_hash(order).hex() == expected
