"""Limits a document's size and cost before it runs; docs/settings.md, "Limits", lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from api.errors import BadUserInputError, TooExpensiveError
from api.execution.lists import Lists, variables_in

LONGEST_DOCUMENT = 32 * 1024  # bytes
MOST_TOKENS = 2_000
DEFAULT_PAGE = 20

_DEEPEST = 12
_DEEPEST_INTROSPECTION = 15  # the standard introspection query is that deep
_MOST_ALIASES = 30
_MOST_FIELDS = 2_000
_MOST_FRAGMENTS = 50
_MOST_DIRECTIVES = 50
_MOST_OPERATIONS = 10
_MOST_MEMBERS = 1_000
# Introspection fields that list types or fields; nesting them multiplies the schema by itself.
_INTROSPECTION_LISTS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})


@dataclass(slots=True)
class _Size:
    """The size of a selection set and all below it, counting a fragment once per spread.

    `meta_depth` is the depth of introspection, `width` the number of the set's own fields, and `lists` is set if it
    contains introspection lists.
    """

    depth: int = 0
    meta_depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0
    cost: int = 0
    lists: bool = False

    def add(self, other: "_Size") -> None:
        self.depth = max(self.depth, other.depth)
        self.meta_depth = max(self.meta_depth, other.meta_depth)
        self.width += other.width
        self.fields += other.fields
        self.aliases += other.aliases
        self.cost += other.cost
        self.lists = self.lists or other.lists


class Cost:
    """One document's cost: 1 per field, times the page sizes of the connections above it.

    Each entry of a list variable costs as much as a field, wherever it is used. Each fragment is walked once, so the
    time is linear in the document, which need not be valid.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, *, page_limit: int) -> None:
        self._schema = schema
        self._document = document
        self._page_limit = page_limit
        self._page_variables: set[str] = set()
        self._lists = Lists(schema, document)
        self._last: tuple[int, tuple[dict[str, int | None], dict[str, int]]] | None = None

    def of(self, variables: Mapping[str, Any]) -> int:
        """The cost with these variables, cached while page sizes and list lengths stay the same.

        Raises TooExpensiveError for a document over any other limit, and BadUserInputError for several mutation fields
        or a list that is too long.
        """
        entries = self._lists.counts(variables)
        if self._last and self._last[1] == (self._sizes(variables), entries):
            return self._last[0]
        walk = _Walk(self._schema, self._document, variables, self._page_limit, self._lists, entries)
        cost = sum(walk.operation(each).cost for each in walk.operations)
        self._page_variables = walk.page_variables
        self._last = cost, (self._sizes(variables), entries)
        return cost

    def _sizes(self, variables: Mapping[str, Any]) -> dict[str, int | None]:
        given = self._page_variables & variables.keys()
        return {name: _asked(variables[name], self._page_limit) for name in given}


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raises BadUserInputError if a value has far more members than any input has fields.

    Every error about such a value would iterate over all of them.
    """
    left: list[object] = [*variables.values()]
    while left:
        match left.pop():
            case dict() as members:
                if len(members) > _MOST_MEMBERS:
                    raise BadUserInputError(f"An object in a variable has at most {_MOST_MEMBERS} members.")
                left += members.values()
            case list() as values:
                left += values


class _Walk:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        variables: Mapping[str, Any],
        page_limit: int,
        lists: Lists,
        entries: Mapping[str, int],
    ) -> None:
        self._schema = schema
        self._lists = lists
        self._entries = entries  # in the lists of each variable
        self._given = variables
        self._variables: dict[str, Any] = {}
        self._page_limit = page_limit
        self._directives = 0
        self.page_variables: set[str] = set()
        self._sizes: dict[str, _Size | None] = {}  # by fragment; None while it is being walked
        self.operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        _bound("operations", len(self.operations), _MOST_OPERATIONS)
        _bound("fragments", len(fragments), _MOST_FRAGMENTS)
        self._fragments = {fragment.name.value: fragment for fragment in fragments}

    def operation(self, node: OperationDefinitionNode) -> _Size:
        self._sizes.clear()  # page sizes may be variables, with defaults per operation
        self._variables = {**_defaults(node), **self._given}
        self._count_directives(node)
        size = self._set(node.selection_set, self._schema.get_root_type(node.operation), 0)
        _bound("fields", size.fields, _MOST_FIELDS)
        _bound("aliases", size.aliases, _MOST_ALIASES)
        if node.operation is OperationType.MUTATION and size.width > 1:
            raise BadUserInputError("A document may have one mutation field; send the others in separate requests.")
        return size

    def _set(self, node: SelectionSetNode, parent: GraphQLNamedType | None, depth: int) -> _Size:
        total = _Size()
        for selection in node.selections:
            total.add(self._selection(selection, parent, depth))
        return total

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, depth: int) -> _Size:
        self._count_directives(node)
        if isinstance(node, FieldNode):
            return self._field(node, parent, depth)
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node.name.value, depth)
        condition = node.type_condition  # type: ignore[attr-defined] # only inline fragments are left
        on = self._schema.get_type(condition.name.value) if condition else parent
        return self._set(node.selection_set, on, depth)  # type: ignore[attr-defined] # the same

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, depth: int) -> _Size:
        name, is_meta = node.name.value, _is_introspection(parent)
        is_free = is_meta or name.startswith("__")
        size = _Size(depth=not is_meta, meta_depth=is_meta, width=not is_free, fields=1, aliases=node.alias is not None)
        _bound_depth(size, depth)
        definition = self._definition(parent, name)
        below, of = _Size(), get_named_type(definition.type) if definition else None
        if node.selection_set:
            below = self._set(node.selection_set, of, depth + 1)
        is_list = is_meta and name in _INTROSPECTION_LISTS
        if is_list and below.lists:
            raise TooExpensiveError("Introspection lists cannot be nested; ask for __type by name instead.")
        size.depth += below.depth
        size.meta_depth = 1 + below.meta_depth if is_meta or below.meta_depth else 0
        size.fields += below.fields
        size.aliases += below.aliases
        size.cost = 0 if is_free else 1 + self._count_entries(node, definition) + below.cost * self._times(node, of)
        size.lists = is_list or below.lists
        return size

    def _spread(self, name: str, depth: int) -> _Size:
        fragment = self._fragments.get(name)
        if fragment is None:
            return _Size()
        if name not in self._sizes:
            self._sizes[name] = None
            self._count_directives(fragment)
            on = self._schema.get_type(fragment.type_condition.name.value)
            self._sizes[name] = self._set(fragment.selection_set, on, depth)
        size = self._sizes[name] or _Size()  # a fragment that spreads itself has no size yet; validation refuses it
        _bound_depth(size, depth)
        return size

    def _definition(self, parent: GraphQLNamedType | None, field: str) -> GraphQLField | None:
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return None
        return self._schema.get_field(parent, field)

    def _count_entries(self, node: FieldNode, definition: GraphQLField | None) -> int:
        """Counts the entries of list variables in the field's arguments; literal lists are only checked."""
        count = 0
        for argument in node.arguments or ():
            name = argument.name.value
            if definition and name in definition.args:
                self._lists.check(name, argument.value, definition.args[name].type)
            count += sum(self._entries.get(variable, 0) for variable in variables_in(argument.value))
        return count

    def _times(self, node: FieldNode, of: GraphQLNamedType | None) -> int:
        """How often the fields below are resolved: at most a page, since larger pages are refused at run time."""
        if of is None or not of.name.endswith("Connection"):
            return 1
        asked = [self._size_of(arg.value) for arg in node.arguments or () if arg.name.value in {"first", "last"}]
        sizes = [size for size in asked if size is not None]
        return min(max(sizes, default=DEFAULT_PAGE), self._page_limit)

    def _size_of(self, node: ValueNode) -> int | None:
        """The page size of a literal or variable; None if null. An invalid size counts as the largest."""
        if isinstance(node, NullValueNode):
            return None
        if isinstance(node, VariableNode):
            self.page_variables.add(node.name.value)
            return _asked(self._variables.get(node.name.value), self._page_limit)
        # Longer numbers are not page sizes, and Python refuses to parse thousands of digits.
        is_size = isinstance(node, IntValueNode) and len(node.value) < len(str(2**31))
        return max(int(node.value), 0) if is_size else self._page_limit  # type: ignore[attr-defined] # it is an integer

    def _count_directives(self, node: SelectionNode | OperationDefinitionNode | FragmentDefinitionNode) -> None:
        self._directives += len(node.directives or ())
        _bound("directives", self._directives, _MOST_DIRECTIVES)


def _asked(size: object, page_limit: int) -> int | None:
    """The page size in a variable; None if null. An invalid size counts as the largest."""
    return max(size, 0) if isinstance(size, int) else None if size is None else page_limit


def _defaults(node: OperationDefinitionNode) -> dict[str, Any]:
    """The defaults of variables that may be page sizes."""
    return {
        each.variable.name.value: int(each.default_value.value)
        for each in node.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode) and len(each.default_value.value) < len(str(2**31))
    }


def _is_introspection(of: GraphQLNamedType | None) -> bool:
    return of is not None and of.name.startswith("__")


def _bound_depth(size: _Size, above: int) -> None:
    _bound("levels", above + size.depth if size.depth else 0, _DEEPEST)
    _bound("levels of introspection", above + size.meta_depth if size.meta_depth else 0, _DEEPEST_INTROSPECTION)


def _bound(name: str, count: int, most: int) -> None:
    if count > most:
        raise TooExpensiveError(
            f"A document has at most {most} {name}; ask for less, or split it into several requests."
        )
