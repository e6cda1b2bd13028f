"""Orders with their items and packages, built from the domain's values."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.context import Info
from api.schema.types.money import Money, OrderTotals, money
from api.schema.types.node import Node, page_request
from api.schema.types.scalars import CurrencyCode, argument, described
from domain.rules import ids, refunds
from domain.rules import order as domain
from domain.rules.eligibility import Eligibility, eligibility
from domain.rules.vocabulary import (
    ImportNoteCode,
    NotCancellableReason,
    OrderStatus,
    PackageStatus,
    ShippingRefundPolicy,
)
from domain.storage import events
from domain.storage.pages import PageRequest

if TYPE_CHECKING:
    from api.schema.types.cancellation import Cancellation
    from api.schema.types.event import OrderEventConnection


@strawberry.type(description="A seller's shop. Each token belongs to one shop.")
class Shop(Node):
    name: str = described("The shop's name, as buyers know it.")
    shipping_refund_policy: ShippingRefundPolicy = described(
        "When shipping and fees are refunded for orders imported from now on; each order keeps the policy it was "
        "imported under."
    )


@strawberry.type(description="Who placed the order.")
class Buyer:
    name: str = described("The buyer's name, as given in the order.")
    email: str = described("The address for e-mails about the order.")
    locale: str = described('The language and region of these e-mails, such as "en_US".')


@strawberry.interface(description="Something that can be cancelled while its state allows it.")
class Cancellable:
    cancellable: bool = described("Whether it can be cancelled now.")
    not_cancellable_reason: NotCancellableReason | None = described("Why it cannot be cancelled; null if it can.")


@strawberry.type(description="An order of the shop.")
class Order(Node, Cancellable):
    source: strawberry.Private[domain.Order]
    shop: strawberry.Private[domain.Shop]
    verdicts: strawberry.Private[Eligibility]
    timeline: strawberry.Private["Timeline"]

    cancellable: bool = described("Whether the whole order can be cancelled now.")
    not_cancellable_reason: NotCancellableReason | None = described(
        "Why the whole order cannot be cancelled; null if it can."
    )
    number: str = described("The marketplace's order number, unique within the shop.")
    status: OrderStatus = described(
        "Where the order stands; it follows from the packages unless UNPAID, ON_HOLD or COMPLETED."
    )
    version: int = described(
        "Starts at 1 and increases with every change to items, packages or status; refunds and e-mails do not count."
    )
    currency: CurrencyCode = described("The currency of all its amounts.")
    prices_include_tax: bool = described("Whether amounts include tax (true) or tax is added to them (false).")
    placed_at: datetime = described("When the buyer placed it.")
    paid_at: datetime | None = described("When it was paid.")
    ship_by: datetime | None = described("The deadline for shipping it.")
    updated_at: datetime = described("When its items, packages or status last changed.")
    collect_on_delivery: bool = described("Whether the buyer pays at the door.")
    buyer: Buyer = described("Who placed it.")
    items: list["OrderItem"] = described("What was ordered, as imported.")
    packages: list["Package"] = described("The packages that hold its units, sorted by number.")
    cancellations: list[Annotated["Cancellation", strawberry.lazy("api.schema.types.cancellation")]] = described(
        "Its cancellations, oldest first."
    )

    @strawberry.field(description="Its amounts: paid, refunded and left.")
    def totals(self) -> OrderTotals:
        return OrderTotals(source=self.source)

    @strawberry.field(description="Whether at least one unit can be cancelled by item now.")
    def items_cancellable(self) -> bool:
        return self.verdicts.items_cancellable

    @strawberry.field(description="What happened to it, oldest first.")
    async def events(
        self,
        info: Info,
        first: Annotated[int | None, argument("How many events; 20 if omitted.")] = None,
        after: Annotated[str | None, argument("Only events after this cursor.")] = None,
    ) -> Annotated["OrderEventConnection", strawberry.lazy("api.schema.types.event")]:
        return await self.timeline(info, self, page_request(limit=info.context.page_limit, first=first, after=after))

    @strawberry.field(description="Pass it to orderEvents(after:) to continue from this state of the order.")
    def event_cursor(self) -> str:
        return events.cursor_of(self.shop, self.source.feed_number)


@strawberry.type(description="A line of an order: a product and a quantity.")
class OrderItem(Node, Cancellable):
    source: strawberry.Private[domain.OrderItem]

    order: Order = described("The order it belongs to.")
    sku: str = described("The seller's stock keeping unit.")
    product_id: str = described("The marketplace's id for the product.")
    product_name: str = described("The name of the product.")
    variant_name: str | None = described('The variant of the product, such as "Sage, M".')
    image_url: str | None = described("The URL of a picture of the product.")
    is_gift: bool = described("Whether it came free with the order.")
    quantity: int = described("How many units were ordered.")
    cancelled_quantity: int = described("How many units are cancelled.")
    cancellable: bool = described(
        "Whether at least one unit can be cancelled by item now, for a reason that allows ITEMS."
    )
    cancellable_quantity: int = described("How many units can be cancelled by item now.")
    not_cancellable_reason: NotCancellableReason | None = described(
        "Why no unit can be cancelled by item; null if one can."
    )
    packages: list["PackageItem"] = described("The packages that hold its units, sorted by package number.")

    @strawberry.field(description="The list price of one unit, before discounts.")
    def unit_price(self) -> Money:
        return money(refunds.unit_price(self.source), self.order.currency)

    @strawberry.field(description="What the buyer paid for all its units.")
    def total(self) -> Money:
        total = refunds.line_total(self.source, prices_include_tax=self.order.prices_include_tax)
        return money(total, self.order.currency)


@strawberry.type(description="Units of an order that ship together.")
class Package(Node, Cancellable):
    order: Order = described("The order it belongs to.")
    number: str = described("The package's number, unique within the order.")
    status: PackageStatus = described("Where the package stands.")
    carrier: str | None = described("The carrier.")
    tracking_number: str | None = described("The carrier's tracking number.")
    items: list["PackageItem"] = described("Its contents.")
    cancellable: bool = described("Whether the whole package can be cancelled now.")
    not_cancellable_reason: NotCancellableReason | None = described(
        "Why the whole package cannot be cancelled; null if it can."
    )


@strawberry.type(description="The units of one item in a package, which screens offer for cancellation or grey out.")
class PackageItem(Node, Cancellable):
    item: OrderItem = described("The order item.")
    package: Package = described("The package.")
    quantity: int = described("How many units of the item the package holds.")
    cancelled_quantity: int = described("How many units are cancelled.")
    cancellable: bool = described("Whether at least one unit can be cancelled by item now.")
    cancellable_quantity: int = described("How many units can be cancelled by item now.")
    not_cancellable_reason: NotCancellableReason | None = described(
        "Why no unit can be cancelled by item; null if one can."
    )


@strawberry.type(description="Something that an import took over, or noticed and left alone.")
class ImportNote:
    code: ImportNoteCode = described("What it is about.")
    message: str = described("A sentence for people.")


# Reads a page of an order's events.
Timeline = Callable[[Info, Order, PageRequest], Awaitable["OrderEventConnection"]]


def order_type(shop: domain.Shop, source: domain.Order, timeline: Timeline) -> Order:
    """The order with its items and packages, linked to each other; the caller fills in its cancellations."""
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
        collect_on_delivery=source.collect_on_delivery,
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


def note_types(notes: Iterable[domain.ImportNote]) -> list[ImportNote]:
    return [ImportNote(code=note.code, message=note.message) for note in notes]


def shop_type(shop: domain.Shop) -> Shop:
    policy = shop.shipping_refund_policy
    return Shop(id=strawberry.ID(ids.of_shop(shop.id)), name=shop.name, shipping_refund_policy=policy)


def nodes_of(order: Order) -> list[Node]:
    """The order and every part of it that has an id."""
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
