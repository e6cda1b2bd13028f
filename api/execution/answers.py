"""Limits the errors and bytes of an answer, over any transport."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from graphql import GraphQLError

from api.errors import LARGEST_ANSWER, AnswerTooLargeError, coded

MOST_ERRORS = 100

# Not None, which means that nothing was executed.
_NULL = orjson.Fragment(b"null")
# The JSON around data and errors.
_FRAME = len(b'{"data":,"errors":}')

_Error = TypeVar("_Error")


def listed(errors: Sequence[_Error], more: Callable[[_Error, int], _Error]) -> list[_Error]:
    """The first hundred errors, then `more` of the next one and the number left out; all if only one is left out."""
    left = len(errors) - MOST_ERRORS
    # A single error is as short as a summary of it.
    return [*errors[:MOST_ERRORS], more(errors[MOST_ERRORS], left)] if left > 1 else list(errors)


def not_listed(count: int) -> str:
    return f"{count} more problems are not listed; fix these first."


def finish(result: Any, *, is_mutation: Callable[[], bool]) -> None:  # strawberry's result or graphql-core's
    """Codes the errors and limits them and the data; idempotent.

    Data is serialised here, once: transports pass it on, and its objects are freed before slow readers have read it.
    """
    errors = result.errors or []
    is_too_large = any(isinstance(error.original_error, AnswerTooLargeError) for error in errors)
    if errors and not is_too_large:
        errors = result.errors = [coded(error) for error in listed(errors, _more)]
    if not is_too_large and isinstance(result.data, dict):
        data = orjson.dumps(result.data)
        faults = orjson.dumps([error.formatted for error in errors]) if errors else b""
        is_too_large = len(data) + len(faults) + _FRAME > LARGEST_ANSWER
        result.data = orjson.Fragment(data)
    if is_too_large:
        result.data, result.errors = _NULL, [AnswerTooLargeError(is_mutation=is_mutation())]


def _more(error: GraphQLError, count: int) -> GraphQLError:
    return GraphQLError(not_listed(count), extensions={"code": (coded(error).extensions or {})["code"]})
