"""The life of an order, there and here: after each input what was stored is compared with what the source changed."""

from collections import Counter
from dataclasses import replace
from random import Random

from uuid_utils.compat import uuid7

from domain import cancellation, fulfillment
from domain.arriving import ImportResult
from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.order import ItemEntry, Order, OrderEvent, Package
from domain.rules.splits import PackageSplit
from domain.rules.transitions import PackageMove
from domain.rules.vocabulary import (
    CancellationReason,
    EventType,
    ImportNoteCode,
    ImportOutcome,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
)
from tests.support.closing import next_selection
from tests.support.market.intake import Intake
from tests.support.market.orders import STAGES, MarketOrder, Shape, answer, document
from tests.support.market.stored import order_status, owed, stored_places, told_items, told_places
from tests.support.stored import NOW

SET = {"UNPAID", "ON_HOLD", "COMPLETED"}
_REASONS = {
    "Out of stock": "OUT_OF_STOCK",
    "Pricing error": "PRICING_ERROR",
    "Unable to deliver to the address": "UNDELIVERABLE_ADDRESS",
}


class Life:
    """`is_alone`: so far nothing was done here that moves, cancels or splits."""

    def __init__(self, intake: Intake, order: MarketOrder) -> None:
        self.intake = intake
        self.order = self.told = order
        [result] = self._told(order)
        assert result.outcome is ImportOutcome.CREATED, result.problems
        self.known = intake.finds(order.number)
        self.is_paid = order.is_paid_at_first
        self.refunded, self.taken_off = self.known.refunded, self.known.taken_off
        self.log = intake.logs(self.known)
        self.is_alone = True
        self.acts = 0

    def _told(self, order: MarketOrder, shape: Shape = Shape()) -> list[ImportResult]:  # noqa: B008 - frozen
        return self.intake.imports(answer([document(order, shape)]))

    # What is told

    def hears(self, order: MarketOrder, shape: Shape) -> None:
        """The order comes in again as it is now."""
        before, told = self.known, self.told
        self.order = self.told = order
        [result] = self._told(order, shape)
        self.known, new = self.intake.finds(order.number), self._new_events()

        assert result.problems == ()
        assert result.outcome in {ImportOutcome.UPDATED, ImportOutcome.UNCHANGED}
        if replace(order, updated_at=None) == replace(told, updated_at=None):
            assert result.outcome is ImportOutcome.UNCHANGED
        if result.outcome is ImportOutcome.UNCHANGED:
            assert (self.known, new, result.notes) == (before, [], ())
        self._follows_units(before, told)
        self._follows_money(before, told)
        self._follows_status(before, told)
        self._follows_packages(before, told)
        self._follows_details(before, told)
        self._logs(before, new, result)

    def hears_again(self, shape: Shape) -> None:
        """What was told last comes in once more."""
        [result] = self._told(self.told, shape)

        assert (result.outcome, result.notes) == (ImportOutcome.UNCHANGED, ())
        assert self.intake.finds(self.told.number) == self.known
        assert self._new_events() == []

    def hears_older(self, order: MarketOrder) -> None:
        """Something older than what was told comes in late."""
        older = replace(order, updated_at=(self.told.updated_at or 0) - 1)
        if replace(older, updated_at=None) == replace(self.told, updated_at=None):
            return
        [result] = self._told(older)

        assert result.outcome is ImportOutcome.UNCHANGED
        assert [note.code for note in result.notes] == [ImportNoteCode.OLDER]
        assert self.intake.finds(order.number) == self.known
        assert self._new_events() == []

    # What must follow

    def _follows_units(self, before: Order, told: MarketOrder) -> None:
        after, now = self.known, self.told
        there = [each[4] for each in told_items(now)]
        here = [item.cancelled_quantity for item in before.items]
        assert [item.quantity for item in after.items] == [item.quantity for item in before.items]
        if replace(now, updated_at=None) == replace(told, updated_at=None):
            return
        assert [item.cancelled_quantity for item in after.items] == list(map(max, here, there))

    def _follows_money(self, before: Order, told: MarketOrder) -> None:
        after, now = self.known, self.told
        is_told_paid = now.paid_at is not None and now.paid_at != told.paid_at
        counts_as_paid = self.is_paid or (is_told_paid and not now.is_cod)
        back = owed(after) - owed(before)
        self._gives_back(back, is_paid=counts_as_paid)
        self.is_paid = self.is_paid or is_told_paid
        assert after.is_paid == self.is_paid
        if after.items == before.items:
            return
        made = self.intake.cancellations(after)[-1]
        gone = Counter((line.package, line.item, line.quantity) for line in made.breakdown.lines)
        assert (made.breakdown.total, made.actor) == (back, "import")
        assert made.idempotency_key == f"import {before.number} {before.version}"
        assert made.notification.status is NotificationStatus.NOT_NEEDED
        was_paid = counts_as_paid and back > 0
        assert made.refund_status is (RefundStatus.SUCCEEDED if was_paid else RefundStatus.NOT_NEEDED)
        assert made.scope.name == _scope(before, gone)
        if reason := self._reason(before, told):
            assert made.reason.name == reason

    def _gives_back(self, amount: int, *, is_paid: bool) -> None:
        self.refunded += amount if is_paid else 0
        self.taken_off += 0 if is_paid else amount
        assert (self.known.refunded, self.known.taken_off) == (self.refunded, self.taken_off)

    def _reason(self, before: Order, told: MarketOrder) -> str | None:
        """The reason, where all units that are newly cancelled have one, and were live here."""
        here = [item.cancelled_quantity for item in before.items]
        fresh = [now for now, then in zip(self.told.units, told.units, strict=True) if now != then and now.is_cancelled]
        reasons = {_REASONS.get(unit.cancelled_why, "OTHER") for unit in fresh if unit.cancelled_by == "SELLER"}
        reasons |= {"BUYER_REQUESTED" for unit in fresh if unit.cancelled_by == "BUYER"}
        is_clear = {unit.cancelled_by for unit in fresh} <= {"SELLER", "BUYER"} and len(reasons) == 1
        return reasons.pop() if is_clear and here == [each[4] for each in told_items(told)] else None

    def _follows_status(self, before: Order, told: MarketOrder) -> None:
        after = self.known
        was, now = ({each.status} & SET for each in (told, self.told))
        held = {before.status.name} & SET
        if now not in (was, {"UNPAID"}):
            if now == {"ON_HOLD"}:
                held = now
            elif now == {"COMPLETED"}:
                held = now if all(p.status is PackageStatus.DELIVERED for p in after.packages if p.is_live) else held
            elif held == was:
                held = set()
        stages = [(package.status.name, int(package.is_live)) for package in after.packages]
        assert after.status.name == order_status(stages, next(iter(held), None))

    def _follows_packages(self, before: Order, told: MarketOrder) -> None:
        if self.is_alone:
            assert stored_places(self.known) == told_places(self.told)
            return
        then, now = _stages(told), _stages(self.told)
        for package in self.known.packages:
            stage, stored = now.get(package.number), _numbered(before, package.number)
            if not package.is_live or package.is_numbered_here or stage is None or stored is None:
                continue
            status = stored.status.name
            is_new = stage != then.get(package.number)
            if is_new and (STAGES.index(stage) > STAGES.index(status) or (status, stage) == (STAGES[1], STAGES[0])):
                status = stage
            assert package.status.name == status, package.number

    def _follows_details(self, before: Order, told: MarketOrder) -> None:
        after, now = self.known, self.told
        assert after.buyer.name == _contact(before.buyer.name, told.name, now.name)
        assert after.buyer.email == _contact(before.buyer.email, told.email, now.email)
        assert (after.ship_by == before.ship_by) or now.ship_by != told.ship_by
        if now.ship_by != told.ship_by:
            assert after.ship_by
            assert after.ship_by.timestamp() == now.ship_by

    def _logs(self, before: Order, new: list[OrderEvent], result: ImportResult) -> None:
        after, types = self.known, [event.type for event in new]
        assert {event.actor for event in new} <= {"import"}
        assert types.count(EventType.ORDER_STATUS_CHANGED) == int(before.status is not after.status)
        assert types.count(EventType.ITEMS_CANCELLED) == int(before.items != after.items)
        assert not {EventType.REFUND_STATUS_CHANGED, EventType.NOTIFICATION_STATUS_CHANGED}.intersection(types)
        if result.outcome is ImportOutcome.UNCHANGED:
            return
        assert types.count(EventType.ORDER_UPDATED) == 1
        assert types[-1] is EventType.ORDER_UPDATED
        assert new[-1].notes == result.notes
        assert result.notes
        if before.status is not after.status:
            changed = new[-2]
            assert (changed.before, changed.after) == (before.status.name, after.status.name)
        if EventType.ITEMS_CANCELLED in types:
            assert types[0] is EventType.ITEMS_CANCELLED
        assert (after.version > before.version) == (
            len(types) > 1 or before.buyer != after.buyer or _dates(before, after)
        )

    def _new_events(self) -> list[OrderEvent]:
        known, self.log = self.log, self.intake.logs(self.known)
        assert self.log[: len(known)] == known
        return self.log[len(known) :]

    # What is done here; the rules may refuse it

    def cancels(self, chance: Random) -> None:
        selection = next_selection(self.known, chance, most=2)
        if selection is None:
            return
        self.acts += 1
        request = CancellationRequest(selection, CancellationReason.OUT_OF_STOCK, f"{self.known.number}-{self.acts}")
        before = self.known
        made = self.intake.run(
            cancellation.cancel(
                self.intake.database, self.intake.shop, request, cancellation_id=uuid7(), actor="seller", now=NOW
            )
        )
        assert made.problems == ()
        self._did(is_alone=False)
        self._gives_back(owed(self.known) - owed(before), is_paid=self.is_paid)

    def moves(self, place: int, status: PackageStatus) -> None:
        package = self.known.packages[place % len(self.known.packages)]
        move = PackageMove(ids.of_package(self.known.id, package.position), status)
        self.intake.run(
            fulfillment.update_package_status(self.intake.database, self.intake.shop, move, actor="depot", now=NOW)
        )
        self._did(is_alone=False)

    def splits(self, place: int) -> None:
        package = self.known.packages[place % len(self.known.packages)]
        entries = [ItemEntry(ids.of_item(self.known.id, packed.item), 1) for packed in package.items[:1]]
        split = PackageSplit(ids.of_package(self.known.id, package.position), tuple(entries))
        self.intake.run(
            fulfillment.split_package(self.intake.database, self.intake.shop, split, actor="depot", now=NOW)
        )
        self._did(is_alone=False)

    def sets(self, status: OrderStatus) -> None:
        before, order_id = self.known.status, ids.of_order(self.known.id)
        done = self.intake.run(
            fulfillment.update_order_status(
                self.intake.database, self.intake.shop, order_id, status, actor="depot", now=NOW
            )
        )
        is_released = before.name in {"UNPAID", "ON_HOLD"} and status is OrderStatus.AWAITING_SHIPMENT
        self.is_paid = self.is_paid or (is_released and not done.problems and not self.told.is_cod)
        self._did(is_alone=self.is_alone)

    def _did(self, *, is_alone: bool) -> None:
        self.known = self.intake.finds(self.known.number)
        self._new_events()
        self.is_alone = is_alone


def _scope(before: Order, gone: Counter[tuple[int, int, int]]) -> str:
    live = {
        package.position: {
            (package.position, packed.item, packed.live_quantity) for packed in package.items if packed.live_quantity
        }
        for package in before.packages
    }
    if set(gone) == set().union(*live.values()):
        return "ORDER"
    return "PACKAGE" if set(gone) in live.values() else "ITEMS"


def _stages(order: MarketOrder) -> dict[str | None, str]:
    return {unit.package: unit.stage for unit in order.live}


def _numbered(order: Order, number: str) -> Package | None:
    return next((each for each in order.packages if each.number == number and each.is_live), None)


def _contact(stored: str, then: str, now: str) -> str:
    """A masked or empty name or address never replaces a usable one."""
    if now == then:
        return stored
    return now if (now and "*" not in now) or not stored or "*" in stored else stored


def _dates(before: Order, after: Order) -> bool:
    return (before.ship_by, before.paid_at) != (after.ship_by, after.paid_at)
