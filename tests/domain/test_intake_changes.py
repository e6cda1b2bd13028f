"""What changes at the marketplace between two days, one change at a time: what is done, logged and given back here."""

from dataclasses import replace

import pytest

from domain.arriving import ImportResult
from domain.rules.order import Cancellation, Order
from domain.rules.vocabulary import ImportOutcome, OrderStatus, PackageStatus
from tests.support.cancelling import a_request, cancel_well
from tests.support.cancelling import units as selected
from tests.support.fulfilling import move, set_status, split
from tests.support.market.intake import Intake
from tests.support.market.orders import (
    AWAITING_COLLECTION,
    AWAITING_SHIPMENT,
    DELIVERED,
    IN_TRANSIT,
    MARKETS,
    MarketOrder,
    Unit,
    answer,
    document,
)

CREATED, UPDATED = ImportOutcome.CREATED, ImportOutcome.UPDATED
UNCHANGED, REJECTED = ImportOutcome.UNCHANGED, ImportOutcome.REJECTED
US, VN, TH = MARKETS[0], MARKETS[2], MARKETS[3]
SHIRT = Unit("7001", 1000, package="8001")
HAT = Unit("7002", 2500, package="8002")
LOOSE = replace(SHIRT, package=None)

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
pytestmark = on_sqlite


def by_buyer(unit: Unit) -> Unit:
    return replace(unit, is_cancelled=True, cancelled_by="BUYER", cancelled_why="No longer needed")


def by_seller(unit: Unit) -> Unit:
    return replace(unit, is_cancelled=True, cancelled_by="SELLER", cancelled_why="Out of stock")


def an_order(*units: Unit, **more: object) -> MarketOrder:
    return MarketOrder("9001", more.pop("market", TH), units, **more)  # type: ignore[arg-type] # its fields


class Days:
    """An order from day to day."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._logged = 0

    def hears(self, order: MarketOrder, minutes: int = 0) -> tuple[str, list[str]]:
        """The outcome with the codes of the notes, and the events in short."""
        at = None if order.updated_at is None else order.updated_at + 60 * minutes
        [result] = self.intake.imports(answer([document(replace(order, updated_at=at))]))
        return said(result), self.happened()

    def happened(self) -> list[str]:
        log = self.intake.logs(self.order)
        new, self._logged = log[self._logged :], len(log)
        numbers = {package.position: package.number for package in self.order.packages}
        return [
            " ".join(
                each
                for each in (
                    event.type.name,
                    *(numbers[position] for position in (event.package, event.new_package) if position),
                    event.before,
                    event.after,
                )
                if each
            )
            for event in new
        ]

    @property
    def order(self) -> Order:
        return self.intake.finds("9001")

    @property
    def made(self) -> list[Cancellation]:
        return self.intake.cancellations(self.order)

    @property
    def packages(self) -> dict[str, tuple[str, int, int]]:
        """Each package's status, units and cancelled units, by number."""
        return {
            package.number: (
                package.status.name,
                sum(packed.quantity for packed in package.items),
                sum(packed.cancelled_quantity for packed in package.items),
            )
            for package in self.order.packages
        }

    @property
    def money(self) -> tuple[int, int, int, int]:
        """Paid, refunded, taken off, and due at the door."""
        order = self.order
        return order.paid, order.refunded, order.taken_off, order.due_at_door


def said(result: ImportResult) -> str:
    problems = [problem.code.name for problem in result.problems]
    return " ".join([result.outcome.name, *problems, *sorted({note.code.name for note in result.notes})])


@pytest.fixture
def days(intake: Intake) -> Days:
    return Days(intake)


# The same order?


