"""Shops and orders in a database, for tests of the use cases and the API."""

from datetime import UTC, datetime
from functools import partial

from domain import ingestion
from domain.rules.money import decimal
from domain.rules.order import Order, Shop
from domain.rules.order_input import (
    BuyerInput,
    FeeInput,
    OrderInput,
    OrderItemInput,
    PackageInput,
    PackageItemInput,
)
from domain.rules.vocabulary import OrderStatus, PackageStatus, ShippingRefundPolicy
from domain.storage import orders, shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def an_item_input(
    ref: str = "dress", *, quantity: int = 3, subtotal: str = "30.00", is_gift: bool = False, **more: str
) -> OrderItemInput:
    return OrderItemInput(
        ref=ref,
        sku=more.pop("sku", f"SKU-{ref}"),
        product_id=more.pop("product_id", f"P-{ref}"),
        product_name=more.pop("product_name", f"The {ref}"),
        quantity=quantity,
        subtotal=subtotal,
        is_gift=is_gift,
        **more,
    )


def a_package_input(number: str, status: PackageStatus = PackageStatus.AWAITING_SHIPMENT, **held: int) -> PackageInput:
    """`held` maps an item's ref to how many of its units are in the package."""
    items = tuple(PackageItemInput(ref, quantity) for ref, quantity in held.items())
    return PackageInput(number=number, status=status, items=items)


def an_order_input(
    number: str = "1001",
    *items: OrderItemInput,
    packages: tuple[PackageInput, ...] | None = None,
    status: OrderStatus = OrderStatus.AWAITING_SHIPMENT,
    shipping_fee: str = "0.00",
    fees: tuple[FeeInput, ...] = (),
    **more: object,
) -> OrderInput:
    """The total is the sum of the given amounts; prices include tax."""
    items = items or (an_item_input(),)
    amounts = [item.subtotal for item in items] + [shipping_fee] + [fee.amount for fee in fees]
    discounts = [text for item in items for text in (item.seller_discount, item.platform_discount) if text]
    total = sum(decimal(text) or 0 for text in amounts) - sum(decimal(text) or 0 for text in discounts)
    fields: dict[str, object] = {
        "currency": "USD",
        "prices_include_tax": True,
        "placed_at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        "buyer": BuyerInput("Ada Buyer", "ada@example.com"),
        "shipping_tax": "0.00",
        "total": str(total),
    } | more
    return OrderInput(
        number=number,
        status=status,
        items=items,
        packages=packages,
        shipping_fee=shipping_fee,
        fees=fees,
        **fields,  # type: ignore[arg-type]  # a builder passes on what a test gives
    )


async def a_shop(
    database: Database,
    shop_id: str = "demo",
    policy: ShippingRefundPolicy = ShippingRefundPolicy.ON_FULL_CANCELLATION,
) -> Shop:
    key = shops.new_cursor_key()
    make = partial(shops.create_shop, shop_id=shop_id, name="Demo Shop", policy=policy, cursor_key=key, now=NOW)
    shop = await database.writing(EVERY_SHOP, make)
    assert isinstance(shop, Shop)
    return shop


async def store(database: Database, shop: Shop, *inputs: OrderInput) -> list[Order]:
    """Imports orders, and returns them as stored."""
    results = await ingestion.import_orders(database, shop, inputs, actor="import", now=NOW)
    assert [result.problems for result in results] == [()] * len(inputs)
    return [await stored(database, shop, order.number) for order in inputs]


async def stored(database: Database, shop: Shop, number: str) -> Order:
    async with database.reading(EVERY_SHOP) as connection:
        order = await orders.find_by_number(connection, shop.id, number)
    assert order
    return order
