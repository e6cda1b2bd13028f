"""Reports every operation, over any transport: a log line, metrics and a span."""

import asyncio
import time
from collections.abc import Iterator

import structlog
from graphql import OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext, StreamExecutionResult

from api.context import Context
from api.telemetry.metrics import OK

log = structlog.get_logger(__name__)

_SUBSCRIPTION = "subscription"
# The client left before the answer; for a subscription that is a normal end.
_ABANDONED = "abandoned"
_LEFT = (asyncio.CancelledError, GeneratorExit)
_LONGEST_NAME = 64


class Observing(SchemaExtension):
    """Must come before a schema's other extensions, to see the outcome that clients see.

    Reports only the operation's name and type: literals and variables may be about buyers.
    """

    def __init__(self) -> None:
        self._outcome = ""  # of a stream, whose results come before its end

    def on_operation(self) -> Iterator[None]:
        began = time.perf_counter()
        context: Context = self.execution_context.context
        span = context.tracing.start_operation()
        try:
            yield
            self._note(self.execution_context.result)
        except _LEFT:
            is_over = self._outcome or _type(self.execution_context) == _SUBSCRIPTION
            self._outcome = self._outcome if is_over else _ABANDONED
            raise
        except Exception as error:
            self._outcome = _code(error)
            raise
        finally:
            name, kind = _name(self.execution_context), _type(self.execution_context)
            outcome, seconds = self._outcome or OK, time.perf_counter() - began
            context.metrics.operation(name, outcome, None if kind == _SUBSCRIPTION else seconds)
            shop = context.principal.shop.id if context.principal else None
            log.info("graphql", operation=name, type=kind, outcome=outcome, shop=shop, ms=round(seconds * 1000, 1))
            span.end(
                f"{kind} {name}".strip(),
                {"graphql.operation.name": name, "graphql.operation.type": kind, "shortship.outcome": outcome},
            )

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        try:
            yield
        finally:
            self._note(result)

    def _note(self, result: object) -> None:
        """The first error decides the outcome."""
        errors = getattr(result, "errors", None)
        if errors and not self._outcome:
            self._outcome = _code(errors[0])


def _code(error: Exception) -> str:
    """The error's code as clients see it; INTERNAL without one."""
    return str((getattr(error, "extensions", None) or {}).get("code", "INTERNAL"))


def _chosen(context: ExecutionContext) -> OperationDefinitionNode | None:
    """The operation to run; None while the document is not parsed, or does not contain it."""
    definitions = context.graphql_document.definitions if context.graphql_document else ()
    for each in definitions:
        if isinstance(each, OperationDefinitionNode) and _name_of(each) == (context.operation_name or ""):
            return each
    return None


def _name(context: ExecutionContext) -> str:
    operation = _chosen(context)
    return _name_of(operation)[:_LONGEST_NAME] if operation else ""


def _type(context: ExecutionContext) -> str:
    operation = _chosen(context)
    return operation.operation.value if operation else ""


def _name_of(operation: OperationDefinitionNode) -> str:
    return operation.name.value if operation.name else ""
