"""Spans as a collector receives them: what ran and how it ended, and nothing about buyers."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.settings import Settings
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.api.telemetry.scraping import scrape_until
from tests.support.client import SECRET, Client, a_token
from tests.support.command import run
from tests.support.patience import PATIENCE_SECONDS

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FIND = (
    'query Find($number: String!) { orderByNumber(number: $number) { id } other: order(id: "ada@example.com") { id } }'
)


class Collector:
    """Receives spans over HTTP, like OpenTelemetry's collector."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.paths.append(self.path)
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> dict[str, Span]:
        """The spans received so far, keyed by name."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [scope for each in requests for resource in each.resource_spans for scope in resource.scope_spans]
        return {span.name: span for scope in scopes for span in scope.spans}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@on_sqlite
async def test_a_request_joins_its_callers_trace_and_reveals_nothing_that_was_sent(
    collector: Collector, settings: Settings, database: Database, shop: Shop
) -> None:
    traced = settings.model_copy(update={"otlp_endpoint": collector.address})
    caller = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    async with serving(traced, database) as base:
        client = Client(base, a_token(shop.id))
        client.http.headers.update(caller)
        await client.post(FIND, number="secret-number")
        await client.with_token(a_token(scope="orders:cancel")).post(
            'query Refused { orderByNumber(number: "1") { id } }'
        )
        await client.http.get(f"/nowhere?token={client.token}")
        async with client.subscription("subscription Follow { orderEvents { __typename } }"):
            await scrape_until(client.http, lambda found: found["subscribers"] == 1)
        await client.http.aclose()

    spans = collector.spans()
    assert set(collector.paths) == {"/v1/traces"}
    assert {"POST /graphql", "query Find", "query Refused", "GET", "subscription Follow"} <= set(spans)
    request, operation = spans["POST /graphql"], spans["query Find"]
    assert operation.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == CALLER
    assert attributes(operation) == {
        "graphql.operation.name": "Find",
        "graphql.operation.type": "query",
        "shortship.outcome": "ok",
    }
    assert attributes(spans["query Refused"])["shortship.outcome"] == "FORBIDDEN"
    assert attributes(spans["GET"])["http.response.status_code"] == 404
    sent = b"".join(collector.bodies)
    assert [word for word in (b"secret-number", b"ada@", client.token.encode(), b"orderByNumber") if word in sent] == []


@contextmanager
def a_collector_that_never_answers() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@on_sqlite
@pytest.mark.parametrize("is_there", [True, False], ids=["silent", "not there"])
async def test_an_unresponsive_collector_delays_nothing(
    settings: Settings, database: Database, shop: Shop, *, is_there: bool
) -> None:
    with a_collector_that_never_answers() as silent:
        address = silent if is_there else "http://127.0.0.1:1"
        traced = settings.model_copy(update={"otlp_endpoint": address})
        async with asyncio.timeout(PATIENCE_SECONDS), serving(traced, database) as base:
            client = Client(base, a_token(shop.id))
            answers = [await client.post(FIND, number="1") for _ in range(100)]
            await client.http.aclose()

    assert {answer["data"]["orderByNumber"] for answer in answers} == {None}


def test_opentelemetry_is_not_imported_without_a_collector() -> None:
    script = "import sys, api.cli; print([name for name in sys.modules if name.startswith('opentelemetry')])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout == "[]\n"


@pytest.mark.usefixtures("sqlite_url")
def test_an_invalid_address_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", jwt_secret=SECRET, otlp_endpoint="collector:4318")

    sentence = "SHORTSHIP_OTLP_ENDPOINT: must be an address such as http://127.0.0.1:4318\n"
    assert (done.returncode, done.stderr) == (2, sentence)
