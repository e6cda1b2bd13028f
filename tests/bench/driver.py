"""Sends prepared requests over a few connections, as fast as they are answered, and counts the answers.

Runs as a process of its own, so that its work does not slow down its caller: a pickled Load comes in on standard input,
a pickled Outcome goes out on standard output.
"""

import asyncio
import itertools
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvloop

_SEPARATOR = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(slots=True)
class Load:
    """Requests to send in order until time is up: each once, or around and around if `is_repeated`."""

    port: int
    requests: list[bytes]
    seconds: float
    connections: int = 8
    is_repeated: bool = True


@dataclass(slots=True)
class Outcome:
    """`refused` counts answers with errors or a status other than 200; `first` and `refusal` are one body of each."""

    answered: int = 0
    refused: int = 0
    seconds: float = 0.0
    first: bytes = b""
    refusal: bytes = b""


class _Client(asyncio.Protocol):
    def __init__(self, source: Iterator[bytes], outcome: Outcome, done: asyncio.Future[None]) -> None:
        self._source = source
        self._outcome = outcome
        self._done = done
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_SEPARATOR)
        if end < 0:
            return
        start = self._received.find(_LENGTH) + len(_LENGTH)
        length = int(self._received[start : self._received.find(b"\r\n", start)])
        if len(self._received) < end + len(_SEPARATOR) + length:
            return
        outcome = self._outcome
        body = self._received[end + len(_SEPARATOR) :]
        is_good = self._received.startswith(b"HTTP/1.1 200") and b'"code":"' not in body and b'"message":"' not in body
        outcome.answered += is_good
        outcome.refused += not is_good
        if is_good:
            outcome.first = outcome.first or bytes(body)
        else:
            outcome.refusal = outcome.refusal or bytes(body)
        self._received.clear()
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._done.done():
            self._done.set_result(None)

    def _next(self) -> None:
        request = next(self._source, None)
        if request is None:
            self._transport.close()
            return
        self._transport.write(request)


async def _run(load: Load) -> Outcome:
    loop, outcome = asyncio.get_running_loop(), Outcome()
    began = time.perf_counter()
    requests = itertools.cycle(load.requests) if load.is_repeated else iter(load.requests)
    source = itertools.takewhile(lambda _: time.perf_counter() - began < load.seconds, requests)
    done = [loop.create_future() for _ in range(load.connections)]
    for each in done:
        await loop.create_connection(lambda each=each: _Client(source, outcome, each), "127.0.0.1", load.port)  # type: ignore[misc]
    await asyncio.gather(*done)
    outcome.seconds = time.perf_counter() - began
    return outcome


def run(load: Load) -> Outcome:
    """Runs a load in a process of its own, on the caller's core."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.bench.driver"], input=pickle.dumps(load), stdout=subprocess.PIPE, check=True
    )
    outcome: Outcome = pickle.loads(finished.stdout)  # noqa: S301 - written by our own module
    return outcome


if __name__ == "__main__":
    from tests.bench.driver import Load, Outcome, _run

    sys.stdout.buffer.write(pickle.dumps(uvloop.run(_run(pickle.load(sys.stdin.buffer)))))  # noqa: S301 - the same
