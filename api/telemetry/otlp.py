"""Sends spans to a collector by OTLP over HTTP, in batches from a background thread."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from api.telemetry.tracing import Span

_EXPORT_SECONDS = 5
_CLOSING_SECONDS = 3
_CALLER = TraceContextTextMapPropagator()


class _Ending:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def end(self, name: str, attributes: Mapping[str, str | int]) -> None:
        self._span.update_name(name)
        self._span.set_attributes(attributes)
        self._span.end()


class OtlpTracing:
    """Sends to `<endpoint>/v1/traces`. The libraries also honour their own OTEL_ variables."""

    def __init__(self, endpoint: str) -> None:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
        resource = Resource.create({"service.name": "shortship"})
        # The application closes it; at interpreter exit it would wait for an unresponsive collector.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("shortship")

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span]:
        given = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        span = self._tracer.start_span("HTTP", context=_CALLER.extract(given), kind=SpanKind.SERVER)
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield _Ending(span)

    def start_operation(self) -> Span:
        """Not made the current span, since a stream may end in another task than it began in."""
        return _Ending(self._tracer.start_span("GraphQL"))

    async def close(self) -> None:
        # A daemon thread, so neither the server nor the interpreter waits any longer.
        closing = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSING_SECONDS)
