"""Hand-written endpoints with the same answers: Starlette, asyncpg and orjson on the same tables, nothing else.

They apply only the rules that the benchmark's orders run into, and verify each token once, as the product does.
"""

import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench.operations import SECRET, SHOP
from tests.bench.statements import CONTENTS, HEADERS, LINES, cancel

_BLOCKED = {
    "AWAITING_SHIPMENT": (None, None),
    "AWAITING_COLLECTION": ("AWAITING_COLLECTION", None),
    "IN_TRANSIT": ("SHIPPED", "SHIPPED"),
    "DELIVERED": ("SHIPPED", "SHIPPED"),
    "CANCELLED": ("ALREADY_CANCELLED", "ALREADY_CANCELLED"),
}
_SHAPES = ("SHIPPED", "AWAITING_COLLECTION", "ALREADY_CANCELLED")
_known: dict[str, dict[str, Any]] = {}


def _check_token(request: Request) -> None:
    token = request.headers["authorization"].removeprefix("Bearer ")
    if token not in _known:
        _known[token] = jwt.decode(token, OctKey.import_key(SECRET)).claims


def _money(minor: int) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02}"}


def _together(quantity: int, reasons: list[str | None]) -> dict[str, Any]:
    reason = None if quantity else next(each for each in _SHAPES if each in reasons)
    return {"cancellable": quantity > 0, "cancellableQuantity": quantity, "notCancellableReason": reason}


@dataclass(slots=True)
class _Contents:
    """The rows of an order, gathered by item and by package."""

    items: dict[int, Any] = field(default_factory=dict)
    packages: dict[int, tuple[Any, list[dict[str, Any]]]] = field(default_factory=dict)
    open_units: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    reasons: defaultdict[int, list[str | None]] = field(default_factory=lambda: defaultdict(list))
    live: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))


def _contents(rows: list[Any]) -> _Contents:
    found = _Contents()
    for row in rows:
        item, package, quantity = row["item"], row["package"], row["quantity"] - row["cancelled_quantity"]
        reason = _BLOCKED[row["status"]][0] if quantity else "ALREADY_CANCELLED"
        here = quantity if reason is None else 0
        found.open_units[item] += here
        found.reasons[item].append(reason)
        found.live[package] += quantity
        found.items.setdefault(item, row)
        held = found.packages.setdefault(package, (row, []))[1]
        held.append(
            {"quantity": row["quantity"], "cancellable": here > 0, "cancellableQuantity": here}
            | {"notCancellableReason": reason}
        )
    return found


def _order(header: Any, rows: list[Any]) -> dict[str, Any]:
    contents = _contents(rows)
    whole = {
        position: _BLOCKED[row["status"]][1] if contents.live[position] else "ALREADY_CANCELLED"
        for position, (row, _) in contents.packages.items()
    }
    refusal = next((each for each in ("SHIPPED", None) if each in whole.values()), "ALREADY_CANCELLED")
    return {
        "id": f"order_{header['id'].hex}",
        "number": header["number"],
        "status": header["status"],
        "version": header["version"],
        "currency": header["currency"],
        "placedAt": header["placed_at"].isoformat(),
        "shipBy": header["ship_by"].isoformat() if header["ship_by"] else None,
        "cancellable": refusal is None,
        "notCancellableReason": refusal,
        "itemsCancellable": any(contents.open_units.values()),
        "buyer": {"name": header["buyer_name"], "email": header["buyer_email"]},
        "totals": _totals(header, contents),
        "items": _items(header, contents),
        "packages": _packages(header, contents, whole),
    }


def _totals(header: Any, contents: _Contents) -> dict[str, Any]:
    return {
        "itemsSubtotal": _money(sum(row["subtotal"] for row in contents.items.values())),
        "shippingFee": _money(header["shipping_fee"]),
        "total": _money(header["total"]),
        "refunded": _money(header["refunded"]),
        "refundable": _money(header["total"] - header["refunded"]),
    }


def _items(header: Any, contents: _Contents) -> list[dict[str, Any]]:
    return [
        {
            "id": f"item_{header['id'].hex}_{position}",
            "sku": row["sku"],
            "productName": row["product_name"],
            "quantity": row["ordered"],
            **_together(contents.open_units[position], contents.reasons[position]),
        }
        for position, row in contents.items.items()
    ]


def _packages(header: Any, contents: _Contents, whole: dict[int, str | None]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"package_{header['id'].hex}_{position}",
            "number": row["number"],
            "status": row["status"],
            "cancellable": whole[position] is None,
            "notCancellableReason": whole[position],
            "items": held,
        }
        for position, (row, held) in sorted(contents.packages.items(), key=lambda each: each[1][0]["number"])
    ]


async def _orders(connection: Any, headers: list[Any]) -> list[dict[str, Any]]:
    contents: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in await connection.fetch(CONTENTS, SHOP, [header["id"] for header in headers]):
        contents[row["order_id"]].append(row)
    return [_order(header, contents[header["id"]]) for header in headers]


def _answer(data: object) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


async def r1(request: Request) -> Response:
    _check_token(request)
    orjson.loads(await request.body())
    async with request.app.state.pool.acquire() as connection:
        headers = await connection.fetch(f"{HEADERS} ORDER BY ship_by, id LIMIT 20", SHOP)
        found = await _orders(connection, headers)
    return _answer({"orders": {"edges": [{"node": each} for each in found]}})


async def r2(request: Request) -> Response:
    _check_token(request)
    order_id = UUID(hex=orjson.loads(await request.body())["variables"]["id"].removeprefix("order_"))
    async with request.app.state.pool.acquire() as connection:
        headers = await connection.fetch(f"{HEADERS} AND id = $2", SHOP, order_id)
        [found] = await _orders(connection, headers)
        lines = await connection.fetch(LINES, SHOP, order_id)
    made: dict[UUID, Any] = {}
    for row in lines:
        breakdown = {"total": _money(row["total"]), "lines": list[Any]()}
        head = {"id": f"cancellation_{row['id'].hex}", "reason": row["reason"], "refundStatus": row["refund_status"]}
        kept = made.setdefault(row["id"], head | {"refundBreakdown": breakdown})
        line = {"quantity": row["quantity"], "item": {"sku": row["sku"]}, "total": _money(row["line_total"])}
        kept["refundBreakdown"]["lines"].append(line)
    return _answer({"order": found | {"cancellations": [*made.values()]}})


async def c1(request: Request) -> Response:
    _check_token(request)
    given = orjson.loads(await request.body())["variables"]["input"]
    order_id = UUID(hex=given["orderId"].removeprefix("order_"))
    item = int(given["items"][0]["itemId"].rpartition("_")[2])
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        version = await cancel(connection, order_id, item, given["idempotencyKey"])
    return _answer({"cancelItems": {"errors": [], "order": {"id": given["orderId"], "version": version}}})


async def constant(request: Request) -> Response:
    await request.body()
    return Response(b'{"data":"' + b"x" * 40_000 + b'"}', media_type="application/json")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=8, max_size=10) as pool:  # noqa: TID251 - a setting of the bench alone
        app.state.pool = pool
        yield


app = Starlette(
    routes=[Route(f"/{each.__name__}", each, methods=["POST"]) for each in (r1, r2, c1, constant)], lifespan=_lifespan
)
