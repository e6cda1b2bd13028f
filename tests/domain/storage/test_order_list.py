"""The list of orders: each filter, the sort orders, and pages that fit together from either end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from domain import ingestion
from domain.rules import cursor
from domain.rules.cursor import InvalidCursorError
from domain.rules.order import Order, Shop
from domain.rules.vocabulary import CancellationReason, OrderStatus, PackageStatus
from domain.storage import events, order_list
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.filters import TimeRange
from domain.storage.order_list import OrderFilter, OrderOrderField, OrderSequence
from domain.storage.pages import Page, PageRequest
from tests.support.cancelling import a_request, cancel_well, everything, package, units
from tests.support.invariants import assert_sound
from tests.support.stored import NOW, a_package_input, a_shop, an_item_input, an_order_input, store, stored

EVERY = [
    OrderSequence(field, is_descending=is_descending) for field in OrderOrderField for is_descending in (False, True)
]
DAY = timedelta(days=1)


def named(value: object) -> str | None:
    return f"{value.field.name} {'down' if value.is_descending else 'up'}" if isinstance(value, OrderSequence) else None


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """The test's shop; at the end, the stored data must still be sound."""
    yield await a_shop(database)
    await assert_sound(database)


async def page_of(
    database: Database,
    shop: Shop,
    request: PageRequest,
    sequence: OrderSequence = OrderSequence(),  # noqa: B008 - a value
    filters: OrderFilter = OrderFilter(),  # noqa: B008 - a value
) -> Page[Order]:
    async with database.reading(EVERY_SHOP) as connection:
        return await order_list.list_orders(connection, shop, filters, sequence, request)


async def found(database: Database, shop: Shop, **filters: Any) -> str:
    """The numbers of the matching orders, sorted; also checks their count."""
    page = await page_of(database, shop, PageRequest(100), filters=OrderFilter(**filters))
    async with database.reading(EVERY_SHOP) as connection:
        assert await order_list.count_orders(connection, shop.id, OrderFilter(**filters)) == len(page.entries)
    return " ".join(sorted(order.number for order in page.entries))


# Filters


async def orders_of_every_status(database: Database, shop: Shop) -> None:
    """An order in each state, named by a letter: S is split, P is partly cancelled, X was imported as cancelled."""
    inputs = [
        an_order_input("U", status=OrderStatus.UNPAID),
        an_order_input("H", status=OrderStatus.ON_HOLD),
        an_order_input("W"),
        an_order_input("C", packages=(a_package_input("c", PackageStatus.AWAITING_COLLECTION, dress=3),)),
        an_order_input(
            "S",
            packages=(
                a_package_input("s1", PackageStatus.IN_TRANSIT, dress=1),
                a_package_input("s2", PackageStatus.AWAITING_SHIPMENT, dress=2),
            ),
        ),
        an_order_input(
            "P",
            packages=(
                a_package_input("p1", PackageStatus.CANCELLED, dress=1),
                a_package_input("p2", PackageStatus.DELIVERED, dress=2),
            ),
        ),
        an_order_input("D", status=OrderStatus.COMPLETED),
        an_order_input("X", status=OrderStatus.CANCELLED),
    ]
    await store(database, shop, *inputs)


STATES: list[tuple[dict[str, Any], str]] = [
    ({}, "C D H P S U W X"),
    ({"statuses": None, "package_statuses": None, "skus": None, "search": None}, "C D H P S U W X"),
    ({"statuses": [OrderStatus.AWAITING_SHIPMENT]}, "W"),
    ({"statuses": [OrderStatus.UNPAID, OrderStatus.PARTIALLY_SHIPPING]}, "S U"),
    ({"statuses": [OrderStatus.DELIVERED]}, "P"),
    ({"statuses": []}, ""),
    ({"package_statuses": [PackageStatus.AWAITING_SHIPMENT]}, "H S U W"),
    ({"package_statuses": [PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_COLLECTION]}, "C H S U W"),
    ({"package_statuses": [PackageStatus.DELIVERED]}, "D P"),
    ({"package_statuses": [PackageStatus.CANCELLED]}, "P X"),
    ({"package_statuses": []}, ""),
    ({"items_cancellable": True}, "S W"),
    ({"items_cancellable": False}, "C D H P U X"),
    (
        {
            "statuses": [OrderStatus.AWAITING_SHIPMENT, OrderStatus.PARTIALLY_SHIPPING],
            "package_statuses": [PackageStatus.IN_TRANSIT],
        },
        "S",
    ),
    ({"statuses": [OrderStatus.UNPAID], "items_cancellable": True}, ""),
    ({"statuses": [], "items_cancellable": False}, ""),
    ({"skus": ["SKU-dress"], "statuses": list(OrderStatus), "search": "X"}, ""),
    ({"search": "X", "statuses": list(OrderStatus)}, "X"),
]


