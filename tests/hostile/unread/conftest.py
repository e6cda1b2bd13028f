"""A server whose clients do not read, on each event loop it supports."""

import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from api.app import create_app
from api.settings import Settings
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import started
from tests.api.schema.test_subscriptions import now
from tests.faults.test_subscribers import make_heavy
from tests.hostile.unread.serving import HastyProtocol, HastySocket, Served
from tests.hostile.wire import BUFFERED
from tests.support.client import SECRET, Client, a_token
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import a_shop, an_item_input, an_order_input, store


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: each has its own idea of when to pause."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def buffered() -> int | None:
    """The kernel's send buffer in bytes, None for its default."""
    return BUFFERED


@pytest.fixture
async def served(database: Database, database_url: str, buffered: int | None) -> AsyncIterator[Served]:
    shop = await a_shop(database)
    listener = socket.create_server(("127.0.0.1", 0))
    if buffered:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffered)
    settings = Settings(database_url=database_url, jwt_secret=SECRET, operation_timeout=PATIENCE_SECONDS)
    application = create_app(settings, database)
    # As in `serve`, but without a shutdown timeout: this server only stops once all connections end.
    config = uvicorn.Config(application, log_config=None, http=HastyProtocol, ws=HastySocket, ws_max_size=BUFFERED)
    server = uvicorn.Server(config)
    async with started(server, listener) as port:
        client = Client(f"http://127.0.0.1:{port}", a_token(shop.id))
        # A client that reads nothing gets no pongs either, and would give up by itself.
        client.socket_options = {"compression": None, "max_queue": 1, "max_size": None, "ping_interval": None}
        start = await _filled(client, database, shop)
        await client.http.aclose()
        yield Served(port, client, start, server)
        await client.http.aclose()


async def _filled(client: Client, database: Database, shop: Shop) -> str:
    [order] = await store(database, shop, an_order_input("1001", an_item_input(quantity=20)))
    start = await now(client)
    await make_heavy(database, shop, order)
    return start