def test_content_that_returns_to_what_it_was_is_a_change(days: Days) -> None:
    """A hash of the bytes must be that of the last file, not of any before."""
    waiting = an_order(SHIRT, updated_at=None)
    arranged = an_order(replace(SHIRT, stage=AWAITING_COLLECTION), updated_at=None)

    heard = [days.hears(order)[0] for order in (waiting, arranged, waiting, waiting, arranged)]

    assert [each.split()[0] for each in heard] == ["CREATED", "UPDATED", "UPDATED", "UNCHANGED", "UPDATED"]
    assert days.packages == {"8001": ("AWAITING_COLLECTION", 1, 0)}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (an_order(SHIRT, HAT), ["7001", "2", "1"]),
        (an_order(SHIRT, SHIRT, SHIRT, HAT), ["7001", "2", "3"]),
        (an_order(SHIRT, SHIRT), ["7002", "1", "0"]),
        (an_order(SHIRT, replace(SHIRT, is_gift=True), HAT), ["7001"]),
        (an_order(SHIRT, replace(SHIRT, price=1100), HAT), ["7001"]),
        (an_order(SHIRT, SHIRT, HAT, market=MARKETS[1]), ["THB", "GBP"]),
    ],
    ids=["fewer units", "more units", "an item less", "a gift now", "another price", "another currency"],
)
def test_other_units_are_another_order(days: Days, changed: MarketOrder, words: list[str]) -> None:
    days.hears(an_order(SHIRT, SHIRT, HAT))
    before = days.intake.dumps()

    [result] = days.intake.imports([document(changed)])

    assert said(result) == "REJECTED NUMBER_TAKEN"
    assert [word for word in words if word not in result.problems[0].message] == []
    assert days.intake.dumps() == before


def test_amounts_of_the_whole_order_stay_what_they_were(days: Days) -> None:
    first = an_order(SHIRT, SHIRT, shipping_fee=500)
    days.hears(first)

    heard = days.hears(replace(first, shipping_fee=700), minutes=1)
    again = days.hears(replace(first, shipping_fee=700), minutes=1)

    assert (heard, again) == (("UNCHANGED", []), ("UNCHANGED", []))
    assert (days.order.total, days.order.shipping_fee, days.order.version) == (2500, 500, 1)


def test_a_number_twice_in_a_file_is_judged_like_a_second_run(days: Days) -> None:
    first = an_order(SHIRT, SHIRT)
    later = replace(an_order(SHIRT, by_buyer(SHIRT)), updated_at=1_790_099_999)

    results = days.intake.imports([document(order) for order in (first, later, later, first)])

    assert [said(result) for result in results] == [
        "CREATED",
        "UPDATED CANCELLED_THERE",
        "UNCHANGED",
        "UNCHANGED OLDER",
    ]
    assert [item.cancelled_quantity for item in days.order.items] == [1]


def test_what_is_older_changes_nothing_even_after_a_later_time_of_the_same(days: Days) -> None:
    first = an_order(SHIRT, SHIRT)
    days.hears(first)

    later = days.hears(first, minutes=10)
    older = days.hears(an_order(SHIRT, by_buyer(SHIRT)), minutes=5)
    newer = days.hears(an_order(SHIRT, by_buyer(SHIRT)), minutes=10)

    assert (later[0], older) == ("UNCHANGED", ("UNCHANGED OLDER", []))
    assert newer[0] == "UPDATED CANCELLED_THERE"


# Cancelled there


