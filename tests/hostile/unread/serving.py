"""A server in this process that ends whoever takes nothing, sooner than others do, and clients that take nothing."""

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
from tests.hostile.wire import head, operation, post
from tests.support.client import Client
from tests.support.patience import PATIENCE_SECONDS

# The real ones are as patient as people need; here they only have to be more patient than a machine that is busy.
UNREAD_SECONDS = 1
BUFFERED = 64 * 1024  # what the kernel holds for either side, more or less
NOTES = " ".join(f"a{each}: cancellations {{ note }}" for each in range(25))
LARGE = operation(f'{{ orderByNumber(number: "1001") {{ {NOTES} }} }}')
LENGTH = 25 * 10 * 2000 * len("\N{SNOWMAN}".encode())  # of all notes
FULL = 1024 * 1024  # more than a whole chunk of what is received, and less than what floods would pile up


class HastyProtocol(PatientProtocol):
    unread_seconds = UNREAD_SECONDS


class HastySocket(PatientSocket):
    unread_seconds = UNREAD_SECONDS


@dataclass
class Served:
    """A server in this process with an order that is large, and what it holds."""

    port: int
    client: Client
    start: str  # the cursor before all that happened to the order
    server: uvicorn.Server

    @property
    def held(self) -> int:
        """What waits in this process to be sent, in bytes."""
        return sum(each.transport.get_write_buffer_size() for each in self.server.server_state.connections)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def most_until_left(self) -> tuple[int, int]:
        """The most bytes that waited, and tasks that there were, until there was no connection any more."""
        held, tasks = 0, 0

        def is_left() -> bool:
            nonlocal held, tasks
            held, tasks = max(held, self.held), max(tasks, len(asyncio.all_tasks()))
            return not self.server.server_state.connections

        await self.until(is_left)
        await self.until_left()
        return held, tasks

    async def until_left(self) -> None:
        """Waits until there is no connection, and nothing that was done for any."""
        state = self.server.server_state
        await self.until(lambda: not state.connections and not state.tasks and not readers())


@asynccontextmanager
async def connected(served: Served, request: bytes) -> AsyncIterator[socket.socket]:
    """A connection on which the request was sent, and nothing was read."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFERED)
        connection.setblocking(False)  # noqa: FBT003 - it takes no keyword
        await loop.sock_connect(connection, ("127.0.0.1", served.port))
        await loop.sock_sendall(connection, request)
        yield connection


async def read_on(connection: socket.socket, *, end: bytes = b"", times: int = 1, pause: float = 0) -> bytes:
    """All that is still sent on it, or until this has come so often; with a pause before each piece."""
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
    """The request, with the cursor before all that happened."""
    return request.replace(b"CURSOR", served.start.encode()).replace(
        b"Content-Length: %d" % len(operation(HEAVY, variables={"after": "CURSOR"})),
        b"Content-Length: %d" % len(operation(HEAVY, variables={"after": served.start})),
    )


@asynccontextmanager
async def unread(served: Served) -> AsyncIterator[ClientConnection]:
    """A socket that takes nothing more of what is sent to it, and does not take leave."""
    async with served.client.socket() as socket:
        socket.transport.pause_reading()
        socket.transport.set_write_buffer_limits(high=2**30)
        yield socket
        socket.transport.abort()


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)