async def test_orders_are_filtered_by_their_state(database: Database, shop: Shop) -> None:
    await orders_of_every_status(database, shop)

    results = [(filters, await found(database, shop, **filters)) for filters, _ in STATES]

    assert results == STATES


async def test_items_cancellable_agrees_with_the_orders(database: Database, shop: Shop) -> None:
    await orders_of_every_status(database, shop)
    await cancel_well(database, shop, a_request(package(await stored(database, shop, "S"), "s2")))

    cancellable = await found(database, shop, items_cancellable=True)

    assert cancellable == "W"


async def test_products_and_skus_match_while_a_unit_of_them_is_live(database: Database, shop: Shop) -> None:
    items = (an_item_input("dress", quantity=2), an_item_input("scarf", quantity=1))
    [one, two, three, _] = await store(database, shop, *(an_order_input(f"{number}", *items) for number in range(4)))
    await cancel_well(database, shop, a_request(units(one, ("SKU-dress", 2)), "key-1"))
    await cancel_well(database, shop, a_request(units(two, ("SKU-dress", 1)), "key-2"))
    await cancel_well(database, shop, a_request(everything(three), "key-3", CancellationReason.OTHER))

    results = {
        "dress": await found(database, shop, skus=["SKU-dress"]),
        "P-dress": await found(database, shop, product_ids=["P-dress"]),
        "scarf": await found(database, shop, skus=["SKU-scarf", "SKU-hat"]),
        "both": await found(database, shop, skus=["SKU-scarf"], product_ids=["P-dress"]),
        "none": await found(database, shop, skus=[]),
        "no product": await found(database, shop, product_ids=[]),
        "part of a SKU": await found(database, shop, skus=["SKU-"]),
        "another case": await found(database, shop, skus=["sku-dress"]),
        "unstorable": await found(database, shop, skus=["SKU-dress\0", "\ud800"]),
        "some unstorable": await found(database, shop, product_ids=["\0", "P-dress"]),
    }

    assert results == {
        "dress": "1 3",
        "P-dress": "1 3",
        "scarf": "0 1 3",
        "both": "1 3",
        "none": "",
        "no product": "",
        "part of a SKU": "",
        "another case": "",
        "unstorable": "",
        "some unstorable": "1 3",
    }


SEARCHES = {
    "nothing": ("", "1 10 2 3"),
    "spaces": (" \t\n ", "1 10 2 3"),
    "an order's number": ("10", "10"),
    "surrounded by spaces": ("  10\n", "10"),
    "part of another order's number": ("1", "1"),
    "a package's number": ("pack-2", "2"),
    "part of a package's number": ("pack", ""),
    "a tracking number": ("TRACK-3", "3"),
    "a tracking number in another case": ("track-3", ""),
    "a SKU": ("SKU-dress", "1 10 2 3"),
    "part of a SKU": ("SKU-", ""),
    "a product id": ("P-mug", "2"),
    "part of a name": ("lin", "1 10"),
    "a name in another case": ("rED LINEN", "1 10"),
    "a name with umlauts": ("GRÜNE", "2"),
    "sharp s as double s": ("GROSSE", "2"),
    "a final sigma": ("ΟΔΥΣΣΕΥΣ", "3"),
    "a name without case": ("マグカップ", "2"),
    "percent": ("%", "3"),
    "percent within": ("50% w", "3"),
    "underscore": ("_", "3"),
    "slash": ("/", "3"),
    "backslash": ("\\", "3"),
    "not a pattern": ("R%n", ""),
    "a wildcard for one letter": ("L_nen", ""),
    "a quote": ("'", "3"),
    "NUL": ("\0", ""),
    "NUL in a name": ("linen\0", ""),
    "half of a surrogate pair": ("\ud800", ""),
    "longer than any name": ("%" * 60_000, ""),
}


