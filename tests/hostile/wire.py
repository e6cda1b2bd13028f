"""Raw requests that no decent client would send, and the answers to them."""

import re
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple

import orjson

from tests.support.client import a_token
from tests.support.patience import PATIENCE_SECONDS

DAY = 86_400
_OK = 200
TOKEN = a_token(seconds=DAY)  # long-lived: created when tests are collected
BEARER = f"Bearer {TOKEN}"
SHOP = "{ shop { id } }"
BUFFERED = 64 * 1024  # roughly what the kernel buffers on either side

_INTERNALS = re.compile(
    rb"Traceback|File \"|site-packages|\.py\b|sqlalchemy|sqlite|asyncpg|strawberry|starlette|uvicorn|httptools|orjson"
    rb"|\b(?!Cancellation|Fulfillment|User)[A-Z]\w*(?:Error|Exception)\b|\bSELECT\b|\bINSERT\b|object at 0x"
)


class Answer(NamedTuple):
    """An HTTP answer; status 0 means that none came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def codes(self) -> set[str]:
        """Its error codes, or `no GraphQL` if it is not a GraphQL response."""
        if not self.headers.get("content-type", "").startswith(
            ("application/json", "application/graphql-response+json")
        ):
            return {"no GraphQL"}
        with suppress(ValueError):
            answer = orjson.loads(self.body)
            if isinstance(answer, dict):
                return {error.get("extensions", {}).get("code", "no code") for error in answer.get("errors", [])}
        return {"no GraphQL"}


class Case(NamedTuple):
    """A request, and the statuses and error codes that are acceptable.

    If 200 is one of several statuses, it must come without errors.
    """

    request: bytes
    statuses: tuple[int, ...]
    codes: tuple[str, ...] = ()


def head(line: str, headers: Mapping[str, str | None]) -> bytes:
    """A request line and headers, with a token unless overridden; None omits a header."""
    given = {"Host": "127.0.0.1", "Authorization": BEARER} | dict(headers)
    lines = [line, *(f"{name}: {text}" for name, text in given.items() if text is not None)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post(body: bytes, **headers: str | None) -> bytes:
    """A POST of JSON; headers are written with underscores for hyphens."""
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body))} | given
    return head("POST /graphql HTTP/1.1", sent) + body


def operation(query: object, **more: object) -> bytes:
    return orjson.dumps({"query": query} | more)


def ask(query: object, **variables: object) -> bytes:
    """A well-formed request for a document."""
    return post(operation(query, variables=variables))


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)


def a_connection_with_a_small_buffer(port: int) -> socket.socket:
    """A connection whose kernel buffer takes only a few answers while nobody reads them."""
    connection = socket.socket()
    # Set before connecting: the kernel would let an unbounded one grow to megabytes.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFERED)
    connection.connect(("127.0.0.1", port))
    return connection


def send(port: int, request: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    with connected(port) as connection:
        with suppress(ConnectionError):  # refused before it was sent in full
            connection.sendall(request)
        return receive(connection, request.partition(b" ")[0].decode("latin-1"))


def receive(connection: socket.socket, method: str = "POST") -> Answer:
    with closing(HTTPResponse(connection, method=method)) as response:
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ConnectionError, TimeoutError):
            return Answer(0, {}, b"")
    return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, body)


def dribble(port: int, greeting: bytes, first: bytes, slowly: Iterable[int]) -> tuple[float, Answer]:
    """How many seconds the server bears with a slow client, and its last answer.

    The client first sends a proper request, if `greeting` is one, and reads its answer. Then it sends `first` at once,
    and `slowly` at one byte a second.
    """
    with connected(port) as connection:
        if greeting:
            connection.sendall(greeting)
            receive(connection)
        began = time.monotonic()
        connection.sendall(first)
        connection.settimeout(1)
        for byte in slowly:
            if _has_answered(connection):
                break
            with suppress(ConnectionError):
                connection.sendall(bytes([byte]))
        connection.settimeout(PATIENCE_SECONDS)
        answer = receive(connection)
    return time.monotonic() - began, answer


def _has_answered(connection: socket.socket) -> bool:
    """Whether the server answers or hangs up before the socket's timeout."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def wrong(case: Case, answer: Answer) -> str:
    """What is wrong with the answer, empty if nothing is."""
    found = []
    if answer.status not in case.statuses:
        found.append(f"status {answer.status}")
    is_served = not case.codes or (answer.status == _OK and len(case.statuses) > 1)
    if answer.status and answer.codes not in ([set()] if is_served else [{code} for code in case.codes]):
        found.append(f"codes {answer.codes}")
    if _INTERNALS.search(answer.body) or _INTERNALS.search(repr(answer.headers).encode()):
        found.append("leaks internals")
    return f"{', '.join(found)}: {answer.body[:200]!r}" if found else ""


def errors(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(answer.body)["errors"]
    return found
