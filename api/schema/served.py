"""Puts everything together into the schema that is served."""

from functools import cache
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    Undefined,
)
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from api.execution.checks import Policy, Schema
from api.execution.executor import PlanningExecutor
from api.execution.reporting import Observing
from api.execution.trusted_documents import TrustedDocuments
from api.schema.mutations import Mutation
from api.schema.queries import Query
from api.schema.subscriptions import Subscription
from api.schema.types.event import EVENT_TYPES
from api.schema.types.scalars import SCALARS


def make_schema(policy: Policy, trusted: Path | None = None, *, is_sorted: bool = False) -> Schema:
    """The schema under a policy, limited to the documents at a path if there is one; SettingsError if they are none.

    A sorted one is for printing only.
    """
    types = _types(is_sorted=is_sorted)
    return types.under(policy, TrustedDocuments(trusted, types._schema) if trusted else None)  # noqa: SLF001 - as below


def printed() -> str:
    """The schema as clients read it, and as it is committed."""
    return print_schema(make_schema(Policy(), is_sorted=True)) + "\n"


@cache
def _types(*, is_sorted: bool) -> Schema:
    """What is the same under every policy, and takes longer to make than an application."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=EVENT_TYPES,
        extensions=[Observing],
        execution_context_class=PlanningExecutor,
        # Sorting makes plain enums of strawberry's, which then do not know the members that resolvers give.
        config=StrawberryConfig(scalar_map=SCALARS, sort_schema=is_sorted),
    )
    _leave_out_null_defaults(schema)
    return schema


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
