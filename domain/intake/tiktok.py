"""Translates TikTok Shop's Get Order Detail response into our own input (docs/rules.md, "Orders that come in").

The values below are the parts of its JSON that we read, under its own names; paths of problems use the same names.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import ConfigDict, with_config

from domain.intake.check import DEFAULT_LOCALE
from domain.intake.findings import Findings
from domain.rules.money import to_text
from domain.rules.order import value
from domain.rules.order_input import (
    BuyerInput,
    FeeInput,
    Incoming,
    OrderInput,
    OrderItemInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.outcomes import FulfillmentProblem
from domain.rules.vocabulary import FeeKind, FulfillmentErrorCode, OrderStatus, PackageStatus

_PACKAGE_STATUSES = {
    "TO_FULFILL": PackageStatus.AWAITING_SHIPMENT,
    "PROCESSING": PackageStatus.AWAITING_COLLECTION,
    "FULFILLING": PackageStatus.IN_TRANSIT,
    "COMPLETED": PackageStatus.DELIVERED,
    "CANCELLED": PackageStatus.CANCELLED,
}
_LOCALES: dict[str | None, str] = {
    "US": "en_US",
    "GB": "en_GB",
    "DE": "de_DE",
    "AT": "de_DE",
    "ES": "es_ES",
    "MX": "es_ES",
    "FR": "fr_FR",
    "JP": "ja_JP",
    "ID": "id_ID",
}
_FEES = {
    "retail_delivery_fee": FeeKind.RETAIL_DELIVERY,
    "buyer_service_fee": FeeKind.BUYER_SERVICE,
    "small_order_fee": FeeKind.SMALL_ORDER,
    "handling_fee": FeeKind.HANDLING,
}
_PAYMENT_AMOUNTS = (
    "original_total_product_price",
    "seller_discount",
    "platform_discount",
    "sub_total",
    "shipping_fee",
    *_FEES,
    "product_tax",
    "shipping_fee_tax",
    "tax",
    "total_amount",
)
_TAX_ON_TOP = "SALES_TAX"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_in_json = with_config(ConfigDict(strict=True))


@_in_json
@value
class ItemTax:
    tax_amount: str
    tax_type: str | None = None


@_in_json
@value
class LineItem:
    """One unit."""

    sku_id: str
    product_id: str
    product_name: str
    original_price: str
    sku_name: str | None = None
    sku_image: str | None = None
    is_gift: bool | None = None
    seller_discount: str | None = None
    platform_discount: str | None = None
    item_tax: tuple[ItemTax, ...] | None = None
    package_id: str | None = None
    package_status: str | None = None


@_in_json
@value
class Payment:
    currency: str
    original_total_product_price: str
    sub_total: str
    total_amount: str
    seller_discount: str | None = None
    platform_discount: str | None = None
    shipping_fee: str | None = None
    product_tax: str | None = None
    shipping_fee_tax: str | None = None
    tax: str | None = None
    retail_delivery_fee: str | None = None
    buyer_service_fee: str | None = None
    small_order_fee: str | None = None
    handling_fee: str | None = None


@_in_json
@value
class RecipientAddress:
    name: str | None = None
    region_code: str | None = None


@_in_json
@value
class MarketplaceOrder:
    """Times are Unix seconds; 0 means not set."""

    id: str
    status: str
    create_time: int
    payment: Payment
    line_items: tuple[LineItem, ...]
    paid_time: int | None = None
    rts_sla_time: int | None = None
    buyer_email: str | None = None
    recipient_address: RecipientAddress | None = None


@value
class _Unit:
    """A line item with its amounts in minor units."""

    line: LineItem
    subtotal: int
    seller_discount: int
    platform_discount: int
    tax: int

    @property
    def kind(self) -> tuple[str, bool, int]:
        """Units of the same kind become one item."""
        return self.line.sku_id, bool(self.line.is_gift), self.subtotal


def incoming(order: MarketplaceOrder) -> Incoming | tuple[FulfillmentProblem, ...]:
    """The order as our own input, or every problem with it."""
    findings = Findings(order.payment.currency)
    given = _Translation(order, findings).order()
    return tuple(findings.problems) or Incoming(given)


class _Translation:
    """Translates one order, part by part, and collects problems on the way."""

    def __init__(self, order: MarketplaceOrder, findings: Findings) -> None:
        self._order = order
        self._notes = findings
        self._currency = order.payment.currency

    def order(self) -> OrderInput:
        order = self._order
        self._notes.check_currency("payment", "currency")
        paid = {name: self._notes.amount(getattr(order.payment, name), "payment", name) for name in _PAYMENT_AMOUNTS}
        units = [self._unit(index, line) for index, line in enumerate(order.line_items)]
        is_taxed_on_top = any(tax.tax_type == _TAX_ON_TOP for unit in units for tax in unit.line.item_tax or ())
        self._check_sums(paid, units, is_taxed_on_top=is_taxed_on_top)
        kinds: defaultdict[tuple[str, bool, int], list[_Unit]] = defaultdict(list)
        for unit in units:
            kinds[unit.kind].append(unit)
        refs = {kind: str(ref) for ref, kind in enumerate(kinds, 1)}
        return OrderInput(
            number=order.id,
            status=self._status(),
            currency=self._currency,
            prices_include_tax=not is_taxed_on_top,
            placed_at=self._time(order.create_time, "create_time"),
            paid_at=self._time(order.paid_time, "paid_time") if order.paid_time else None,
            ship_by=self._time(order.rts_sla_time, "rts_sla_time") if order.rts_sla_time else None,
            buyer=self._buyer(),
            items=tuple(self._item(refs[kind], alike) for kind, alike in kinds.items()),
            packages=self._packages([(unit.line, refs[unit.kind]) for unit in units]),
            shipping_fee=self._text(paid["shipping_fee"]),
            shipping_tax=self._text(paid["shipping_fee_tax"]),
            fees=tuple(FeeInput(kind, self._text(paid[name])) for name, kind in _FEES.items() if paid[name]),
            total=self._text(paid["total_amount"]),
        )

    def _check_sums(self, paid: Mapping[str, int], units: Sequence[_Unit], *, is_taxed_on_top: bool) -> None:
        if self._notes.has_bad_amounts or not units:
            return
        discounts = paid["seller_discount"] + paid["platform_discount"]
        charges = paid["shipping_fee"] + sum(paid[name] for name in _FEES) + (paid["tax"] if is_taxed_on_top else 0)
        sums = {
            "original_total_product_price": sum(unit.subtotal for unit in units),
            "seller_discount": sum(unit.seller_discount for unit in units),
            "platform_discount": sum(unit.platform_discount for unit in units),
            "product_tax": sum(unit.tax for unit in units),
            "sub_total": paid["original_total_product_price"] - discounts,
            "tax": paid["product_tax"] + paid["shipping_fee_tax"],
            "total_amount": paid["sub_total"] + charges,
        }
        for name, parts in sums.items():
            if paid[name] != parts:
                what = f"is {self._text(paid[name])}, but its parts sum to {self._text(parts)}"
                self._notes.refuse(what, "payment", name, code=FulfillmentErrorCode.AMOUNTS_DO_NOT_ADD_UP)

    def _unit(self, index: int, line: LineItem) -> _Unit:
        path = ("line_items", str(index))
        taxes = enumerate(line.item_tax or ())
        return _Unit(
            line=line,
            subtotal=self._notes.amount(line.original_price, *path, "original_price"),
            seller_discount=self._notes.amount(line.seller_discount, *path, "seller_discount"),
            platform_discount=self._notes.amount(line.platform_discount, *path, "platform_discount"),
            tax=sum(
                self._notes.amount(tax.tax_amount, *path, "item_tax", str(each), "tax_amount") for each, tax in taxes
            ),
        )

    def _status(self) -> OrderStatus:
        words = OrderStatus.__members__
        if status := words.get(self._order.status):
            return status
        self._notes.refuse(f"must be one of {', '.join(words)}", "status")
        return OrderStatus.UNPAID

    def _buyer(self) -> BuyerInput:
        address = self._order.recipient_address or RecipientAddress()
        locale = _LOCALES.get(address.region_code, DEFAULT_LOCALE)
        return BuyerInput(address.name or "", self._order.buyer_email or "", locale)

    def _item(self, ref: str, units: Sequence[_Unit]) -> OrderItemInput:
        line = units[0].line
        return OrderItemInput(
            ref=ref,
            sku=line.sku_id,
            product_id=line.product_id,
            product_name=line.product_name,
            variant_name=line.sku_name,
            image_url=line.sku_image,
            is_gift=line.is_gift,
            quantity=len(units),
            subtotal=self._text(sum(unit.subtotal for unit in units)),
            seller_discount=self._text(sum(unit.seller_discount for unit in units)),
            platform_discount=self._text(sum(unit.platform_discount for unit in units)),
            tax=self._text(sum(unit.tax for unit in units)),
        )

    def _packages(self, units: Sequence[tuple[LineItem, str]]) -> tuple[PackageInput, ...]:
        """`units` are paired with the refs of their items."""
        statuses: dict[str, PackageStatus] = {}
        contents: dict[str, Counter[str]] = {}
        for index, (line, ref) in enumerate(units):
            number = line.package_id or f"{self._order.id}-1"
            status = self._package_status(line, "line_items", str(index), "package_status")
            if statuses.setdefault(number, status) is not status:
                what = "must match the package's other units"
                self._notes.refuse(what, "line_items", str(index), "package_status")
            contents.setdefault(number, Counter())[ref] += 1
        return tuple(
            PackageInput(number, statuses[number], tuple(PackageItemInput(*held) for held in content.items()))
            for number, content in contents.items()
        )

    def _package_status(self, line: LineItem, *path: str) -> PackageStatus:
        if not line.package_id:
            return PackageStatus.AWAITING_SHIPMENT
        if line.package_status in _PACKAGE_STATUSES:
            return _PACKAGE_STATUSES[line.package_status]
        self._notes.refuse(f"must be one of {', '.join(_PACKAGE_STATUSES)}", *path)
        return PackageStatus.AWAITING_SHIPMENT

    def _time(self, seconds: int, name: str) -> datetime:
        try:
            return _EPOCH + timedelta(seconds=seconds)
        except OverflowError:
            self._notes.refuse("must be a time in Unix seconds", name)
            return _EPOCH

    def _text(self, minor: int) -> str:
        return to_text(minor, self._currency)
