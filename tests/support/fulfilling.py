"""Reports what other systems do with orders: the warehouse, the marketplace, payments."""

from domain import fulfillment
from domain.rules import ids
from domain.rules.order import Cancellation, ItemEntry, Order, Shop
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.splits import PackageSplit
from domain.rules.transitions import PackageMove, Settlement
from domain.rules.vocabulary import OrderStatus, PackageStatus, RefundStatus
from domain.storage.engine.database import Database
from tests.support.cancelling import LATER, item_id, package_id


async def move(database: Database, shop: Shop, order: Order, number: str, status: PackageStatus) -> FulfillmentOutcome:
    request = PackageMove(package_id(order, number), status)
    return await fulfillment.update_package_status(database, shop, request, actor="warehouse", now=LATER)


async def set_status(database: Database, shop: Shop, order: Order, to: OrderStatus) -> FulfillmentOutcome:
    return await fulfillment.update_order_status(
        database, shop, ids.of_order(order.id), to, actor="marketplace", now=LATER
    )


async def split(
    database: Database, shop: Shop, order: Order, number: str, *entries: tuple[str, int]
) -> FulfillmentOutcome:
    """Splits the package of this number; each entry is a SKU and a quantity."""
    moving = tuple(ItemEntry(item_id(order, sku), quantity) for sku, quantity in entries)
    request = PackageSplit(package_id(order, number), moving)
    return await fulfillment.split_package(database, shop, request, actor="warehouse", now=LATER)


async def settle(
    database: Database, shop: Shop, made: Cancellation, status: RefundStatus, reference: str | None = None
) -> FulfillmentOutcome:
    settlement = Settlement(ids.of_cancellation(made.id), status, reference)
    return await fulfillment.settle_refund(database, shop, settlement, actor="payments", now=LATER)


def refused(outcome: FulfillmentOutcome) -> list[tuple[str, tuple[str, ...]]]:
    return [(problem.code.name, problem.path) for problem in outcome.problems]
