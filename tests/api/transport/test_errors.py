"""Requests that cannot be served: each is answered in GraphQL's form, with a code and without internals."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
import sqlalchemy as sa
import structlog

from api.settings import Settings
from domain.rules.order import Shop
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql, on_sqlite, serving
from tests.support.client import SECRET, Client, a_token, close_code, opened, say
from tests.support.stored import an_order_input, store

ORDER = '{ orderByNumber(number: "1001") { number } }'
FOLLOW = "subscription ($after: String) { orderEvents(after: $after) { id } }"
DIGITS = "9" * 5000


def a_body(query: Any, **more: Any) -> bytes:
    return orjson.dumps({"query": query} | more)


# Requests, and the status of the answer; its code is BAD_USER_INPUT.
BAD_BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "no JSON": (b"query", 400),
    "null": (b"null", 400),
    "number": (b"5", 400),
    "text": (b'"{ shop { id } }"', 400),
    "list": (b"[]", 400),
    "batch": (b"[" + a_body("{ shop { id } }") + b"]", 400),
    "no query": (b"{}", 400),
    "query is null": (a_body(None), 400),
    "query is empty": (a_body(""), 400),
    "query is a number": (a_body(5), 400),
    "variables are text": (a_body("{ shop { id } }", variables="x"), 400),
    "variables are a list": (a_body("{ shop { id } }", variables=[]), 400),
    "extensions are a number": (a_body("{ shop { id } }", extensions=5), 400),
    "not UTF-8": (b'{"query": "\xff"}', 400),
    "gzip": (b"\x1f\x8b\x08\x00", 400),
    "NaN": (b'{"query": NaN}', 400),
    "huge integer": (b'{"query": "{ shop { id } }", "variables": {"x": ' + DIGITS.encode() + b"}}", 400),
    "nested arrays": (b"[" * 100_000, 400),
    "nested objects": (b'{"a":' * 100_000, 400),
    "unknown operation": (a_body("query A { shop { id } }", operationName="B"), 200),
    "name of the operation is a list": (a_body("query A { shop { id } }", operationName=[]), 400),
    "no operation": (a_body("fragment F on Order { id }"), 200),
    "type definition": (a_body("type A { id: ID }"), 200),
    "syntax": (a_body("{"), 200),
    "comment": (a_body("# nothing"), 200),
    "unknown field": (a_body("{ nothing }"), 200),
    "fragment in itself": (a_body("{ shop { ...F } } fragment F on Shop { ...F }"), 200),
    "missing variable": (a_body("query ($id: ID!) { node(id: $id) { id } }"), 200),
    "wrong variable": (a_body("query ($n: Int) { orders(first: $n) { totalCount } }", variables={"n": "5"}), 200),
    "float": (a_body("query ($n: Int) { orders(first: $n) { totalCount } }", variables={"n": 1e300}), 200),
    "huge integer in the document": (a_body(f"{{ orders(first: {DIGITS}) {{ totalCount }} }}"), 200),
    "huge default": (a_body(f"query ($n: Int = {DIGITS}) {{ orders(first: $n) {{ totalCount }} }}"), 200),
    "unknown enum value": (a_body("{ orders(filter: {statuses: [LOST]}) { totalCount } }"), 200),
    "deep document": (a_body("{ a" * 900 + "}" * 900), 200),
    "deep list": (a_body("{ nodes(ids: " + "[" * 900 + "]" * 900 + ") { id } }"), 200),
    "many tokens": (a_body("{" + "shop { id } " * 600 + "}"), 200),
}


async def send(client: Client, content: bytes) -> httpx.Response:
    return await client.http.post("/graphql", content=content, headers={"Content-Type": "application/json"})


def codes(answer: httpx.Response) -> set[str]:
    return {error["extensions"]["code"] for error in answer.json()["errors"]}


@on_sqlite
async def test_a_malformed_request_is_bad_input(client: Client) -> None:
    answers = {name: await send(client, content) for name, (content, _) in BAD_BODIES.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == {
        name: status for name, (_, status) in BAD_BODIES.items()
    }
    assert {name: codes(answer) for name, answer in answers.items()} == {
        name: {"BAD_USER_INPUT"} for name in BAD_BODIES
    }
    assert {answer.headers["content-type"] for answer in answers.values()} == {"application/json"}


@on_sqlite
async def test_unsupported_methods_and_types_are_refused_as_json(client: Client) -> None:
    answers = [
        await client.http.get("/graphql", headers={"Accept": "text/html"}),
        await client.http.put("/graphql", json={"query": ORDER}),
        await client.http.options("/graphql"),
        await client.http.post("/graphql", content=a_body(ORDER), headers={"Content-Type": "text/plain"}),
        await client.http.post("/graphql", json={"query": ORDER}, headers={"Accept": "image/png"}),
    ]

    assert [(answer.status_code, *codes(answer)) for answer in answers] == [
        (404, "NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
        (405, "METHOD_NOT_ALLOWED"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (406, "NOT_ACCEPTABLE"),
    ]
    assert [answer.headers["allow"] for answer in answers[1:3]] == ["GET, POST"] * 2


@on_sqlite
async def test_queries_may_use_get(client: Client) -> None:
    by_number = "query A($n: String!) { orderByNumber(number: $n) { number } } query B { shop { name } }"
    asked = {"query": by_number, "operationName": "A", "variables": '{"n": "1"}', "extensions": "{}"}

    answers = [
        await client.http.get("/graphql", params=asked),
        await client.http.get("/graphql", params={"query": ORDER}, headers={"Accept": "text/html,*/*;q=0.8"}),
    ]

    assert [answer.json() for answer in answers] == [{"data": {"orderByNumber": None}}] * 2


@on_sqlite
async def test_nothing_else_may_use_get(client: Client) -> None:
    cancel = 'mutation { cancelOrder(input: {orderId: "1", reason: OTHER, idempotencyKey: "1"}) { replayed } }'
    stream = {"Accept": "text/event-stream"}

    answers = [
        await client.http.get("/graphql", params={"query": cancel}),
        await client.http.get("/graphql", params={"query": cancel}, headers=stream),
        await client.http.get("/graphql", params={"query": "subscription { orderEvents { id } }"}),
        await client.http.get("/graphql", params={"query": ORDER, "variables": "["}),
        await client.http.get("/graphql", params={"query": ORDER, "variables": "5"}),
        await client.http.get("/graphql"),
    ]

    assert [(answer.status_code, *codes(answer)) for answer in answers] == [
        (405, "METHOD_NOT_ALLOWED"),
        (405, "METHOD_NOT_ALLOWED"),
        (200, "BAD_USER_INPUT"),
        (400, "BAD_USER_INPUT"),
        (400, "BAD_USER_INPUT"),
        (400, "BAD_USER_INPUT"),
    ]
    assert [answer.headers["allow"] for answer in answers[:2]] == ["POST"] * 2


@on_sqlite
async def test_opening_an_address_runs_no_operation(client: Client) -> None:
    del client.http.headers["Authorization"]
    wanted = {"Accept": "text/html, text/event-stream"}

    answers = [
        await client.http.get("/graphql", params={"query": query}, headers=wanted)
        for query in (ORDER, "subscription { orderEvents { id } }")
    ]

    assert [(answer.status_code, *codes(answer)) for answer in answers] == [(401, "UNAUTHENTICATED")] * 2


@on_sqlite
@pytest.mark.parametrize(
    ("asked", "status", "has_data"),
    [
        ({"query": "{ shop { name } }"}, 200, True),
        ({"query": "mutation { resendNotification(input: {cancellationId: 1}) { errors { code } } }"}, 200, True),
        ({"query": "{"}, 400, False),
        ({"query": "{ nothing }"}, 400, False),
        ({"query": "query A { shop { id } }", "operationName": "B"}, 400, False),
        ({"query": "query ($n: Int!) { orders(first: $n) { totalCount } }"}, 400, False),
        ({"query": "subscription { orderEvents { id } }"}, 400, False),
        ({"query": ""}, 400, False),
        ({"query": "{ orders(first: 0) { totalCount } }"}, 200, True),
        ({"query": "# " + "x" * 32 * 1024 + "\n{ shop { id } }"}, 413, False),
    ],
    ids=["query", "mutation", "syntax", "field", "name", "variable", "subscription", "nothing", "resolver", "long"],
)
async def test_the_status_under_graphqls_media_type_says_whether_it_was_executed(
    client: Client, asked: dict[str, Any], status: int, *, has_data: bool
) -> None:
    answer = await client.http.post("/graphql", json=asked, headers={"Accept": "application/graphql-response+json"})

    assert (answer.status_code, "data" in answer.json()) == (status, has_data)
    assert answer.headers["content-type"] == "application/graphql-response+json"


@on_sqlite
@pytest.mark.parametrize("is_on", [True, False])
async def test_without_introspection_no_name_is_revealed(
    settings: Settings, database: Database, shop: Shop, *, is_on: bool
) -> None:
    asked = [
        "{ shup { id } }",
        "{ shop { nome } }",
        "{ orders(furst: 1) { totalCount } }",
        "query ($f: OrderFilterr) { orders(filter: $f) { totalCount } }",
        "{ orders(filter: {statuses: [ON_HOLT]}) { totalCount } }",
    ]
    by_variable = "query ($s: [OrderStatus!]) { orders(filter: {statuses: $s}) { totalCount } }"

    async with serving(settings.model_copy(update={"introspection": is_on}), database) as base:
        client = Client(base, a_token(shop.id))
        bodies = [await client.post(query) for query in asked] + [await client.post(by_variable, s=["ON_HOLT"])]
        introspected = await client.post("{ __schema { queryType { name } } }")
        await client.http.aclose()

    assert ["Did you mean" in body["errors"][0]["message"] for body in bodies] == [is_on] * 6
    assert ("data" in introspected) is is_on


@on_sqlite
async def test_long_values_are_not_sent_back(client: Client) -> None:
    query = "query ($t: DateTime) { orders(filter: {placedAt: {from: $t}}) { totalCount } }"

    body = await client.post(query, t="x" * 1_000_000)

    assert len(body["errors"][0]["message"]) < 1_000


@on_sqlite
async def test_a_fault_is_reported_without_its_details(client: Client, database: Database, shop: Shop) -> None:
    await store(database, shop, an_order_input("1001"), an_order_input("1002"))
    cursor = (await client.data("{ orderEvents(first: 1) { pageInfo { endCursor } } }"))["orderEvents"]["pageInfo"]
    await database.writing(
        EVERY_SHOP, lambda connection: connection.execute(sa.text("ALTER TABLE order_items RENAME TO gone"))
    )

    with structlog.testing.capture_logs() as logged:
        body = await client.post(ORDER)
        async with client.subscription(FOLLOW, after=cursor["endCursor"]) as results:
            followed = [answer async for answer in results]

    fault = ("Internal error; it has been logged.", {"code": "INTERNAL"})
    said = [(error["message"], error["extensions"]) for answer in (body, *followed) for error in answer["errors"]]
    assert said == [fault, fault]
    assert body["data"] == {"orderByNumber": None}
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["graphql.internal_error"] * 2


@asynccontextmanager
async def gone(url: str) -> AsyncIterator[None]:
    """Takes the PostgreSQL database away for a while."""
    server, _, name = url.rpartition("/")
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await connection.execute(terminate, name)
        await connection.execute(f"ALTER DATABASE {name} RENAME TO {name}_gone")
        try:
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {name}_gone RENAME TO {name}")
    finally:
        await connection.close()


@on_postgresql
async def test_an_outage_of_the_database_is_reported_as_such_until_it_ends(
    client: Client, database: Database, shop: Shop, database_url: str, as_owner: Callable[[str], str]
) -> None:
    await store(database, shop, an_order_input("1001"))
    cancel = (
        'mutation { cancelItems(input: {orderId: "x", reason: OTHER, items: [], idempotencyKey: "k"}) { replayed } }'
    )
    await client.data(ORDER)

    async with gone(as_owner(database_url)):
        bodies = [await client.post(ORDER), await client.post(cancel)]
        stranger = await client.with_token(a_token(scope="orders:read")).post(ORDER)
        ready = await client.http.get("/readyz")
        alive = await client.http.get("/healthz")
    after = await client.data(ORDER)

    unavailable = ("The service is unavailable; try again in a moment.", {"code": "UNAVAILABLE"})
    said = [(error["message"], error["extensions"]) for body in (*bodies, stranger) for error in body["errors"]]
    assert said == [unavailable] * 3
    assert (ready.status_code, ready.json()) == (503, {"ready": False})
    assert (alive.status_code, alive.json()) == (200, {"alive": True})
    assert after == {"orderByNumber": {"number": "1001"}}


@on_postgresql
async def test_missing_permissions_are_reported_as_an_outage(
    client: Client, database_url: str, as_owner: Callable[[str], str]
) -> None:
    async with denied(as_owner(database_url), "shops", database_url):
        stranger = await send(client, a_body(ORDER))
    known = await client.post(ORDER)
    async with denied(as_owner(database_url), "orders", database_url):
        answer = await send(client, a_body(ORDER))

    assert known == {"data": {"orderByNumber": None}}
    assert (stranger.status_code, codes(stranger)) == (503, {"UNAVAILABLE"})
    assert codes(answer) == {"UNAVAILABLE"}


@asynccontextmanager
async def denied(owner_url: str, table: str, url: str) -> AsyncIterator[None]:
    """Within the block, the role in the URL may not read the table."""
    connection, role = await asyncpg.connect(owner_url), sa.make_url(url).username
    await connection.execute(f"REVOKE SELECT ON {table} FROM {role}")  # noqa: S608 - ours
    yield
    await connection.execute(f"GRANT SELECT ON {table} TO {role}")
    await connection.close()


async def test_a_server_whose_database_never_answered_says_so() -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"

    async with serving(Settings(database_url=url, jwt_secret=SECRET), Database(url)) as base:
        client = Client(base, a_token())
        with structlog.testing.capture_logs() as logged:
            answer = await send(client, a_body(ORDER))
            ready = await client.http.get("/readyz")
            async with opened(client) as socket:
                await say(socket, type="connection_init", payload={"Authorization": f"Bearer {client.token}"})
                code = await close_code(socket)
        await client.http.aclose()

    assert (answer.status_code, codes(answer)) == (503, {"UNAVAILABLE"})
    assert ready.status_code == 503
    assert code == 1013
    reasons = [line["reason"] for line in logged if line["event"] == "database.unavailable"]
    assert reasons == ["The database none at 127.0.0.1:1 cannot be used: Connection refused."] * 3
    assert "127.0.0.1" not in answer.text


@on_sqlite
async def test_a_server_is_ready_once_its_database_is_migrated_to_this_version(
    client: Client, database: Database
) -> None:
    ready = await client.http.get("/readyz")
    await database.writing(EVERY_SHOP, lambda connection: connection.execute(sa.text("DELETE FROM alembic_version")))
    not_migrated = await client.http.get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"ready": True})
    assert (not_migrated.status_code, not_migrated.json()) == (503, {"ready": False})


@on_sqlite
async def test_an_answer_has_the_id_of_its_request(client: Client) -> None:
    given = await client.http.get("/healthz", headers={"X-Request-ID": "order-desk.42"})
    refused = await client.http.post("/graphql", headers={"X-Request-ID": "order-desk.43", "Authorization": ""})
    missing = await client.http.get("/healthz")
    strange = await client.http.get("/healthz", headers={"X-Request-ID": 'a" b'})

    assert given.headers["x-request-id"] == "order-desk.42"
    assert (refused.status_code, refused.headers["x-request-id"]) == (401, "order-desk.43")
    assert len(missing.headers["x-request-id"]) == 32
    assert len(strange.headers["x-request-id"]) == 32


async def test_the_caller_chooses_one_of_several_operations(client: Client) -> None:
    document = "query A { shop { id } } query B { shop { name } }"

    unsaid = await client.post(document)
    said = await client.http.post("/graphql", json={"query": document, "operationName": "B"})

    assert unsaid["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "data" not in unsaid
    assert said.json() == {"data": {"shop": {"name": "Demo Shop"}}}


@on_sqlite
async def test_a_caller_that_sends_too_many_faulty_documents_has_to_wait(
    settings: Settings, database: Database, shop: Shop
) -> None:
    async with serving(settings.model_copy(update={"rate_limit": 1}), database) as base:
        client = Client(base, a_token(shop.id))
        answers = await asyncio.gather(*(client.post("{") for _ in range(100)))
        await client.http.aclose()

    said = Counter(answer["errors"][0]["extensions"]["code"] for answer in answers)
    assert said.keys() == {"BAD_USER_INPUT", "RATE_LIMITED"}
    assert said["BAD_USER_INPUT"] >= 10
