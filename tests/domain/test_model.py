"""Random histories of a shop, on both databases, compared call by call with a model of answers and stored data.

Each run tries the same histories. For more of them, drawn at random:
`pytest tests/domain/test_model.py --model-examples 1000`. A failure is reported as the shortest history that fails.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from uuid_utils.compat import uuid7

from domain import cancellation, fulfillment, ingestion, notification
from domain.cancellation import CancellationOutcome
from domain.mail.address import Address
from domain.mail.message import compose
from domain.mail.sending import Deferred, OutgoingMessage, Rejected, Sent
from domain.mail.sending import Outcome as Sending
from domain.rules import ids
from domain.rules.decision import Decision
from domain.rules.order import Cancellation
from domain.rules.order import Order as StoredOrder
from domain.rules.outcomes import FulfillmentOutcome
from domain.rules.splits import PackageSplit
from domain.rules.transitions import PackageMove, Settlement
from domain.rules.vocabulary import CancellationReason, OrderStatus, PackageStatus, RefundStatus, ShippingRefundPolicy
from domain.storage import cancellations, events, orders
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.domain.model import calls as generated
from tests.domain.model import words
from tests.domain.model.rules import Call, Order, paid, verdicts
from tests.domain.model.shop import Model
from tests.mail.samples import received
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop

Fresh = Callable[[], AbstractContextManager[str]]

SENDER = Address("Demo Shop", "orders@shop.example")
SENDINGS: dict[str, Sending] = {"SENT": Sent(), "FAILED": Rejected("unknown"), "DEFERRED": Deferred("busy")}
SETTLEMENTS = st.sampled_from((RefundStatus.SUCCEEDED, RefundStatus.FAILED, *RefundStatus))
# Histories per run on each database, and the most calls in each of them.
HISTORIES = 10
CALLS = 40
# How often each is done. As rules of their own, Hypothesis would leave some out of each history, which pays off over
# thousands of histories but leaves too much untried in ten. The simplest history repeats the first.
ACTIONS = (
    *["settle"] * 2,
    *["cancel_units"] * 4,
    *["cancel"] * 4,
    *["move_package"] * 4,
    *["split"] * 3,
    *["import_order"] * 2,
    *["move_order"] * 2,
    *["use_a_key_again"] * 2,
    *["resend_and_send"],
    *["restart_and_only_ask"],
)
ABOUT_CANCELLATIONS = ("use_a_key_again", "settle", "resend_and_send")


class Postman:
    """Gives every message the same outcome, and stops the loop after `messages` of them."""

    def __init__(self, outcome: Sending, messages: int) -> None:
        self.stop = asyncio.Event()
        self.seen: list[str] = []
        self._outcome = outcome
        self._messages = messages

    async def send(self, message: OutgoingMessage) -> Sending:
        self.seen.append(received(message)["Message-ID"])
        if len(self.seen) == self._messages:
            self.stop.set()
        return self._outcome


class Histories(RuleBasedStateMachine):
    def __init__(self, fresh: Fresh) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.url = self.resources.enter_context(fresh())
        self.run = self.resources.enter_context(asyncio.Runner()).run
        self.database = Database(self.url)
        self.model = Model("NEVER")
        self.order_ids: list[UUID] = []
        self.stored: dict[str, StoredOrder] = {}
        self.made: dict[str, Cancellation] = {}
        self.log: list[str] = []
        self.answered: CancellationOutcome | FulfillmentOutcome | None = None

    def teardown(self) -> None:
        try:
            self.run(assert_sound(self.database))
        finally:
            self.run(self.database.close())
            self.resources.close()

    @initialize(policy=st.sampled_from(("PROPORTIONAL", "ON_FULL_CANCELLATION", "NEVER")), data=st.data())
    def open(self, policy: str, data: st.DataObject) -> None:
        self.model = Model(policy)
        self.shop = self.run(a_shop(self.database, "demo", ShippingRefundPolicy[policy]))
        self.other_shop = self.run(a_shop(self.database, "other"))
        self._import(data.draw(generated.open_orders(self.model)))

    @rule(data=st.data(), action=st.sampled_from(ACTIONS))
    def act(self, data: st.DataObject, action: str) -> None:
        """Actions that need a cancellation make one first."""
        if not self.made and action in ABOUT_CANCELLATIONS:
            self.cancel_units(data)
            self.check()
        getattr(self, action)(data)

    # Importing orders

    def import_order(self, data: st.DataObject) -> None:
        order, error = data.draw(generated.arrivals(self.model))
        self._import(order, error)

    def _import(self, order: Order, error: int = 0) -> None:
        expected = self.model.import_order(order, paid(order) + error)

        given = words.order_input(order, paid(order) + error)
        [result] = self.run(ingestion.import_orders(self.database, self.shop, [given], **self._by("import")))

        assert (sorted(map(words.refusal, result.problems)) or [result.outcome.name]) == expected
        if result.order_id and result.order_id not in self.order_ids:
            self.order_ids.append(result.order_id)

    # Cancelling

    def cancel_units(self, data: st.DataObject) -> None:
        """Imports a new order if no units are left, so that histories go on."""
        if not generated.right_places(self.model):
            self._import(data.draw(generated.open_orders(self.model)))
            self.check()
        self._preview_and_cancel(data.draw(generated.right_calls(self.model)))

    def cancel(self, data: st.DataObject) -> None:
        self._preview_and_cancel(data.draw(generated.calls(self.model)))

    def use_a_key_again(self, data: st.DataObject) -> None:
        self._cancel(*data.draw(generated.calls_again(self.model)))

    def restart_and_only_ask(self, data: st.DataObject) -> None:
        """Previews and another shop's calls change nothing."""
        self.run(self.database.close())
        self.database = Database(self.url)
        call = data.draw(generated.selections(self.model))
        self._preview(call)
        order = self.stored[call.number]
        expected = Model("NEVER").cancel("key-0", call)
        move = PackageMove(words.package_id(order, order.packages[0].number), PackageStatus.AWAITING_COLLECTION)

        request = words.request(order, "key-0", call)
        cancelled = self.run(
            cancellation.cancel(self.database, self.other_shop, request, cancellation_id=uuid7(), **self._by("seller"))
        )
        moved = self.run(
            fulfillment.update_package_status(self.database, self.other_shop, move, **self._by("warehouse"))
        )

        assert [words.refusal(problem) for problem in cancelled.problems] == expected
        assert [words.refusal(problem) for problem in moved.problems] == ["NOT_FOUND packageId"]
        assert (cancelled.order, cancelled.cancellation, moved.order) == (None, None, None)

    def _preview_and_cancel(self, asked: tuple[str, Call]) -> None:
        key, call = asked
        preview = self._preview(call)

        outcome = self._cancel(key, call)

        if outcome.cancellation and outcome.order:
            assert preview.plan
            assert preview.plan.breakdown == outcome.cancellation.breakdown
            after = replace(
                preview.plan.after,
                updated_at=words.at(self.model.now),
                event_sequence=outcome.order.event_sequence,
                feed_number=outcome.order.feed_number,
            )
            assert after == outcome.order

    def _preview(self, call: Call) -> Decision:
        order = self.stored[call.number]

        selection, reason = words.selection(order, call), CancellationReason[call.reason]
        preview = self.run(cancellation.preview(self.database, self.shop, selection, reason))

        refund = words.refund(order, preview.plan.breakdown) if preview.plan else None
        assert ([words.refusal(problem, order) for problem in preview.problems], refund) == self.model.preview(call)
        return preview

    def _cancel(self, key: str, call: Call) -> CancellationOutcome:
        expected, order = self.model.cancel(key, call), self.stored[call.number]

        request = words.request(order, key, call)
        outcome = self.run(
            cancellation.cancel(self.database, self.shop, request, cancellation_id=uuid7(), **self._by("seller"))
        )

        answer = ["REPLAYED" if outcome.replayed else "MADE"] if outcome.cancellation else []
        assert [*answer, *(words.refusal(problem, order) for problem in outcome.problems)] == expected
        if outcome.cancellation:
            made = self.made.setdefault(key, outcome.cancellation)
            assert outcome.cancellation.id == made.id
        self.answered = outcome
        return outcome

    # Calls from other systems

    def move_package(self, data: st.DataObject) -> None:
        order, number, to, carrier = data.draw(generated.package_moves(self.model))
        expected = self.model.move_package(order, number, to, carrier)

        move = PackageMove(words.package_id(self.stored[order.number], number), PackageStatus[to], carrier)
        self._act(expected, fulfillment.update_package_status, move, "warehouse")

    def move_order(self, data: st.DataObject) -> None:
        order, to = data.draw(generated.order_moves(self.model))
        expected = self.model.move_order(order, to)

        order_id = ids.of_order(self.stored[order.number].id)
        update = partial(fulfillment.update_order_status, to=OrderStatus[to])
        self._act(expected, update, order_id, "warehouse")

    def split(self, data: st.DataObject) -> None:
        order, number, entries = data.draw(generated.splits(self.model))
        expected = self.model.split(order, number, entries)

        stored = self.stored[order.number]
        split = PackageSplit(words.package_id(stored, number), words.item_entries(stored, entries))
        self._act(expected, fulfillment.split_package, split, "warehouse")

    def settle(self, data: st.DataObject) -> None:
        key, to = data.draw(self._keys()), data.draw(SETTLEMENTS)
        expected = self.model.settle(key, to.name)

        settlement = Settlement(ids.of_cancellation(self.made[key].id), to, "psp-1")
        self._act(expected, fulfillment.settle_refund, settlement, "payments")

    def _act(
        self,
        expected: list[str],
        act: Callable[..., Coroutine[Any, Any, FulfillmentOutcome]],  # all take database, shop and what to do
        what: object,
        actor: str,
    ) -> None:
        outcome = self.run(act(self.database, self.shop, what, **self._by(actor)))

        assert list(map(words.refusal, outcome.problems)) == expected
        self.answered = outcome

    # The e-mail

    def resend_and_send(self, data: st.DataObject) -> None:
        key, sending = data.draw(self._keys()), data.draw(st.sampled_from(sorted(SENDINGS)))
        expected = self.model.resend(key)
        self._act(expected, notification.resend_notification, ids.of_cancellation(self.made[key].id), "seller")
        self.run(self._check())

        self.model.now += data.draw(st.sampled_from((1, 2, 47, 48)))
        if self.model.queued():
            self._send(sending)

    def _send(self, sending: str) -> None:
        due = [f"<cancellation-{self.made[key].id.hex}@{SENDER.domain}>" for key in self.model.queued()]
        self.model.send(sending)

        postman, now = Postman(SENDINGS[sending], len(due)), words.at(self.model.now)
        letter = partial(compose, sender=SENDER, reply_to=None)
        loop = notification.run(self.database, postman, letter, clock=lambda: now, stop=postman.stop)
        self.run(asyncio.wait_for(loop, PATIENCE_SECONDS))

        assert sorted(postman.seen) == sorted(due)

    # Comparing what is stored

    @invariant()
    def check(self) -> None:
        self.run(self._check())

    async def _check(self) -> None:
        async with self.database.reading(EVERY_SHOP) as connection:
            found = await orders.find_orders(connection, "demo", self.order_ids)
            by_order = await cancellations.list_by_order(connection, "demo", self.order_ids)
            log = await events.list_events(connection, "demo", after=len(self.log), limit=1000)
        self.stored = {order.number: order for order in found.values()}
        made = {each.idempotency_key: each for each in sum(by_order.values(), ())}
        keys = {each.id: key for key, each in made.items()}

        self._check_answer(made)
        assert self.stored.keys() == self.model.orders.keys()
        for number, order in self.model.orders.items():
            stored = self.stored[number]
            assert words.order_of(stored, order) == order
            assert (stored.status.name, stored.total) == (order.status, paid(order))
            assert words.verdicts_of(stored) == verdicts(order)
            assert stored.event_sequence == sum(each.startswith(f"{number} ") for each in self.model.feed)
        assert made.keys() == self.model.cancellations.keys()
        for key, expected in self.model.cancellations.items():
            assert words.cancellation_of(made[key], self.stored[expected.call.number], expected) == expected
        happened = [words.event_of(event, self.stored.values(), keys) for event in log]
        assert mails_sorted(happened) == mails_sorted(self.model.feed[len(self.log) :])
        self.log += happened

    def _check_answer(self, made: dict[str, Cancellation]) -> None:
        """The order and cancellation of the last answer must equal the stored ones."""
        order, one = (self.answered.order, self.answered.cancellation) if self.answered else (None, None)
        self.answered = None
        assert order is None or order == self.stored[order.number]
        assert one is None or one == made[one.idempotency_key]

    def _by(self, actor: str) -> dict[str, Any]:  # arguments of every use case
        return {"actor": actor, "now": words.at(self.model.now)}

    def _keys(self) -> st.SearchStrategy[str]:
        return st.sampled_from(sorted(self.made))


def mails_sorted(happened: list[str]) -> list[str]:
    """Mails sent together are logged in any order, so they go last and sorted; the rest keeps its order."""
    return sorted(happened, key=lambda event: event if "NOTIFICATION_STATUS_CHANGED" in event else "")


def test_a_shop_behaves_as_the_model_says(fresh_database: Fresh, request: pytest.FixtureRequest) -> None:
    examples = request.config.getoption("--model-examples")
    machine = partial(Histories, fresh_database)
    run_state_machine_as_test(
        machine if examples else seed(request.node.name)(machine),  # type: ignore[arg-type]  # any callable that makes one will do
        settings=settings(
            max_examples=examples or HISTORIES,
            stateful_step_count=CALLS,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
