"""The facts in a cancellation's e-mail, as of the moment of cancellation.

They are stored with the queued message, so that a late or repeated mail still says the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import TypeAdapter

from domain.rules.by_name import ByName
from domain.rules.order import Buyer, Cancellation, Order, OrderItem, RefundLine, Shop, value
from domain.rules.vocabulary import CancellationReason, FeeKind, PackageStatus, RefundStatus


@value
class MailItem:
    """Units of one order item."""

    product_name: str
    variant_name: str | None
    image_url: str | None
    is_gift: bool
    quantity: int


@value
class CancelledItem:
    """The cancelled units of one order item, over all packages; `total` is their refund, or by how much less is due."""

    item: MailItem
    subtotal: int
    seller_discount: int
    platform_discount: int
    tax: int
    total: int


@value
class CancellationMail:
    """Amounts are in minor units of `currency`. `remaining` has the units still to reach the buyer.

    `is_whole_order` is true if the order has no live units left, whatever the scope of this cancellation. With
    `is_taken_off` nothing had been paid: the amounts, `refund_total` too, say by how much less is due. `due_at_door` is
    what the buyer has to pay at the door now; None if nothing is collected there, or it was paid.
    """

    order_id: UUID
    cancellation_id: UUID
    shop_name: str
    order_number: str
    buyer: Buyer
    currency: str
    prices_include_tax: bool
    created_at: datetime
    reason: Annotated[CancellationReason, ByName]
    cancelled: tuple[CancelledItem, ...]
    shipping_fee: int
    shipping_tax: int
    fees: tuple[tuple[Annotated[FeeKind, ByName], int], ...]
    refund_total: int
    remaining: tuple[MailItem, ...]
    is_whole_order: bool
    # Messages queued by earlier versions lack these.
    is_taken_off: bool = False
    due_at_door: int | None = None


_ADAPTER = TypeAdapter(CancellationMail)


def cancellation_mail(shop: Shop, order: Order, cancellation: Cancellation) -> CancellationMail:
    """The mail about a cancellation; `order` is its state afterwards."""
    breakdown = cancellation.breakdown
    items = {item.position: item for item in order.items}
    return CancellationMail(
        order_id=order.id,
        cancellation_id=cancellation.id,
        shop_name=shop.name,
        order_number=order.number,
        buyer=order.buyer,
        currency=order.currency,
        prices_include_tax=order.prices_include_tax,
        created_at=cancellation.created_at,
        reason=cancellation.reason,
        cancelled=_cancelled(items, breakdown.lines),
        shipping_fee=breakdown.shipping_fee,
        shipping_tax=breakdown.shipping_tax,
        fees=tuple((fee.kind, fee.amount) for fee in breakdown.fees),
        refund_total=breakdown.total,
        remaining=_remaining(order),
        is_whole_order=not order.is_live,
        is_taken_off=cancellation.refund_status is RefundStatus.NOT_NEEDED and breakdown.total > 0,
        due_at_door=order.due_at_door if order.collect_on_delivery and not order.is_paid else None,
    )


def to_json(mail: CancellationMail) -> dict[str, Any]:  # any JSON
    dumped: dict[str, Any] = _ADAPTER.dump_python(mail, mode="json")
    return dumped


def from_json(payload: object) -> CancellationMail:
    """Reads a payload made by to_json(); ValueError for anything else."""
    return _ADAPTER.validate_python(payload)


def readdressed(payload: Any, buyer: Buyer) -> Any:  # any JSON
    """The payload for this buyer, with all other facts as they were; one that cannot be read stays as it is."""
    try:
        mail = from_json(payload)
    except ValueError:
        return payload
    return to_json(replace(mail, buyer=buyer))


def _cancelled(items: Mapping[int, OrderItem], lines: Iterable[RefundLine]) -> tuple[CancelledItem, ...]:
    """One entry per item: packages mean nothing to the buyer."""
    found: dict[int, CancelledItem] = {}
    for line in lines:
        so_far = found.get(line.item, CancelledItem(_units(items[line.item], 0), 0, 0, 0, 0, 0))
        found[line.item] = CancelledItem(
            item=replace(so_far.item, quantity=so_far.item.quantity + line.quantity),
            subtotal=so_far.subtotal + line.subtotal,
            seller_discount=so_far.seller_discount + line.seller_discount,
            platform_discount=so_far.platform_discount + line.platform_discount,
            tax=so_far.tax + line.tax,
            total=so_far.total + line.total,
        )
    return tuple(found.values())


def _remaining(order: Order) -> tuple[MailItem, ...]:
    """Live units not yet delivered, one entry per item; shipped or not makes no difference to the buyer."""
    quantities: defaultdict[int, int] = defaultdict(int)
    for package, packed in order.package_items():
        if package.status is not PackageStatus.DELIVERED:
            quantities[packed.item] += packed.live_quantity
    return tuple(_units(item, quantities[item.position]) for item in order.items if quantities[item.position])


def _units(item: OrderItem, quantity: int) -> MailItem:
    return MailItem(item.product_name, item.variant_name, item.image_url, item.is_gift, quantity)
