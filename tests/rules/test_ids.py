"""Global ids."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules import ids
from domain.rules.ids import Ref
from tests.support.builders import ORDER_ID, a_package, an_item, an_order

HEX = "0195a1b2c3d47e8f9a0b1c2d3e4f5a6b"
SOME = UUID(HEX)


def test_an_id_is_its_type_the_uuid_and_the_positions() -> None:
    assert ids.of_shop("acme") == "shop_acme"
    assert ids.of_order(SOME) == "order_0195a1b2c3d47e8f9a0b1c2d3e4f5a6b"
    assert ids.of_item(SOME, 2) == "item_0195a1b2c3d47e8f9a0b1c2d3e4f5a6b_2"
    assert ids.of_package(SOME, 3) == "package_0195a1b2c3d47e8f9a0b1c2d3e4f5a6b_3"
    assert ids.of_package_item(SOME, 3, 2) == "packageitem_0195a1b2c3d47e8f9a0b1c2d3e4f5a6b_3_2"
    assert ids.of_cancellation(SOME) == "cancellation_0195a1b2c3d47e8f9a0b1c2d3e4f5a6b"
    assert ids.of_event(SOME, 12) == "event_0195a1b2c3d47e8f9a0b1c2d3e4f5a6b_12"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"order_{HEX}", Ref("order", SOME, ()), id="order"),
        pytest.param(f"item_{HEX}_2", Ref("item", SOME, (2,)), id="item"),
        pytest.param(f"package_{HEX}_3", Ref("package", SOME, (3,)), id="package"),
        pytest.param(f"packageitem_{HEX}_3_2", Ref("packageitem", SOME, (3, 2)), id="package item"),
        pytest.param(f"cancellation_{HEX}", Ref("cancellation", SOME, ()), id="cancellation"),
        pytest.param(f"event_{HEX}_12", Ref("event", SOME, (12,)), id="event"),
        pytest.param(f"event_{HEX}_999999999", Ref("event", SOME, (999_999_999,)), id="largest position"),
    ],
)
def test_an_id_is_parsed(text: str, expected: Ref) -> None:
    assert ids.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order",
        "order_",
        HEX,
        f"_{HEX}",
        f"shop_{HEX}",
        f"parcel_{HEX}",
        f"Order_{HEX}",
        f"order_{HEX.upper()}",
        f"order_{SOME}",
        f"order_{HEX[:-1]}",
        f"order_{HEX}0",
        f"order_{HEX}_",
        f" order_{HEX}",
        f"order_{HEX}\n",
        f"order_{HEX}_1",
        f"cancellation_{HEX}_1",
        f"item_{HEX}",
        f"item_{HEX}_",
        f"item_{HEX}_0",
        f"item_{HEX}_02",
        f"item_{HEX}_-2",
        f"item_{HEX}_+2",
        f"item_{HEX}_\N{FULLWIDTH DIGIT TWO}",
        f"item_{HEX}_2 ",
        f"item_{HEX}_a",
        f"item_{HEX}__2",
        f"item_{HEX}_1000000000",
        f"item_{HEX}_1_2",
        f"package_{HEX}",
        f"package_{HEX}_1_2",
        f"packageitem_{HEX}_1",
        f"packageitem_{HEX}_1_2_3",
        f"event_{HEX}",
        f"event_{HEX}_1_2",
        f"order_{HEX}\x00",
        f"order_{'g' * 32}",
    ],
)
def test_no_other_text_is_an_id(text: str) -> None:
    assert ids.parse(text) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"order_{HEX}", "order"),
        (f"item_{HEX}_2", "item"),
        (f"package_{HEX}_3", "package"),
        (f"packageitem_{HEX}_3_2", "packageitem"),
        (f"cancellation_{HEX}", "cancellation"),
        (f"event_{HEX}_12", "event"),
    ],
    ids=["order", "item", "package", "package item", "cancellation", "event"],
)
def test_an_id_of_the_requested_kind_gives_its_uuid(text: str, kind: str) -> None:
    assert ids.uuid_of(text, kind) == SOME


@pytest.mark.parametrize(
    "text",
    ["", HEX, f"order_{HEX}", f"item_{HEX}_1", f"packageitem_{HEX}_1_1", f"cancellation_{HEX}", f"package_{HEX}"],
)
def test_any_other_id_gives_no_uuid(text: str) -> None:
    assert ids.uuid_of(text, "package") is None


@given(st.text(alphabet=st.sampled_from("item_" + HEX), max_size=60) | st.text())
def test_no_text_makes_the_parser_fail(text: str) -> None:
    assert ids.parse(text) is None


@given(st.uuids(), st.integers(1, 999_999_999), st.integers(1, 999_999_999))
def test_every_id_is_parsed_into_its_parts(uuid: UUID, package: int, item: int) -> None:
    text = ids.of_package_item(uuid, package, item)

    assert ids.parse(text) == Ref("packageitem", uuid, (package, item))


@pytest.mark.parametrize("text", ["demo", "A", "7", "shop-1", "eu.north_2", "1" * 100])
def test_a_shop_may_have_an_id_that_is_the_same_everywhere(text: str) -> None:
    assert ids.is_shop_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bad Id!",
        "-demo",
        ".demo",
        "_demo",
        "a/b",
        "a:b",
        "a\n",
        "a\0b",
        "l\u00e4den",
        "\ud800",
        "a\u0661",
        "1" * 101,
    ],
)
def test_a_shop_may_have_no_other_id(text: str) -> None:
    assert not ids.is_shop_id(text)


def test_a_package_is_found_by_its_id() -> None:
    order = an_order(an_item(quantity=2), packages=(a_package(1, units={1: 1}), a_package(4, units={1: 1})))

    assert ids.find_package(order, ids.of_package(order.id, 4)) is order.packages[1]


@pytest.mark.parametrize(
    "package_id", [ids.of_package(ORDER_ID, 9), ids.of_package(UUID(int=1), 1), ids.of_item(ORDER_ID, 1), "", "1001-1"]
)
def test_any_other_id_finds_no_package(package_id: str) -> None:
    assert ids.find_package(an_order(), package_id) is None
