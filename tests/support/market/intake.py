"""A shop that orders come into from files, for tests of many examples."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from domain import ingestion
from domain.arriving import ImportResult
from domain.rules.order import Cancellation, Order, OrderEvent, Shop
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage import cancellations, events
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.support.invariants import assert_sound, dump
from tests.support.market.orders import MarketOrder
from tests.support.stored import NOW, a_shop, stored

# The same examples in each run.
some = partial(settings, suppress_health_check=list(HealthCheck), derandomize=True)


class Intake:
    """A shop on a database, for one run of many examples."""

    def __init__(self, folder: Path, url: str, policy: ShippingRefundPolicy) -> None:
        self._runner = asyncio.Runner()
        self.run = self._runner.run
        self.database = Database(url)
        self.shop: Shop = self.run(a_shop(self.database, policy=policy))
        self._file = folder / "orders.json"
        self._orders = 0

    def number(self) -> str:
        """One that no order has."""
        self._orders += 1
        return f"57{self._orders:016}"

    def imports(self, content: object) -> list[ImportResult]:
        return self.imports_text(json.dumps(content).encode())

    def imports_text(self, content: bytes) -> list[ImportResult]:
        self._file.write_bytes(content)

        async def run() -> list[ImportResult]:
            file = ingestion.import_file(self.database, self.shop, self._file, actor="import", clock=lambda: NOW)
            return [result async for batch in file for result in batch.results]

        return self.run(run())

    def finds(self, number: str) -> Order:
        return self.run(stored(self.database, self.shop, number))

    def dumps(self) -> dict[str, list[tuple[Any, ...]]]:
        return self.run(dump(self.database))

    def logs(self, order: Order) -> list[OrderEvent]:
        """The order's events."""

        async def run() -> list[OrderEvent]:
            async with self.database.reading(EVERY_SHOP) as connection:
                return list(
                    await events.list_events(connection, self.shop.id, after=0, limit=1000, order_ids=[order.id])
                )

        return self.run(run())

    def cancellations(self, order: Order) -> list[Cancellation]:
        async def run() -> list[Cancellation]:
            async with self.database.reading(EVERY_SHOP) as connection:
                found = await cancellations.list_by_order(connection, self.shop.id, [order.id])
            return list(found.get(order.id, ()))

        return self.run(run())

    def checks(self) -> None:
        self.run(assert_sound(self.database))

    def close(self) -> None:
        self.run(self.database.close())
        self._runner.close()


@contextmanager
def an_intake(
    folder: Path, url: str, policy: ShippingRefundPolicy = ShippingRefundPolicy.ON_FULL_CANCELLATION
) -> Iterator[Intake]:
    """At the end, the stored data must be sound."""
    intake = Intake(folder, url, policy)
    try:
        yield intake
        intake.checks()
    finally:
        intake.close()


def numbered(order: MarketOrder, number: str) -> MarketOrder:
    return replace(order, number=number)
