"""Hints over NATS, for databases that cannot LISTEN."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg

from domain.storage.engine.hints import Send, SharedHints

_SUBJECT = "shortship.hints"
_PATIENCE_SECONDS = 2


class NatsHints(SharedHints):
    """Hints shared by all processes on one server: `nats://user:password@host:4222` or `tls://...`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._user, self._password = (text and unquote(text) for text in (parts.username, parts.password))

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Send]:
        client = Client()

        async def send(topics: Sequence[str]) -> None:
            for topic in topics:
                await client.publish(_SUBJECT, topic.encode())
            await client.flush(_PATIENCE_SECONDS)

        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await client.connect(
                    self._address,
                    user=self._user,
                    password=self._password,
                    name="shortship",
                    no_echo=True,  # our own hints were delivered here at once
                    allow_reconnect=False,  # SharedHints reconnects, and wakes every listener
                    disconnected_cb=self._lost,
                    error_cb=_ignore,
                )
            await client.subscribe(_SUBJECT, cb=self._hear)
            await client.flush(_PATIENCE_SECONDS)  # from here on, hints are received
            self.heard_by("NATS")
            yield send
        finally:
            await client.close()

    async def _hear(self, message: Msg) -> None:
        self.hear(message.data.decode())

    async def _lost(self) -> None:
        self.look()


async def _ignore(_error: Exception) -> None:
    """Errors that matter are raised as well."""
