"""Latency from an event to its subscribers, counted from the event's own time, shortly before its commit."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from statistics import median
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.bench.operations import EVENTS, cancelling
from tests.bench.table import Row, spread

_PER_SOCKET = 10
_PROTOCOL = Subprotocol("graphql-transport-ws")


def latencies(
    followed: int, acting: int, token: str, units: Sequence[tuple[str, int]], subscribers: int
) -> list[float]:
    """Milliseconds per event and subscriber, with subscribers on port `followed` and cancellations on port `acting`."""
    return asyncio.run(_latencies(followed, acting, token, units, subscribers))


def row(where: str, subscribers: int, found: list[float], alone: list[float], goal: str) -> Row:
    measured = f"{median(found):.1f} ms"
    ratio = f"{median(found) / median(alone):.1f}"
    name = f"event, {where}, {subscribers} subscribers, {_PER_SOCKET} a socket"
    return Row(name, measured, "", ratio, spread(found, 1), goal)


async def _latencies(
    followed: int, acting: int, token: str, units: Sequence[tuple[str, int]], subscribers: int
) -> list[float]:
    heard: list[float] = []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with AsyncExitStack() as stack:
        listening = []
        for first in range(0, subscribers, _PER_SOCKET):
            url = f"ws://127.0.0.1:{followed}/graphql"
            socket = await stack.enter_async_context(connect(url, subprotocols=[_PROTOCOL], max_queue=None))
            await _subscribe(socket, token, min(_PER_SOCKET, subscribers - first))
            listening.append(asyncio.create_task(_listen(socket, heard)))
        await asyncio.sleep(1 + subscribers / 500)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{acting}", headers=headers) as client:
            for number, body in enumerate(cancelling(units), 1):
                await client.post("/graphql", content=body)
                async with asyncio.timeout(10):
                    while len(heard) < number * subscribers:  # noqa: ASYNC110 - the sockets share no event
                        await asyncio.sleep(0.005)
        for task in listening:
            task.cancel()
    return heard


async def _subscribe(socket: ClientConnection, token: str, count: int) -> None:
    await socket.send(_text(type="connection_init", payload={"Authorization": f"Bearer {token}"}))
    await socket.recv()
    for number in range(count):
        await socket.send(_text(type="subscribe", id=str(number), payload={"query": EVENTS}))


async def _listen(socket: ClientConnection, heard: list[float]) -> None:
    async for message in socket:
        now = datetime.now(UTC)  # noqa: TID251 - what is measured
        event: dict[str, Any] = orjson.loads(message)["payload"]["data"]["orderEvents"]
        if event["__typename"] == "ItemsCancelled":
            heard.append((now - datetime.fromisoformat(event["occurredAt"])).total_seconds() * 1000)


def _text(**message: object) -> str:
    return orjson.dumps(message).decode()
