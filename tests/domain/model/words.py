"""Translates between the model's words and the domain's values."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.eligibility import Verdict, eligibility
from domain.rules.order import Cancellation as StoredCancellation
from domain.rules.order import (
    ItemEntry,
    ItemsSelection,
    OrderEvent,
    OrderSelection,
    PackageSelection,
    RefundBreakdown,
    Selection,
)
from domain.rules.order import Order as StoredOrder
from domain.rules.order import Package as StoredPackage
from domain.rules.order_input import BuyerInput, FeeInput, OrderInput, OrderItemInput, PackageInput, PackageItemInput
from domain.rules.outcomes import CancellationProblem, FulfillmentProblem
from domain.rules.vocabulary import CancellationReason, FeeKind, OrderStatus, PackageStatus
from tests.domain.model.rules import Call, Entry, Item, Order, Package, Refund, amount
from tests.domain.model.shop import Cancellation
from tests.support.stored import NOW

# To the domain


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def order_input(order: Order, total: int) -> OrderInput:
    def text(minor: int) -> str:
        return f"{amount(minor, order.currency):f}"

    return OrderInput(
        number=order.number,
        status=OrderStatus[order.set_to],
        currency=order.currency,
        prices_include_tax=order.prices_include_tax,
        placed_at=NOW,
        buyer=BuyerInput("Ada Buyer", "ada@example.com" if order.has_address else "ada@example"),
        items=tuple(
            OrderItemInput(
                ref=str(item),
                sku=f"SKU-{item}",
                product_id=f"P-{item}",
                product_name=f"Product {item}",
                quantity=line.quantity,
                subtotal=text(line.subtotal),
                seller_discount=text(line.seller_discount),
                platform_discount=text(line.platform_discount),
                tax=text(line.tax),
            )
            for item, line in enumerate(order.items)
        ),
        shipping_fee=text(order.shipping_fee),
        shipping_tax=text(order.shipping_tax),
        total=text(total),
        paid_at=None if order.paid_at is None else at(order.paid_at),
        packages=tuple(_package_input(number, package) for number, package in order.packages.items()),
        fees=tuple(FeeInput(FeeKind[kind], text(fee)) for kind, fee in order.fees),
        collect_on_delivery=order.is_collected,
    )


def _package_input(number: str, package: Package) -> PackageInput:
    units = package.live + package.gone
    held = tuple(PackageItemInput(str(item), units[item], package.gone[item]) for item in units)
    return PackageInput(number, PackageStatus[package.status], held, package.carrier)


def package_id(order: StoredOrder, number: str) -> str:
    """The id of a package that does not exist, if no package of the order has this number."""
    positions = {package.number: package.position for package in order.packages}
    return ids.of_package(order.id, positions.get(number, 99))


def item_entries(order: StoredOrder, entries: Iterable[Entry]) -> tuple[ItemEntry, ...]:
    return tuple(
        ItemEntry(ids.of_item(order.id, item + 1), quantity, place and package_id(order, place))
        for item, quantity, place in entries
    )


def selection(order: StoredOrder, call: Call) -> Selection:
    if call.scope == "ITEMS":
        return ItemsSelection(ids.of_order(order.id), item_entries(order, call.entries))
    if call.package:
        return PackageSelection(package_id(order, call.package))
    return OrderSelection(ids.of_order(order.id))


def request(order: StoredOrder, key: str, call: Call) -> CancellationRequest:
    return CancellationRequest(
        selection=selection(order, call),
        reason=CancellationReason[call.reason],
        idempotency_key=key,
        note=call.note,
        expected_version=call.version,
        expected_refund=call.refund,
    )


# From the domain's answers


def refusal(problem: CancellationProblem | FulfillmentProblem, order: StoredOrder | None = None) -> str:
    words = [problem.code.name, "/".join(problem.path)]
    if problem.not_cancellable_reason:
        words.append(problem.not_cancellable_reason.name)
    if problem.cancellable_quantity is not None:
        words.append(str(problem.cancellable_quantity))
    if order and problem.path == ("orderId",):
        words += [
            each.number for each in order.packages if ids.of_package(order.id, each.position) == problem.package_id
        ]
    return " ".join(words)


def refund(order: StoredOrder, breakdown: RefundBreakdown) -> Refund:
    numbers = _numbers(order)
    lines = [
        (
            (line.item - 1, numbers[line.package], line.quantity),
            [line.subtotal, line.seller_discount, line.platform_discount, line.tax, line.total],
        )
        for line in breakdown.lines
    ]
    charges = [("SHIPPING_FEE", breakdown.shipping_fee), ("SHIPPING_TAX", breakdown.shipping_tax)]
    charges += [(fee.kind.name, fee.amount) for fee in breakdown.fees]
    return Refund(lines, [charge for charge in charges if charge[1]], breakdown.total)


# From what is stored


def order_of(stored: StoredOrder, like: Order) -> Order:
    """`like` supplies what is not stored: the status that the order would have if it were not CANCELLED."""
    return Order(
        number=stored.number,
        set_to=like.set_to,
        currency=stored.currency,
        prices_include_tax=stored.prices_include_tax,
        has_address=stored.buyer.email == "ada@example.com",
        paid_at=_hours(stored.paid_at),
        items=[
            Item(each.quantity, each.subtotal, each.seller_discount, each.platform_discount, each.tax)
            for each in stored.items
        ],
        packages={each.number: _package(each) for each in stored.packages},
        shipping_fee=stored.shipping_fee,
        shipping_tax=stored.shipping_tax,
        fees=[(fee.kind.name, fee.amount) for fee in stored.fees],
        is_collected=stored.collect_on_delivery,
        is_paid=stored.is_paid,
        version=stored.version,
        refunded=stored.refunded,
        taken_off=stored.taken_off,
        updated_at=_hours(stored.updated_at) or 0,
    )


def _package(stored: StoredPackage) -> Package:
    return Package(
        stored.status.name,
        live=Counter({packed.item - 1: packed.live_quantity for packed in stored.items}),
        gone=Counter({packed.item - 1: packed.cancelled_quantity for packed in stored.items}),
        carrier=stored.carrier,
    )


def verdicts_of(stored: StoredOrder) -> list[tuple[int, str]]:
    found = eligibility(stored)
    in_turn = [found.items[item.position] for item in stored.items]
    for package in stored.packages:
        in_turn.append(found.packages[package.position])
        in_turn += [found.package_items[package.position, packed.item] for packed in package.items]
    return [_verdict(each) for each in (*in_turn, found.order)]


def _verdict(verdict: Verdict) -> tuple[int, str]:
    return verdict.quantity, verdict.reason.name if verdict.reason else ""


def cancellation_of(stored: StoredCancellation, order: StoredOrder, like: Cancellation) -> Cancellation:
    """`like` supplies what is not stored: the request's entries and expectations, and when its mail was queued."""
    assert (stored.scope.name, stored.reason.name, stored.note) == (like.call.scope, like.call.reason, like.call.note)
    assert (stored.package and _numbers(order)[stored.package]) == like.call.package
    return Cancellation(
        like.call,
        refund(order, stored.breakdown),
        stored.refund_status.name,
        stored.notification.status.name,
        like.queued_at,
        stored.notification.attempts,
    )


def event_of(event: OrderEvent, orders: Iterable[StoredOrder], keys: Mapping[UUID, str]) -> str:
    [order] = [each for each in orders if each.id == event.order_id]
    numbers = _numbers(order)
    packages = [numbers[position] for position in (event.package, event.new_package) if position]
    key = [keys[event.cancellation_id]] if event.cancellation_id else []
    statuses = [status for status in (event.before, event.after) if status]
    return " ".join([order.number, event.type.name, *packages, *key, *statuses])


def _numbers(order: StoredOrder) -> dict[int, str]:
    """The packages' numbers by position."""
    return {package.position: package.number for package in order.packages}


def _hours(time: datetime | None) -> int | None:
    return None if time is None else (time - NOW) // timedelta(hours=1)
