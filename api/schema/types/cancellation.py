"""Cancellations and what they give back, made from the domain's values."""

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


@strawberry.type(description="What the cancelled units of one item in one package give back.")
class RefundLine:
    source: strawberry.Private[domain.RefundLine]

    item: OrderItem = described("The item whose units they are.")
    package: Package = described("The package that they were in.")
    quantity: int = described("How many units.")

    @strawberry.field(description="Their list price.")
    def subtotal(self) -> Money:
        return money(self.source.subtotal, self.item.order.currency)

    @strawberry.field(description="The seller's discount on them; rounding may make it -1 minor unit.")
    def seller_discount(self) -> Money:
        return money(self.source.seller_discount, self.item.order.currency)

    @strawberry.field(description="The platform's discount on them; rounding may make it -1 minor unit.")
    def platform_discount(self) -> Money:
        return money(self.source.platform_discount, self.item.order.currency)

    @strawberry.field(description="The tax on them; inside the amounts where prices include tax.")
    def tax(self) -> Money:
        return money(self.source.tax, self.item.order.currency)

    @strawberry.field(description="What comes back for them.")
    def total(self) -> Money:
        return money(self.source.total, self.item.order.currency)


@strawberry.type(description="What a cancellation gives back, to the cent.")
class RefundBreakdown:
    source: strawberry.Private[domain.RefundBreakdown]
    currency: strawberry.Private[str]

    lines: list[RefundLine] = described("Item by item and package by package, in the order of the order's items.")

    @strawberry.field(description="The list price of the cancelled units.")
    def items_subtotal(self) -> Money:
        return money(self.source.items_subtotal, self.currency)

    @strawberry.field(
        description="What the seller had taken off them; a line's rounding can bring it down to -1 minor unit."
    )
    def seller_discount(self) -> Money:
        return money(self.source.seller_discount, self.currency)

    @strawberry.field(
        description="What the platform had taken off them; a line's rounding can bring it down to -1 minor unit."
    )
    def platform_discount(self) -> Money:
        return money(self.source.platform_discount, self.currency)

    @strawberry.field(description="The tax on them; where prices include tax it is inside the amounts and not added.")
    def item_tax(self) -> Money:
        return money(self.source.item_tax, self.currency)

    @strawberry.field(description="What comes back of shipping.")
    def shipping_fee(self) -> Money:
        return money(self.source.shipping_fee, self.currency)

    @strawberry.field(description="What comes back of the tax on shipping; added only where prices exclude tax.")
    def shipping_tax(self) -> Money:
        return money(self.source.shipping_tax, self.currency)

    @strawberry.field(description="What comes back of fees; only those of which something does.")
    def fees(self) -> list[Fee]:
        return fee_list(self.source.fees, self.currency)

    @strawberry.field(description="What the buyer gets back.")
    def total(self) -> Money:
        return money(self.source.total, self.currency)


@strawberry.type(description="Units of one item in one package that a cancellation took.")
class CancellationLine:
    item: OrderItem = described("The item whose units they are.")
    package: Package = described("The package that they were in.")
    quantity: int = described("How many units.")
    refund: RefundLine = described("What they give back.")


@strawberry.type(description="The e-mail that tells the buyer of a cancellation.")
class BuyerNotification:
    status: NotificationStatus = described("How far it is.")
    attempts: int = described("How often its sending was tried.")
    sent_at: datetime | None = described("When the buyer's mail server took it.")
    last_error: str | None = described("Why the last try failed.")


@strawberry.type(
    description="One act of cancelling; never changed afterwards but for its refund's and e-mail's status."
)
class Cancellation(Node):
    order: Order = described("The order, as it is now.")
    scope: CancellationScope = described("How much of the order it took.")
    reason: CancellationReason = described("Why.")
    note: str | None = described("The seller's own note; the buyer is never told.")
    package: Package | None = described("The package, when the scope is PACKAGE.")
    lines: list[CancellationLine] = described("What was cancelled.")
    refund_breakdown: RefundBreakdown = described("What it gives back.")
    refund_status: RefundStatus = described("How far the refund is.")
    provider_reference: str | None = described("What the payment system calls the refund, if it has told.")
    notification: BuyerNotification = described("The e-mail to the buyer.")
    actor: str = described("Who cancelled: the token's subject.")
    idempotency_key: str = described("The key that it was called with.")
    created_at: datetime = described("When.")


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
