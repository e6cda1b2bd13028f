"""One log line a request, under an id that its answer carries too."""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

log = structlog.get_logger()

_HEADER = "X-Request-ID"
_SENSIBLE = re.compile(r"[A-Za-z0-9._-]{1,100}")


class RequestLog:
    """ASGI middleware: takes the caller's X-Request-ID or makes one, and binds it to everything that is logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(_HEADER, "")
        request_id = given if _SENSIBLE.fullmatch(given) else uuid7().hex
        status = 0
        began = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                milliseconds = round((time.perf_counter() - began) * 1000, 1)
                log.info("http", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)
