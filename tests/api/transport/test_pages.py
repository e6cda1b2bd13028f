"""Serving GraphiQL; `tests/browser` uses it."""

import gzip
from pathlib import Path

import pytest
from httpx import AsyncClient, Response

from api.settings import Settings
from api.transport import pages
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.support.client import SECRET, Client

NAME = "index-Dr_xP94p.js"
SCRIPT = "import './other.js'"
FOR_A_PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

pytestmark = on_sqlite


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, jwt_secret=SECRET, graphiql=True)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small stand-in for the built page, which needs Node."""
    folder = tmp_path / "graphiql"
    for name, text in {"index.html": "<!doctype html>", f"assets/{NAME}": SCRIPT}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(pages, "BUILT", folder)
    return folder


async def asset(http: AsyncClient, name: str, accept_encoding: str = "identity") -> Response:
    return await http.get(f"/graphiql/assets/{name}", headers={"Accept-Encoding": accept_encoding})


@pytest.mark.usefixtures("built")
async def test_the_page_is_revalidated_and_loads_only_from_this_server(client: Client) -> None:
    page = await client.http.get("/graphql", headers=FOR_A_PERSON)

    assert (page.status_code, page.text) == (200, "<!doctype html>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["vary"] == "Accept-Encoding, Accept"
    policy = page.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)


@pytest.mark.usefixtures("built")
async def test_assets_are_cached_for_ever(client: Client) -> None:
    script = await asset(client.http, NAME)

    assert (script.status_code, script.text) == (200, SCRIPT)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0, *", None),
        ("gzip; q=0.0", None),
        ("br", None),
        ("", None),
    ],
)
async def test_assets_are_compressed_for_clients_that_accept_it(
    client: Client, accepted: str, encoding: str | None
) -> None:
    script = await asset(client.http, NAME, accepted)

    assert (script.text, script.headers.get("content-encoding")) == (SCRIPT, encoding)
    assert script.headers["vary"] == "Accept-Encoding"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "name",
    [
        "missing.js",
        f"{NAME}.gz",
        "%2e%2e%2findex.html",
        "..%5cindex.html",
        "%2Fetc%2Fpasswd",
        f"{NAME}%00.js",
        "a" * 5000,
        "%ff.js",
    ],
)
async def test_nothing_else_is_found(client: Client, name: str) -> None:
    assert (await asset(client.http, name)).status_code == 404


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["/", "/graphiql", "/graphiql/"])
async def test_likely_addresses_lead_to_the_page_under_any_host_name(client: Client, path: str) -> None:
    led = await client.http.get(path, headers=FOR_A_PERSON | {"Host": "evil.example"})
    page = await client.http.get(path, headers=FOR_A_PERSON, follow_redirects=True)

    assert (led.status_code, led.headers["location"]) == (303, "/graphql")
    assert (page.status_code, page.text) == (200, "<!doctype html>")


async def test_an_unbuilt_page_says_how_to_build_it_and_everything_else_works(
    client: Client, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BUILT", built / "missing")

    page = await client.http.get("/graphql", headers=FOR_A_PERSON)
    script = await asset(client.http, NAME)
    data = await client.data("{ __typename }")

    assert (page.status_code, page.text) == (404, "GraphiQL is not built: run `make graphiql`.\n")
    assert script.status_code == 404
    assert data == {"__typename": "Query"}


@pytest.mark.usefixtures("built")
async def test_no_token_is_given_away(client: Client) -> None:
    config = await client.http.get("/graphiql/config.json", headers={"Authorization": ""})

    assert config.json() == {"headers": {"Authorization": "Bearer "}}
    assert config.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("built")
async def test_without_the_setting_nothing_of_it_is_served(settings: Settings, database: Database) -> None:
    off = settings.model_copy(update={"graphiql": False})

    async with serving(off, database) as base, AsyncClient(base_url=base) as http:
        page = await http.get("/graphql", headers=FOR_A_PERSON)
        others = [(await http.get(path)).status_code for path in ("/graphiql/config.json", f"/graphiql/assets/{NAME}")]
        welcome = await http.get("/")
        led = [(await http.get(path)).headers["location"] for path in ("/graphiql", "/graphiql/")]
        refused = await http.get("/graphiql", headers=FOR_A_PERSON, follow_redirects=True)

    assert page.headers["content-type"].startswith("application/json")
    assert page.status_code >= 400
    assert others == [404, 404]
    assert welcome.text.startswith("This is Shortship, a GraphQL API: POST operations to /graphql")
    assert welcome.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert led == ["/graphql", "/graphql"]
    assert (refused.status_code, refused.json()["errors"][0]["message"][:17]) == (404, "GraphiQL is off; ")
