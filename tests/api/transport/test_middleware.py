"""Security headers, host names and CORS."""

from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from api.settings import Settings
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.support.client import Client, a_token, opened

pytestmark = on_sqlite
APP = "https://app.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture
async def known_by_name(settings: Settings, database: Database, shop: Shop) -> AsyncIterator[Client]:
    """A client of a server with two host names and one allowed origin."""
    names = {"trusted_hosts": ("shortship.example", "*.shops.example"), "allowed_origins": (APP,)}
    async with serving(settings.model_copy(update=names), database) as base:
        client = Client(base, a_token(shop.id))
        yield client
        await client.http.aclose()


def code(answer: httpx.Response) -> str:
    [error] = answer.json()["errors"]
    return str(error["extensions"]["code"])


async def test_every_answer_has_the_security_headers(client: Client) -> None:
    answers = [
        await client.http.post("/graphql", json={"query": "{ shop { id } }"}),
        await client.http.post("/graphql", content=b"{"),
        await client.http.get("/nowhere"),
        await client.http.get("/healthz"),
    ]

    kept = ("cache-control", "content-security-policy", "referrer-policy", "x-content-type-options", "x-frame-options")
    assert [[answer.headers[name] for name in kept] for answer in answers] == [
        ["no-store", "default-src 'none'; frame-ancestors 'none'", "no-referrer", "nosniff", "DENY"]
    ] * 4


async def test_missing_pages_are_refused_as_json(client: Client) -> None:
    paths = ("/nowhere", "/graphql/", "/graphql%2f", "/static/demo.css", "/%ff")

    answers = [await client.http.get(path) for path in paths] + [await client.http.post("/healthz")]

    assert [(answer.status_code, code(answer)) for answer in answers] == [(404, "NOT_FOUND")] * len(paths) + [
        (405, "METHOD_NOT_ALLOWED")
    ]
    assert set(answers[-1].headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "host", ["shortship.example", "SHORTSHIP.example:8000", "one.shops.example", "a.b.shops.example:1"]
)
async def test_a_server_answers_under_its_names(known_by_name: Client, host: str) -> None:
    answer = await known_by_name.http.post("/graphql", json={"query": "{ shop { name } }"}, headers={"Host": host})

    assert answer.json() == {"data": {"shop": {"name": "Demo Shop"}}}


@pytest.mark.parametrize("host", ["", "127.0.0.1:8000", "shortship.example.evil", "shops.example", "[::1]:8000", "x@y"])
async def test_under_other_names_only_probes_are_answered(known_by_name: Client, host: str) -> None:
    refused = await known_by_name.http.post("/graphql", json={"query": "{ shop { name } }"}, headers={"Host": host})
    probes = [await known_by_name.http.get(path, headers={"Host": host}) for path in ("/healthz", "/readyz")]

    assert (refused.status_code, code(refused)) == (400, "BAD_USER_INPUT")
    assert [answer.status_code for answer in probes] == [200, 200]


async def test_a_socket_is_not_opened_under_another_name(known_by_name: Client) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with opened(known_by_name):
            pass


async def test_pages_of_allowed_origins_may_call_and_read(known_by_name: Client) -> None:
    host = {"Host": "shortship.example", "Origin": APP}

    asked = await known_by_name.http.options("/graphql", headers=host | PREFLIGHT)
    answered = await known_by_name.http.post("/graphql", json={"query": "{ shop { name } }"}, headers=host)

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, APP)
    assert asked.headers["access-control-allow-methods"] == "GET, POST"
    assert answered.headers["access-control-allow-origin"] == APP
    assert "Retry-After" in answered.headers["access-control-expose-headers"]


async def test_pages_of_other_origins_may_not(known_by_name: Client) -> None:
    host = {"Host": "shortship.example", "Origin": "https://evil.example"}

    asked = await known_by_name.http.options("/graphql", headers=host | PREFLIGHT)
    answered = await known_by_name.http.post("/graphql", json={"query": "{ shop { name } }"}, headers=host)

    assert (asked.status_code, code(asked)) == (405, "METHOD_NOT_ALLOWED")
    assert not {name for answer in (asked, answered) for name in answer.headers if name.startswith("access-control")}
