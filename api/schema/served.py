"""Assembles the schema, to serve it and to print it."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_specified_scalar_type,
    print_type,
)
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


def make_schema(policy: Policy, trusted: Path | None = None) -> Schema:
    """The schema under a policy, limited to the trusted documents at a path; SettingsError if they cannot be read."""
    types = _types()
    return types.under(policy, TrustedDocuments(trusted, types._schema) if trusted else None)  # noqa: SLF001 - as below


def printed() -> str:
    """The committed schema: the root types, then each type where a reader first meets it, with fields as declared."""
    schema = _types()._schema  # noqa: SLF001 - as below
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    met: dict[GraphQLNamedType, None] = {root: None for root in roots if root}
    for root in (*met,):
        _meet_all(_next_to(root, schema), schema, met)
    return "\n\n".join(print_type(each) for each in met if not is_specified_scalar_type(each)) + "\n"


def _meet_all(types: Iterable[GraphQLNamedType], schema: GraphQLSchema, met: dict[GraphQLNamedType, None]) -> None:
    """Adds the types to those met, each followed by the new ones that it leads to."""
    for each in types:
        if each not in met:
            met[each] = None
            _meet_all(_next_to(each, schema), schema, met)


def _next_to(named: GraphQLNamedType, schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    """The types that this one mentions, and then those that implement it."""
    if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        for field in named.fields.values():
            yield from (get_named_type(each.type) for each in field.args.values())
            yield get_named_type(field.type)
        yield from named.interfaces
    if isinstance(named, GraphQLInputObjectType):
        yield from (get_named_type(field.type) for field in named.fields.values())
    if isinstance(named, GraphQLInterfaceType):
        below = schema.get_implementations(named)
        yield from (each for each in below.objects if not {*below.interfaces} & {*each.interfaces})
        yield from below.interfaces


@cache
def _types() -> Schema:
    """The part that all policies share; it takes longer to build than an application."""
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=EVENT_TYPES,
        extensions=[Observing],
        execution_context_class=PlanningExecutor,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _leave_out_null_defaults(schema)
    return schema


def _leave_out_null_defaults(schema: Schema) -> None:
    """Optional arguments need no `= null`."""
    for graphql_type in schema._schema.type_map.values():  # noqa: SLF001 - strawberry has no public access to it
        inputs: list[GraphQLArgument | GraphQLInputField] = []
        if isinstance(graphql_type, GraphQLInputObjectType):
            inputs += graphql_type.fields.values()
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            inputs += [arg for field in graphql_type.fields.values() for arg in field.args.values()]
        for given in inputs:
            if given.default_value is None:
                given.default_value = Undefined
