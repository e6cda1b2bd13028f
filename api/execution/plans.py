"""Plans that turn the value of a root field into its part of the answer, made once per selection and reused.

A plan is keyed by class: the first value of a class settles how all values of that class are completed. Classes are
taken at their declaration, so `strawberry.cast` is not covered.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from operator import attrgetter
from types import GeneratorType
from typing import Any

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
    GraphQLString,
    Undefined,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, gather_with_cancel
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.types.field import StrawberryField

from api.execution.turns import FairExecutor

_MOST_CLASSES = 100
# Shorter texts are not counted: the limit on fields bounds them.
_SHORT_TEXT = 100

_UNKNOWN: Any = object()

# A value's place in the answer: the place of what contains it, its key or index, and the type that has the key. It
# becomes a path only for resolvers that may ask for one.
_Place = tuple[Any, str | int, str | None]
# None for values that go into the answer unchanged.
_Finish = Callable[[Any, "Run", _Place], Any] | None


class UncoveredError(Exception):
    """Something that graphql-core has to complete."""


@dataclass(slots=True)
class Run:
    """One use of a plan.

    `pending` holds awaitables from resolvers, each with its place in the answer. `has_asked` is set once the answer
    depends on more than the value: on arguments or on the caller. `planned` counts the fields that are new to the plan.
    """

    executor: FairExecutor
    info: Any
    has_asked: bool = False
    planned: int = 0
    pending: list[tuple[dict[str, Any], str, Awaitable[Any], "ValuePlan", _Place]] = field(default_factory=list)
    _arguments: dict[int, dict[str, Any]] = field(default_factory=dict)

    def arguments(self, definition: GraphQLField, details: FieldDetails) -> dict[str, Any]:
        """A field's arguments, which are the same for each of its objects."""
        found = self._arguments.get(id(details))
        if found is None:
            variables = self.executor.variable_values
            found = get_argument_values(definition, details.node, variables, None, self.executor.hide_suggestions)
            self._arguments[id(details)] = found
        return found

    async def settle(self) -> None:
        """Awaits everything pending at once; completing the results may add more."""
        pending, self.pending = self.pending, []
        given = await gather_with_cancel(*(each[2] for each in pending))
        for (answer, key, _, plan, place), result in zip(pending, given, strict=True):
            answer[key] = plan.finish(result, self, place)

    def close(self) -> None:
        """Drops what is pending without awaiting it."""
        for _, _, awaitable, _, _ in self.pending:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
        self.pending.clear()


class ValuePlan:
    """The plan for the values of one field, or for the items of its list."""

    def __init__(self, kind: GraphQLOutputType, details: list[FieldDetails]) -> None:
        self.by_class: dict[type, _Finish] = {}
        self.last: tuple[Any, Any] = (_UNKNOWN, None)  # a subscription's last value, and its answer
        self._is_nullable = not isinstance(kind, GraphQLNonNull)
        self._kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        self._details = details

    def finish(self, value: Any, run: Run, place: _Place) -> Any:
        """The value's part of the answer; raises UncoveredError, or whatever a resolver raises."""
        finish = self.of(value, run)
        return value if finish is None else finish(value, run, place)

    def of(self, value: Any, run: Run) -> _Finish:
        """The function that completes values of this value's class."""
        finish: _Finish = self.by_class.get(type(value), _UNKNOWN)
        if finish is _UNKNOWN:
            finish = self._planned(value, run)
            if len(self.by_class) < _MOST_CLASSES:
                self.by_class[type(value)] = finish
        return finish

    def _planned(self, value: Any, run: Run) -> _Finish:
        if value is None and self._is_nullable:
            return None
        is_odd = value is None or value is Undefined or isinstance(value, Exception | GeneratorType)
        if is_odd or run.executor.is_awaitable(value):
            raise UncoveredError
        if isinstance(self._kind, GraphQLList):
            return _list_plan(type(value), ValuePlan(self._kind.of_type, self._details), self._count_fields(run))
        if is_leaf_type(self._kind):
            return _leaf_plan(self._kind, type(value))
        return _object_plan(_object_type(self._kind, value, run), self._details, run)

    def _count_fields(self, run: Run) -> int:
        """Counts the fields selected below, those of a fragment once per spread."""
        count, left = 1, [each.node.selection_set for each in self._details]
        while left:
            for selection in getattr(left.pop(), "selections", ()):
                is_spread = isinstance(selection, FragmentSpreadNode)
                node = run.executor.fragment_definitions[selection.name.value] if is_spread else selection
                count += isinstance(node, FieldNode)
                left.append(node.selection_set)
        return count


def _list_plan(given: type, items: ValuePlan, fields: int) -> _Finish:
    if given is not list and given is not tuple:
        raise UncoveredError

    def finish(values: list[Any] | tuple[Any, ...], run: Run, place: _Place) -> list[Any]:
        if not values:
            return []
        if not run.executor.fits_turn(len(values), fields):
            raise UncoveredError
        # Nearly always, all items have the same class.
        common, finish_common, finish_other = type(values[0]), items.of(values[0], run), items.finish
        finish_common = finish_common or finish_other
        return [
            (finish_common if type(value) is common else finish_other)(value, run, (place, index, None))
            for index, value in enumerate(values)
        ]

    return finish


