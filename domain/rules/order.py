"""The words of the domain: frozen values and enums. Pure; decides nothing.

An enum member's name is spelled as in the schema; its value is the sentence that the schema publishes for it.
All amounts are integers in minor units of the order's currency; all times are aware and UTC. Items and packages are
known inside their order by `position`, a number that is given once and never reused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar, dataclass_transform
from uuid import UUID

_Value = TypeVar("_Value")


@dataclass_transform(frozen_default=True)
def value(cls: type[_Value]) -> type[_Value]:
    """A dataclass that type checkers keep frozen; freezing at run time too would make making it seven times slower."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


class OrderStatus(Enum):
    UNPAID = "The buyer has not paid yet; nothing can be cancelled here."
    ON_HOLD = "The marketplace holds the order back, for a review or a cooling-off time; nothing can be cancelled."
    AWAITING_SHIPMENT = "Paid, and every live package still waits for the seller to arrange its shipment."
    PARTIALLY_SHIPPING = "The order is split, and its live packages are in different stages."
    AWAITING_COLLECTION = "Shipment is arranged for every live package; the carrier has not collected yet."
    IN_TRANSIT = "The carrier has every live package; some may have been delivered already."
    DELIVERED = "Every live package has been delivered."
    COMPLETED = "Delivered, and closed for good."
    CANCELLED = "No live unit is left."


class PackageStatus(Enum):
    AWAITING_SHIPMENT = "The seller still has to arrange the shipment; units can be cancelled one by one."
    AWAITING_COLLECTION = (
        "Shipment is arranged, the carrier has not collected; only the whole package can be cancelled."
    )
    IN_TRANSIT = "The carrier has it."
    DELIVERED = "The buyer has it."
    CANCELLED = "No live unit is left in it."


class CancellationScope(Enum):
    ITEMS = "Some units of some items."
    PACKAGE = "All live units of one package."
    ORDER = "All live units of the order."


class CancellationReason(Enum):
    OUT_OF_STOCK = "The seller does not have the units."
    PRICING_ERROR = "The price was wrong."
    UNDELIVERABLE_ADDRESS = "The parcel cannot be brought to the buyer's address."
    BUYER_REQUESTED = "The buyer asked for it."
    OTHER = "Any other reason."


class NotCancellableReason(Enum):
    UNPAID = "The order has not been paid."
    ON_HOLD = "The order is on hold."
    AWAITING_COLLECTION = "The units wait for the carrier; only their whole package or order can be cancelled."
    SHIPPED = "The carrier has collected the units."
    ALREADY_CANCELLED = "Nothing is left that could be cancelled."


class CancellationErrorCode(Enum):
    ORDER_NOT_FOUND = "The shop has no order with this id."
    PACKAGE_NOT_FOUND = "There is no package with this id, or, for an entry of items, it holds no unit of the item."
    ITEM_NOT_FOUND = "The order has no item with this id."
    EMPTY_SELECTION = "Nothing was selected."
    DUPLICATE_ITEM = "An earlier entry names the same item and the same package."
    INVALID_QUANTITY = "The quantity is below 1."
    QUANTITY_EXCEEDED = "More units than can be cancelled; cancellableQuantity says how many are left for this entry."
    NOT_CANCELLABLE = "The order's state does not allow it; notCancellableReason says why."
    REASON_NOT_ALLOWED = "The reason does not unlock this scope; cancellationReasons lists what each reason unlocks."
    ORDER_CHANGED = "The order's version is not the expected one; currentPreview shows the present state."
    REFUND_CHANGED = "The refund would not be the expected one; currentPreview shows what it would be."
    IDEMPOTENCY_KEY_REUSED = "The key was used before, for another request."
    INVALID_IDEMPOTENCY_KEY = "The key is not 1 to 255 visible ASCII characters."
    TEXT_TOO_LONG = "The note is longer than 2,000 characters."
    INVALID_TEXT = "The note has control characters other than tab and line ends."
    TRY_AGAIN = "The order was busy; nothing was done, and the same call may succeed later."


class FulfillmentErrorCode(Enum):
    NOT_FOUND = "There is nothing with this id or reference."
    TRANSITION_NOT_ALLOWED = "The present status does not lead to this one."
    EMPTY_SELECTION = "Nothing was given where at least one entry is needed."
    DUPLICATE_ITEM = "An earlier entry names the same item."
    INVALID_QUANTITY = "The quantity is below 1, or the packages do not hold exactly the item's quantity."
    QUANTITY_EXCEEDED = "More units than there are."
    INVALID_VALUE = "The value is not acceptable here; the message says what is."
    AMOUNTS_DO_NOT_ADD_UP = "The parts do not sum to the total; the message has both sums."
    NUMBER_TAKEN = "The shop has this order number already, with other content."
    TRY_AGAIN = "The order was busy; nothing was done, and the same call may succeed later."


class RefundStatus(Enum):
    PENDING = "The payment system has not reported yet."
    SUCCEEDED = "The buyer has the money back."
    FAILED = "The payment system could not pay it back; it may still succeed later."
    NOT_NEEDED = "There was nothing to give back, for a gift say."


class NotificationStatus(Enum):
    QUEUED = "The e-mail waits to be sent, or to be tried again."
    SENT = "The buyer's mail server has taken it."
    FAILED = "It was given up for good; lastError says why."


class ShippingRefundPolicy(Enum):
    ON_FULL_CANCELLATION = "All of shipping and fees is given back, but only when the last live unit is cancelled."
    PROPORTIONAL = "Shipping and fees come back in proportion to the value of what is cancelled."
    NEVER = "Shipping and fees are not given back."


class FeeKind(Enum):
    RETAIL_DELIVERY = "A retail delivery fee that the law of the place demands."
    BUYER_SERVICE = "The marketplace's service fee."
    SMALL_ORDER = "A fee on small orders."
    HANDLING = "A handling fee."
    OTHER = "Any other fee."


class EventType(Enum):
    ORDER_IMPORTED = "The order came in."
    ORDER_STATUS_CHANGED = "The order's status changed."
    PACKAGE_STATUS_CHANGED = "A package's status changed."
    PACKAGE_SPLIT = "Units of a package moved to a new one."
    ITEMS_CANCELLED = "Units were cancelled, by item, package or order."
    REFUND_STATUS_CHANGED = "The payment system told how the refund went."
    NOTIFICATION_STATUS_CHANGED = "The buyer's e-mail went out, was given up or was queued again."


class ImportOutcome(Enum):
    CREATED = "The order is new and was stored."
    UNCHANGED = "The number is known, with the same content; nothing was done."
    REJECTED = "The order was refused; nothing of it was stored."


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
class FulfillmentProblem:
    """One reason why nothing was done. `path` is in the schema's words and begins below the argument `input`.

    Of an order that comes in, it begins below that order and is in the words of the order's format.
    """

    code: FulfillmentErrorCode
    message: str
    path: tuple[str, ...]


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
