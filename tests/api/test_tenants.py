"""For a shop, another shop's orders do not exist: not by id, number, cursor or key, nor in any answer."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any
from uuid import UUID

import orjson
from graphql import is_required_argument

from domain.rules.order import Shop
from domain.rules.order_input import BuyerInput, PackageInput, PackageItemInput
from domain.rules.vocabulary import PackageStatus
from domain.storage.engine.database import Database
from tests.api.operations import documents, fullest, places, root_fields
from tests.api.schema.test_schema import SERVED
from tests.support.cancelling import a_request, cancel_well, units
from tests.support.client import Client, a_token
from tests.support.invariants import assert_sound, dump
from tests.support.stored import a_shop, an_item_input, an_order_input, store

Names = dict[str, str]
# Arguments of each root field, in several sets if not all can be given at once. A text that begins with @ is a
# placeholder for a shop's own id, number or other name.
ITEM = {"itemId": "@item", "quantity": 1}
CASES: dict[str, list[dict[str, Any]]] = {
    "Query.shop": [{}],
    "Query.node": [
        {"id": name} for name in ("@shop", "@order", "@item", "@package", "@package item", "@cancellation", "@event")
    ],
    "Query.nodes": [{"ids": ["@shop", "@order", "@item", "@package", "@package item", "@cancellation", "@event"]}],
    "Query.order": [{"id": "@order"}],
    "Query.orderByNumber": [{"number": "@number"}],
    "Query.orders": [
        {"filter": {"search": name}} for name in ("@number", "@package number", "@tracking", "@sku", "@product")
    ]
    + [
        {"filter": {"skus": ["@sku"]}},
        {"filter": {"productIds": ["@product"]}},
        {"after": "@orders cursor"},
        {"before": "@orders cursor"},
    ],
    "Query.cancellations": [
        {"filter": {"orderId": "@order"}},
        {"after": "@cancellations cursor"},
        {"before": "@cancellations cursor"},
    ],
    "Query.cancellationReasons": [{}],
    "Query.previewCancelItems": [
        {"orderId": "@order", "reason": "OUT_OF_STOCK", "items": [{**ITEM, "packageId": "@package"}]}
    ],
    "Query.previewCancelPackage": [{"packageId": "@package", "reason": "OTHER"}],
    "Query.previewCancelOrder": [{"orderId": "@order", "reason": "OTHER"}],
    "Query.orderEvents": [{"after": "@feed cursor"}],
    "Mutation.settleRefund": [{"input": {"cancellationId": "@cancellation", "outcome": "FAILED"}}],
    "Mutation.resendNotification": [{"input": {"cancellationId": "@cancellation"}}],
    "Mutation.holdOrder": [{"input": {"orderId": "@order"}}],
    "Mutation.releaseOrder": [{"input": {"orderId": "@order"}}],
    "Mutation.completeOrder": [{"input": {"orderId": "@order"}}],
    "Mutation.updateOrderStatus": [{"input": {"orderId": "@order", "status": "ON_HOLD"}}],
    "Mutation.updatePackageStatus": [{"input": {"packageId": "@package", "status": "AWAITING_COLLECTION"}}],
    "Mutation.splitPackage": [{"input": {"packageId": "@package", "items": [ITEM]}}],
    "Mutation.cancelItems": [
        {
            "input": {
                "orderId": "@order",
                "reason": "OUT_OF_STOCK",
                "items": [{**ITEM, "packageId": "@package"}],
                "idempotencyKey": "items",
            }
        }
    ],
    "Mutation.cancelPackage": [{"input": {"packageId": "@package", "reason": "OTHER", "idempotencyKey": "package"}}],
    "Mutation.cancelOrder": [{"input": {"orderId": "@order", "reason": "OTHER", "idempotencyKey": "order"}}],
    "Mutation.importOrders": [{"input": {"orders": []}}],
    "Subscription.orderStatusChanged": [{"orderId": "@order"}],
    "Subscription.orderEvents": [{"orderIds": ["@order"], "after": "@feed cursor"}],
}
OPERATIONS = [name for name in CASES if not name.startswith("Subscription.")]
SUBSCRIPTIONS = [name for name in CASES if name.startswith("Subscription.")]
CURSORS = """{ orders(first: 1) { pageInfo { endCursor } } cancellations(first: 1) { pageInfo { endCursor } }
  orderEvents(first: 1) { pageInfo { endCursor } } }"""
CANCEL = """mutation ($order: ID!) { cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "key" }) {
  replayed cancellation { id order { id } } errors { code } } }"""


def used(arguments: object) -> list[tuple[str, str]]:
    """The placeholders in arguments, each as its path and itself."""

    def walk(part: object, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(part, dict):
            for key, value in part.items():
                yield from walk(value, f"{path}.{key}".lstrip("."))
        elif isinstance(part, list):
            for value in part:
                yield from walk(value, path)
        elif str(part).startswith("@"):
            yield path, str(part)

    return list(walk(arguments, ""))


def filled(arguments: Any, names: Names) -> Any:
    """The arguments with placeholders filled in; unknown ones stay."""
    if isinstance(arguments, dict):
        return {key: filled(value, names) for key, value in arguments.items()}
    if isinstance(arguments, list):
        return [filled(value, names) for value in arguments]
    return names.get(arguments, arguments) if isinstance(arguments, str) else arguments


async def furnished(client: Client, database: Database, shop: Shop) -> Names:
    """Gives the shop an order with a cancellation, in words unique to it; returns values for the placeholders."""
    word = shop.id
    given = an_order_input(
        f"{word}-number",
        an_item_input(
            quantity=9, subtotal="98.76", sku=f"{word}-sku", product_id=f"{word}-id", product_name=f"{word} tea"
        ),
        packages=(
            PackageInput(
                number=f"{word}-package",
                status=PackageStatus.AWAITING_SHIPMENT,
                items=(PackageItemInput("dress", 9),),
                tracking_number=f"{word}-tracking",
            ),
        ),
        buyer=BuyerInput(f"{word} Buyer", f"{word}@buyer.example"),
    )
    [order] = await store(database, shop, given)
    made = await cancel_well(
        database, shop, a_request(units(order, (f"{word}-sku", 2)), f"{word}-key", note=f"{word} note")
    )
    cursors = await client.with_token(a_token(shop.id)).data(CURSORS)
    uuid = order.id.hex
    return {
        "@shop": f"shop_{word}",
        "@order": f"order_{uuid}",
        "@item": f"item_{uuid}_1",
        "@package": f"package_{uuid}_1",
        "@package item": f"packageitem_{uuid}_1_1",
        "@cancellation": f"cancellation_{made.id.hex}",
        "@event": f"event_{uuid}_1",
        "@number": f"{word}-number",
        "@package number": f"{word}-package",
        "@tracking": f"{word}-tracking",
        "@sku": f"{word}-sku",
        "@product": f"{word}-id",
        "@orders cursor": cursors["orders"]["pageInfo"]["endCursor"],
        "@cancellations cursor": cursors["cancellations"]["pageInfo"]["endCursor"],
        "@feed cursor": cursors["orderEvents"]["pageInfo"]["endCursor"],
    }


def nothing() -> Names:
    """Values that no shop has."""
    uuid = "0" * 32
    ids = ("order_{}", "item_{}_1", "package_{}_1", "cancellation_{}", "event_{}_1")
    return {
        **{f"@{each.partition('_')[0]}": each.format(uuid) for each in ids},
        "@package item": f"packageitem_{uuid}_1_1",
        **{f"@{each}": f"no-{each}" for each in ("number", "package number", "tracking", "sku", "product")},
        **{f"@{each} cursor": f"no-{each}" for each in ("orders", "cancellations", "feed")},
        "@shop": "shop_no",
    }


def mixtures(ours: Names, others: Names) -> dict[str, tuple[str, Any]]:
    """Root fields and arguments with one placeholder filled from another shop, and with all of them."""
    return {
        f"{name} {arguments} {foreign}": (
            fullest(name),
            filled(arguments, ours | {each: others[each] for each in foreign}),
        )
        for name, cases in CASES.items()
        for arguments in cases
        for foreign in sorted({*((each,) for _, each in used(arguments)), tuple(each for _, each in used(arguments))})
        if foreign
    }


async def answer(client: Client, document: str, arguments: Any, names: Names) -> str:
    """The answer, with the ids and texts that were sent replaced by their placeholders."""
    if document.startswith("subscription"):
        async with client.subscription(document, **arguments) as results:
            body: object = [result async for result in results]
    else:
        body = await client.post(document, **arguments)
    text = orjson.dumps(body).decode()
    for name, sent in sorted(names.items(), key=lambda each: -len(each[1])):
        text = text.replace(sent, name)
    return text


def texts(rows: Mapping[str, list[tuple[Any, ...]]], shop_id: str) -> set[str]:
    """Every text stored for the shop, and its UUIDs as they appear in ids."""

    def walk(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            yield from chain.from_iterable(map(walk, part.values()))
        elif isinstance(part, list | tuple):
            yield from chain.from_iterable(map(walk, part))
        elif isinstance(part, UUID):
            yield part.hex
        elif type(part) is str:
            yield part

    return {text for text in walk([row for each in rows.values() for row in each if shop_id in row]) if len(text) > 2}


def test_the_cases_cover_every_root_field_and_every_place_for_an_id() -> None:
    covered = {name: {path for arguments in cases for path, _ in used(arguments)} for name, cases in CASES.items()}

    assert covered == {name: places(name) for name in root_fields()}


def test_no_other_field_takes_an_id_or_a_cursor() -> None:
    roots = {"Query", "Mutation", "Subscription"}

    others = {
        f"{kind}.{name}.{argument}"
        for kind, definition in SERVED.type_map.items()
        if kind not in roots and not kind.startswith("__")
        for name, field in getattr(definition, "fields", {}).items()
        for argument, given in getattr(field, "args", {}).items()
        if str(given.type).strip("[]!") in {"ID", "String"}
    }

    assert others == {"Order.events.after", "Money.formatted.locale"}


async def test_another_shops_data_looks_as_if_it_did_not_exist(client: Client, database: Database, shop: Shop) -> None:
    ours, none = await furnished(client, database, shop), nothing()
    theirs = await furnished(client, database, await a_shop(database, "rival"))
    before = await dump(database)

    foreign = {where: await answer(client, *each, theirs) for where, each in mixtures(ours, theirs).items()}
    missing = {where: await answer(client, *each, none) for where, each in mixtures(ours, none).items()}
    after = await dump(database)

    assert foreign == missing
    assert after == before
    secrets = texts(before, "rival") - texts(before, "demo")
    assert {"rival-number", "rival Buyer", "rival@buyer.example", "rival note", "rival-key"} <= secrets
    assert [(where, each) for where, text in foreign.items() for each in sorted(secrets) if each in text] == []
    await assert_sound(database)


async def test_a_shops_own_data_does_exist(client: Client, database: Database, shop: Shop) -> None:
    """Otherwise the test above would compare two empty answers."""
    ours, none = await furnished(client, database, shop), nothing()
    asked = [(name, each) for name, cases in CASES.items() for each in cases if used(each) and "Subscr" not in name]

    missing = [await answer(client, fullest(name), filled(each, none), {}) for name, each in asked]
    own = [await answer(client, fullest(name), filled(each, ours), {}) for name, each in asked]

    alike = [name for (name, _), text, silence in zip(asked, own, missing, strict=True) if text == silence]
    assert alike == []
    await assert_sound(database)


async def test_everything_a_shop_can_see_is_its_own(client: Client, database: Database, shop: Shop) -> None:
    await furnished(client, database, shop)
    await furnished(client, database, await a_shop(database, "rival"))
    rows = await dump(database)

    fields = [
        name
        for name, field in root_fields().items()
        if name.startswith("Query.") and not any(map(is_required_argument, field.args.values()))
    ]
    seen = [await answer(client, document, {}, {}) for name in fields for document in documents(name)]

    secrets = texts(rows, "rival") - texts(rows, "demo")
    assert {"Query.orders", "Query.cancellations", "Query.orderEvents"} <= set(fields)
    assert [each for each in sorted(secrets) if each in str(seen)] == []
    assert all(text in str(seen) for text in ("demo-number", "demo note", "demo-key"))
    await assert_sound(database)


async def test_another_shops_cursor_is_refused_by_an_orders_timeline(
    client: Client, database: Database, shop: Shop
) -> None:
    ours = await furnished(client, database, shop)
    theirs = await furnished(client, database, await a_shop(database, "rival"))
    timeline = (
        "query ($order: ID!, $after: String) { order(id: $order) { events(after: $after) { edges { cursor } } } }"
    )

    own, foreign, forged = [
        await client.post(timeline, order=ours["@order"], after=names["@feed cursor"])
        for names in (ours, theirs, nothing())
    ]

    assert "errors" not in own
    assert foreign["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert foreign == forged
    await assert_sound(database)


async def test_two_shops_can_use_the_same_numbers_and_keys(client: Client, database: Database, shop: Shop) -> None:
    other = await a_shop(database, "rival")
    [ours], [theirs] = [await store(database, each, an_order_input("1001")) for each in (shop, other)]
    stranger = client.with_token(a_token("rival"))
    by_number = '{ orderByNumber(number: "1001") { id cancellations { id } } }'

    calls = [
        (await each.data(CANCEL, order=f"order_{order.id.hex}"))["cancelOrder"]
        for each, order in ((client, ours), (stranger, theirs), (client, ours))
    ]
    found = [(await each.data(by_number))["orderByNumber"] for each in (client, stranger)]

    assert [call["errors"] for call in calls] == [[]] * 3
    assert [call["replayed"] for call in calls] == [False, False, True]
    assert [call["cancellation"]["order"]["id"] for call in calls[:2]] == [each["id"] for each in found]
    assert [[call["cancellation"]["id"]] for call in calls[:2]] == [
        [made["id"] for made in each["cancellations"]] for each in found
    ]
    assert calls[0]["cancellation"] == calls[2]["cancellation"] != calls[1]["cancellation"]
    await assert_sound(database)
