"""A server on a SQLite file, in a process of its own, and clients that cancel units of an order one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.storage.database import Database
from domain.storage.tables import cancellations
from tests.support.cancelling import rows
from tests.support.client import SECRET, Client, a_token
from tests.support.command import Process, started
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import an_item_input, an_order_input, store

CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) {
  errors { code retryable } replayed cancellation { id } } }
"""
FIND = "query ($id: ID!) { order(id: $id) { items { cancellableQuantity } } }"
OK = 200
UNITS = 10_000


class Served:
    """One process of `shortship serve`, and what clients ask of it."""

    def __init__(self, process: Process, client: Client) -> None:
        self.process = process
        self._client = client

    async def cancel(self, order: Order, key: str) -> dict[str, Any]:
        """The payload of cancelling one unit, or the error that came instead of it."""
        items = [{"itemId": ids.of_item(order.id, 1), "quantity": 1}]
        given = {"orderId": ids.of_order(order.id), "reason": "OUT_OF_STOCK", "items": items, "idempotencyKey": key}
        body = await self._client.post(CANCEL, input=given)
        answer: dict[str, Any] = body["errors"][0]["extensions"] if "errors" in body else body["data"]["cancelItems"]
        return answer

    async def left(self, order: Order) -> int:
        """How many units can still be cancelled."""
        [item] = (await self._client.data(FIND, id=ids.of_order(order.id)))["order"]["items"]
        return int(item["cancellableQuantity"])

    async def reading(self, order: Order) -> str:
        """The code of the error that comes instead of an order; empty where none does."""
        body = await self._client.post(FIND, id=ids.of_order(order.id))
        return body["errors"][0]["extensions"]["code"] if "errors" in body else ""

    async def readiness(self) -> int:
        return (await self._client.http.get("/readyz")).status_code

    async def ready(self) -> None:
        """Waits until it says that it is."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.readiness() != OK:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    """A server on the file in the folder; it is killed at the end."""
    with started(folder, "serve", jwt_secret=SECRET, operation_timeout=str(PATIENCE_SECONDS)) as (process, http):
        async with httpx.AsyncClient(base_url=http.base_url, timeout=PATIENCE_SECONDS) as client:
            yield Served(process, Client(str(http.base_url), a_token(), client))


async def a_large_order(database: Database, shop: Shop, number: str = "1001") -> Order:
    """Of so many units that none of these tests comes to its end."""
    given = an_order_input(number, an_item_input("dress", quantity=UNITS, subtotal="10000.00"))
    return (await store(database, shop, given))[0]


async def keys(database: Database) -> list[str]:
    """Those of all cancellations that are stored."""
    found = await rows(database, cancellations.c.idempotency_key, by=[cancellations.c.idempotency_key])
    return [key for (key,) in found]
