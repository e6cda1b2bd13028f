"""`serve`: when it refuses to start, and what becomes of its process."""

import os
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tests.support.calling import FIND, ORDER, ask, cancel_one
from tests.support.client import SECRET, a_token
from tests.support.command import COMMAND, an_environment, begun, run, said, started
from tests.support.patience import PATIENCE_SECONDS

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
            "In a password, write @, : and / as %40, %3A and %2F."
        ),
    ),
    "password with an at sign": (
        {"jwt_secret": SECRET, "database_url": "postgresql://user:p@ss:s3cr3t@host/db"},
        (
            "SHORTSHIP_DATABASE_URL: Use postgresql://user:password@host/database. "
            "In a password, write @, : and / as %40, %3A and %2F."
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
