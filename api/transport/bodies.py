"""The bodies of requests and answers, and the operation in a request."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from strawberry.types import ExecutionResult

from api.errors import RefusedError

LARGEST_BODY = 1024 * 1024  # bytes; 100 orders to import fit
BODY_SECONDS = 10

# The rest of a body that is too large is read and discarded up to here, so that its sender gets to read the refusal.
_DISCARDED = 8 * LARGEST_BODY
_DISCARDING_SECONDS = 2
_CLOSE = {"Connection": "close"}


@dataclass(slots=True)
class Operation:
    """A request: a document, which of its operations to run, and the values of its variables."""

    query: str
    variables: dict[str, Any] | None  # any JSON
    name: str | None


async def read_body(request: Request) -> bytes:
    """Raises RefusedError if the body is too large, or comes too slowly."""
    body = bytearray()
    is_too_large = int(request.headers.get("content-length", 0)) > LARGEST_BODY  # the parser allows digits only
    try:
        async with asyncio.timeout(BODY_SECONDS):
            chunks = request.stream()
            while not is_too_large and (chunk := await anext(chunks, None)) is not None:
                body += chunk
                is_too_large = len(body) > LARGEST_BODY
    except TimeoutError:
        message = f"The body was not complete after {BODY_SECONDS} s."
        raise RefusedError(408, "TIMEOUT", message, headers=_CLOSE) from None
    if is_too_large:
        if "expect" not in request.headers:  # such clients send the body only when asked to
            await _discard_rest(request)
        message = f"A body has at most {LARGEST_BODY} bytes; send less per request."
        raise RefusedError(413, "PAYLOAD_TOO_LARGE", message, headers=_CLOSE)
    return bytes(body)


def operation_of(body: bytes) -> Operation:
    """Raises RefusedError unless the body is a GraphQL over HTTP request."""
    given = _json("The body", body)
    if not isinstance(given, dict):
        raise _malformed("The body must be a JSON object with a query; batches are not supported.")
    return _operation(given)


def operation_of_query(parameters: Mapping[str, str]) -> Operation:
    """The same for the parameters of a GET, where objects are written as JSON."""
    given: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            given[name] = _json(f"`{name}`", text)
    return _operation(given)


def _operation(given: Mapping[str, Any]) -> Operation:  # any JSON
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query:
        raise _malformed("`query` must be the text of a document.")
    if not isinstance(variables, dict | None):
        raise _malformed("`variables` must be an object or left out.")
    if not isinstance(name, str | None):
        raise _malformed("`operationName` must be a string or left out.")
    if not isinstance(given.get("extensions"), dict | None):
        raise _malformed("`extensions` must be an object or left out.")
    return Operation(query, variables, name)


def was_executed(result: ExecutionResult) -> bool:
    """Whether execution began: there is data, or it is null because of an error in a field."""
    return result.data is not None or any(error.path for error in result.errors or ())


def code_of(result: ExecutionResult) -> str:
    """The code of the first error; empty if there is none."""
    return str((result.errors[0].extensions or {}).get("code", "")) if result.errors else ""


def answer_of(result: ExecutionResult) -> dict[str, Any]:  # any JSON
    """The answer to an operation, without `data` if nothing was executed."""
    answer: dict[str, Any] = {"data": result.data} if was_executed(result) or not result.errors else {}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    return answer


def _json(name: str, text: bytes | str) -> Any:  # any JSON
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise _malformed(f"{name} is not valid JSON: {error}.") from error


async def _discard_rest(request: Request) -> None:
    left = _DISCARDED
    try:
        async with asyncio.timeout(_DISCARDING_SECONDS):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _malformed(message: str) -> RefusedError:
    return RefusedError(400, "BAD_USER_INPUT", message)
