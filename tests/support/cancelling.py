"""Requests cancellations, and reads back what they left."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from uuid_utils.compat import uuid7

from domain import cancellation
from domain.cancellation import CancellationOutcome
from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.order import (
    Cancellation,
    ItemEntry,
    ItemsSelection,
    Order,
    OrderSelection,
    PackageSelection,
    Selection,
    Shop,
)
from domain.rules.order_input import FeeInput, OrderInput
from domain.rules.vocabulary import CancellationReason, FeeKind, PackageStatus
from domain.storage import cancellations, events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.support.stored import NOW, a_package_input, an_item_input, an_order_input, store

LATER = NOW + timedelta(hours=1)


def a_split_input(number: str = "1001", b: PackageStatus = PackageStatus.AWAITING_SHIPMENT) -> OrderInput:
    """Three dresses for 10.00 and two scarves for 20.00 less 5.01, in two packages; 6.00 for shipping and a fee."""
    return an_order_input(
        number,
        an_item_input("dress", quantity=3, subtotal="10.00"),
        an_item_input("scarf", quantity=2, subtotal="20.00", seller_discount="5.01"),
        packages=(
            a_package_input("B", b, dress=2, scarf=1),
            a_package_input("A", PackageStatus.AWAITING_COLLECTION, dress=1, scarf=1),
        ),
        shipping_fee="4.99",
        fees=(FeeInput(FeeKind.SMALL_ORDER, "1.01"),),
    )


async def a_split_order(database: Database, shop: Shop, number: str = "1001") -> Order:
    """The order of `a_split_input`, stored."""
    return (await store(database, shop, a_split_input(number)))[0]


async def a_small_order(database: Database, shop: Shop, *, quantity: int = 3, subtotal: str = "10.00") -> Order:
    given = an_order_input("2001", an_item_input("dress", quantity=quantity, subtotal=subtotal))
    return (await store(database, shop, given))[0]


def item_id(order: Order, sku: str) -> str:
    return ids.of_item(order.id, next(item.position for item in order.items if item.sku == sku))


def package_id(order: Order, number: str) -> str:
    return ids.of_package(order.id, next(each.position for each in order.packages if each.number == number))


def units(order: Order, *entries: tuple[str, int] | tuple[str, int, str]) -> ItemsSelection:
    """Each entry is a SKU, a quantity and, optionally, a package number."""
    return ItemsSelection(
        ids.of_order(order.id),
        tuple(
            ItemEntry(item_id(order, sku), quantity, *(package_id(order, number) for number in place))
            for sku, quantity, *place in entries
        ),
    )


def package(order: Order, number: str) -> PackageSelection:
    return PackageSelection(package_id(order, number))


def everything(order: Order) -> OrderSelection:
    return OrderSelection(ids.of_order(order.id))


def a_request(
    selection: Selection,
    key: str = "key-1",
    reason: CancellationReason = CancellationReason.OUT_OF_STOCK,
    **more: Any,  # the other fields of a request
) -> CancellationRequest:
    return CancellationRequest(selection, reason, key, **more)


async def cancel(database: Database, shop: Shop, request: CancellationRequest) -> CancellationOutcome:
    return await cancellation.cancel(database, shop, request, cancellation_id=uuid7(), actor="seller@desk-1", now=LATER)


async def cancel_well(database: Database, shop: Shop, request: CancellationRequest) -> Cancellation:
    """Cancels; a refusal fails the test."""
    outcome = await cancel(database, shop, request)
    assert outcome.problems == ()
    assert outcome.cancellation
    return outcome.cancellation


async def read_again(database: Database, shop: Shop, made: Cancellation) -> Cancellation | None:
    async with database.reading(EVERY_SHOP) as connection:
        return await cancellations.find_cancellation(connection, shop.id, made.id)


async def rows(database: Database, *columns: sa.ColumnElement[Any], by: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The table's rows, with these columns, sorted by the columns `by`."""
    async with database.reading(EVERY_SHOP) as connection:
        return [tuple(row) for row in await connection.execute(sa.select(*columns).order_by(*by))]


def codes(outcome: CancellationOutcome) -> list[str]:
    return [problem.code.name for problem in outcome.problems]


async def happened(database: Database, order: Order, shop_id: str = "demo") -> list[str]:
    """The order's events in short: type, positions of the package and the new package, status before and after."""
    async with database.reading(EVERY_SHOP) as connection:
        found = await events.list_events(connection, shop_id, after=0, limit=100, order_ids=[order.id])
    parts = [(each.type.name, each.package, each.new_package, each.before, each.after) for each in found]
    return [" ".join(str(part) for part in each if part is not None) for each in parts]
