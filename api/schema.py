"""Puts everything together into the schema that is served."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    OperationDefinitionNode,
    Undefined,
)
from strawberry.extensions import DisableIntrospection, MaskErrors, MaxTokensLimiter, SchemaExtension
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from api.errors import coded
from api.mutations import Mutation
from api.queries import Query
from api.subscriptions import Subscription
from api.types.event import EVENT_TYPES
from api.types.scalars import SCALARS

_MOST_TOKENS = 2000


class Schema(strawberry.Schema):
    """Errors are logged where they are coded, and only those that are ours."""

    async def execute(self, query: str | None, *args: Any, **settings: Any) -> ExecutionResult:  # strawberry's own
        """One answer to a query or mutation; a subscription has no one answer."""
        settings["allowed_operation_types"] = {*settings["allowed_operation_types"]} - {OperationType.SUBSCRIPTION}
        return await super().execute(query, *args, **settings)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        pass


class CodedErrors(MaskErrors):
    """Gives every error its code on its way out, whatever the transport."""

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return coded(error)


class OneChosenOperation(SchemaExtension):
    """Refuses a document with several operations unless the caller says which; the first would be run otherwise."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        definitions = context.graphql_document.definitions if context.graphql_document else ()
        operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
        is_chosen = context._provided_operation_name is not None  # noqa: SLF001 - the public one guesses
        if len(operations) > 1 and not is_chosen and context.pre_execution_errors is None:
            message = "The document has several operations: say in operationName which one to run."
            context.pre_execution_errors = [GraphQLError(message, nodes=operations)]
        yield


def make_schema(*, introspection: bool, is_sorted: bool = False) -> Schema:
    """The schema; without introspection it also suggests no names. A sorted one is for printing only."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=EVENT_TYPES,
        extensions=[CodedErrors, OneChosenOperation, _limit_tokens, *([] if introspection else [DisableIntrospection])],
        # Sorting makes plain enums of strawberry's, which then do not know the members that resolvers give.
        config=StrawberryConfig(scalar_map=SCALARS, sort_schema=is_sorted, disable_field_suggestions=not introspection),
    )
    _leave_out_null_defaults(schema)
    return schema


def printed() -> str:
    """The schema as clients read it, and as it is committed."""
    return print_schema(make_schema(introspection=True, is_sorted=True)) + "\n"


def _limit_tokens() -> MaxTokensLimiter:
    return MaxTokensLimiter(_MOST_TOKENS)


def _leave_out_null_defaults(schema: Schema) -> None:
    """An argument that may be left out needs no `= null` behind it."""
    for graphql_type in schema._schema.type_map.values():  # noqa: SLF001 - strawberry has no public way to it
        inputs: list[GraphQLArgument | GraphQLInputField] = []
        if isinstance(graphql_type, GraphQLInputObjectType):
            inputs += graphql_type.fields.values()
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            inputs += [arg for field in graphql_type.fields.values() for arg in field.args.values()]
        for given in inputs:
            if given.default_value is None:
                given.default_value = Undefined
