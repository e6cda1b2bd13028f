"""How much an answer tells: so many errors, so many bytes, whatever it goes over."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from graphql import GraphQLError

from api.errors import LARGEST_ANSWER, AnswerTooLargeError, coded

MOST_ERRORS = 100

# Not None, which is for what was not executed.
_NULL = orjson.Fragment(b"null")
# What stands around data and errors.
_FRAME = len(b'{"data":,"errors":}')

_Error = TypeVar("_Error")


def listed(errors: Sequence[_Error], more: Callable[[_Error, int], _Error]) -> list[_Error]:
    """The first hundred and one that `more` makes of the next one, and of how many there are; of fewer, all of them."""
    left = len(errors) - MOST_ERRORS
    # A single one takes no more room than it takes to tell of it.
    return [*errors[:MOST_ERRORS], more(errors[MOST_ERRORS], left)] if left > 1 else list(errors)


def not_listed(count: int) -> str:
    """What is said instead of the errors that are left out."""
    return f"{count} more problems are not listed; mend these first."


def finish(result: Any, *, is_mutation: Callable[[], bool]) -> None:  # strawberry's result or graphql-core's
    """Gives errors their codes, and bounds what there is of them and of data; to do it twice is no harm.

    Data is written here, once: transports take it for JSON, and what it was made of need not wait for slow readers.
    """
    errors = result.errors or []
    is_too_large = any(isinstance(error.original_error, AnswerTooLargeError) for error in errors)
    if errors and not is_too_large:
        errors = result.errors = [coded(error) for error in listed(errors, _more)]
    if not is_too_large and isinstance(result.data, dict):
        data = orjson.dumps(result.data)
        told = orjson.dumps([error.formatted for error in errors]) if errors else b""
        is_too_large = len(data) + len(told) + _FRAME > LARGEST_ANSWER
        result.data = orjson.Fragment(data)
    if is_too_large:
        result.data, result.errors = _NULL, [AnswerTooLargeError(is_mutation=is_mutation())]


def _more(error: GraphQLError, count: int) -> GraphQLError:
    return GraphQLError(not_listed(count), extensions={"code": (coded(error).extensions or {})["code"]})
