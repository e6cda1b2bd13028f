"""Random valid operations made from the served schema, with values in variables and selections in fragments."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import graphql
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
)
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries

from tests.api.schema.test_schema import SERVED

_LATEST = datetime(9999, 12, 31)  # noqa: DTZ001 - hypothesis adds the time zone
_EARLIEST = datetime(1, 1, 2)  # noqa: DTZ001 - the same


class Operation(NamedTuple):
    document: str
    variables: dict[str, Any]


def reading(ids: Sequence[str], texts: Sequence[str]) -> st.SearchStrategy[Operation]:
    """Queries that often use existing ids, cursors and numbers."""
    return _written(queries(SERVED, custom_scalars=_scalars(ids, texts), print_ast=_unchanged))


def operations(ids: Sequence[str], texts: Sequence[str]) -> st.SearchStrategy[Operation]:
    """The same queries, and mutations."""
    scalars = _scalars(ids, texts)
    mutation_type = SERVED.mutation_type
    assert mutation_type
    writing = st.sampled_from(sorted(mutation_type.fields)).flatmap(
        lambda name: mutations(SERVED, fields=[name], custom_scalars=scalars, print_ast=_unchanged)
    )
    return st.one_of(reading(ids, texts), _written(writing))


def _written(documents: st.SearchStrategy[DocumentNode]) -> st.SearchStrategy[Operation]:
    return st.builds(_rewritten, documents, st.booleans(), st.booleans())


def _unchanged(document: DocumentNode) -> DocumentNode:
    return document


def _scalars(ids: Sequence[str], texts: Sequence[str]) -> dict[str, st.SearchStrategy[ValueNode]]:
    text = st.one_of(st.sampled_from(texts), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    times = st.datetimes(_EARLIEST, _LATEST, timezones=st.just(UTC)).map(datetime.isoformat)
    amounts = st.decimals(allow_nan=False, allow_infinity=False).map("{:f}".format).filter(lambda text: len(text) < 500)
    numbers = st.one_of(st.integers(1, 5), st.integers(-(2**31), 2**31 - 1)).map(str)
    return {
        "ID": st.one_of(st.sampled_from(ids), st.text(max_size=5)).map(_text),
        "String": text.map(_text),
        "Int": numbers.map(lambda digits: IntValueNode(value=digits)),
        "DateTime": times.map(_text),
        "Decimal": amounts.map(_text),
        "CurrencyCode": st.sampled_from(["USD", "JPY", "KWD", "EUR", "XXX"]).map(_text),
    }


def _text(value: str) -> ValueNode:
    return StringValueNode(value=value, block=False)


def _rewritten(document: DocumentNode, has_variables: bool, has_fragments: bool) -> Operation:  # noqa: FBT001 - drawn
    """The same operation, written as clients write it."""
    variables: dict[str, Any] = {}
    if has_variables:
        taken = _Variables()
        document = graphql.visit(document, TypeInfoVisitor(taken.type_info, taken))
        document = _with_definitions(document, taken.definitions)
        variables = taken.values
    if has_fragments:
        document = _with_fragments(document)
    return Operation(graphql.print_ast(document), variables)


class _Variables(Visitor):
    """Moves the value of each argument into a variable of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.type_info = TypeInfo(SERVED)
        self.values: dict[str, Any] = {}
        self.definitions: list[VariableDefinitionNode] = []

    def leave_argument(self, node: ArgumentNode, *_: object) -> ArgumentNode:
        name = f"v{len(self.definitions)}"
        variable = VariableNode(name=NameNode(value=name))
        kind = graphql.parse_type(str(self.type_info.get_input_type()))
        self.values[name] = graphql.value_from_ast_untyped(node.value)
        self.definitions.append(VariableDefinitionNode(variable=variable, type=kind, default_value=None, directives=()))
        return ArgumentNode(name=node.name, value=variable)


def _operation_of(document: DocumentNode) -> OperationDefinitionNode:
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def _replaced(operation: OperationDefinitionNode, **parts: Any) -> OperationDefinitionNode:
    return OperationDefinitionNode(**{key: getattr(operation, key) for key in operation.keys} | parts)


def _with_definitions(document: DocumentNode, definitions: list[VariableDefinitionNode]) -> DocumentNode:
    operation = _replaced(_operation_of(document), variable_definitions=tuple(definitions))
    return DocumentNode(definitions=(operation,))


def _with_fragments(document: DocumentNode) -> DocumentNode:
    """Moves the selection of each root field into a fragment."""
    operation = _operation_of(document)
    root = SERVED.get_root_type(operation.operation)
    assert root
    fragments: list[FragmentDefinitionNode] = []
    selections = tuple(
        _spread(field, field.selection_set, root.fields, fragments)
        if isinstance(field, FieldNode) and field.selection_set
        else field
        for field in operation.selection_set.selections
    )
    changed = _replaced(operation, selection_set=SelectionSetNode(selections=selections))
    return DocumentNode(definitions=(changed, *fragments))


def _spread(
    field: FieldNode,
    selection: SelectionSetNode,
    fields: Mapping[str, graphql.GraphQLField],
    fragments: list[FragmentDefinitionNode],
) -> FieldNode:
    name = NameNode(value=f"F{len(fragments)}")
    kind = graphql.get_named_type(fields[field.name.value].type).name
    fragments.append(
        FragmentDefinitionNode(
            name=name,
            type_condition=NamedTypeNode(name=NameNode(value=kind)),
            variable_definitions=(),
            directives=(),
            selection_set=selection,
        )
    )
    spread = FragmentSpreadNode(name=name, directives=(), arguments=())
    parts = {key: getattr(field, key) for key in field.keys}
    return FieldNode(**parts | {"selection_set": SelectionSetNode(selections=(spread,))})
