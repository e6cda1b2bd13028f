"""What an import does to bring a known order up to date."""

from datetime import datetime

from domain.rules.decision import Plan
from domain.rules.order import ImportNote, Order, value
from domain.rules.outcomes import FulfillmentProblem
from domain.rules.updates.told import Told
from domain.rules.vocabulary import CancellationReason, CancellationScope, OrderStatus, PackageStatus, RefundStatus


@value
class CancelledThere:
    """Units that were cancelled at the source. `package` is a position, set when the scope is PACKAGE.

    `note` has the source's own words. `refund_status` is SUCCEEDED if it gave money back, else NOT_NEEDED.
    """

    plan: Plan
    scope: CancellationScope
    package: int | None
    reason: CancellationReason
    note: str | None
    refund_status: RefundStatus
    idempotency_key: str


@value
class Repacked:
    """Live units move from one package to another, both given by position; the second one may be new."""

    package: int
    new_package: int


@value
class PackageMoved:
    package: int
    before: PackageStatus
    after: PackageStatus


@value
class OrderMoved:
    before: OrderStatus
    after: OrderStatus


Act = CancelledThere | Repacked | PackageMoved | OrderMoved


@value
class Update:
    """`acts` are in the order of their events; `after` is the order afterwards, except for its new log entries.

    Without acts and notes nothing has changed, but `told` and `source_updated_at` are still to be kept. With a problem,
    nothing is to be stored at all. If the input is OLDER than what is known, `told` is what was told before.
    """

    before: Order
    after: Order
    told: Told
    source_updated_at: datetime | None
    acts: tuple[Act, ...] = ()
    notes: tuple[ImportNote, ...] = ()
    is_older: bool = False
    problems: tuple[FulfillmentProblem, ...] = ()
