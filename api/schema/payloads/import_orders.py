"""Imports of orders: inputs and payload."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.schema.payloads.fulfill import FulfillmentError, fulfillment_errors
from api.schema.types.order import ImportNote, Order, note_types
from api.schema.types.scalars import CurrencyCode, DecimalText, described
from domain.arriving import ImportResult
from domain.rules import order_input
from domain.rules.vocabulary import FeeKind, ImportOutcome, OrderStatus, PackageStatus


@strawberry.input(description="Who placed the order.")
class BuyerInput:
    name: str = described("The buyer's name, at most 500 characters.")
    email: str = described("The address for e-mails about the order; if it is unusable, none are sent.")
    locale: str | None = strawberry.field(
        default=None,
        description='The language and region of these e-mails, such as "de_DE"; if omitted, as before, or "en_US".',
    )


@strawberry.input(description="A line of an order: a product and a quantity. Amounts are for all units together.")
class OrderItemInput:
    ref: str = described("The item's name within this input, by which its packages refer to it.")
    sku: str = described("The seller's stock keeping unit.")
    product_id: str = described("The marketplace's id for the product.")
    product_name: str = described("The name of the product, at most 500 characters.")
    variant_name: str | None = strawberry.field(default=None, description="The variant of the product.")
    image_url: str | None = strawberry.field(default=None, description="The URL of a picture of the product.")
    is_gift: bool | None = strawberry.field(default=None, description="Whether it comes free with the order.")
    quantity: int = described("How many units, from 1 to 1,000,000.")
    subtotal: DecimalText = described("The list price of all units.")
    seller_discount: DecimalText | None = strawberry.field(default=None, description="The seller's discount.")
    platform_discount: DecimalText | None = strawberry.field(default=None, description="The platform's discount.")
    tax: DecimalText | None = strawberry.field(
        default=None, description="The tax; part of the subtotal if pricesIncludeTax."
    )


@strawberry.input(description="Units of one item in a package.")
class PackageItemInput:
    ref: str = described("The item's ref.")
    quantity: int = described("How many units of it.")
    cancelled_quantity: int | None = strawberry.field(
        default=None, description="How many of them were cancelled before; none if omitted."
    )


@strawberry.input(description="Units that ship together.")
class PackageInput:
    number: str = described("The package's number, unique within the order, at most 100 characters.")
    status: PackageStatus = described("Where the package stands.")
    carrier: str | None = strawberry.field(default=None, description="The carrier.")
    tracking_number: str | None = strawberry.field(default=None, description="The carrier's tracking number.")
    items: list[PackageItemInput] = described("Its contents; all packages together must hold exactly what was ordered.")


@strawberry.input(description="A fee on the whole order.")
class FeeInput:
    kind: FeeKind = described("What the fee is for.")
    amount: DecimalText = described("The amount.")


@strawberry.input(description="An order to import. Amounts are stored as given, never recalculated.")
class OrderInput:
    number: str = described("The marketplace's order number, at most 100 characters.")
    status: OrderStatus = described(
        "Kept if UNPAID, ON_HOLD, COMPLETED or CANCELLED; otherwise derived from the packages."
    )
    currency: CurrencyCode = described("The currency of all its amounts.")
    prices_include_tax: bool = described("Whether amounts include tax (true) or tax is added to them (false).")
    placed_at: datetime = described("When the buyer placed it.")
    paid_at: datetime | None = strawberry.field(default=None, description="When it was paid.")
    ship_by: datetime | None = strawberry.field(default=None, description="The deadline for shipping it.")
    buyer: BuyerInput = described("Who placed it.")
    items: list[OrderItemInput] = described("What was ordered: 1 to 500 items.")
    packages: list[PackageInput] | None = strawberry.field(
        default=None, description="Its packages; if omitted, one package holds everything."
    )
    shipping_fee: DecimalText = described("Shipping after discounts, and before tax unless pricesIncludeTax.")
    shipping_tax: DecimalText = described("The tax on shipping; included in shippingFee if pricesIncludeTax.")
    fees: list[FeeInput] | None = strawberry.field(default=None, description="The fees on the whole order.")
    total: DecimalText = described("What the buyer pays for everything; checked against the parts.")
    collect_on_delivery: bool | None = strawberry.field(
        default=None,
        description="Whether the buyer pays at the door; nothing is paid until paidAt is given. False if omitted.",
    )
    source_updated_at: datetime | None = strawberry.field(
        default=None,
        description="When its source last changed it; an input that is older than what is known changes nothing.",
    )


@strawberry.input(description="The orders to import.")
class ImportOrdersInput:
    orders: list[OrderInput] = described("Up to 100 orders; each is stored or refused on its own.")


@strawberry.type(description="What became of one order in an import.")
class ImportOrderResult:
    number: str = described("The order's number, as given.")
    outcome: ImportOutcome = described("Whether it was stored, already known, or refused.")
    order: Order | None = described("The order in its current state; null if it was refused.")
    notes: list[ImportNote] = described(
        "What was taken over, and what was noticed; empty for a new order that needed nothing."
    )
    errors: list[FulfillmentError] = described("Every problem; after the first 100, one entry counts the rest.")


@strawberry.type(description="The result of importOrders.")
class ImportOrdersPayload:
    results: list[ImportOrderResult] = described("One result for each order, in the sequence of the input.")


def payload_type(results: Sequence[ImportResult], orders: Mapping[UUID, Order]) -> ImportOrdersPayload:
    """`orders` holds the stored ones, by id."""
    return ImportOrdersPayload(
        results=[
            ImportOrderResult(
                number=result.number,
                outcome=result.outcome,
                order=orders[result.order_id] if result.order_id else None,
                notes=note_types(result.notes),
                errors=fulfillment_errors(result.problems, "orders", str(index)),
            )
            for index, result in enumerate(results)
        ]
    )


def order_of(given: OrderInput) -> order_input.OrderInput:
    return order_input.OrderInput(
        number=given.number,
        status=given.status,
        currency=given.currency,
        prices_include_tax=given.prices_include_tax,
        placed_at=given.placed_at,
        paid_at=given.paid_at,
        ship_by=given.ship_by,
        buyer=order_input.BuyerInput(given.buyer.name, given.buyer.email, given.buyer.locale),
        items=tuple(map(_item_of, given.items)),
        packages=None if given.packages is None else tuple(map(_package_of, given.packages)),
        shipping_fee=given.shipping_fee,
        shipping_tax=given.shipping_tax,
        fees=tuple(order_input.FeeInput(fee.kind, fee.amount) for fee in given.fees or ()),
        total=given.total,
        collect_on_delivery=given.collect_on_delivery,
        source_updated_at=given.source_updated_at,
    )


def _item_of(given: OrderItemInput) -> order_input.OrderItemInput:
    return order_input.OrderItemInput(
        ref=given.ref,
        sku=given.sku,
        product_id=given.product_id,
        product_name=given.product_name,
        variant_name=given.variant_name,
        image_url=given.image_url,
        is_gift=given.is_gift,
        quantity=given.quantity,
        subtotal=given.subtotal,
        seller_discount=given.seller_discount,
        platform_discount=given.platform_discount,
        tax=given.tax,
    )


def _package_of(given: PackageInput) -> order_input.PackageInput:
    return order_input.PackageInput(
        number=given.number,
        status=given.status,
        carrier=given.carrier,
        tracking_number=given.tracking_number,
        items=tuple(
            order_input.PackageItemInput(packed.ref, packed.quantity, packed.cancelled_quantity)
            for packed in given.items
        ),
    )