@pytest.mark.parametrize(
    ("after", "scope", "gone"),
    [
        ((by_buyer(SHIRT), SHIRT, HAT), "ITEMS", 1000),
        ((by_buyer(SHIRT), by_buyer(SHIRT), HAT), "PACKAGE", 2000),
        ((by_buyer(SHIRT), SHIRT, by_buyer(HAT)), "ITEMS", 3500),
        (tuple(by_buyer(unit) for unit in (SHIRT, SHIRT, HAT)), "ORDER", 4500),
    ],
    ids=["a unit", "a package", "a package and a unit", "everything"],
)
@pytest.mark.parametrize("stage", [AWAITING_SHIPMENT, AWAITING_COLLECTION, IN_TRANSIT])
def test_units_cancelled_there_are_one_cancellation_here(
    days: Days, stage: str, after: tuple[Unit, ...], scope: str, gone: int
) -> None:
    """Whatever stage they were in: it has happened."""
    days.hears(an_order(*(replace(unit, stage=stage) for unit in (SHIRT, SHIRT, HAT)), shipping_fee=500))
    days.happened()

    outcome, events = days.hears(an_order(*(replace(each, stage=stage) for each in after), shipping_fee=500), minutes=1)

    [made] = days.made
    total = gone + (500 if scope == "ORDER" else 0)
    assert outcome.startswith("UPDATED CANCELLED_THERE")
    assert events[0] == "ITEMS_CANCELLED"
    assert events[-1] == "ORDER_UPDATED"
    assert (made.scope.name, made.reason.name, made.note) == (scope, "BUYER_REQUESTED", "No longer needed")
    assert (made.refund_status.name, made.notification.status.name) == ("SUCCEEDED", "NOT_NEEDED")
    assert (made.breakdown.total, made.idempotency_key) == (total, "import 9001 1")
    assert days.money == (5000, total, 0, 0)
    assert days.order.version == 2


@pytest.mark.parametrize(
    ("who", "why", "reason"),
    [
        ("BUYER", "Out of stock", "BUYER_REQUESTED"),
        ("SELLER", "Out of stock", "OUT_OF_STOCK"),
        ("SELLER", "Item is OUT OF STOCK now", "OUT_OF_STOCK"),
        ("SELLER", "Pricing error", "PRICING_ERROR"),
        ("SELLER", "Wrong price", "PRICING_ERROR"),
        ("SELLER", "Unable to deliver to buyer address", "UNDELIVERABLE_ADDRESS"),
        ("SELLER", "We are on holiday", "OTHER"),
        ("SYSTEM", "Package lost", "OTHER"),
        ("", "", "OTHER"),
    ],
)
def test_the_reason_is_read_from_who_and_why(days: Days, who: str, why: str, reason: str) -> None:
    days.hears(an_order(SHIRT, SHIRT))

    gone = replace(SHIRT, is_cancelled=True, cancelled_by=who, cancelled_why=why)
    days.hears(an_order(SHIRT, gone), minutes=1)

    [made] = days.made
    assert (made.reason.name, made.note) == (reason, why or None)


def test_the_reason_of_most_units_counts_and_all_words_are_kept(days: Days) -> None:
    days.hears(an_order(SHIRT, SHIRT, SHIRT, SHIRT))

    gone = [by_buyer(SHIRT), by_seller(SHIRT), by_seller(SHIRT)]
    days.hears(an_order(SHIRT, *gone), minutes=1)

    [made] = days.made
    assert made.reason.name == "OUT_OF_STOCK"
    assert made.note
    assert "No longer needed" in made.note
    assert "Out of stock" in made.note


def test_what_was_cancelled_here_first_is_not_cancelled_again(days: Days) -> None:
    days.hears(an_order(SHIRT, SHIRT, HAT))
    intake = days.intake
    intake.run(cancel_well(intake.database, intake.shop, a_request(selected(days.order, ("7001", 1)))))
    days.happened()

    told_live = days.hears(an_order(SHIRT, SHIRT, HAT, name="Bea Buyer"), minutes=1)
    told_gone = days.hears(an_order(SHIRT, by_seller(SHIRT), HAT, name="Bea Buyer"), minutes=2)
    told_more = days.hears(an_order(*[by_seller(SHIRT)] * 2, HAT, name="Bea Buyer"), minutes=3)

    assert told_live == ("UPDATED CANCELLED_HERE_ONLY DETAILS", ["ORDER_UPDATED"])
    assert told_gone == ("UNCHANGED", [])
    assert told_more[0] == "UPDATED CANCELLED_THERE"
    assert [(made.breakdown.total, made.refund_status.name, made.actor) for made in days.made] == [
        (1000, "PENDING", "seller@desk-1"),
        (1000, "SUCCEEDED", "import"),
    ]


