"""Completes the values of root fields by plans, and leaves everything else to graphql-core.

graphql-core looks at each field of each object every time, which takes ten times as long as the rest of a page of
orders. It still coerces variables, runs the root fields and words every error. If no plan covers a value, or something
raises, it completes the whole root field again from the same value. So no root resolver runs twice; those below may,
and have no effects.
"""

from typing import Any

from graphql import OperationType

from api.execution.known_plans import plans_of
from api.execution.plans import Run, UncoveredError
from api.execution.turns import FairExecutor


class PlanningExecutor(FairExecutor):
    """Completes root values by plans, where plans cover them."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # graphql-core's own
        super().__init__(*args, **settings)
        has_middleware = self.middleware_manager and self.middleware_manager.middlewares
        self._is_plain = bool(has_middleware) or self.abort_signal is not None

    def complete_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        further = (return_type, field_details_list, info, path, result, position_context)
        if self._is_plain or path.prev is not None or position_context is not None:
            return super().complete_value(*further)
        plans, run, spent = plans_of(self.schema), Run(self, info), (self._items, self._characters)
        try:
            root = plans.of(self, field_details_list, return_type)
            # All followers of an event get the same value, so its answer is completed once.
            completed = root.last[1] if root.last[0] is result else root.finish(result, run, path)
        except Exception as error:  # noqa: BLE001 - graphql-core runs into it again, and words it
            self._give_up(run, error, spent)
            return super().complete_value(*further)
        if run.pending:
            return self._complete_later(completed, run, spent, further)
        if self.operation.operation is OperationType.SUBSCRIPTION and not run.has_asked:
            root.last = result, completed
        plans.note(run, "planned")
        return completed

    async def _complete_later(self, completed: Any, run: Run, spent: tuple[int, int], further: tuple[Any, ...]) -> Any:
        try:
            while run.pending:
                await run.settle()
        except Exception as error:  # noqa: BLE001 - the same
            self._give_up(run, error, spent)
            completed = super().complete_value(*further)
            return await completed if self.is_awaitable(completed) else completed
        plans_of(self.schema).note(run, "planned")
        return completed

    def _give_up(self, run: Run, error: Exception, spent: tuple[int, int]) -> None:
        """Leaves the rest of this operation to graphql-core."""
        run.close()
        self._is_plain = True
        self._items, self._characters = spent
        plans_of(self.schema).note(run, "uncovered" if isinstance(error, UncoveredError) else "refused")
