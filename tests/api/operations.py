"""Operations generated from the served schema: each root field with everything selectable below it."""

from collections.abc import Iterator
from functools import cache

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
)

from tests.api.schema.test_schema import SERVED

# The depth of a selection below a root field.
_DEPTH = 2


def root_fields() -> dict[str, GraphQLField]:
    """All root fields, keyed by names such as Query.shop."""
    roots = (SERVED.query_type, SERVED.mutation_type, SERVED.subscription_type)
    return {f"{root.name}.{name}": field for root in roots if root for name, field in root.fields.items()}


@cache
def documents(name: str) -> list[str]:
    """Operations on this root field, taking each argument from a variable of its name.

    A field that may give several object types has one operation for each, since their fields conflict.
    """
    return sorted({_document(name, member) for member in SERVED.type_map})


def fullest(name: str) -> str:
    """The operation that selects the most."""
    return max(documents(name), key=len)


def _document(name: str, member: str) -> str:
    kind, field_name = name.split(".")
    field = root_fields()[name]
    head = ", ".join(f"${argument}: {given.type}" for argument, given in field.args.items())
    given = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    call = f"{field_name}({given})" if given else field_name
    variables = f"({head})" if head else ""
    return f"{kind.lower()} {variables} {{ {call} {_selection(get_named_type(field.type), member, _DEPTH)} }}"


def places(name: str) -> set[str]:
    """The paths in a root field's arguments that take an id, or another text to find something by."""
    is_reading = not name.startswith("Mutation.")
    return {
        path
        for argument, given in root_fields()[name].args.items()
        for path, kind in _leaves(argument, given.type)
        if kind == "ID" or (kind == "String" and is_reading)
    }


def _leaves(path: str, given: GraphQLInputType) -> Iterator[tuple[str, str]]:
    kind = get_named_type(given)
    if isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield from _leaves(f"{path}.{name}", field.type)
    else:
        yield path, kind.name


def _selection(kind: GraphQLNamedType, member: str, depth: int) -> str:
    if isinstance(kind, GraphQLInterfaceType):
        fragments = (
            f"... on {each.name} {_selection(each, member, depth)}"
            for each in SERVED.get_possible_types(kind)
            if each.name == member
        )
        return f"{{ __typename {' '.join(fragments)} }}"
    return f"{{ {_fields(kind, member, depth)} }}" if isinstance(kind, GraphQLObjectType) else ""


def _fields(kind: GraphQLObjectType, member: str, depth: int) -> str:
    return " ".join(
        f"{name} {_selection(get_named_type(field.type), member, depth - 1)}"
        for name, field in kind.fields.items()
        if depth or not isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLInterfaceType)
    )
