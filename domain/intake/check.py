"""Checks an incoming order and turns it into one to store (docs/rules.md, "Orders that come in")."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from domain.intake.findings import Findings, is_plain
from domain.intake.packages import checked_packages, repeated
from domain.rules.money import to_text
from domain.rules.new_order import MOST_FEES, MOST_ITEMS, MOST_PACKAGE_ITEMS, CancelledUnits, NewOrder
from domain.rules.order import Buyer, Fee, OrderItem, Package
from domain.rules.order_input import BuyerInput, FeeInput, Incoming, OrderInput, OrderItemInput
from domain.rules.outcomes import FulfillmentProblem, misfit
from domain.rules.refunds import order_total
from domain.rules.status import is_paid, order_status
from domain.rules.texts import LONGEST_URL
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus

_DEFAULT_LOCALE = "en_US"

_DONE = frozenset({PackageStatus.DELIVERED, PackageStatus.CANCELLED})


def normalise(incoming: Incoming) -> NewOrder | tuple[FulfillmentProblem, ...]:
    """The order to store, or every problem with it; if it is too large, nothing else is checked."""
    given = incoming.order
    if too_large := _too_large(given):
        return too_large
    findings = Findings(given.currency)
    order = _order(incoming, findings)
    _check_sums(order, findings)
    return tuple(findings.problems) or order


def _too_large(given: OrderInput) -> tuple[FulfillmentProblem, ...]:
    """The limits it exceeds, which keep any accepted order quick to cancel."""
    packages, fees = given.packages or (), given.fees or ()
    held = max(len(packages), sum([len(each.items) for each in packages]))
    counted = (
        ("items", len(given.items), MOST_ITEMS, "items"),
        ("packages", held, MOST_PACKAGE_ITEMS, "package items"),
        ("fees", len(fees), MOST_FEES, "fees"),
    )
    return tuple(
        [
            misfit((name,), f"must have at most {most:,} {what}, not {count:,}")
            for name, count, most, what in counted
            if count > most
        ]
    )


def _order(incoming: Incoming, findings: Findings) -> NewOrder:
    given = incoming.order
    number = findings.number(given.number, "number")
    findings.check_currency("currency")
    placed_at = _time(given.placed_at, "placedAt", findings)
    paid_at = _optional_time(given.paid_at, "paidAt", findings)
    ship_by = _optional_time(given.ship_by, "shipBy", findings)
    buyer = _buyer(given.buyer, findings)
    items = _items(given.items, findings)
    positions = {item.ref: position for position, item in enumerate(given.items, 1)}
    packages = checked_packages(incoming, positions, items, findings)
    if given.status is OrderStatus.COMPLETED and not {package.status for package in packages} <= _DONE:
        findings.refuse("must not be COMPLETED unless every package is DELIVERED or CANCELLED", "status")
    status, is_collected = order_status(given.status, packages), bool(given.collect_on_delivery)
    return NewOrder(
        number=number,
        status=status,
        currency=given.currency,
        prices_include_tax=given.prices_include_tax,
        placed_at=placed_at,
        paid_at=paid_at,
        ship_by=ship_by,
        buyer=buyer,
        items=_with_cancelled(items, packages),
        packages=packages,
        shipping_fee=findings.amount(given.shipping_fee, "shippingFee"),
        shipping_tax=findings.amount(given.shipping_tax, "shippingTax"),
        fees=_fees(given.fees, findings) if given.fees else (),
        total=findings.amount(given.total, "total"),
        collect_on_delivery=is_collected,
        is_paid=is_paid(status, paid_at, collect_on_delivery=is_collected),
        source_updated_at=_optional_time(given.source_updated_at, "sourceUpdatedAt", findings),
        deposits=tuple([(positions[ref], amount) for ref, amount in incoming.deposits]),
        cancelled=tuple(
            [CancelledUnits(positions[each.ref], each.quantity, each.reason, each.words) for each in incoming.cancelled]
        ),
        has_locale=bool(given.buyer.locale),
    )


def _check_sums(order: NewOrder, findings: Findings) -> None:
    """Packages must hold exactly the units of each item, and the parts must sum to the total."""
    held = {item.position: 0 for item in order.items}
    for package in order.packages:
        for packed in package.items:
            held[packed.item] += packed.quantity
    for item in () if findings.has_bad_units else order.items:
        if item.quantity != held[item.position]:
            what = f"is {item.quantity}, but the packages hold {held[item.position]}"
            path = ("items", str(item.position - 1), "quantity")
            findings.refuse(what, *path, code=FulfillmentErrorCode.INVALID_QUANTITY)
    if not findings.has_bad_amounts and (parts := order_total(order)) != order.total:
        what = f"is {to_text(order.total, order.currency)}, but the parts sum to {to_text(parts, order.currency)}"
        findings.refuse(what, "total", code=FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP)


def _buyer(given: BuyerInput, findings: Findings) -> Buyer:
    if not is_plain(f"{given.name}{given.email}{given.locale}"):  # pragma: no mutate: saves time
        findings.text(given.name, "buyer", "name")
        findings.text(given.email, "buyer", "email")
        findings.optional(given.locale, "buyer", "locale")
    return Buyer(given.name, given.email, given.locale or _DEFAULT_LOCALE)


def _items(given: Sequence[OrderItemInput], findings: Findings) -> tuple[OrderItem, ...]:
    if not given:
        findings.has_bad_amounts = True
        findings.refuse("must not be empty", "items", code=FulfillmentErrorCode.EMPTY_SELECTION)
    for index in repeated([item.ref for item in given]):
        findings.has_bad_units = True
        findings.refuse("repeats the ref of an earlier item", "items", str(index), "ref")
    return tuple([_item(index, item, findings) for index, item in enumerate(given)])


def _item(index: int, given: OrderItemInput, findings: Findings) -> OrderItem:
    path = ("items", str(index))
    subtotal, seller_discount, platform_discount = _price(given, findings, path)
    variant, image = given.variant_name or None, given.image_url or None
    if not is_plain(f"{given.sku}{given.product_id}{given.product_name}{variant}{image}"):  # pragma: no mutate
        findings.text(given.sku, *path, "sku")
        findings.text(given.product_id, *path, "productId")
        findings.text(given.product_name, *path, "productName")
        findings.optional(given.variant_name, *path, "variantName")
        findings.optional(given.image_url, *path, "imageUrl", longest=LONGEST_URL)
    quantity = findings.quantity(given.quantity, *path, "quantity")
    tax = findings.amount(given.tax or None, *path, "tax")
    texts = (given.sku, given.product_id, given.product_name, variant, image)
    units = (bool(given.is_gift), quantity, 0)  # none is cancelled yet
    return OrderItem(index + 1, *texts, *units, subtotal, seller_discount, platform_discount, tax)


def _price(given: OrderItemInput, findings: Findings, path: Sequence[str]) -> tuple[int, int, int]:
    """The list price, the seller's discount and the platform's discount."""
    problems = len(findings.problems)
    subtotal = findings.amount(given.subtotal, *path, "subtotal")
    if not given.seller_discount and not given.platform_discount:
        return subtotal, 0, 0
    seller_discount = findings.amount(given.seller_discount or None, *path, "sellerDiscount")
    platform_discount = findings.amount(given.platform_discount or None, *path, "platformDiscount")
    if len(findings.problems) == problems and seller_discount + platform_discount > subtotal:
        findings.refuse("must not be less than both discounts together", *path, "subtotal")
    return subtotal, seller_discount, platform_discount


def _fees(given: Sequence[FeeInput], findings: Findings) -> tuple[Fee, ...]:
    return tuple(
        Fee(fee.kind, findings.amount(fee.amount, "fees", str(index), "amount")) for index, fee in enumerate(given)
    )


def _optional_time(time: datetime | None, name: str, findings: Findings) -> datetime | None:
    return _time(time, name, findings) if time else None


def _time(time: datetime, name: str, findings: Findings) -> datetime:
    if time.tzinfo is UTC:  # pragma: no mutate: only saves time
        return time
    try:
        if time.utcoffset() is not None:
            return time.astimezone(UTC)
    except OverflowError:  # UTC would put it before year 1 or after year 9999
        pass
    findings.refuse("must be a time with a UTC offset", name)
    return time


def _with_cancelled(items: Sequence[OrderItem], packages: Sequence[Package]) -> tuple[OrderItem, ...]:
    gone = [packed for package in packages for packed in package.items if packed.cancelled_quantity]
    if not gone:
        return tuple(items)
    cancelled = {item.position: 0 for item in items}
    for packed in gone:
        cancelled[packed.item] += packed.cancelled_quantity
    return tuple([replace(item, cancelled_quantity=cancelled[item.position]) for item in items])
