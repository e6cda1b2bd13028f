"""Results put together by plans, which are compiled once for what a document selects and used for every answer to it.

graphql-core looks at each field of each object again, which takes ten times as long as all else that a page of orders
needs. It still coerces variables, runs the root fields and words every error: only the value that a root field has
given is turned into the answer here. Whatever a plan does not cover, and whatever raises, is done by graphql-core: the
whole root field again, from the same value. So no root resolver runs twice; those below it may, and have no effects.

Plans go by classes: what turns a value into its part of the answer is found out from the first value of its class.
Classes are taken for what they are declared as, so `strawberry.cast` is not covered.
"""

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from types import GeneratorType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    VariableNode,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, gather_with_cancel
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.types.field import StrawberryField

from api.execution.turns import FairExecutor

# What may be completed here for one operation, all of it in one turn of the loop; graphql-core does more in turns.
MOST_FIELDS = 30_000
# Of all plans that are kept; one takes about a kilobyte.
_MOST_PLANNED = 20_000
_MOST_CLASSES = 100
# So many of what may be completed here are no more than an answer may have, and so are not counted.
_SHORT_TEXT = 100

_UNKNOWN: Any = object()

# Where a value stands in the answer: what contains it, its key or index, and the type that has the key. Paths are made
# of it for those who ask, and they are few.
_Trail = tuple[Any, str | int, str | None]
# None stands for values that are in the answer as they are.
_Finish = Callable[[Any, "_Run", _Trail], Any] | None


class _UncoveredError(Exception):
    """Something that graphql-core has to do."""


