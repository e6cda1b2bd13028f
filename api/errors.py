"""Errors that clients see at the top level, each with its `extensions.code`."""

import structlog
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from domain.cursor import InvalidCursorError
from domain.database import BusyError, UnavailableError

log = structlog.get_logger()

UNAVAILABLE = "The service is not available now; try again in a moment."
INTERNAL = "Something went wrong here; the fault is logged."
# Strawberry's words for a document that has no operation to run.
_REFUSALS = (CannotGetOperationTypeError, InvalidOperationTypeError, MissingQueryError)


class BadUserInputError(GraphQLError):
    """The caller's mistake; the message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


class ForbiddenError(GraphQLError):
    """The token lacks a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}.", extensions={"code": "FORBIDDEN"})


class NotFoundError(GraphQLError):
    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "NOT_FOUND"})


class SlowConsumerError(GraphQLError):
    """The subscriber was ended because it read too slowly; it can go on after the cursor."""

    def __init__(self, cursor: str) -> None:
        message = "Events came faster than they were read; subscribe again after this cursor."
        super().__init__(message, extensions={"code": "SLOW_CONSUMER", "cursor": cursor})


def coded(error: GraphQLError) -> GraphQLError:
    """The error as clients may see it: always with a code, and with nothing of the inside."""
    original = error.original_error
    if error.extensions and error.extensions.get("code"):
        return error
    if isinstance(original, RecursionError):
        return _as(error, "The document is nested too deeply.", "BAD_USER_INPUT")
    # Without a path but with a place in the document it is about what was sent; with neither a subscription broke.
    if original is None or isinstance(original, _REFUSALS) or (error.path is None and error.nodes):
        return _as(error, error.message, "BAD_USER_INPUT")
    if isinstance(original, InvalidCursorError):
        return _as(error, "The cursor is none of this list's; use one that a page or an event gave.", "BAD_USER_INPUT")
    if isinstance(original, BusyError | UnavailableError):
        return _as(error, UNAVAILABLE, "UNAVAILABLE")
    log.error("graphql.internal_error", path=error.path, exc_info=original)
    return _as(error, INTERNAL, "INTERNAL")


def _as(error: GraphQLError, message: str, code: str) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code},
    )
