"""A proxy in front of the API that cuts clients off."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_BYTES = 100  # small, so that messages break partway through


class Proxy:
    """Forwards to `base`. If `allowance` is set, each connection is cut after that many bytes from the server."""

    def __init__(self, base: str) -> None:
        self._target = urlsplit(base)
        self._links: set[asyncio.Task[None]] = set()
        self.base = ""
        self.allowance: int | None = None
        self.is_open = True
        self.connections = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await self.cut()

    async def cut(self) -> None:
        """Cuts all open connections."""
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Forwards until either end closes; closes at once while `is_open` is false."""
        if not self.is_open:
            writer.close()
            return
        self.connections += 1
        server, to_server = await asyncio.open_connection(self._target.hostname, self._target.port)
        pumps = {asyncio.create_task(_forward(reader, to_server)), asyncio.create_task(self._answer(server, writer))}
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.transport.abort()
            to_server.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _answer(self, server: StreamReader, client: StreamWriter) -> None:
        sent = 0
        while (self.allowance is None or sent < self.allowance) and (data := await server.read(_BYTES)):
            client.write(data)
            await client.drain()
            sent += len(data)


async def _forward(client: StreamReader, server: StreamWriter) -> None:
    while data := await client.read(_BYTES):
        server.write(data)
