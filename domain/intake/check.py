"""Checks an incoming order and turns it into one to store (docs/rules.md, "Orders that come in")."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from domain.intake.notes import Notes
from domain.intake.packages import checked_packages, repeated, units
from domain.rules.money import to_text
from domain.rules.new_order import MOST_FEES, MOST_ITEMS, MOST_PACKAGE_ITEMS, NewOrder
from domain.rules.order import Buyer, Fee, OrderItem, Package
from domain.rules.order_input import BuyerInput, OrderInput, OrderItemInput
from domain.rules.outcomes import FulfillmentProblem, misfit
from domain.rules.refunds import order_total
from domain.rules.status import order_status
from domain.rules.texts import LONGEST_URL
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus

DEFAULT_LOCALE = "en_US"

_DONE = frozenset({PackageStatus.DELIVERED, PackageStatus.CANCELLED})


def normalise(given: OrderInput) -> NewOrder | tuple[FulfillmentProblem, ...]:
    """The order to store, or every problem with it; if it is too large, nothing else is checked."""
    if too_large := _too_large(given):
        return too_large
    notes = Notes(given.currency)
    order = _order(given, notes)
    _check_sums(order, notes)
    return tuple(notes.problems) or order


def _too_large(given: OrderInput) -> tuple[FulfillmentProblem, ...]:
    """The limits it exceeds, which keep any accepted order quick to cancel."""
    packages = given.packages or ()
    counted = {
        "items": (len(given.items), MOST_ITEMS, "items"),
        "packages": (
            max(len(packages), sum(len(each.items) for each in packages)),
            MOST_PACKAGE_ITEMS,
            "package items",
        ),
        "fees": (len(given.fees or ()), MOST_FEES, "fees"),
    }
    return tuple(
        misfit((name,), f"must have at most {most:,} {what}, not {count:,}")
        for name, (count, most, what) in counted.items()
        if count > most
    )


def _order(given: OrderInput, notes: Notes) -> NewOrder:
    number = notes.number(given.number, "number")
    notes.check_currency("currency")
    placed_at = _time(given.placed_at, "placedAt", notes)
    paid_at = _time(given.paid_at, "paidAt", notes) if given.paid_at else None
    ship_by = _time(given.ship_by, "shipBy", notes) if given.ship_by else None
    buyer = _buyer(given.buyer, notes)
    items = _items(given.items, notes)
    packages = checked_packages(given, items, notes)
    if given.status is OrderStatus.COMPLETED and not {package.status for package in packages} <= _DONE:
        notes.refuse("must not be COMPLETED unless every package is DELIVERED or CANCELLED", "status")
    return NewOrder(
        number=number,
        status=order_status(given.status, packages),
        currency=given.currency,
        prices_include_tax=given.prices_include_tax,
        placed_at=placed_at,
        paid_at=paid_at,
        ship_by=ship_by,
        buyer=buyer,
        items=_with_cancelled(items, packages),
        packages=packages,
        shipping_fee=notes.amount(given.shipping_fee, "shippingFee"),
        shipping_tax=notes.amount(given.shipping_tax, "shippingTax"),
        fees=tuple(
            Fee(fee.kind, notes.amount(fee.amount, "fees", str(index), "amount"))
            for index, fee in enumerate(given.fees or ())
        ),
        total=notes.amount(given.total, "total"),
    )


def _check_sums(order: NewOrder, notes: Notes) -> None:
    """Packages must hold exactly the units of each item, and the parts must sum to the total."""
    held = units(order.packages)
    for index, item in enumerate(() if notes.has_bad_units else order.items):
        if item.quantity != held[item.position]:
            what = f"is {item.quantity}, but the packages hold {held[item.position]}"
            notes.refuse(what, "items", str(index), "quantity", code=FulfillmentErrorCode.INVALID_QUANTITY)
    if not notes.has_bad_amounts and (parts := order_total(order)) != order.total:
        what = f"is {to_text(order.total, order.currency)}, but the parts sum to {to_text(parts, order.currency)}"
        notes.refuse(what, "total", code=FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP)


def _buyer(given: BuyerInput, notes: Notes) -> Buyer:
    return Buyer(
        name=notes.text(given.name, "buyer", "name"),
        email=notes.text(given.email, "buyer", "email"),
        locale=notes.optional(given.locale, "buyer", "locale") or DEFAULT_LOCALE,
    )


def _items(given: Sequence[OrderItemInput], notes: Notes) -> tuple[OrderItem, ...]:
    if not given:
        notes.has_bad_amounts = True
        notes.refuse("must not be empty", "items", code=FulfillmentErrorCode.EMPTY_SELECTION)
    for index in repeated([item.ref for item in given]):
        notes.has_bad_units = True
        notes.refuse("repeats the ref of an earlier item", "items", str(index), "ref")
    return tuple(_item(index, item, notes) for index, item in enumerate(given))


def _item(index: int, given: OrderItemInput, notes: Notes) -> OrderItem:
    path = ("items", str(index))
    subtotal, seller_discount, platform_discount = _price(given, notes, path)
    return OrderItem(
        position=index + 1,
        sku=notes.text(given.sku, *path, "sku"),
        product_id=notes.text(given.product_id, *path, "productId"),
        product_name=notes.text(given.product_name, *path, "productName"),
        variant_name=notes.optional(given.variant_name, *path, "variantName"),
        image_url=notes.optional(given.image_url, *path, "imageUrl", longest=LONGEST_URL),
        is_gift=bool(given.is_gift),
        quantity=notes.quantity(given.quantity, *path, "quantity"),
        cancelled_quantity=0,
        subtotal=subtotal,
        seller_discount=seller_discount,
        platform_discount=platform_discount,
        tax=notes.amount(given.tax or "0", *path, "tax"),
    )


def _price(given: OrderItemInput, notes: Notes, path: Sequence[str]) -> tuple[int, int, int]:
    """The list price, the seller's discount and the platform's discount."""
    problems = len(notes.problems)
    subtotal = notes.amount(given.subtotal, *path, "subtotal")
    seller_discount = notes.amount(given.seller_discount or "0", *path, "sellerDiscount")
    platform_discount = notes.amount(given.platform_discount or "0", *path, "platformDiscount")
    if len(notes.problems) == problems and seller_discount + platform_discount > subtotal:
        notes.refuse("must not be less than both discounts together", *path, "subtotal")
    return subtotal, seller_discount, platform_discount


def _time(time: datetime, name: str, notes: Notes) -> datetime:
    try:
        if time.utcoffset() is not None:
            return time.astimezone(UTC)
    except OverflowError:  # UTC would put it before year 1 or after year 9999
        pass
    notes.refuse("must be a time with a UTC offset", name)
    return time


def _with_cancelled(items: Sequence[OrderItem], packages: Sequence[Package]) -> tuple[OrderItem, ...]:
    cancelled = units([package for package in packages if package.status is PackageStatus.CANCELLED])
    if not cancelled:
        return tuple(items)
    return tuple(replace(item, cancelled_quantity=cancelled[item.position]) for item in items)
