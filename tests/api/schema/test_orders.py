"""Reading orders over HTTP: every field of one order, lists with filters and pages, nodes, timelines."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.rules.order import Shop
from domain.rules.order_input import BuyerInput, FeeInput, PackageInput, PackageItemInput
from domain.rules.vocabulary import FeeKind, OrderStatus, PackageStatus
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.support.client import Client, a_token
from tests.support.stored import a_package_input, a_shop, an_item_input, an_order_input, store

EVERYTHING = """
fragment Amount on Money { amount currency }
fragment Whole on Order {
  id number status version currency pricesIncludeTax placedAt paidAt shipBy updatedAt
  buyer { name email locale }
  items {
    id order { number } sku productId productName variantName imageUrl isGift quantity cancelledQuantity
    unitPrice { ...Amount } total { ...Amount } cancellable cancellableQuantity notCancellableReason
    packages { id quantity package { number } }
  }
  packages {
    id order { number } number status carrier trackingNumber cancellable notCancellableReason
    items {
      id item { sku } package { number } quantity cancelledQuantity cancellable cancellableQuantity notCancellableReason
    }
  }
  totals {
    itemsSubtotal { ...Amount } sellerDiscount { ...Amount } platformDiscount { ...Amount } itemTax { ...Amount }
    shippingFee { ...Amount } shippingTax { ...Amount } fees { kind amount { ...Amount } }
    total { ...Amount } paid { ...Amount } refunded { ...Amount } refundable { ...Amount } due { ...Amount }
  }
  collectOnDelivery cancellable notCancellableReason itemsCancellable
  cancellations { id }
  events { edges { node { __typename sequence } } }
}
query ($number: String!) { orderByNumber(number: $number) { ...Whole } }
"""
LIST = """
query (
  $filter: OrderFilter, $orderBy: OrderOrder, $first: Int, $after: String, $last: Int, $before: String
) {
  orders(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { number } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
NUMBERS = "query ($filter: OrderFilter, $orderBy: OrderOrder) { orders(filter: $filter, orderBy: $orderBy) {"
NUMBERS += " edges { node { number } } } }"


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def day(number: int) -> datetime:
    return datetime(2026, 3, number, 12, 0, tzinfo=UTC)


async def a_full_order(database: Database, shop: Shop) -> str:
    """Stores order 1001, split in two, with everything that an order can have; returns its UUID."""
    dress = an_item_input(
        "dress",
        quantity=3,
        subtotal="30.00",
        seller_discount="3.00",
        platform_discount="1.50",
        tax="2.55",
        variant_name="Sage, M",
        image_url="https://images.example/dress.jpg",
    )
    gift = an_item_input("sticker", quantity=1, subtotal="0.00", is_gift=True)
    shipped = PackageInput(
        number="P-2",
        status=PackageStatus.IN_TRANSIT,
        carrier="DHL",
        tracking_number="T-77",
        items=(PackageItemInput("dress", 1), PackageItemInput("sticker", 1)),
    )
    order_input = an_order_input(
        "1001",
        dress,
        gift,
        packages=(shipped, a_package_input("P-1", dress=2)),
        prices_include_tax=False,
        shipping_fee="4.99",
        shipping_tax="0.40",
        fees=(FeeInput(FeeKind.HANDLING, "0.50"), FeeInput(FeeKind.RETAIL_DELIVERY, "0.28")),
        total="34.22",
        paid_at=datetime(2026, 3, 1, 9, 31, tzinfo=UTC),
        ship_by=datetime(2026, 3, 3, 23, 0, tzinfo=UTC),
        buyer=BuyerInput("Ada Buyer", "ada@example.com", "de_DE"),
    )
    [order] = await store(database, shop, order_input)
    return order.id.hex


async def numbers(client: Client, **variables: Any) -> list[str]:
    data = await client.data(NUMBERS, **variables)
    return [edge["node"]["number"] for edge in data["orders"]["edges"]]


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body.get("errors", [])]


async def test_an_order_has_everything_that_was_imported(client: Client, database: Database, shop: Shop) -> None:
    uuid = await a_full_order(database, shop)

    order = (await client.data(EVERYTHING, number="1001"))["orderByNumber"]

    assert order == {
        "id": f"order_{uuid}",
        "number": "1001",
        "status": "PARTIALLY_SHIPPING",
        "version": 1,
        "currency": "USD",
        "pricesIncludeTax": False,
        "placedAt": "2026-03-01T09:30:00+00:00",
        "paidAt": "2026-03-01T09:31:00+00:00",
        "shipBy": "2026-03-03T23:00:00+00:00",
        "updatedAt": "2026-03-02T08:00:00+00:00",
        "buyer": {"name": "Ada Buyer", "email": "ada@example.com", "locale": "de_DE"},
        "items": [
            {
                "id": f"item_{uuid}_1",
                "order": {"number": "1001"},
                "sku": "SKU-dress",
                "productId": "P-dress",
                "productName": "The dress",
                "variantName": "Sage, M",
                "imageUrl": "https://images.example/dress.jpg",
                "isGift": False,
                "quantity": 3,
                "cancelledQuantity": 0,
                "unitPrice": usd("10.00"),
                "total": usd("28.05"),
                "cancellable": True,
                "cancellableQuantity": 2,
                "notCancellableReason": None,
                "packages": [
                    {"id": f"packageitem_{uuid}_2_1", "quantity": 2, "package": {"number": "P-1"}},
                    {"id": f"packageitem_{uuid}_1_1", "quantity": 1, "package": {"number": "P-2"}},
                ],
            },
            {
                "id": f"item_{uuid}_2",
                "order": {"number": "1001"},
                "sku": "SKU-sticker",
                "productId": "P-sticker",
                "productName": "The sticker",
                "variantName": None,
                "imageUrl": None,
                "isGift": True,
                "quantity": 1,
                "cancelledQuantity": 0,
                "unitPrice": usd("0.00"),
                "total": usd("0.00"),
                "cancellable": False,
                "cancellableQuantity": 0,
                "notCancellableReason": "SHIPPED",
                "packages": [{"id": f"packageitem_{uuid}_1_2", "quantity": 1, "package": {"number": "P-2"}}],
            },
        ],
        "packages": [
            {
                "id": f"package_{uuid}_2",
                "order": {"number": "1001"},
                "number": "P-1",
                "status": "AWAITING_SHIPMENT",
                "carrier": None,
                "trackingNumber": None,
                "cancellable": True,
                "notCancellableReason": None,
                "items": [
                    {
                        "id": f"packageitem_{uuid}_2_1",
                        "item": {"sku": "SKU-dress"},
                        "package": {"number": "P-1"},
                        "quantity": 2,
                        "cancelledQuantity": 0,
                        "cancellable": True,
                        "cancellableQuantity": 2,
                        "notCancellableReason": None,
                    }
                ],
            },
            {
                "id": f"package_{uuid}_1",
                "order": {"number": "1001"},
                "number": "P-2",
                "status": "IN_TRANSIT",
                "carrier": "DHL",
                "trackingNumber": "T-77",
                "cancellable": False,
                "notCancellableReason": "SHIPPED",
                "items": [
                    {
                        "id": f"packageitem_{uuid}_1_1",
                        "item": {"sku": "SKU-dress"},
                        "package": {"number": "P-2"},
                        "quantity": 1,
                        "cancelledQuantity": 0,
                        "cancellable": False,
                        "cancellableQuantity": 0,
                        "notCancellableReason": "SHIPPED",
                    },
                    {
                        "id": f"packageitem_{uuid}_1_2",
                        "item": {"sku": "SKU-sticker"},
                        "package": {"number": "P-2"},
                        "quantity": 1,
                        "cancelledQuantity": 0,
                        "cancellable": False,
                        "cancellableQuantity": 0,
                        "notCancellableReason": "SHIPPED",
                    },
                ],
            },
        ],
        "totals": {
            "itemsSubtotal": usd("30.00"),
            "sellerDiscount": usd("3.00"),
            "platformDiscount": usd("1.50"),
            "itemTax": usd("2.55"),
            "shippingFee": usd("4.99"),
            "shippingTax": usd("0.40"),
            "fees": [
                {"kind": "HANDLING", "amount": usd("0.50")},
                {"kind": "RETAIL_DELIVERY", "amount": usd("0.28")},
            ],
            "total": usd("34.22"),
            "paid": usd("34.22"),
            "refunded": usd("0.00"),
            "refundable": usd("34.22"),
            "due": usd("0.00"),
        },
        "collectOnDelivery": False,
        "cancellable": False,
        "notCancellableReason": "SHIPPED",
        "itemsCancellable": True,
        "cancellations": [],
        "events": {"edges": [{"node": {"__typename": "OrderImported", "sequence": 1}}]},
    }


@on_sqlite
async def test_the_shop_of_the_token_is_told(client: Client) -> None:
    data = await client.data("{ shop { id name shippingRefundPolicy } }")

    assert data == {"shop": {"id": "shop_demo", "name": "Demo Shop", "shippingRefundPolicy": "ON_FULL_CANCELLATION"}}


async def test_every_kind_of_id_finds_its_object_again(client: Client, database: Database, shop: Shop) -> None:
    uuid = await a_full_order(database, shop)
    item = f"item_{uuid}_1"
    cancel = "mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { cancellation { id } } }"
    request = {"orderId": f"order_{uuid}", "reason": "OUT_OF_STOCK", "items": [{"itemId": item, "quantity": 1}]}
    made = await client.data(cancel, input=request | {"idempotencyKey": "k"})
    cancellation = made["cancelItems"]["cancellation"]["id"]
    found = ["shop_demo", f"order_{uuid}", item, f"package_{uuid}_1", f"packageitem_{uuid}_1_2", cancellation]
    found += [f"event_{uuid}_2", f"event_{uuid}_1"]

    data = await client.data(
        """
        query ($ids: [ID!]!, $one: ID!) {
          nodes(ids: $ids) {
            __typename id
            ... on Cancellation { order { number } lines { quantity } }
            ... on OrderEvent { sequence order { number } }
          }
          node(id: $one) { ... on Order { number cancellations { id } } }
          order(id: $one) { number }
        }
        """,
        ids=found,
        one=f"order_{uuid}",
    )

    assert data["nodes"] == [
        {"__typename": "Shop", "id": "shop_demo"},
        {"__typename": "Order", "id": f"order_{uuid}"},
        {"__typename": "OrderItem", "id": item},
        {"__typename": "Package", "id": f"package_{uuid}_1"},
        {"__typename": "PackageItem", "id": f"packageitem_{uuid}_1_2"},
        {"__typename": "Cancellation", "id": cancellation, "order": {"number": "1001"}, "lines": [{"quantity": 1}]},
        {"__typename": "ItemsCancelled", "id": f"event_{uuid}_2", "sequence": 2, "order": {"number": "1001"}},
        {"__typename": "OrderImported", "id": f"event_{uuid}_1", "sequence": 1, "order": {"number": "1001"}},
    ]
    assert data["node"] == {"number": "1001", "cancellations": [{"id": cancellation}]}
    assert data["order"] == {"number": "1001"}


async def test_unknown_malformed_and_foreign_ids_are_null(client: Client, database: Database, shop: Shop) -> None:
    uuid = await a_full_order(database, shop)
    other = await a_shop(database, "other")
    [foreign] = await store(database, other, an_order_input("2002"))
    ids = [
        "",
        "\0",
        "😀",
        "order_",
        f"order_{uuid.upper()}",
        f"order_{uuid}_1",
        f"item_{uuid}_3",
        f"item_{uuid}_01",
        f"package_{uuid}_9",
        f"packageitem_{uuid}_2_2",
        f"event_{uuid}_2",
        f"event_{uuid}_999999999",
        f"event_{foreign.id.hex}_1",
        f"cancellation_{uuid}",
        "order_" + "0" * 32,
        f"order_{foreign.id.hex}",
        f"item_{foreign.id.hex}_1",
        "shop_other",
        "x" * 1_000_000,
    ]
    query = "query ($ids: [ID!]!, $item: ID!, $foreign: ID!) { nodes(ids: $ids) { id } order(id: $item) { id }"
    query += ' foreign: order(id: $foreign) { id } orderByNumber(number: "2002") { id } }'

    data = await client.data(query, ids=ids, item=f"item_{uuid}_1", foreign=f"order_{foreign.id.hex}")

    assert data == {"nodes": [None] * len(ids), "order": None, "foreign": None, "orderByNumber": None}


@on_sqlite
async def test_more_ids_than_a_page_has_are_bad_input(client: Client) -> None:
    body = await client.post("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)

    assert codes(body) == ["BAD_USER_INPUT"]


@on_sqlite
async def test_amounts_are_written_as_the_locale_does(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=1, subtotal="1234.50")))
    aliases = {"none": "null", "de": '"de_DE"', "dash": '"de-AT"', "ja": '"ja_JP"', "odd": '"xx"', "nul": '"\\u0000"'}
    fields = " ".join(f"{alias}: formatted(locale: {locale})" for alias, locale in aliases.items())

    data = await client.data('{ orderByNumber(number: "1001") { totals { total { formatted ' + fields + " } } } }")

    assert data["orderByNumber"]["totals"]["total"] == {
        "formatted": "$1,234.50",
        "none": "$1,234.50",
        "de": "1.234,50\xa0$",
        "dash": "$\xa01.234,50",
        "ja": "$1,234.50",
        "odd": "$1,234.50",
        "nul": "$1,234.50",
    }


