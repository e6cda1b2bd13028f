"""What every resolver is given: who calls, and what of the server it may use."""

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
from domain.storage.backend import Connection
from domain.storage.database import Database


@dataclass
class Context:
    """Over a websocket the caller becomes known with its first message, `connection_params`.

    `accept_language` is the request's header of this name, empty where it has none. `one_at_a_time` is for what
    computes long and reads much: neither the loop nor the connections to the database are one request's.
    """

    database: Database
    feed: Feed
    clock: Callable[[], datetime]
    page_limit: int
    accept_language: str
    metrics: Metrics
    tracing: Tracing
    principal: Principal | None = None
    connection_params: dict[str, Any] = field(default_factory=dict)  # whatever JSON a client sends
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
