"""Random valid documents and random broken bytes cause no faults, and leave the stored data sound.

Every run tries the same examples. To try more, and new ones each time: `pytest tests/hostile --fuzz-examples 800`.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.generated import Operation, operations
from tests.hostile.target import Record, Target
from tests.hostile.wire import BEARER, TOKEN, Answer, connected, head, operation, receive
from tests.support.patience import PATIENCE_SECONDS
from tests.support.trying import tried

EXAMPLES = 100
CODES = {
    "BAD_USER_INPUT",
    "NOT_FOUND",
    "TOO_EXPENSIVE",
    "PAYLOAD_TOO_LARGE",
}
KNOWN = """
{
  orders(first: 100) { edges { cursor node { id number eventCursor items { id sku } packages { id items { id } } } } }
  orderEvents(first: 100) { edges { cursor node { id } } }
}
"""
GOOD = operation(
    "query A($n: Int, $search: String) { orders(first: $n, filter: {search: $search}) { edges { node { id } } } }",
    variables={"n": 5, "search": "dress"},
    operationName="A",
)
REQUEST = head("POST /graphql HTTP/1.1", {"Content-Type": "application/json", "Content-Length": str(len(GOOD))}) + GOOD

Run = Callable[[Callable[..., None], int], None]


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a property with a number of fixed examples, or with `--fuzz-examples` new ones."""

    def run(holds: Callable[..., None], examples: int) -> None:
        tried(request, "--fuzz-examples", holds, examples)

    return run


def strings(found: Any) -> set[str]:
    """All strings in an answer."""
    if isinstance(found, dict):
        return set().union(*map(strings, found.values()))
    if isinstance(found, list):
        return set().union(*map(strings, found))
    return {found} if isinstance(found, str) else set()


def ask(http: httpx.Client, asked: Operation) -> httpx.Response:
    content = operation(asked.document, variables=asked.variables)
    return http.post("/graphql", content=content, headers={"Content-Type": "application/json"})


def assert_well_formed(answer: httpx.Response) -> list[str]:
    """Checks the answer against the GraphQL specification and returns its error codes."""
    assert answer.status_code in (200, 413), answer.text
    body = answer.json()
    assert body.keys() <= {"data", "errors", "extensions"}
    errors = body.get("errors", [])
    assert "errors" not in body or errors
    assert errors or body["data"] is not None
    assert all(isinstance(error["message"], str) and error.keys() <= _MEMBERS for error in errors)
    return [error["extensions"]["code"] for error in errors]


_MEMBERS = {"message", "locations", "path", "extensions"}


def test_valid_documents_cause_no_faults(target: Target, run: Run, record_property: Record) -> None:
    with httpx.Client(base_url=target.base, headers={"Authorization": BEARER}, timeout=PATIENCE_SECONDS) as http:
        known = sorted(strings(ask(http, Operation(KNOWN, {})).json()["data"]))
        ids = [text for text in known if "_" in text]
        asked: list[bool] = []

        @given(operations(ids, known))
        def holds(drawn: Operation) -> None:
            codes = assert_well_formed(ask(http, drawn))
            assert set(codes) <= CODES
            asked.append(not codes)

        with target.watched(record_property, "valid documents"):
            run(holds, EXAMPLES)

    record_property("documents", len(asked))
    record_property("without an error", sum(asked))
    assert sum(asked) > len(asked) / 10
    assert target.faults() == []
    target.assert_sound()


def changes(good: bytes) -> st.SearchStrategy[bytes]:
    """The good bytes with a few pieces replaced."""
    piece = st.one_of(
        st.binary(max_size=10),
        st.sampled_from(
            [b'"', b"{", b"}", b"[", b"\\", b"\r\n", b"\0", b":", b",", b"null", b"1e999", b"\xff", b"..."]
        ),
    )
    change = st.tuples(st.integers(0, len(good)), st.integers(0, 8), piece)
    return st.lists(change, min_size=1, max_size=4).map(lambda made: _changed(good, made))


def _changed(good: bytes, made: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, piece in made:
        good = good[:start] + piece + good[start + length :]
    return good


def test_random_bodies_cause_no_faults_and_write_nothing(target: Target, run: Run, record_property: Record) -> None:
    before = target.rows()
    with httpx.Client(base_url=target.base, headers={"Authorization": BEARER}, timeout=PATIENCE_SECONDS) as http:

        @given(st.one_of(st.binary(max_size=100), changes(GOOD), changes(GOOD)))
        def holds(body: bytes) -> None:
            answer = http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (200, 400), answer.text
            codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
            assert codes <= {"BAD_USER_INPUT"}

        with target.watched(record_property, "bodies at random"):
            run(holds, EXAMPLES * 3)

    assert target.faults() == []
    assert target.rows() == before


def last_word(port: int, request: bytes) -> Answer:
    """The answer to bytes after which the client stops sending."""
    with connected(port) as connection:
        with suppress(OSError):  # closed before everything was sent
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        return receive(connection)


def test_random_bytes_cause_no_faults_and_write_nothing(target: Target, run: Run, record_property: Record) -> None:
    before = target.rows()

    @given(st.one_of(st.binary(max_size=200), changes(REQUEST), changes(REQUEST)))
    def holds(request: bytes) -> None:
        answer = last_word(target.port, request)
        assert answer.status < 500
        assert TOKEN.encode() not in answer.body

    with target.watched(record_property, "bytes at random"):
        run(holds, EXAMPLES * 3)

    assert target.faults() == []
    assert target.rows() == before
    assert orjson.loads(target.send(REQUEST).body)["data"]["orders"]["edges"]
