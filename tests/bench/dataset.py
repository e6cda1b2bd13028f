"""Orders by the hundred thousand: a few are imported as usual, then copied within the database."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from tests.bench.operations import SHOP
from tests.support.closing import SAMPLES

TEMPLATES = 500
_FIRST_NUMBER = 10**17  # above those of the samples
_NAMES = ("Linen dress", "Wool scarf", "Coffee set", "Rain coat", "Desk lamp", "Tea pot", "Silk shirt", "Notebook")
# A shop a few weeks after a busy month: most packages are on their way.
_STATUSES = ("AWAITING_SHIPMENT", "AWAITING_SHIPMENT", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "DELIVERED")
_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)

_NEW_ID = "md5({table}.{column}::text || ':' || copy)::uuid"
_COPIES = "generate_series($1::int, $2::int) AS copy"
_OF_TEMPLATES = "orders.shop_id = $3 AND orders.number LIKE 'T%' AND orders.number NOT LIKE '%-%'"


def templates() -> Iterator[dict[str, Any]]:
    """Orders to import: four items in two packages, with one item split between them."""
    chance = random.Random(1)
    for number in range(TEMPLATES):
        items = [_item(chance, ref) for ref in ("a", "b", "c", "d")]
        first, second = chance.choice(_STATUSES), chance.choice(_STATUSES)
        placed = _BEGAN + timedelta(minutes=10 * number)
        yield {
            "number": f"T{number:06}",
            "status": "AWAITING_SHIPMENT",
            "currency": "USD",
            "pricesIncludeTax": False,
            "placedAt": placed.isoformat(),
            "shipBy": (placed + timedelta(days=3)).isoformat(),
            "buyer": {"name": "Ada Buyer", "email": f"buyer{number}@example.com", "locale": "en_US"},
            "items": items,
            "packages": [
                {"number": "1", "status": first, "items": [{"ref": "a", "quantity": 4}, {"ref": "b", "quantity": 1}]},
                {
                    "number": "2",
                    "status": second,
                    "items": [
                        {"ref": "b", "quantity": items[1]["quantity"] - 1},
                        {"ref": "c", "quantity": 4},
                        {"ref": "d", "quantity": 4},
                    ],
                },
            ],
            "shippingFee": "4.99",
            "shippingTax": "0.00",
            "total": f"{sum(float(each['subtotal']) for each in items) + 4.99:.2f}",
        }


def _item(chance: random.Random, ref: str) -> dict[str, Any]:
    product = chance.randrange(40)
    subtotal = f"{4 * chance.randrange(500, 9000) / 100:.2f}"
    name = f"{_NAMES[product % len(_NAMES)]} {product}"
    return {"ref": ref, "sku": f"SKU-{product}", "productId": f"P{product}", "productName": name, "quantity": 4} | {
        "subtotal": subtotal
    }


def lines(count: int) -> bytes:
    """`count` orders as JSON lines."""
    return _numbered(count, list(templates()))


def small_lines(count: int) -> bytes:
    """Orders of two items in one package, as the sample orders have on average."""
    return _numbered(count, [_small(order) for order in templates()])


def _numbered(count: int, known: list[dict[str, Any]]) -> bytes:
    return b"\n".join(orjson.dumps(known[number % TEMPLATES] | {"number": f"N{number:07}"}) for number in range(count))


def marketplace_answer(count: int) -> bytes:
    """`count` orders as the marketplace gives them: those of the samples under other numbers."""
    known = orjson.loads(SAMPLES.read_bytes())["data"]["orders"]
    numbered = [known[number % len(known)] | {"id": f"{_FIRST_NUMBER + number}"} for number in range(count)]
    return orjson.dumps({"code": 0, "message": "Success", "data": {"orders": numbered}})


def _small(order: dict[str, Any]) -> dict[str, Any]:
    items, package = order["items"][:2], order["packages"][0]
    held = [{"ref": item["ref"], "quantity": item["quantity"]} for item in items]
    total = f"{sum(float(item['subtotal']) for item in items) + 4.99:.2f}"
    return order | {"items": items, "packages": [package | {"items": held}], "total": total}


async def fill(url: str, orders: int, *, start: int = 0) -> None:
    """Adds `orders` copies of templates; `start` is how many there are already.

    Needs a superuser's URL: foreign keys and triggers are off, as copies satisfy whatever the templates do.
    """
    connection = await asyncpg.connect(url)
    first, last = start // TEMPLATES + 1, (start + orders) // TEMPLATES
    await connection.execute("SET session_replication_role = replica")
    for table in ("orders", "order_items", "packages", "package_items"):
        await connection.execute(await _copy(connection, table), first, last, SHOP)
    await connection.execute(_EVENTS, first, last, SHOP)
    await connection.execute(
        "UPDATE shops SET last_event = (SELECT max(number) FROM order_events WHERE shop_id = $1) WHERE id = $1", SHOP
    )
    await connection.execute("ANALYZE")
    await connection.close()


async def size(url: str) -> int:
    """The size of the database in bytes."""
    connection = await asyncpg.connect(url)
    found = await connection.fetchval("SELECT pg_database_size(current_database())")
    await connection.close()
    return int(found)


_EVENTS = f"""INSERT INTO order_events (shop_id, number, order_id, sequence, type, occurred_at, actor)
SELECT shop_id, (SELECT last_event FROM shops WHERE id = $3) + row_number() OVER (ORDER BY copy, orders.number),
{_NEW_ID.format(table="orders", column="id")}, 1, 'ORDER_IMPORTED', placed_at, 'import'
FROM orders, {_COPIES} WHERE {_OF_TEMPLATES}"""  # noqa: S608 - made of constants


async def _copy(connection: Any, table: str) -> str:
    """The statement that copies the templates' rows in one table."""
    rows = await connection.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
    key = "id" if table == "orders" else "order_id"
    changed = {
        key: _NEW_ID.format(table=table, column=key),
        **({"number": "orders.number || '-' || copy"} if table == "orders" else {}),
        **({each: f"{each} + copy * interval '1 hour'" for each in ("placed_at", "ship_by") if table == "orders"}),
    }
    names = [row[0] for row in rows]
    values = ", ".join(changed.get(name, f"{table}.{name}") for name in names)
    source = "orders" if table == "orders" else f"{table} JOIN orders ON orders.id = {table}.order_id"
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {source}, {_COPIES} WHERE {_OF_TEMPLATES}"  # noqa: S608 - made of constants
