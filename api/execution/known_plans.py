"""A cache of plans, keyed by operation and shared by all callers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakKeyDictionary

from graphql import GraphQLOutputType, GraphQLSchema, OperationDefinitionNode, SelectionSetNode, VariableNode
from graphql.execution.collect_fields import FieldDetails

from api.execution.plans import Run, ValuePlan
from api.execution.turns import FairExecutor

# Each planned field takes about a kilobyte.
_MOST_FIELDS = 20_000


@dataclass(slots=True)
class _Operation:
    """One operation's plans, keyed by the nodes and type of the root field and the values that decide on fields."""

    node: OperationDefinitionNode  # keeps its id from being reused
    conditions: tuple[str, ...]
    roots: dict[tuple[Any, ...], ValuePlan] = field(default_factory=dict)


class Plans:
    """One schema's plans. A known document has the same node every time, and plans are found by it.

    `outcomes` counts root values: completed by a plan ("planned"), beyond any plan ("uncovered"), or given up because
    something raised ("refused").
    """

    def __init__(self) -> None:
        self.fields = 0
        self.outcomes: Counter[str] = Counter()
        self._operations: dict[int, _Operation] = {}

    def of(self, executor: FairExecutor, details: list[FieldDetails], kind: GraphQLOutputType) -> ValuePlan:
        """The plan of a root field."""
        if self.fields > _MOST_FIELDS:
            self._operations.clear()
            self.fields = 0
        operation = self._operations.get(id(executor.operation))
        if operation is None:
            operation = _Operation(executor.operation, tuple(_conditions(executor)))
            self._operations[id(executor.operation)] = operation
        values = executor.variable_values.coerced
        key = (id(kind), *(id(each.node) for each in details), *(values.get(name) for name in operation.conditions))
        root = operation.roots.get(key)
        if root is None:
            root = operation.roots[key] = ValuePlan(kind, details)
            self.fields += 1
        return root

    def note(self, run: Run, outcome: Literal["planned", "uncovered", "refused"]) -> None:
        self.fields += run.planned
        self.outcomes[outcome] += 1


_PLANS: WeakKeyDictionary[GraphQLSchema, Plans] = WeakKeyDictionary()


def plans_of(schema: GraphQLSchema) -> Plans:
    """The schema's plans, kept for as long as the schema."""
    plans = _PLANS.get(schema)
    if plans is None:
        plans = _PLANS[schema] = Plans()
    return plans


def _conditions(executor: FairExecutor) -> Iterator[str]:
    """The variables that decide whether fields are selected at all."""
    left: list[SelectionSetNode | None] = [executor.operation.selection_set]
    left += [each.selection_set for each in executor.fragment_definitions.values()]
    while left:
        for selection in getattr(left.pop(), "selections", ()):
            for directive in selection.directives or ():
                for argument in directive.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        yield argument.value.name.value
            left.append(getattr(selection, "selection_set", None))
