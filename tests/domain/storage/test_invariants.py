"""Each broken invariant of the stored data is found and named, and no other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.mail.sending import Sent
from domain.rules.order import Shop
from domain.rules.vocabulary import CancellationReason, OrderStatus, PackageStatus, RefundStatus
from domain.storage import tables
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database, roll_back
from domain.storage.invariants.check import INVARIANTS, violations
from tests.domain.storage.corruptions import CONSTRAINTS, CONTENTS, LOG, MONEY, Corruption
from tests.domain.storage.variations import VARIATIONS
from tests.support.cancelling import LATER, a_request, a_split_order, cancel_well, everything, package, units
from tests.support.fulfilling import move, set_status, settle, split
from tests.support.invariants import BROKEN, assert_sound
from tests.support.mailing import Script, run
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store


@pytest.fixture
def database_url(database_url: str, as_owner: Callable[[str], str]) -> str:
    """As the owner, who may drop the constraints."""
    return as_owner(database_url)


@pytest.fixture
async def books(database: Database, shop: Shop) -> Database:
    """A varied history, described in corruptions.py, in tables without constraints."""
    await a_shop(database, "empty")
    await store(database, await a_shop(database, "other"), an_order_input("9001"))
    imported = (a_package_input("A", PackageStatus.CANCELLED, dress=1), a_package_input("B", dress=2))
    split_order = await a_split_order(database, shop)
    door = a_package_input("D", dress=3)
    door = replace(door, items=(replace(door.items[0], cancelled_quantity=1),))
    gift, moving, done, collected, *_ = await store(
        database,
        shop,
        an_order_input("6001", an_item_input(quantity=2, subtotal="0.00", is_gift=True)),
        an_order_input("7001"),
        an_order_input("4001", status=OrderStatus.DELIVERED),
        an_order_input("2001", packages=(door,), collect_on_delivery=True),
        an_order_input("5001", status=OrderStatus.ON_HOLD, shipping_fee="4.99"),
        an_order_input("3001", packages=imported),
    )
    first = await cancel_well(database, shop, a_request(units(split_order, ("SKU-dress", 1)), "one"))
    await settle(database, shop, first, RefundStatus.SUCCEEDED)
    await run(database, Script(Sent()), now=LATER)
    whole = a_request(package(split_order, "A"), "two", CancellationReason.OTHER)
    await cancel_well(database, shop, whole)
    await cancel_well(database, shop, a_request(everything(gift), "gift"))
    await cancel_well(database, shop, a_request(units(collected, ("SKU-dress", 1)), "door"))
    await split(database, shop, split_order, "B", ("SKU-scarf", 1))
    await move(database, shop, moving, "7001-1", PackageStatus.AWAITING_COLLECTION)
    await move(database, shop, moving, "7001-1", PackageStatus.IN_TRANSIT)
    await set_status(database, shop, done, OrderStatus.COMPLETED)
    await assert_sound(database)
    await database.writing(EVERY_SHOP, _loosen)
    return database


async def _loosen(connection: AsyncConnection) -> None:
    for name in tables.metadata.tables:
        await connection.execute(sa.text(f"ALTER TABLE {name} RENAME TO {name}_with_constraints"))
    for name in tables.metadata.tables:
        copied = f"SELECT * FROM {name}_with_constraints"  # noqa: S608 - our own names
        await connection.execute(sa.text(f"CREATE TABLE {name} AS {copied}"))


async def found_after(database: Database, changes: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """The invariants that each change breaks; each is undone before the next."""
    found: dict[str, set[str]] = {}

    async def corrupt(connection: AsyncConnection) -> None:
        for name, statements in changes.items():
            async with connection.begin_nested() as savepoint:
                for statement in statements:
                    await connection.exec_driver_sql(statement)
                found[name] = {violation.name for violation in await violations(connection)}
                assert found[name] == set((await connection.execute(BROKEN)).scalars()), (
                    "`assert_sound` finds something else"
                )
                await savepoint.rollback()
        await roll_back(connection)

    await database.writing(EVERY_SHOP, corrupt)
    return found


@pytest.mark.parametrize(
    "corruptions", [CONSTRAINTS, CONTENTS, MONEY, LOG], ids=["constraints", "contents", "money", "log"]
)
async def test_exactly_the_broken_invariants_are_named(books: Database, corruptions: Mapping[str, Corruption]) -> None:
    found = await found_after(books, {name: [each.statement] for name, each in corruptions.items()})

    assert found == {name: {name, *corruption.consequences} for name, corruption in corruptions.items()}


async def test_other_histories_are_sound_or_what_is_wrong_is_named(books: Database) -> None:
    found = await found_after(books, {name: variation.statements for name, variation in VARIATIONS.items()})

    assert found == {name: set(variation.broken) for name, variation in VARIATIONS.items()}


def test_there_is_one_corruption_for_each_invariant() -> None:
    names = [invariant.name for invariant in INVARIANTS]

    assert sorted(names) == sorted([*CONSTRAINTS, *CONTENTS, *MONEY, *LOG])
