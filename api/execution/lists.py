"""Limits the lists in arguments before anything is made of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_input_type,
    type_from_ast,
    value_from_ast_untyped,
)

from api.errors import BadUserInputError

_MOST_VALUES = 1_000
# Keyed by the type of their entries.
_MOST = {"CancelItemInput": 500, "SplitItemInput": 500, "OrderInput": 100}
# Counts as one entry: the domain rejects an oversized order alone, and the size of a request bounds all of them.
_ONE_ENTRY = "OrderInput"

_Fields = list[tuple[str, GraphQLInputType]]


class Lists:
    """The lists in one document's arguments, whether literals or variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._fields: dict[str, _Fields] = {}
        self._variables = [each for each in _variables(schema, document) if self._may_have_lists(each[1])]

    def check(self, name: str, written: ValueNode, kind: GraphQLInputType) -> None:
        """Raises BadUserInputError if a literal list is too long."""
        if self._may_have_lists(kind):
            self._entries(name, value_from_ast_untyped(written), kind)

    def counts(self, variables: Mapping[str, Any]) -> dict[str, int]:
        """The number of list entries within each variable; raises BadUserInputError if a list is too long."""
        counts: dict[str, int] = {}
        for name, kind, default in self._variables:  # two operations may share a name
            counts[name] = max(counts.get(name, 0), self._entries(name, variables.get(name, default), kind))
        return counts

    def _entries(self, name: str, value: object, kind: GraphQLInputType) -> int:
        """Counts the list entries in a value, which need not match its type."""
        kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                return self._entries(name, value, kind.of_type)
            of = get_named_type(kind)
            most = _MOST.get(of.name, _MOST_VALUES)
            if len(value) > most:
                raise BadUserInputError(f"{name} takes at most {most} values; {len(value)} were sent.")
            below = value if self._may_have_lists(kind.of_type) else ()
            return len(value) + sum(self._entries(name, each, kind.of_type) for each in below)
        if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
            return sum(self._entries(field, value.get(field), of) for field, of in self._list_fields(kind))
        return 0

    def _may_have_lists(self, kind: GraphQLInputType) -> bool:
        kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(kind, GraphQLList):
            return True
        return isinstance(kind, GraphQLInputObjectType) and bool(self._list_fields(kind))

    def _list_fields(self, kind: GraphQLInputObjectType) -> _Fields:
        """The fields of an input type that can contain lists."""
        found = self._fields.get(kind.name)
        if found is None:
            found = self._fields[kind.name] = []  # set first: an input type may contain itself
            if kind.name != _ONE_ENTRY:
                found += [(name, each.type) for name, each in kind.fields.items() if self._may_have_lists(each.type)]
        return found


def variables_in(value: ValueNode) -> Iterator[str]:
    """The names of the variables within a literal value."""
    left = [value]
    while left:
        node = left.pop()
        if isinstance(node, VariableNode):
            yield node.name.value
        left += getattr(node, "values", ())
        left += [field.value for field in getattr(node, "fields", ())]


def _variables(schema: GraphQLSchema, document: DocumentNode) -> Iterator[tuple[str, GraphQLInputType, object]]:
    """Name, type and default of all operations' variables, skipping those of unknown types."""
    operations: Iterable[OperationDefinitionNode] = (
        each for each in document.definitions if isinstance(each, OperationDefinitionNode)
    )
    for operation in operations:
        for each in operation.variable_definitions or ():
            kind = type_from_ast(schema, each.type)
            if kind is not None and is_input_type(kind):
                default = each.default_value and value_from_ast_untyped(each.default_value)
                yield each.variable.name.value, kind, default
