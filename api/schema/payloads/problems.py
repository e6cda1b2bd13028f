"""Problems of the domain as errors of a payload: what all kinds of errors share."""

from collections.abc import Sequence

import strawberry

from api.execution.answers import listed, not_listed
from api.schema.types.scalars import described
from domain.rules.outcomes import Code, Problem
from domain.rules.vocabulary import CancellationErrorCode, FulfillmentErrorCode


@strawberry.interface(description="One reason why a call, or part of it, was refused.")
class UserError:
    message: str = described("What is wrong, for people.")
    path: list[str] = described(
        'The path to the faulty argument, such as ["input","items","0","quantity"]; empty for TRY_AGAIN.'
    )


def shown(problems: Sequence[Problem[Code]]) -> list[Problem[Code]]:
    """The first problems, then one that counts the rest if there are too many."""
    return listed(problems, lambda problem, count: Problem(problem.code, not_listed(count), ()))


def is_retryable(problem: Problem[Code]) -> bool:
    return problem.code in (CancellationErrorCode.TRY_AGAIN, FulfillmentErrorCode.TRY_AGAIN)


def path_of(problem: Problem[Code], *place: str) -> list[str]:
    """The problem's path below this place in the arguments."""
    return [] if is_retryable(problem) else [*place, *problem.path]
