"""The server under test, on a fresh database."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import pytest
import uvicorn

from api import app, wiring
from api.keys import Pace
from api.settings import Settings
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.support.client import SECRET, Client, a_token
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop


class Clock:
    """Stands still until a test sets it."""

    def __init__(self) -> None:
        self.now = wiring.clock().replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@asynccontextmanager
async def started(server: uvicorn.Server, listener: socket.socket) -> AsyncIterator[int]:
    """The port of a server that runs in this process."""
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for this
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def running(config: uvicorn.Config) -> AsyncIterator[int]:
    """The port of a server with this configuration, started fast, as hundreds of tests need one.

    uvicorn's own loop checks for its end only ten times a second, and then waits as long again.
    """
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.startup([listener])
        await server.on_tick(0)  # sets the headers of all answers
        try:
            yield listener.getsockname()[1]
        finally:
            await _end(server)


async def _end(server: uvicorn.Server) -> None:
    state = server.server_state
    for each in server.servers:
        each.close()
    for connection in list(state.connections):
        connection.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(server.config.timeout_graceful_shutdown):
            while state.connections or state.tasks:  # noqa: ASYNC110 - there is no event for this
                await asyncio.sleep(0.001)
    for task in state.tasks:
        task.cancel()
    await server.lifespan.shutdown()


@asynccontextmanager
async def serving(
    settings: Settings, database: Database, *, pace: Pace | None = None, clock: Callable[[], datetime] = wiring.clock
) -> AsyncIterator[str]:
    """The address of an API served in this process."""
    application = app.create_app(settings, database, pace=pace, clock=clock)
    # Connections stay longer than the client keeps them idle, as in `serve`.
    config = uvicorn.Config(
        application, log_config=None, timeout_keep_alive=PATIENCE_SECONDS, timeout_graceful_shutdown=1
    )
    async with running(config) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url, jwt_secret=SECRET, introspection=True, operation_timeout=PATIENCE_SECONDS
    )


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await a_shop(database)


@pytest.fixture
async def client(settings: Settings, database: Database, shop: Shop) -> AsyncIterator[Client]:
    """A client with a token for everything in the shop `demo`."""
    async with serving(settings, database) as base:
        client = Client(base, a_token(shop.id))
        yield client
        await client.http.aclose()
