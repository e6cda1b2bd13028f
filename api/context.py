"""The context of every resolver: the caller, and the parts of the server that resolvers use."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import strawberry

from api.auth import Principal, Scope
from api.errors import ForbiddenError
from api.telemetry.metrics import Metrics
from api.telemetry.tracing import Tracing
from domain.feed import Feed
from domain.storage.engine.backend import Connection
from domain.storage.engine.database import Database


@dataclass
class Context:
    """The context of one request or one websocket.

    `accept_language` is the request's header, empty if absent. Over a websocket, `principal` is known once the first
    message has come, with its `connection_params`. `one_at_a_time` guards resolvers that compute long or read much, so
    that one request takes neither the loop nor all database connections.
    """

    accept_language: str
    database: Database
    feed: Feed
    clock: Callable[[], datetime]
    page_limit: int
    metrics: Metrics
    tracing: Tracing
    principal: Principal | None = None
    connection_params: dict[str, Any] = field(default_factory=dict)  # any JSON
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def caller(self) -> Principal:
        if self.principal is None:
            raise AssertionError("an operation without a caller")
        return self.principal

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """One snapshot of the caller's shop."""
        return self.database.reading(self.caller.shop.id)

    def allow(self, scope: Scope) -> Principal:
        """The caller, if its token has the scope; raises ForbiddenError."""
        if scope not in self.caller.scopes:
            raise ForbiddenError(scope.value)
        return self.caller


Info = strawberry.Info[Context, None]
