"""The command as it is installed, in processes of its own."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api import schema
from tests.api.client import SECRET, a_token

COMMAND = Path(sys.executable).with_name("shortship")
SAMPLES = Path(__file__).parents[2] / "domain" / "samples" / "orders-tiktok.json"
SECONDS = 30
ORDER = {
    "number": "1001",
    "status": "AWAITING_SHIPMENT",
    "currency": "USD",
    "pricesIncludeTax": True,
    "placedAt": "2026-03-01T09:30:00Z",
    "buyer": {"name": "Ada Buyer", "email": "ada@example.com"},
    "items": [
        {
            "ref": "1",
            "sku": "SKU-dress",
            "productId": "P-dress",
            "productName": "The dress",
            "quantity": 2,
            "subtotal": "20.00",
        }
    ],
    "shippingFee": "0",
    "shippingTax": "0",
    "total": "20.00",
}
FIND = '{ orderByNumber(number: "1001") { id items { id } } }'
CANCEL = """
mutation ($input: CancelItemsInput!) { cancelItems(input: $input) { errors { code } cancellation { id } } }
"""


def an_environment(settings: dict[str, str]) -> dict[str, str]:
    """The caller's, which has no setting of ours, with these settings."""
    ours = {f"SHORTSHIP_{name.upper()}": text for name, text in settings.items()}
    return {**os.environ, **ours}  # noqa: TID251 - handed on to a process


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [COMMAND, *arguments],
        cwd=folder,
        env=an_environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


