"""Checks an incoming order and turns it into one to store (docs/rules.md, "Orders that come in")."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from domain.rules.money import LONGEST_DECIMAL, decimal, digits, to_minor, to_text
from domain.rules.new_order import MOST_FEES, MOST_ITEMS, MOST_PACKAGE_ITEMS, MOST_UNITS, NewOrder
from domain.rules.order import Buyer, Fee, OrderItem, Package, PackageItem
from domain.rules.order_input import (
    BuyerInput,
    OrderInput,
    OrderItemInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.outcomes import FulfillmentProblem, misfit
from domain.rules.refunds import order_total
from domain.rules.status import order_status
from domain.rules.texts import LONGEST_NUMBER, LONGEST_TEXT, LONGEST_URL, text_faults
from domain.rules.vocabulary import FulfillmentErrorCode, OrderStatus, PackageStatus

DEFAULT_LOCALE = "en_US"

_TOO_LARGE = 10**15
_NO_DECIMAL = 'must be a decimal number such as "12.50"'
# The status of the only package when none are given; a partially shipped order must come with its packages.
_OF_ONE_PACKAGE = {
    OrderStatus.UNPAID: PackageStatus.AWAITING_SHIPMENT,
    OrderStatus.ON_HOLD: PackageStatus.AWAITING_SHIPMENT,
    OrderStatus.AWAITING_SHIPMENT: PackageStatus.AWAITING_SHIPMENT,
    OrderStatus.AWAITING_COLLECTION: PackageStatus.AWAITING_COLLECTION,
    OrderStatus.IN_TRANSIT: PackageStatus.IN_TRANSIT,
    OrderStatus.DELIVERED: PackageStatus.DELIVERED,
    OrderStatus.COMPLETED: PackageStatus.DELIVERED,
    OrderStatus.CANCELLED: PackageStatus.CANCELLED,
}
_Path = tuple[str, ...]
_DONE = frozenset({PackageStatus.DELIVERED, PackageStatus.CANCELLED})


def normalise(given: OrderInput) -> NewOrder | tuple[FulfillmentProblem, ...]:
    """The order to store, or every problem with it; if it is too large, nothing else is checked."""
    if too_large := _too_large(given):
        return too_large
    check = _Check(given)
    order = check.order()
    check.sums(order)
    return tuple(check.problems) or order


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


def amount(text: str, currency_digits: int) -> int | str:
    """Minor units, or what is wrong with the text, as a phrase that follows its path."""
    # Longer texts are never amounts, and must not fill the cache.
    return _amount(text, currency_digits) if len(text) <= LONGEST_DECIMAL else _NO_DECIMAL


@lru_cache(maxsize=10_000)
def _amount(text: str, currency_digits: int) -> int | str:
    exact = decimal(text)
    if exact is None:
        return _NO_DECIMAL
    if exact < 0:
        return "must not be negative"
    minor = to_minor(exact, currency_digits)
    if minor is None:
        return f"must have at most {currency_digits} decimals, as its currency has"
    return minor if minor < _TOO_LARGE else "is too large: it must be below 10^15 in the currency's smallest unit"


class _Check:
    """Builds the order to store, part by part, and collects problems on the way."""

    def __init__(self, given: OrderInput) -> None:
        self.problems: list[FulfillmentProblem] = []
        self._given = given
        self._digits = digits(given.currency)
        self._positions = {item.ref: position for position, item in enumerate(given.items, 1)}
        # Sums are checked only while all their parts are valid.
        self._units_known = True
        self._amounts_known = True

    def order(self) -> NewOrder:
        given = self._given
        number = self._number(given.number, "number")
        if self._digits is None:
            self._refuse("must be an ISO 4217 currency code in capitals", "currency")
        placed_at = self._time(given.placed_at, "placedAt")
        paid_at = self._time(given.paid_at, "paidAt") if given.paid_at else None
        ship_by = self._time(given.ship_by, "shipBy") if given.ship_by else None
        buyer = self._buyer(given.buyer)
        items = self._items(given.items)
        packages = self._packages(given.packages) if given.packages else self._one_package(items)
        if given.status is OrderStatus.COMPLETED and not {package.status for package in packages} <= _DONE:
            self._refuse("must not be COMPLETED unless every package is DELIVERED or CANCELLED", "status")
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
            shipping_fee=self._amount(given.shipping_fee, "shippingFee"),
            shipping_tax=self._amount(given.shipping_tax, "shippingTax"),
            fees=self._fees(),
            total=self._amount(given.total, "total"),
        )

    def sums(self, order: NewOrder) -> None:
        """Packages must hold exactly the units of each item, and the parts must sum to the total."""
        held = _units(order.packages)
        for index, item in enumerate(order.items if self._units_known else ()):
            if item.quantity != held[item.position]:
                what = f"is {item.quantity}, but the packages hold {held[item.position]}"
                self._refuse(what, "quantity", ("items", str(index)), FulfillmentErrorCode.INVALID_QUANTITY)
        if self._amounts_known and (parts := order_total(order)) != order.total:
            what = f"is {to_text(order.total, order.currency)}, but the parts sum to {to_text(parts, order.currency)}"
            self._refuse(what, "total", code=FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP)

    def _buyer(self, given: BuyerInput) -> Buyer:
        return Buyer(
            name=self._text(given.name, "name", ("buyer",)),
            email=self._text(given.email, "email", ("buyer",)),
            locale=self._optional(given.locale, "locale", ("buyer",)) or DEFAULT_LOCALE,
        )

    def _items(self, given: Sequence[OrderItemInput]) -> tuple[OrderItem, ...]:
        if not given:
            self._amounts_known = False
            self._refuse("must not be empty", "items", code=FulfillmentErrorCode.EMPTY_SELECTION)
        for index in _repeated([item.ref for item in given]):
            self._units_known = False
            self._refuse("repeats the ref of an earlier item", "ref", ("items", str(index)))
        return tuple(self._item(index, item) for index, item in enumerate(given))

    def _item(self, index: int, given: OrderItemInput) -> OrderItem:
        path = ("items", str(index))
        subtotal, seller_discount, platform_discount = self._price(given, path)
        return OrderItem(
            position=index + 1,
            sku=self._text(given.sku, "sku", path),
            product_id=self._text(given.product_id, "productId", path),
            product_name=self._text(given.product_name, "productName", path),
            variant_name=self._optional(given.variant_name, "variantName", path),
            image_url=self._optional(given.image_url, "imageUrl", path, longest=LONGEST_URL),
            is_gift=bool(given.is_gift),
            quantity=self._quantity(given.quantity, path),
            cancelled_quantity=0,
            subtotal=subtotal,
            seller_discount=seller_discount,
            platform_discount=platform_discount,
            tax=self._amount(given.tax or "0", "tax", path),
        )

    def _price(self, given: OrderItemInput, path: _Path) -> tuple[int, int, int]:
        """The list price, the seller's discount and the platform's discount."""
        problems = len(self.problems)
        subtotal = self._amount(given.subtotal, "subtotal", path)
        seller_discount = self._amount(given.seller_discount or "0", "sellerDiscount", path)
        platform_discount = self._amount(given.platform_discount or "0", "platformDiscount", path)
        if len(self.problems) == problems and seller_discount + platform_discount > subtotal:
            self._refuse("must not be less than both discounts together", "subtotal", path)
        return subtotal, seller_discount, platform_discount

    def _packages(self, given: Sequence[PackageInput]) -> tuple[Package, ...]:
        for index in _repeated([package.number for package in given]):
            self._refuse("repeats the number of an earlier package", "number", ("packages", str(index)))
        return tuple(self._package(index, package) for index, package in enumerate(given))

    def _package(self, index: int, given: PackageInput) -> Package:
        path = ("packages", str(index))
        if not given.items:
            self._refuse("must not be empty", "items", path, FulfillmentErrorCode.EMPTY_SELECTION)
        for entry in _repeated([packed.ref for packed in given.items]):
            what = "repeats the ref of an earlier entry in this package"
            self._refuse(what, "ref", (*path, "items", str(entry)), FulfillmentErrorCode.DUPLICATE_ITEM)
        status = PackageStatus.CANCELLED if self._given.status is OrderStatus.CANCELLED else given.status
        return Package(
            position=index + 1,
            number=self._number(given.number, "number", path),
            status=status,
            carrier=self._optional(given.carrier, "carrier", path),
            tracking_number=self._optional(given.tracking_number, "trackingNumber", path, longest=LONGEST_NUMBER),
            items=tuple(
                self._package_item(packed, status, (*path, "items", str(entry)))
                for entry, packed in enumerate(given.items)
            ),
        )

    def _package_item(self, given: PackageItemInput, status: PackageStatus, path: _Path) -> PackageItem:
        position = self._positions.get(given.ref, 0)
        if not position:
            self._units_known = False
            self._refuse("does not match any item of the order", "ref", path, FulfillmentErrorCode.NOT_FOUND)
        return _packed(position, self._quantity(given.quantity, path), status)

    def _one_package(self, items: Sequence[OrderItem]) -> tuple[Package, ...]:
        """The package that holds everything, if the order comes without packages."""
        status = _OF_ONE_PACKAGE.get(self._given.status)
        if status is None:
            self._units_known = False
            self._refuse("must not be PARTIALLY_SHIPPING without packages", "status")
            return ()
        content = tuple(_packed(item.position, item.quantity, status) for item in items)
        return (Package(1, f"{self._given.number}-1", status, None, None, content),)

    def _fees(self) -> tuple[Fee, ...]:
        given = enumerate(self._given.fees or ())
        return tuple(Fee(fee.kind, self._amount(fee.amount, "amount", ("fees", str(index)))) for index, fee in given)

    def _number(self, number: str, name: str, path: _Path = ()) -> str:
        if not number:
            self._refuse("must not be empty", name, path)
        return self._text(number, name, path, longest=LONGEST_NUMBER)

    def _text(self, text: str, name: str, path: _Path = (), *, longest: int = LONGEST_TEXT) -> str:
        for fault in text_faults(text, longest):
            self._refuse(fault, name, path)
        return text

    def _optional(self, text: str | None, name: str, path: _Path, *, longest: int = LONGEST_TEXT) -> str | None:
        """None for empty text."""
        return self._text(text, name, path, longest=longest) if text else None

    def _time(self, time: datetime, name: str) -> datetime:
        try:
            if time.utcoffset() is not None:
                return time.astimezone(UTC)
        except OverflowError:  # UTC would put it before year 1 or after year 9999
            pass
        self._refuse("must be a time with a UTC offset", name)
        return time

    def _quantity(self, quantity: int, path: _Path) -> int:
        if 1 <= quantity <= MOST_UNITS:
            return quantity
        self._units_known = False
        if quantity < 1:
            self._refuse("must be at least 1", "quantity", path, FulfillmentErrorCode.INVALID_QUANTITY)
        else:
            self._refuse(f"must be at most {MOST_UNITS}", "quantity", path)
        return 1

    def _amount(self, text: str, name: str, path: _Path = ()) -> int:
        """Minor units; 0 if it is refused or the currency is unknown."""
        result = 0 if self._digits is None else amount(text, self._digits)
        if isinstance(result, int):
            return result
        self._amounts_known = False
        self._refuse(result, name, path)
        return 0

    def _refuse(
        self,
        what: str,
        name: str,
        path: _Path = (),
        code: FulfillmentErrorCode = FulfillmentErrorCode.INVALID_VALUE,
    ) -> None:
        self.problems.append(misfit((*path, name), what, code))


def _packed(item: int, quantity: int, status: PackageStatus) -> PackageItem:
    return PackageItem(item, quantity, quantity if status is PackageStatus.CANCELLED else 0)


def _with_cancelled(items: Sequence[OrderItem], packages: Sequence[Package]) -> tuple[OrderItem, ...]:
    cancelled = _units([package for package in packages if package.status is PackageStatus.CANCELLED])
    if not cancelled:
        return tuple(items)
    return tuple(replace(item, cancelled_quantity=cancelled[item.position]) for item in items)


def _units(packages: Sequence[Package]) -> Counter[int]:
    """The units in the packages, keyed by item position."""
    units = Counter[int]()
    for package in packages:
        for packed in package.items:
            units[packed.item] += packed.quantity
    return units


def _repeated(names: Sequence[str]) -> list[int]:
    """The indexes of names that repeat an earlier one."""
    if len(set(names)) == len(names):
        return []
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    return [index for index, name in enumerate(names) if first[name] != index]
