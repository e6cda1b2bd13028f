"""A shop by the rules (docs/rules.md): what each call answers, what it leaves behind, and what is logged."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from itertools import count

from tests.domain.model.rules import (
    ORDER_WAYS,
    PACKAGE_WAYS,
    SET_ON_ORDER,
    Call,
    Entry,
    Order,
    Package,
    Refund,
    amount,
    complete,
    is_key,
    judge,
    note_refusals,
    paid,
    refund,
    split_refusals,
)

REFUND_WAYS = {("PENDING", "SUCCEEDED"), ("PENDING", "FAILED"), ("FAILED", "SUCCEEDED")}
MOST_HOURS_QUEUED = 48


@dataclass
class Cancellation:
    call: Call
    refund: Refund
    refund_status: str
    mail: str
    queued_at: int
    attempts: int = 0


class Model:
    """One shop: its orders, its cancellations by key, and its log in words."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.now = 0
        self.given: dict[str, Order] = {}
        self.known: dict[str, Order] = {}
        self.orders: dict[str, Order] = {}
        self.cancellations: dict[str, Cancellation] = {}
        self.feed: list[str] = []

    def import_order(self, given: Order, told_total: int) -> list[str]:
        """CREATED or UNCHANGED, or the refusals, sorted. An order without packages gets one."""
        order = deepcopy(given)
        refusals = complete(order)
        if told_total != paid(order):
            refusals.append("AMOUNTS_DO_NOT_ADD_UP total")
        if refusals:
            return sorted(refusals)
        if order.number in self.known:
            return ["UNCHANGED"] if self.known[order.number] == order else ["NUMBER_TAKEN number"]
        self.given[order.number], self.known[order.number] = given, deepcopy(order)
        come_in = [(item, "", units) for item, units in order.gone().items()]
        come_in_cancelled = refund(order, self.policy, come_in, Counter()).total
        order.give_back(come_in_cancelled, always_takes_off=order.is_collected)
        order.updated_at = self.now
        self.orders[order.number] = order
        self.feed.append(f"{order.number} ORDER_IMPORTED")
        return ["CREATED"]

    def find(self, call: Call) -> Order | None:
        order = self.orders.get(call.number)
        return order if order and (call.scope != "PACKAGE" or call.package in order.packages) else None

    def preview(self, call: Call) -> tuple[list[str], Refund | None]:
        order = self.find(call)
        refusals, picks = judge(order, call)
        if order is None or refusals:
            return refusals, None
        return [], refund(order, self.policy, picks, order.gone())

    def cancel(self, key: str, call: Call) -> list[str]:
        """MADE or REPLAYED, or the refusals."""
        if key in self.cancellations:
            is_same = self.cancellations[key].call == call
            return ["REPLAYED"] if is_same else ["IDEMPOTENCY_KEY_REUSED idempotencyKey"]
        refusals = [] if is_key(key) else ["INVALID_IDEMPOTENCY_KEY idempotencyKey"]
        refusals += note_refusals(call.note or "")
        order, (of_selection, would_be) = self.find(call), self.preview(call)
        refusals += of_selection
        if order and would_be and not refusals:
            if call.version not in {None, order.version}:
                refusals.append("ORDER_CHANGED expect/orderVersion")
            if call.refund not in {None, amount(would_be.total, order.currency)}:
                refusals.append("REFUND_CHANGED expect/refundTotal")
        if order is None or would_be is None or refusals:
            return refusals
        self._carry_out(order, key, call, would_be)
        return ["MADE"]

    def _carry_out(self, order: Order, key: str, call: Call, would_be: Refund) -> None:
        before = order.statuses()
        for (item, number, quantity), _ in would_be.lines:
            package = order.packages[number]
            package.live[item] -= quantity
            package.gone[item] += quantity
            package.status = package.status if package.live.total() else "CANCELLED"
        order.give_back(would_be.total)
        refund_status = "PENDING" if would_be.total and order.is_paid else "NOT_NEEDED"
        mail = "QUEUED" if order.has_address else "FAILED"
        self.cancellations[key] = Cancellation(call, would_be, refund_status, mail, self.now)
        self.feed.append(f"{order.number} ITEMS_CANCELLED {key}")
        self._acted(order, before)

    def move_package(self, order: Order, number: str, to: str, carrier: str | None) -> list[str]:
        package = order.packages.get(number)
        if package is None:
            return ["NOT_FOUND packageId"]
        is_way = order.set_to not in SET_ON_ORDER and (package.status, to) in PACKAGE_WAYS
        if to != package.status and not is_way:
            return ["TRANSITION_NOT_ALLOWED status"]
        carried_by = package.carrier if carrier is None else carrier or None
        if (to, carried_by) != (package.status, package.carrier):
            before = order.statuses()
            package.status, package.carrier = to, carried_by
            self._acted(order, before)
        return []

    def move_order(self, order: Order, to: str) -> list[str]:
        before = order.statuses()
        if to == order.status:
            return []
        if (order.status, to) not in ORDER_WAYS:
            return ["TRANSITION_NOT_ALLOWED status"]
        order.set_to = to if to in SET_ON_ORDER else ""
        if to == "AWAITING_SHIPMENT" and not order.is_collected:
            order.is_paid, order.paid_at = True, self.now if order.paid_at is None else order.paid_at
        self._acted(order, before)
        return []

    def split(self, order: Order, number: str, entries: tuple[Entry, ...]) -> list[str]:
        """Ignores the entries' packages."""
        package = order.packages.get(number)
        refusals = split_refusals(order, package, entries)
        if package and not refusals:
            new = next(free for n in count(2) if (free := f"{number}-{n}") not in order.packages)
            moving = Counter({item: quantity for item, quantity, _ in entries})
            package.live -= moving
            order.packages[new] = Package(package.status, moving)
            self.feed.append(f"{order.number} PACKAGE_SPLIT {number} {new}")
            self._acted(order, order.statuses())
        return refusals

    def settle(self, key: str, to: str) -> list[str]:
        made = self.cancellations[key]
        if to not in {"SUCCEEDED", "FAILED"}:
            return ["INVALID_VALUE status"]
        if to != made.refund_status and (made.refund_status, to) not in REFUND_WAYS:
            return ["TRANSITION_NOT_ALLOWED status"]
        if to != made.refund_status:
            self.feed.append(f"{made.call.number} REFUND_STATUS_CHANGED {key} {made.refund_status} {to}")
            made.refund_status = to
        return []

    def resend(self, key: str) -> list[str]:
        made = self.cancellations[key]
        if not self.orders[made.call.number].has_address:
            return ["INVALID_VALUE cancellationId"]
        if made.mail != "QUEUED":
            self._mailed(key, "QUEUED")
            made.attempts, made.queued_at = 0, self.now
        return []

    def queued(self) -> list[str]:
        return [key for key, made in self.cancellations.items() if made.mail == "QUEUED"]

    def send(self, outcome: str) -> None:
        """Tries every queued mail once: it becomes SENT or FAILED or, if DEFERRED, stays queued."""
        for key in self.queued():
            made = self.cancellations[key]
            made.attempts += 1
            is_too_old = self.now - made.queued_at >= MOST_HOURS_QUEUED
            if outcome != "DEFERRED" or is_too_old:
                self._mailed(key, "FAILED" if outcome == "DEFERRED" else outcome)

    def _mailed(self, key: str, to: str) -> None:
        made = self.cancellations[key]
        self.feed.append(f"{made.call.number} NOTIFICATION_STATUS_CHANGED {key} {made.mail} {to}")
        made.mail = to

    def _acted(self, order: Order, before: dict[str, str]) -> None:
        """One act on the order, with an event for each status that it changed."""
        order.version += 1
        order.updated_at = self.now
        for what, now in order.statuses().items():
            if what in before and before[what] != now:
                self.feed.append(f"{order.number} {what} {before[what]} {now}")
