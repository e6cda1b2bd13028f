"""Tells of every operation, whatever it came over: a line in the log, a count, a span of the trace."""

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
# The client went away before the answer; a subscription ends so when all is well.
_ABANDONED = "abandoned"
_LEFT = (asyncio.CancelledError, GeneratorExit)
_LONGEST_NAME = 64


class Observing(SchemaExtension):
    """Goes before all other extensions of a schema: then it is told what clients are.

    Of what was asked it tells the operation's name and type only. Literals and variables are about buyers.
    """

    def __init__(self) -> None:
        self._outcome = ""  # of a stream, which has results before it ends

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
        """The first error there is decides."""
        errors = getattr(result, "errors", None)
        if errors and not self._outcome:
            self._outcome = _code(errors[0])


def _code(error: Exception) -> str:
    """That of an error as clients see it, or of one that they are not told about."""
    return str((getattr(error, "extensions", None) or {}).get("code", "INTERNAL"))


def _chosen(context: ExecutionContext) -> OperationDefinitionNode | None:
    """The operation that was asked for, once the document is known to have it."""
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
