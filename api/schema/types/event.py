"""Events of orders, made from the domain's values."""

from datetime import datetime
from typing import Any, assert_never

import strawberry

from api.schema.types.cancellation import Cancellation
from api.schema.types.node import Node, PageInfo, page_info
from api.schema.types.order import Order, Package, find_package
from api.schema.types.scalars import described
from domain.rules import ids
from domain.rules import order as domain
from domain.rules.vocabulary import EventType, NotificationStatus, OrderStatus, PackageStatus, RefundStatus
from domain.storage import events
from domain.storage.pages import Page


@strawberry.interface(description="One entry of the log of what happened to orders.")
class OrderEvent(Node):
    cursor: str = described("Where orderEvents(after:) goes on behind this event.")
    sequence: int = described("Counts the events of the order: 1, 2, 3, without gaps.")
    occurred_at: datetime = described("When it happened.")
    actor: str = described("Who did it: a token's subject, `import` for imported files, `mail` for the mail loop.")
    order: Order = described("The order, as it is now.")


@strawberry.type(description="The order came in.")
class OrderImported(OrderEvent):
    pass


@strawberry.type(description="The order's status changed.")
class OrderStatusChanged(OrderEvent):
    from_: OrderStatus = strawberry.field(name="from", description="The status before.")
    to: OrderStatus = described("The status after.")


@strawberry.type(description="The status of a package changed.")
class PackageStatusChanged(OrderEvent):
    package: Package = described("The package, as it is now.")
    from_: PackageStatus = strawberry.field(name="from", description="The status before.")
    to: PackageStatus = described("The status after.")


@strawberry.type(description="Units of a package moved to a new package.")
class PackageSplit(OrderEvent):
    package: Package = described("The package that they were in, as it is now.")
    new_package: Package = described("The package that they are in since, as it is now.")


@strawberry.type(description="Units were cancelled; exactly one for every cancellation, whatever its scope.")
class ItemsCancelled(OrderEvent):
    cancellation: Cancellation = described("The cancellation.")


@strawberry.type(description="The payment system told how the refund of a cancellation went.")
class RefundStatusChanged(OrderEvent):
    cancellation: Cancellation = described("The cancellation, as it is now.")
    from_: RefundStatus = strawberry.field(name="from", description="The status of the refund before.")
    to: RefundStatus = described("The status of the refund after.")


@strawberry.type(description="The buyer's e-mail went out, was given up or was queued again.")
class NotificationStatusChanged(OrderEvent):
    cancellation: Cancellation = described("The cancellation that the e-mail is about.")
    to: NotificationStatus = described("The status of the e-mail after.")


# Nothing else in the schema mentions them all.
EVENT_TYPES = OrderEvent.__subclasses__()


@strawberry.type(description="One event in a list, and where it stands.")
class OrderEventEdge:
    cursor: str = described("Where the list goes on behind this event.")
    node: OrderEvent = described("The event.")


@strawberry.type(description="A part of the log, oldest first.")
class OrderEventConnection:
    edges: list[OrderEventEdge] = described("The events with their cursors.")
    page_info: PageInfo = described("Whether there is more, and where it begins.")


def event_type(  # noqa: PLR0911 one for each type
    order: Order, event: domain.OrderEvent, cancellation: Cancellation | None
) -> OrderEvent:
    """One event with its order and, where it is about one, its cancellation as they are now."""
    common: dict[str, Any] = {  # the fields of the interface
        "id": strawberry.ID(ids.of_event(event.order_id, event.sequence)),
        "cursor": events.cursor_of(order.shop, event.number),
        "sequence": event.sequence,
        "occurred_at": event.occurred_at,
        "actor": event.actor,
        "order": order,
    }
    match event.type:
        case EventType.ORDER_IMPORTED:
            return OrderImported(**common)
        case EventType.ORDER_STATUS_CHANGED:
            return OrderStatusChanged(**common, from_=OrderStatus[str(event.before)], to=OrderStatus[str(event.after)])
        case EventType.PACKAGE_STATUS_CHANGED:
            package = find_package(order, int(event.package or 0))
            from_, to = PackageStatus[str(event.before)], PackageStatus[str(event.after)]
            return PackageStatusChanged(**common, package=package, from_=from_, to=to)
        case EventType.ITEMS_CANCELLED:
            return ItemsCancelled(**common, cancellation=_there(cancellation))
        case EventType.PACKAGE_SPLIT:
            package = find_package(order, int(event.package or 0))
            new_package = find_package(order, int(event.new_package or 0))
            return PackageSplit(**common, package=package, new_package=new_package)
        case EventType.REFUND_STATUS_CHANGED:
            return RefundStatusChanged(
                **common,
                cancellation=_there(cancellation),
                from_=RefundStatus[str(event.before)],
                to=RefundStatus[str(event.after)],
            )
        case EventType.NOTIFICATION_STATUS_CHANGED:
            to_status = NotificationStatus[str(event.after)]
            return NotificationStatusChanged(**common, cancellation=_there(cancellation), to=to_status)
        case _:
            assert_never(event.type)


def _there(cancellation: Cancellation | None) -> Cancellation:
    if cancellation is None:
        raise LookupError("an event without its cancellation")
    return cancellation


def event_connection(page: Page[OrderEvent]) -> OrderEventConnection:
    return OrderEventConnection(
        edges=[OrderEventEdge(cursor=event.cursor, node=event) for event in page.entries],
        page_info=page_info(page, [event.cursor for event in page.entries]),
    )
