"""Cancellations and their refunds, built from the domain's values."""

from collections.abc import Iterable
from datetime import datetime

import strawberry

from api.schema.types.money import Fee, Money, fee_list, money
from api.schema.types.node import Node
from api.schema.types.order import Order, OrderItem, Package, find_item, find_package
from api.schema.types.scalars import described
from domain.rules import ids
from domain.rules import order as domain
from domain.rules.vocabulary import CancellationReason, CancellationScope, NotificationStatus, RefundStatus


@strawberry.type(
    description="The refund for the cancelled units of one item in one package, or by how much less is due for them."
)
class RefundLine:
    source: strawberry.Private[domain.RefundLine]

    item: OrderItem = described("The order item.")
    package: Package = described("The package that held the units.")
    quantity: int = described("How many units.")

    @strawberry.field(description="The list price of the units.")
    def subtotal(self) -> Money:
        return money(self.source.subtotal, self.item.order.currency)

    @strawberry.field(description="The seller's discount on the units; rounding can bring it down to -1 minor unit.")
    def seller_discount(self) -> Money:
        return money(self.source.seller_discount, self.item.order.currency)

    @strawberry.field(description="The platform's discount on the units; rounding can bring it down to -1 minor unit.")
    def platform_discount(self) -> Money:
        return money(self.source.platform_discount, self.item.order.currency)

    @strawberry.field(description="The tax on the units; included in the other amounts if pricesIncludeTax.")
    def tax(self) -> Money:
        return money(self.source.tax, self.item.order.currency)

    @strawberry.field(description="The refund for the units, or by how much less is due.")
    def total(self) -> Money:
        return money(self.source.total, self.item.order.currency)


@strawberry.type(
    description="The refund of a cancellation, or by how much less is due where nothing had been paid; to the cent."
)
class RefundBreakdown:
    source: strawberry.Private[domain.RefundBreakdown]
    currency: strawberry.Private[str]

    lines: list[RefundLine] = described("One line for each item and package, in the sequence of the order's items.")

    @strawberry.field(description="The list price of the units.")
    def items_subtotal(self) -> Money:
        return money(self.source.items_subtotal, self.currency)

    @strawberry.field(description="The seller's discount on the units; rounding can bring it down to -1 minor unit.")
    def seller_discount(self) -> Money:
        return money(self.source.seller_discount, self.currency)

    @strawberry.field(description="The platform's discount on the units; rounding can bring it down to -1 minor unit.")
    def platform_discount(self) -> Money:
        return money(self.source.platform_discount, self.currency)

    @strawberry.field(description="The tax on the units; added to the total unless pricesIncludeTax.")
    def item_tax(self) -> Money:
        return money(self.source.item_tax, self.currency)

    @strawberry.field(description="The shipping that comes back.")
    def shipping_fee(self) -> Money:
        return money(self.source.shipping_fee, self.currency)

    @strawberry.field(description="The tax on shipping that comes back; added to the total unless pricesIncludeTax.")
    def shipping_tax(self) -> Money:
        return money(self.source.shipping_tax, self.currency)

    @strawberry.field(description="The fees that come back, in full or in part; others are omitted.")
    def fees(self) -> list[Fee]:
        return fee_list(self.source.fees, self.currency)

    @strawberry.field(description="What the buyer gets back, or pays less.")
    def total(self) -> Money:
        return money(self.source.total, self.currency)


@strawberry.type(description="The cancelled units of one item in one package.")
class CancellationLine:
    item: OrderItem = described("The order item.")
    package: Package = described("The package that held the units.")
    quantity: int = described("How many units.")
    refund: RefundLine = described("Their refund, or by how much less is due.")


@strawberry.type(description="The e-mail that tells the buyer about a cancellation.")
class BuyerNotification:
    status: NotificationStatus = described("Delivery status.")
    attempts: int = described("How many times sending it was attempted.")
    sent_at: datetime | None = described("When the buyer's mail server accepted it.")
    last_error: str | None = described("Why the last attempt failed.")


@strawberry.type(
    description="What one call or import cancelled. Afterwards only the progress of its refund and e-mail changes."
)
class Cancellation(Node):
    order: Order = described("The order in its current state.")
    scope: CancellationScope = described("How much of the order it covers.")
    reason: CancellationReason = described("Why it was cancelled.")
    note: str | None = described("The seller's private note, or the source's own words; the buyer never sees it.")
    package: Package | None = described("The package, if the scope is PACKAGE.")
    lines: list[CancellationLine] = described("The cancelled units.")
    refund_breakdown: RefundBreakdown = described("What is refunded, or by how much less is due.")
    refund_status: RefundStatus = described("The status of the refund; NOT_NEEDED also if nothing had been paid.")
    provider_reference: str | None = described("The payment system's reference for the refund, once reported.")
    notification: BuyerNotification = described("The e-mail to the buyer; an import sends none.")
    actor: str = described("Who cancelled: the token's subject.")
    idempotency_key: str = described("The idempotency key it was made with; one that an import made has spaces.")
    created_at: datetime = described("When it was made.")


def cancellation_type(order: Order, source: domain.Cancellation) -> Cancellation:
    breakdown = breakdown_type(order, source.breakdown)
    lines = (CancellationLine(item=r.item, package=r.package, quantity=r.quantity, refund=r) for r in breakdown.lines)
    notification = source.notification
    return Cancellation(
        id=strawberry.ID(ids.of_cancellation(source.id)),
        order=order,
        scope=source.scope,
        reason=source.reason,
        note=source.note,
        package=None if source.package is None else find_package(order, source.package),
        lines=list(lines),
        refund_breakdown=breakdown,
        refund_status=source.refund_status,
        provider_reference=source.provider_reference,
        notification=BuyerNotification(
            status=notification.status,
            attempts=notification.attempts,
            sent_at=notification.sent_at,
            last_error=notification.last_error,
        ),
        actor=source.actor,
        idempotency_key=source.idempotency_key,
        created_at=source.created_at,
    )


def breakdown_type(order: Order, source: domain.RefundBreakdown) -> RefundBreakdown:
    return RefundBreakdown(source=source, currency=order.currency, lines=list(_lines(order, source.lines)))


def _lines(order: Order, lines: Iterable[domain.RefundLine]) -> Iterable[RefundLine]:
    return (
        RefundLine(
            source=line,
            item=find_item(order, line.item),
            package=find_package(order, line.package),
            quantity=line.quantity,
        )
        for line in lines
    )
