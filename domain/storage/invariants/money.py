"""Invariants of totals, and of each cancellation's lines, key and e-mail."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from domain.rules.vocabulary import CancellationScope, NotificationStatus
from domain.storage.engine.compiled import one_of
from domain.storage.invariants.invariant import Breaches, Invariant, made_by_import, row_of, same
from domain.storage.outbox import MAIL_TOPIC
from domain.storage.tables import (
    cancellation_lines,
    cancellations,
    idempotency_keys,
    order_items,
    orders,
    outbox,
)

_SUMS = {
    "items_subtotal": "subtotal",
    "seller_discount": "seller_discount",
    "platform_discount": "platform_discount",
    "item_tax": "tax",
}


class fees_sum(GenericFunction[int]):  # noqa: N801 - the name of an SQL function
    """The total of a list of [kind, amount] pairs; NULL if it is not a list."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(fees_sum, "sqlite")
def _on_sqlite(element: fees_sum, compiler: Any, **more: Any) -> str:  # SQLAlchemy's compiler has no public types
    fees = compiler.process(element.clauses, **more)
    amounts = f"SELECT sum(json_extract(value, '$[1]')) FROM json_each({fees}) WHERE type = 'array'"  # noqa: S608 - a column's name
    return f"CASE json_type({fees}) WHEN 'array' THEN coalesce(({amounts}), 0) END"


@compiles(fees_sum, "postgresql")
def _on_postgresql(element: fees_sum, compiler: Any, **more: Any) -> str:  # the same
    fees = compiler.process(element.clauses, **more)
    amounts = f"SELECT sum((fee ->> 1)::numeric) FROM json_array_elements({fees}) AS fee"  # noqa: S608 - the same
    return f"CASE json_typeof({fees}) WHEN 'array' THEN coalesce(({amounts}), 0) END"


def _order_total() -> Breaches:
    of_order = (order_items.c.shop_id, order_items.c.order_id)
    net = order_items.c.subtotal - order_items.c.seller_discount - order_items.c.platform_discount
    items = (
        sa.select(*of_order, sa.func.sum(net).label("net"), sa.func.sum(order_items.c.tax).label("tax"))
        .group_by(*of_order)
        .subquery("items")
    )
    tax = sa.case((orders.c.prices_include_tax, 0), else_=items.c.tax + orders.c.shipping_tax)
    total = items.c.net + orders.c.shipping_fee + tax + fees_sum(orders.c.fees)
    return (
        sa.select(*row_of(orders))
        .join(items, same(orders, items, id="order_id"))
        .where(orders.c.total.is_distinct_from(total))
    )


def _lines() -> sa.Subquery:
    of_one = (cancellation_lines.c.shop_id, cancellation_lines.c.order_id, cancellation_lines.c.cancellation_id)
    sums = [sa.func.sum(cancellation_lines.c[name]).label(name) for name in (*_SUMS.values(), "total")]
    numbers = [sa.func.count().label("lines"), sa.func.max(cancellation_lines.c.line).label("last")]
    return sa.select(*of_one, *sums, *numbers).group_by(*of_one).subquery("lines")


def _cancellation_total() -> Breaches:
    lines = _lines()
    shipping_tax = sa.case((cancellations.c.prices_include_tax, 0), else_=cancellations.c.shipping_tax)
    charges = cancellations.c.shipping_fee + cancellations.c.fees_total + shipping_tax
    differs = [cancellations.c[header] != lines.c[line] for header, line in _SUMS.items()]
    return (
        sa.select(*row_of(cancellations))
        .join(lines, same(cancellations, lines, "order_id", id="cancellation_id"))
        .where(sa.or_(*differs, cancellations.c.total != lines.c.total + charges))
    )


def _cancellation_lines() -> Breaches:
    lines = _lines()
    return (
        sa.select(*row_of(cancellations))
        .outerjoin(lines, same(cancellations, lines, "order_id", id="cancellation_id"))
        .where(lines.c.last.is_distinct_from(lines.c.lines) | lines.c.lines.is_(None))
    )


def _of_order() -> Breaches:
    joined = same(cancellations, orders, order_id="id")
    differs = cancellations.c.prices_include_tax != orders.c.prices_include_tax
    return sa.select(*row_of(cancellations)).join(orders, joined).where(differs)


def _scope() -> Breaches:
    is_package = cancellations.c.scope == CancellationScope.PACKAGE
    elsewhere = sa.exists().where(
        same(cancellation_lines, cancellations, "order_id", cancellation_id="id"),
        cancellation_lines.c.package != cancellations.c.package,
    )
    return sa.select(*row_of(cancellations)).where(
        (is_package != cancellations.c.package.is_not(None)) | (is_package & elsewhere)
    )


def _keys() -> Breaches:
    joined = same(idempotency_keys, cancellations, cancellation_id="id")
    differs = idempotency_keys.c.key != cancellations.c.idempotency_key
    return sa.select(*row_of(idempotency_keys)).join(cancellations, joined).where(differs)


_is_done = one_of(outbox.c.state, (NotificationStatus.SENT, NotificationStatus.FAILED))
_of_cancellation = same(outbox, cancellations, id="id") & (outbox.c.topic == MAIL_TOPIC)

MONEY = (
    Invariant("order-total", "An order's total is the sum of its parts.", _order_total()),
    Invariant("cancellation-lines", "A cancellation has lines, numbered from 1 without gaps.", _cancellation_lines()),
    Invariant("cancellation-total", "A cancellation's amounts are the sums of its lines.", _cancellation_total()),
    Invariant(
        "cancellation-fees",
        "A cancellation's fees add up to their total.",
        sa.select(*row_of(cancellations)).where(
            cancellations.c.fees_total.is_distinct_from(fees_sum(cancellations.c.fees))
        ),
    ),
    Invariant("cancellation-tax", "A cancellation's prices include tax exactly when its order's do.", _of_order()),
    Invariant("cancellation-scope", "A cancellation of a package names it and takes units only from it.", _scope()),
    Invariant("key-of-cancellation", "An idempotency key leads to the cancellation made with it.", _keys()),
    Invariant(
        "cancellation-mail",
        "Every cancellation has an e-mail, unless an import made it.",
        sa.select(*row_of(cancellations)).where(made_by_import() == sa.exists().where(_of_cancellation)),
    ),
    Invariant(
        "mail-of-cancellation",
        "Every e-mail is about a cancellation.",
        sa.select(*row_of(outbox)).where(outbox.c.topic == MAIL_TOPIC, ~sa.exists().where(_of_cancellation)),
    ),
    Invariant(
        "mail-done",
        "An e-mail has a done_at exactly when it is SENT or FAILED.",
        sa.select(*row_of(outbox)).where(_is_done != outbox.c.done_at.is_not(None)),
    ),
)
