"""Callers that act on a shop's orders through several servers, never give up, and record what was acknowledged."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from domain.rules import ids
from domain.rules.order import Order, Shop
from domain.rules.vocabulary import PackageStatus, RefundStatus
from domain.storage import cancellations
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.faults.servers import Server
from tests.support.cancelling import item_id, package_id
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_package_input, an_item_input, an_order_input, store, stored

_CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) {
  replayed cancellation { id refundBreakdown { total { amount } } } errors { code } } }
"""
_SETTLE = "mutation ($input: SettleRefundInput!) { settleRefund(input: $input) { errors { code } } }"
_MOVE = "mutation ($input: UpdatePackageStatusInput!) { updatePackageStatus(input: $input) { errors { code } } }"
_SPLIT = "mutation ($input: SplitPackageInput!) { splitPackage(input: $input) { errors { code } } }"

_SELLERS = 24
_ORDERS = 8
_PAIRS = 10
_LONGEST_PAUSE = 0.2
# Something known to be done, as (what, ...); counters say how often.
Fact = tuple[object, ...]


async def some_orders(database: Database, shop: Shop) -> list[Order]:
    """Orders with dresses to cancel, pairs of hats to split, and a shoe to move between two statuses."""
    items = (
        an_item_input("dress", quantity=100, subtotal="1000.01", seller_discount="0.37"),
        an_item_input("hat", quantity=2 * _PAIRS, subtotal="99.99"),
        an_item_input("shoe", quantity=1, subtotal="9.95"),
    )
    packages = (
        a_package_input("dresses", dress=100),
        a_package_input("shoe", shoe=1),
        *(a_package_input(f"pair-{number}", hat=2) for number in range(_PAIRS)),
    )
    given = [an_order_input(f"{number}", *items, packages=packages, shipping_fee="4.99") for number in range(_ORDERS)]
    return await store(database, shop, *given)