@contextmanager
def started(folder: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A server that answers, and a client of it; its stderr goes to the file `log`."""
    with started_in(an_environment(settings), folder, *arguments) as (process, client):
        yield process, client


@contextmanager
def started_in(
    environment: dict[str, str], folder: Path, *arguments: str, command: Path = COMMAND
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The same with an environment as it was made before; only the port comes to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = environment | {"SHORTSHIP_PORT": str(port)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([command, *arguments], cwd=folder, env=environment, stderr=log)  # noqa: S603
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            _wait_until_it_answers(process, client)
            yield process, client
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server does not answer")


def ask(client: httpx.Client, query: str, token: str, **variables: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    body: dict[str, Any] = answer.json()
    return body


def cancel_one(client: httpx.Client, token: str, order: dict[str, Any], key: str) -> dict[str, Any]:
    items = [{"itemId": order["items"][0]["id"], "quantity": 1}]
    request = {"orderId": order["id"], "reason": "OUT_OF_STOCK", "items": items, "idempotencyKey": key}
    return ask(client, CANCEL, token, input=request)


@pytest.fixture
def shop_folder(tmp_path: Path, sqlite_url: str) -> Path:
    """A folder with a database that has the shop `demo` and no order."""
    assert sqlite_url == f"sqlite:///{tmp_path / 'shortship.db'}"
    assert run(tmp_path, "shop", "create", "demo", "--name", "Demo Shop").returncode == 0
    return tmp_path


def test_a_database_and_a_shop_are_made_once(tmp_path: Path) -> None:
    too_early = run(tmp_path, "shop", "create", "demo", "--name", "Demo Shop")
    migrated = run(tmp_path, "migrate")
    created = run(tmp_path, "shop", "create", "demo", "--name", "Demo Shop", "--shipping-refund-policy", "NEVER")
    twice = run(tmp_path, "shop", "create", "demo", "--name", "Demo Shop")
    odd = run(tmp_path, "shop", "create", "odd", "--name", "Odd Shop", "--shipping-refund-policy", "SOMETIMES")

    missing = "The database has not the tables of this version: run `shortship migrate`.\n"
    assert said(too_early) == (2, "", missing)
    assert said(migrated) == (0, "The database is up to date.\n", "")
    assert said(created) == (0, "Created the shop demo.\n", "")
    assert said(twice) == (2, "", "There is a shop demo already.\n")
    policies = "ON_FULL_CANCELLATION, PROPORTIONAL, NEVER"
    assert said(odd) == (2, "", f"There is no policy SOMETIMES; take one of {policies}.\n")


def test_an_import_counts_and_says_what_it_rejects(shop_folder: Path) -> None:
    orders = shop_folder / "orders.jsonl"
    bad = ORDER | {"number": "1002", "total": "19.99"}
    orders.write_bytes(b"\n".join(orjson.dumps(order) for order in (ORDER, bad)))
    (shop_folder / "cut.json").write_bytes(orjson.dumps([ORDER])[:-20])

    sample = run(shop_folder, "import", "--shop", "demo", str(SAMPLES))
    again = run(shop_folder, "import", "--shop", "demo", str(SAMPLES))
    rejected = run(shop_folder, "import", "--shop", "demo", "orders.jsonl")
    cut_off = run(shop_folder, "import", "--shop", "demo", "cut.json")
    missing = run(shop_folder, "import", "--shop", "demo", "missing.json")
    nobody = run(shop_folder, "import", "--shop", "nobody", "orders.jsonl")

    assert said(sample) == (0, "created 60, unchanged 0, rejected 0\n", "")
    assert said(again) == (0, "created 0, unchanged 60, rejected 0\n", "")
    assert said(rejected)[:2] == (1, "created 1, unchanged 0, rejected 1\n")
    assert rejected.stderr.startswith("1002: AMOUNTS_DO_NOT_ADD_UP: ")
    assert rejected.stderr.count("\n") == 1
    for unread in (cut_off, missing):
        assert unread.returncode == 2
        assert unread.stderr.count("\n") == 1
        assert "Traceback" not in unread.stderr
    create = "run `shortship shop create nobody --name NAME`"
    assert (nobody.returncode, nobody.stderr) == (2, f"There is no shop nobody: {create}.\n")


def test_the_schema_needs_no_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "schema")

    assert said(done) == (0, schema.printed(), "")


def test_a_token_needs_the_secret_and_a_scope_that_there_is(tmp_path: Path) -> None:
    arguments = ("token", "--shop", "demo", "--scope")

    without = run(tmp_path, *arguments, "orders:read")
    unknown = run(tmp_path, *arguments, "orders:read orders:all", jwt_secret=SECRET)

    assert said(without) == (2, "", "There is no secret to sign with: set SHORTSHIP_JWT_SECRET.\n")
    assert said(unknown)[:2] == (2, "")
    assert unknown.stderr.startswith("There is no scope orders:all; there are orders:read, ")


# Settings with which `serve` refuses to start, and what it says.
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no keys": (
        {},
        "There are no keys to check tokens with: set SHORTSHIP_JWT_SECRET or SHORTSHIP_JWKS.",
    ),
    "short secret": (
        {"jwt_secret": "too short"},
        "SHORTSHIP_JWT_SECRET: has to be at least 32 bytes long",
    ),
    "no key file": (
        {"jwks": "missing.json"},
        "SHORTSHIP_JWKS: missing.json is no file with a JSON Web Key Set.",
    ),
    "keys over http": (
        {"jwks": "http://issuer.example/keys"},
        "SHORTSHIP_JWKS: has to be a file or an https address",
    ),
    "port": (
        {"jwt_secret": SECRET, "port": "http"},
        "SHORTSHIP_PORT: Input should be a valid integer, unable to parse string as an integer",
    ),
    "database": (
        {"jwt_secret": SECRET, "database_url": "mysql://host/name"},
        "SHORTSHIP_DATABASE_URL: Use sqlite:///path or postgresql://user:password@host/database.",
    ),
    "not migrated": (
        {"jwt_secret": SECRET, "database_url": "sqlite:///other.db"},
        "The database has not the tables of this version: run `shortship migrate`.",
    ),
    "unreachable": (
        {"jwt_secret": SECRET, "database_url": "postgresql://nobody@127.0.0.1:1/none"},
        "The database cannot be reached, or it cannot write.",
    ),
    "no sender": (
        {"jwt_secret": SECRET, "smtp_url": "smtp://127.0.0.1:1?tls=none"},
        "SHORTSHIP_SMTP_URL needs SHORTSHIP_MAIL_FROM, the address that mails come from.",
    ),
    "bad sender": (
        {"jwt_secret": SECRET, "mail_from": "nobody"},
        "SHORTSHIP_MAIL_FROM: is no address such as Shop name <orders@example.com>",
    ),
    "password in brackets": (
        {"jwt_secret": SECRET, "smtp_url": "smtp://u:[s3cr3t]@h:25", "mail_from": "a@example.com"},
        (
            "SHORTSHIP_SMTP_URL: Use smtp://user:password@host:587?tls=starttls. "
            "Write @, : and / of a password as %40, %3A and %2F."
        ),
    ),
    "password with an at sign": (
        {"jwt_secret": SECRET, "database_url": "postgresql://user:p@ss:s3cr3t@host/db"},
        (
            "SHORTSHIP_DATABASE_URL: Use sqlite:///path or postgresql://user:password@host/database. "
            "Write @, : and / of a password as %40, %3A and %2F."
        ),
    ),
    "bad mail server": (
        {"jwt_secret": SECRET, "smtp_url": "http://127.0.0.1", "mail_from": "a@example.com"},
        "SHORTSHIP_SMTP_URL: Use smtp://user:password@host:587?tls=starttls.",
    ),
}


@pytest.mark.usefixtures("sqlite_url")
@pytest.mark.parametrize(("settings", "sentence"), REFUSED.values(), ids=REFUSED)
def test_serve_refuses_to_start_with_one_sentence(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    done = run(tmp_path, "serve", **settings)

    assert said(done) == (2, "", f"{sentence}\n")


def test_a_server_serves_alone_logs_no_secret_and_ends_when_told(shop_folder: Path) -> None:
    (shop_folder / "orders.json").write_bytes(orjson.dumps([ORDER]))
    run(shop_folder, "import", "--shop", "demo", "orders.json")
    scopes = "orders:read orders:cancel"
    token = run(shop_folder, "token", "--shop", "demo", "--scope", scopes, jwt_secret=SECRET).stdout.strip()
    stolen = a_token("unknown-shop")

    with started(shop_folder, "serve", jwt_secret=SECRET) as (process, client):
        ready = client.get("/readyz").status_code
        order = ask(client, FIND, token)["data"]["orderByNumber"]
        cancelled = cancel_one(client, token, order, "one")
        refused = ask(client, FIND, stolen)
        second = run(shop_folder, "serve", jwt_secret=SECRET, port="0")
        migrating = run(shop_folder, "migrate")
        with closing(sqlite3.connect(shop_folder / "shortship.db")) as database:
            database.execute("ALTER TABLE outbox RENAME TO gone")
        fault = cancel_one(client, token, order, "two")
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)

    assert ready == 200
    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert refused["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert fault["errors"][0]["extensions"] == {"code": "INTERNAL"}
    for done in (second, migrating):
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "is in use by another process" in done.stderr
    assert code == 0
    log = (shop_folder / "log").read_text()
    lines = [orjson.loads(line) for line in log.splitlines()]
    assert {"http", "graphql.internal_error", "mail.stays_queued"} <= {line["event"] for line in lines}
    assert [secret for secret in (token, stolen, SECRET, "ada@example.com") if secret in log] == []


def test_a_server_leaves_the_mail_to_workers_when_told(shop_folder: Path) -> None:
    (shop_folder / "orders.json").write_bytes(orjson.dumps([ORDER]))
    run(shop_folder, "import", "--shop", "demo", "orders.json")
    token = a_token()
    mail = {"smtp_url": "smtp://127.0.0.1:1?tls=none", "mail_from": "orders@shop.example"}

    with started(shop_folder, "serve", "--no-worker", jwt_secret=SECRET, **mail) as (process, client):
        cancelled = cancel_one(client, token, ask(client, FIND, token)["data"]["orderByNumber"], "one")
        worker = run(shop_folder, "worker", **mail)
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)

    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert (worker.returncode, worker.stderr.count("\n")) == (2, 1)
    assert "is in use by another process" in worker.stderr
    assert code == 0
    log = (shop_folder / "log").read_text()
    told = [orjson.loads(line)["event"] for line in log.splitlines()]
    assert [event for event in told if "mail" in event] == []


def test_the_demo_shows_operations_and_the_mail_of_a_cancellation(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--still") as (process, client):
        page = client.get("/").text
        style = client.get("/static/demo.css").status_code
        token = page.split("Authorization: Bearer ")[1].split("<")[0].strip()
        first = "{ orders(first: 1, filter: {itemsCancellable: true, skus: []}) { totalCount } }"
        none = ask(client, first, token)
        find = "{ orders(filter: {itemsCancellable: true}) { edges { node { id items { id cancellableQuantity } } } } }"
        node = ask(client, find, token)["data"]["orders"]["edges"][0]["node"]
        items = [item for item in node["items"] if item["cancellableQuantity"]]
        cancelled = cancel_one(client, token, node | {"items": items}, "demo")
        mailbox = _mailbox_with_a_mail(client)
        config = client.get("/graphiql/config.json").json()
        misled = client.get("/graphiql/config.json", headers={"Host": "evil.example"})
        prepared = [(tab["query"], orjson.loads(tab["variables"] or "{}")) for tab in config["tabs"]]
        listed, previewed, carried_out = [ask(client, query, token, **given)["data"] for query, given in prepared[:3]]
        process.send_signal(signal.SIGINT)
        code = process.wait(SECONDS)

    assert style == 200
    assert page.count("/graphql#") == 4
    assert none["data"]["orders"]["totalCount"] == 0
    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert mailbox.count("<article>") == 1
    assert (misled.status_code, token in misled.text) == (400, False)
    assert config["headers"] == {"Authorization": f"Bearer {token}"}
    assert listed["orders"]["totalCount"] == 45
    assert previewed["previewCancelItems"]["errors"] == []
    assert (carried_out["cancelItems"]["errors"], carried_out["cancelItems"]["replayed"]) == ([], False)
    assert prepared[3][0].startswith("# Everything that happens")
    assert code == 0


def _mailbox_with_a_mail(client: httpx.Client) -> str:
    deadline = time.monotonic() + SECONDS
    while "<article>" not in (page := client.get("/mailbox").text) and time.monotonic() < deadline:
        time.sleep(0.05)
    return page


def test_the_demo_listens_on_loopback_only(tmp_path: Path) -> None:
    done = run(tmp_path, "demo", host="0.0.0.0")  # noqa: S104 - it refuses

    assert said(done) == (2, "", "The demo listens on loopback only: leave SHORTSHIP_HOST unset.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_one_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        done = run(tmp_path, "demo", port=port)

    sentence = f"127.0.0.1:{port} cannot be listened on: Address already in use; set SHORTSHIP_PORT.\n"
    assert said(done) == (2, "", sentence)
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_a_folder_that_is_missing_makes_none(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", database_url="sqlite:///missing/shop.db")

    assert said(done) == (2, "", "There is no folder missing for the database.\n")
    assert list(tmp_path.iterdir()) == []
