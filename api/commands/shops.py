"""`shop create`, `shop update` and `shop list`."""

from functools import partial

import typer

from api.commands.databases import check_migrated, find_shop, on_database, refuse
from api.wiring import clock
from domain.rules.order import Shop
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage import shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.shops import ShopRefusal


def create(shop_id: str, *, name: str, policy: str) -> None:
    make = partial(
        shops.create_shop,
        shop_id=shop_id,
        name=name,
        policy=_policy(policy),
        cursor_key=shops.new_cursor_key(),
        now=clock(),
    )

    async def write(database: Database) -> Shop | ShopRefusal:
        await check_migrated(database)
        return await database.writing(EVERY_SHOP, make)

    created = on_database(write)
    if isinstance(created, ShopRefusal):
        refuse(created.message)
    typer.echo(f"Created the shop {shop_id}.")


def update(shop_id: str, *, name: str | None, policy: str | None) -> None:
    if name is None and policy is None:
        refuse("Nothing to change: give --name or --shipping-refund-policy.")
    change = partial(shops.update_shop, shop_id=shop_id, name=name, policy=None if policy is None else _policy(policy))

    async def write(database: Database) -> ShopRefusal | None:
        await check_migrated(database)
        await find_shop(database, shop_id)
        return await database.writing(shop_id, change)

    refusal = on_database(write)
    if refusal:
        refuse(refusal.message)
    typer.echo(f"Updated the shop {shop_id}.")


def list_all() -> None:
    async def look(database: Database) -> list[Shop]:
        await check_migrated(database)
        async with database.reading(EVERY_SHOP) as connection:
            return await shops.list_shops(connection)

    for shop in on_database(look, read_only=True):
        typer.echo(f"{shop.id}\t{shop.shipping_refund_policy.name}\t{shop.name}")


def _policy(name: str) -> ShippingRefundPolicy:
    policies = ShippingRefundPolicy.__members__
    if name not in policies:
        refuse(f"Unknown policy {name}; use one of {', '.join(policies)}.")
    return policies[name]
