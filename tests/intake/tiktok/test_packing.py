"""Units of a marketplace's order are put into packages."""

import pytest

from domain.intake.check import normalise
from domain.rules.new_order import NewOrder
from domain.rules.order import ImportNote, PackageItem
from domain.rules.order_input import Incoming, PackageInput, PackageItemInput
from domain.rules.vocabulary import ImportNoteCode, PackageStatus
from tests.support.marketplace import Json, a_line, a_marketplace_order, refusals, translated

WAITING = PackageStatus.AWAITING_SHIPMENT
ARRANGED = PackageStatus.AWAITING_COLLECTION
MOVING = PackageStatus.IN_TRANSIT
DELIVERED = PackageStatus.DELIVERED
CANCELLED = PackageStatus.CANCELLED

GONE = a_line(display_status="CANCELLED")
SENT = a_line(display_status="IN_TRANSIT")
NONE = frozenset[str]()


def packages(incoming: Incoming) -> list[tuple[str, PackageStatus, dict[str, tuple[int, int]]]]:
    """The number, the status, and the units and cancelled units by ref of each package."""
    return [
        (given.number, given.status, {held.ref: (held.quantity, held.cancelled_quantity or 0) for held in given.items})
        for given in incoming.order.packages or ()
    ]


def test_units_are_in_the_packages_that_the_source_names() -> None:
    hat = a_line(sku_id="S-2", package_id="B")

    incoming = translated(a_marketplace_order(hat, a_line(package_id="A"), hat, a_line(package_id="B")))

    assert incoming.order.packages == (
        PackageInput("B", WAITING, (PackageItemInput("1", 2), PackageItemInput("2", 1))),
        PackageInput("A", WAITING, (PackageItemInput("2", 1),)),
    )
    assert incoming.numbered_here == NONE


@pytest.mark.parametrize(
    "package", [{}, {"package_id": None}, {"package_id": ""}, {"package_id": "0"}, {"package_id": 0}]
)
def test_units_without_a_package_are_together_by_status(package: Json) -> None:
    lines = [a_line(display_status=word, **package) for word in ("DELIVERED", "ON_HOLD", "IN_TRANSIT", "UNPAID")]

    incoming = translated(a_marketplace_order(*lines, a_line(package_id="A")))

    assert packages(incoming) == [
        ("A", WAITING, {"1": (1, 0)}),
        ("5764-1", WAITING, {"1": (2, 0)}),
        ("5764-2", MOVING, {"1": (1, 0)}),
        ("5764-3", DELIVERED, {"1": (1, 0)}),
    ]
    assert incoming.numbered_here == {"5764-1", "5764-2", "5764-3"}


@pytest.mark.parametrize("package", [7, " 7 ", "7"])
def test_a_package_is_named_by_text_or_number(package: object) -> None:
    assert [number for number, *_ in packages(translated(a_marketplace_order(a_line(package_id=package))))] == ["7"]


def test_a_made_number_is_never_one_that_the_source_gives() -> None:
    lines = [a_line(), a_line(package_id="5764-1"), SENT, a_line(package_id="5764-3")]

    incoming = translated(a_marketplace_order(*lines))

    assert [(number, status) for number, status, _ in packages(incoming)] == [
        ("5764-1", WAITING),
        ("5764-3", WAITING),
        ("5764-2", WAITING),
        ("5764-4", MOVING),
    ]
    assert incoming.numbered_here == {"5764-2", "5764-4"}


def test_a_number_made_from_the_longest_one_is_stored() -> None:
    stored = normalise(translated(a_marketplace_order(id="1" * 100)))

    assert isinstance(stored, NewOrder)
    assert [(package.number, package.is_numbered_here) for package in stored.packages] == [("1" * 100 + "-1", True)]


def test_a_package_is_what_its_most_advanced_live_unit_is() -> None:
    lines = [a_line(package_id="A", display_status=word) for word in ("AWAITING_COLLECTION", "IN_TRANSIT", "ON_HOLD")]

    incoming = translated(
        a_marketplace_order(*lines, a_line(package_id="B"), a_line(package_id="A", display_status="CANCELLED"))
    )

    assert packages(incoming) == [("A", MOVING, {"1": (4, 1)}), ("B", WAITING, {"1": (1, 0)})]
    assert incoming.notes == (
        ImportNote(
            ImportNoteCode.STATUS_CONFLICT,
            "line_items.1 is IN_TRANSIT in a package that is AWAITING_COLLECTION: IN_TRANSIT counts for both.",
        ),
        ImportNote(
            ImportNoteCode.STATUS_CONFLICT,
            "line_items.2 is AWAITING_SHIPMENT in a package that is IN_TRANSIT: IN_TRANSIT counts for both.",
        ),
    )