class CompilingExecutor(FairExecutor):
    """Completes what root fields give by plans, as far as they go."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # graphql-core's own
        super().__init__(*args, **settings)
        self._fields_left = MOST_FIELDS
        has_middleware = self.middleware_manager and self.middleware_manager.middlewares
        self._is_plain = bool(has_middleware) or self.abort_signal is not None

    def complete_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        further = (return_type, field_details_list, info, path, result, position_context)
        if self._is_plain or path.prev is not None or position_context is not None:
            return super().complete_value(*further)
        plans, run, spent = plans_of(self.schema), _Run(self, info), (self._items, self._characters)
        try:
            root = plans.of(self, field_details_list, return_type)
            # The followers of an event are given one value, and have one answer.
            completed = root.last[1] if root.last[0] is result else root.finish(result, run, path)
        except Exception as error:  # noqa: BLE001 - graphql-core finds it again, and words it
            self._give_up(run, error, spent)
            return super().complete_value(*further)
        if run.pending:
            return self._complete_later(completed, run, spent, further)
        if self.operation.operation is OperationType.SUBSCRIPTION and not run.has_asked:
            root.last = result, completed
        plans.outcomes["compiled"] += 1
        return completed

    async def _complete_later(
        self, completed: Any, run: "_Run", spent: tuple[int, int], further: tuple[Any, ...]
    ) -> Any:
        try:
            while run.pending:
                await run.settle()
        except Exception as error:  # noqa: BLE001 - the same
            self._give_up(run, error, spent)
            completed = super().complete_value(*further)
            return await completed if self.is_awaitable(completed) else completed
        plans_of(self.schema).outcomes["compiled"] += 1
        return completed

    def _give_up(self, run: "_Run", error: Exception, spent: tuple[int, int]) -> None:
        """Leaves the rest of this operation to graphql-core."""
        run.close()
        self._is_plain = True
        self._items, self._characters = spent
        plans_of(self.schema).outcomes["uncovered" if isinstance(error, _UncoveredError) else "refused"] += 1

    def spend(self, items: int, fields: int) -> None:
        """Counts the items of a list and the fields of each; raises where they are too many for one turn."""
        self._items += items
        self._fields_left -= items * fields
        if self._fields_left < 0:
            raise _UncoveredError


@dataclass(slots=True)
class _Run:
    """One use of a plan. `pending` is what resolvers have given that has to be awaited, and where it goes.

    `has_asked` says that something depends on more than the value: on arguments, or on who asks.
    """

    executor: CompilingExecutor
    info: Any
    has_asked: bool = False
    pending: list[tuple[dict[str, Any], str, Awaitable[Any], "_Value", _Trail]] = field(default_factory=list)
    _arguments: dict[int, dict[str, Any]] = field(default_factory=dict)

    def arguments(self, definition: GraphQLField, details: FieldDetails) -> dict[str, Any]:
        """Those of a field, which are the same for each of its objects."""
        found = self._arguments.get(id(details))
        if found is None:
            variables = self.executor.variable_values
            found = get_argument_values(definition, details.node, variables, None, self.executor.hide_suggestions)
            self._arguments[id(details)] = found
        return found

    async def settle(self) -> None:
        """Awaits what there is, all of it at once; completing it may bring more."""
        pending, self.pending = self.pending, []
        given = await gather_with_cancel(*(each[2] for each in pending))
        for (answer, key, _, value, trail), result in zip(pending, given, strict=True):
            answer[key] = value.finish(result, self, trail)

    def close(self) -> None:
        """Nobody will await what is left."""
        for _, _, awaitable, _, _ in self.pending:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
        self.pending.clear()


class _Usual(NamedTuple):
    """The usual values of a leaf: their class, what else holds for `v`, and the expression that finishes it."""

    kind: type
    condition: str = ""
    expression: str = "v"


class _Value:
    """The plan for whatever one field gives, or for the items of its list."""

    def __init__(self, kind: GraphQLOutputType, details: list[FieldDetails]) -> None:
        self.is_nullable = not isinstance(kind, GraphQLNonNull)
        self._kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        self._details = details
        self._by_class: dict[type, _Finish] = {}
        self.last: tuple[Any, Any] = (_UNKNOWN, None)  # of a subscription's events, and its answer

    def finish(self, value: Any, run: _Run, trail: _Trail) -> Any:
        """The value's part of the answer; raises _UncoveredError, or whatever a resolver raises."""
        finish = self._by_class.get(type(value), _UNKNOWN)
        if finish is _UNKNOWN:
            finish = self.of(value, run)
        return value if finish is None else finish(value, run, trail)

    def of(self, value: Any, run: _Run) -> _Finish:
        """What finishes values of this one's class."""
        finish: _Finish = self._by_class.get(type(value), _UNKNOWN)
        if finish is _UNKNOWN:
            finish = self._compiled(value, run)
            if len(self._by_class) < _MOST_CLASSES:
                self._by_class[type(value)] = finish
        return finish

    def _compiled(self, value: Any, run: _Run) -> _Finish:
        if value is None and self.is_nullable:
            return None
        is_odd = value is None or value is Undefined or isinstance(value, Exception | GeneratorType)
        if is_odd or run.executor.is_awaitable(value):
            raise _UncoveredError
        if isinstance(self._kind, GraphQLList):
            return _list_plan(type(value), _Value(self._kind.of_type, self._details), self._count_fields(run))
        if self._kind is GraphQLString and type(value) is str:
            return _count_text
        if is_leaf_type(self._kind):
            return None if self.usual == _Usual(type(value)) else _leaf_plan(self._kind)
        return _object_plan(_object_type(self._kind, value, run), self._details, run)

    def _count_fields(self, run: _Run) -> int:
        """How many are selected below, those of fragments as often as they are spread."""
        count, left = 1, [each.node.selection_set for each in self._details]
        while left:
            for selection in getattr(left.pop(), "selections", ()):
                is_spread = isinstance(selection, FragmentSpreadNode)
                node = run.executor.fragment_definitions[selection.name.value] if is_spread else selection
                count += isinstance(node, FieldNode)
                left.append(node.selection_set)
        return count

    @property
    def usual(self) -> _Usual | None:
        kind: Any = self._kind
        if kind is GraphQLString:
            return _Usual(str, f" and len(v) < {_SHORT_TEXT}")
        if kind is GraphQLID or getattr(kind, "coerce_output_value", None) is str:
            return _Usual(str)
        if kind is GraphQLBoolean:
            return _Usual(bool)
        if kind is GraphQLInt:
            return _Usual(int, f" and {-(2**31)} <= v < {2**31}")
        if isinstance(kind, CustomGraphQLEnumType) and _has_plain_names(kind):
            return _Usual(kind.wrapped_cls, expression="v._name_")  # `name` is a property that is written in Python
        return None