async def test_orders_are_searched(database: Database, shop: Shop) -> None:
    red = an_item_input("dress", quantity=2, product_name="Red Linen dress")
    mug = an_item_input("mug", quantity=1, product_name="Große grüne Tasse マグカップ")
    odd = an_item_input("dress", quantity=2, product_name=r"50% wool_mix / it's \ Ὀδυσσεύς ΟΔΥΣΣΕΥΣ")
    plain = an_item_input("dress", quantity=2, product_name="Plain")
    second = an_order_input("2", plain, mug, packages=(a_package_input("pack-2", dress=2, mug=1),))
    third = an_order_input(
        "3", odd, packages=(replace(a_package_input("pack-3", dress=2), tracking_number="TRACK-3", carrier="X"),)
    )
    await store(database, shop, an_order_input("1", red), an_order_input("10", red), second, third)

    results = {name: await found(database, shop, search=text) for name, (text, _) in SEARCHES.items()}

    assert results == {name: expected for name, (_, expected) in SEARCHES.items()}


async def test_a_search_includes_cancelled_units_but_no_other_shop(database: Database, shop: Shop) -> None:
    other = await a_shop(database, "other")
    [order] = await store(database, shop, an_order_input("1", an_item_input("dress")))
    await store(database, other, an_order_input("2", an_item_input("dress")))
    await cancel_well(database, shop, a_request(everything(order)))

    results = [await found(database, shop, search=text) for text in ("SKU-dress", "the dress", "P-dress", "2", "2-1")]

    assert results == ["1", "1", "1", "", ""]


@pytest.mark.parametrize("field", ["placed_at", "ship_by", "updated_at"])
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(None, None, "0 1 2"), (1, None, "1 2"), (None, 1, "0"), (0, 2, "0 1"), (1, 1, ""), (2, 0, "")],
)
async def test_a_time_range_includes_its_start_and_excludes_its_end(
    database: Database, shop: Shop, field: str, start: int | None, end: int | None, expected: str
) -> None:
    first = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    for day in range(3):
        time = first + day * DAY
        given = an_order_input(str(day), placed_at=time, ship_by=time)
        await ingestion.import_orders(database, shop, [given], actor="import", now=time)
    range_ = TimeRange(*(None if day is None else first + day * DAY for day in (start, end)))

    assert await found(database, shop, **{field: range_}) == expected


async def test_an_order_without_a_date_is_in_no_range_of_that_date(database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("dated", ship_by=NOW), an_order_input("dateless"))

    results = [
        await found(database, shop, ship_by=range_)
        for range_ in (TimeRange(), TimeRange(start=NOW), TimeRange(end=NOW + DAY))
    ]

    assert results == ["dated dateless", "dated", "dated"]


async def test_other_shops_have_other_lists(database: Database, shop: Shop) -> None:
    other = await a_shop(database, "other")
    await store(database, shop, an_order_input("1"))
    await store(database, other, an_order_input("1"), an_order_input("2"))

    assert [await found(database, each) for each in (shop, other)] == ["1", "1 2"]


# Sequence and pages


async def random_orders(database: Database, shop: Shop, random: Random) -> list[Order]:
    """Orders imported one by one that share a few dates; some lack a ship-by date."""
    count = random.randint(15, 25)
    days = [NOW + number * DAY for number in range(3)]
    numbers = [f"{number:02}" for number in range(count)]
    for number in numbers:
        given = an_order_input(number, placed_at=random.choice(days), ship_by=random.choice([*days, None]))
        await ingestion.import_orders(database, shop, [given], actor="import", now=random.choice(days))
    return [await stored(database, shop, number) for number in numbers]


def in_sequence(orders: list[Order], sequence: OrderSequence) -> list[str]:
    """The expected sequence, sorted here: dated orders first, then the rest."""
    dates = {order.number: getattr(order, sequence.field.name.lower()) for order in orders}
    dated = [order for order in orders if dates[order.number]]
    dateless = [order for order in orders if not dates[order.number]]
    dated.sort(key=lambda order: (dates[order.number], order.id.hex), reverse=sequence.is_descending)
    dateless.sort(key=lambda order: order.id.hex, reverse=sequence.is_descending)
    return [order.number for order in dated + dateless]


async def walk(
    database: Database, shop: Shop, sequence: OrderSequence, size: int, *, is_from_back: bool
) -> list[list[str]]:
    """Every page, from one end to the other."""
    pages = []
    request = PageRequest(size, is_from_back=is_from_back)
    while True:
        page = await page_of(database, shop, request, sequence)
        pages.append([order.number for order in page.entries])
        if not (page.has_previous if is_from_back else page.has_next):
            return pages
        end = order_list.cursor_of(shop, sequence, page.entries[0 if is_from_back else -1])
        request = replace(request, before=end) if is_from_back else replace(request, after=end)


