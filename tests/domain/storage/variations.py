"""Other histories than the one in corruptions.py, told by the statements that change it, and what is wrong with each.

In most of them an import has done something: it cancelled `two` of order 1001, or moved all units of order 9001 from
its package (1) into another (2) in two steps.
"""
# ruff: noqa: S608 - all parts of the statements are in this file

from domain.rules.order import value
from tests.domain.storage.corruptions import again, made, of

IMPORTED = "import 1001 2"
CANCELLED_THERE = (
    f"UPDATE cancellations SET idempotency_key = '{IMPORTED}' WHERE idempotency_key = 'two'",
    f"UPDATE cancellations SET refund_status = 'SUCCEEDED' WHERE idempotency_key = '{IMPORTED}'",
    "DELETE FROM idempotency_keys WHERE key = 'two'",
    f"DELETE FROM outbox WHERE {made(IMPORTED, 'id')}",
)
_IMPORT = "shop_id = 'other' AND sequence = 1"
MOVED = (
    again("packages", of("9001"), position=2, number="'X'"),
    f"UPDATE package_items SET package = 2 WHERE {of('9001')}",
    f"UPDATE packages SET status = 'CANCELLED' WHERE position = 1 AND {of('9001')}",
    again("order_events", _IMPORT, number=2, sequence=2, type="'PACKAGE_SPLIT'", package=1, new_package=2),
    again("order_events", _IMPORT, number=3, sequence=3, type="'PACKAGE_SPLIT'", package=1, new_package=2),
    again(
        "order_events",
        _IMPORT,
        number=4,
        sequence=4,
        type="'PACKAGE_STATUS_CHANGED'",
        package=1,
        before="'AWAITING_SHIPMENT'",
        after="'CANCELLED'",
    ),
    again("order_events", _IMPORT, number=5, sequence=5, type="'ORDER_UPDATED'", notes='\'[["REPACKED", "Moved."]]\''),
    "UPDATE shops SET last_event = 5 WHERE id = 'other'",
    "UPDATE orders SET event_sequence = 5, version = 3 WHERE number = '9001'",
)
WITH_SHIPPING = (
    "UPDATE orders SET shipping_refund_policy = 'PROPORTIONAL' WHERE number = '3001'",
    "UPDATE orders SET shipping_fee = 500, total = total + 500 WHERE number = '3001'",
)
PAID_LATER = ("UPDATE orders SET paid_at = '2026-03-02 08:00:00' WHERE number = '3001'",)


@value
class Variation:
    """Statements, and the invariants that are broken after them."""

    statements: tuple[str, ...]
    broken: frozenset[str]


def a_variation(*statements: str, broken: tuple[str, ...] = ()) -> Variation:
    return Variation(statements, frozenset(broken))


def _set(number: str, values: str) -> str:
    return f"UPDATE orders SET {values} WHERE number = '{number}'"


