"""The enums of the domain; each value is the sentence that the schema publishes for its member."""

from enum import Enum


class OrderStatus(Enum):
    UNPAID = "The buyer has not paid yet; nothing can be cancelled."
    ON_HOLD = "The marketplace is holding the order for a review or a cooling-off period; nothing can be cancelled."
    AWAITING_SHIPMENT = "Paid; the seller has not yet arranged shipment for any live package."
    PARTIALLY_SHIPPING = "The order is split, and its live packages are at different stages."
    AWAITING_COLLECTION = "Shipment is arranged for every live package; the carrier has not collected any of them yet."
    IN_TRANSIT = "The carrier has collected every live package; some may have been delivered already."
    DELIVERED = "Every live package has been delivered."
    COMPLETED = "Delivered, and closed for good."
    CANCELLED = "No live units are left."


class PackageStatus(Enum):
    AWAITING_SHIPMENT = (
        "The seller has yet to arrange shipment; units can be cancelled individually. Next: AWAITING_COLLECTION."
    )
    AWAITING_COLLECTION = (
        "Shipment is arranged, but the carrier has not collected yet; units can only be cancelled together. Next: "
        "IN_TRANSIT, or back to AWAITING_SHIPMENT."
    )
    IN_TRANSIT = "The carrier has collected it. Next: DELIVERED."
    DELIVERED = "The buyer has received it."
    CANCELLED = "No live units are left in it."


class CancellationScope(Enum):
    ITEMS = "Selected units of one or more items."
    PACKAGE = "All live units of one package."
    ORDER = "All live units of the order."


class CancellationReason(Enum):
    OUT_OF_STOCK = "The seller does not have the units in stock."
    PRICING_ERROR = "The price was wrong."
    UNDELIVERABLE_ADDRESS = "The carrier cannot deliver to the buyer's address."
    BUYER_REQUESTED = "The buyer asked for the cancellation."
    OTHER = "Any other reason."


class NotCancellableReason(Enum):
    UNPAID = "The order has not been paid for yet."
    ON_HOLD = "The order is on hold."
    AWAITING_COLLECTION = "The units await collection; only the whole package or the whole order can be cancelled."
    SHIPPED = "The carrier has collected the units."
    ALREADY_CANCELLED = "No live units are left."


class CancellationErrorCode(Enum):
    ORDER_NOT_FOUND = "The shop has no order with this id."
    PACKAGE_NOT_FOUND = "The shop has no package with this id, or the package holds no units of the entry's item."
    ITEM_NOT_FOUND = "The order has no item with this id."
    EMPTY_SELECTION = "Nothing was selected."
    DUPLICATE_ITEM = "An earlier entry names the same item and package."
    INVALID_QUANTITY = "The quantity is below 1."
    QUANTITY_EXCEEDED = "More units than can be cancelled; cancellableQuantity says how many are left for this entry."
    NOT_CANCELLABLE = "The order's state does not allow it; notCancellableReason says why."
    REASON_NOT_ALLOWED = "The reason does not allow this scope; cancellationReasons lists what each reason allows."
    ORDER_CHANGED = "The order is no longer at the expected version; currentPreview shows its current state."
    REFUND_CHANGED = "The refund would differ from the expected total; currentPreview shows what it would be."
    IDEMPOTENCY_KEY_REUSED = "The key was already used for another request."
    INVALID_IDEMPOTENCY_KEY = "The key is not 1 to 255 visible ASCII characters."
    TEXT_TOO_LONG = "The note is longer than 2,000 characters."
    INVALID_TEXT = "The note contains control characters other than tabs and line breaks."
    TRY_AGAIN = "The order was busy; nothing was done, and the same call may succeed in a moment."


