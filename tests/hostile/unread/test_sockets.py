"""Unread sockets are dropped, and nothing piles up for them; slow readers get everything."""

import asyncio
import re

import orjson
import pytest
from websockets.frames import Opcode

from api.transport.http1 import PatientSocket
from tests.api.conftest import on_sqlite
from tests.faults.test_subscribers import HEAVY
from tests.hostile.unread.serving import (
    FULL,
    LARGE,
    LENGTH,
    UNREAD_SECONDS,
    UPGRADE,
    HastySocket,
    Served,
    connected,
    frame,
    read_on,
    unread,
)
from tests.support.client import hear, say
from tests.support.patience import PATIENCE_SECONDS

pytestmark = on_sqlite

# All answers together must not fit into the kernel's buffers.
ANSWERED = f"{{ shop {{ {' '.join(f'a{each}: id' for each in range(10))} }} }}"
REFUSED = f"{{ {' '.join(f'a{each}' for each in range(10))} }}"


async def test_a_socket_that_reads_nothing_is_dropped_and_nothing_piles_up(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with unread(served) as silent:
        for number in range(20):
            await say(silent, id=f"{number}", type="subscribe", payload=orjson.loads(LARGE))
        await say(silent, id="events", type="subscribe", payload={"query": HEAVY, "variables": {"after": served.start}})
        silent.transport.resume_reading()
        await hear(silent)  # once the first answer is read, all others are ready to send
        silent.transport.pause_reading()
        most, _ = await served.most_until_left()

    assert most < 2 * LENGTH
    assert faults(caplog) == []


async def test_a_slow_reader_of_a_socket_gets_every_answer(served: Served) -> None:
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {served.client.token}"}}
    asked = [{"type": "subscribe", "id": f"{number}", "payload": orjson.loads(LARGE)} for number in range(2)]
    loop = asyncio.get_running_loop()

    async with connected(served, UPGRADE) as connection:
        await read_on(connection, end=b"\r\n\r\n")
        await loop.sock_sendall(connection, frame(Opcode.TEXT, orjson.dumps(init)))
        await read_on(connection, end=b"connection_ack")
        await loop.sock_sendall(connection, b"".join(frame(Opcode.TEXT, orjson.dumps(each)) for each in asked))
        received = await read_on(connection, end=b'"type":"complete"', times=2, pause=0.1)

    assert sorted(re.findall(rb'"id":"(\d)","type":"(\w+)"', received)) == [
        (b"0", b"complete"),
        (b"0", b"next"),
        (b"1", b"complete"),
        (b"1", b"next"),
    ]
    assert received.count(b"note") == 500


async def test_a_socket_with_nothing_to_read_is_left_alone(served: Served) -> None:
    async with served.client.socket() as idle:
        await asyncio.sleep(2 * UNREAD_SECONDS)
        await say(idle, type="ping")

        assert await hear(idle) == {"type": "pong"}


def faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Errors in the log, which no client should be able to cause."""
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


async def test_unread_pongs_do_not_pile_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HastySocket, "unread_seconds", PATIENCE_SECONDS)  # longer than all pings take

    async with unread(served) as flooding:
        flooding.transport.write(frame(Opcode.PING, b"x" * 125) * 50_000)
        await served.until(lambda: flooding.transport.get_write_buffer_size() == 0)
        held = served.held
        answered = await flooding.ping(b"last")
        flooding.transport.resume_reading()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await answered

    assert 0 < held < FULL


@pytest.mark.parametrize(
    ("query", "count", "size"),
    [("", 60_000, 1), (REFUSED, 3_000, 10_000), (ANSWERED, 3_000, 10_000)],
    ids=["pings", "errors", "answers"],
)
async def test_a_client_that_reads_no_answers_is_not_read_from(
    served: Served, caplog: pytest.LogCaptureFixture, query: str, count: int, size: int
) -> None:
    """Few large messages arrive at once, and each one read makes room for the next."""
    kind = "subscribe" if query else "ping"
    payload = {"query": query, "extensions": {"x": "x" * size}}
    messages = [orjson.dumps({"type": kind, "id": f"{each}", "payload": payload}) for each in range(count)]
    frames = b"".join(frame(Opcode.TEXT, each) for each in messages)

    async with unread(served) as flooding:
        flooding.transport.write(frames)
        held, tasks = await served.most_until_left()

    assert 0 < held < FULL
    assert tasks < 300
    assert faults(caplog) == []


async def test_empty_fragments_of_a_message_do_not_pile_up(served: Served) -> None:
    begin, end = frame(Opcode.TEXT, b'{"type": ', fin=False), frame(Opcode.CONT, b'"ping"}')

    async with served.client.socket() as socket:
        socket.transport.write(begin + frame(Opcode.CONT, b"", fin=False) * 100_000)
        await (await socket.ping())
        [protocol] = served.server.server_state.connections
        assert isinstance(protocol, PatientSocket)
        kept = len(protocol.frames)
        socket.transport.write(end)

        assert await hear(socket) == {"type": "pong"}
    assert kept < 10
