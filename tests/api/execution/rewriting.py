"""Rewrites documents at random, keeping them valid: aliases, duplicates, fragments, skip and include."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
)


def rewritten(schema: GraphQLSchema, document: DocumentNode, random: Random) -> tuple[DocumentNode, dict[str, bool]]:
    """A document with the same operation, and the values of the variables added to it."""
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    rewriter = _Rewriter(schema, random)
    root = schema.get_root_type(operation.operation)
    assert root
    selections = rewriter.selection_set(operation.selection_set, root)
    variables = (*(operation.variable_definitions or ()), *map(_definition, rewriter.variables))
    changed = replace(operation, selection_set=selections, variable_definitions=variables)
    return DocumentNode(definitions=(changed, *rewriter.fragments)), rewriter.variables


class _Rewriter:
    def __init__(self, schema: GraphQLSchema, random: Random) -> None:
        self.fragments: list[FragmentDefinitionNode] = []
        self.variables: dict[str, bool] = {}
        self._schema = schema
        self._random = random
        self._count = 0

    def selection_set(self, node: SelectionSetNode, parent: GraphQLNamedType) -> SelectionSetNode:
        return SelectionSetNode(selections=tuple(self._selections(node.selections, parent)))

    def _selections(self, nodes: Iterable[SelectionNode], parent: GraphQLNamedType) -> Iterator[SelectionNode]:
        for node in nodes:
            changed = self._within(node, parent)
            if isinstance(changed, FieldNode) and self._happens(0.15):
                changed = replace(changed, alias=NameNode(value=self._name("a")))
            yield self._wrapped(changed, parent)
            if self._happens(0.1):
                yield self._wrapped(changed, parent)

    def _within(self, node: SelectionNode, parent: GraphQLNamedType) -> SelectionNode:
        """The node with its selections rewritten."""
        if isinstance(node, FieldNode) and node.selection_set:
            definition = self._schema.get_field(parent, node.name.value)  # type: ignore[arg-type] # it has fields
            assert definition
            below = self.selection_set(node.selection_set, get_named_type(definition.type))
            return replace(node, selection_set=below)
        if isinstance(node, InlineFragmentNode):
            on = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
            assert on
            return replace(node, selection_set=self.selection_set(node.selection_set, on))
        return node

    def _wrapped(self, node: SelectionNode, parent: GraphQLNamedType) -> SelectionNode:
        directives = self._directives()
        if self._happens(0.15):
            condition = NamedTypeNode(name=NameNode(value=parent.name)) if self._happens(0.5) else None
            selections = SelectionSetNode(selections=(node,))
            return InlineFragmentNode(type_condition=condition, directives=directives, selection_set=selections)
        if self._happens(0.15):
            name = NameNode(value=self._name("F"))
            selections = SelectionSetNode(selections=(node,))
            on = NamedTypeNode(name=NameNode(value=parent.name))
            self.fragments.append(FragmentDefinitionNode(name=name, type_condition=on, selection_set=selections))
            return FragmentSpreadNode(name=name, directives=directives)
        given: Any = node
        changed: SelectionNode = replace(given, directives=(*(given.directives or ()), *directives))
        return changed

    def _directives(self) -> tuple[DirectiveNode, ...]:
        if not self._happens(0.15):
            return ()
        name, decision = self._random.choice(["skip", "include"]), self._happens(0.5)
        value: Any = BooleanValueNode(value=decision)
        if self._happens(0.5):
            variable = self._name("v")
            self.variables[variable] = decision
            value = VariableNode(name=NameNode(value=variable))
        argument = ArgumentNode(name=NameNode(value="if"), value=value)
        return (DirectiveNode(name=NameNode(value=name), arguments=(argument,)),)

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"


def _definition(name: str) -> VariableDefinitionNode:
    kind = NonNullTypeNode(type=NamedTypeNode(name=NameNode(value="Boolean")))
    return VariableDefinitionNode(variable=VariableNode(name=NameNode(value=name)), type=kind)