def test_payment_and_cancellation_told_together_count_in_that_order(days: Days) -> None:
    unpaid = an_order(SHIRT, SHIRT, HAT, set_to="UNPAID", paid_at=None)
    days.hears(unpaid)

    taken_off = days.hears(replace(unpaid, units=(by_buyer(SHIRT), SHIRT, HAT)), minutes=1)
    at_first = days.money
    paid = replace(unpaid, units=(*[by_buyer(SHIRT)] * 2, HAT), set_to=None, paid_at=1_790_020_000)
    given_back = days.hears(paid, minutes=2)

    assert taken_off[0] == "UPDATED CANCELLED_THERE"
    assert given_back[0].startswith("UPDATED CANCELLED_THERE")
    assert at_first == (0, 0, 1000, 0)
    assert days.money == (3500, 1000, 1000, 0)
    assert [made.refund_status.name for made in days.made] == ["NOT_NEEDED", "SUCCEEDED"]


def test_at_the_door_what_is_cancelled_with_the_payment_is_taken_off(days: Days) -> None:
    door = an_order(SHIRT, SHIRT, HAT, is_cod=True, paid_at=None)
    days.hears(door)
    due = days.money
    delivered = [replace(unit, stage=DELIVERED) for unit in (SHIRT, HAT)]

    gone = by_buyer(SHIRT)
    days.hears(replace(door, units=(gone, *delivered), paid_at=1_790_030_000), minutes=1)
    after = days.money
    days.hears(replace(door, units=(gone, gone, delivered[1]), paid_at=1_790_030_000), minutes=2)

    assert due == (0, 0, 0, 4500)
    assert after == (3500, 0, 1000, 0)
    assert days.money == (3500, 1000, 1000, 0)
    assert [made.refund_status.name for made in days.made] == ["NOT_NEEDED", "SUCCEEDED"]


def test_neither_a_release_nor_a_delivery_pays_at_the_door(days: Days) -> None:
    door = an_order(SHIRT, set_to="ON_HOLD", is_cod=True, paid_at=None)
    days.hears(door)

    days.intake.run(set_status(days.intake.database, days.intake.shop, days.order, OrderStatus.AWAITING_SHIPMENT))
    days.hears(an_order(replace(SHIRT, stage=DELIVERED), is_cod=True, paid_at=None), minutes=1)

    assert days.money == (0, 0, 0, 1000)
    assert (days.order.is_paid, days.order.status.name) == (False, "DELIVERED")


# Repacked


def test_a_made_package_takes_the_number_that_its_units_get(days: Days) -> None:
    days.hears(an_order(LOOSE, LOOSE, market=US))
    before = days.order.packages
    days.happened()

    shipped = replace(LOOSE, package="8001", stage=IN_TRANSIT, carrier="Swift", tracking_number="TRK-1")
    outcome, events = days.hears(an_order(shipped, shipped, market=US), minutes=1)

    [package] = days.order.packages
    assert outcome.startswith("UPDATED")
    assert events == [
        "PACKAGE_STATUS_CHANGED 8001 AWAITING_SHIPMENT IN_TRANSIT",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT IN_TRANSIT",
        "ORDER_UPDATED",
    ]
    assert [each.position for each in before] == [package.position]
    assert (package.number, package.carrier, package.tracking_number) == ("8001", "Swift", "TRK-1")


