"""The product's SQL statements, written out for the bare endpoints and for pgbench."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from tests.bench.operations import SHOP

HEADERS = """SELECT id, number, status, version, currency, placed_at, ship_by, buyer_name, buyer_email, shipping_fee,
total, refunded, event_sequence FROM orders WHERE shop_id = $1"""
CONTENTS = """SELECT p.order_id, p.item, p.package, p.quantity, p.cancelled_quantity, i.sku, i.product_name,
i.quantity AS ordered, i.subtotal, k.number, k.status
FROM package_items p
JOIN order_items i ON i.shop_id = p.shop_id AND i.order_id = p.order_id AND i.position = p.item
JOIN packages k ON k.shop_id = p.shop_id AND k.order_id = p.order_id AND k.position = p.package
WHERE p.shop_id = $1 AND p.order_id = ANY ($2::uuid[]) ORDER BY p.item"""
LINES = """SELECT c.id, c.reason, c.refund_status, c.total, l.quantity, i.sku, l.total AS line_total
FROM cancellations c
JOIN cancellation_lines l ON l.shop_id = c.shop_id AND l.order_id = c.order_id AND l.cancellation_id = c.id
JOIN outbox o ON o.shop_id = c.shop_id AND o.topic = 'cancellation' AND o.id = c.id
JOIN order_items i ON i.shop_id = l.shop_id AND i.order_id = l.order_id AND i.position = l.item
WHERE c.shop_id = $1 AND c.order_id = $2 ORDER BY c.created_at, c.id, l.line"""
_CLAIM = """INSERT INTO idempotency_keys (shop_id, key, request_hash, cancellation_id, created_at)
VALUES ($1, $2, '\\x00', $3, $4) ON CONFLICT DO NOTHING RETURNING key"""
_LOCK = """UPDATE orders SET version = version + 1 WHERE shop_id = $1 AND id = $2
RETURNING id, number, status, version, currency, placed_at, ship_by, buyer_name, buyer_email, shipping_fee, total,
refunded, event_sequence"""
_UNITS = """UPDATE package_items SET cancelled_quantity = cancelled_quantity + 1
WHERE shop_id = $1 AND order_id = $2 AND item = $3 AND package = $4 RETURNING item"""
_STORE = """UPDATE orders SET status = $3, refunded = $4, updated_at = $5, event_sequence = $6
WHERE shop_id = $1 AND id = $2"""
_CANCELLATION = """INSERT INTO cancellations (shop_id, id, order_id, scope, reason, prices_include_tax, items_subtotal,
seller_discount, platform_discount, item_tax, shipping_fee, shipping_tax, fees, fees_total, total, refund_status, actor,
idempotency_key, created_at)
VALUES ($1, $2, $3, 'ITEMS', 'OUT_OF_STOCK', false, 0, 0, 0, 0, 0, 0, '[]', 0, 0, 'NOT_NEEDED', 'bench', $4, $5)"""
_LINE = """INSERT INTO cancellation_lines (shop_id, order_id, cancellation_id, line, item, package, quantity, subtotal,
seller_discount, platform_discount, tax, total) VALUES ($1, $2, $3, 1, $4, $5, 1, 0, 0, 0, 0, 0)"""
_MAIL = """INSERT INTO outbox (shop_id, topic, id, payload, state, attempts, queued_at, visible_at)
VALUES ($1, 'cancellation', $2, $3, 'QUEUED', 0, $4, $4)"""
_BUMP = "UPDATE shops SET last_event = last_event + 1 WHERE id = $1 RETURNING last_event"
_EVENT = """INSERT INTO order_events (shop_id, number, order_id, sequence, type, occurred_at, actor, cancellation_id)
VALUES ($1, $2, $3, $4, 'ITEMS_CANCELLED', $5, 'bench', $6)"""
_PAYLOAD = '{"items": "' + "x" * 900 + '"}'  # about as long as a mail's payload


async def cancel(connection: Any, order_id: UUID, item: int, key: str) -> int:
    """Cancels a unit, refunding nothing, in the connection's transaction, and returns the order's version."""
    cancellation_id, now = uuid4(), datetime.now(UTC)  # noqa: TID251 - a benchmark runs on real time
    await connection.fetch(_CLAIM, SHOP, key, cancellation_id, now)
    [order] = await connection.fetch(_LOCK, SHOP, order_id)
    contents = await connection.fetch(CONTENTS, SHOP, [order_id])
    package = next(
        row["package"] for row in contents if row["item"] == item and row["cancelled_quantity"] < row["quantity"]
    )
    sequence = order["event_sequence"] + 1
    await connection.fetch(_UNITS, SHOP, order_id, item, package)
    await connection.fetch(_STORE, SHOP, order_id, order["status"], order["refunded"], now, sequence)
    await connection.fetch(_CANCELLATION, SHOP, cancellation_id, order_id, key, now)
    await connection.fetch(_LINE, SHOP, order_id, cancellation_id, item, package)
    await connection.fetch(_MAIL, SHOP, cancellation_id, _PAYLOAD, now)
    [[number]] = await connection.fetch(_BUMP, SHOP)
    await connection.fetch(_EVENT, SHOP, number, order_id, sequence, now, cancellation_id)
    return int(order["version"])


def pgbench_script(order_id: UUID, item: int, package: int) -> str:
    """The same transaction for one order, as a pgbench script."""

    def written(statement: str, *values: str) -> str:
        for number in range(len(values), 0, -1):
            statement = statement.replace(f"${number}", values[number - 1])
        return " ".join(statement.split())

    shop, order, here = f"'{SHOP}'", f"'{order_id}'::uuid", (str(item), str(package))
    key, cancellation = "gen_random_uuid()::text", ":id"
    statements = [
        written(
            _CLAIM.replace("RETURNING key", "RETURNING cancellation_id AS id"), shop, key, "gen_random_uuid()", "now()"
        )
        + " \\gset",
        written(_LOCK.partition("RETURNING")[0] + "RETURNING event_sequence + 1 AS sequence", shop, order) + " \\gset",
        written(CONTENTS, shop, f"ARRAY[{order}]") + ";",
        written(_UNITS, shop, order, *here) + ";",
        written(_STORE, shop, order, "'AWAITING_SHIPMENT'", "refunded", "now()", ":sequence") + ";",
        written(_CANCELLATION, shop, cancellation, order, key, "now()") + ";",
        written(_LINE, shop, order, cancellation, *here) + ";",
        written(_MAIL, shop, cancellation, f"'{_PAYLOAD}'", "now()") + ";",
        written(_BUMP.replace("RETURNING last_event", "RETURNING last_event AS number"), shop) + " \\gset",
        written(_EVENT, shop, ":number", order, ":sequence", "now()", cancellation) + ";",
    ]
    return "\n".join(["BEGIN;", *statements, "END;", ""])
