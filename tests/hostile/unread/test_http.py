"""Unread answers and streams are dropped without a trace; slow readers get everything."""

import asyncio
import itertools
import re
from typing import Any

import orjson
import pytest

from tests.api.conftest import on_sqlite
from tests.hostile.unread.serving import (
    ASKED,
    FOLLOWED,
    FULL,
    LARGE,
    LENGTH,
    UPGRADE,
    Served,
    connected,
    read_on,
    sent,
    unread,
)
from tests.hostile.wire import BUFFERED, SHOP, operation, post
from tests.support.client import say

pytestmark = on_sqlite

UNREAD = {
    "an answer": ASKED,
    "the last answer": post(LARGE, Connection="close"),
    "answers in a row": ASKED * 5,
    "answers, then an upgrade to a websocket": ASKED * 5 + UPGRADE,
    "events": FOLLOWED,
}


@pytest.mark.parametrize("name", UNREAD)
async def test_a_connection_that_reads_nothing_is_dropped(served: Served, name: str) -> None:
    async with connected(served, sent(served, UNREAD[name])) as connection:
        await served.until(lambda: served.held > 0)
        held, _ = await served.most_until_left()
        received = await read_on(connection)

    assert 0 < len(received) < LENGTH
    assert 0 < held < 2 * LENGTH


async def test_a_connection_that_leaves_small_answers_unread_is_dropped(served: Served) -> None:
    state, answers = served.server.server_state, itertools.count(served.server.server_state.total_requests + 1)

    async with connected(served, b"") as connection:
        while not served.held:
            await asyncio.get_running_loop().sock_sendall(connection, post(operation(SHOP)))
            answered = next(answers)
            await served.until(lambda: bool(served.held) or state.total_requests >= answered)  # noqa: B023 - called at once
        held = served.held
        await served.until_left()

    assert held < BUFFERED


async def test_a_closing_connection_that_waits_for_its_answer_to_be_read_is_dropped(served: Served) -> None:
    async with connected(served, ASKED) as connection:
        await served.until(lambda: served.held > 0)
        [protocol] = served.server.server_state.connections
        protocol.transport.close()
        await served.until_left()
        received = await read_on(connection)

    assert len(received) < LENGTH


async def test_a_slow_reader_gets_the_whole_answer(served: Served) -> None:
    async with connected(served, post(LARGE, Connection="close")) as connection:
        received = await read_on(connection, pause=0.1)

    assert received.count("\N{SNOWMAN}".encode()) * 3 == LENGTH


@pytest.mark.parametrize("buffered", [None])
async def test_a_slow_reader_gets_everything_the_kernel_buffers(served: Served) -> None:
    """The kernel buffers megabytes, and takes more from the server only once a third has been read."""
    loop, received = asyncio.get_running_loop(), b""
    async with connected(served, ASKED * 5) as connection:
        await served.until(lambda: served.held > 0)
        for _ in range(35):
            received += await loop.sock_recv(connection, BUFFERED)
            await asyncio.sleep(0.1)
        while received.count("\N{SNOWMAN}".encode()) * 3 < 5 * LENGTH:
            part = await loop.sock_recv(connection, FULL)
            assert part, "the connection was dropped"
            received += part

    assert received.count(b"HTTP/1.1 200") == 5


async def test_a_slow_reader_of_a_stream_gets_every_event(served: Served) -> None:
    async with connected(served, sent(served, FOLLOWED)) as connection:
        received = await read_on(connection, end=b"}\n\n", times=3, pause=0.1)

    assert re.findall(rb'"sequence":(\d+)', received)[:3] == [b"2", b"3", b"4"]


async def test_a_server_stops_even_if_nobody_reads(served: Served) -> None:
    async with connected(served, ASKED), connected(served, sent(served, FOLLOWED)), unread(served) as silent:
        await say(silent, id="1", type="subscribe", payload=orjson.loads(LARGE))
        await served.until(lambda: len([each for each in served.server.server_state.connections if _holds(each)]) == 3)
        served.server.should_exit = True
        await served.until_left()


def _holds(protocol: Any) -> bool:  # a protocol of uvicorn
    return bool(protocol.transport.get_write_buffer_size())
