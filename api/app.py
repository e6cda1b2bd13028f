"""Wires the application: routes, middleware, and what starts and ends with it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

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
from api.loops import Loop, beside
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
from domain.storage.engine.database import Database


def tracing_of(settings: Settings) -> Callable[[], Tracing]:
    """Makes a process's tracing; raises SettingsError if its libraries are not installed."""
    if settings.otlp_endpoint is None:
        return NoTracing
    try:
        from api.telemetry.otlp import OtlpTracing  # noqa: PLC0415 - costs time and memory that few servers need to spend
    except ImportError as error:
        raise SettingsError(not_installed("OTLP_ENDPOINT", "tracing")) from error
    return partial(OtlpTracing, settings.otlp_endpoint)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The parts that one application is wired from."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    authenticator: Authenticator
    readiness: Readiness
    metrics: Metrics
    tracing: Tracing
    stop: asyncio.Event


def create_app(  # noqa: PLR0913 - everything that is wired here
    settings: Settings,
    database: Database,
    *,
    loops: Sequence[Loop] = (),
    routes: Sequence[BaseRoute] = (),
    metrics: Metrics | None = None,
    pace: Pace | None = None,
    clock: Callable[[], datetime] = clock,
) -> Starlette:
    """The application on a database, which it closes when it ends.

    The loops, such as the mail loop, run beside it until it is told to stop. `routes` are the demo's own. `metrics`
    come from outside where several processes share them. `pace` says when to fetch public keys again.
    """
    parts = _Parts(
        settings=settings,
        database=database,
        clock=clock,
        authenticator=Authenticator(settings, database, clock=lambda: clock().timestamp(), pace=pace),
        readiness=Readiness(database),
        metrics=metrics or Metrics(),
        tracing=tracing_of(settings)(),
        stop=asyncio.Event(),
    )
    app = Starlette(
        routes=[*_routes(parts), *routes, *pages.routes(is_on=settings.graphiql)],
        middleware=_middleware(parts),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=partial(_lifespan, parts, loops),
    )
    app.router.redirect_slashes = False  # a redirect would repeat any host that a request names
    return app


@asynccontextmanager
async def _lifespan(parts: _Parts, loops: Sequence[Loop], _app: Starlette) -> AsyncIterator[None]:
    async with parts.authenticator.fresh_keys():
        parts.database.hints.start()
        try:
            async with beside(loops, parts.database, parts.stop):
                yield
        finally:
            await parts.readiness.close()
            await parts.database.close()
            await parts.tracing.close()
            parts.metrics.close()


def _routes(parts: _Parts) -> list[BaseRoute]:
    settings, authenticator = parts.settings, parts.authenticator
    schema = served_schema(settings)
    new_context = partial(
        Context,
        database=parts.database,
        feed=Feed(parts.database),
        clock=parts.clock,
        page_limit=settings.page_limit,
        metrics=parts.metrics,
        tracing=parts.tracing,
    )
    page = pages.page if settings.graphiql else None
    return [
        Route("/graphql", GraphQLOverHTTP(schema, authenticator, new_context, parts.stop, page=page)),
        WebSocketRoute("/graphql", GraphQLSockets(schema, authenticator, new_context, settings.allowed_origins)),
        Route("/healthz", _alive),
        Route("/readyz", parts.readiness.answer),
        Route("/metrics", MetricsPage(parts.metrics, parts.database, parts.clock).answer, methods=["GET"]),
    ]


def _middleware(parts: _Parts) -> list[Middleware]:
    settings = parts.settings
    middleware = [Middleware(RequestLog, tracing=parts.tracing, metrics=parts.metrics), Middleware(SecurityHeaders)]
    if settings.trusted_hosts:
        middleware.append(Middleware(TrustedHosts, settings.trusted_hosts))
    if settings.allowed_origins:
        middleware.append(_cors(settings))
    return middleware


def served_schema(settings: Settings) -> Schema:
    """The schema under the limits of the settings; raises SettingsError."""
    policy = Policy(
        introspection=settings.introspection,
        page_limit=settings.page_limit,
        cost_limit=settings.cost_limit,
        timeout_seconds=settings.operation_timeout,
        budget=Budget(settings.rate_limit, time.monotonic) if settings.rate_limit else None,
    )
    return make_schema(policy, Path(settings.trusted_documents) if settings.trusted_documents else None)


def _cors(settings: Settings) -> Middleware:
    """Lets pages of the allowed origins read answers."""
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