@pytest.fixture
async def three(database: Database, shop: Shop) -> None:
    """1001 ships by the 3rd, 1002 by the 2nd and is on its way, 1003 is on hold and has no date."""
    hat = an_item_input("hat", product_name="Straw HAT, 100% straß")
    moving = PackageInput("W-1", PackageStatus.IN_TRANSIT, (PackageItemInput("hat", 3),), "DHL", "T-1")
    await store(
        database,
        shop,
        an_order_input("1001", ship_by=day(3), placed_at=day(1)),
        an_order_input("1002", hat, packages=(moving,), ship_by=day(2), placed_at=day(2)),
        an_order_input("1003", status=OrderStatus.ON_HOLD, placed_at=day(3)),
    )


FILTERS: list[tuple[dict[str, Any] | None, Sequence[str]]] = [
    (None, ["1002", "1001", "1003"]),
    ({}, ["1002", "1001", "1003"]),
    ({"statuses": None, "search": None, "placedAt": None}, ["1002", "1001", "1003"]),
    ({"statuses": []}, []),
    ({"statuses": ["ON_HOLD", "IN_TRANSIT"]}, ["1002", "1003"]),
    ({"packageStatuses": ["AWAITING_SHIPMENT"]}, ["1001", "1003"]),
    ({"packageStatuses": ["AWAITING_SHIPMENT"], "statuses": ["AWAITING_SHIPMENT"]}, ["1001"]),
    ({"productIds": ["P-hat", "P-none"]}, ["1002"]),
    ({"productIds": []}, []),
    ({"skus": ["SKU-dress"]}, ["1001", "1003"]),
    ({"skus": ["SKU-dress\0"]}, []),
    ({"itemsCancellable": True}, ["1001"]),
    ({"itemsCancellable": False}, ["1002", "1003"]),
    ({"search": " 1001 "}, ["1001"]),
    ({"search": "001"}, []),
    ({"search": "W-1"}, ["1002"]),
    ({"search": "T-1"}, ["1002"]),
    ({"search": "straw hat"}, ["1002"]),
    ({"search": "STRASS"}, ["1002"]),
    ({"search": "100%"}, ["1002"]),
    ({"search": "%"}, ["1002"]),
    ({"search": "_"}, []),
    ({"search": " "}, ["1002", "1001", "1003"]),
    ({"search": "a\0b"}, []),
    ({"search": "x" * 1_000_000}, []),
    ({"placedAt": {"from": "2026-03-02T12:00:00Z"}}, ["1002", "1003"]),
    ({"placedAt": {"to": "2026-03-02T13:00:00+01:00"}}, ["1001"]),
    ({"shipBy": {"from": "2026-03-01T00:00:00Z", "to": "2026-03-03T00:00:00Z"}}, ["1002"]),
    ({"updatedAt": {"to": "2026-03-02T08:00:00Z"}}, []),
]


