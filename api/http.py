"""GraphQL over HTTP, websockets and server-sent events: who is let in, and how answers and refusals look."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import structlog
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message
from strawberry.types.unset import UnsetType

from api.auth import LEEWAY_SECONDS, Authenticator, Principal, UnauthenticatedError
from api.context import Context
from api.errors import INTERNAL, UNAVAILABLE
from api.schema import Schema
from domain.database import BusyError, UnavailableError

log = structlog.get_logger()

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_INIT_TIMEOUT = timedelta(seconds=5)
_SUBSCRIPTIONS = 100
_TRY_AGAIN_LATER = 1013
_DAY_SECONDS = 86_400


class _Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """Strawberry's websocket, which ends with the caller's token."""

    _expiry: asyncio.Task[None] | None = None

    async def handle_message(self, message: Message) -> None:
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Invalid message")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if message.get("payload") is None:  # null is as good as none, and what is missing then is the token
            message = {"type": "connection_init"}
        try:
            await super().handle_connection_init(message)
        except (BusyError, UnavailableError):
            await self.websocket.close(_TRY_AGAIN_LATER, UNAVAILABLE)
        if self.context.principal and self._expiry is None:
            self._expiry = asyncio.create_task(self._end_with(self.context.principal))

    async def shutdown(self) -> None:
        if self._expiry:
            self._expiry.cancel()
        await super().shutdown()

    async def _end_with(self, principal: Principal) -> None:
        """Closes the socket when the token has expired."""
        end = principal.expires_at + LEEWAY_SECONDS
        # Event loops refuse to sleep for ages.
        while (left := end - self.context.clock().timestamp()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, _DAY_SECONDS))
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)
        await self.websocket.close(4403, "Forbidden")

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        """None: what is wrong with one operation is no reason to close the socket on the others."""
        return None


class GraphQLView(GraphQL[Context, None]):
    """Strawberry's view with our callers; `new_context` makes that of one request from its Accept-Language.

    Streams end when `stop` is set.
    """

    graphql_transport_ws_handler_class = _Socket

    def __init__(
        self,
        schema: Schema,
        authenticator: Authenticator,
        new_context: Callable[[str], Context],
        stop: asyncio.Event,
        *,
        graphiql: bool,
        allowed_origins: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if graphiql else None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=_INIT_TIMEOUT,
            max_subscriptions_per_connection=_SUBSCRIPTIONS,
            allowed_origins=allowed_origins,
        )
        self._authenticator = authenticator
        self._new_context = new_context
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self.run(request)
        except UnauthenticatedError as error:
            response = refusal(401, "UNAUTHENTICATED", str(error))
            response.headers["WWW-Authenticate"] = "Bearer"
        except HTTPException as error:
            response = refusal(error.status_code, _CODES.get(error.status_code, "BAD_USER_INPUT"), error.reason)
        except (BusyError, UnavailableError):
            response = refusal(503, "UNAVAILABLE", UNAVAILABLE)
        except ClientDisconnect:
            return
        except Exception as error:  # a fault of ours is told in the form of all answers
            log.exception("graphql.internal_error", exc_info=error)
            response = refusal(500, "INTERNAL", INTERNAL)
        if isinstance(response, StreamingResponse):
            await self._stream(response, scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _stream(self, response: StreamingResponse, scope: Scope, receive: Receive, send: Send) -> None:
        """Until its end, or until the server is told to stop: the client sees it break off, and comes again."""
        streaming = asyncio.ensure_future(response(scope, receive, send))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([streaming, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            is_cut_off = streaming.cancel()
            await asyncio.wait([streaming])
        if is_cut_off:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif not streaming.cancelled():
            streaming.result()

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002
        """The context of a request; over a websocket its caller becomes known with the first message."""
        context = self._new_context(request.headers.get("accept-language", ""))
        if isinstance(request, Request) and not self._is_for_a_person(request):
            context.principal = await self._authenticator.authenticate(request.headers.get("authorization", ""))
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType:
        names = {name.lower(): text for name, text in context.connection_params.items()}
        authorization = names.get("authorization")
        try:
            context.principal = await self._authenticator.authenticate(str(authorization or ""))
        except UnauthenticatedError as error:
            raise ConnectionRejectionError from error
        return UnsetType()

    def parse_json(self, data: str | bytes) -> Any:  # any JSON object
        parsed = super().parse_json(data)
        if not isinstance(parsed, dict):
            raise HTTPException(400, "The body has to be a JSON object with a query.")
        return parsed

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    @staticmethod
    def _is_for_a_person(request: Request) -> bool:
        wants_page = request.method == "GET" and "query" not in request.query_params
        return wants_page and "text/html" in request.headers.get("accept", "")


def refusal(status: int, code: str, message: str) -> Response:
    """An answer in the form of GraphQL to a request that was not executed."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(orjson.dumps(body), status, media_type="application/json")


def _is_message(message: object) -> bool:
    """Whether it has the form of a message of graphql-transport-ws, as far as strawberry relies on it."""
    if not isinstance(message, dict):
        return False
    kind, payload = message.get("type"), message.get("payload")
    if kind == "subscribe":
        return isinstance(message.get("id"), str) and isinstance(payload, dict) and _is_operation(payload)
    if kind == "complete":
        return isinstance(message.get("id"), str)
    return kind in ("connection_init", "ping", "pong")


def _is_operation(payload: dict[str, Any]) -> bool:  # any JSON object
    return (
        isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
