"""An in-process server that is quick to drop clients who read nothing, and such clients."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import uvicorn
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from api.transport.http1 import PatientProtocol, PatientSocket
from tests.domain.test_feed import readers
from tests.faults.test_subscribers import HEAVY
from tests.hostile.wire import BUFFERED, a_connection_with_a_small_buffer, head, operation, post
from tests.support.client import Client
from tests.support.patience import PATIENCE_SECONDS

# Far less patient than the real server, but more than a busy machine needs.
UNREAD_SECONDS = 1
NOTES = " ".join(f"a{each}: cancellations {{ note }}" for each in range(25))
LARGE = operation(f'{{ orderByNumber(number: "1001") {{ {NOTES} }} }}')
LENGTH = 25 * 10 * 2000 * len("\N{SNOWMAN}".encode())  # of all notes, in bytes
FULL = 1024 * 1024  # more than one received chunk, and less than a flood would pile up


class HastyProtocol(PatientProtocol):
    unread_seconds = UNREAD_SECONDS


class HastySocket(PatientSocket):
    unread_seconds = UNREAD_SECONDS


@dataclass
class Served:
    """An in-process server with one large order, and what it has buffered."""

    port: int
    client: Client
    start: str  # the cursor before the events of its cancellations
    server: uvicorn.Server

    @property
    def held(self) -> int:
        """Bytes waiting in this process to be sent."""
        return sum(each.transport.get_write_buffer_size() for each in self.server.server_state.connections)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)

    async def most_until_left(self) -> tuple[int, int]:
        """The peak of buffered bytes and of tasks until the last connection is gone."""
        held, tasks = 0, 0

        def is_left() -> bool:
            nonlocal held, tasks
            held, tasks = max(held, self.held), max(tasks, len(asyncio.all_tasks()))
            return not self.server.server_state.connections

        await self.until(is_left)
        await self.until_left()
        return held, tasks

    async def until_left(self) -> None:
        """Waits until no connection is left, nor any work for one."""
        state = self.server.server_state
        await self.until(lambda: not state.connections and not state.tasks and not readers())


@asynccontextmanager
async def connected(served: Served, request: bytes) -> AsyncIterator[socket.socket]:
    """A connection that has sent a request and read nothing."""
    with a_connection_with_a_small_buffer(served.port) as connection:
        connection.setblocking(False)  # noqa: FBT003 - takes no keywords
        await asyncio.get_running_loop().sock_sendall(connection, request)
        yield connection


async def read_on(connection: socket.socket, *, end: bytes = b"", times: int = 1, pause: float = 0) -> bytes:
    """Reads to the end, or until `end` was seen `times` times, pausing after each piece."""
    loop, received = asyncio.get_running_loop(), b""
    with suppress(ConnectionError):
        while part := await loop.sock_recv(connection, BUFFERED):
            received += part
            if end and received.count(end) >= times:
                break
            await asyncio.sleep(pause)
    return received


ASKED = post(LARGE)
FOLLOWED = post(operation(HEAVY, variables={"after": "CURSOR"}), Accept="text/event-stream")
UPGRADE = head(
    "GET /graphql HTTP/1.1",
    {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "graphql-transport-ws",
    },
)


def sent(served: Served, request: bytes) -> bytes:
    """The request, with the real cursor in place of the placeholder."""
    return request.replace(b"CURSOR", served.start.encode()).replace(
        b"Content-Length: %d" % len(operation(HEAVY, variables={"after": "CURSOR"})),
        b"Content-Length: %d" % len(operation(HEAVY, variables={"after": served.start})),
    )


@asynccontextmanager
async def unread(served: Served) -> AsyncIterator[ClientConnection]:
    """A socket that stops reading, and is aborted without a closing handshake."""
    async with served.client.socket(sock=a_connection_with_a_small_buffer(served.port)) as socket:
        socket.transport.pause_reading()
        socket.transport.set_write_buffer_limits(high=2**30)
        yield socket
        socket.transport.abort()


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)
