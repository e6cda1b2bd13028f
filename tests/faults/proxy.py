"""A proxy in front of PostgreSQL that recognizes each COMMIT, and does with it what a test says."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa

_BYTES = 2**16
# Simple queries as asyncpg sends them; read-only transactions say so in their BEGIN.
_BEGIN = re.compile(rb"Q....BEGIN([^;]*READ ONLY)?;.*\0", re.DOTALL)
_COMMIT = b"Q\x00\x00\x00\x0cCOMMIT;\x00"


class Silence:
    """Lets a number of further messages from clients pass, then holds back the server's answers until it is broken."""

    def __init__(self) -> None:
        self._words = 0
        self._fell = asyncio.Event()
        self._broken = asyncio.Event()
        self._broken.set()

    async def after(self, words: int) -> None:
        """Falls after this many messages; returns once it has."""
        self._words = words
        await self._fell.wait()

    def break_(self) -> None:
        self._broken.set()

    def hear(self) -> None:
        """Counts a message from a client."""
        if self._words:
            self._words -= 1
            if not self._words:
                self._broken.clear()
                self._fell.set()

    async def passed(self) -> None:
        await self._broken.wait()


class Link:
    """A client's connection, and the one to the server behind it."""

    def __init__(self, client: StreamWriter, server: StreamWriter, silence: Silence) -> None:
        self._client, self._server = client, server
        self._silence = silence
        self._answer: asyncio.Future[None] | None = None

    async def commit(self) -> None:
        """Commits, and returns once the server has answered; from then on, the client hears nothing."""
        self._answer = asyncio.get_running_loop().create_future()
        self._server.write(_COMMIT)
        await self._answer

    def leave(self) -> None:
        """Cuts off the client; the server does not know it yet."""
        self._client.close()

    def close(self) -> None:
        self._client.close()
        self._server.close()

    async def ask(self, client: StreamReader, faults: "list[Fault]") -> None:
        """Passes on what the client sends, except that the next fault takes its COMMIT."""
        writes = False
        while said := await client.read(_BYTES):
            self._silence.hear()
            if said == _COMMIT and writes and faults:
                await faults.pop(0)(self)
            else:
                self._server.write(said)
            if begin := _BEGIN.fullmatch(said):
                writes = not begin[1]

    async def answer(self, server: StreamReader) -> None:
        while said := await server.read(_BYTES):
            await self._silence.passed()
            if self._answer is None:
                self._client.write(said)
            elif not self._answer.done():
                self._answer.set_result(None)


# What to do with a COMMIT
Fault = Callable[[Link], Awaitable[None]]


async def answer_lost(link: Link) -> None:
    """The commit succeeds, but the connection breaks before the answer arrives."""
    await link.commit()
    link.close()


async def answer_missing(link: Link) -> None:
    """The commit succeeds, but nothing more is heard, as if a cable had been pulled."""
    await link.commit()


async def commit_lost(link: Link) -> None:
    """The connection breaks before the COMMIT reaches the server."""
    link.close()


class Proxy:
    """`url` leads through it. Each of the `faults` takes one of the next commits of transactions that write.

    `most_links` is the peak number of connections.
    """

    def __init__(self, url: str) -> None:
        self._target = sa.make_url(url)
        self.url = url
        self.faults: list[Fault] = []
        self.silence = Silence()
        self.most_links = 0
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        self._server = server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._target.set(port=port).render_as_string(hide_password=False)
        try:
            yield self
        finally:
            server.close()
            links = list(self._links)
            for link in links:
                link.cancel()
            await asyncio.gather(*links, return_exceptions=True)

    def refuse(self) -> None:
        """Accepts no more connections, like a server that is gone."""
        if self._server:
            self._server.close()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._links.add(task)
        self.most_links = max(self.most_links, len(self._links))
        task.add_done_callback(self._links.discard)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Runs until either end closes."""
        server_reader, server_writer = await asyncio.open_connection(self._target.host, self._target.port)
        link = Link(writer, server_writer, self.silence)
        pumps = {asyncio.create_task(link.ask(reader, self.faults)), asyncio.create_task(link.answer(server_reader))}
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
