"""What is kept of known orders, and what an update changes of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.rules.new_order import CancelledUnits
from domain.rules.order import Buyer, Order, Package, PackageItem, Shop
from domain.rules.updates.told import Told, ToldPackage
from domain.rules.vocabulary import CancellationReason, OrderStatus, PackageStatus
from domain.storage import known_orders, told
from domain.storage.engine.backend import Connection
from domain.storage.engine.database import Database
from domain.storage.known_orders import Change, Source
from tests.support.stored import NOW, a_package_input, a_shop, an_item_input, an_order_input, store, stored

BUYER = Buyer("Ada Buyer", "ada@example.com", "en_US")
LITTLE = Told(OrderStatus.UNPAID, None, None, BUYER, ())
MUCH = Told(
    OrderStatus.PARTIALLY_SHIPPING,
    datetime(2026, 3, 1, 9, 30, 1, 5, tzinfo=UTC),
    datetime(2026, 3, 4, tzinfo=UTC),
    BUYER,
    (
        ToldPackage("A", PackageStatus.IN_TRANSIT, "DHL", "T-1", (PackageItem(1, 3, 1), PackageItem(2, 1, 0))),
        ToldPackage(None, PackageStatus.CANCELLED, None, None, (PackageItem(1, 1, 1),)),
    ),
    ((1, 25), (2, 8)),
    (CancelledUnits(1, 2, CancellationReason.OUT_OF_STOCK, "Sold out"),),
)


@pytest.mark.parametrize("content", [LITTLE, MUCH], ids=["little", "much"])
def test_what_was_told_comes_back_from_its_json(content: Told) -> None:
    assert told.from_json(told.to_json(content)) == content


def test_what_is_empty_is_not_kept() -> None:
    assert told.to_json(LITTLE) == {
        "status": "UNPAID",
        "buyer": ["Ada Buyer", "ada@example.com", "en_US"],
        "packages": [],
    }


async def an_order(database: Database) -> tuple[Shop, Order]:
    """Six dresses and two scarves in three packages, A, B and C, at the positions 1 to 3."""
    shop = await a_shop(database)
    items = (an_item_input("dress", quantity=6), an_item_input("scarf", quantity=2))
    packages = (
        a_package_input("A", dress=3),
        a_package_input("B", dress=2, scarf=1),
        a_package_input("C", dress=1, scarf=1),
    )
    [order] = await store(database, shop, an_order_input("1001", *items, packages=packages))
    return shop, order


async def updated(database: Database, shop: Shop, order: Order, *packages: Package) -> Order:
    """The order once it has been stored with these packages."""

    async def work(connection: Connection) -> None:
        source = Source(b"other", None, None, MUCH)
        change = Change(order, replace(order, packages=packages), source)
        await known_orders.store_changes(connection, shop.id, [change])

    await database.writing(shop.id, work)
    return await stored(database, shop, "1001")


@pytest.mark.parametrize("numbers", ["BAC", "CAB", "XAC", "AXB"])
async def test_packages_pass_their_numbers_on_to_each_other(database: Database, numbers: str) -> None:
    shop, order = await an_order(database)
    renamed = [
        replace(each, number=number, is_numbered_here=True)
        for each, number in zip(order.packages, numbers, strict=True)
    ]

    after = await updated(database, shop, order, *renamed)

    assert after.packages == tuple(sorted(renamed, key=lambda each: each.number))


async def test_units_move_between_packages_and_into_new_ones(database: Database) -> None:
    shop, order = await an_order(database)
    a, b, c = order.packages
    packages = (
        replace(a, items=(PackageItem(1, 1, 0), PackageItem(2, 1, 0)), status=PackageStatus.IN_TRANSIT, carrier="DHL"),
        replace(b, items=(), status=PackageStatus.CANCELLED),
        replace(c, items=(PackageItem(1, 1, 1), PackageItem(2, 1, 0)), tracking_number="T-1"),
        Package(4, "D", PackageStatus.DELIVERED, "UPS", "T-2", is_numbered_here=True, items=(PackageItem(1, 4, 0),)),
    )

    after = await updated(database, shop, order, *packages)

    assert after.packages == packages
    assert [(item.sku, item.cancelled_quantity) for item in after.items] == [("SKU-dress", 1), ("SKU-scarf", 0)]


async def test_a_new_package_takes_the_number_that_another_gives_up(database: Database) -> None:
    shop, order = await an_order(database)
    a, b, c = order.packages
    new = Package(4, "A", a.status, None, None, is_numbered_here=False, items=(PackageItem(1, 1, 0),))
    packages = (new, b, c, replace(a, number="Z", items=(PackageItem(1, 2, 0),)))

    assert (await updated(database, shop, order, *packages)).packages == packages


async def test_every_field_that_an_update_may_change_is_stored(database: Database) -> None:
    shop, order = await an_order(database)
    after = replace(
        order,
        status=OrderStatus.ON_HOLD,
        version=7,
        paid_at=NOW,
        ship_by=NOW,
        updated_at=NOW.replace(year=2027),
        buyer=Buyer("Bo", "bo@example.com", "de_DE"),
        refunded=1,
        taken_off=2,
        is_paid=False,
        collect_on_delivery=True,
        event_sequence=9,
    )
    source = Source(b"content", b"bytes", NOW, MUCH)

    async def work(connection: Connection) -> Source:
        await known_orders.store_changes(connection, shop.id, [Change(order, after, source)])
        locked = await known_orders.lock_known(connection, shop.id, [order.id], is_waiting=True)
        return locked[order.id].source

    assert await database.writing(shop.id, work) == source
    assert await stored(database, shop, "1001") == after


async def test_orders_are_found_by_the_bytes_that_they_came_in(database: Database) -> None:
    shop, order = await an_order(database)
    other = await a_shop(database, "other")

    async def keep(connection: Connection) -> None:
        await known_orders.keep_sources(connection, shop.id, {order.id: Source(b"content", b"bytes", None, None)})

    await database.writing(shop.id, keep)
    async with database.reading(shop.id) as connection:
        found = await known_orders.find_by_source(connection, shop.id, {b"bytes", b"none"})
        others = await known_orders.find_by_source(connection, other.id, {b"bytes", b"none"})

    assert (found, others) == ({b"bytes": ("1001", order.id)}, {})