class Load:
    """Two dozen sellers, and a warehouse for each order."""

    def __init__(self, servers: Sequence[Server], orders: Sequence[Order], chance: random.Random) -> None:
        self.calls = 0
        self.unanswered = Counter[str]()
        self.replayed = 0
        self._servers, self._orders, self._chance = servers, orders, chance
        self._acknowledged = Counter[Fact]()
        self._shoes: dict[str, PackageStatus] = {}
        self._has_answered = asyncio.Condition()
        self._is_over = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the load inside the block; calls in flight at its end still get their answers."""
        async with asyncio.TaskGroup() as group:
            for seller in range(_SELLERS):
                group.create_task(self._sell(seller))
            for order in self._orders:
                group.create_task(self._ship(order))
            yield
            self._is_over = True

    async def answers(self, count: int) -> None:
        """Waits for this many more answers."""
        target = self.calls + count
        async with asyncio.timeout(PATIENCE_SECONDS), self._has_answered:
            await self._has_answered.wait_for(lambda: self.calls >= target)

    async def lost_and_doubled(self, database: Database, shop: Shop) -> tuple[Counter[Fact], Counter[Fact]]:
        """The facts acknowledged but not stored, and those stored but not acknowledged."""
        acknowledged = self._acknowledged + Counter(("shoe", *each) for each in self._shoes.items())
        found = await _stored_facts(database, shop, self._orders)
        return acknowledged - found, found - acknowledged

    async def _sell(self, seller: int) -> None:
        """Cancels one dress after another, and settles some of the refunds."""
        for number in itertools.count():
            if self._is_over:
                return
            order = self._chance.choice(self._orders)
            await self._cancel_one(order, f"{seller}-{number}")
            await asyncio.sleep(self._chance.uniform(0, _LONGEST_PAUSE))

    async def _cancel_one(self, order: Order, key: str) -> None:
        items = [{"itemId": item_id(order, "SKU-dress"), "quantity": 1}]
        request = {"orderId": ids.of_order(order.id), "items": items, "reason": "OUT_OF_STOCK", "idempotencyKey": key}
        payload, is_repeated = await self._ask(_CANCEL, request)
        if _codes(payload) == ["NOT_CANCELLABLE"]:  # all dresses are gone
            return
        assert _codes(payload) == [], payload
        assert is_repeated or not payload["replayed"], key
        self.replayed += payload["replayed"]
        made = payload["cancellation"]
        refund = int(made["refundBreakdown"]["total"]["amount"].replace(".", ""))
        self._acknowledged.update(_cancelled(order, key, refund))
        if self._chance.random() < 1 / 3:
            await self._do(_SETTLE, {"cancellationId": made["id"], "outcome": "SUCCEEDED", "providerReference": key})
            self._acknowledged["settled", made["id"], key] += 1

    async def _ship(self, order: Order) -> None:
        """Splits the pairs, and moves the shoe back and forth between two statuses."""
        ways = itertools.cycle([PackageStatus.AWAITING_COLLECTION, PackageStatus.AWAITING_SHIPMENT])
        for pair, status in enumerate(ways):
            if self._is_over:
                return
            await self._do(_MOVE, {"packageId": package_id(order, "shoe"), "status": status.name})
            self._shoes[order.number] = status
            if pair < _PAIRS:
                hats = [{"itemId": item_id(order, "SKU-hat"), "quantity": 1}]
                request = {"packageId": package_id(order, f"pair-{pair}"), "items": hats}
                # The last hat of a pair cannot be split off, so repeating a split that was done is refused.
                await self._do(_SPLIT, request, done_already="INVALID_VALUE")
                self._acknowledged["split", order.number] += 1
            await asyncio.sleep(self._chance.uniform(0, _LONGEST_PAUSE))

    async def _do(self, query: str, request: Mapping[str, object], *, done_already: str | None = None) -> None:
        payload, is_repeated = await self._ask(query, request)
        assert _codes(payload) == [] or (is_repeated and _codes(payload) == [done_already]), payload

    async def _ask(self, query: str, request: Mapping[str, object]) -> tuple[dict[str, Any], bool]:
        """Asks the servers in turn; the first payload, and whether an earlier attempt went unanswered."""
        servers = itertools.cycle(self._chance.sample(self._servers, len(self._servers)))
        is_repeated = False
        async with asyncio.timeout(PATIENCE_SECONDS):
            while isinstance(answer := await _try(next(servers), query, request), str):
                is_repeated = True
                self.unanswered[answer] += 1
                await asyncio.sleep(self._chance.uniform(0, _LONGEST_PAUSE))
        async with self._has_answered:
            self.calls += 1
            self._has_answered.notify_all()
        return answer, is_repeated


async def _try(server: Server, query: str, request: Mapping[str, object]) -> dict[str, Any] | str:
    """The payload, or the reason for an outage; any other error fails the test."""
    try:
        answer = await server.client.post(query, input=request)
    except httpx.TransportError:
        return "DISCONNECTED"
    if "errors" in answer:
        codes = [error["extensions"]["code"] for error in answer["errors"]]
        assert codes in (["UNAVAILABLE"], ["TIMEOUT"]), answer
        return str(codes[0])
    [payload] = answer["data"].values()
    return "TRY_AGAIN" if _codes(payload) == ["TRY_AGAIN"] else payload


def _codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["errors"]]


def _cancelled(order: Order, key: str, refund: int) -> Counter[Fact]:
    """The facts that a cancellation of one unit leaves behind."""
    number = order.number
    return Counter({("cancellation", number, key, refund): 1, ("unit", number): 1, ("cent", number): refund})


async def _stored_facts(database: Database, shop: Shop, orders: Sequence[Order]) -> Counter[Fact]:
    facts = Counter[Fact]()
    async with database.reading(EVERY_SHOP) as connection:
        made = await cancellations.list_by_order(connection, shop.id, [order.id for order in orders])
    for order in orders:
        number, after = order.number, await stored(database, shop, order.number)
        facts["unit", number] += sum(item.cancelled_quantity for item in after.items)
        facts["cent", number] += after.refunded
        facts["split", number] += len(after.packages) - len(order.packages)
        [shoe] = [package for package in after.packages if package.number == "shoe"]
        facts["shoe", number, shoe.status] += 1
        for each in made[order.id]:
            facts["cancellation", number, each.idempotency_key, each.breakdown.total] += 1
            if each.refund_status is RefundStatus.SUCCEEDED:
                facts["settled", ids.of_cancellation(each.id), each.provider_reference] += 1
    return facts
