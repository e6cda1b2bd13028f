"""Events of orders, built from the domain's values."""

from datetime import datetime
from typing import Any, assert_never

import strawberry

from api.schema.types.cancellation import Cancellation
from api.schema.types.node import Node, PageInfo, page_info
from api.schema.types.order import ImportNote, Order, Package, find_package, note_types
from api.schema.types.scalars import described
from domain.rules import ids
from domain.rules import order as domain
from domain.rules.vocabulary import EventType, NotificationStatus, OrderStatus, PackageStatus, RefundStatus
from domain.storage import events
from domain.storage.pages import Page


@strawberry.interface(description="An entry in the log of what happened to orders.")
class OrderEvent(Node):
    cursor: str = described("Pass it to orderEvents(after:) to continue after this event.")
    sequence: int = described("The number of the event within its order: 1, 2, 3, without gaps.")
    occurred_at: datetime = described("When it happened.")
    actor: str = described("Who did it: the token's subject, `import` for imported files, or `mail` for the mail loop.")
    order: Order = described("The order in its current state.")


@strawberry.type(description=EventType.ORDER_IMPORTED.value)
class OrderImported(OrderEvent):
    pass


@strawberry.type(description=EventType.ORDER_STATUS_CHANGED.value)
class OrderStatusChanged(OrderEvent):
    from_: OrderStatus = strawberry.field(name="from", description="The status before.")
    to: OrderStatus = described("The status after.")


@strawberry.type(description=EventType.PACKAGE_STATUS_CHANGED.value)
class PackageStatusChanged(OrderEvent):
    package: Package = described("The package in its current state.")
    from_: PackageStatus = strawberry.field(name="from", description="The status before.")
    to: PackageStatus = described("The status after.")


@strawberry.type(description=EventType.PACKAGE_SPLIT.value)
class PackageSplit(OrderEvent):
    package: Package = described("The package that the units left, in its current state.")
    new_package: Package = described("The package that the units moved to, in its current state.")


@strawberry.type(description=EventType.ITEMS_CANCELLED.value)
class ItemsCancelled(OrderEvent):
    cancellation: Cancellation = described("The cancellation in its current state.")


@strawberry.type(description=EventType.REFUND_STATUS_CHANGED.value)
class RefundStatusChanged(OrderEvent):
    cancellation: Cancellation = described("The cancellation in its current state.")
    from_: RefundStatus = strawberry.field(name="from", description="The status before.")
    to: RefundStatus = described("The status after.")


@strawberry.type(description=EventType.NOTIFICATION_STATUS_CHANGED.value)
class NotificationStatusChanged(OrderEvent):
    cancellation: Cancellation = described("The cancellation that the e-mail is about, in its current state.")
    to: NotificationStatus = described("The status after.")


@strawberry.type(description=EventType.ORDER_UPDATED.value)
class OrderUpdated(OrderEvent):
    notes: list[ImportNote] = described("What was taken over, and what was left alone.")


# Fields return the interface, so the schema has to be told its types.
EVENT_TYPES = OrderEvent.__subclasses__()


@strawberry.type(description="An event in a list, with its cursor.")
class OrderEventEdge:
    cursor: str = described("Pass it as after to continue after this event.")
    node: OrderEvent = described("The event.")


@strawberry.type(description="A page of the log, oldest first.")
class OrderEventConnection:
    edges: list[OrderEventEdge] = described("The events, with their cursors.")
    page_info: PageInfo = described("Whether there are more, and where to continue.")


def event_type(  # noqa: PLR0911 one for each type
    order: Order, event: domain.OrderEvent, cancellation: Cancellation | None
) -> OrderEvent:
    """One event with its order and, if it is about one, its cancellation, both in their current state."""
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
        case EventType.ORDER_UPDATED:
            return OrderUpdated(**common, notes=note_types(event.notes))
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