def _list_plan(given: type, items: _Value, fields: int) -> _Finish:
    if given is not list and given is not tuple:
        raise _UncoveredError

    def finish(values: list[Any] | tuple[Any, ...], run: _Run, trail: _Trail) -> list[Any]:
        if not values:
            return []
        run.executor.spend(len(values), fields)
        # Nearly always they are all of one class.
        common, finish_common, finish_other = type(values[0]), items.of(values[0], run), items.finish
        finish_common = finish_common or finish_other
        return [
            (finish_common if type(value) is common else finish_other)(value, run, (trail, index, None))
            for index, value in enumerate(values)
        ]

    return finish


def _count_text(value: str, run: _Run, _trail: _Trail) -> str:
    run.executor.spend_text(value)
    return value


def _leaf_plan(kind: GraphQLLeafType) -> _Finish:
    coerce = kind.coerce_output_value

    def finish(value: Any, _run: _Run, _trail: _Trail) -> Any:
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise _UncoveredError
        return coerced

    return finish


def _has_plain_names(kind: CustomGraphQLEnumType) -> bool:
    members: Iterable[Enum] = kind.wrapped_cls
    return all(kind.coerce_output_value(member) == member.name for member in members)


def _object_type(kind: Any, value: Any, run: _Run) -> GraphQLObjectType:
    """The type of an object whose class decides it."""
    declared = getattr(type(value), "__strawberry_definition__", None)
    if declared is None or declared.origin is not type(value) or declared.is_graphql_generic or declared.is_type_of:
        raise _UncoveredError
    if not isinstance(kind, GraphQLObjectType):
        if getattr(kind.extensions["strawberry-definition"], "resolve_type", None):
            raise _UncoveredError
        kind = run.executor.schema.get_type(kind.resolve_type(value, run.info, kind))
    if not isinstance(kind, GraphQLObjectType) or kind.extensions["strawberry-definition"] is not declared:
        raise _UncoveredError
    return kind


def _object_plan(kind: GraphQLObjectType, details_list: list[FieldDetails], run: _Run) -> _Finish:
    """A function with an expression for each selected field, which is twice as fast as a loop over them.

    Its text is made of names that GraphQL and Python allow; nothing else that a client sends gets into it.
    """
    selected = run.executor.collect_subfields(kind, details_list)
    groups: dict[str, list[FieldDetails]] = selected.grouped_field_set
    if selected.new_defer_usages or any(each.fragment_variable_values for group in groups.values() for each in group):
        raise _UncoveredError
    plans_of(run.executor.schema).planned += len(groups)
    scope: dict[str, Any] = {}
    members, questions = [], []
    for number, (key, details) in enumerate(groups.items()):
        trail = f"(trail, {key!r}, {kind.name!r})"
        name = details[0].node.name.value
        each = None if name == "__typename" else _Field(kind, kind.fields[name], key, details)
        if each is None:
            members.append(f"{key!r}: {kind.name!r}")
        elif each.is_asked:
            scope[f"ask{number}"] = each.ask
            members.append(f"{key!r}: None")
            questions.append(f"ask{number}(o, answer, run, {trail})")
        else:
            scope |= {f"finish{number}": each.value.finish, f"method{number}": each.method}
            given = f"method{number}(o)" if each.method else f"o.{each.attribute}"
            expression, scope[f"usual{number}"] = _expression(each.value, given, number, trail)
            members.append(f"{key!r}: {expression}")
    lines = ["answer = {" + ", ".join(members) + "}", *questions, "return answer"]
    exec("def finish(o, run, trail):\n " + "\n ".join(lines), scope)  # noqa: S102 - text of our own, as said above
    finish: _Finish = scope["finish"]
    return finish


def _expression(value: _Value, given: str, number: int, trail: str) -> tuple[str, type | None]:
    """What finishes the value of the expression `given`, and the class that it calls usual."""
    usual = value.usual
    if usual is None and not value.is_nullable:
        return f"finish{number}({given}, run, {trail})", None
    found, null = f"(v := {given})", ""
    if value.is_nullable:
        found, null = "v", f"None if {found} is None else "
    expression = f"finish{number}(v, run, {trail})"
    if usual is None:
        return null + expression, None
    condition = f"{found}.__class__ is usual{number}{usual.condition}"
    return f"{null}{usual.expression} if {condition} else {expression}", usual.kind


