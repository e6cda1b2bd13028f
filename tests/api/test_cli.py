"""The command: its output, run in this process, and its behaviour as a process."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api import cli
from api.commands import tokens
from api.schema import served
from domain.rules.ids import SHOP_ID_RULE
from tests.support.client import SECRET, a_token
from tests.support.command import COMMAND, an_environment, begun, run, said, started
from tests.support.patience import PATIENCE_SECONDS

SAMPLES = Path(__file__).parents[2] / "api" / "demo" / "samples" / "orders-tiktok.json"
ORDER: dict[str, Any] = {  # JSON
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


# Runs a command in the test's folder, with settings; returns its exit code, stdout and stderr.
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs in this process, a hundred times as fast."""

    def run_here(*arguments: str, **settings: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["shortship", *arguments])
            for name, text in settings.items():
                patch.setenv(f"SHORTSHIP_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run_here


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
def shop_folder(tmp_path: Path, sqlite_url: str, command: Command) -> Path:
    """A folder with a database that has the shop `demo` and no orders."""
    assert sqlite_url == f"sqlite:///{tmp_path / 'shortship.db'}"
    assert command("shop", "create", "demo", "--name", "Demo Shop") == (0, "Created the shop demo.\n", "")
    return tmp_path


def test_a_database_and_a_shop_are_created_once(command: Command) -> None:
    too_early = command("shop", "create", "demo", "--name", "Demo Shop")
    migrated = command("migrate")
    created = command("shop", "create", "demo", "--name", "Demo Shop", "--shipping-refund-policy", "NEVER")
    twice = command("shop", "create", "demo", "--name", "Demo Shop")
    odd = command("shop", "create", "odd", "--name", "Odd Shop", "--shipping-refund-policy", "SOMETIMES")
    bad = command("shop", "create", "Bad Id!", "--name", "Odd Shop")

    missing = "The database shortship.db does not exist: run `shortship migrate`.\n"
    assert too_early == (2, "", missing)
    assert migrated == (0, "The database is up to date.\n", "")
    assert created == (0, "Created the shop demo.\n", "")
    assert twice == (2, "", "There is a shop demo already.\n")
    policies = "ON_FULL_CANCELLATION, PROPORTIONAL, NEVER"
    assert odd == (2, "", f"Unknown policy SOMETIMES; use one of {policies}.\n")
    assert bad == (2, "", f"{SHOP_ID_RULE}\n")


def test_shops_are_listed_and_changed(command: Command, database_url: str) -> None:
    def shop(*arguments: str) -> tuple[int, str, str]:
        return command("shop", *arguments, database_url=database_url)

    none = shop("list")
    shop("create", "two", "--name", "Two")
    shop("create", "one", "--name", "Ada's Läden", "--shipping-refund-policy", "NEVER")
    listed = shop("list")
    renamed = shop("update", "one", "--name", "One")
    changed = shop("update", "two", "--shipping-refund-policy", "PROPORTIONAL")

    assert none == (0, "", "")
    assert listed == (0, "one\tNEVER\tAda's Läden\ntwo\tON_FULL_CANCELLATION\tTwo\n", "")
    assert (renamed, changed) == ((0, "Updated the shop one.\n", ""), (0, "Updated the shop two.\n", ""))
    assert shop("list") == (0, "one\tNEVER\tOne\ntwo\tPROPORTIONAL\tTwo\n", "")
    assert shop("update", "one") == (2, "", "Nothing to change: give --name or --shipping-refund-policy.\n")
    assert shop("update", "three", "--name", "Three") == (2, "", f"{no_shop('three')}\n")
    assert shop("update", "one", "--name", " ")[:2] == (2, "")


def no_shop(shop_id: str) -> str:
    return f"The shop {shop_id} does not exist: run `shortship shop create {shop_id} --name NAME`."


def test_an_import_reports_counts_and_rejections(command: Command, shop_folder: Path) -> None:
    orders = shop_folder / "orders.jsonl"
    bad = ORDER | {"number": "1002", "total": "19.99"}
    orders.write_bytes(b"\n".join(orjson.dumps(order) for order in (ORDER, bad)))
    (shop_folder / "cut.json").write_bytes(orjson.dumps([ORDER])[:-20])

    sample = command("import", "--shop", "demo", str(SAMPLES))
    again = command("import", "--shop", "demo", str(SAMPLES))
    rehearsed = command("import", "--shop", "demo", "orders.jsonl", "--dry-run")
    rejected = command("import", "--shop", "demo", "orders.jsonl")
    cut_off = command("import", "--shop", "demo", "cut.json")
    missing = command("import", "--shop", "demo", "missing.json")
    nobody = command("import", "--shop", "nobody", "orders.jsonl")
    older = command("import", "--shop", "Läden & Co", "orders.jsonl")

    assert sample == (0, "created 60, unchanged 0, rejected 0\n", "")
    assert again == (0, "created 0, unchanged 60, rejected 0\n", "")
    assert rejected[:2] == (1, "created 1, unchanged 0, rejected 1\n")
    assert rejected[2].startswith("1002: AMOUNTS_DO_NOT_ADD_UP: ")
    assert rejected[2].count("\n") == 1
    assert rehearsed == (1, "created 1, unchanged 0, rejected 1 (dry run: nothing is stored)\n", rejected[2])
    for code, _, sentence in (cut_off, missing):
        assert (code, sentence.count("\n")) == (2, 1)
    assert nobody == (2, "", f"{no_shop('nobody')}\n")
    assert older == (2, "", "The shop 'Läden & Co' does not exist: `shortship shop list` shows the shops.\n")


def test_problems_beyond_the_first_are_counted_by_kind(command: Command, shop_folder: Path) -> None:
    orders = [ORDER | {"number": f"{number}", "total": "19.99"} for number in range(1_200)]
    (shop_folder / "orders.json").write_bytes(orjson.dumps([*orders, ORDER | {"total": "-1"}]))
    alike = "AMOUNTS_DO_NOT_ADD_UP: total is 19.99, but the parts sum to 20.00."

    code, counts, problems = command("import", "--shop", "demo", "orders.json")
    none = command("import", "--shop", "demo", "orders.json", "--problems", "0")
    *each, rest = problems.splitlines()

    assert (code, counts) == (1, "created 0, unchanged 0, rejected 1201\n")
    assert each == [f"{number}: {alike}" for number in range(20)]
    assert rest == "and 1,181 more: 1,180 AMOUNTS_DO_NOT_ADD_UP, 1 INVALID_VALUE"
    assert none[2] == "1,201 problems: 1,200 AMOUNTS_DO_NOT_ADD_UP, 1 INVALID_VALUE\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_import_says_how_far_it_got(command: Command, shop_folder: Path, sent: signal.Signals) -> None:
    [item] = ORDER["items"]
    long = {"items": [item | {"productName": "n" * 500, "imageUrl": f"https://example.com/{'i' * 1_900}"}]}
    content = b"".join(orjson.dumps(ORDER | long | {"number": f"{number}"}) + b"\n" for number in range(1_999))
    importing = subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "import", "--shop", "demo", "-"],
        cwd=shop_folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert importing.stdin

    with importing:
        # It reads the last of these orders only after storing the first, and then waits for more.
        written = memoryview(content)
        while written:
            written = written[importing.stdin.write(written) :]
        importing.send_signal(sent)
        code = importing.wait(PATIENCE_SECONDS)
        out, err = (stream.read().decode() for stream in (importing.stdout, importing.stderr) if stream)
    with closing(sqlite3.connect(shop_folder / "shortship.db")) as database:
        [(stored,)] = database.execute("SELECT count(*) FROM orders")
    (shop_folder / "orders.jsonl").write_bytes(content)
    again = command("import", "--shop", "demo", "orders.jsonl")

    assert stored in {500, 1_000, 1_500}
    assert code == 128 + sent
    assert out == f"created {stored}, unchanged 0, rejected 0\n"
    assert err == f"Stopped after {stored:,} orders, the last of them {stored - 1}.\n"  # a pipe cannot be read again
    assert again == (0, f"created {1_999 - stored}, unchanged {stored}, rejected 0\n", "")


