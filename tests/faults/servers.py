"""Servers in separate processes, which can be killed and restarted."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.support.client import SECRET, Client, a_token
from tests.support.command import Copy, an_environment
from tests.support.patience import PATIENCE_SECONDS


class Server:
    """`shortship serve` on a database, and a client for it."""

    def __init__(self, database_url: str, log: Path) -> None:
        self._settings = {
            "database_url": database_url,
            "jwt_secret": SECRET,
            "operation_timeout": str(PATIENCE_SECONDS),
        }
        self._log = log
        self._process: Copy | None = None
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self.client = Client("", a_token(), httpx.AsyncClient(timeout=PATIENCE_SECONDS, limits=limits))

    async def start(self) -> None:
        """Returns once it answers."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = str(listener.getsockname()[1])
        environment = an_environment(self._settings | {"port": port})
        self._process = Copy("serve", folder=self._log.parent, environment=environment, err=self._log)
        self.client.base = f"http://127.0.0.1:{port}"
        self.client.http.base_url = httpx.URL(self.client.base)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._answers():
                assert self._process.poll() is None, self._log.read_text()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Sends SIGKILL; returns once the process is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()

    async def is_ready(self) -> bool:
        return (await self.client.http.get("/readyz")).status_code == httpx.codes.OK

    async def _answers(self) -> bool:
        try:
            await self.client.http.get("/healthz")
        except httpx.TransportError:
            return False
        return True


@asynccontextmanager
async def serving(folder: Path, *database_urls: str) -> AsyncIterator[list[Server]]:
    """A running server for each URL, with their logs in the folder."""
    servers = [Server(url, folder / f"log-{number}") for number, url in enumerate(database_urls)]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        for server in servers:
            await server.kill()
            await server.client.http.aclose()
