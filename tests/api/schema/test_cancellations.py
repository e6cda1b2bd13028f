"""The list of the shop's cancellations, and the list of reasons."""

from typing import Any

import pytest

from api.schema.languages import preferred_language
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.domain.storage.engine.test_compiled import statements
from tests.support.client import Client, a_token
from tests.support.stored import a_shop, an_item_input, an_order_input, store

LIST = """
query ($filter: CancellationFilter, $first: Int, $after: String, $last: Int, $before: String) {
  cancellations(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id idempotencyKey scope order { number version } notification { status } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
COUNT = "query ($filter: CancellationFilter) { cancellations(filter: $filter, first: 1) { totalCount } }"
CANCEL_ITEMS = """
mutation ($order: ID!, $item: ID!, $key: String!) { cancelItems(input: {
  orderId: $order, reason: OUT_OF_STOCK, items: [{ itemId: $item, quantity: 1 }], idempotencyKey: $key
}) { cancellation { id createdAt } } }
"""
CANCEL_PACKAGE = """
mutation ($package: ID!, $key: String!) {
  cancelPackage(input: { packageId: $package, reason: PRICING_ERROR, idempotencyKey: $key }) {
    cancellation { id createdAt } }
}
"""
CANCEL_ORDER = """
mutation ($order: ID!, $key: String!) {
  cancelOrder(input: { orderId: $order, reason: BUYER_REQUESTED, idempotencyKey: $key }) {
    cancellation { id createdAt } }
}
"""
SETTLE = "mutation ($id: ID!) { settleRefund(input: { cancellationId: $id, outcome: FAILED }) { errors { code } } }"


@pytest.fixture
async def made(client: Client, database: Database, shop: Shop) -> list[dict[str, Any]]:
    """Five cancellations, oldest first: one and two of order 1001, three of 1002, four of a gift, five failed."""
    gift = an_item_input("gift", quantity=1, subtotal="0.00", is_gift=True)
    orders = await store(
        database,
        shop,
        an_order_input("1001"),
        an_order_input("1002"),
        an_order_input("1003", gift),
        an_order_input("1004"),
    )
    uuids = [order.id.hex for order in orders]
    answers = [
        await client.data(CANCEL_ITEMS, order=f"order_{uuids[0]}", item=f"item_{uuids[0]}_1", key="one"),
        await client.data(CANCEL_ITEMS, order=f"order_{uuids[0]}", item=f"item_{uuids[0]}_1", key="two"),
        await client.data(CANCEL_PACKAGE, package=f"package_{uuids[1]}_1", key="three"),
        await client.data(CANCEL_ORDER, order=f"order_{uuids[2]}", key="four"),
        await client.data(CANCEL_ORDER, order=f"order_{uuids[3]}", key="five"),
    ]
    cancellations = [payload["cancellation"] for answer in answers for payload in answer.values()]
    await client.data(SETTLE, id=cancellations[4]["id"])
    return cancellations


async def keys(client: Client, **variables: Any) -> list[str]:
    """The idempotency keys of a page."""
    found = (await client.data(LIST, **variables))["cancellations"]
    return [edge["node"]["idempotencyKey"] for edge in found["edges"]]


@pytest.mark.usefixtures("made")
async def test_cancellations_come_newest_first_with_their_orders_as_they_are_now(client: Client) -> None:
    edges = (await client.data(LIST))["cancellations"]["edges"]

    assert [{**edge["node"], "id": ""} for edge in edges[-2:]] == [
        {
            "id": "",
            "idempotencyKey": key,
            "scope": "ITEMS",
            "order": {"number": "1001", "version": 3},
            "notification": {"status": "QUEUED"},
        }
        for key in ("two", "one")
    ]
    assert [edge["node"]["idempotencyKey"] for edge in edges] == ["five", "four", "three", "two", "one"]


async def test_filters_narrow_the_list(client: Client, made: list[dict[str, Any]]) -> None:
    order = (await client.data('{ orderByNumber(number: "1001") { id } }'))["orderByNumber"]["id"]
    third = made[2]["createdAt"]
    filters: dict[str, dict[str, Any]] = {
        "two one": {"orderId": order},
        "": {"orderId": "nothing"},
        "three": {"reasons": ["PRICING_ERROR", "OTHER"]},
        "five four": {"scopes": ["ORDER"]},
        "five": {"refundStatuses": ["FAILED"]},
        "four": {"refundStatuses": ["NOT_NEEDED"], "scopes": ["ORDER", "ITEMS"]},
        "five four three": {"createdAt": {"from": third}},
        "two one ": {"createdAt": {"to": third}},
        " ": {"scopes": []},
        "five four three two one": {"orderId": None, "reasons": None, "createdAt": {}},
    }

    found = {expected: await keys(client, filter=filter_) for expected, filter_ in filters.items()}
    counts = {expected: await client.data(COUNT, filter=filter_) for expected, filter_ in filters.items()}

    assert found == {expected: expected.split() for expected in filters}
    assert counts == {expected: {"cancellations": {"totalCount": len(expected.split())}} for expected in filters}


@pytest.mark.usefixtures("made")
async def test_pages_follow_each_other_from_either_end(client: Client) -> None:
    first = (await client.data(LIST, first=2))["cancellations"]
    second = (await client.data(LIST, first=2, after=first["pageInfo"]["endCursor"]))["cancellations"]
    last = (await client.data(LIST, last=2))["cancellations"]
    before_last = (await client.data(LIST, last=2, before=last["pageInfo"]["startCursor"]))["cancellations"]

    pages = [[edge["node"]["idempotencyKey"] for edge in page["edges"]] for page in (first, second, last, before_last)]
    more = [
        (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"])
        for page in (first, second, last, before_last)
    ]
    assert pages == [["five", "four"], ["three", "two"], ["two", "one"], ["four", "three"]]
    assert more == [(False, True), (True, True), (True, False), (True, True)]


@on_sqlite
@pytest.mark.usefixtures("made")
async def test_the_total_is_counted_only_when_it_is_asked_for(client: Client) -> None:
    with statements() as unasked:
        await client.data(LIST)
    with statements() as asked:
        await client.data(COUNT)

    assert [each for each in unasked if "count(" in each] == []
    assert len([each for each in asked if "count(" in each]) == 1


@on_sqlite
async def test_another_shop_sees_none_of_them(client: Client, database: Database, made: list[dict[str, Any]]) -> None:
    await a_shop(database, "other")
    other = client.with_token(a_token("other"))
    cursor = (await client.data(LIST, first=1))["cancellations"]["pageInfo"]["endCursor"]

    order = (await client.data('{ orderByNumber(number: "1001") { id } }'))["orderByNumber"]["id"]
    found = [await keys(other), await keys(other, filter={"orderId": order})]
    stolen = await other.post(LIST, after=cursor)
    settled = await other.data(SETTLE, id=made[0]["id"])

    assert found == [[], []]
    assert [error["extensions"]["code"] for error in stolen["errors"]] == ["BAD_USER_INPUT"]
    assert settled["settleRefund"]["errors"] == [{"code": "NOT_FOUND"}]


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": 0},
        {"first": 101},
        {"last": -1},
        {"first": 1, "last": 1},
        {"after": ""},
        {"before": "nonsense"},
        {"filter": {"reasons": ["OTHER"] * 1001}},
    ],
    ids=str,
)
@on_sqlite
async def test_arguments_that_make_no_sense_are_bad_input(client: Client, arguments: dict[str, Any]) -> None:
    body = await client.post(LIST, **arguments)

    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("accepted", "label"),
    [
        (None, "Out of stock"),
        ("de-AT, en;q=0.5", "Nicht auf Lager"),
        ("es-419", "Sin existencias"),
        ("pl, fr;q=0.8, *;q=0.1", "Rupture de stock"),
        ("ja", "在庫切れ"),
        ("id", "Stok habis"),
        ("pl, zh", "Out of stock"),
    ],
)
@on_sqlite
async def test_reasons_are_labelled_in_the_callers_language(client: Client, accepted: str | None, label: str) -> None:
    headers = {"Authorization": f"Bearer {client.token}"} | ({"Accept-Language": accepted} if accepted else {})
    body = {"query": "{ cancellationReasons { reason label scopes } }"}

    answer = (await client.http.post("/graphql", json=body, headers=headers)).json()

    reasons = answer["data"]["cancellationReasons"]
    assert reasons[0] == {"reason": "OUT_OF_STOCK", "label": label, "scopes": ["ITEMS", "PACKAGE", "ORDER"]}
    assert [each["scopes"] for each in reasons[1:]] == [["PACKAGE", "ORDER"]] * 4


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("DE", "de"),
        ("de;q=0.2, fr;q=0.30, ja;q=0", "fr"),
        ("en-US,en;q=0.9,de;q=1.0", "en"),
        ("fr;q=2, id;q=0.001", "id"),
        ("*;q=0.9, es;q=0.8", "en"),
        ("nonsense de, ;;q==, ja ; q=0.5", "ja"),
        ("de;q=0", "en"),
        (f"{'x,' * 10_000}de", "en"),
    ],
)
def test_the_best_of_our_languages_is_taken(header: str, language: str) -> None:
    assert preferred_language(header) == language
