"""The state of each unit of a marketplace's order is its own."""

import pytest

from domain.intake.tiktok.units import DISPLAY_STATUSES, PACKAGE_STATUSES
from domain.rules.order import ImportNote
from domain.rules.order_input import PackageInput, PackageItemInput
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus
from tests.support.in_id import in_id
from tests.support.marketplace import Json, a_line, a_marketplace_order, refusals, translated

WAITING = PackageStatus.AWAITING_SHIPMENT
ARRANGED = PackageStatus.AWAITING_COLLECTION
MOVING = PackageStatus.IN_TRANSIT
DELIVERED = PackageStatus.DELIVERED
CANCELLED = PackageStatus.CANCELLED

DISPLAYED = [
    ("UNPAID", WAITING),
    ("ON_HOLD", WAITING),
    ("AWAITING_SHIPMENT", WAITING),
    ("AWAITING_COLLECTION", ARRANGED),
    ("IN_TRANSIT", MOVING),
    ("DELIVERED", DELIVERED),
    ("COMPLETED", DELIVERED),
    ("CANCELLED", CANCELLED),
]
OF_PACKAGES = [
    ("TO_FULFILL", WAITING),
    ("PROCESSING", ARRANGED),
    ("FULFILLING", MOVING),
    ("COMPLETED", DELIVERED),
    ("CANCELLED", CANCELLED),
]


def statuses(order: Json) -> list[PackageStatus]:
    return [package.status for package in translated(order).order.packages or ()]


def conflicts(order: Json) -> list[str]:
    return [note.message for note in translated(order).notes if note.code is ImportNoteCode.STATUS_CONFLICT]


@pytest.mark.parametrize(("word", "status"), DISPLAYED)
@pytest.mark.parametrize("package", [{}, {"package_id": "A"}], ids=["no package", "package"])
@pytest.mark.parametrize("of_order", ["AWAITING_SHIPMENT", "PARTIALLY_SHIPPING", "IN_TRANSIT"])
def test_a_unit_has_the_status_that_it_shows(word: str, status: PackageStatus, package: Json, of_order: str) -> None:
    order = a_marketplace_order(a_line(display_status=word, **package), status=of_order)

    assert statuses(order) == [status]
    assert conflicts(order) == []


@pytest.mark.parametrize(("word", "status"), OF_PACKAGES)
@pytest.mark.parametrize("package", [{}, {"package_id": "A"}], ids=["no package", "package"])
@pytest.mark.parametrize("shown", [{}, {"display_status": ""}, {"display_status": "PARTIALLY_SHIPPING"}], ids=str)
def test_a_unit_has_the_status_of_its_package(word: str, status: PackageStatus, package: Json, shown: Json) -> None:
    order = a_marketplace_order(a_line(package_status=word, **package, **shown), status="PARTIALLY_SHIPPING")

    assert statuses(order) == [status]
    assert conflicts(order) == []


@pytest.mark.parametrize(
    ("of_order", "status"), [(name, status) for name, status in DISPLAYED if name in OrderStatus.__members__]
)
@pytest.mark.parametrize(
    "silent", [{}, {"display_status": None, "package_status": " "}, {"display_status": "PARTIALLY_SHIPPING"}], ids=str
)
def test_a_unit_that_says_nothing_has_the_orders_status(of_order: str, status: PackageStatus, silent: Json) -> None:
    assert statuses(a_marketplace_order(a_line(package_id="A", **silent), status=of_order)) == [status]


@pytest.mark.parametrize("silent", [{}, {"display_status": "PARTIALLY_SHIPPING"}], ids=str)
def test_a_unit_that_says_nothing_is_refused_where_the_order_says_nothing_either(silent: Json) -> None:
    order = a_marketplace_order(a_line(display_status="IN_TRANSIT"), a_line(**silent), status="PARTIALLY_SHIPPING")

    what = "has no status of its own, and PARTIALLY_SHIPPING says nothing of a single unit"
    assert refusals(order) == [("INVALID_VALUE", f"line_items.1 {what}.")]


@pytest.mark.parametrize(
    ("shown", "of_package", "status"),
    [
        ("AWAITING_SHIPMENT", "FULFILLING", MOVING),
        ("IN_TRANSIT", "TO_FULFILL", MOVING),
        ("AWAITING_COLLECTION", "TO_FULFILL", ARRANGED),
        ("AWAITING_SHIPMENT", "PROCESSING", ARRANGED),
        ("ON_HOLD", "PROCESSING", ARRANGED),
        ("IN_TRANSIT", "COMPLETED", DELIVERED),
        ("COMPLETED", "FULFILLING", DELIVERED),
    ],
)
def test_the_more_advanced_of_two_statuses_counts_and_is_noted(
    shown: str, of_package: str, status: PackageStatus
) -> None:
    order = a_marketplace_order(a_line(package_id="A", display_status=shown, package_status=of_package))
    named, displayed = dict(OF_PACKAGES)[of_package].name, dict(DISPLAYED)[shown].name

    assert statuses(order) == [status]
    assert translated(order).notes == (
        ImportNote(
            ImportNoteCode.STATUS_CONFLICT,
            f"line_items.0 is {named} by package_status but {displayed} by display_status: {status.name} counts.",
        ),
    )


@pytest.mark.parametrize(
    ("shown", "of_package"),
    [
        ("UNPAID", "TO_FULFILL"),
        ("ON_HOLD", "TO_FULFILL"),
        ("AWAITING_SHIPMENT", "TO_FULFILL"),
        ("AWAITING_COLLECTION", "PROCESSING"),
        ("IN_TRANSIT", "FULFILLING"),
        ("DELIVERED", "COMPLETED"),
        ("COMPLETED", "COMPLETED"),
        ("CANCELLED", "FULFILLING"),
        ("DELIVERED", "CANCELLED"),
    ],
)
def test_two_words_for_one_status_are_no_conflict(shown: str, of_package: str) -> None:
    line = a_line(package_id="A", display_status=shown, package_status=of_package)

    assert conflicts(a_marketplace_order(line)) == []


