"""The statements about shops."""

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import ShippingRefundPolicy, Shop, value
from domain.queries.dialect import insert_or_ignore
from domain.tables import shops

LONGEST_ID = 100
LONGEST_NAME = 500


@value
class ShopRefusal:
    """Why no shop was made, as a sentence."""

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
    if not _is_good(shop_id, LONGEST_ID):
        return ShopRefusal(f"A shop's ID has 1 to {LONGEST_ID} printable characters.")
    if not _is_good(name, LONGEST_NAME):
        return ShopRefusal(f"A shop's name has 1 to {LONGEST_NAME} printable characters.")
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


async def find_shop(connection: AsyncConnection, shop_id: str) -> Shop | None:
    if not _is_good(shop_id, LONGEST_ID):
        return None
    columns = (shops.c.id, shops.c.name, shops.c.shipping_refund_policy, shops.c.cursor_key)
    row = (await connection.execute(sa.select(*columns).where(shops.c.id == shop_id))).first()
    return Shop(*row) if row else None


def _is_good(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
