"""create_app: builds the database, routes and background loops, and wires them. No rule, no SQL."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from api.auth import Authenticator
from api.context import Context
from api.execution.checks import Policy, Schema
from api.execution.rate_limit import Budget
from api.keys import Pace
from api.loops import Loop
from api.schema.served import make_schema
from api.settings import Settings, SettingsError
from api.telemetry.metrics import Metrics, MetricsPage
from api.telemetry.requests import RequestLog
from api.telemetry.tracing import NoTracing, Tracing
from api.transport import pages
from api.transport.http import GraphQLOverHTTP
from api.transport.middleware import EXCEPTION_HANDLERS, Cors, SecurityHeaders, TrustedHosts
from api.transport.readiness import Readiness
from api.transport.websocket import GraphQLSockets
from api.wiring import clock, not_installed
from domain.feed import Feed
from domain.storage.database import Database

log = structlog.get_logger(__name__)


def tracing_of(settings: Settings) -> Callable[[], Tracing]:
    """What makes the tracing of a process; raises SettingsError where the libraries for it are not installed."""
    if settings.otlp_endpoint is None:
        return NoTracing
    try:
        from api.telemetry.otlp import OtlpTracing  # noqa: PLC0415 - takes time and memory that most servers need not spend
    except ImportError as error:
        raise SettingsError(not_installed("OTLP_ENDPOINT", "tracing")) from error
    return partial(OtlpTracing, settings.otlp_endpoint)


@contextmanager
def _told_to_stop(stop: asyncio.Event) -> Iterator[None]:
    """Sets the event with the signal that ends the server, which by itself tells us only when all is drained."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)
        server = servers[signal.Signals(number)]
        if callable(server):
            server(number, frame)

    servers = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, server in servers.items():
            signal.signal(number, server)


def create_app(  # noqa: PLR0913 - all that there is to wire
    settings: Settings,
    database: Database,
    *,
    loops: Sequence[Loop] = (),
    routes: Sequence[BaseRoute] = (),
    metrics: Metrics | None = None,
    pace: Pace | None = None,
    clock: Callable[[], datetime] = clock,
) -> Starlette:
    """The application on a database that it closes at its end.

    The loops run beside it until their event is set, which is as soon as it is told to stop. The mail's is one of them;
    `routes` are those of the demo, `metrics` those of several processes, where it is one of them; `pace` is when public
    keys are looked at.
    """
    authenticator = Authenticator(settings, database, clock=lambda: clock().timestamp(), pace=pace)
    feed = Feed(database)
    readiness = Readiness(database)
    metrics, tracing = metrics or Metrics(), tracing_of(settings)()
    stop = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with authenticator.fresh_keys():
            database.hints.start()
            running = [asyncio.ensure_future(loop(database, stop)) for loop in loops]
            try:
                with _told_to_stop(stop):
                    yield
            finally:
                stop.set()
                for ended in await asyncio.gather(*running, return_exceptions=True):
                    if ended is not None:
                        log.error("loop.crashed", exc_info=ended)
                await readiness.close()
                await database.close()
                await tracing.close()
                metrics.close()

    def new_context(accept_language: str) -> Context:
        return Context(
            database=database,
            feed=feed,
            clock=clock,
            page_limit=settings.page_limit,
            accept_language=accept_language,
            metrics=metrics,
            tracing=tracing,
        )

    schema = served_schema(settings)
    page = pages.page if settings.graphiql else None
    middleware = [Middleware(RequestLog, tracing=tracing, metrics=metrics), Middleware(SecurityHeaders)]
    if settings.trusted_hosts:
        middleware.append(Middleware(TrustedHosts, settings.trusted_hosts))
    if settings.allowed_origins:
        middleware.append(_cors(settings))
    app = Starlette(
        routes=[
            Route("/graphql", GraphQLOverHTTP(schema, authenticator, new_context, stop, page=page)),
            WebSocketRoute("/graphql", GraphQLSockets(schema, authenticator, new_context, settings.allowed_origins)),
            Route("/healthz", _alive),
            Route("/readyz", readiness.answer),
            Route("/metrics", MetricsPage(metrics, database, clock).answer, methods=["GET"]),
            *routes,
            *pages.routes(is_on=settings.graphiql),
        ],
        middleware=middleware,
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would name whatever host the request named
    return app


def served_schema(settings: Settings) -> Schema:
    """The schema with the limits of the settings. Raises SettingsError."""
    policy = Policy(
        introspection=settings.introspection,
        page_limit=settings.page_limit,
        cost_limit=settings.cost_limit,
        timeout_seconds=settings.operation_timeout,
        budget=Budget(settings.rate_limit, time.monotonic) if settings.rate_limit else None,
    )
    return make_schema(policy, Path(settings.trusted_documents) if settings.trusted_documents else None)


def _cors(settings: Settings) -> Middleware:
    """Pages of these origins may read answers too."""
    return Middleware(
        Cors,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
        expose_headers=["X-Request-ID", "Retry-After"],
        max_age=3600,
    )


async def _alive(_request: Request) -> Response:
    return JSONResponse({"alive": True})
