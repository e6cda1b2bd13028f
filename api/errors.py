"""Errors that clients see at the top level, each with its `extensions.code`."""

from collections.abc import Mapping
from typing import Literal

import structlog
from graphql import GraphQLError

from domain.rules.cursor import InvalidCursorError
from domain.storage.faults import BusyError, UnavailableError, UnknownOutcomeError

log = structlog.get_logger(__name__)

# docs/errors.md says of each what to do.
Code = Literal[
    "BAD_USER_INPUT",
    "FORBIDDEN",
    "INTERNAL",
    "METHOD_NOT_ALLOWED",
    "NOT_ACCEPTABLE",
    "NOT_FOUND",
    "PAYLOAD_TOO_LARGE",
    "RATE_LIMITED",
    "SLOW_CONSUMER",
    "TIMEOUT",
    "TOO_EXPENSIVE",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNSUPPORTED_MEDIA_TYPE",
]
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes
UNAVAILABLE = "The service is not available now; try again in a moment."
UNKNOWN_OUTCOME = (
    "The database was lost before it was known what became of this; it may be done. Under an idempotency key it can be "
    "repeated; without one look first."
)
INTERNAL = "Something went wrong here; the fault is logged."


class RefusedError(Exception):
    """A request that is answered without an operation being run; the message may be shown."""

    def __init__(self, status: int, code: Code, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class _CodedError(GraphQLError):
    """An error of an operation; what is `more` stands beside its code."""

    def __init__(self, message: str, code: Code, **more: object) -> None:
        super().__init__(message, extensions={"code": code, **more})


class BadUserInputError(_CodedError):
    """The caller's mistake; the message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "BAD_USER_INPUT")


class ForbiddenError(_CodedError):
    """The token lacks a scope."""

    def __init__(self, scope: str, reason: str = "") -> None:
        message = f"{reason} This needs a token with the scope {scope}.".strip()
        super().__init__(message, "FORBIDDEN")


class TooExpensiveError(_CodedError):
    """The document asks for more than one may; nothing of it ran."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "TOO_EXPENSIVE")


class AnswerTooLargeError(_CodedError):
    """The operation ran, and its answer is not sent."""

    def __init__(self, *, is_mutation: bool) -> None:
        message = f"An answer has at most {LARGEST_ANSWER} bytes, and this one would have more; ask for less."
        if is_mutation:
            message = (
                f"This has run, but its answer would have more than {LARGEST_ANSWER} bytes; look up what became of it."
            )
        super().__init__(message, "TOO_EXPENSIVE")


class DocumentTooLongError(_CodedError):
    """`most` is in bytes."""

    def __init__(self, most: int) -> None:
        message = f"A document has at most {most} bytes; values belong into variables."
        super().__init__(message, "PAYLOAD_TOO_LARGE")


class TooLateError(_CodedError):
    """The operation was given up; nothing of it is stored but what was being committed just then."""

    def __init__(self, seconds: float) -> None:
        message = (
            f"This took longer than {seconds:g} s. Ask for less, or once more; a mutation under the same key, or else "
            "when you have looked whether it was done."
        )
        super().__init__(message, "TIMEOUT")


class RateLimitedError(_CodedError):
    """The caller has asked for too much lately; nothing ran. `seconds` is when to come again."""

    def __init__(self, seconds: int, *, most: int, cost: int) -> None:
        message = (
            f"This costs {cost}, more than is left to you of {most} for ten seconds; wait {seconds} s or ask for less."
        )
        super().__init__(message, "RATE_LIMITED", retryAfter=seconds)
        self.seconds = seconds


class MethodNotAllowedError(_CodedError):
    """A mutation that did not come by POST, and might be sent again by whoever stands in between."""

    def __init__(self) -> None:
        super().__init__("Mutations are sent by POST.", "METHOD_NOT_ALLOWED")


class NotFoundError(_CodedError):
    def __init__(self, message: str) -> None:
        super().__init__(message, "NOT_FOUND")


class SlowConsumerError(_CodedError):
    """The subscriber was ended because it read too slowly; it can go on after the cursor."""

    def __init__(self, cursor: str) -> None:
        message = "Events came faster than they were read; subscribe again after this cursor."
        super().__init__(message, "SLOW_CONSUMER", cursor=cursor)


def coded(error: GraphQLError) -> GraphQLError:
    """The error as clients may see it: always with a code, and with nothing of the inside."""
    original = error.original_error
    if error.extensions and error.extensions.get("code"):
        return error
    # Without a path but with a place in the document it is about what was sent; with neither a subscription broke.
    if original is None or (error.path is None and error.nodes):
        return _as(error, error.message, "BAD_USER_INPUT")
    if isinstance(original, InvalidCursorError):
        return _as(error, "The cursor is not one of this list; use one that a page or an event gave.", "BAD_USER_INPUT")
    if isinstance(original, BusyError | UnavailableError):
        log_unavailable(original)
        is_unknown = isinstance(original, UnknownOutcomeError)
        return _as(error, UNKNOWN_OUTCOME if is_unknown else UNAVAILABLE, "UNAVAILABLE")
    log.error("graphql.internal_error", path=error.path, exc_info=original)
    return _as(error, INTERNAL, "INTERNAL")


def log_unavailable(error: BusyError | UnavailableError) -> None:
    """Why, for who runs the server; callers are told UNAVAILABLE."""
    log.warning("database.unavailable", reason=str(error))


def _as(error: GraphQLError, message: str, code: Code) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code},
    )
