"""What requests and answers consist of: a body that is read with patience but not for ever, an operation, a result."""

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

# What is read and thrown away behind it, so that a client that still sends comes to read why it is refused.
_THROWN_AWAY = 8 * LARGEST_BODY
_THROWING_SECONDS = 2
_CLOSE = {"Connection": "close"}


@dataclass(slots=True)
class Operation:
    """What a request asks for: a document, which of its operations, and the values of its variables."""

    query: str
    variables: dict[str, Any] | None  # of any JSON
    name: str | None


async def read_body(request: Request) -> bytes:
    """Raises RefusedError for one that is too large, or comes too slowly."""
    body = bytearray()
    is_too_large = int(request.headers.get("content-length", 0)) > LARGEST_BODY  # the parser takes numbers only
    try:
        async with asyncio.timeout(BODY_SECONDS):
            chunks = request.stream()
            while not is_too_large and (chunk := await anext(chunks, None)) is not None:
                body += chunk
                is_too_large = len(body) > LARGEST_BODY
    except TimeoutError:
        message = f"The body was not there after {BODY_SECONDS} s."
        raise RefusedError(408, "TIMEOUT", message, headers=_CLOSE) from None
    if is_too_large:
        if "expect" not in request.headers:  # such clients send nothing before they are told to
            await _throw_away(request)
        message = f"A body has at most {LARGEST_BODY} bytes; send less at once."
        raise RefusedError(413, "PAYLOAD_TOO_LARGE", message, headers=_CLOSE)
    return bytes(body)


def operation_of(body: bytes) -> Operation:
    """Raises RefusedError for what is no request of GraphQL over HTTP."""
    given = _json("The body", body)
    if not isinstance(given, dict):
        raise _malformed("The body has to be a JSON object with a query; operations are not sent in batches.")
    return _operation(given)


def operation_of_query(parameters: Mapping[str, str]) -> Operation:
    """The same of the parameters of a GET, where whatever is no text is written as JSON."""
    given: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            given[name] = _json(f"`{name}`", text)
    return _operation(given)


def _operation(given: Mapping[str, Any]) -> Operation:  # any JSON
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query:
        raise _malformed("`query` has to be the text of a document.")
    if not isinstance(variables, dict | None):
        raise _malformed("`variables` has to be an object, or to be left out.")
    if not isinstance(name, str | None):
        raise _malformed("`operationName` has to be a text, or to be left out.")
    if not isinstance(given.get("extensions"), dict | None):
        raise _malformed("`extensions` has to be an object, or to be left out.")
    return Operation(query, variables, name)


def was_executed(result: ExecutionResult) -> bool:
    """Whether it came so far that there is data, be it null for an error in a field."""
    return result.data is not None or any(error.path for error in result.errors or ())


def code_of(result: ExecutionResult) -> str:
    """The code of its first error; empty where all went well."""
    return str((result.errors[0].extensions or {}).get("code", "")) if result.errors else ""


def answer_of(result: ExecutionResult) -> dict[str, Any]:  # any JSON
    """The answer to an operation; without data where nothing was executed."""
    answer: dict[str, Any] = {"data": result.data} if was_executed(result) or not result.errors else {}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    return answer


def _json(name: str, text: bytes | str) -> Any:  # any JSON
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise _malformed(f"{name} is no JSON: {error}.") from error


async def _throw_away(request: Request) -> None:
    left = _THROWN_AWAY
    try:
        async with asyncio.timeout(_THROWING_SECONDS):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _malformed(message: str) -> RefusedError:
    return RefusedError(400, "BAD_USER_INPUT", message)