def test_units_without_a_package_move_on_in_the_made_one(days: Days) -> None:
    days.hears(an_order(LOOSE, LOOSE, market=US))
    days.happened()

    shipped = replace(LOOSE, stage=IN_TRANSIT)
    part = days.hears(an_order(LOOSE, shipped, market=US), minutes=1)
    between = days.packages
    whole = days.hears(an_order(shipped, shipped, market=US), minutes=2)

    assert part[1] == [
        "PACKAGE_SPLIT 9001-1 9001-2",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT PARTIALLY_SHIPPING",
        "ORDER_UPDATED",
    ]
    assert between == {"9001-1": ("AWAITING_SHIPMENT", 1, 0), "9001-2": ("IN_TRANSIT", 1, 0)}
    assert whole[1][-2:] == ["ORDER_STATUS_CHANGED PARTIALLY_SHIPPING IN_TRANSIT", "ORDER_UPDATED"]
    assert {status for status, units, _ in days.packages.values() if units} == {"IN_TRANSIT"}


def test_a_package_that_loses_its_last_unit_is_cancelled_and_kept(days: Days) -> None:
    days.hears(an_order(SHIRT, HAT))
    days.happened()

    outcome, events = days.hears(an_order(SHIRT, replace(HAT, package="8001")), minutes=1)

    assert outcome == "UPDATED REPACKED"
    assert events == [
        "PACKAGE_SPLIT 8002 8001",
        "PACKAGE_STATUS_CHANGED 8002 AWAITING_SHIPMENT CANCELLED",
        "ORDER_UPDATED",
    ]
    assert days.packages == {"8001": ("AWAITING_SHIPMENT", 2, 0), "8002": ("CANCELLED", 0, 0)}
    days.intake.checks()


def test_units_repacked_there_move_and_what_was_split_here_stays(days: Days) -> None:
    days.hears(an_order(SHIRT, SHIRT, HAT, HAT))
    intake = days.intake
    intake.run(split(intake.database, intake.shop, days.order, "8002", ("7002", 1)))
    days.happened()

    outcome, events = days.hears(an_order(SHIRT, replace(SHIRT, package="8003"), HAT, HAT), minutes=1)

    assert outcome == "UPDATED REPACKED"
    assert events == ["PACKAGE_SPLIT 8001 8003", "ORDER_UPDATED"]
    assert days.packages == {
        "8001": ("AWAITING_SHIPMENT", 1, 0),
        "8002": ("AWAITING_SHIPMENT", 1, 0),
        "8002-2": ("AWAITING_SHIPMENT", 1, 0),
        "8003": ("AWAITING_SHIPMENT", 1, 0),
    }


def test_shipped_units_never_move_into_a_package_that_is_behind(days: Days) -> None:
    days.hears(an_order(replace(SHIRT, stage=IN_TRANSIT), HAT))
    days.happened()

    outcome, events = days.hears(an_order(replace(SHIRT, package="8002"), HAT), minutes=1)

    assert outcome == "UPDATED NOT_TAKEN_OVER"
    assert events == ["ORDER_UPDATED"]
    assert days.packages == {"8001": ("IN_TRANSIT", 1, 0), "8002": ("AWAITING_SHIPMENT", 1, 0)}
    assert days.order.version == 1


# Moved on


def test_several_steps_are_one_event(days: Days) -> None:
    days.hears(an_order(SHIRT, SHIRT))
    days.happened()

    delivered = replace(SHIRT, stage=DELIVERED)
    _, events = days.hears(an_order(delivered, delivered, set_to="COMPLETED"), minutes=1)

    assert events == [
        "PACKAGE_STATUS_CHANGED 8001 AWAITING_SHIPMENT DELIVERED",
        "ORDER_STATUS_CHANGED AWAITING_SHIPMENT COMPLETED",
        "ORDER_UPDATED",
    ]
    assert days.order.version == 3


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (IN_TRANSIT, AWAITING_COLLECTION),
        (IN_TRANSIT, AWAITING_SHIPMENT),
        (DELIVERED, IN_TRANSIT),
        (DELIVERED, AWAITING_SHIPMENT),
    ],
)
def test_ways_back_are_left_alone(days: Days, before: str, now: str) -> None:
    days.hears(an_order(replace(SHIRT, stage=before)))
    days.happened()

    outcome, events = days.hears(an_order(replace(SHIRT, stage=now)), minutes=1)

    assert (outcome, events) == ("UPDATED NOT_TAKEN_OVER", ["ORDER_UPDATED"])
    assert days.packages == {"8001": (before, 1, 0)}


