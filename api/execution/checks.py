"""Runs documents from every transport: checks them first, limits their time, and shapes their errors."""

import asyncio
from copy import copy
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.auth import Principal, Scope
from api.errors import (
    BadUserInputError,
    DocumentTooLongError,
    ForbiddenError,
    MethodNotAllowedError,
    TooExpensiveError,
    TooLateError,
)
from api.execution import answers
from api.execution.cost import LONGEST_DOCUMENT, MOST_TOKENS, Cost, check_variables
from api.execution.known_documents import Document, Documents
from api.execution.rate_limit import Budget
from api.execution.trusted_documents import TrustedDocuments

# Limits the search for conflicting fields to 30 ms, enough for any real document within the other limits. graphql-core
# reads the limit from its module.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 25_000

_RULES = tuple(specified_rules)
_RULES_WITHOUT_INTROSPECTION = (*_RULES, NoSchemaIntrospectionCustomRule)


@dataclass(slots=True, kw_only=True)
class Policy:
    """Limits on what may run; the settings of the same names say more."""

    introspection: bool = True
    page_limit: int = 100
    cost_limit: int = 20_000
    timeout_seconds: float = 5
    budget: Budget | None = None


class Schema(strawberry.Schema):
    """Strawberry's schema, with our checks and limits where every transport passes.

    These hooks are private, so strawberry's version is pinned: its extensions can refuse a document only by raising,
    which would close a socket on all its other operations.
    """

    policy = Policy()
    trusted: TrustedDocuments | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:  # strawberry's own
        super().__init__(*args, **settings)
        self.documents = Documents()

    def under(self, policy: Policy, trusted: TrustedDocuments | None) -> "Schema":
        """The same types under another policy, with a separate document cache."""
        schema = copy(self)
        schema.policy, schema.trusted, schema.documents = policy, trusted, Documents()
        return schema

    async def _prepare_operation_async(
        self,
        context: ExecutionContext,
        extensions_runner: object,  # noqa: ARG002 - strawberry passes it under this name
    ) -> PreExecutionError | None:
        """Checks everything before execution, without awaiting anything."""
        try:
            errors = self._refusals(context)
        except RecursionError:
            errors = [BadUserInputError("The document is nested too deeply.")]
        except GraphQLError as error:
            errors = [error]
        return PreExecutionError(data=None, errors=errors) if errors else None

    def _refusals(self, context: ExecutionContext) -> list[GraphQLError]:
        """The validation errors; raises GraphQLError for any other reason to refuse the document."""
        policy, caller = self.policy, context.context.caller
        self._spend(caller, 1)  # even if the document turns out to be invalid
        document = self.documents.find(context.query or "") or self._parsed(context.query)
        context.graphql_document = document.node
        _check_operation(context, document.node)
        if not document.is_trusted and Scope.EXPLORE not in caller.scopes:
            raise ForbiddenError(Scope.EXPLORE.value, "This server runs only its trusted documents.")
        variables = context.variables or {}
        check_variables(variables)
        cost = document.cost.of(variables)
        if cost > policy.cost_limit:
            raise TooExpensiveError(f"The document costs {cost}, and the limit is {policy.cost_limit}; ask for less.")
        if not document.is_valid:
            if errors := self._validate(document.node):
                return errors
            document.is_valid = True
            self.documents.keep(context.query or "", document)
        self._spend(caller, cost, paid=1)
        return []

    def _parsed(self, query: str | None) -> Document:
        if not query:
            raise BadUserInputError("The request has no query.")
        if len(query) > LONGEST_DOCUMENT or len(query.encode()) > LONGEST_DOCUMENT:
            raise DocumentTooLongError(LONGEST_DOCUMENT)
        node = parse(query, max_tokens=MOST_TOKENS)
        cost = Cost(self._schema, node, page_limit=self.policy.page_limit)
        return Document(node, cost, is_trusted=self.trusted is None or node in self.trusted)

    def _validate(self, document: DocumentNode) -> list[GraphQLError]:
        is_open = self.policy.introspection
        rules = _RULES if is_open else _RULES_WITHOUT_INTROSPECTION
        errors = validate(self._schema, document, rules, hide_suggestions=not is_open)
        if len(errors) == 1 and isinstance(errors[0], ValidationAbortedError):
            raise TooExpensiveError("The document selects the same fields too often.")
        return errors

    def _spend(self, caller: Principal, cost: int, *, paid: int = 0) -> None:
        if self.policy.budget:
            self.policy.budget.spend((caller.shop.id, caller.subject), cost, paid=paid)

    async def _execute_operation(
        self,
        execution_context: ExecutionContext,
        *args: Any,
        **settings: Any,  # strawberry's own
    ) -> Any:
        """Runs one query or mutation, and cancels it when it takes too long."""
        try:
            async with asyncio.timeout(self.policy.timeout_seconds) as deadline:
                result = await super()._execute_operation(execution_context, *args, **settings)
                _finish(execution_context, result)
                return result
        except TimeoutError:
            if deadline.expired():
                raise TooLateError(self.policy.timeout_seconds) from None
            raise

    async def _handle_execution_result(
        self,
        context: ExecutionContext,
        result: Any,
        *args: Any,
        **settings: Any,  # strawberry's own
    ) -> ExecutionResult:
        _finish(context, result)
        return await super()._handle_execution_result(context, result, *args, **settings)

    def _get_custom_context_kwargs(self, *args: Any, **settings: Any) -> dict[str, Any]:  # strawberry's own
        """The arguments of graphql-core's `execute`."""
        given = super()._get_custom_context_kwargs(*args, **settings)
        return given | {"hide_suggestions": not self.policy.introspection}

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Logs nothing: errors are logged where they are coded, and only our own."""


def _finish(context: ExecutionContext, result: Any) -> None:  # strawberry's result or graphql-core's
    """Codes and limits the result."""
    answers.finish(result, is_mutation=lambda: context.operation_type is OperationType.MUTATION)


def _check_operation(context: ExecutionContext, document: DocumentNode) -> None:
    """Raises BadUserInputError unless there is exactly one operation to run, of a kind allowed here."""
    name = context._provided_operation_name  # noqa: SLF001 - the public one guesses
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    chosen = [each for each in operations if name is None or (each.name and each.name.value == name)]
    if not operations:
        raise BadUserInputError("The document has no operation.")
    if not chosen:
        raise BadUserInputError("The document has no operation named by operationName.")
    if name is None and len(chosen) > 1:
        raise BadUserInputError("The document has several operations: choose one by operationName.")
    kind = OperationType(chosen[0].operation.value)
    if kind is OperationType.MUTATION and kind not in context.allowed_operations:
        raise MethodNotAllowedError
    if kind not in context.allowed_operations:
        raise BadUserInputError("Subscribe over a websocket, or by server-sent events with Accept: text/event-stream.")
