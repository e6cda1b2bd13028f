"""Profiles R1 and C1: the application in this process, with no network in between."""

import asyncio
import cProfile
import pstats
import sys
from collections.abc import Sequence
from typing import Any

from api.app import create_app
from api.settings import Settings
from domain.storage.engine.database import Database
from tests.bench.operations import R1, SECRET, cancelling, query

_LINES = 30


def profile(url: str, token: str, units: Sequence[tuple[str, int]]) -> None:
    """Prints the functions with the most time of their own."""
    for name, bodies in (("R1", [query(R1)] * 300), ("C1", cancelling(units[:300]))):
        profiler = cProfile.Profile()
        asyncio.run(_serve(url, token, bodies, profiler))
        sys.stdout.write(f"\n{name}, {len(bodies)} times\n")
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(_LINES)


async def _serve(url: str, token: str, bodies: Sequence[bytes], profiler: cProfile.Profile) -> None:
    database = Database(url)
    app = create_app(Settings(database_url=url, jwt_secret=SECRET), database)
    await _ask(app, token, query("{ __typename }"))
    with profiler:
        for body in bodies:
            await _ask(app, token, body)
    await database.close()


async def _ask(app: Any, token: str, body: bytes) -> None:  # an ASGI application
    headers = [
        (b"host", b"127.0.0.1"),
        (b"authorization", f"Bearer {token}".encode()),
        (b"content-type", b"application/json"),
        (b"accept", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    answer = b"".join(message.get("body", b"") for message in sent)
    assert sent[0]["status"] == 200, answer
    assert b'"message":"' not in answer, answer