class FulfillmentErrorCode(Enum):
    NOT_FOUND = "Nothing has this id or reference."
    TRANSITION_NOT_ALLOWED = "The current status cannot change to the requested one."
    EMPTY_SELECTION = "At least one entry is needed."
    DUPLICATE_ITEM = "An earlier entry names the same item."
    INVALID_QUANTITY = "The quantity is below 1, or the packages do not hold exactly the item's quantity."
    QUANTITY_EXCEEDED = "More units than the package has left."
    INVALID_VALUE = "The value is not accepted here; the message says what is."
    AMOUNTS_DO_NOT_ADD_UP = "The parts do not add up to the total; the message gives both sums."
    NUMBER_TAKEN = "The shop already has another order with this number; the message says what differs."
    TRY_AGAIN = "The order was busy; nothing was done, and the same call may succeed in a moment."


class RefundStatus(Enum):
    PENDING = "The payment system has not reported an outcome yet."
    SUCCEEDED = "The buyer has the money back."
    FAILED = "The payment system could not pay the refund; it may still succeed later."
    NOT_NEEDED = "There was nothing to refund: the units were free, or nothing had been paid for them yet."


class RefundOutcome(Enum):
    SUCCEEDED = RefundStatus.SUCCEEDED.value
    FAILED = RefundStatus.FAILED.value


class NotificationStatus(Enum):
    QUEUED = "The e-mail is waiting to be sent or retried."
    SENT = "The buyer's mail server has accepted the e-mail."
    FAILED = "Sending was abandoned; lastError says why."
    NOT_NEEDED = "None is sent: the units were cancelled at the marketplace, which has told the buyer."


class ShippingRefundPolicy(Enum):
    ON_FULL_CANCELLATION = "Shipping and fees are refunded in full, but only when the last live unit is cancelled."
    PROPORTIONAL = "Shipping and fees are refunded in proportion to the value of the cancelled units."
    NEVER = "Shipping and fees are not refunded."


class FeeKind(Enum):
    RETAIL_DELIVERY = "A retail delivery fee required by local law."
    BUYER_SERVICE = "The marketplace's service fee."
    SMALL_ORDER = "A fee on small orders."
    HANDLING = "A handling fee."
    INSURANCE = "Insurance of the items or of their shipment."
    DISTANCE = "A fee for a long way."
    DEPOSIT = "A deposit on bottles and the like."
    OTHER = "Any other fee."


class EventType(Enum):
    ORDER_IMPORTED = "The order was imported."
    ORDER_STATUS_CHANGED = "The order's status changed."
    PACKAGE_STATUS_CHANGED = "A package's status changed."
    PACKAGE_SPLIT = "Units moved from a package to a new one."
    ITEMS_CANCELLED = "Units were cancelled; logged exactly once for every cancellation, whatever its scope."
    REFUND_STATUS_CHANGED = "The payment system reported the outcome of a refund."
    NOTIFICATION_STATUS_CHANGED = "The buyer's e-mail was sent, abandoned or queued again."
    ORDER_UPDATED = (
        "An import brought the order up to date; the last event of what it did, after those of the single changes."
    )


class ImportOutcome(Enum):
    CREATED = "The order is new and was stored."
    UPDATED = "The shop already has this order; what has changed at its source was taken over."
    UNCHANGED = "The shop already has this order, and nothing has changed at its source; nothing was done."
    REJECTED = "The order was refused; none of it was stored."


class ImportNoteCode(Enum):
    ORDER_STATUS = "The order's status moved on."
    PACKAGE_STATUS = "A package moved on."
    STATUS_CONFLICT = "The source says two things about a unit; the more advanced one counts."
    REPACKED = "Units moved to another package."
    CANCELLED_THERE = "Units were cancelled at the source."
    CANCELLED_HERE_ONLY = "Units that are cancelled here are live at the source; they stay cancelled."
    NOT_TAKEN_OVER = "A change that would lead back, such as from shipped to not shipped; it was left alone."
    DETAILS = "The buyer's contact, a date, or a carrier's details changed."
    OLDER = "The input is older than what is known; nothing was done."
    AMOUNT_SPREAD = "An amount was spread over the lines because the source gives it for the whole order only."
    TEXT_TIDIED = "A text was tidied: white space was removed, or it was cut to its longest length."