@pytest.mark.usefixtures("three")
async def test_filters_narrow_the_list(client: Client) -> None:
    found = [await numbers(client, filter=given) for given, _ in FILTERS]

    assert found == [expected for _, expected in FILTERS]


@pytest.mark.usefixtures("three")
async def test_lists_are_sorted_by_any_date_in_either_direction(client: Client) -> None:
    orders = [
        await numbers(client, orderBy={"field": field, "direction": direction})
        for field in ("SHIP_BY", "PLACED_AT")
        for direction in ("ASC", "DESC")
    ]

    assert orders == [
        ["1002", "1001", "1003"],
        ["1001", "1002", "1003"],
        ["1001", "1002", "1003"],
        ["1003", "1002", "1001"],
    ]


@pytest.mark.usefixtures("three")
async def test_pages_follow_each_other_from_either_end(client: Client) -> None:
    first = (await client.data(LIST, first=2))["orders"]
    second = (await client.data(LIST, first=2, after=first["pageInfo"]["endCursor"]))["orders"]
    back = (await client.data(LIST, last=1, before=second["pageInfo"]["startCursor"]))["orders"]

    pages = [[edge["node"]["number"] for edge in page["edges"]] for page in (first, second, back)]
    assert pages == [["1002", "1001"], ["1003"], ["1001"]]
    assert [page["totalCount"] for page in (first, second, back)] == [3, 3, 3]
    assert first["pageInfo"]["hasNextPage"] is True
    assert first["pageInfo"]["hasPreviousPage"] is False
    assert first["pageInfo"]["startCursor"] == first["edges"][0]["cursor"]
    assert second["pageInfo"]["hasNextPage"] is False
    assert second["pageInfo"]["hasPreviousPage"] is True
    assert back["pageInfo"]["hasPreviousPage"] is True