VARIATIONS = {
    "cancelled at the source": a_variation(*CANCELLED_THERE),
    "and its refund is pending": a_variation(
        *CANCELLED_THERE,
        f"UPDATE cancellations SET refund_status = 'PENDING' WHERE idempotency_key = '{IMPORTED}'",
        broken=("log-refund-status",),
    ),
    "and its refund was settled": a_variation(
        *CANCELLED_THERE,
        f"UPDATE order_events SET {made(IMPORTED)} WHERE type = 'REFUND_STATUS_CHANGED'",
        broken=("log-refund-status",),
    ),
    "and its refund was not needed, though it was paid": a_variation(
        *CANCELLED_THERE,
        f"UPDATE cancellations SET refund_status = 'NOT_NEEDED' WHERE idempotency_key = '{IMPORTED}'",
        broken=("refund-needed", "order-refunded", "order-taken-off"),
    ),
    "and it was paid only later": a_variation(
        *CANCELLED_THERE,
        f"UPDATE cancellations SET refund_status = 'NOT_NEEDED' WHERE idempotency_key = '{IMPORTED}'",
        _set("1001", "paid_at = '2026-03-02 08:00:00', refunded = refunded - 1084, taken_off = 1084"),
    ),
    "and it was released only later": a_variation(
        *CANCELLED_THERE,
        f"UPDATE cancellations SET refund_status = 'NOT_NEEDED' WHERE idempotency_key = '{IMPORTED}'",
        f"UPDATE order_events SET before = 'UNPAID' WHERE type = 'ORDER_STATUS_CHANGED' AND {of('1001')}",
        _set("1001", "refunded = refunded - 1084, taken_off = 1084"),
    ),
    "and it has an e-mail": a_variation(
        *CANCELLED_THERE,
        again("outbox", made("one", "id"), id=f"(SELECT id FROM cancellations WHERE idempotency_key = '{IMPORTED}')"),
        broken=("cancellation-mail", "log-mail-status"),
    ),
    "moved at the source": a_variation(*MOVED),
    "and nothing says what was done": a_variation(
        *MOVED, "UPDATE order_events SET notes = NULL WHERE type = 'ORDER_UPDATED'", broken=("log-names",)
    ),
    "and it was not the import that did it": a_variation(
        *MOVED,
        "UPDATE order_events SET occurred_at = '2027-03-02 08:00:00' WHERE type = 'ORDER_UPDATED'",
        broken=("log-splits",),
    ),
    "and from where is unknown": a_variation(
        *MOVED,
        "UPDATE order_events SET package = 2 WHERE type = 'PACKAGE_SPLIT' AND shop_id = 'other'",
        broken=("log-splits", "package-has-items"),
    ),
    "and what is empty is not cancelled": a_variation(
        *MOVED,
        f"UPDATE packages SET status = 'AWAITING_SHIPMENT' WHERE position = 1 AND {of('9001')}",
        broken=("package-status", "log-package-status"),
    ),
    "and the version forgot a move": a_variation(*MOVED, _set("9001", "version = 2"), broken=("order-version",)),
    "used again": a_variation(
        *MOVED,
        f"UPDATE package_items SET package = 1 WHERE {of('9001')}",
        f"UPDATE packages SET status = 'AWAITING_SHIPMENT' WHERE position = 1 AND {of('9001')}",
        f"UPDATE packages SET status = 'CANCELLED' WHERE position = 2 AND {of('9001')}",
        again(
            "order_events",
            "sequence = 4 AND shop_id = 'other'",
            number=6,
            sequence=6,
            before="'CANCELLED'",
            after="'AWAITING_SHIPMENT'",
        ),
        again("order_events", "sequence = 4 AND shop_id = 'other'", number=7, sequence=7, package=2),
        "UPDATE order_events SET package = 2, new_package = 1 WHERE sequence = 3 AND shop_id = 'other'",
        "UPDATE shops SET last_event = 7 WHERE id = 'other'",
        _set("9001", "event_sequence = 7"),
    ),
    "paid at the door": a_variation(_set("2001", "is_paid = true, paid_at = '2026-03-02 08:00:00'")),
    "paid at the door, but not when": a_variation(_set("2001", "is_paid = true"), broken=("order-paid",)),
    "not collected at the door, but not paid": a_variation(
        _set("2001", "collect_on_delivery = false"), broken=("order-paid", "refund-needed")
    ),
    "refunded, but not paid": a_variation(
        _set("2001", "refunded = 1, taken_off = taken_off - 1"),
        broken=("order-paid", "order-refunded", "order-taken-off"),
    ),
    "less than what came in cancelled is taken off": a_variation(
        _set("2001", "taken_off = taken_off - 1"), broken=("order-taken-off",)
    ),
    "more than what came in cancelled is refunded": a_variation(
        _set("3001", "refunded = refunded + 1"), broken=("order-refunded",)
    ),
    "a part of shipping came in cancelled": a_variation(*WITH_SHIPPING, _set("3001", "refunded = 1167")),
    "less than the price came in cancelled": a_variation(
        *WITH_SHIPPING, _set("3001", "refunded = 999"), broken=("order-refunded",)
    ),
    "more than price and shipping came in cancelled": a_variation(
        *WITH_SHIPPING, _set("3001", "refunded = 1501"), broken=("order-refunded",)
    ),
    "paid after it came in": a_variation(*PAID_LATER, _set("3001", "refunded = 0, taken_off = 1000")),
    "paid before it came in": a_variation(*PAID_LATER),
    "paid before and after": a_variation(*PAID_LATER, _set("3001", "taken_off = 1000"), broken=("order-taken-off",)),
    "paid, and nothing came in cancelled": a_variation(
        *PAID_LATER, _set("3001", "refunded = 0"), broken=("order-taken-off",)
    ),
    "all of it came in cancelled": a_variation(
        f"UPDATE package_items SET cancelled_quantity = quantity, came_cancelled = quantity WHERE {of('3001')}",
        f"UPDATE packages SET status = 'CANCELLED' WHERE {of('3001')}",
        _set("3001", "status = 'CANCELLED', shipping_fee = 500, total = total + 500, refunded = 3500"),
    ),
    "all of it came in cancelled, and shipping never comes back": a_variation(
        f"UPDATE package_items SET cancelled_quantity = quantity, came_cancelled = quantity WHERE {of('3001')}",
        f"UPDATE packages SET status = 'CANCELLED' WHERE {of('3001')}",
        _set("3001", "status = 'CANCELLED', shipping_fee = 500, total = total + 500, refunded = 3000"),
        _set("3001", "shipping_refund_policy = 'NEVER'"),
    ),
    "tax that came in cancelled is on top": a_variation(
        f"UPDATE order_items SET tax = 101 WHERE {of('3001')}",
        _set("3001", "prices_include_tax = false, total = total + 101, refunded = 1034"),
    ),
}
