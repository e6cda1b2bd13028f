"""Requests as bytes, as no decent client would send them, and the answers that come back."""

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
TOKEN = a_token(seconds=DAY)  # made when tests are collected
BEARER = f"Bearer {TOKEN}"
SHOP = "{ shop { id } }"

_INSIDE = re.compile(
    rb"Traceback|File \"|site-packages|\.py\b|sqlalchemy|sqlite|asyncpg|strawberry|starlette|uvicorn|httptools|orjson"
    rb"|\b(?!Cancellation|Fulfillment|User)[A-Z]\w*(?:Error|Exception)\b|\bSELECT\b|\bINSERT\b|object at 0x"
)


class Answer(NamedTuple):
    """What came back; status 0: nothing did."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def codes(self) -> set[str]:
        """Those of its errors; `no GraphQL` where it is no answer in the form of GraphQL."""
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
    """A request, and the status and code that have to come back; where several will do, all of them.

    Where 200 is one of several statuses, it is right without an error only.
    """

    request: bytes
    statuses: tuple[int, ...]
    codes: tuple[str, ...] = ()


def head(line: str, headers: Mapping[str, str | None]) -> bytes:
    """The beginning of a request, with a token; None leaves a header out."""
    given = {"Host": "127.0.0.1", "Authorization": BEARER} | dict(headers)
    lines = [line, *(f"{name}: {text}" for name, text in given.items() if text is not None)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post(body: bytes, **headers: str | None) -> bytes:
    """A POST of JSON; headers are written with underscores."""
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body))} | given
    return head("POST /graphql HTTP/1.1", sent) + body


def operation(query: object, **more: object) -> bytes:
    return orjson.dumps({"query": query} | more)


def ask(query: object, **variables: object) -> bytes:
    """A request with nothing special but its document."""
    return post(operation(query, variables=variables))


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)


def send(port: int, request: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    with connected(port) as connection:
        with suppress(ConnectionError):  # refused before all of it was sent
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
    """How many seconds a client is borne with, and what it was told at the end.

    It gets an answer to a proper greeting, if there is one; then it sends the first part at once and the rest byte by
    byte, one a second.
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
    """Whether there is an answer, or the end, before the time is over that a client waits."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def wrong(case: Case, answer: Answer) -> str:
    """What is wrong with an answer; empty when it is as it has to be."""
    found = []
    if answer.status not in case.statuses:
        found.append(f"status {answer.status}")
    is_served = not case.codes or (answer.status == _OK and len(case.statuses) > 1)
    if answer.status and answer.codes not in ([set()] if is_served else [{code} for code in case.codes]):
        found.append(f"codes {answer.codes}")
    if _INSIDE.search(answer.body) or _INSIDE.search(repr(answer.headers).encode()):
        found.append("tells of the inside")
    return f"{', '.join(found)}: {answer.body[:200]!r}" if found else ""


def errors(answer: Answer) -> list[dict[str, Any]]:
    """Its errors, in full."""
    told: list[dict[str, Any]] = orjson.loads(answer.body)["errors"]
    return told
