"""Orders as they are sent in, and what became of each: inputs and payload."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.schema.payloads.fulfill import FulfillmentError, fulfillment_errors
from api.schema.types.order import Order
from api.schema.types.scalars import CurrencyCode, DecimalText, described
from domain.ingestion import ImportResult
from domain.rules import order_input
from domain.rules.vocabulary import FeeKind, ImportOutcome, OrderStatus, PackageStatus


@strawberry.input(description="Who ordered.")
class BuyerInput:
    name: str = described("The buyer's name, at most 500 characters.")
    email: str = described("Where e-mails about the order go; with none that is usable, none are sent.")
    locale: str | None = strawberry.field(
        default=None, description='The language and region of these e-mails, such as "de_DE"; en_US if left out.'
    )


@strawberry.input(description="A SKU and a quantity. Its amounts are for the whole line: all of its units.")
class OrderItemInput:
    ref: str = described("What the packages of this input call the item; nothing outside of it does.")
    sku: str = described("The seller's stock keeping unit.")
    product_id: str = described("The marketplace's id of the product.")
    product_name: str = described("What the product is called, at most 500 characters.")
    variant_name: str | None = strawberry.field(default=None, description="Which variant of the product.")
    image_url: str | None = strawberry.field(default=None, description="A picture of the product.")
    is_gift: bool | None = strawberry.field(default=None, description="Whether it is given away with the order.")
    quantity: int = described("How many units, from 1 to 1,000,000.")
    subtotal: DecimalText = described("The list price of all units.")
    seller_discount: DecimalText | None = strawberry.field(default=None, description="What the seller took off.")
    platform_discount: DecimalText | None = strawberry.field(default=None, description="What the platform took off.")
    tax: DecimalText | None = strawberry.field(default=None, description="The tax, inside the price or on top of it.")


@strawberry.input(description="Units of one item in a package.")
class PackageItemInput:
    ref: str = described("The item, by its ref.")
    quantity: int = described("How many of its units.")


@strawberry.input(description="Units that travel together.")
class PackageInput:
    number: str = described("The package's number, unique in the order, at most 100 characters.")
    status: PackageStatus = described("Where it is on its way.")
    carrier: str | None = strawberry.field(default=None, description="Who carries it.")
    tracking_number: str | None = strawberry.field(default=None, description="The carrier's number for it.")
    items: list[PackageItemInput] = described("What is in it; all packages together hold exactly what was ordered.")


@strawberry.input(description="A fee on the whole order.")
class FeeInput:
    kind: FeeKind = described("What the fee is for.")
    amount: DecimalText = described("How much it is.")


@strawberry.input(description="An order as it comes in. What was paid is stored as it is and never computed anew.")
class OrderInput:
    number: str = described("The marketplace's number of the order, at most 100 characters.")
    status: OrderStatus = described(
        "It counts where it is UNPAID, ON_HOLD, COMPLETED or CANCELLED; else the status follows from the packages."
    )
    currency: CurrencyCode = described("The currency of all its amounts.")
    prices_include_tax: bool = described("Whether tax is inside the amounts (true) or comes on top of them (false).")
    placed_at: datetime = described("When the buyer placed it.")
    paid_at: datetime | None = strawberry.field(default=None, description="When it was paid.")
    ship_by: datetime | None = strawberry.field(default=None, description="Until when it has to be shipped.")
    buyer: BuyerInput = described("Who ordered.")
    items: list[OrderItemInput] = described("What was ordered: 1 to 500 items.")
    packages: list[PackageInput] | None = strawberry.field(
        default=None, description="How it is packed; if left out, one package holds everything."
    )
    shipping_fee: DecimalText = described("Shipping after its discounts, before its tax where that comes on top.")
    shipping_tax: DecimalText = described("The tax on shipping, inside the fee or on top of it.")
    fees: list[FeeInput] | None = strawberry.field(default=None, description="The fees on the whole order.")
    total: DecimalText = described("What the buyer paid; it is checked against the parts.")


@strawberry.input(description="Orders that come in.")
class ImportOrdersInput:
    orders: list[OrderInput] = described(
        "From 1 to 100 orders; each stands alone, and a bad one does not stop the others."
    )


@strawberry.type(description="What became of one order that came in.")
class ImportOrderResult:
    number: str = described("The order's number, as it was given.")
    outcome: ImportOutcome = described("Whether it was stored, was known, or was refused.")
    order: Order | None = described("The order as it is now; null when it was refused.")
    errors: list[FulfillmentError] = described("Everything that is wrong: the first 100, and how many more.")


@strawberry.type(description="What became of importOrders.")
class ImportOrdersPayload:
    results: list[ImportOrderResult] = described("One result for each order, in the order of the input.")


def payload_type(results: Sequence[ImportResult], orders: Mapping[UUID, Order]) -> ImportOrdersPayload:
    """`orders` has those that are stored, by id."""
    return ImportOrdersPayload(
        results=[
            ImportOrderResult(
                number=result.number,
                outcome=result.outcome,
                order=orders[result.order_id] if result.order_id else None,
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
        items=tuple(order_input.PackageItemInput(packed.ref, packed.quantity) for packed in given.items),
    )
