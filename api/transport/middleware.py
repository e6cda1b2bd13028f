"""Middleware for security headers, trusted hosts and CORS, and answers to Starlette's own errors."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.errors import INTERNAL, Code, RefusedError
from api.transport.http import refusal

# Added unless an answer sets its own, as pages do.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
# Probes often know only the IP address.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class SecurityHeaders:
    """ASGI middleware: adds security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                given = {name for name, _ in headers}
                message["headers"] = [*headers, *(each for each in _HEADERS if each[0] not in given)]
            await send(message)

        await self._app(scope, receive, send_protected)


class TrustedHosts:
    """ASGI middleware: answers only under these host names; `*.example.com` matches every name below it."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._names = {host.lower() for host in hosts if not host.startswith("*.")}
        self._endings = tuple(host[1:].lower() for host in hosts if host.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in _PROBES or self._is_trusted(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            refused = RefusedError(400, "BAD_USER_INPUT", "This server is not known by the name in the Host header.")
            await refusal(refused, Request(scope))(scope, receive, send)

    def _is_trusted(self, headers: Headers) -> bool:
        name = headers.get("host", "").lower()
        name = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]
        return name in self._names or name.endswith(self._endings)


class Cors(CORSMiddleware):
    """Starlette's CORS for allowed origins; others get no CORS headers, so browsers block them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] == "http" and self.is_allowed_origin(Headers(scope=scope).get("origin", ""))
        await (super().__call__ if is_asked else self.app)(scope, receive, send)


Handler = Callable[[Request, Exception], Awaitable[Response]]


async def _refuse(request: Request, error: Exception) -> Response:
    """Answers Starlette's own errors in the form of our refusals."""
    if isinstance(error, HTTPException):
        codes: dict[int, Code] = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
        code = codes.get(error.status_code, "BAD_USER_INPUT")
        return refusal(RefusedError(error.status_code, code, error.detail, headers=error.headers), request)
    return refusal(RefusedError(500, "INTERNAL", INTERNAL), request)


EXCEPTION_HANDLERS: dict[int | type[Exception], Handler] = {HTTPException: _refuse, Exception: _refuse}
