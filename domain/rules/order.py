"""The values of the domain: frozen, and free of rules.

Amounts are integers in minor units of the order's currency; times are aware and UTC. Within an order, items and
packages are identified by `position`, a number that is never reused.
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
    ImportNoteCode,
    NotificationStatus,
    OrderStatus,
    PackageStatus,
    RefundStatus,
    ShippingRefundPolicy,
)

_Value = TypeVar("_Value")


@dataclass_transform(frozen_default=True)
def value(cls: type[_Value]) -> type[_Value]:
    """A dataclass frozen for type checkers only: freezing at run time makes construction seven times slower."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


@value
class Shop:
    """A tenant. `cursor_key` signs its cursors."""

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
class ImportNote:
    """Something that an import took over, or noticed and left alone; `message` is a sentence for people."""

    code: ImportNoteCode
    message: str


@value
class OrderItem:
    """Units of one SKU. Amounts are for the whole line; `cancelled_quantity` is the sum over all packages."""

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
    """The units in a package of the order item at position `item`."""

    item: int
    quantity: int
    cancelled_quantity: int

    @property
    def live_quantity(self) -> int:
        return self.quantity - self.cancelled_quantity


@value
class Package:
    """Units that travel together; `items` are sorted by the position of their order item.

    `is_numbered_here`: the number is ours, not the source's. A package is empty once an import has moved its last unit.
    """

    position: int
    number: str
    status: PackageStatus
    carrier: str | None
    tracking_number: str | None
    is_numbered_here: bool
    items: tuple[PackageItem, ...]

    @property
    def is_live(self) -> bool:
        return any(packed.live_quantity for packed in self.items)


@value
class Order:
    """An order in one snapshot; `items` as imported, `packages` sorted by number.

    `shipping_refund_policy` is its shop's policy at import. `taken_off` is what was cancelled before it was paid for,
    `refunded` the sum of its refunds so far; together they are at most `total`. `event_sequence` is the number of its
    events, `feed_number` the shop's newest event in the same snapshot.
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
    taken_off: int
    is_paid: bool
    collect_on_delivery: bool
    event_sequence: int
    feed_number: int

    @property
    def is_live(self) -> bool:
        return any(item.live_quantity for item in self.items)

    @property
    def paid(self) -> int:
        """What the buyer has paid so far."""
        return self.total - self.taken_off if self.is_paid else 0

    @property
    def due_at_door(self) -> int:
        """What is still to be collected at the door."""
        return self.total - self.taken_off if self.collect_on_delivery and not self.is_paid and self.is_live else 0

    def package_items(self) -> Iterator[tuple[Package, PackageItem]]:
        """Every package item with its package, sorted by package number."""
        return ((package, packed) for package in self.packages for packed in package.items)


@value
class RefundLine:
    """The refund for the cancelled units of one item in one package, both given by position."""

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
    """The refund of one cancellation. `fees` has only the fees that are refunded, fully or in part."""

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
    """The delivery of a cancellation's e-mail."""

    status: NotificationStatus
    attempts: int = 0
    sent_at: datetime | None = None
    last_error: str | None = None


@value
class Cancellation:
    """One cancellation. `package` is a position, set when the scope is PACKAGE.

    `provider_reference` is the payment system's own reference to the refund, once reported.
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
    """An entry in the log: `number` counts the shop's events, `sequence` the order's.

    `before` and `after` are names of statuses; `package` and `new_package` are positions. Only ORDER_UPDATED has notes.
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
    notes: tuple[ImportNote, ...] = ()


@value
class ItemEntry:
    """An entry in a selection of items. Ids stay as given, so that errors can repeat them."""

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
    """Selected units of one item in one package, both given by position."""

    item: int
    package: int
    quantity: int
