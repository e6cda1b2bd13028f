"""Idempotency keys: claimed by the transaction that makes a cancellation, and deleted when they are old."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from domain.rules.order import value
from domain.storage.engine.backend import Connection
from domain.storage.engine.compiled import Statement, equal, insert
from domain.storage.tables import idempotency_keys


@value
class UsedKey:
    """A claimed key: the request it was used for, and the cancellation that answers it."""

    request_hash: bytes
    cancellation_id: UUID


_CLAIMED = Statement(
    sa.select(idempotency_keys.c.request_hash, idempotency_keys.c.cancellation_id).where(
        *equal(shop_id=idempotency_keys.c.shop_id, key=idempotency_keys.c.key)
    )
)
_KEY = (idempotency_keys.c.shop_id, idempotency_keys.c.key)
_OLDEST = (
    sa.select(*_KEY)
    .where(idempotency_keys.c.created_at < sa.bindparam("before", type_=idempotency_keys.c.created_at.type))
    .order_by(idempotency_keys.c.created_at)
    .limit(sa.bindparam("limit", type_=sa.Integer))
    .with_for_update(skip_locked=True)
    .cte("oldest")  # a CTE runs once; PostgreSQL may rerun a subquery in IN and lock more rows each time
)
_DELETE = Statement(
    sa.delete(idempotency_keys).where(sa.tuple_(*_KEY).in_(sa.select(_OLDEST))).returning(idempotency_keys.c.key)
)


async def claim_key(connection: Connection, shop_id: str, key: str, claim: UsedKey, *, now: datetime) -> UsedKey | None:
    """Claims the key for this transaction and returns None, or returns what it was already used for."""
    row = {
        "shop_id": shop_id,
        "key": key,
        "request_hash": claim.request_hash,
        "cancellation_id": claim.cancellation_id,
        "created_at": now,
    }
    while not await insert(connection, idempotency_keys, [row], new=idempotency_keys.c.key):
        if used := await find_key(connection, shop_id, key):  # otherwise it was deleted in between
            return used
    return None


async def find_key(connection: Connection, shop_id: str, key: str) -> UsedKey | None:
    used = await _CLAIMED.rows(connection, shop_id=shop_id, key=key)
    return UsedKey(*used[0]) if used else None


async def delete_keys(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes up to `limit` keys, of any shop, that were claimed before then; returns how many."""
    return len(await _DELETE.rows(connection, before=before, limit=limit))
