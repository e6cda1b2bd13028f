"""The outcomes of acts: the order afterwards, or every problem; and the messages that acts share."""

from typing import Generic, TypeVar

from domain.rules.order import Cancellation, Order, Package, value
from domain.rules.vocabulary import CancellationErrorCode, FulfillmentErrorCode, NotCancellableReason

Code = TypeVar("Code", CancellationErrorCode, FulfillmentErrorCode)

NO_ORDER = "The shop has no order with this id."
NO_PACKAGE = "The shop has no package with this id."
NO_CANCELLATION = "The shop has no cancellation with this id."
BUSY = "The order is busy; try again in a moment."


@value
class Problem(Generic[Code]):
    """One reason why nothing was done. `path` uses the schema's names and starts below the argument `input`.

    For an imported order, the path starts at that order and uses the names of its format. The ids are the ones given,
    or that of the blocking package. `cancellable_quantity` is set with QUANTITY_EXCEEDED, `not_cancellable_reason` with
    NOT_CANCELLABLE.
    """

    code: Code
    message: str
    path: tuple[str, ...]
    item_id: str | None = None
    package_id: str | None = None
    cancellable_quantity: int | None = None
    not_cancellable_reason: NotCancellableReason | None = None


CancellationProblem = Problem[CancellationErrorCode]
FulfillmentProblem = Problem[FulfillmentErrorCode]


@value
class Outcome(Generic[Code]):
    """The order as it is now, None if it was not found. If there is any problem, nothing was done."""

    order: Order | None = None
    problems: tuple[Problem[Code], ...] = ()


@value
class FulfillmentOutcome(Outcome[FulfillmentErrorCode]):
    """Includes the parts of the order that the act concerned, as they are now."""

    package: Package | None = None
    new_package: Package | None = None
    cancellation: Cancellation | None = None


def busy(code: Code) -> Problem[Code]:
    return Problem(code, BUSY, ())


def misfit(
    path: tuple[str, ...], what: str, code: FulfillmentErrorCode = FulfillmentErrorCode.INVALID_VALUE
) -> FulfillmentProblem:
    """An invalid value; `what` completes a sentence that starts with the path, such as "must be at least 1"."""
    return Problem(code, f"{'.'.join(path) or 'The order'} {what}.", path)
