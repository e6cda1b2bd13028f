"""A server on a SQLite file in its own process, and the calls that clients make to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.storage.engine.database import Database
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
    """A process of `shortship serve`, and the calls of its clients."""

    def __init__(self, process: Process, client: Client) -> None:
        self.process = process
        self._client = client

    async def cancel(self, order: Order, key: str) -> dict[str, Any]:
        """Cancels one unit; the payload, or the extensions of the error that came instead."""
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
        """The code of the error on reading the order; empty if it can be read."""
        body = await self._client.post(FIND, id=ids.of_order(order.id))
        return body["errors"][0]["extensions"]["code"] if "errors" in body else ""

    async def readiness(self) -> int:
        return (await self._client.http.get("/readyz")).status_code

    async def ready(self) -> None:
        """Waits until the server says that it is ready."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.readiness() != OK:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    """A server on the file in the folder; it is killed at the end."""
    with started(folder, "serve", jwt_secret=SECRET, operation_timeout=str(PATIENCE_SECONDS)) as (process, http):
        async with httpx.AsyncClient(base_url=http.base_url, timeout=PATIENCE_SECONDS) as client:
            yield Served(process, Client(str(http.base_url), a_token(), client))


async def a_large_order(database: Database, shop: Shop, number: str = "1001") -> Order:
    """An order with more units than any of these tests cancels."""
    given = an_order_input(number, an_item_input("dress", quantity=UNITS, subtotal="10000.00"))
    return (await store(database, shop, given))[0]


async def keys(database: Database) -> list[str]:
    """The keys of all stored cancellations."""
    found = await rows(database, cancellations.c.idempotency_key, by=[cancellations.c.idempotency_key])
    return [key for (key,) in found]
