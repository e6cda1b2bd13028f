"""Answers as server-sent events, one stream per operation (graphql-sse, distinct connections)."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult

from api.transport.bodies import answer_of
from api.transport.negotiation import EVENT_STREAM

Result = asyncio.Future[ExecutionResult | None]
Results = AsyncGenerator[Any]  # of strawberry's results
_End = Callable[[], Coroutine[Any, Any, object]]

_HEARTBEAT_SECONDS = 15
_HEARTBEAT = ":\n\n"
_COMPLETE = "event: complete\ndata: \n\n"
_HEADERS = {"X-Accel-Buffering": "no"}  # nginx then passes on each event at once


class EventStream(StreamingResponse):
    """Sends results as `next` events, then `complete`, with heartbeats in between; `first` may still be pending.

    Breaks off without `complete` once one of `ends` returns, so that clients reconnect.
    """

    def __init__(self, first: Result, results: Results, *, ends: Sequence[_End]) -> None:
        super().__init__(_events(first, results), headers=_HEADERS, media_type=EVENT_STREAM)
        self._ends = ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streaming = asyncio.ensure_future(super().__call__(scope, receive, send))
        ending = [asyncio.ensure_future(end()) for end in self._ends]
        try:
            await asyncio.wait([streaming, *ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in ending:
                waiting.cancel()
            is_cut_off = streaming.cancel()
            await asyncio.wait([streaming])
        if is_cut_off:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not streaming.cancelled():
            streaming.result()


async def _events(first: Result, results: Results) -> AsyncGenerator[str]:
    upcoming = first
    try:
        while True:
            await asyncio.wait([upcoming], timeout=_HEARTBEAT_SECONDS)
            if not upcoming.done():
                yield _HEARTBEAT
                continue
            result = upcoming.result()
            if result is None:
                yield _COMPLETE
                return
            yield f"event: next\ndata: {orjson.dumps(answer_of(result)).decode()}\n\n"
            upcoming = asyncio.ensure_future(anext(results, None))
    finally:
        upcoming.cancel()
        await asyncio.wait([upcoming])
        await results.aclose()
