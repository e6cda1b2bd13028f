"""Frequent operations take a fixed number of statements, not counting BEGIN and COMMIT, regardless of size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import cancellation
from domain.rules.decision import CancellationRequest
from domain.rules.order import Order
from domain.rules.vocabulary import CancellationReason
from domain.storage import order_list, orders
from domain.storage.engine.compiled import Row, Statement
from domain.storage.engine.database import Database
from domain.storage.order_list import OrderFilter, OrderSequence
from domain.storage.pages import PageRequest
from tests.support.cancelling import a_request, cancel, everything, package, units
from tests.support.invariants import assert_sound
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collects the statements sent to any database, by SQLAlchemy or directly on the driver's connection."""
    sent: list[str] = []
    rows = Statement.rows

    def note(
        _connection: object, _cursor: object, statement: str, *_rest: Any
    ) -> None:  # and the listener's other arguments
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    async def noted(self: Statement, connection: AsyncConnection, **values: Any) -> list[Row]:
        sent.append(str(self))
        return await rows(self, connection, **values)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Statement, "rows", noted)
        yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("size", [1, 5, 40])
async def test_a_page_of_orders_of_any_size_takes_two_statements(database: Database, size: int) -> None:
    shop = await a_shop(database)
    items = [an_item_input(f"i{number}") for number in range(4)]
    await store(database, shop, *(an_order_input(f"{number}", *items) for number in range(40)))
    filters = OrderFilter(items_cancellable=True, skus=["SKU-i1"], search="the I")

    with statements() as sent:
        async with database.reading(shop.id) as connection:
            page = await order_list.list_orders(connection, shop, filters, OrderSequence(), PageRequest(size))

    assert len(page.entries) == size
    assert len(sent) == 2


async def test_one_order_with_everything_takes_two_statements(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001", *(an_item_input(f"i{n}") for n in range(30))))

    with statements() as sent:
        async with database.reading(shop.id) as connection:
            found = await orders.find_order(connection, shop.id, order.id)

    assert found == order
    assert len(sent) == 2


CALLS: dict[str, tuple[Callable[[Order], CancellationRequest], int]] = {
    "one unit": (lambda order: a_request(units(order, ("SKU-dress", 1, "A"))), 12),
    "units of several items": (lambda order: a_request(units(order, ("SKU-dress", 1), ("SKU-scarf", 1))), 12),
    "the last unit of a package": (lambda order: a_request(units(order, ("SKU-scarf", 2))), 14),
    "a package": (lambda order: a_request(package(order, "A")), 14),
    "the order": (lambda order: a_request(everything(order)), 14),
}


@pytest.mark.parametrize(("request_for", "most"), CALLS.values(), ids=CALLS)
async def test_a_cancellation_takes_few_statements(
    database: Database, request_for: Callable[[Order], CancellationRequest], most: int
) -> None:
    shop = await a_shop(database)
    given = an_order_input(
        "1001",
        an_item_input("dress", quantity=3),
        an_item_input("scarf", quantity=2),
        packages=(a_package_input("A", dress=3), a_package_input("B", scarf=2)),
    )
    [order] = await store(database, shop, given)

    with statements() as sent:
        outcome = await cancel(database, shop, request_for(order))

    assert outcome.cancellation
    assert len(sent) <= most
    await assert_sound(database)


async def test_a_preview_takes_two_statements_and_writes_nothing(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001"))

    with statements() as sent:
        await cancellation.preview(database, shop, everything(order), CancellationReason.OTHER)

    assert [statement.split()[0] for statement in sent] == ["SELECT", "SELECT"]


async def test_a_replay_takes_few_statements(database: Database) -> None:
    shop = await a_shop(database)
    [order] = await store(database, shop, an_order_input("1001"))
    request = a_request(everything(order))
    await cancel(database, shop, request)

    with statements() as sent:
        outcome = await cancel(database, shop, request)

    assert outcome.replayed
    assert len(sent) == 5
