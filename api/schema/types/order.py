"""Orders, their items, packages and totals, made from the domain's values."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.context import Info
from api.schema.types.money import Fee, Money, fee_list, money
from api.schema.types.node import Node, page_request
from api.schema.types.scalars import CurrencyCode, argument, described
from domain.rules import ids, refunds
from domain.rules import order as domain
from domain.rules.eligibility import Eligibility, eligibility
from domain.rules.vocabulary import NotCancellableReason, OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage import events
from domain.storage.pages import PageRequest

if TYPE_CHECKING:
    from api.schema.types.cancellation import Cancellation
    from api.schema.types.event import OrderEventConnection


@strawberry.type(description="A seller's shop; tokens are for one shop each.")
class Shop(Node):
    name: str = described("The shop's name, as buyers know it.")
    shipping_refund_policy: ShippingRefundPolicy = described(
        "When the shop gives shipping and fees back, for orders that come in from now on. Each keeps the policy that "
        "it came in under."
    )


@strawberry.type(description="Who ordered.")
class Buyer:
    name: str = described("The buyer's name, as given in the order.")
    email: str = described("Where e-mails about the order go.")
    locale: str = described('The language and region of these e-mails, such as "en_US".')


@strawberry.type(description="The money of an order.")
class OrderTotals:
    source: strawberry.Private[domain.Order]

    @strawberry.field(description="The list prices of all items.")
    def items_subtotal(self) -> Money:
        return self._sum("subtotal")

    @strawberry.field(description="What the seller took off the list prices.")
    def seller_discount(self) -> Money:
        return self._sum("seller_discount")

    @strawberry.field(description="What the platform took off the list prices.")
    def platform_discount(self) -> Money:
        return self._sum("platform_discount")

    @strawberry.field(description="The tax on the items; inside their prices where pricesIncludeTax.")
    def item_tax(self) -> Money:
        return self._sum("tax")

    @strawberry.field(description="Shipping after its discounts, and before its tax where prices exclude tax.")
    def shipping_fee(self) -> Money:
        return money(self.source.shipping_fee, self.source.currency)

    @strawberry.field(description="The tax on shipping; inside the shipping fee where pricesIncludeTax.")
    def shipping_tax(self) -> Money:
        return money(self.source.shipping_tax, self.source.currency)

    @strawberry.field(description="The fees on the whole order.")
    def fees(self) -> list[Fee]:
        return fee_list(self.source.fees, self.source.currency)

    @strawberry.field(description="What the buyer paid.")
    def total(self) -> Money:
        return money(self.source.total, self.source.currency)

    @strawberry.field(
        description="What was given back, paid out yet or not, with what had been cancelled before it came in."
    )
    def refunded(self) -> Money:
        return money(self.source.refunded, self.source.currency)

    @strawberry.field(description="What has not come back: total less refunded, whether it may be cancelled or not.")
    def refundable(self) -> Money:
        return money(self.source.total - self.source.refunded, self.source.currency)

    def _sum(self, amount: str) -> Money:
        return money(sum(getattr(item, amount) for item in self.source.items), self.source.currency)


@strawberry.interface(description="Something that can be cancelled, in whole or in part, while its state allows it.")
class Cancellable:
    cancellable: bool = described("Whether it may be cancelled now.")
    not_cancellable_reason: NotCancellableReason | None = described("Why it may not be cancelled; null if it may.")


@strawberry.type(description="An order of the shop.")
class Order(Node, Cancellable):
    source: strawberry.Private[domain.Order]
    shop: strawberry.Private[domain.Shop]
    verdicts: strawberry.Private[Eligibility]
    timeline: strawberry.Private["Timeline"]

    cancellable: bool = described("Whether the whole order may be cancelled now.")
    not_cancellable_reason: NotCancellableReason | None = described(
        "Why the whole order may not be cancelled; null if it may."
    )
    number: str = described("The number that the marketplace gave it; no other order of the shop has it.")
    status: OrderStatus = described("Where the order is on its way; in a split order it follows from the packages.")
    version: int = described(
        "Counts the states of its items, packages and status from 1 on; refunds and mails do not count."
    )
    currency: CurrencyCode = described("The currency of all its amounts.")
    prices_include_tax: bool = described("Whether tax is inside the amounts (true) or comes on top of them (false).")
    placed_at: datetime = described("When the buyer placed it.")
    paid_at: datetime | None = described("When it was paid.")
    ship_by: datetime | None = described("Until when it has to be shipped.")
    updated_at: datetime = described("When its items, packages or status last changed.")
    buyer: Buyer = described("Who ordered.")
    items: list["OrderItem"] = described("What was ordered, as imported.")
    packages: list["Package"] = described("The packages that its units travel in, by number.")
    cancellations: list[Annotated["Cancellation", strawberry.lazy("api.schema.types.cancellation")]] = described(
        "What was cancelled of it, oldest first."
    )

    @strawberry.field(description="Its money: paid, given back, and left.")
    def totals(self) -> OrderTotals:
        return OrderTotals(source=self.source)

    @strawberry.field(description="Whether at least one unit may be cancelled by item now.")
    def items_cancellable(self) -> bool:
        return self.verdicts.items_cancellable

    @strawberry.field(description="What happened to it, oldest first.")
    async def events(
        self,
        info: Info,
        first: Annotated[int | None, argument("How many events; 20 if left out.")] = None,
        after: Annotated[str | None, argument("A cursor; only events after it.")] = None,
    ) -> Annotated["OrderEventConnection", strawberry.lazy("api.schema.types.event")]:
        return await self.timeline(info, self, page_request(limit=info.context.page_limit, first=first, after=after))

    @strawberry.field(description="Where orderEvents(after:) goes on from this very state of the order.")
    def event_cursor(self) -> str:
        return events.cursor_of(self.shop, self.source.feed_number)


@strawberry.type(description="A SKU and a quantity in an order.")
class OrderItem(Node, Cancellable):
    source: strawberry.Private[domain.OrderItem]

    order: Order = described("The order that it belongs to.")
    sku: str = described("The seller's stock keeping unit.")
    product_id: str = described("The marketplace's id of the product.")
    product_name: str = described("What the product is called.")
    variant_name: str | None = described('Which variant of the product, such as "Sage, M".')
    image_url: str | None = described("A picture of the product.")
    is_gift: bool = described("Whether it was given away with the order.")
    quantity: int = described("How many units were ordered.")
    cancelled_quantity: int = described("How many of them are cancelled.")
    cancellable: bool = described("Whether at least one unit may be cancelled by item now, with OUT_OF_STOCK.")
    cancellable_quantity: int = described("How many units may be cancelled by item now.")
    not_cancellable_reason: NotCancellableReason | None = described("Why no unit may; null if one may.")
    packages: list["PackageItem"] = described("The packages that its units are in, by package number.")

    @strawberry.field(description="The list price of one unit, before discounts.")
    def unit_price(self) -> Money:
        return money(refunds.unit_price(self.source), self.order.currency)

    @strawberry.field(description="What the buyer paid for all its units.")
    def total(self) -> Money:
        total = refunds.line_total(self.source, prices_include_tax=self.order.prices_include_tax)
        return money(total, self.order.currency)


@strawberry.type(description="Units of an order that travel together.")
class Package(Node, Cancellable):
    order: Order = described("The order that it belongs to.")
    number: str = described("The package's number, unique in the order.")
    status: PackageStatus = described("Where the package is on its way.")
    carrier: str | None = described("Who carries it.")
    tracking_number: str | None = described("The carrier's number for it.")
    items: list["PackageItem"] = described("What is in it.")
    cancellable: bool = described("Whether the whole package may be cancelled now.")
    not_cancellable_reason: NotCancellableReason | None = described("Why it may not; null if it may.")


@strawberry.type(description="What a package holds of an order item; screens offer it for cancelling or grey it out.")
class PackageItem(Node, Cancellable):
    item: OrderItem = described("The order item whose units they are.")
    package: Package = described("The package that they are in.")
    quantity: int = described("How many units of the item are in the package.")
    cancelled_quantity: int = described("How many of them are cancelled.")
    cancellable: bool = described("Whether at least one of them may be cancelled by item now.")
    cancellable_quantity: int = described("How many of them may be cancelled by item now.")
    not_cancellable_reason: NotCancellableReason | None = described("Why none of them may; null if one may.")


# Reads a page of an order's events.
Timeline = Callable[[Info, Order, PageRequest], Awaitable["OrderEventConnection"]]


def order_type(shop: domain.Shop, source: domain.Order, timeline: Timeline) -> Order:
    """The order with its items and packages, all linked to each other; its cancellations are filled in by others."""
    verdicts = eligibility(source)
    order = Order(
        id=strawberry.ID(ids.of_order(source.id)),
        source=source,
        shop=shop,
        verdicts=verdicts,
        timeline=timeline,
        cancellable=verdicts.order.is_cancellable,
        not_cancellable_reason=verdicts.order.reason,
        number=source.number,
        status=source.status,
        version=source.version,
        currency=CurrencyCode(source.currency),
        prices_include_tax=source.prices_include_tax,
        placed_at=source.placed_at,
        paid_at=source.paid_at,
        ship_by=source.ship_by,
        updated_at=source.updated_at,
        buyer=Buyer(name=source.buyer.name, email=source.buyer.email, locale=source.buyer.locale),
        items=[],
        packages=[],
        cancellations=[],
    )
    order.items = [_item(order, item) for item in source.items]
    items = {item.source.position: item for item in order.items}
    for package in source.packages:
        packed_in = _package(order, package)
        order.packages.append(packed_in)
        for packed in package.items:
            package_item = _package_item(order, package, packed, items[packed.item], packed_in)
            packed_in.items.append(package_item)
            package_item.item.packages.append(package_item)
    return order


def shop_type(shop: domain.Shop) -> Shop:
    policy = shop.shipping_refund_policy
    return Shop(id=strawberry.ID(ids.of_shop(shop.id)), name=shop.name, shipping_refund_policy=policy)


def nodes_of(order: Order) -> list[Node]:
    """The order and all of its parts that have an id."""
    packed = [package_item for package in order.packages for package_item in package.items]
    return [order, *order.items, *order.packages, *packed]


def find_item(order: Order, position: int) -> OrderItem:
    return next(item for item in order.items if item.source.position == position)


def find_package(order: Order, position: int) -> Package:
    package_id = ids.of_package(order.source.id, position)
    return next(package for package in order.packages if package.id == package_id)


def _item(order: Order, item: domain.OrderItem) -> OrderItem:
    verdict = order.verdicts.items[item.position]
    return OrderItem(
        id=strawberry.ID(ids.of_item(order.source.id, item.position)),
        source=item,
        order=order,
        sku=item.sku,
        product_id=item.product_id,
        product_name=item.product_name,
        variant_name=item.variant_name,
        image_url=item.image_url,
        is_gift=item.is_gift,
        quantity=item.quantity,
        cancelled_quantity=item.cancelled_quantity,
        cancellable=verdict.is_cancellable,
        cancellable_quantity=verdict.quantity,
        not_cancellable_reason=verdict.reason,
        packages=[],
    )


def _package(order: Order, package: domain.Package) -> Package:
    verdict = order.verdicts.packages[package.position]
    return Package(
        id=strawberry.ID(ids.of_package(order.source.id, package.position)),
        order=order,
        number=package.number,
        status=package.status,
        carrier=package.carrier,
        tracking_number=package.tracking_number,
        items=[],
        cancellable=verdict.is_cancellable,
        not_cancellable_reason=verdict.reason,
    )


def _package_item(
    order: Order, package: domain.Package, packed: domain.PackageItem, item: OrderItem, packed_in: Package
) -> PackageItem:
    verdict = order.verdicts.package_items[package.position, packed.item]
    return PackageItem(
        id=strawberry.ID(ids.of_package_item(order.source.id, package.position, packed.item)),
        item=item,
        package=packed_in,
        quantity=packed.quantity,
        cancelled_quantity=packed.cancelled_quantity,
        cancellable=verdict.is_cancellable,
        cancellable_quantity=verdict.quantity,
        not_cancellable_reason=verdict.reason,
    )
