"""Problems and their sentences."""

from domain.rules.outcomes import Problem, busy, misfit
from domain.rules.vocabulary import CancellationErrorCode, FulfillmentErrorCode


def test_a_busy_order_is_a_problem_without_a_path() -> None:
    problem = busy(CancellationErrorCode.TRY_AGAIN)

    assert problem == Problem(CancellationErrorCode.TRY_AGAIN, "The order is busy; try again in a moment.", ())


def test_a_misfit_starts_with_its_path() -> None:
    problem = misfit(("items", "0", "quantity"), "must be at least 1", FulfillmentErrorCode.INVALID_QUANTITY)

    assert problem == Problem(
        FulfillmentErrorCode.INVALID_QUANTITY, "items.0.quantity must be at least 1.", ("items", "0", "quantity")
    )
    assert misfit((), "must be an object").message == "The order must be an object."
