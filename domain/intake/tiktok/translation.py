"""Translates an order of TikTok Shop into our own input (docs/rules.md, "Orders in the marketplace's format")."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.intake.findings import Findings
from domain.intake.tiktok.amounts import line_amounts, payment_amounts
from domain.intake.tiktok.cancelled import cancelled_units
from domain.intake.tiktok.lines import total_of
from domain.intake.tiktok.money import Settled, settled
from domain.intake.tiktok.packing import Packed, packed
from domain.intake.tiktok.texts import kept, name
from domain.intake.tiktok.units import must_be_one_of, units
from domain.intake.tiktok.wire import MarketplaceOrder
from domain.rules.money import decimal_text, digits
from domain.rules.order_input import BuyerInput, FeeInput, Incoming, OrderInput, OrderItemInput
from domain.rules.outcomes import FulfillmentProblem
from domain.rules.status import derived
from domain.rules.texts import LONGEST_NUMBER, LONGEST_URL
from domain.rules.vocabulary import OrderStatus, PackageStatus

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
_UNSETTLED = Settled(
    prices_include_tax=True, lines=(), items=(), shipping_fee=0, shipping_tax=0, fees=(), total=0, notes=()
)
_STATUSES = OrderStatus.__members__
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Some programs write whole numbers with decimals. More digits are after the last year.
_TIME = re.compile(r"([0-9]{1,15})(?:\.0+)?")
_FIRST_MILLISECONDS = 10**11
_LAST_MILLISECOND = 253_402_300_799_999  # of year 9999


def incoming(order: MarketplaceOrder) -> Incoming | tuple[FulfillmentProblem, ...]:
    """The order as our own input, or every problem with it."""
    return _Translation(order).incoming()


class _Translation:
    """Translates one order, part by part, and collects problems on the way."""

    def __init__(self, order: MarketplaceOrder) -> None:
        self._order = order
        payment = order.get("payment") or {}
        self._lines = order.get("line_items") or ()
        self._currency = str(payment.get("currency")).strip()
        self._digits = digits(self._currency) or 0
        self._findings = Findings(self._currency)
        self._findings.check_currency("payment", "currency")
        self._paid, self._given = payment_amounts(payment, self._findings)
        self._read = line_amounts(self._lines, self._findings)

    def incoming(self) -> Incoming | tuple[FulfillmentProblem, ...]:
        findings, order = self._findings, self._order
        settlement = settled(self._paid, self._given, self._read, findings, currency=self._currency)
        if settlement is None:  # other problems are still to be found: each line is an item of its own
            each_alone = tuple((index,) for index in range(len(self._read)))
            settlement = replace(_UNSETTLED, items=each_alone, lines=tuple(line.amounts for line in self._read))
        refs = _refs(settlement.items)
        status = self._status()
        each = units(self._lines, status, findings)
        number = self._present(kept(order.get("id"), findings, "id", longest=LONGEST_NUMBER), "id")
        packages = packed(number, each, refs, findings)
        translated = self._input(number, _settled_status(status, packages), settlement, packages)
        return tuple(findings.problems) or Incoming(
            translated,
            numbered_here=packages.numbered_here,
            deposits=_deposits(settlement),
            cancelled=cancelled_units(each, refs, order),
            notes=(*findings.notes(), *settlement.notes),
        )

    def _input(self, number: str, status: OrderStatus, settlement: Settled, packages: Packed) -> OrderInput:
        order = self._order
        return OrderInput(
            number=number,
            status=status,
            currency=self._currency,
            prices_include_tax=settlement.prices_include_tax,
            placed_at=self._placed_at(),
            paid_at=self._time(order.get("paid_time"), "paid_time"),
            ship_by=self._time(order.get("rts_sla_time"), "rts_sla_time"),
            source_updated_at=self._time(order.get("update_time"), "update_time"),
            collect_on_delivery=order.get("is_cod"),
            buyer=self._buyer(),
            items=tuple([self._item(str(ref), indexes, settlement) for ref, indexes in enumerate(settlement.items, 1)]),
            packages=packages.packages,
            shipping_fee=self._text(settlement.shipping_fee),
            shipping_tax=self._text(settlement.shipping_tax),
            fees=tuple([FeeInput(fee.kind, self._text(fee.amount)) for fee in settlement.fees]),
            total=self._text(settlement.total),
        )

    def _status(self) -> OrderStatus | None:
        """None if it is refused."""
        word = self._order.get("status")
        if not word:
            self._findings.refuse("is missing", "status")
            return None
        if word not in _STATUSES:
            self._findings.refuse(must_be_one_of(_STATUSES, word), "status")
            return None
        return _STATUSES[word]

    def _buyer(self) -> BuyerInput:
        address = self._order.get("recipient_address") or {}
        return BuyerInput(
            name=name(address.get("name"), self._findings, "recipient_address", "name"),
            email=kept(self._order.get("buyer_email"), self._findings, "buyer_email"),
            locale=_LOCALES.get(address.get("region_code")),
        )

    def _item(self, ref: str, indexes: Sequence[int], settlement: Settled) -> OrderItemInput:
        """The item of these lines; its texts are those of the first one."""
        line, path = self._lines[indexes[0]], ("line_items", str(indexes[0]))
        amounts = total_of([settlement.lines[index] for index in indexes])
        variant = name(line.get("sku_name"), self._findings, *path, "sku_name")
        image = kept(line.get("sku_image"), self._findings, *path, "sku_image", longest=LONGEST_URL)
        product_id = kept(line.get("product_id"), self._findings, *path, "product_id")
        product_name = name(line.get("product_name"), self._findings, *path, "product_name")
        return OrderItemInput(
            ref=ref,
            sku=self._present(self._read[indexes[0]].sku, *path, "sku_id"),
            product_id=self._present(product_id, *path, "product_id"),
            product_name=self._present(product_name, *path, "product_name"),
            variant_name=variant or None,
            image_url=image or None,
            is_gift=line.get("is_gift"),
            quantity=len(indexes),
            subtotal=self._text(amounts.price),
            seller_discount=self._optional_text(amounts.seller_discount),
            platform_discount=self._optional_text(amounts.platform_discount),
            tax=self._optional_text(amounts.tax),
        )

    def _present(self, text: str, *path: str) -> str:
        if not text:
            self._findings.refuse("is missing", *path)
        return text

    def _placed_at(self) -> datetime:
        return self._time(self._order.get("create_time"), "create_time", is_required=True) or _EPOCH

    def _time(self, text: str | None, name: str, *, is_required: bool = False) -> datetime | None:
        """None if it is missing, 0 or refused."""
        if match := _TIME.fullmatch(text or "0"):
            time = int(match[1])
            if time == 0:
                if is_required:
                    self._findings.refuse("is missing", name)
                return None
            if time < _FIRST_MILLISECONDS:
                return datetime.fromtimestamp(time, UTC)
            if time <= _LAST_MILLISECOND:
                return datetime.fromtimestamp(time // 1000, UTC) + timedelta(milliseconds=time % 1000)
        self._findings.refuse("must be a time in Unix seconds or milliseconds", name)
        return None

    def _text(self, minor: int) -> str:
        return decimal_text(minor, self._digits)

    def _optional_text(self, minor: int) -> str | None:
        return decimal_text(minor, self._digits) if minor else None  # pragma: no mutate: saves time


def _refs(items: Sequence[Sequence[int]]) -> dict[int, str]:
    """The ref of the item that each line belongs to, by the line's index."""
    return {index: str(ref) for ref, indexes in enumerate(items, 1) for index in indexes}


def _deposits(settlement: Settled) -> tuple[tuple[str, int], ...]:
    sums = [sum([settlement.lines[index].deposit for index in indexes]) for indexes in settlement.items]
    return tuple([(str(ref), deposit) for ref, deposit in enumerate(sums, 1) if deposit])


def _settled_status(status: OrderStatus | None, packages: Packed) -> OrderStatus:
    """COMPLETED only counts once all that is live is delivered."""
    if status is not OrderStatus.COMPLETED:
        return status or OrderStatus.UNPAID
    live = {package.status for package in packages.packages} - {PackageStatus.CANCELLED}
    return status if live <= {PackageStatus.DELIVERED} else derived(live)