def test_the_schema_needs_no_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "schema")

    assert said(done) == (0, served.printed(), "")


def test_a_token_needs_the_secret_and_a_known_scope(command: Command) -> None:
    arguments = ("token", "--shop", "demo", "--scope")

    without = command(*arguments, "orders:read")
    code, out, sentence = command(*arguments, "orders:read orders:all", jwt_secret=SECRET)

    assert without == (2, "", "No secret to sign with: set SHORTSHIP_JWT_SECRET.\n")
    assert (code, out) == (2, "")
    assert sentence.startswith("Unknown scope orders:all; the scopes are orders:read, ")


def test_a_token_for_an_unknown_shop_comes_with_a_warning(command: Command, database_url: str) -> None:
    def token(shop_id: str) -> tuple[int, str, str]:
        arguments = ("--shop", shop_id, "--scope", "orders:read")
        return command("token", *arguments, jwt_secret=SECRET, database_url=database_url)

    command("shop", "create", "demo", "--name", "Demo Shop", database_url=database_url)

    for shop_id, expected in (("demo", ""), ("nobody", f"The token will be refused. {no_shop('nobody')}\n")):
        code, text, warning = token(shop_id)
        assert (code, text.count("."), warning) == (0, 2, expected)


@pytest.mark.parametrize("kind", ["none", "without tables", "unreachable", "silent"])
def test_a_token_needs_no_database(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(tokens, "_LOOK_SECONDS", 0.1)
    (tmp_path / "empty.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = {
            "none": "sqlite:///missing.db",
            "without tables": "sqlite:///empty.db",
            "unreachable": "postgresql://nobody@127.0.0.1:1/none",
            "silent": f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none",
        }[kind]
        code, token, warning = command(
            "token", "--shop", "demo", "--scope", "orders:read", jwt_secret=SECRET, database_url=url
        )

    assert (code, token.count("."), warning) == (0, 2, "")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]


