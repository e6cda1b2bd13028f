"""The statements about shops."""

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rules import ids
from domain.rules.order import Shop, value
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage.dialect import insert_or_ignore, storable
from domain.storage.tables import shops

_LONGEST_NAME = 500
_BAD_NAME = f"A shop's name has 1 to {_LONGEST_NAME} printable characters, and not spaces alone."

_SHOPS = sa.select(shops.c.id, shops.c.name, shops.c.shipping_refund_policy, shops.c.cursor_key)


@value
class ShopRefusal:
    """Why no shop was made or changed, as a sentence."""

    message: str


def new_cursor_key() -> bytes:
    """Each shop has one of its own."""
    return secrets.token_bytes(32)


async def create_shop(
    connection: AsyncConnection,
    shop_id: str,
    *,
    name: str,
    policy: ShippingRefundPolicy,
    cursor_key: bytes,
    now: datetime,
) -> Shop | ShopRefusal:
    """A new shop; one that has this very key was made by an earlier attempt of the call."""
    if not ids.is_shop_id(shop_id):
        return ShopRefusal(ids.SHOP_ID_RULE)
    if not _is_name(name):
        return ShopRefusal(_BAD_NAME)
    shop = Shop(shop_id, name, policy, cursor_key)
    row = {
        "id": shop.id,
        "name": shop.name,
        "shipping_refund_policy": shop.shipping_refund_policy,
        "cursor_key": shop.cursor_key,
        "last_event": 0,
        "created_at": now,
    }
    statement = insert_or_ignore(shops).values(row).returning(shops.c.id)
    is_new = (await connection.execute(statement)).first() is not None
    if not is_new and await find_shop(connection, shop_id) != shop:
        return ShopRefusal(f"There is a shop {shop_id} already.")
    return shop


async def update_shop(
    connection: AsyncConnection, shop_id: str, *, name: str | None, policy: ShippingRefundPolicy | None
) -> ShopRefusal | None:
    """Gives a shop that there is another name, or another policy, in a transaction of its own; None leaves either."""
    if name is not None and not _is_name(name):
        return ShopRefusal(_BAD_NAME)
    given = {"name": name, "shipping_refund_policy": policy}
    changes = {column: new for column, new in given.items() if new is not None}
    await connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(changes))
    return None


async def find_shop(connection: AsyncConnection, shop_id: str) -> Shop | None:
    """The shop with this ID, which may be older than the rule for new ones."""
    row = (await connection.execute(_SHOPS.where(shops.c.id == shop_id))).first() if storable([shop_id]) else None
    return Shop(*row) if row else None


async def list_shops(connection: AsyncConnection) -> list[Shop]:
    """Every shop, by ID; the transaction has to be about every shop too."""
    return [Shop(*row) for row in await connection.execute(_SHOPS.order_by(shops.c.id))]


def _is_name(name: str) -> bool:
    return name.isprintable() and not name.isspace() and 0 < len(name) <= _LONGEST_NAME