def test_a_package_moved_here_stays_until_the_marketplace_moves_it(days: Days) -> None:
    intake = days.intake
    days.hears(an_order(SHIRT, HAT))
    intake.run(move(intake.database, intake.shop, days.order, "8001", PackageStatus.AWAITING_COLLECTION))

    days.hears(an_order(SHIRT, replace(HAT, stage=IN_TRANSIT)), minutes=1)
    untouched = days.packages
    days.hears(an_order(replace(SHIRT, stage=IN_TRANSIT), replace(HAT, stage=IN_TRANSIT)), minutes=2)

    assert untouched == {"8001": ("AWAITING_COLLECTION", 1, 0), "8002": ("IN_TRANSIT", 1, 0)}
    assert days.packages == {"8001": ("IN_TRANSIT", 1, 0), "8002": ("IN_TRANSIT", 1, 0)}


def test_an_order_is_held_and_released_but_never_unpaid_again(days: Days) -> None:
    free, held = an_order(SHIRT), an_order(SHIRT, set_to="ON_HOLD")
    days.hears(free)
    days.happened()

    told = [
        days.hears(order, minutes)
        for minutes, order in enumerate((held, free, an_order(SHIRT, set_to="UNPAID")), start=1)
    ]

    assert [outcome for outcome, _ in told] == [
        "UPDATED ORDER_STATUS",
        "UPDATED ORDER_STATUS",
        "UPDATED NOT_TAKEN_OVER",
    ]
    assert told[0][1] == ["ORDER_STATUS_CHANGED AWAITING_SHIPMENT ON_HOLD", "ORDER_UPDATED"]
    assert told[1][1] == ["ORDER_STATUS_CHANGED ON_HOLD AWAITING_SHIPMENT", "ORDER_UPDATED"]
    assert (days.order.status.name, days.order.is_paid, days.order.version) == ("AWAITING_SHIPMENT", True, 3)


def test_an_order_held_here_stays_so_when_it_is_paid_there(days: Days) -> None:
    """The marketplace has said nothing of a hold."""
    unpaid = an_order(SHIRT, set_to="UNPAID", paid_at=None)
    days.hears(unpaid)
    days.intake.run(set_status(days.intake.database, days.intake.shop, days.order, OrderStatus.ON_HOLD))

    outcome, _ = days.hears(replace(unpaid, set_to=None, paid_at=1_790_020_000), minutes=1)

    assert outcome.split()[0] == "UPDATED"
    assert (days.order.status.name, days.order.is_paid) == ("ON_HOLD", True)


# Details


def test_details_alone_raise_the_version_once(days: Days) -> None:
    first = an_order(SHIRT)
    days.hears(first)
    days.happened()

    told = days.hears(replace(first, name="Bea Buyer", email="bea@example.com", ship_by=1_790_200_000), minutes=1)

    assert told == ("UPDATED DETAILS", ["ORDER_UPDATED"])
    assert (days.order.version, days.order.buyer.name, days.order.buyer.email) == (2, "Bea Buyer", "bea@example.com")
    assert days.order.ship_by
    assert days.order.ship_by.timestamp() == 1_790_200_000


@pytest.mark.parametrize(("name", "email"), [("B** B***", "b***@example.com"), ("", "")], ids=["masked", "empty"])
def test_a_masked_contact_never_replaces_a_usable_one(days: Days, name: str, email: str) -> None:
    first = an_order(SHIRT)
    days.hears(first)

    told = days.hears(replace(first, name=name, email=email), minutes=1)

    assert told[0] == "UNCHANGED"
    assert (days.order.buyer.name, days.order.buyer.email) == ("Ada Buyer", "ada@example.com")
