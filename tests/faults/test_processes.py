"""Servers with several processes, and how they end."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import trustme

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql, on_sqlite
from tests.support.calling import ask, cancel_one
from tests.support.client import SECRET, a_token
from tests.support.command import begun, run, started
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, an_item_input, an_order_input, store

FOLLOW = {"query": "subscription { orderEvents { __typename } }"}
FIND = '{ orderByNumber(number: "1001") { id items { id } } }'


@pytest.fixture
async def shop(database: Database) -> Shop:
    shop = await a_shop(database)
    await store(database, shop, an_order_input("1001", an_item_input("dress", quantity=500, subtotal="500.00")))
    return shop


def children(pid: int) -> list[int]:
    """The serving processes of a server with several; its other child keeps count of what they share."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/status") if _is_child(path, pid)]


def _is_child(path: Path, parent: int) -> bool:
    try:
        command = path.with_name("cmdline").read_bytes()
        return f"PPid:\t{parent}\n" in path.read_text() and b"spawn_main" in command
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def left_behind(folder: Path) -> list[Path]:
    """The folders in which processes keep their shared metrics."""
    return list(folder.glob("shortship-metrics-*"))


@contextmanager
def a_silent_socket(port: int, token: str) -> Iterator[None]:
    """A websocket that subscribes to all events and then reads nothing, with buffers as small as possible."""
    with closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.connect(("127.0.0.1", port))
        client.sendall(
            b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 101")
        fields = " ".join(f"a{number}: items {{ productName }}" for number in range(30))
        query = f"subscription {{ orderEvents {{ order {{ {fields} }} }} }}"
        for message in (
            {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}},
            {"type": "subscribe", "id": "1", "payload": {"query": query}},
        ):
            text = orjson.dumps(message)
            client.sendall(b"\x81\xfe" + len(text).to_bytes(2) + bytes(4) + text)  # one frame, masked with zeros
        yield


@contextmanager
def a_stream(client: httpx.Client, token: str) -> Iterator[httpx.Response]:
    """All events as server-sent events, on a connection of its own."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    with (
        httpx.Client(base_url=client.base_url, headers=headers, timeout=PATIENCE_SECONDS) as other,
        other.stream("POST", "/graphql", json=FOLLOW) as stream,
    ):
        yield stream


@on_postgresql
async def test_a_killed_process_is_replaced_and_nothing_acknowledged_is_lost(
    database: Database,
    shop: Shop,
    database_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Catches a server that goes on with fewer processes than it was told to have, until none is left."""
    settings = {"database_url": database_url, "jwt_secret": SECRET, "processes": "2"}
    token = a_token(shop.id)
    acknowledged = tries = 0
    with begun(tmp_path, "serve", **settings) as (server, client):
        wait_until(lambda: len(children(server.pid)) == 2)
        order = ask(client, FIND, token)["data"]["orderByNumber"]
        for crash in range(2):
            os.kill(children(server.pid)[0], signal.SIGKILL)
            killed_at = time.monotonic()
            for number in range(20):
                tries += 1
                acknowledged += cancels(client, token, order, f"{crash}-{number}")
            wait_until(lambda: len(children(server.pid)) == 2 and answers(client))
            record_property("seconds until whole", round(time.monotonic() - killed_at, 1))
        server.send_signal(signal.SIGTERM)
        code = server.wait(PATIENCE_SECONDS)

    record_property("calls", tries)
    record_property("crashes", 2)
    assert acknowledged == 40
    assert code == 0
    await assert_sound(database)


def cancels(client: httpx.Client, token: str, order: dict[str, Any], key: str) -> int:
    """Cancels one unit, retrying with its key until answered; returns how many were cancelled."""
    while True:
        try:
            answer = cancel_one(client, token, order, key)
        except httpx.TransportError:
            continue
        return int(answer["data"]["cancelItems"]["errors"] == [])


@on_postgresql
@pytest.mark.usefixtures("shop")
async def test_no_process_outlives_the_one_that_started_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches orphans that hold the port, so that the server cannot be restarted."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    settings = {"database_url": database_url, "jwt_secret": SECRET, "processes": "2"}
    with begun(tmp_path, "serve", **settings) as (server, client):
        wait_until(lambda: len(children(server.pid)) == 2 and answers(client))
        serving = children(server.pid)

        server.kill()
        server.wait(PATIENCE_SECONDS)

        wait_until(lambda: not any(map(is_alive, serving)))
        assert not answers(client)
    assert left_behind(tmp_path) == []


@on_postgresql
@pytest.mark.usefixtures("shop")
async def test_a_process_that_cannot_start_ends_them_all_and_says_why(database_url: str, tmp_path: Path) -> None:
    """Catches a supervisor that starts one process after another for ever."""
    authorities = tmp_path / "authorities.pem"
    trustme.CA().cert_pem.write_to_path(str(authorities))
    mail = {"smtp_url": "smtp://127.0.0.1:1?tls=starttls", "mail_from": "orders@shop.example"}
    settings = {"database_url": database_url, "jwt_secret": SECRET, "processes": "2"} | mail
    with begun(tmp_path, "serve", **settings, smtp_ca_file=str(authorities)) as (server, client):
        wait_until(lambda: len(children(server.pid)) == 2 and answers(client))
        authorities.unlink()

        os.kill(children(server.pid)[0], signal.SIGKILL)
        code = server.wait(PATIENCE_SECONDS)

    assert code == 3
    log = (tmp_path / "log").read_text()
    assert '"event": "process.cannot_start"' in log
    assert "SHORTSHIP_SMTP_CA_FILE has no certificates" in log


@on_postgresql
@pytest.mark.usefixtures("shop")
async def test_a_second_server_on_the_port_fails_with_one_sentence(database_url: str, tmp_path: Path) -> None:
    settings = {"database_url": database_url, "jwt_secret": SECRET, "processes": "2"}
    with begun(tmp_path, "serve", **settings) as (_, client):
        port = str(client.base_url.port)

        second = run(tmp_path, "serve", **settings, port=port)
        still = client.get("/healthz").status_code

    sentence = f"Cannot listen on 127.0.0.1:{port}: Address already in use; set SHORTSHIP_PORT.\n"
    assert (second.returncode, second.stdout, second.stderr) == (2, "", sentence)
    assert still == 200


def test_sqlite_takes_one_process(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", jwt_secret=SECRET, processes="2")

    assert done.returncode == 2
    assert done.stderr == "SHORTSHIP_PROCESSES above 1 needs PostgreSQL; SQLite takes one writing process.\n"


@on_sqlite
async def test_a_server_stops_in_time_despite_sockets_that_do_not_read_and_endless_streams(
    database: Database, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    """Catches a server that waits for such a socket for ever, and is killed with requests in flight."""
    await database.close()
    token = a_token(shop.id)
    with started(tmp_path, "serve", database_url=database_url, jwt_secret=SECRET) as (server, client):
        order = ask(client, FIND, token)["data"]["orderByNumber"]
        port = client.base_url.port
        assert port
        with a_silent_socket(port, token), a_stream(client, token) as stream:
            for number in range(200):
                cancel_one(client, token, order, f"key-{number}")
            server.send_signal(signal.SIGTERM)
            stopped_at = time.monotonic()
            streamed = b"".join(stream.iter_bytes())
            streamed_for = time.monotonic() - stopped_at
            code = server.wait(PATIENCE_SECONDS)
            ended_after = time.monotonic() - stopped_at

    assert code == 0
    assert b"ItemsCancelled" in streamed
    assert streamed_for < max(5, ended_after / 2)
    again = Database(database_url)
    await assert_sound(again)
    await again.close()
