"""Top-level errors, each with its `extensions.code`."""

from collections.abc import Mapping
from typing import Literal

import structlog
from graphql import GraphQLError

from domain.rules.cursor import InvalidCursorError
from domain.storage.engine.faults import BusyError, UnavailableError, UnknownOutcomeError

log = structlog.get_logger(__name__)

# docs/errors.md says what to do about each.
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
UNAVAILABLE = "The service is unavailable; try again in a moment."
UNKNOWN_OUTCOME = (
    "The database connection was lost before the outcome was known; this may have been done. Repeat it under its "
    "idempotency key; without one, look it up first."
)
INTERNAL = "Internal error; it has been logged."


class RefusedError(Exception):
    """A request that is refused before any operation runs; clients see the message."""

    def __init__(self, status: int, code: Code, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class _CodedError(GraphQLError):
    """An operation's error; `more` goes into its extensions, beside the code."""

    def __init__(self, message: str, code: Code, **more: object) -> None:
        super().__init__(message, extensions={"code": code, **more})


class BadUserInputError(_CodedError):
    """The caller's mistake; the message says how to fix it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "BAD_USER_INPUT")


class ForbiddenError(_CodedError):
    """The token lacks a scope."""

    def __init__(self, scope: str, reason: str = "") -> None:
        message = f"{reason} This needs a token with the scope {scope}.".strip()
        super().__init__(message, "FORBIDDEN")


class TooExpensiveError(_CodedError):
    """The document asks for more than a limit allows; nothing ran."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "TOO_EXPENSIVE")


class AnswerTooLargeError(_CodedError):
    """The operation ran, but its answer is not sent."""

    def __init__(self, *, is_mutation: bool) -> None:
        message = f"The answer would exceed {LARGEST_ANSWER} bytes; ask for less."
        if is_mutation:
            message = f"The mutation ran, but its answer would exceed {LARGEST_ANSWER} bytes; look up the outcome."
        super().__init__(message, "TOO_EXPENSIVE")


class DocumentTooLongError(_CodedError):
    """`most` is in bytes."""

    def __init__(self, most: int) -> None:
        message = f"A document has at most {most} bytes; put values into variables."
        super().__init__(message, "PAYLOAD_TOO_LARGE")


class TooLateError(_CodedError):
    """The operation was cancelled; nothing is stored except what was being committed at that moment."""

    def __init__(self, seconds: float) -> None:
        message = (
            f"This took longer than {seconds:g} s. Ask for less, or try again; repeat a mutation under the same "
            "idempotency key, or look up first whether it was done."
        )
        super().__init__(message, "TIMEOUT")


class RateLimitedError(_CodedError):
    """The caller has used up its budget; nothing ran. It may retry after `seconds`."""

    def __init__(self, seconds: int, *, most: int, cost: int) -> None:
        message = (
            f"This costs {cost}, more than you have left of {most} per ten seconds; wait {seconds} s or ask for less."
        )
        super().__init__(message, "RATE_LIMITED", retryAfter=seconds)
        self.seconds = seconds


class MethodNotAllowedError(_CodedError):
    """A mutation that came by GET, which caches and proxies may repeat."""

    def __init__(self) -> None:
        super().__init__("Send mutations by POST.", "METHOD_NOT_ALLOWED")


class NotFoundError(_CodedError):
    def __init__(self, message: str) -> None:
        super().__init__(message, "NOT_FOUND")


class SlowConsumerError(_CodedError):
    """The subscription was ended because its client read too slowly; it can resume after the cursor."""

    def __init__(self, cursor: str) -> None:
        message = "Events came faster than they were read; subscribe again after this cursor."
        super().__init__(message, "SLOW_CONSUMER", cursor=cursor)


def coded(error: GraphQLError) -> GraphQLError:
    """The error as clients may see it: always with a code, never with internals."""
    original = error.original_error
    if error.extensions and error.extensions.get("code"):
        return error
    # An error with nodes but no path is about the request; with neither, a subscription broke.
    if original is None or (error.path is None and error.nodes):
        return _as(error, error.message, "BAD_USER_INPUT")
    if isinstance(original, InvalidCursorError):
        return _as(error, "This cursor is from another list; use one returned by this list.", "BAD_USER_INPUT")
    if isinstance(original, BusyError | UnavailableError):
        log_unavailable(original)
        is_unknown = isinstance(original, UnknownOutcomeError)
        return _as(error, UNKNOWN_OUTCOME if is_unknown else UNAVAILABLE, "UNAVAILABLE")
    log.error("graphql.internal_error", path=error.path, exc_info=original)
    return _as(error, INTERNAL, "INTERNAL")


def log_unavailable(error: BusyError | UnavailableError) -> None:
    """Logs the reason for the server's operators; callers see only UNAVAILABLE."""
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