@pytest.mark.parametrize("seed", range(3))
async def test_pages_from_either_end_make_up_the_whole_list(database: Database, shop: Shop, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - an example of data, no secret
    orders = await random_orders(database, shop, random)

    whole = [await page_of(database, shop, PageRequest(100), sequence) for sequence in EVERY]
    forwards = [
        await walk(database, shop, sequence, size, is_from_back=False) for sequence in EVERY for size in (1, 4, 7)
    ]
    backwards = [
        await walk(database, shop, sequence, size, is_from_back=True) for sequence in EVERY for size in (1, 4, 7)
    ]

    expected = [in_sequence(orders, sequence) for sequence in EVERY]
    each_thrice = [numbers for numbers in expected for _ in range(3)]
    assert [[order.number for order in page.entries] for page in whole] == expected
    assert [sum(pages, []) for pages in forwards] == each_thrice  # noqa: RUF017 - short
    assert [sum(reversed(pages), []) for pages in backwards] == each_thrice  # noqa: RUF017 - short
    assert {order for page in whole for order in page.entries} == set(orders)


@pytest.mark.parametrize("sequence", EVERY, ids=named)
async def test_a_page_between_two_cursors_has_the_orders_between_them(
    database: Database, shop: Shop, sequence: OrderSequence
) -> None:
    random = Random(7)  # noqa: S311 - an example of data, no secret
    orders = await random_orders(database, shop, random)
    expected = in_sequence(orders, sequence)
    by_number = {order.number: order for order in orders}
    after, before = (order_list.cursor_of(shop, sequence, by_number[expected[place]]) for place in (2, -3))

    page = await page_of(database, shop, PageRequest(100, after=after, before=before), sequence)
    back = await page_of(database, shop, PageRequest(4, is_from_back=True, after=after, before=before), sequence)
    none = await page_of(database, shop, PageRequest(100, after=before, before=after), sequence)

    assert [order.number for order in page.entries] == expected[3:-3]
    assert [order.number for order in back.entries] == expected[-7:-3]
    assert none.entries == []


async def test_a_page_says_if_there_is_more_before_and_after_it(database: Database, shop: Shop) -> None:
    orders = await store(database, shop, *(an_order_input(f"{number}", ship_by=NOW) for number in range(3)))
    sequence = OrderSequence()
    first, last = (order_list.cursor_of(shop, sequence, orders[place]) for place in (0, 2))

    pages = [
        await page_of(database, shop, request)
        for request in (
            PageRequest(3),
            PageRequest(2),
            PageRequest(0),
            PageRequest(2, after=first),
            PageRequest(3, is_from_back=True),
            PageRequest(2, is_from_back=True),
            PageRequest(2, is_from_back=True, before=last),
            PageRequest(1, after=last),
        )
    ]

    assert [(len(page.entries), page.has_next, page.has_previous) for page in pages] == [
        (3, False, False),
        (2, True, False),
        (0, True, False),
        (2, False, True),
        (3, False, False),
        (2, False, True),
        (2, True, False),
        (0, False, True),
    ]


async def test_a_cursor_stays_valid_when_its_order_moves(database: Database, shop: Shop) -> None:
    orders = await store(database, shop, *(an_order_input(f"{number}") for number in range(4)))
    sequence = OrderSequence(OrderOrderField.UPDATED_AT)
    after = order_list.cursor_of(shop, sequence, orders[1])
    await cancel_well(database, shop, a_request(everything(orders[1])))

    page = await page_of(database, shop, PageRequest(10, after=after), sequence)

    assert [order.number for order in page.entries] == ["2", "3", "1"]


async def test_a_cursor_is_valid_only_in_its_own_list_and_shop(database: Database, shop: Shop) -> None:
    other = await a_shop(database, "other")
    [order] = await store(database, shop, an_order_input("1", ship_by=NOW))
    by_ship = OrderSequence(OrderOrderField.SHIP_BY)
    own = order_list.cursor_of(shop, by_ship, order)
    bad = {
        "another shop's": order_list.cursor_of(other, by_ship, order),
        "another list's": order_list.cursor_of(shop, OrderSequence(OrderOrderField.PLACED_AT), order),
        "an event's": events.cursor_of(shop, 1),
        "forged": cursor.sign(bytes(32), "SHIP_BY", f"{order.id.hex} "),
        "empty": "",
        "cut": own[:-1],
        "an id": str(order.id),
    }

    page = await page_of(database, shop, PageRequest(1, after=own), by_ship)
    refused = []
    for name, text in bad.items():
        for request in (PageRequest(1, after=text), PageRequest(1, is_from_back=True, before=text)):
            with pytest.raises(InvalidCursorError):
                await page_of(database, shop, request, by_ship)
            refused.append(name)

    assert page.entries == []
    assert len(refused) == 14