def test_every_command_has_help_under_both_names(command: Command) -> None:
    for names in ((), ("serve",), ("import",), ("shop",), ("shop", "update")):
        assert command(*names, "-h") == command(*names, "--help")
        assert command(*names, "-h")[0] == 0


def test_the_version_is_that_of_the_package(command: Command) -> None:
    assert command("--version") == (0, f"shortship {metadata.version('shortship')}\n", "")


LOADED = """
import os, sys
from api import cli

def loaded(names, *arguments):
    sys.argv = ["shortship", *arguments]
    try:
        cli.main()
    except SystemExit:
        print(*[name for name in names if name in sys.modules], sep=",", file=sys.stderr)

for arguments in (["--help"], ["--version"], ["import", "-h"]):
    loaded(["asyncio", "sqlalchemy", "starlette", "strawberry"], *arguments)
os.environ |= {"_SHORTSHIP_COMPLETE": "complete_bash", "COMP_WORDS": "shortship imp", "COMP_CWORD": "1"}
loaded(["asyncio", "sqlalchemy", "starlette", "strawberry"])
del os.environ["_SHORTSHIP_COMPLETE"]
for arguments in (["token", "--shop", "demo", "--scope", "orders:read"], ["shop", "list"], ["check"]):
    loaded(["starlette", "strawberry", "uvicorn"], *arguments)
loaded(["starlette", "strawberry", "uvicorn"], "import", "--shop", "demo", "missing.json")
"""