@on_sqlite
async def test_an_empty_page_has_no_cursors(client: Client) -> None:
    page = (await client.data(LIST))["orders"]

    assert page == {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


@on_sqlite
async def test_without_first_and_last_a_page_has_twenty(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, *(an_order_input(str(number)) for number in range(21)))

    page = (await client.data(LIST))["orders"]

    assert len(page["edges"]) == 20
    assert page["pageInfo"]["hasNextPage"] is True


BAD_PAGES: list[dict[str, Any]] = [
    {"first": 0},
    {"first": -1},
    {"first": 101},
    {"last": 0},
    {"last": 101},
    {"first": 1, "last": 1},
    {"after": ""},
    {"after": "forged"},
    {"before": "é😀\0"},
    {"after": "x" * 1_000_000},
    {"first": 2**31},
    {"filter": {"skus": ["x"] * 1001}},
    {"filter": {"statuses": ["UNPAID"] * 1001}},
    {"filter": {"placedAt": {"from": "2026-03-01T00:00:00"}}},
    {"filter": {"placedAt": {"from": "yesterday"}}},
    {"filter": {"placedAt": {"from": "0001-01-01T00:00:00+23:59"}}},
]


@on_sqlite
async def test_arguments_that_make_no_sense_are_bad_input(client: Client) -> None:
    bodies = [await client.post(LIST, **arguments) for arguments in BAD_PAGES]

    assert [codes(body) for body in bodies] == [["BAD_USER_INPUT"]] * len(BAD_PAGES)


@pytest.mark.usefixtures("three")
async def test_cursors_of_another_shop_or_list_are_bad_input(client: Client, database: Database) -> None:
    await a_shop(database, "other")
    page = (await client.data(LIST, first=1))["orders"]
    cursor = page["pageInfo"]["endCursor"]

    foreign = await client.with_token(a_token("other")).post(LIST, after=cursor)
    sorted_otherwise = await client.post(LIST, after=cursor, orderBy={"field": "PLACED_AT", "direction": "ASC"})
    of_events = await client.post(
        "query ($after: String) { orderEvents(after: $after) { edges { cursor } } }", after=cursor
    )

    assert [codes(body) for body in (foreign, sorted_otherwise, of_events)] == [["BAD_USER_INPUT"]] * 3


@on_sqlite
async def test_half_a_surrogate_pair_is_bad_input(client: Client) -> None:
    content = b'{"query": "query ($n: String!) { orderByNumber(number: $n) { id } }", "variables": {"n": "\\ud800"}}'
    literal = b'{"query": "{ orderByNumber(number: \\"\\\\ud800\\") { id } }"}'

    answers = [
        await client.http.post("/graphql", content=text, headers={"Content-Type": "application/json"})
        for text in (content, literal)
    ]

    assert [answer.status_code for answer in answers] == [400, 200]
    assert [codes(answer.json()) for answer in answers] == [["BAD_USER_INPUT"]] * 2


async def test_strange_order_numbers_find_nothing_or_themselves(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("😀\u202e"))
    query = "query ($n: String!) { orderByNumber(number: $n) { number } }"

    found = [await client.data(query, n=number) for number in ("😀\u202e", "\0", "😀\0", "", "x" * 1_000_000)]

    assert [data["orderByNumber"] for data in found] == [{"number": "😀\u202e"}, None, None, None, None]


CANCEL_ONE = """
mutation ($order: ID!, $item: ID!, $key: String!) {
  cancelItems(input: {
    orderId: $order, reason: OUT_OF_STOCK, items: [{itemId: $item, quantity: 1}], idempotencyKey: $key
  }) { errors { code } }
}
"""
TIMELINE = """
query ($number: String!, $first: Int, $after: String) {
  orderByNumber(number: $number) {
    eventCursor
    events(first: $first, after: $after) {
      edges { cursor node { __typename id cursor sequence occurredAt actor order { number } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""
FEED = """
query ($first: Int, $after: String) {
  orderEvents(first: $first, after: $after) {
    edges {
      cursor
      node {
        __typename sequence order { number }
        ... on ItemsCancelled { cancellation { lines { quantity } } }
        ... on PackageStatusChanged { package { number } packageFrom: from packageTo: to }
        ... on OrderStatusChanged { from to }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_the_timeline_of_an_order_has_its_events_only(client: Client, database: Database, shop: Shop) -> None:
    [order, _] = await store(
        database, shop, an_order_input("1001", an_item_input("dress", quantity=1)), an_order_input("1002")
    )
    uuid = order.id.hex
    await client.data(CANCEL_ONE, order=f"order_{uuid}", item=f"item_{uuid}_1", key="k")

    first = (await client.data(TIMELINE, number="1001", first=1))["orderByNumber"]["events"]
    rest = (await client.data(TIMELINE, number="1001", after=first["pageInfo"]["endCursor"]))["orderByNumber"]["events"]

    node = first["edges"][0]["node"]
    assert node["cursor"] == first["edges"][0]["cursor"]
    assert {**node, "cursor": ""} == {
        "__typename": "OrderImported",
        "id": f"event_{uuid}_1",
        "cursor": "",
        "sequence": 1,
        "occurredAt": "2026-03-02T08:00:00+00:00",
        "actor": "import",
        "order": {"number": "1001"},
    }
    assert first["pageInfo"]["hasNextPage"] is True
    assert first["pageInfo"]["hasPreviousPage"] is False
    assert [(edge["node"]["__typename"], edge["node"]["sequence"]) for edge in rest["edges"]] == [
        ("ItemsCancelled", 2),
        ("PackageStatusChanged", 3),
        ("OrderStatusChanged", 4),
    ]
    assert {edge["node"]["actor"] for edge in rest["edges"]} == {"tester"}
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_the_feed_goes_on_from_the_cursor_of_an_order_without_a_hole(
    client: Client, database: Database, shop: Shop
) -> None:
    [order] = await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=1)))
    uuid = order.id.hex
    cursor = (await client.data(TIMELINE, number="1001"))["orderByNumber"]["eventCursor"]
    await client.data(CANCEL_ONE, order=f"order_{uuid}", item=f"item_{uuid}_1", key="k")

    feed = (await client.data(FEED, after=cursor))["orderEvents"]
    page = (await client.data(FEED, first=2))["orderEvents"]

    common = {"order": {"number": "1001"}}
    assert [edge["node"] for edge in feed["edges"]] == [
        {"__typename": "ItemsCancelled", "sequence": 2, "cancellation": {"lines": [{"quantity": 1}]}} | common,
        {
            "__typename": "PackageStatusChanged",
            "sequence": 3,
            "package": {"number": "1001-1"},
            "packageFrom": "AWAITING_SHIPMENT",
            "packageTo": "CANCELLED",
        }
        | common,
        {"__typename": "OrderStatusChanged", "sequence": 4, "from": "AWAITING_SHIPMENT", "to": "CANCELLED"} | common,
    ]
    assert feed["pageInfo"] == {"hasNextPage": False, "endCursor": feed["edges"][-1]["cursor"]}
    assert [edge["node"]["__typename"] for edge in page["edges"]] == ["OrderImported", "ItemsCancelled"]
    assert page["pageInfo"]["hasNextPage"] is True


@on_sqlite
@pytest.mark.parametrize("arguments", [{"first": 0}, {"first": 101}, {"after": ""}, {"after": "forged"}])
async def test_pages_of_events_that_make_no_sense_are_bad_input(
    client: Client, database: Database, shop: Shop, arguments: dict[str, Any]
) -> None:
    await store(database, shop, an_order_input("1001"))

    bodies = [await client.post(FEED, **arguments), await client.post(TIMELINE, number="1001", **arguments)]

    assert [codes(body) for body in bodies] == [["BAD_USER_INPUT"]] * 2


@on_sqlite
async def test_fragments_in_fragments_take_no_longer_than_they_are_long(
    client: Client, database: Database, shop: Shop
) -> None:
    await store(database, shop, an_order_input("1001"))
    spreads = " ".join(f"fragment F{n} on Order {{ ...F{n + 1} ...F{n + 1} }}" for n in range(9))
    query = (
        f'{{ orderByNumber(number: "1001") {{ ...F0 }} }} {spreads} fragment F9 on Order {{ cancellations {{ id }} }}'
    )

    data = await client.data(query)

    assert data == {"orderByNumber": {"cancellations": []}}
