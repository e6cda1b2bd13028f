"""GraphQL over HTTP: authenticates requests, runs their operations, and shapes answers and refusals."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from api.auth import Authenticator, UnauthenticatedError
from api.context import Context
from api.errors import INTERNAL, UNAVAILABLE, RateLimitedError, RefusedError, log_unavailable
from api.execution.checks import Schema
from api.telemetry.requests import REFUSED
from api.transport.bodies import (
    Operation,
    answer_of,
    code_of,
    operation_of,
    operation_of_query,
    read_body,
    was_executed,
)
from api.transport.negotiation import EVENT_STREAM, GRAPHQL_JSON, JSON, answer_type, check_content_type
from api.transport.sse import EventStream, Results
from domain.storage.engine.faults import BusyError, UnavailableError

log = structlog.get_logger(__name__)

_LARGE = 64 * 1024  # bytes
# The status of requests that were not executed, by error code.
_STATUS = {"METHOD_NOT_ALLOWED": 405, "RATE_LIMITED": 429, "PAYLOAD_TOO_LARGE": 413, "INTERNAL": 500}
_STATUS_OF_GRAPHQL_JSON = {"FORBIDDEN": 403, "TIMEOUT": 503, "UNAVAILABLE": 503} | _STATUS


class GraphQLOverHTTP:
    """The endpoint as an ASGI application.

    `new_context` makes a request's context from its Accept-Language. `page`, if given, is what browsers show when the
    endpoint is opened. Streams end when `stop` is set.
    """

    def __init__(
        self,
        schema: Schema,
        authenticator: Authenticator,
        new_context: Callable[[str], Context],
        stop: asyncio.Event,
        *,
        page: Callable[[Request], Awaitable[Response]] | None,
    ) -> None:
        self._schema = schema
        self._authenticator = authenticator
        self._new_context = new_context
        self._stop = stop
        self._page = page
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except RefusedError as refused:
            response = refusal(refused, request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        """Raises RefusedError for every request that is not executed."""
        try:
            return await (self._show(request) if self._is_for_a_person(request) else self._run(request))
        except UnauthenticatedError as error:
            headers = {"WWW-Authenticate": "Bearer"}
            raise RefusedError(401, "UNAUTHENTICATED", str(error), headers=headers) from error
        except (BusyError, UnavailableError) as error:
            log_unavailable(error)
            raise RefusedError(503, "UNAVAILABLE", UNAVAILABLE) from error
        except (RefusedError, ClientDisconnect):
            raise
        except Exception as error:  # our own faults are answered in GraphQL's form too
            log.exception("graphql.internal_error", exc_info=error)
            raise RefusedError(500, "INTERNAL", INTERNAL) from error

    def _is_for_a_person(self, request: Request) -> bool:
        """Whether a browser opens the endpoint; without a page, a `query` parameter makes it an operation."""
        is_opened = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        return is_opened and (self._page is not None or "query" not in request.query_params)

    async def _show(self, request: Request) -> Response:
        if self._page is None:
            raise RefusedError(404, "NOT_FOUND", "GraphiQL is off; POST operations, or set SHORTSHIP_GRAPHIQL.")
        return await self._page(request)

    async def _run(self, request: Request) -> Response:
        is_post = request.method == "POST"
        if not is_post and request.method != "GET":
            message = "Send operations by POST; queries may also use GET."
            raise RefusedError(405, "METHOD_NOT_ALLOWED", message, headers={"Allow": "GET, POST"})
        context = self._new_context(request.headers.get("accept-language", ""))
        context.principal = await self._authenticator.authenticate(request.headers.get("authorization", ""))
        media_type = answer_type(", ".join(request.headers.getlist("accept")))
        if is_post:
            check_content_type(request.headers.get("content-type", ""))
        operation = await self._posted(request) if is_post else operation_of_query(request.query_params)
        allowed = {OperationType.QUERY} | ({OperationType.MUTATION} if is_post else set())
        if media_type == EVENT_STREAM:
            return await self._stream(operation, context, allowed | {OperationType.SUBSCRIPTION})
        result = await self._schema.execute(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            allowed_operation_types=allowed,
        )
        return _answer(result, media_type)

    async def _posted(self, request: Request) -> Operation:
        """Decoding a large body blocks the loop, so large ones take turns, and others run in between."""
        body = await read_body(request)
        if len(body) > _LARGE:
            async with self._one_at_a_time:
                await asyncio.sleep(0)
        return operation_of(body)

    async def _stream(self, operation: Operation, context: Context, allowed: set[OperationType]) -> Response:
        results: Results = await self._schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            allowed_operation_types=allowed,
        )
        first = asyncio.ensure_future(anext(results))
        await asyncio.sleep(0)  # checks before execution finish within one turn of the loop
        if first.done() and code_of(first.result()) in _STATUS:
            await results.aclose()
            return _answer(first.result(), JSON)
        return EventStream(first, results, ends=[self._stop.wait, partial(context.caller.ended, context.clock)])


def refusal(refused: RefusedError, request: Request) -> Response:
    """Answers a request that was not executed, in GraphQL's form, and leaves its code for logs and metrics."""
    request.scope[REFUSED] = refused.code
    body = {"errors": [{"message": str(refused), "extensions": {"code": refused.code}}]}
    media_type = GRAPHQL_JSON if GRAPHQL_JSON in request.headers.get("accept", "").lower() else JSON
    return Response(orjson.dumps(body), refused.status, refused.headers, media_type)


def _answer(result: ExecutionResult, media_type: str) -> Response:
    """If nothing was executed, only the new media type gets an error status: older clients expect 200."""
    code, status, headers = code_of(result), 200, {}
    if not was_executed(result):
        statuses, otherwise = (_STATUS_OF_GRAPHQL_JSON, 400) if media_type == GRAPHQL_JSON else (_STATUS, 200)
        status = statuses.get(code, otherwise)
    if status == _STATUS["METHOD_NOT_ALLOWED"]:
        headers["Allow"] = "POST"
    for error in result.errors or ():
        if isinstance(error, RateLimitedError):
            headers["Retry-After"] = str(error.seconds)
    return Response(orjson.dumps(answer_of(result)), status, headers, media_type)
