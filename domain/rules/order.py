"""The values of the domain, frozen. They decide nothing.

All amounts are integers in minor units of the order's currency; all times are aware and UTC. Items and packages are
known inside their order by `position`, a number that is given once and never reused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, dataclass_transform
from uuid import UUID

from domain.rules.vocabulary import (
    CancellationReason,
    CancellationScope,
    EventType,
    FeeKind,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)

_Value = TypeVar("_Value")


@dataclass_transform(frozen_default=True)
def value(cls: type[_Value]) -> type[_Value]:
    """A dataclass that type checkers keep frozen; freezing at run time too would make making it seven times slower."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


@value
class Shop:
    """The tenant. `cursor_key` signs the shop's cursors."""

    id: str
    name: str
    shipping_refund_policy: ShippingRefundPolicy
    cursor_key: bytes


@value
class Buyer:
    name: str
    email: str
    locale: str


@value
class Fee:
    kind: FeeKind
    amount: int


@value
class OrderItem:
    """So many units of one SKU. Amounts are for all of them; `cancelled_quantity` is the sum over the packages."""

    position: int
    sku: str
    product_id: str
    product_name: str
    variant_name: str | None
    image_url: str | None
    is_gift: bool
    quantity: int
    cancelled_quantity: int
    subtotal: int
    seller_discount: int
    platform_discount: int
    tax: int

    @property
    def live_quantity(self) -> int:
        return self.quantity - self.cancelled_quantity


@value
class PackageItem:
    """How many units of the order item at position `item` are in a package."""

    item: int
    quantity: int
    cancelled_quantity: int

    @property
    def live_quantity(self) -> int:
        return self.quantity - self.cancelled_quantity


@value
class Package:
    """Units that travel together; `items` by the position of the order item."""

    position: int
    number: str
    status: PackageStatus
    carrier: str | None
    tracking_number: str | None
    items: tuple[PackageItem, ...]

    @property
    def is_live(self) -> bool:
        return any(packed.live_quantity for packed in self.items)


@value
class Order:
    """An order as it is in one snapshot; `items` as imported, `packages` by number.

    `shipping_refund_policy` is the one that its shop had when it came in, `refunded` what came back up to now,
    `event_sequence` the number of its events, and `feed_number` that of the newest event of its shop in the same
    snapshot.
    """

    id: UUID
    number: str
    status: OrderStatus
    version: int
    currency: str
    prices_include_tax: bool
    placed_at: datetime
    paid_at: datetime | None
    ship_by: datetime | None
    updated_at: datetime
    buyer: Buyer
    items: tuple[OrderItem, ...]
    packages: tuple[Package, ...]
    shipping_fee: int
    shipping_tax: int
    fees: tuple[Fee, ...]
    shipping_refund_policy: ShippingRefundPolicy
    total: int
    refunded: int
    event_sequence: int
    feed_number: int

    @property
    def is_live(self) -> bool:
        return any(item.live_quantity for item in self.items)

    def package_items(self) -> Iterator[tuple[Package, PackageItem]]:
        """Every package item with its package, packages by number."""
        return ((package, packed) for package in self.packages for packed in package.items)


@value
class RefundLine:
    """What the cancelled units of one item in one package give back; both are named by position."""

    item: int
    package: int
    quantity: int
    subtotal: int
    seller_discount: int
    platform_discount: int
    tax: int
    total: int


@value
class RefundBreakdown:
    """What one cancellation gives back. `fees` has only those of which something comes back."""

    items_subtotal: int
    seller_discount: int
    platform_discount: int
    item_tax: int
    shipping_fee: int
    shipping_tax: int
    fees: tuple[Fee, ...]
    total: int
    lines: tuple[RefundLine, ...]


@value
class Notification:
    """The e-mail of a cancellation, and how often its sending was tried."""

    status: NotificationStatus
    attempts: int = 0
    sent_at: datetime | None = None
    last_error: str | None = None


@value
class Cancellation:
    """One act of cancelling. `package` is the position of the package when the scope is PACKAGE.

    `provider_reference` is what the payment system calls the refund, once it has told.
    """

    id: UUID
    order_id: UUID
    scope: CancellationScope
    reason: CancellationReason
    note: str | None
    package: int | None
    breakdown: RefundBreakdown
    refund_status: RefundStatus
    notification: Notification
    actor: str
    idempotency_key: str
    created_at: datetime
    provider_reference: str | None = None


@value
class OrderEvent:
    """One entry of the log: `number` counts the shop's events, `sequence` the order's.

    `before` and `after` are the names of the statuses that the event is about, `package` and `new_package` positions.
    """

    number: int
    order_id: UUID
    sequence: int
    type: EventType
    occurred_at: datetime
    actor: str
    package: int | None = None
    new_package: int | None = None
    cancellation_id: UUID | None = None
    before: str | None = None
    after: str | None = None


@value
class ItemEntry:
    """One entry of a selection by items. Ids are kept as they were given, so that errors can repeat them."""

    item_id: str
    quantity: int
    package_id: str | None = None


@value
class ItemsSelection:
    order_id: str
    entries: tuple[ItemEntry, ...]


@value
class PackageSelection:
    package_id: str


@value
class OrderSelection:
    order_id: str


Selection = ItemsSelection | PackageSelection | OrderSelection


@value
class Pick:
    """Units of one item in one package, both by position, that a selection comes down to."""

    item: int
    package: int
    quantity: int
