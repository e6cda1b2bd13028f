"""GraphQL over websockets (graphql-transport-ws): checks messages and tokens, and closes when a token ends."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.unset import UnsetType

from api.auth import Authenticator, Principal, UnauthenticatedError
from api.context import Context
from api.errors import UNAVAILABLE, TooExpensiveError, log_unavailable
from api.execution.checks import Schema
from domain.storage.engine.faults import BusyError, UnavailableError

_INIT_TIMEOUT = timedelta(seconds=5)
_MOST_OPERATIONS = 100
_TRY_AGAIN_LATER = 1013


class _Adapter(ASGIWebSocketAdapter):
    """Strawberry's adapter, for which sending to a client that has gone is not a fault."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            with suppress(WebSocketDisconnect):
                await super().close(code, reason)


class _Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """Strawberry's handler, closing the socket when the caller's token ends."""

    _expiry: asyncio.Task[None] | None = None

    async def handle_message(self, message: Message) -> None:
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Invalid message")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if message.get("payload") is None:  # treat null as absent, so that the error is the missing token
            message = {"type": "connection_init"}
        try:
            await super().handle_connection_init(message)
        except (BusyError, UnavailableError) as error:
            log_unavailable(error)
            await self.websocket.close(_TRY_AGAIN_LATER, UNAVAILABLE)
        if self.context.principal and self._expiry is None:
            self._expiry = asyncio.create_task(self._end_with(self.context.principal))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        is_known = message["id"] in self.operations
        if self.connection_acknowledged and not is_known and len(self.operations) >= _MOST_OPERATIONS:
            error = TooExpensiveError(f"A socket runs at most {_MOST_OPERATIONS} operations at once; open another.")
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        await super().handle_subscribe(message)

    async def shutdown(self) -> None:
        if self._expiry:
            self._expiry.cancel()
        await super().shutdown()

    async def _end_with(self, principal: Principal) -> None:
        """Closes the socket once the token expires or its key is withdrawn."""
        await principal.ended(self.context.clock)
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)
        await self.websocket.close(4403, "Forbidden")

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        """None: an error in one operation must not close the socket for the others."""
        return None


class GraphQLSockets(GraphQL[Context, None]):
    """Strawberry's view with our authentication, for websockets only; `new_context` takes an Accept-Language."""

    graphql_transport_ws_handler_class = _Socket
    websocket_adapter_class = _Adapter

    def __init__(
        self,
        schema: Schema,
        authenticator: Authenticator,
        new_context: Callable[[str], Context],
        allowed_origins: tuple[str, ...],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=_INIT_TIMEOUT,
            max_subscriptions_per_connection=None,
            allowed_origins=allowed_origins,
        )
        self._authenticator = authenticator
        self._new_context = new_context

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002
        """The context of a whole socket; its caller is known after the first message."""
        return self._new_context(request.headers.get("accept-language", ""))

    async def on_ws_connect(self, context: Context) -> UnsetType:
        names = {name.lower(): text for name, text in context.connection_params.items()}
        authorization = names.get("authorization")
        try:
            context.principal = await self._authenticator.authenticate(str(authorization or ""))
        except UnauthenticatedError as error:
            context.metrics.refused("UNAUTHENTICATED")
            raise ConnectionRejectionError from error
        return UnsetType()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()


def _is_message(message: object) -> bool:
    """Whether it has a graphql-transport-ws message's form, as far as strawberry relies on it."""
    if not isinstance(message, dict):
        return False
    kind, payload = message.get("type"), message.get("payload")
    if kind == "subscribe":
        return _has_id(message) and isinstance(payload, dict) and _is_operation(payload)
    if kind == "complete":
        return _has_id(message)
    return kind == "connection_init" or (kind in ("ping", "pong") and isinstance(payload, dict | None))


def _has_id(message: dict[str, Any]) -> bool:  # any JSON object
    return isinstance(message.get("id"), str) and message["id"] != ""


def _is_operation(payload: dict[str, Any]) -> bool:  # any JSON object
    return (
        isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
        and isinstance(payload.get("extensions"), dict | None)
    )
