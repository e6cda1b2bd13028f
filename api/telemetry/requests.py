"""Logs one line per request or websocket, under an id that its answer carries too."""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api.telemetry.metrics import Metrics
from api.telemetry.tracing import Span, Tracing

log = structlog.get_logger(__name__)

# The key in the ASGI scope under which a refused request keeps its error code.
REFUSED = "shortship.refused"
_HEADER = "X-Request-ID"
_SENSIBLE = re.compile(r"[A-Za-z0-9._-]{1,100}")
_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_LOST = 1006  # the close code of a websocket that ended without one


class RequestLog:
    """ASGI middleware: takes the caller's X-Request-ID or makes one, and binds it to every log line.

    Only the route of an address is logged, because the rest may contain tokens and names.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(_HEADER, "")
        request_id = given if _SENSIBLE.fullmatch(given) else uuid7().hex
        recorder = _Recorder(request_id, receive, send)
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id), self._tracing.request(headers) as span:
            try:
                await self._app(scope, recorder.receive, recorder.send)
            finally:
                self._record(scope, recorder.status, time.perf_counter() - began, span)

    def _record(self, scope: Scope, status: int, seconds: float, span: Span) -> None:
        path, refused = getattr(scope.get("route"), "path", ""), scope.get(REFUSED)
        line = {"path": path, "status": status, "ms": round(seconds * 1000, 1)}
        attributes: dict[str, str | int] = {"http.route": path, "http.response.status_code": status}
        if refused:
            self._metrics.refused(refused)
            line["refused"] = attributes["shortship.refused"] = refused
        method = scope.get("method", "WEBSOCKET")
        log.info(scope["type"], method=method, **line)
        span.end(f"{method} {path}".strip(), attributes | {"http.request.method": method})


class _Recorder:
    """Puts the id into the answer, and records its HTTP status or the websocket's close code."""

    def __init__(self, request_id: str, receive: Receive, send: Send) -> None:
        self.status = 0
        self._request_id = request_id
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and not self.status:
            self.status = message.get("code", _LOST)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] in _STARTS:
            MutableHeaders(scope=message)[_HEADER] = self._request_id
        if "status" in message:
            self.status = message["status"]
        if message["type"] == "websocket.close":
            self.status = message.get("code", 1000)
        await self._send(message)
