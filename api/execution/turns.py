"""Completes results in short turns, so that other tasks run in between, and limits their size.

A document's cost does not cover lists that are not connections, and these multiply: an order's items, each with its
order, each with its items.
"""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable
from typing import Any

from graphql import OperationType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.errors import LARGEST_ANSWER, AnswerTooLargeError, TooExpensiveError

MOST_ITEMS = 100_000

# Fields that plans may complete for one operation, all in one turn; a larger answer takes several.
MOST_PLANNED_FIELDS = 30_000
_TURN_SECONDS = 0.01
# Lists up to this length are completed in one turn.
_SHORT = 20


class FairExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, which on its own would complete any result without yielding to the loop or a deadline."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # graphql-core's own
        super().__init__(*args, **settings)
        self._items = 0
        self._fields_left = MOST_PLANNED_FIELDS
        self._characters = 0
        # Not the loop's clock: uvloop's stands still within a turn.
        self._turn_ends_at = time.monotonic() + _TURN_SECONDS
        self._one_at_a_time = asyncio.Lock()

    def spend_text(self, text: str) -> None:
        """Counts a text of the answer; raises AnswerTooLargeError once all of them together are too long."""
        self._characters += len(text)
        if self._is_too_large():
            raise AnswerTooLargeError(is_mutation=self.operation.operation is OperationType.MUTATION)

    def fits_turn(self, items: int, fields: int) -> bool:
        """Counts the items of a list with `fields` each; False once one turn is too short for them."""
        self._items += items
        self._fields_left -= items * fields
        return self._fields_left >= 0

    def complete_leaf_value(self, return_type: Any, result: Any) -> Any:  # type: ignore[override] # a static method there
        completed = super().complete_leaf_value(return_type, result)
        if isinstance(completed, str):
            self.spend_text(completed)
        return completed

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: AsyncIterable[Any] | Iterable[Any],
        *further: Any,
    ) -> Any:
        if isinstance(result, Collection) and not isinstance(result, str):
            self._items += len(result)
            if self._items > MOST_ITEMS:
                raise TooExpensiveError(f"The lists of the result have more than {MOST_ITEMS} items; ask for less.")
            if len(result) > _SHORT or time.monotonic() > self._turn_ends_at:
                result = self._in_turns(result)
        return super().complete_list_value(return_type, field_details_list, info, path, result, *further)

    async def _in_turns(self, items: Collection[Any]) -> AsyncIterator[Any]:
        for item in items:
            if self._items > MOST_ITEMS or self._is_too_large():
                return  # the answer is an error already; graphql-core would continue in vain
            if time.monotonic() > self._turn_ends_at:
                # Nested lists are completed concurrently, and share one turn.
                async with self._one_at_a_time:
                    if time.monotonic() > self._turn_ends_at:
                        await asyncio.sleep(0)
                        self._turn_ends_at = time.monotonic() + _TURN_SECONDS
            yield item

    def _is_too_large(self) -> bool:
        return self._characters > LARGEST_ANSWER
