"""Shops are made once and found again."""

from functools import partial

import pytest

from domain.database import EVERY_SHOP, Database
from domain.order import ShippingRefundPolicy, Shop
from domain.queries import shops
from domain.queries.shops import ShopRefusal
from tests.invariants import dump
from tests.stored import NOW, a_shop


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


async def find(database: Database, shop_id: str) -> Shop | None:
    async with database.reading(EVERY_SHOP) as connection:
        return await shops.find_shop(connection, shop_id)


async def test_a_shop_is_found_as_it_was_made(database: Database) -> None:
    made = await create(database, "demo", "Ada's Läden 🎁")

    assert isinstance(made, Shop)
    assert (made.id, made.name, made.shipping_refund_policy) == ("demo", "Ada's Läden 🎁", ShippingRefundPolicy.NEVER)
    assert await find(database, "demo") == made


async def test_each_shop_has_a_key_of_its_own(database: Database) -> None:
    one, two = await a_shop(database, "one"), await a_shop(database, "two")

    assert len(one.cursor_key) == 32
    assert one.cursor_key != two.cursor_key


async def test_an_id_is_given_once(database: Database) -> None:
    await a_shop(database, "demo")
    before = await dump(database)

    refusal = await create(database, "demo", "Another")

    assert refusal == ShopRefusal("There is a shop demo already.")
    assert await dump(database) == before


@pytest.mark.parametrize("shop_id", ["", "a\0b", "a\nb", "\ud800", "1" * 101])
async def test_an_id_can_be_stored_and_shown(database: Database, shop_id: str) -> None:
    assert await create(database, shop_id) == ShopRefusal("A shop's ID has 1 to 100 printable characters.")
    assert await find(database, shop_id) is None


@pytest.mark.parametrize("name", ["", "a\0b", "n" * 501])
async def test_a_name_can_be_stored_and_shown(database: Database, name: str) -> None:
    assert await create(database, "demo", name) == ShopRefusal("A shop's name has 1 to 500 printable characters.")


async def test_there_is_no_shop_that_was_not_made(database: Database) -> None:
    await a_shop(database, "demo")

    assert await find(database, "Demo") is None
