"""The tables of docs/rules.md agree with the pure rules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypeVar

import pytest

from domain import retention
from domain.intake.check import normalise
from domain.intake.tiktok import cancelled, units, wire
from domain.rules import new_order, texts
from domain.rules.eligibility import UNLOCKS, Verdict, eligibility
from domain.rules.order import Order, OrderItem, Pick
from domain.rules.order_input import Incoming, OrderInput, PackageInput, PackageItemInput
from domain.rules.refunds import refund_breakdown
from domain.rules.status import ORDER_TRANSITIONS, PACKAGE_TRANSITIONS, REFUND_TRANSITIONS, is_paid, order_status
from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    NotCancellableReason,
    OrderStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)
from domain.storage import outbox
from tests.docs.pages import ROOT, read, tables
from tests.support.builders import PLACED_AT, a_package, after, an_item, an_order
from tests.support.stored import a_package_input, an_item_input, an_order_input

Status = TypeVar("Status", PackageStatus, OrderStatus, RefundStatus)

PAGE = "docs/rules.md"
ELIGIBILITY, REASONS, *_ = tables(PAGE, "What may be cancelled")
SHARES, POLICIES, PAID = tables(PAGE, "What is owed")
*_, PROMISED = tables(PAGE, "What is promised")
TRANSITIONS, DERIVED = tables(PAGE, "What moves to what")
*_, PROBLEMS, LIMITS = tables(PAGE, "Orders that come in")
WORDS, WHYS = tables(PAGE, "Orders in the marketplace's format")


def numbers(cell: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", cell.replace(", ", " "))]


def one_package(status: str) -> Order:
    """An order in this status, as "order UNPAID" or "package DELIVERED"."""
    of, name = status.split()
    package = a_package(1, PackageStatus[name] if of == "package" else PackageStatus.AWAITING_SHIPMENT, units={1: 2})
    return an_order(an_item(quantity=2), packages=(package,), status=OrderStatus[name] if of == "order" else None)


def spread_over(statuses: Sequence[PackageStatus], status: OrderStatus | None = None) -> Order:
    """An order of one item that has a unit in a package of each status."""
    packages = tuple(a_package(n, each, units={1: 1}) for n, each in enumerate(statuses, 1))
    return an_order(an_item(quantity=len(statuses)), packages=packages, status=status)


def answer(verdict: Verdict) -> str:
    return verdict.reason.name if verdict.reason else "yes"


@pytest.mark.parametrize("row", ELIGIBILITY, ids=lambda row: row[0])
def test_each_status_allows_what_the_page_says(row: list[str]) -> None:
    status, *answers = row

    verdicts = eligibility(one_package(status))

    assert [answer(each) for each in (verdicts.items[1], verdicts.packages[1], verdicts.order)] == answers


def test_the_page_has_every_status_that_decides() -> None:
    statuses = ["order UNPAID", "order ON_HOLD", *(f"package {status.name}" for status in PackageStatus)]

    assert [status for status, *_ in ELIGIBILITY] == statuses


def test_of_several_reasons_the_first_of_the_page_is_given() -> None:
    [listed] = re.findall(r"the first of these is given: ([A-Z_, ]+)", read(PAGE).replace("\n", " "))
    statuses = [PackageStatus.IN_TRANSIT, PackageStatus.AWAITING_COLLECTION, PackageStatus.CANCELLED]
    orders = [
        spread_over(statuses, OrderStatus.UNPAID),
        spread_over(statuses, OrderStatus.ON_HOLD),
        spread_over(statuses),
        spread_over(statuses[1:]),
        spread_over(statuses[2:]),
    ]

    reasons = [answer(eligibility(order).items[1]) for order in orders]

    assert reasons == listed.split(", ")
    assert sorted(reasons) == sorted(NotCancellableReason.__members__)


def test_each_reason_unlocks_what_the_page_says() -> None:
    unlocks = [
        [reason.name, *("yes" if scope in UNLOCKS[reason] else "no" for scope in CancellationScope)]
        for reason in CancellationReason
    ]

    assert unlocks == REASONS


def given_back(
    item: OrderItem, steps: Iterable[int], *, shipping_fee: int = 0, policy: str = "NEVER"
) -> list[list[int]]:
    """What each step gives back for the units and for shipping."""
    order = an_order(item, shipping_fee=shipping_fee, policy=ShippingRefundPolicy[policy])
    found = []
    for quantity in steps:
        breakdown = refund_breakdown(order, [Pick(1, 1, quantity)])
        found.append([breakdown.total - breakdown.shipping_fee, breakdown.shipping_fee])
        order = after(order, Pick(1, 1, quantity))
    return found


@pytest.mark.parametrize("row", SHARES, ids=" ".join)
def test_each_vector_gives_back_what_the_page_says(row: list[str]) -> None:
    [subtotal], discounts, [quantity], steps, expected = map(numbers, row)
    item = an_item(quantity=quantity, subtotal=subtotal, seller_discount=discounts[0], platform_discount=discounts[1])

    assert [units for units, _ in given_back(item, steps)] == expected


def test_each_policy_gives_shipping_back_as_the_page_says() -> None:
    item = an_item(quantity=3, subtotal=3000)

    shipping = {
        policy.name: [fee for _, fee in given_back(item, [1, 1, 1], shipping_fee=500, policy=policy.name)]
        for policy in ShippingRefundPolicy
    }

    assert shipping == {policy: numbers(example) for policy, _, example in POLICIES}


@pytest.mark.parametrize(("comes_in", "in_advance", "at_door"), PAID)
def test_an_order_comes_in_paid_where_the_page_says(comes_in: str, in_advance: str, at_door: str) -> None:
    status, told = comes_in.split(", ")
    others = [each for each in OrderStatus if each.name not in {"UNPAID", "CANCELLED"}]
    paid_at = {"without `paidAt`": None, "with `paidAt`": PLACED_AT}[told]

    found = {
        tuple(is_paid(each, paid_at, collect_on_delivery=is_collected) for is_collected in (False, True))
        for each in (others if status == "otherwise" else [OrderStatus[status]])
    }

    assert found == {(in_advance == "yes", at_door == "yes")}


def moves_of(what: str, transitions: Mapping[Status, frozenset[Status]]) -> set[tuple[str, str, str]]:
    return {(what, start.name, to.name) for start, ends in transitions.items() for to in ends}


def test_everything_moves_where_the_page_says() -> None:
    moves = {
        *moves_of("package", PACKAGE_TRANSITIONS),
        *moves_of("order", ORDER_TRANSITIONS),
        *moves_of("refund", REFUND_TRANSITIONS),
    }

    assert moves == {(what, start, to) for what, start, ends in TRANSITIONS for to in ends.split(", ")}


LIVE = [status for status in PackageStatus if status is not PackageStatus.CANCELLED]
MIXES = [mix for size in range(len(LIVE) + 1) for mix in combinations(LIVE, size)]


def derived(mix: Sequence[PackageStatus]) -> str:
    """The status that the page gives an order whose live packages have these statuses."""
    page, names = dict(DERIVED), " and ".join(status.name for status in mix)
    rule = {0: "none", 1: "all in one status"}.get(len(mix), names if names in page else "any other mix")
    return page[rule].replace("that status", names)


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "+".join(status.name for status in mix) or "none")
def test_an_order_has_the_status_that_the_page_derives(mix: Sequence[PackageStatus]) -> None:
    packages = tuple(a_package(n, status, units={1: 1}) for n, status in enumerate(mix, 1))

    assert order_status(OrderStatus.AWAITING_SHIPMENT, packages).name == derived(mix)


PACKED = an_order_input("1", packages=(a_package_input("A", dress=3),))
TWO = an_order_input("1", an_item_input("a"), an_item_input("b"))
REFUSED = {
    "an order without items": replace(PACKED, items=()),
    "a package without items": replace(PACKED, packages=(*(PACKED.packages or ()), a_package_input("B"))),
    "a quantity below 1": an_order_input("1", an_item_input(quantity=0)),
    "packages that do not hold exactly the units of each item": replace(
        PACKED, packages=(a_package_input("A", dress=2),)
    ),
    "more cancelled units than a package holds": replace(
        PACKED, packages=(PackageInput("A", PackageStatus.AWAITING_SHIPMENT, (PackageItemInput("dress", 3, 4),)),)
    ),
    "a package item with an unknown `ref`": replace(PACKED, packages=(a_package_input("A", scarf=3),)),
    "a `ref` twice in one package": replace(
        PACKED, packages=tuple(replace(each, items=each.items * 2) for each in PACKED.packages or ())
    ),
    "parts that do not sum to the total": replace(PACKED, total="1.00"),
    "a negative amount": replace(PACKED, shipping_fee="-1.00"),
    "too many decimals": replace(PACKED, shipping_fee="0.001"),
    "discounts above the subtotal": an_order_input("1", an_item_input(seller_discount="30.01")),
    "an unknown currency": replace(PACKED, currency="XXX1"),
    "two items with one `ref`": replace(TWO, items=(TWO.items[0], replace(TWO.items[1], ref="a"))),
    "two packages with one number": replace(
        PACKED, packages=(a_package_input("A", dress=1), a_package_input("A", dress=2))
    ),
    "a control character": an_order_input("1", an_item_input(sku="\x00")),
    "more than a limit allows": an_order_input("1" * (texts.LONGEST_NUMBER + 1)),
}


def code(given: OrderInput) -> str:
    """The code of the first problem with it."""
    refused = normalise(Incoming(given))
    assert isinstance(refused, tuple)
    return refused[0].code.name


def test_each_problem_of_an_order_has_the_code_of_the_page() -> None:
    codes = {problem: code(given) for problem, given in REFUSED.items()}

    assert codes == {problem: listed for listed, problems in PROBLEMS for problem in problems.split("; ")}


def test_the_limits_are_those_of_the_page() -> None:
    limits = {
        "items": new_order.MOST_ITEMS,
        "package items": new_order.MOST_PACKAGE_ITEMS,
        "fees": new_order.MOST_FEES,
        "units of an item": new_order.MOST_UNITS,
        "characters of a name": texts.LONGEST_TEXT,
        "characters of a number": texts.LONGEST_NUMBER,
        "characters of a number made from another one": texts.LONGEST_MADE_NUMBER,
        "characters of an image's address": texts.LONGEST_URL,
        "line items in the marketplace's format": wire.MOST_LINES,
    }

    assert limits == {name: numbers(limit)[0] for name, limit in LIMITS}


def test_the_words_of_the_marketplace_are_those_of_the_page() -> None:
    of_packages = {(word, status) for by_package, _, status in WORDS for word in by_package.split(", ")}
    shown = {(word, status) for _, by_unit, status in WORDS for word in by_unit.split(", ")}

    assert of_packages == {(word, status.name) for word, status in units.PACKAGE_STATUSES.items()}
    assert shown == {(word, status.name) for word, status in units.DISPLAY_STATUSES.items() if status}
    assert [word for word, status in units.DISPLAY_STATUSES.items() if not status] == ["PARTIALLY_SHIPPING"]


def test_what_the_seller_said_is_the_reason_that_the_page_says() -> None:
    reasons = [(f'the seller\'s words hold "{part}"', reason.name) for part, reason in cancelled.REASONS.items()]

    assert [tuple(row) for row in WHYS[1:-1]] == reasons


def test_keys_and_mails_are_kept_as_long_as_the_page_says() -> None:
    promised = {name: numbers(limit)[0] for name, limit in PROMISED}

    assert promised["days that a key is kept at least"] == retention.KEEP_KEYS.days
    assert promised["hours until a mail is too old"] == outbox.GIVE_UP_AFTER.total_seconds() / 3600


def test_every_heading_that_the_code_cites_exists() -> None:
    headings = set(re.findall(r"^## (.+)$", read(PAGE), re.MULTILINE))
    files = [file for package in ("api", "domain") for file in (ROOT / package).rglob("*.py")]
    texts_of_files = (re.sub(r"[\s#]+", " ", file.read_text()) for file in files)
    citations = [
        cited for text in texts_of_files for cited in re.findall(r'docs/rules\.md((?:,?(?: and)? "[^"]+")+)', text)
    ]

    assert {heading for cited in citations for heading in re.findall(r'"([^"]+)"', cited)} <= headings
