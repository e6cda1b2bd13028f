"""A statement to break each invariant of the history in test_invariants.py, whose tables have no constraints.

The shop `demo` has the order 1001 with packages B (1) and A (2): the cancellation `one` took a dress from B, and its
refund is settled and its e-mail sent; `two` took all of A; B's scarf (2) was split into B-2 (3). It also has 6001, a
gift cancelled as `gift`; 7001, whose package is in transit; 4001, completed; 5001, on hold; 3001, imported with a
cancelled package; and 2001, to be paid at the door, of which `door` took a unit and another one came in cancelled. The
shop `other` has 9001, the shop `empty` no order.
"""
# ruff: noqa: S608 - all parts of the statements are in this file

from domain.rules.order import value
from domain.storage import tables

MISSING = f"'{1:032x}'"


@value
class Corruption:
    """A statement, and the invariants that it breaks besides its own."""

    statement: str
    consequences: frozenset[str]


def by(statement: str, *consequences: str) -> Corruption:
    return Corruption(statement, frozenset(consequences))


def of(number: str) -> str:
    """A condition for an order's rows."""
    return f"order_id = (SELECT id FROM orders WHERE number = '{number}')"


def made(key: str, column: str = "cancellation_id") -> str:
    """A condition for a cancellation's rows."""
    return f"{column} = (SELECT id FROM cancellations WHERE idempotency_key = '{key}')"


def again(table: str, where: str, **changes: str | int) -> str:
    """Inserts a copy of the matching row, with these columns changed."""
    parts = {column.name: column.name for column in tables.metadata.tables[table].columns} | changes
    copied = f"SELECT {', '.join(map(str, parts.values()))} FROM {table} WHERE {where}"
    return f"INSERT INTO {table} ({', '.join(parts)}) {copied}"