@pytest.mark.parametrize("first", [True, False], ids=["cancelled first", "cancelled last"])
def test_a_cancelled_unit_stays_in_its_package(first: bool) -> None:  # noqa: FBT001 - a case
    gone, live = a_line(package_id="A", display_status="CANCELLED"), a_line(package_id="A", display_status="IN_TRANSIT")

    incoming = translated(a_marketplace_order(*((gone, live) if first else (live, gone))))

    assert packages(incoming) == [("A", MOVING, {"1": (2, 1)})]
    assert incoming.notes == ()


def test_a_package_whose_units_are_all_cancelled_is_cancelled() -> None:
    gone = a_line(package_id="A", package_status="CANCELLED")

    incoming = translated(a_marketplace_order(gone, a_line(package_id="B"), gone))

    assert packages(incoming) == [("B", WAITING, {"1": (1, 0)}), ("A", CANCELLED, {"1": (2, 2)})]


def test_a_cancelled_unit_without_a_package_is_in_the_least_advanced_of_those_without_number() -> None:
    hat = a_line(sku_id="S-2", display_status="CANCELLED")

    incoming = translated(a_marketplace_order(GONE, hat, SENT, a_line(display_status="AWAITING_COLLECTION"), GONE))

    assert packages(incoming) == [
        ("5764-1", ARRANGED, {"1": (3, 2), "2": (1, 1)}),
        ("5764-2", MOVING, {"1": (1, 0)}),
    ]


def test_cancelled_units_without_a_package_have_one_of_their_own_if_all_others_are_named() -> None:
    incoming = translated(a_marketplace_order(GONE, a_line(package_id="A"), GONE))

    assert packages(incoming) == [("A", WAITING, {"1": (1, 0)}), ("5764-1", CANCELLED, {"1": (2, 2)})]
    assert incoming.numbered_here == {"5764-1"}


def test_an_order_of_cancelled_units_is_cancelled() -> None:
    stored = normalise(translated(a_marketplace_order(GONE, a_line(package_id="A", display_status="CANCELLED"))))

    assert isinstance(stored, NewOrder)
    assert stored.status.name == "CANCELLED"
    assert [package.items for package in stored.packages] == [(PackageItem(1, 1, 1),), (PackageItem(1, 1, 1),)]


def carried(*lines: Json) -> list[tuple[str | None, str | None]]:
    return [
        (each.carrier, each.tracking_number) for each in translated(a_marketplace_order(*lines)).order.packages or ()
    ]


DHL = {"shipping_provider_name": "DHL  Express", "tracking_number": " T-1 "}
UPS = {"shipping_provider_name": "UPS", "tracking_number": "T-2"}
NOBODY = {"shipping_provider_name": "", "tracking_number": None}


@pytest.mark.parametrize("package", [{}, {"package_id": "A"}], ids=["no package", "package"])
@pytest.mark.parametrize(
    ("tellings", "expected"),
    [
        pytest.param([{}], (None, None), id="nobody"),
        pytest.param([NOBODY], (None, None), id="empty"),
        pytest.param([DHL], ("DHL Express", "T-1"), id="one"),
        pytest.param([NOBODY, UPS, DHL], ("UPS", "T-2"), id="the first that says it"),
        pytest.param([{"tracking_number": 123}, UPS], ("UPS", "123"), id="each by itself"),
        pytest.param([{**DHL, "display_status": "CANCELLED"}, UPS], ("UPS", "T-2"), id="a live unit"),
        pytest.param([{**DHL, "display_status": "CANCELLED"}, {}], (None, None), id="only a live unit"),
        pytest.param([{**DHL, "display_status": "CANCELLED"}], ("DHL Express", "T-1"), id="all cancelled"),
    ],
)
def test_units_say_who_carries_their_package(
    package: Json, tellings: list[Json], expected: tuple[str | None, str | None]
) -> None:
    assert carried(*(a_line(**package, **telling) for telling in tellings)) == [expected]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (a_line(package_id="A" * 101), "line_items.0.package_id must have at most 100 characters."),
        (a_line(tracking_number="1" * 101), "line_items.0.tracking_number must have at most 100 characters."),
        (
            a_line(shipping_provider_name="D\0"),
            "line_items.0.shipping_provider_name must not contain control characters or lone surrogates.",
        ),
    ],
    ids=["package", "tracking number", "carrier"],
)
def test_texts_of_packages_are_refused_under_their_own_names(line: Json, message: str) -> None:
    assert refusals(a_marketplace_order(line)) == [("INVALID_VALUE", message)]
