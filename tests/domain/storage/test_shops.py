"""Shops are created once, found again and updated."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules import ids
from domain.rules.order import Shop
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage import shops, tables
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.shops import ShopRefusal
from tests.support.cancelling import a_request, cancel_well, everything, units
from tests.support.invariants import assert_sound, dump
from tests.support.stored import NOW, a_shop, an_order_input, store, stored


async def create(database: Database, shop_id: str, name: str = "A Shop") -> Shop | ShopRefusal:
    make = partial(
        shops.create_shop,
        shop_id=shop_id,
        name=name,
        policy=ShippingRefundPolicy.NEVER,
        cursor_key=shops.new_cursor_key(),
        now=NOW,
    )
    return await database.writing(EVERY_SHOP, make)


async def update(
    database: Database, shop_id: str, *, name: str | None = None, policy: ShippingRefundPolicy | None = None
) -> ShopRefusal | None:
    return await database.writing(shop_id, partial(shops.update_shop, shop_id=shop_id, name=name, policy=policy))


async def listed(database: Database) -> list[Shop]:
    async with database.reading(EVERY_SHOP) as connection:
        return await shops.list_shops(connection)


async def find(database: Database, shop_id: str) -> Shop | None:
    async with database.reading(EVERY_SHOP) as connection:
        return await shops.find_shop(connection, shop_id)


async def test_a_shop_is_found_as_it_was_created(database: Database) -> None:
    made = await create(database, "demo", "Ada's Läden 🎁")

    assert isinstance(made, Shop)
    assert (made.id, made.name, made.shipping_refund_policy) == ("demo", "Ada's Läden 🎁", ShippingRefundPolicy.NEVER)
    assert await find(database, "demo") == made


async def test_each_shop_has_a_key_of_its_own(database: Database) -> None:
    one, two = await a_shop(database, "one"), await a_shop(database, "two")

    assert len(one.cursor_key) == 32
    assert one.cursor_key != two.cursor_key


async def test_a_shop_id_is_unique(database: Database) -> None:
    await a_shop(database, "demo")
    before = await dump(database)

    refusal = await create(database, "demo", "Another")

    assert refusal == ShopRefusal("The shop demo already exists.")
    assert await dump(database) == before


@pytest.mark.parametrize("shop_id", ["", "Bad Id!", "-x", "a\0b", "a\nb", "\ud800", "1" * 101])
async def test_an_id_that_cannot_be_written_everywhere_is_refused(database: Database, shop_id: str) -> None:
    assert await create(database, shop_id) == ShopRefusal(ids.SHOP_ID_RULE)
    assert await find(database, shop_id) is None


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nBcc: b", "n" * 501])
async def test_a_name_that_cannot_be_stored_and_shown_is_refused(database: Database, name: str) -> None:
    refusal = ShopRefusal("A shop's name must have 1 to 500 printable characters, and not only spaces.")
    shop = await a_shop(database)

    assert await create(database, "other", name) == refusal
    assert await update(database, "demo", name=name) == refusal
    assert await listed(database) == [shop]


async def test_a_shop_whose_id_predates_the_rule_still_works(database: Database) -> None:
    """A shop as an earlier version created it."""
    row = {
        "id": "Läden & Co",
        "name": "Läden",
        "shipping_refund_policy": ShippingRefundPolicy.NEVER,
        "cursor_key": b"key",
        "last_event": 0,
        "created_at": NOW,
    }

    async def insert(connection: AsyncConnection) -> None:
        await connection.execute(tables.shops.insert().values(row))

    await database.writing(EVERY_SHOP, insert)

    shop = await find(database, "Läden & Co")
    assert shop
    assert [order.number for order in await store(database, shop, an_order_input("1001"))] == ["1001"]
    assert await update(database, shop.id, name="Läden") is None


async def test_shops_are_listed_by_id(database: Database) -> None:
    made = [await a_shop(database, shop_id) for shop_id in ("two", "one", "three")]

    assert await listed(database) == [made[1], made[2], made[0]]


async def test_an_update_changes_what_is_given_and_keeps_the_rest(database: Database) -> None:
    shop, other = await a_shop(database), await a_shop(database, "other")

    assert await update(database, "demo", name="Renamed") is None
    renamed = await find(database, "demo")
    assert await update(database, "demo", policy=ShippingRefundPolicy.NEVER) is None
    changed = await find(database, "demo")

    assert renamed == replace(shop, name="Renamed")
    assert changed == replace(shop, name="Renamed", shipping_refund_policy=ShippingRefundPolicy.NEVER)
    assert await find(database, "other") == other


async def test_an_order_keeps_the_policy_under_which_it_was_imported(database: Database) -> None:
    shop = await a_shop(database, policy=ShippingRefundPolicy.PROPORTIONAL)
    [order] = await store(database, shop, an_order_input("1001", shipping_fee="3.00"))
    await cancel_well(database, shop, a_request(units(order, ("SKU-dress", 1))))

    await update(database, "demo", policy=ShippingRefundPolicy.NEVER)
    now = await find(database, "demo")
    assert now
    in_part = await stored(database, now, "1001")
    await cancel_well(database, now, a_request(everything(in_part), key="rest"))
    [later] = await store(database, now, an_order_input("1002", shipping_fee="3.00"))
    await cancel_well(database, now, a_request(everything(later), key="later"))

    whole, later = await stored(database, now, "1001"), await stored(database, now, "1002")
    assert (in_part.refunded, whole.refunded, whole.total) == (1100, 3300, 3300)
    assert (later.refunded, later.total) == (3000, 3300)
    await assert_sound(database)


async def test_an_unknown_shop_is_not_found(database: Database) -> None:
    await a_shop(database, "demo")

    assert await find(database, "Demo") is None
