"""Orders as they stand at a marketplace, and the documents in which it tells them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

AWAITING_SHIPMENT, AWAITING_COLLECTION, IN_TRANSIT, DELIVERED = STAGES = (
    "AWAITING_SHIPMENT",
    "AWAITING_COLLECTION",
    "IN_TRANSIT",
    "DELIVERED",
)
PACKAGE_WORDS = dict(zip(STAGES, ("TO_FULFILL", "PROCESSING", "FULFILLING", "COMPLETED"), strict=True))
# The payment's fees, with their kinds here, in the order in which a discount eats them up.
FEES = {
    "retail_delivery_fee": "RETAIL_DELIVERY",
    "buyer_service_fee": "BUYER_SERVICE",
    "small_order_fee": "SMALL_ORDER",
    "handling_fee": "HANDLING",
    "item_insurance_fee": "INSURANCE",
    "item_insurance_tax": "INSURANCE",
    "shipping_insurance_fee": "INSURANCE",
    "distance_fee": "DISTANCE",
    "pfand_fee": "DEPOSIT",
    "payment_discount_service_fee": "BUYER_SERVICE",
}


@dataclass(frozen=True, slots=True)
class Market:
    """`digits` are the currency's; where packages are not named from the start, they are when units ship."""

    region: str
    currency: str
    digits: int
    has_tax_on_top: bool = False
    names_packages: bool = True