CONSTRAINTS = {
    "ck_shops_last_event": by("UPDATE shops SET last_event = -1 WHERE id = 'empty'", "log-numbers"),
    "pk_shops": by(again("shops", "id = 'empty'")),
    "word_shops_shipping_refund_policy": by("UPDATE shops SET shipping_refund_policy = 'AT_TIMES' WHERE id = 'empty'"),
    "ck_orders_amounts": by("UPDATE orders SET shipping_fee = -1, total = total - 500 WHERE number = '5001'"),
    "ck_orders_counters": by("UPDATE orders SET version = 0 WHERE number = '5001'"),
    "ck_orders_refunded_within_total": by("UPDATE orders SET refunded = -1 WHERE number = '5001'", "order-refunded"),
    "ck_orders_taken_off_within_total": by("UPDATE orders SET taken_off = -1 WHERE number = '5001'", "order-taken-off"),
    "fk_orders_shops": by("DELETE FROM shops WHERE id = 'other'"),
    "pk_orders": by(again("orders", "number = '5001'"), "uq_orders_shop_id_number"),
    "uq_orders_shop_id_number": by("UPDATE orders SET number = '1001' WHERE number = '5001'"),
    "word_orders_shipping_refund_policy": by(
        "UPDATE orders SET shipping_refund_policy = 'AT_TIMES' WHERE number = '5001'"
    ),
    "word_orders_status": by("UPDATE orders SET status = 'LOST' WHERE number = '5001'", "order-status"),
    "ck_outbox_attempts": by(f"UPDATE outbox SET attempts = -1 WHERE {made('two', 'id')}"),
    "fk_outbox_shops": by(again("outbox", made("two", "id"), shop_id="'nowhere'", topic="'news'")),
    "pk_outbox": by(again("outbox", made("two", "id"))),
    "word_outbox_state": by(f"UPDATE outbox SET state = 'LOST' WHERE {made('two', 'id')}", "log-mail-status"),
    "ck_order_items_amounts": by(f"UPDATE order_items SET tax = -1 WHERE {of('5001')}"),
    "ck_order_items_discounts_within_subtotal": by(
        f"UPDATE order_items SET seller_discount = subtotal + 1 WHERE {of('5001')}", "order-total"
    ),
    "ck_order_items_quantity": by(f"UPDATE order_items SET quantity = 0 WHERE {of('5001')}", "item-in-packages"),
    "fk_order_items_orders": by(again("order_items", of("5001"), order_id=MISSING), "item-in-packages"),
    "pk_order_items": by(again("order_items", of("6001"))),
    "fk_packages_orders": by(again("packages", of("5001"), order_id=MISSING), "package-has-items", "package-status"),
    "pk_packages": by(again("packages", of("5001"), number="'X'")),
    "uq_packages_shop_id_order_id_number": by(f"UPDATE packages SET number = 'A' WHERE number = 'B' AND {of('1001')}"),
    "word_packages_status": by(f"UPDATE packages SET status = 'LOST' WHERE {of('5001')}", "order-status"),
    "ck_cancellations_amounts": by(
        "UPDATE cancellations SET item_tax = -1 WHERE idempotency_key = 'one'", "cancellation-total"
    ),
    "ck_cancellations_total": by(
        "UPDATE cancellations SET total = total + 1 WHERE idempotency_key = 'one'",
        "cancellation-total",
        "order-refunded",
    ),
    "fk_cancellations_orders": by(
        again("cancellations", "idempotency_key = 'one'", order_id=MISSING, id=MISSING, refund_status="'PENDING'"),
        "cancellation-lines",
        "cancellation-mail",
        "log-cancellations",
    ),
    "fk_cancellations_packages": by(
        "UPDATE cancellations SET package = 99 WHERE idempotency_key = 'two'", "cancellation-scope"
    ),
    "pk_cancellations": by(again("cancellations", "idempotency_key = 'gift'"), "uq_cancellations_shop_id_order_id_id"),
    "uq_cancellations_shop_id_order_id_id": by(again("cancellations", "idempotency_key = 'gift'"), "pk_cancellations"),
    "word_cancellations_scope": by("UPDATE cancellations SET scope = 'SOME' WHERE idempotency_key = 'one'"),
    "word_cancellations_reason": by("UPDATE cancellations SET reason = 'RAIN' WHERE idempotency_key = 'one'"),
    "word_cancellations_refund_status": by(
        "UPDATE cancellations SET refund_status = 'LOST' WHERE idempotency_key = 'one'", "log-refund-status"
    ),
    "ck_package_items_cancelled": by(
        f"UPDATE package_items SET cancelled_quantity = quantity + 1 WHERE {of('5001')}", "cancelled-units"
    ),
    "ck_package_items_came_cancelled": by(
        f"UPDATE package_items SET came_cancelled = -1 WHERE {of('5001')}", "cancelled-units"
    ),
    "ck_package_items_quantity": by(
        f"UPDATE package_items SET quantity = 0 WHERE {of('5001')}", "item-in-packages", "package-status"
    ),
    "fk_package_items_order_items": by(again("package_items", of("5001"), item=99)),
    "fk_package_items_packages": by(again("package_items", of("5001"), package=99), "item-in-packages"),
    "pk_package_items": by(again("package_items", of("5001")), "item-in-packages"),
    "ck_cancellation_lines_amounts": by(
        f"UPDATE cancellation_lines SET tax = -1 WHERE {made('one')}", "cancellation-total"
    ),
    "ck_cancellation_lines_quantity": by(
        f"UPDATE cancellation_lines SET quantity = 0 WHERE {made('one')}", "cancelled-units"
    ),
    "ck_cancellation_lines_total": by(
        f"UPDATE cancellation_lines SET total = total + 1 WHERE {made('one')}", "cancellation-total"
    ),
    "fk_cancellation_lines_cancellations": by(
        again("cancellation_lines", made("one"), cancellation_id=MISSING), "cancelled-units"
    ),
    "fk_cancellation_lines_order_items": by(
        f"UPDATE cancellation_lines SET item = 99 WHERE {made('one')}", "line-in-package", "cancelled-units"
    ),
    "fk_cancellation_lines_packages": by(
        f"UPDATE cancellation_lines SET package = 99 WHERE {made('one')}", "line-in-package", "cancelled-units"
    ),
    "pk_cancellation_lines": by(again("cancellation_lines", made("gift")), "cancellation-lines", "cancelled-units"),
    "fk_idempotency_keys_cancellations": by(
        f"UPDATE idempotency_keys SET cancellation_id = {MISSING} WHERE key = 'one'"
    ),
    "fk_idempotency_keys_shops": by(
        again("idempotency_keys", "key = 'one'", shop_id="'nowhere'"), "fk_idempotency_keys_cancellations"
    ),
    "pk_idempotency_keys": by(again("idempotency_keys", "key = 'one'")),
    "ck_order_events_numbers": by("UPDATE order_events SET number = 0 WHERE number = 1 AND shop_id = 'demo'"),
    "fk_order_events_cancellations": by(
        f"UPDATE order_events SET cancellation_id = {MISSING} WHERE type = 'ITEMS_CANCELLED' AND {of('6001')}",
        "log-cancellations",
    ),
    "fk_order_events_orders": by(f"UPDATE order_events SET order_id = {MISSING} WHERE {of('9001')}", "log-sequences"),
    "fk_order_events_packages": by(f"UPDATE order_events SET package = 99 WHERE {of('5001')}"),
    "fk_order_events_packages_new": by("UPDATE order_events SET new_package = 99 WHERE type = 'PACKAGE_SPLIT'"),
    "pk_order_events": by("UPDATE order_events SET number = 1 WHERE number = 2"),
    "uq_order_events_shop_id_order_id_sequence": by(
        f"UPDATE order_events SET sequence = 4 WHERE sequence = 3 AND {of('6001')}"
    ),
    "word_order_events_type": by("UPDATE order_events SET type = 'RAIN' WHERE type = 'PACKAGE_SPLIT'"),
}