def _leaf_plan(kind: GraphQLLeafType, given: type) -> _Finish:
    coerce = kind.coerce_output_value
    if given is str and kind is GraphQLString:
        return _counted
    if (given is str and (kind is GraphQLID or coerce is str)) or (given is bool and kind is GraphQLBoolean):
        return None
    if given is int and kind is GraphQLInt:
        return _in_range
    if isinstance(kind, CustomGraphQLEnumType) and given is kind.wrapped_cls and _has_plain_names(kind):
        return _member_name

    def finish(value: Any, _run: Run, _place: _Place) -> Any:
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise UncoveredError
        return coerced

    return finish


def _counted(value: str, run: Run, _place: _Place) -> str:
    run.executor.spend_text(value)
    return value


def _in_range(value: int, _run: Run, _place: _Place) -> int:
    if not -(2**31) <= value < 2**31:
        raise UncoveredError
    return value


def _member_name(value: Enum, _run: Run, _place: _Place) -> str:
    return value._name_  # `name` is a property written in Python, and slower


def _has_plain_names(kind: CustomGraphQLEnumType) -> bool:
    members: Iterable[Enum] = kind.wrapped_cls
    return all(kind.coerce_output_value(member) == member.name for member in members)


def _object_type(kind: Any, value: Any, run: Run) -> GraphQLObjectType:
    """The object type that the value's class decides."""
    declared = getattr(type(value), "__strawberry_definition__", None)
    if declared is None or declared.origin is not type(value) or declared.is_graphql_generic or declared.is_type_of:
        raise UncoveredError
    if not isinstance(kind, GraphQLObjectType):
        if getattr(kind.extensions["strawberry-definition"], "resolve_type", None):
            raise UncoveredError
        kind = run.executor.schema.get_type(kind.resolve_type(value, run.info, kind))
    if not isinstance(kind, GraphQLObjectType) or kind.extensions["strawberry-definition"] is not declared:
        raise UncoveredError
    return kind


def _object_plan(kind: GraphQLObjectType, details_list: list[FieldDetails], run: Run) -> _Finish:
    selected = run.executor.collect_subfields(kind, details_list)
    groups: dict[str, list[FieldDetails]] = selected.grouped_field_set
    if selected.new_defer_usages or any(each.fragment_variable_values for group in groups.values() for each in group):
        raise UncoveredError
    run.planned += len(groups)
    type_name = kind.name
    blank: dict[str, str | None] = {}  # keeps the keys in the order of the document
    read, asked = [], []
    for key, details in groups.items():
        name = details[0].node.name.value
        blank[key] = type_name if name == "__typename" else None
        if name == "__typename":
            continue
        definition = kind.fields[name]
        plan = ValuePlan(definition.type, details)
        if getter := _getter(definition):
            read.append((key, getter, plan.by_class, plan.of))
        else:
            asked.append(_Resolver(kind, definition, key, details, plan))

    def finish(source: Any, run: Run, place: _Place) -> dict[str, Any]:
        answer: dict[str, Any] = blank.copy()
        for key, get, by_class, finish_of in read:
            value = get(source)
            try:
                finish = by_class[value.__class__]
            except KeyError:
                finish = finish_of(value, run)
            # Texts are half of all values, and calls are what takes time here.
            if finish is None or (finish is _counted and len(value) < _SHORT_TEXT):
                answer[key] = value
            else:
                answer[key] = finish(value, run, (place, key, type_name))
        for resolver in asked:
            resolver.ask(source, answer, run, (place, resolver.key, type_name))
        return answer

    return finish


def _getter(definition: GraphQLField) -> Callable[[Any], Any] | None:
    """Reads a field that is an attribute, or a method that takes only the object and is not async."""
    declared: StrawberryField = definition.extensions["strawberry-definition"]
    if declared.is_basic_field and declared.default_resolver is getattr:
        return attrgetter(declared.python_name)
    resolver = declared.base_resolver
    if resolver is None or declared.extensions or resolver.is_async or not inspect.isfunction(resolver.wrapped_func):
        return None
    return resolver.wrapped_func if [*resolver.signature.parameters] == ["self"] else None


@dataclass(slots=True)
class _Resolver:
    """A field whose resolver is called with everything that it may take."""

    parent: GraphQLObjectType
    definition: GraphQLField
    key: str
    details: list[FieldDetails]
    plan: ValuePlan

    def ask(self, source: Any, answer: dict[str, Any], run: Run, place: _Place) -> None:
        """Puts what the resolver gives into the answer, or leaves it pending."""
        run.has_asked = True
        executor = run.executor
        nodes = [each.node for each in self.details]
        info = executor.build_resolve_info(self.definition, nodes, self.parent, _path(place))
        resolve: Any = self.definition.resolve
        given = resolve(source, info, **run.arguments(self.definition, self.details[0]))
        if executor.is_awaitable(given):
            run.pending.append((answer, self.key, given, self.plan, place))
        else:
            answer[self.key] = self.plan.finish(given, run, place)


def _path(place: Any) -> Path:
    """A place as graphql-core's path; the outermost place is the root field's path."""
    return place if isinstance(place, Path) else Path(_path(place[0]), place[1], place[2])
