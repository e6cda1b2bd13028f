"""Creates, updates and finds shops."""

import secrets
from datetime import datetime

import sqlalchemy as sa

from domain.rules import ids
from domain.rules.order import Shop, value
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Statement, equal, insert, parameters, storable
from domain.storage.tables import shops

_LONGEST_NAME = 500
_BAD_NAME = f"A shop's name must have 1 to {_LONGEST_NAME} printable characters, and not only spaces."

_SHOPS = sa.select(shops.c.id, shops.c.name, shops.c.shipping_refund_policy, shops.c.cursor_key)
_ALL = Statement(_SHOPS.order_by(shops.c.id))
_THIS = equal(shop_id=shops.c.id)
_BY_ID = Statement(_SHOPS.where(*_THIS))
_UPDATE = Statement(
    sa.update(shops)
    .where(*_THIS)
    .values(
        {
            name: sa.func.coalesce(given, shops.c[name])
            for name, given in parameters(shops.c.name, shops.c.shipping_refund_policy).items()
        }
    )
)


@value
class ShopRefusal:
    """Why a shop was not created or updated, as a sentence."""

    message: str


def new_cursor_key() -> bytes:
    """A random key; each shop has its own."""
    return secrets.token_bytes(32)


async def create_shop(
    connection: Connection,
    shop_id: str,
    *,
    name: str,
    policy: ShippingRefundPolicy,
    cursor_key: bytes,
    now: datetime,
) -> Shop | ShopRefusal:
    """Creates a shop; one that already has this key was created by an earlier attempt of the call."""
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
    is_new = await insert(connection, shops, [row], new=shops.c.id)
    if not is_new and await find_shop(connection, shop_id) != shop:
        return ShopRefusal(f"The shop {shop_id} already exists.")
    return shop


async def update_shop(
    connection: Connection, shop_id: str, *, name: str | None, policy: ShippingRefundPolicy | None
) -> ShopRefusal | None:
    """Updates an existing shop in its own transaction; None leaves the name or the policy unchanged."""
    if name is not None and not _is_name(name):
        return ShopRefusal(_BAD_NAME)
    await _UPDATE.rows(connection, shop_id=shop_id, name=name, shipping_refund_policy=policy)
    return None


async def find_shop(connection: Connection, shop_id: str) -> Shop | None:
    """The shop with this ID, which may predate the rule for new IDs."""
    found = await _BY_ID.rows(connection, shop_id=shop_id) if storable([shop_id]) else ()
    return Shop(*found[0]) if found else None


async def list_shops(connection: Connection) -> list[Shop]:
    """Every shop, sorted by ID; needs a transaction on every shop."""
    return [Shop(*row) for row in await _ALL.rows(connection)]


def _is_name(name: str) -> bool:
    return name.isprintable() and not name.isspace() and 0 < len(name) <= _LONGEST_NAME