MARKETS = (
    Market("US", "USD", 2, has_tax_on_top=True, names_packages=False),
    Market("GB", "GBP", 2, names_packages=False),
    Market("VN", "VND", 0),
    Market("TH", "THB", 2),
    Market("ID", "IDR", 2),
    Market("DE", "EUR", 2),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One entry; amounts in minor units. A cancelled unit keeps the stage that it had."""

    sku: str
    price: int
    seller_discount: int = 0
    platform_discount: int = 0
    tax: int = 0
    deposit: int = 0
    is_gift: bool = False
    package: str | None = None
    stage: str = AWAITING_SHIPMENT
    is_cancelled: bool = False
    cancelled_by: str = ""
    cancelled_why: str = ""
    carrier: str = ""
    tracking_number: str = ""

    @property
    def paid(self) -> int:
        """Without tax and before anything is spread."""
        return self.price - self.seller_discount - self.platform_discount


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """`set_to` is a status that wins over the units' stages; `fees` are by the payment's field."""

    number: str
    market: Market
    units: tuple[Unit, ...]
    set_to: str | None = None
    is_cod: bool = False
    placed_at: int = 1_790_007_000
    paid_at: int | None = 1_790_007_060
    updated_at: int | None = 1_790_010_600
    ship_by: int | None = 1_790_179_800
    name: str = "Ada Buyer"
    email: str = "ada@example.com"
    shipping_fee: int = 0
    shipping_tax: int = 0
    fees: tuple[tuple[str, int], ...] = ()
    payment_discount: int = 0
    included_tax: int = 0

    @property
    def live(self) -> list[Unit]:
        return [unit for unit in self.units if not unit.is_cancelled]

    @property
    def status(self) -> str:
        stages = {unit.stage for unit in self.live}
        if not stages:
            return "CANCELLED"
        if self.set_to:
            return self.set_to
        if len(stages) == 1:
            return stages.pop()
        return IN_TRANSIT if stages == {IN_TRANSIT, DELIVERED} else "PARTIALLY_SHIPPING"

    @property
    def products(self) -> int:
        return sum(unit.paid for unit in self.units)

    @property
    def tax(self) -> int:
        """All tax, on top or included."""
        lines = sum(unit.tax for unit in self.units) if self.market.has_tax_on_top else self.included_tax
        return lines + self.shipping_tax

    @property
    def deposits(self) -> int:
        return sum(unit.deposit for unit in self.units)

    @property
    def total(self) -> int:
        fees = sum(amount for _, amount in self.fees) + self.deposits
        on_top = self.tax if self.market.has_tax_on_top else 0
        return self.products + self.shipping_fee + fees + on_top - self.payment_discount

    @property
    def is_paid_at_first(self) -> bool:
        return not (self.status == "UNPAID" or (self.paid_at is None and (self.is_cod or self.status == "CANCELLED")))

    def with_units(self, changed: dict[int, Unit]) -> "MarketOrder":
        return replace(self, units=tuple(changed.get(place, unit) for place, unit in enumerate(self.units)))


@dataclass(frozen=True, slots=True)
class Shape:
    """How a document is written; none of it changes what it says."""

    ids: str = "text"  # number
    amounts: str = "text"  # short, number
    times: str = "seconds"  # milliseconds, text
    missing: str = "absent"  # null, empty
    words: str = "both"  # display, package, lagging package, lagging display
    is_spaced: bool = False


PLAIN = Shape()


def document(order: MarketOrder, shape: Shape = PLAIN) -> dict[str, Any]:
    """The order as JSON."""
    write = _Writer(order, shape)
    fields = {
        "id": write.an_id(order.number),
        "status": order.status,
        "create_time": write.time(order.placed_at),
        "paid_time": write.time(order.paid_at),
        "update_time": write.time(order.updated_at),
        "rts_sla_time": write.time(order.ship_by),
        "buyer_email": write.text(order.email),
        "is_cod": order.is_cod,
        "recipient_address": {"name": write.text(order.name), "region_code": order.market.region},
        "payment": write.payment(),
        "line_items": [write.line(place, unit) for place, unit in enumerate(order.units, 1)],
        "fulfillment_type": "FULFILLMENT_BY_SELLER",
    }
    return write.without_missing(fields)


def answer(orders: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The marketplace's answer with these documents."""
    return {"code": 0, "message": "Success", "data": {"orders": list(orders)}, "request_id": "0"}


def minor(amount: int, digits: int) -> str:
    """The amount's decimal text."""
    return f"{Decimal(amount).scaleb(-digits):f}"


class _Writer:
    def __init__(self, order: MarketOrder, shape: Shape) -> None:
        self._order, self._shape = order, shape

    def an_id(self, text: str) -> str | int:
        return int(text) if self._shape.ids == "number" else text

    def text(self, text: str) -> str:
        return f" {text.replace(' ', '  ')}\t" if self._shape.is_spaced and text else text

    def time(self, seconds: int | None) -> str | int | None:
        if seconds is None:
            return None
        if self._shape.times == "text":
            return str(seconds)
        return seconds * 1000 if self._shape.times == "milliseconds" else seconds

    def optional(self, amount: int) -> str | float | None:
        """The amount, or nothing where it is 0 and amounts are written as short as can be."""
        return self.amount(amount) if amount or self._shape.amounts != "short" else None

    def amount(self, amount: int) -> str | float:
        digits = self._order.market.digits
        text = minor(amount, digits)
        if self._shape.amounts == "text":
            return text
        short = text.rstrip("0").rstrip(".") if digits else text
        return short if self._shape.amounts == "short" else float(text) if "." in short else int(short)

    def without_missing(self, fields: dict[str, Any]) -> dict[str, Any]:
        if self._shape.missing == "absent":
            return {name: content for name, content in fields.items() if content is not None}
        empty = "" if self._shape.missing == "empty" else None
        return {name: empty if content is None else content for name, content in fields.items()}

    def payment(self) -> dict[str, Any]:
        order, amount, optional = self._order, self.amount, self.optional
        fees = dict(order.fees) | ({"pfand_fee": order.deposits} if order.deposits else {})
        fields = {
            "currency": order.market.currency,
            "original_total_product_price": amount(sum(unit.price for unit in order.units)),
            "seller_discount": optional(sum(unit.seller_discount for unit in order.units)),
            "platform_discount": optional(sum(unit.platform_discount for unit in order.units)),
            "sub_total": amount(order.products),
            "original_shipping_fee": amount(order.shipping_fee + 3000),
            "shipping_fee_platform_discount": amount(3000),
            "shipping_fee": optional(order.shipping_fee),
            "product_tax": optional(order.tax - order.shipping_tax),
            "shipping_fee_tax": optional(order.shipping_tax),
            "tax": optional(order.tax),
            "payment_platform_discount": optional(order.payment_discount),
            "total_amount": amount(order.total),
        }
        return self.without_missing(fields | {name: amount(fee) for name, fee in fees.items()})

    def line(self, place: int, unit: Unit) -> dict[str, Any]:
        amount, optional = self.amount, self.optional
        display, package = self._words(unit)
        tax = [{"tax_type": "SALES_TAX", "tax_amount": amount(unit.tax)}] if unit.tax else None
        fields = {
            "id": self.an_id(f"{place:04}" if self._shape.ids == "text" else f"1{place:03}"),
            "sku_id": unit.sku,
            "product_id": f"P{unit.sku}",
            "product_name": self.text(f"The product {unit.sku}"),
            "sku_name": self.text("Sand, M"),
            "original_price": amount(unit.price),
            "seller_discount": optional(unit.seller_discount),
            "platform_discount": optional(unit.platform_discount),
            "is_gift": unit.is_gift,
            "item_tax": tax if self._order.market.has_tax_on_top else None,
            "pfand_fee": amount(unit.deposit) if unit.deposit else None,
            "display_status": display,
            "package_id": self.an_id(unit.package) if unit.package else None,
            "package_status": package,
            "cancel_user": unit.cancelled_by or None,
            "cancel_reason": unit.cancelled_why or None,
            "shipping_provider_name": unit.carrier or None,
            "tracking_number": unit.tracking_number or None,
        }
        return self.without_missing(fields)

    def _words(self, unit: Unit) -> tuple[str | None, str | None]:
        """The unit's display_status and package_status; a lagging one is a stage behind the other."""
        order, words = self._order, self._shape.words
        package = PACKAGE_WORDS[unit.stage] if unit.package else None
        if unit.is_cancelled:
            is_gone = unit.package not in {each.package for each in order.live}
            return "CANCELLED", "CANCELLED" if is_gone and package else package
        display = order.set_to if order.set_to in {"UNPAID", "ON_HOLD"} else unit.stage
        if order.set_to == "COMPLETED":
            display = "COMPLETED"
        behind = STAGES[max(STAGES.index(unit.stage) - 1, 0)]
        if package is None or words in {"both", "display"}:
            return display, package if words == "both" else None
        if words == "package":
            return None, package
        if words == "lagging package":
            return display, PACKAGE_WORDS[behind]
        return (display if order.set_to else behind), package
