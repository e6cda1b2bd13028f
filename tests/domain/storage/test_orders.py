"""Orders and cancellations are read back whole, also where an import has left a package empty or sent no mail."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from domain.rules.order import Notification, PackageItem, Shop
from domain.rules.vocabulary import NotificationStatus, PackageStatus
from domain.storage import cancellations, orders
from domain.storage.engine.backend import EVERY_SHOP, Connection
from domain.storage.engine.database import Database
from domain.storage.tables import outbox, package_items, packages
from tests.support.cancelling import a_request, a_split_order, cancel_well, everything, read_again
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store, stored


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may write what no use case writes."""
    return as_owner(database_url)


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop whose data need not be sound at the end: here, only a part of what an import does is written."""
    return await a_shop(database)


async def change(database: Database, *statements: sa.Update | sa.Delete) -> None:
    async def run(connection: Connection) -> None:
        for statement in statements:
            await connection.execute(statement)

    await database.writing(EVERY_SHOP, run)


async def test_a_package_without_units_is_read_with_its_order(database: Database, shop: Shop) -> None:
    given = an_order_input(
        "1001",
        an_item_input("dress", quantity=2),
        an_item_input("scarf", quantity=1),
        packages=(a_package_input("A", dress=1), a_package_input("B", dress=1, scarf=1)),
    )
    [order] = await store(database, shop, given)

    await change(
        database,
        sa.delete(package_items).where(package_items.c.package == 1),
        sa.update(package_items).where(package_items.c.item == 1).values(quantity=2),
        sa.update(packages).where(packages.c.position == 1).values(status=PackageStatus.CANCELLED),
    )

    found = await stored(database, shop, "1001")
    assert [(each.number, each.status, each.items) for each in found.packages] == [
        ("A", PackageStatus.CANCELLED, ()),
        ("B", PackageStatus.AWAITING_SHIPMENT, (PackageItem(1, 2, 0), PackageItem(2, 1, 0))),
    ]
    assert found.items == order.items
    assert not found.packages[0].is_live


async def test_several_orders_are_each_read_with_their_own_contents(database: Database, shop: Shop) -> None:
    first, second = await a_split_order(database, shop, "1001"), await a_split_order(database, shop, "1002")
    await change(
        database,
        sa.delete(package_items).where(package_items.c.order_id == first.id, package_items.c.package == 1),
        sa.update(packages)
        .where(packages.c.order_id == first.id, packages.c.position == 1)
        .values(status=PackageStatus.CANCELLED),
    )

    async with database.reading(EVERY_SHOP) as connection:
        found = await orders.find_orders(connection, shop.id, [first.id, second.id])

    assert [[len(each.items) for each in found[order.id].packages] for order in (first, second)] == [[2, 0], [2, 2]]
    assert found[second.id].packages == second.packages


async def test_a_cancellation_without_an_e_mail_needs_none(database: Database, shop: Shop) -> None:
    order = await a_split_order(database, shop)
    made = await cancel_well(database, shop, a_request(everything(order)))

    await change(database, sa.delete(outbox))

    found = await read_again(database, shop, made)
    async with database.reading(EVERY_SHOP) as connection:
        listed = await cancellations.list_by_order(connection, shop.id, [order.id])
    assert found
    assert found.notification == Notification(NotificationStatus.NOT_NEEDED, attempts=0, sent_at=None, last_error=None)
    assert listed == {order.id: (found,)}
