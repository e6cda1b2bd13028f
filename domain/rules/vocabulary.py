"""The words of the domain: an enum for each, whose values are the sentences that the schema publishes."""

from enum import Enum


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


class RefundOutcome(Enum):
    SUCCEEDED = RefundStatus.SUCCEEDED.value
    FAILED = RefundStatus.FAILED.value


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
