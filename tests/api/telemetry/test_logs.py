"""What is logged, and what never is: addresses, tokens, and characters that break out of a line."""

import io
import logging
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, redirect_stderr
from pathlib import Path
from typing import Any, Literal

import httpx
import orjson
import pytest
import structlog
from websockets.asyncio.client import connect

from api.telemetry import logs
from tests.support.calling import ORDER, cancel_one
from tests.support.client import GRAPHQL_WS, SECRET, Client, a_token, hear, say
from tests.support.command import run, started
from tests.support.patience import PATIENCE_SECONDS

FIND = 'query Find { orderByNumber(number: "1001") { id items { id } buyer { email } } }'
HOSTILE = "\x1b[31m\r\n{}forged"


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str) -> Path:
    """A folder with a database that has the shop `demo` and one order."""
    assert sqlite_url.startswith("sqlite")
    (tmp_path / "orders.json").write_bytes(orjson.dumps([ORDER]))
    assert run(tmp_path, "shop", "create", "demo", "--name", "Demo Shop").returncode == 0
    assert run(tmp_path, "import", "--shop", "demo", "orders.json").returncode == 0
    return tmp_path


def lines(folder: Path, event: str) -> list[dict[str, Any]]:
    """The fields of the lines with this event, without those that depend on the clock."""
    found = [orjson.loads(line) for line in (folder / "log").read_text().splitlines()]
    left_out = {"timestamp", "ms", "logger", "level", "event"}
    return [{key: line[key] for key in line if key not in left_out} for line in found if line["event"] == event]


async def test_requests_and_operations_are_logged_with_an_id_over_every_transport(folder: Path) -> None:
    with started(folder, "serve", jwt_secret=SECRET) as (process, http):
        async with httpx.AsyncClient(base_url=http.base_url, timeout=PATIENCE_SECONDS) as other:
            client = Client(str(http.base_url), a_token(), other)
            posted = http.post(
                "/graphql",
                json={"query": FIND},
                headers={"X-Request-ID": "mine-1", "Authorization": f"Bearer {client.token}"},
            )
            async with client.socket() as socket:
                await say(socket, id="1", type="subscribe", payload={"query": FIND})
                assert (await hear(socket))["type"] == "next"
                assert (await hear(socket))["type"] == "complete"
        http.get("/nowhere")
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)

    assert posted.headers["X-Request-ID"] == "mine-1"
    [over_http, over_socket] = lines(folder, "graphql")
    expected = {"operation": "Find", "type": "query", "outcome": "ok", "shop": "demo"}
    assert over_http == expected | {"request_id": "mine-1"}
    [connection] = lines(folder, "websocket")
    assert over_socket == expected | {"request_id": connection["request_id"]}
    assert connection == {
        "method": "WEBSOCKET",
        "path": "/graphql",
        "status": 1000,
        "request_id": connection["request_id"],
    }
    asked = [(line["path"], line["status"]) for line in lines(folder, "http")]
    assert ("/graphql", 200) in asked
    assert ("", 404) in asked


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_no_line_contains_an_address_or_a_token_or_is_forged(
    folder: Path, log_format: Literal["json", "console"]
) -> None:
    token, stolen = a_token(), a_token("unknown-shop")
    with started(folder, "serve", jwt_secret=SECRET, log_format=log_format) as (process, http):
        headers = {"Authorization": f"Bearer {token}"}
        asked = http.post("/graphql", json={"query": FIND}, headers=headers).json()["data"]["orderByNumber"]
        cancelled = cancel_one(http, token, asked, "one")
        await _visit_with_secrets(str(http.base_url), token, stolen)
        with closing(sqlite3.connect(folder / "shortship.db")) as database:
            database.execute("ALTER TABLE outbox RENAME TO gone")
        fault = cancel_one(http, token, asked, "two")
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)

    assert asked["buyer"]["email"] == "ada@example.com"
    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert fault["errors"][0]["extensions"] == {"code": "INTERNAL"}
    log = (folder / "log").read_text()
    assert "graphql.internal_error" in log
    assert [secret for secret in (token, stolen, token[:40], SECRET, "ada@", "eve@") if secret in log] == []
    assert [character for character in log if not character.isprintable() and character != "\n"] == []
    assert [line for line in log.splitlines() if line.lstrip("'{}[").startswith("forged")] == []


async def _visit_with_secrets(base: str, token: str, stolen: str) -> None:
    """Sends a token and an address everywhere a client can, with characters that end a line or colour a terminal."""
    query = f'query eve {{ order(id: "eve@example.com {token}") {{ id }} }}'
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS) as http:
        for path in (f"/{token}", "/eve@example.com", f"/graphql?token={token}", "/%1b%5b31m%0d%0aforged", "/graphql"):
            await http.get(path, headers={"X-Request-ID": f"eve@example.com {token}"})
            await http.post(path, json={"query": query, "operationName": HOSTILE}, headers={"Cookie": token})
        for bad in (stolen, token[:-5], "eve@example.com", f"{token} {token}"):
            await http.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {bad}"})
        client = Client(base, token, http)
        await client.post(query)
        await client.post("query ($input: ID!) { order(id: $input) { id } }", input=[f"eve@example.com {token}"])
    address = base.replace("http", "ws") + f"/graphql?token={token}"
    async with connect(address, subprotocols=[GRAPHQL_WS]) as socket:
        await say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        await hear(socket)
        payload = {"query": query, "operationName": HOSTILE, "variables": {"token": token}}
        await say(socket, id=f"eve@example.com {token}", type="subscribe", payload=payload)
        await hear(socket)


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    """Restores the tests' logging."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.getLogger("uvicorn.access").disabled = False
    logging.getLogger("alembic").setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_libraries_log_is_redacted_too(log_format: Literal["json", "console"]) -> None:
    token = a_token()
    with redirect_stderr(io.StringIO()) as stderr:
        logs.configure(log_format)
        log = logging.getLogger("some.library")

        log.info("%s said 550 <ada@example.com> unknown", "mail.example")
        log.warning('Failing row contains (1, "Ada", ada.buyer+x@mail.example.com)')
        log.error("Authorization: Bearer %s\x1b[2J", token)
        log.error("failed", exc_info=ValueError("ada@example.com", token))
        log.info("x" * 200_000)

    text = stderr.getvalue()
    assert "said 550 <[address]> unknown" in text
    assert [secret for secret in (token, "ada", "mail.example.com", "\x1b") if secret in text] == []