def test_a_command_loads_no_more_than_it_needs(shop_folder: Path) -> None:
    """Help and completion must be instant, and these libraries are slow to load."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", LOADED],
        cwd=shop_folder,
        env=an_environment({"jwt_secret": SECRET}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    missing = "missing.json cannot be read: No such file or directory."
    assert done.stderr.splitlines() == ["", "", "", "", "", "", "", missing, ""]
    assert "\nimport\n" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    script = """
    eval "$("$0" --show-completion bash)"
    COMP_WORDS=(shortship shop u) COMP_CWORD=2
    _shortship_completion "$0"
    echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(  # noqa: S603 - our own command
        ["bash", "-c", script, COMMAND],  # noqa: S607 - found on the PATH
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert said(done) == (0, "update\n", "")


# Settings under which `serve` refuses to start, with the errors.
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no keys": (
        {},
        "No keys to verify tokens: set SHORTSHIP_JWT_SECRET or SHORTSHIP_JWKS.",
    ),
    "short secret": (
        {"jwt_secret": "too short"},
        "SHORTSHIP_JWT_SECRET: must be at least 32 bytes long",
    ),
    "no key file": (
        {"jwks": "missing.json"},
        "SHORTSHIP_JWKS: missing.json is not a file with a JSON Web Key Set.",
    ),
    "keys over http": (
        {"jwks": "http://issuer.example/keys"},
        "SHORTSHIP_JWKS: must be a file or an https address",
    ),
    "port": (
        {"jwt_secret": SECRET, "port": "http"},
        "SHORTSHIP_PORT: must be a number from 0 to 65535",
    ),
    "database": (
        {"jwt_secret": SECRET, "database_url": "mysql://host/name"},
        "SHORTSHIP_DATABASE_URL: Use sqlite:///path or postgresql://user:password@host/database.",
    ),
    "not migrated": (
        {"jwt_secret": SECRET, "database_url": "sqlite:///other.db"},
        "The database other.db does not exist: run `shortship migrate`.",
    ),
    "unreachable": (
        {"jwt_secret": SECRET, "database_url": "postgresql://nobody@127.0.0.1:1/none"},
        "The database none at 127.0.0.1:1 cannot be used: Connection refused.",
    ),
    "no sender": (
        {"jwt_secret": SECRET, "smtp_url": "smtp://127.0.0.1:1?tls=none"},
        "SHORTSHIP_SMTP_URL needs SHORTSHIP_MAIL_FROM, the address that mail comes from.",
    ),
    "bad sender": (
        {"jwt_secret": SECRET, "mail_from": "nobody"},
        "SHORTSHIP_MAIL_FROM: is not an address such as Shop name <orders@example.com>",
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
            "SHORTSHIP_DATABASE_URL: Use postgresql://user:password@host/database. "
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


def test_a_server_runs_alone_logs_no_secret_and_stops_when_told(shop_folder: Path) -> None:
    (shop_folder / "orders.json").write_bytes(orjson.dumps([ORDER]))
    run(shop_folder, "import", "--shop", "demo", "orders.json")
    scopes = "orders:read orders:cancel"
    token = run(shop_folder, "token", "--shop", "demo", "--scope", scopes, jwt_secret=SECRET).stdout.strip()
    stolen = a_token("unknown-shop")

    with begun(shop_folder, "serve", jwt_secret=SECRET) as (process, client):
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
        code = process.wait(PATIENCE_SECONDS)

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
        code = process.wait(PATIENCE_SECONDS)

    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert (worker.returncode, worker.stderr.count("\n")) == (2, 1)
    assert "is in use by another process" in worker.stderr
    assert code == 0
    log = (shop_folder / "log").read_text()
    logged = [orjson.loads(line)["event"] for line in log.splitlines()]
    assert [event for event in logged if "mail" in event] == []


def test_a_taken_port_is_one_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        done = run(tmp_path, "demo", port=port)

    sentence = f"Cannot listen on 127.0.0.1:{port}: Address already in use; set SHORTSHIP_PORT.\n"
    assert said(done) == (2, "", sentence)
    assert list(tmp_path.iterdir()) == []


def test_a_port_reserved_for_root_is_reported_as_the_port(tmp_path: Path) -> None:
    without = ["setpriv", "--bounding-set=-net_bind_service"] if os.geteuid() == 0 else []
    done = subprocess.run(  # noqa: S603 - our own command
        [*without, COMMAND, "demo"],
        cwd=tmp_path,
        env=an_environment({"port": "80"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert said(done) == (2, "", "Cannot listen on 127.0.0.1:80: Permission denied; set SHORTSHIP_PORT.\n")


def test_a_database_in_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", database_url="sqlite:///missing/shop.db")

    assert said(done) == (2, "", "The database missing/shop.db cannot be used: there is no folder missing.\n")
    assert list(tmp_path.iterdir()) == []