CONTENTS = {
    "order-has-items": by(f"DELETE FROM order_items WHERE {of('5001')}", "fk_package_items_order_items"),
    "item-in-packages": by(f"UPDATE order_items SET quantity = quantity + 1 WHERE {of('5001')}"),
    "package-has-items": by(again("packages", of("5001"), position=9, number="'X'", status="'CANCELLED'")),
    "line-in-package": by(f"UPDATE cancellation_lines SET package = 3 WHERE {made('one')}", "cancelled-units"),
    "cancelled-units": by(f"UPDATE package_items SET cancelled_quantity = 1 WHERE {of('5001')}"),
    "package-status": by(
        f"UPDATE package_items SET cancelled_quantity = quantity WHERE {of('5001')}", "cancelled-units"
    ),
    "order-status": by("UPDATE orders SET status = 'IN_TRANSIT' WHERE number = '5001'"),
    "order-version": by("UPDATE orders SET version = version - 1 WHERE number = '1001'"),
}

MONEY = {
    "order-total": by("UPDATE orders SET total = total + 1 WHERE number = '5001'"),
    "order-refunded": by("UPDATE orders SET refunded = refunded + 1 WHERE number = '1001'"),
    "order-taken-off": by("UPDATE orders SET taken_off = taken_off + 1 WHERE number = '2001'"),
    "order-paid": by("UPDATE orders SET is_paid = false WHERE number = '7001'"),
    "cancellation-lines": by(f"UPDATE cancellation_lines SET line = 2 WHERE {made('gift')}"),
    "cancellation-total": by(
        "UPDATE cancellations SET items_subtotal = items_subtotal + 1, seller_discount = seller_discount + 1"
        " WHERE idempotency_key = 'one'"
    ),
    "cancellation-fees": by("UPDATE cancellations SET fees = '[[\"OTHER\", 1]]' WHERE idempotency_key = 'one'"),
    "cancellation-tax": by("UPDATE cancellations SET prices_include_tax = false WHERE idempotency_key = 'gift'"),
    "cancellation-scope": by("UPDATE cancellations SET package = 1 WHERE idempotency_key = 'one'"),
    "refund-needed": by(
        "UPDATE cancellations SET refund_status = 'NOT_NEEDED' WHERE idempotency_key = 'two'",
        "order-refunded",
        "order-taken-off",
    ),
    "key-of-cancellation": by(f"UPDATE idempotency_keys SET {made('two')} WHERE key = 'one'"),
    "cancellation-mail": by(f"DELETE FROM outbox WHERE {made('two', 'id')}"),
    "mail-of-cancellation": by(again("outbox", made("two", "id"), id=MISSING)),
    "mail-done": by(f"UPDATE outbox SET done_at = NULL WHERE {made('one', 'id')}"),
}

LOG = {
    "log-numbers": by("UPDATE shops SET last_event = last_event + 1 WHERE id = 'demo'"),
    "log-sequences": by("UPDATE orders SET event_sequence = event_sequence + 1 WHERE number = '5001'"),
    "log-order": by(f"UPDATE order_events SET sequence = 7 - sequence WHERE sequence IN (3, 4) AND {of('6001')}"),
    "log-times": by(f"UPDATE order_events SET occurred_at = '2026-01-01' WHERE sequence = 4 AND {of('6001')}"),
    "log-import": by("UPDATE order_events SET type = 'ORDER_IMPORTED' WHERE type = 'PACKAGE_SPLIT'"),
    "log-names": by("UPDATE order_events SET package = NULL WHERE type = 'PACKAGE_SPLIT'"),
    "log-cancellations": by(f"UPDATE order_events SET {made('two')} WHERE {made('one')} AND type = 'ITEMS_CANCELLED'"),
    "log-splits": by(f"UPDATE order_events SET new_package = 3 WHERE sequence = 1 AND {of('1001')}"),
    "log-steps": by(f"UPDATE order_events SET before = 'DELIVERED' WHERE after = 'IN_TRANSIT' AND {of('7001')}"),
    "log-order-status": by("UPDATE orders SET status = 'ON_HOLD' WHERE number = '7001'"),
    "log-package-status": by(
        f"UPDATE order_events SET after = 'DELIVERED' WHERE after = 'IN_TRANSIT' AND package = 1 AND {of('7001')}"
    ),
    "log-refund-status": by("UPDATE cancellations SET refund_status = 'FAILED' WHERE idempotency_key = 'one'"),
    "log-mail-status": by(f"UPDATE outbox SET state = 'FAILED' WHERE {made('one', 'id')}"),
}