class _Field:
    """One field of a selection set: an attribute, a method, or a resolver that is asked with all that it may take."""

    def __init__(
        self, parent: GraphQLObjectType, definition: GraphQLField, key: str, details: list[FieldDetails]
    ) -> None:
        self.value = _Value(definition.type, details)
        self._parent = parent
        self._definition = definition
        self._key = key
        self._details = details
        declared: StrawberryField = definition.extensions["strawberry-definition"]
        is_attribute = declared.is_basic_field and declared.default_resolver is getattr
        self.attribute = declared.python_name
        self.method = None if is_attribute else _plain_method(declared)
        self.is_asked = not is_attribute and self.method is None

    def ask(self, source: Any, answer: dict[str, Any], run: _Run, trail: _Trail) -> None:
        """Puts what the resolver gives into the answer, or leaves it for later."""
        run.has_asked = True
        executor, definition = run.executor, self._definition
        nodes = [each.node for each in self._details]
        info = executor.build_resolve_info(definition, nodes, self._parent, _path(trail))
        resolve: Any = definition.resolve
        given = resolve(source, info, **run.arguments(definition, self._details[0]))
        if executor.is_awaitable(given):
            run.pending.append((answer, self._key, given, self.value, trail))
        else:
            answer[self._key] = self.value.finish(given, run, trail)


def _plain_method(declared: StrawberryField) -> Callable[[Any], Any] | None:
    """The method behind a field that takes nothing but the object, and gives its value at once."""
    resolver = declared.base_resolver
    if resolver is None or declared.extensions or resolver.is_async or not inspect.isfunction(resolver.wrapped_func):
        return None
    return resolver.wrapped_func if [*resolver.signature.parameters] == ["self"] else None


def _path(trail: Any) -> Path:
    """A trail as graphql-core has it; it begins with the path of the root field."""
    return trail if isinstance(trail, Path) else Path(_path(trail[0]), trail[1], trail[2])


@dataclass(slots=True)
class _Operation:
    """The plans for the root fields of one operation, by their nodes, type, and the values that decide on fields."""

    node: OperationDefinitionNode  # keeps its id from being used for another one
    conditions: tuple[str, ...]
    roots: dict[tuple[Any, ...], _Value] = field(default_factory=dict)


class Plans:
    """Those of one schema. One operation is one node here, as those of kept documents are.

    `outcomes` counts the values of root fields that were "compiled", those that plans did not cover ("uncovered"), and
    those where something raised ("refused").
    """

    def __init__(self) -> None:
        self.planned = 0  # fields
        self.outcomes: Counter[str] = Counter()
        self._operations: dict[int, _Operation] = {}

    def of(self, executor: CompilingExecutor, details: list[FieldDetails], kind: GraphQLOutputType) -> _Value:
        """The plan of a root field."""
        if self.planned > _MOST_PLANNED:
            self._operations.clear()
            self.planned = 0
        operation = self._operations.get(id(executor.operation))
        if operation is None:
            operation = _Operation(executor.operation, tuple(_conditions(executor)))
            self._operations[id(executor.operation)] = operation
        values = executor.variable_values.coerced
        key = (id(kind), *(id(each.node) for each in details), *(values.get(name) for name in operation.conditions))
        root = operation.roots.get(key)
        if root is None:
            root = operation.roots[key] = _Value(kind, details)
            self.planned += 1
        return root


_PLANS: WeakKeyDictionary[GraphQLSchema, Plans] = WeakKeyDictionary()


def plans_of(schema: GraphQLSchema) -> Plans:
    """The plans of a schema, which are kept as long as it is."""
    plans = _PLANS.get(schema)
    if plans is None:
        plans = _PLANS[schema] = Plans()
    return plans


def _conditions(executor: CompilingExecutor) -> Iterator[str]:
    """The variables on which it depends whether fields are selected at all."""
    left: list[SelectionSetNode | None] = [executor.operation.selection_set]
    left += [each.selection_set for each in executor.fragment_definitions.values()]
    while left:
        for selection in getattr(left.pop(), "selections", ()):
            for directive in selection.directives or ():
                for argument in directive.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        yield argument.value.name.value
            left.append(getattr(selection, "selection_set", None))