def test_conflicts_of_one_kind_are_one_note() -> None:
    line = a_line(display_status="DELIVERED", package_status="FULFILLING")
    other = a_line(display_status="IN_TRANSIT", package_status="PROCESSING")

    assert conflicts(a_marketplace_order(line, other, line, line)) == [
        ("line_items.0 is IN_TRANSIT by package_status but DELIVERED by display_status: DELIVERED counts (2 more)."),
        "line_items.1 is AWAITING_COLLECTION by package_status but IN_TRANSIT by display_status: IN_TRANSIT counts.",
    ]


@pytest.mark.parametrize(
    "words",
    [
        {"display_status": "CANCELLED"},
        {"package_status": "CANCELLED"},
        {"display_status": "CANCELLED", "package_status": "CANCELLED"},
        {"display_status": "CANCELLED", "package_status": "FULFILLING"},
        {"display_status": "IN_TRANSIT", "package_status": "CANCELLED"},
    ],
    ids=str,
)
def test_a_unit_is_cancelled_if_one_of_its_words_says_so(words: Json) -> None:
    order = a_marketplace_order(a_line(package_id="A"), a_line(package_id="A", **words))

    assert translated(order).order.packages == (PackageInput("A", WAITING, (PackageItemInput("1", 2, 1),)),)


@pytest.mark.parametrize(
    "words", [{}, {"display_status": "IN_TRANSIT", "package_status": "TO_FULFILL"}], ids=["silent", "live"]
)
def test_every_unit_of_a_cancelled_order_is_cancelled(words: Json) -> None:
    order = a_marketplace_order(a_line(package_id="A", **words), a_line(), status="CANCELLED")

    assert statuses(order) == [CANCELLED, CANCELLED]
    assert conflicts(order) == []


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (
            {"package_status": "LOST"},
            [
                (
                    "line_items.0.package_status must be one of TO_FULFILL, PROCESSING, FULFILLING, COMPLETED,"
                    ' CANCELLED, not "LOST".'
                )
            ],
        ),
        (
            {"display_status": "LOST", "package_status": "TO_FULFILL"},
            [
                (
                    "line_items.0.display_status must be one of UNPAID, ON_HOLD, AWAITING_SHIPMENT, PARTIALLY_SHIPPING,"
                    ' AWAITING_COLLECTION, IN_TRANSIT, DELIVERED, COMPLETED, CANCELLED, not "LOST".'
                )
            ],
        ),
        (
            {"display_status": "IN_TRANSIT", "package_status": "AWAITING_\0" + "x" * 1_000_000},
            [
                (
                    "line_items.0.package_status must be one of TO_FULFILL, PROCESSING, FULFILLING, COMPLETED,"
                    f' CANCELLED, not "AWAITING_ {"x" * 39}…".'
                )
            ],
        ),
        (
            {"display_status": "A", "package_status": "B"},
            [
                (
                    "line_items.0.package_status must be one of TO_FULFILL, PROCESSING, FULFILLING, COMPLETED,"
                    ' CANCELLED, not "B".'
                ),
                (
                    "line_items.0.display_status must be one of UNPAID, ON_HOLD, AWAITING_SHIPMENT, PARTIALLY_SHIPPING,"
                    ' AWAITING_COLLECTION, IN_TRANSIT, DELIVERED, COMPLETED, CANCELLED, not "A".'
                ),
            ],
        ),
    ],
    ids=["package", "shown", "long", "both"],
)
@pytest.mark.parametrize("of_order", ["PARTIALLY_SHIPPING", "CANCELLED"])
def test_a_word_that_is_not_known_refuses_the_order(words: Json, messages: list[str], of_order: str) -> None:
    assert refusals(a_marketplace_order(a_line(**words), status=of_order)) == [
        ("INVALID_VALUE", message) for message in messages
    ]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("57640007880000000002", "(id 57640007880000000002) "),
        (57640007880000000002, "(id 57640007880000000002) "),
        (" 57\0\u2028 64 ", "(id 57 64) "),
        ("9" * 50, f"(id {'9' * 50}) "),
        ("9" * 1_000_000, f"(id {'9' * 49}…) "),
        ("", ""),
        (" ", ""),
        (" \0", ""),
        ("57\u202e64", ""),
        (None, ""),
        (True, ""),
        ([{}], ""),
    ],
    ids=in_id,
)
def test_a_unit_that_is_refused_is_named_by_its_id(given: object, named: str) -> None:
    lines = [a_line(id=given), a_line(id=given, display_status="LOST"), a_line(id=given, package_status="LOST")]

    messages = [message for _, message in refusals(a_marketplace_order(*lines, status="PARTIALLY_SHIPPING"))]

    assert messages == [
        f"line_items.0 {named}has no status of its own, and PARTIALLY_SHIPPING says nothing of a single unit.",
        f'line_items.1.display_status {named}must be one of {", ".join(DISPLAY_STATUSES)}, not "LOST".',
        f'line_items.2.package_status {named}must be one of {", ".join(PACKAGE_STATUSES)}, not "LOST".',
    ]


def test_words_are_read_without_space_around_them() -> None:
    line = a_line(package_id="A", display_status=" IN_TRANSIT\n", package_status="\tFULFILLING ")

    assert statuses(a_marketplace_order(line)) == [MOVING]
