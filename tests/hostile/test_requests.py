"""Hostile requests get a GraphQL response or none; they write nothing, and keep nobody else waiting."""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from graphql import get_introspection_query

from tests.hostile.bodies import BODIES
from tests.hostile.documents import DOCUMENTS
from tests.hostile.headers import HEADERS
from tests.hostile.target import Record, Target, attacked
from tests.hostile.wire import (
    SHOP,
    Case,
    ask,
    connected,
    dribble,
    errors,
    head,
    operation,
    post,
    receive,
    wrong,
)

CASES = BODIES | DOCUMENTS | HEADERS
GOOD = operation(SHOP)


@pytest.mark.parametrize("group", CASES)
def test_hostile_requests_get_graphql_responses_and_write_nothing(
    target: Target, group: str, record_property: Record
) -> None:
    before = target.rows()

    with target.watched(record_property, f"{len(CASES[group])} {group}"):
        answers = {name: target.send(case.request) for name, case in CASES[group].items()}

    wrongs = {name: wrong(CASES[group][name], answer) for name, answer in answers.items()}
    assert {name: said for name, said in wrongs.items() if said} == {}
    assert target.faults() == []
    assert target.rows() == before


def test_clients_that_dribble_are_dropped_after_ten_seconds(target: Target, record_property: Record) -> None:
    begun = head("POST /graphql HTTP/1.1", {"Content-Type": "application/json", "Content-Length": "100000"})
    chunked = head("POST /graphql HTTP/1.1", {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    slow = {
        "silence": (b"", b"", b""),
        "line breaks": (b"", b"", b"\r\n" * 20),
        "line breaks after an answer": (post(GOOD), b"\r\n", b"\r\n" * 20),
        "a line break and silence after an answer": (post(GOOD), b"\r\n", b""),
        "head byte by byte": (b"", b"POST /graphql HTTP/1.1\r\nX: ", b"x" * 40),
        "head that does not end": (b"", begun[:-2], b""),
        "first line byte by byte": (b"", b"", b"POST /graphql HTTP/1.1" * 2),
        "body byte by byte": (b"", begun, b'{"query": "{ shop { id } }"}' + b" " * 40),
        "body that never comes": (b"", begun, b""),
        "body that stops": (b"", begun + b" " * 50_000, b""),
        "chunks byte by byte": (b"", chunked, b"1\r\n \r\n" * 8),
        "chunks that stop": (b"", chunked + b"5\r\n", b""),
        "second request byte by byte": (post(GOOD), b"POST /graphql HTTP/1.1\r\nX: ", b"x" * 40),
    }
    before = target.rows()

    with target.watched(record_property, f"{10 * len(slow)} that dribble"), ThreadPoolExecutor(200) as threads:
        started = {
            (name, each): threads.submit(dribble, target.port, *sent)
            for name, sent in slow.items()
            for each in range(10)
        }
        with connected(target.port) as idle:
            idle.sendall(post(GOOD))
            receive(idle)
            ends = {name: future.result() for name, future in started.items()}
            idle.sendall(post(GOOD))
            later = receive(idle)

    late = {name: seconds for name, (seconds, _) in ends.items() if seconds > 20}
    expected = Case(b"", (0, 408), ("TIMEOUT",))
    wrongs = {name: wrong(expected, answer) for name, (_, answer) in ends.items()}
    assert late == {}
    assert {name: said for name, said in wrongs.items() if said} == {}
    assert later.status == 200  # silence is nothing bad between requests
    assert target.faults() == []
    assert target.rows() == before


def test_a_connection_stays_usable_after_a_refusal(target: Target) -> None:
    with connected(target.port) as connection:
        answers = []
        for request in (
            post(b"null"),
            post(GOOD, Content_Type="text/plain"),
            post(GOOD, Accept="image/png"),
            post(GOOD),
        ):
            connection.sendall(request)
            answers.append(receive(connection))

    assert [answer.status for answer in answers] == [400, 415, 406, 200]


def test_pipelined_requests_are_answered_in_order(target: Target) -> None:
    with connected(target.port) as connection:
        connection.sendall(b"".join(post(GOOD, X_Request_ID=f"row-{number}") for number in range(50)))
        received = b""
        while received.count(b"shop_demo") < 50:
            received += connection.recv(65536)

    assert re.findall(rb"x-request-id: row-(\d+)", received.lower()) == [b"%d" % number for number in range(50)]


@pytest.mark.parametrize("query", [SHOP, "{ orders(first: 5) { edges { node { items { sku } } } } }"])
def test_a_client_that_half_closes_still_gets_its_answer(target: Target, query: str) -> None:
    with connected(target.port) as connection:
        connection.sendall(post(operation(query)))
        connection.shutdown(socket.SHUT_WR)
        answer = receive(connection)

    assert (answer.status, answer.codes) == (200, set())
    assert answer.body.startswith(b'{"data":')


def test_a_client_that_half_closes_within_its_request_is_left_at_once(target: Target) -> None:
    begun = head("POST /graphql HTTP/1.1", {"Content-Type": "application/json", "Content-Length": "1000"})
    with connected(target.port) as connection:
        connection.sendall(begun + b"{")
        connection.shutdown(socket.SHUT_WR)
        answer = receive(connection)

    assert answer.status == 0  # whoever waits for the rest answers with 408


def test_a_client_that_disconnects_early_causes_no_fault(target: Target) -> None:
    begun = head("POST /graphql HTTP/1.1", {"Content-Type": "application/json", "Content-Length": "1000"})
    for request in (b"", b"POST", begun, begun + b"{", post(GOOD), post(GOOD) * 20):
        for _ in range(10):
            with connected(target.port) as connection:
                connection.sendall(request)

    answer = target.send(post(GOOD))

    assert answer.status == 200
    assert target.faults() == []


def test_clients_that_do_not_read_their_answers_harm_nobody(target: Target, record_property: Record) -> None:
    fields = " ".join(f"a{number}: items {{ order {{ packages {{ items {{ id }} }} }} }}" for number in range(20))
    large = ask(f"{{ orders(first: 5) {{ edges {{ node {{ {fields} }} }} }} }}")

    with target.watched(record_property, "10 clients that do not read"), ExitStack() as stack:
        connections = [stack.enter_context(connected(target.port)) for _ in range(10)]
        for connection in connections:
            connection.settimeout(1)
            with suppress(TimeoutError, ConnectionError):
                connection.sendall(large * 60)
        answer = target.send(post(GOOD))

    assert answer.status == 200
    assert target.faults() == []


def test_an_unsupported_method_is_answered_with_the_supported_ones(target: Target) -> None:
    answers = [
        target.send(head(f"{method} /graphql HTTP/1.1", {})) for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
    ]

    assert [answer.status for answer in answers[:3]] == [405] * 3
    assert [set(answer.headers["allow"].split(", ")) >= {"POST"} for answer in answers] == [True] * 5
    assert answers[4].body == b""


def test_a_graphql_response_has_no_data_if_nothing_was_executed(target: Target) -> None:
    new = "application/graphql-response+json"
    broken = {
        name: target.send(post(operation(query, variables={"n": "x"}), Accept=new))
        for name, query in {
            "syntax": "{",
            "validation": "{ nothing }",
            "variables": "query ($n: Int) { orders(first: $n) { totalCount } }",
            "cost": "{ orders(first: 100) { edges { node { events(first: 100) { edges { cursor } } } } } }",
        }.items()
    }
    good = target.send(post(GOOD, Accept=new))
    failed = target.send(post(operation("{ orders(first: 0) { totalCount } }"), Accept=new))

    assert {name: (answer.status, b'"data"' in answer.body) for name, answer in broken.items()} == dict.fromkeys(
        broken, (400, False)
    )
    assert {answer.headers["content-type"].split(";")[0] for answer in (*broken.values(), good, failed)} == {new}
    assert (good.status, good.codes) == (200, set())
    assert (failed.status, failed.codes, b'"data":null' in failed.body) == (200, {"BAD_USER_INPUT"}, True)


def test_an_unauthenticated_client_is_told_the_scheme(target: Target) -> None:
    answers = [target.send(post(GOOD, Authorization=text)) for text in (None, "Basic eDp5", "Bearer nonsense")]
    answers += [target.send(post(GOOD, Authorization=None, Accept="application/graphql-response+json"))]

    assert [answer.status for answer in answers] == [401] * 4
    assert [answer.headers["www-authenticate"].split()[0] for answer in answers] == ["Bearer"] * 4


def test_other_sites_cannot_read_answers(target: Target) -> None:
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answers = [
        target.send(post(GOOD, Origin="https://evil.example")),
        target.send(head("OPTIONS /graphql HTTP/1.1", preflight)),
    ]

    assert [name for answer in answers for name in answer.headers if name.startswith("access-control")] == []


def test_answers_forbid_sniffing_and_caching_and_do_not_name_the_server(target: Target) -> None:
    answers = [target.send(post(body)) for body in (GOOD, b"null")]

    assert [answer.headers["x-content-type-options"] for answer in answers] == ["nosniff"] * 2
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 2
    assert [answer.headers.get("server", "") for answer in answers] == [""] * 2


def test_control_characters_in_a_request_id_are_neither_returned_nor_logged(target: Target) -> None:
    target.log()
    for text in ("a\x01b\x1b[31m", "a\tb", "\xffid", 'a"b', "x" * 10_000):
        target.send(post(GOOD, X_Request_ID=text))
    answer = target.send(post(GOOD, X_Request_ID="sensible-1"))
    target.send(post(GOOD))  # a request is logged after its answer is sent
    log = target.log()

    assert answer.headers["x-request-id"] == "sensible-1"
    assert "sensible-1" in log
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]|x{1000}|a\\u0001", log) is None


def test_a_closed_server_reveals_neither_its_schema_nor_other_hosts(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    template: Path = request.getfixturevalue("_sqlite_template")
    settings = {"introspection": "off", "trusted_hosts": "127.0.0.1,shop.example"}

    with attacked(tmp_path, template, **settings) as closed:
        introspections = [
            closed.send(ask(query))
            for query in (
                get_introspection_query(),
                '{ __type(name: "Order") { fields { name } } }',
                "{ ordrs { id } }",
            )
        ]
        typename = closed.send(ask("{ __typename }"))
        hosts = [
            closed.send(post(GOOD, Host=host)).status
            for host in (
                "127.0.0.1",
                f"127.0.0.1:{closed.port}",
                "shop.example",
                "evil.example",
                "",
                "127.0.0.1.evil.example",
            )
        ]
        misled = closed.send(post(GOOD, Host="evil.example"))

    assert [answer.codes for answer in introspections] == [{"BAD_USER_INPUT"}] * 3
    assert [
        error["message"] for answer in introspections for error in errors(answer) if "mean" in error["message"]
    ] == []
    assert typename.codes == set()
    assert hosts == [200, 200, 200, 400, 400, 400]
    assert misled.codes == {"BAD_USER_INPUT"}


def test_concurrent_expensive_requests_starve_nobody(target: Target, record_property: Record) -> None:
    large = [case.request for case in (CASES["documents at the limits"] | CASES["large documents"]).values()] * 3

    with target.watched(record_property, f"{len(large)} large requests at once"), ThreadPoolExecutor(20) as threads:
        began = time.monotonic()
        answers = list(threads.map(target.send, large))
        record_property("all answered after", f"{time.monotonic() - began:.1f} s")

    assert {answer.status for answer in answers} <= {200, 413}
    target.assert_sound()
