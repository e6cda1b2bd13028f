"""Builds the schema's types from what the domain found, and reads what else the operation selects below them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode

from api.context import Info
from api.schema.types.cancellation import Cancellation, cancellation_type
from api.schema.types.event import OrderEvent, OrderEventConnection, event_connection, event_type
from api.schema.types.node import Node
from api.schema.types.order import Order, nodes_of, order_type, shop_type
from domain.rules import ids
from domain.rules import order as domain
from domain.rules.decision import Plan
from domain.storage import cancellations, events, orders
from domain.storage.engine.backend import Connection
from domain.storage.engine.faults import BusyError, UnavailableError, UnknownOutcomeError
from domain.storage.pages import Page, PageRequest


async def order_types(info: Info, connection: Connection, found: Sequence[domain.Order]) -> list[Order]:
    """The orders, with their cancellations if the operation selects them anywhere."""
    shop = info.context.caller.shop
    types = [order_type(shop, order, timeline) for order in found]
    if types and selects(info, "cancellations"):
        made = await cancellations.list_by_order(connection, shop.id, [order.id for order in found])
        for order in types:
            order.cancellations = [cancellation_type(order, each) for each in made[order.source.id]]
    return types


async def current_order(info: Info, order: domain.Order | None) -> Order | None:
    """The order that a mutation answers with, if any; read again only if its cancellations are selected.

    If that read fails, the mutation is done all the same: raises UnknownOutcomeError.
    """
    if order is None:
        return None
    shop = info.context.caller.shop
    if not selects(info, "cancellations"):
        return order_type(shop, order, timeline)
    try:
        async with info.context.reading() as connection:
            found = await orders.find_orders(connection, shop.id, [order.id])
            return (await order_types(info, connection, list(found.values())))[0]
    except (BusyError, UnavailableError) as error:
        raise UnknownOutcomeError(str(error)) from error


async def planned_order(info: Info, plan: Plan | None) -> Order | None:
    """The order that a plan was made for, as it was then."""
    if plan is None:
        return None
    if not selects(info, "cancellations"):
        return order_type(info.context.caller.shop, plan.before, timeline)
    async with info.context.reading() as connection:
        return (await order_types(info, connection, [plan.before]))[0]


async def orders_by_id(info: Info, connection: Connection, order_ids: Iterable[UUID]) -> dict[UUID, Order]:
    """The orders with these ids that the shop has, by id."""
    found = await orders.find_orders(connection, info.context.caller.shop.id, order_ids)
    return {order.source.id: order for order in await order_types(info, connection, list(found.values()))}


async def node_types(info: Info, connection: Connection, node_ids: Sequence[str]) -> list[Node | None]:
    """The objects with these ids, in the same sequence; None for each that the shop does not have."""
    shop = info.context.caller.shop
    refs = [ids.parse(node_id) for node_id in node_ids]
    cancellation_ids = {ref.uuid for ref in refs if ref and ref.kind == "cancellation"}
    made = await cancellations.find_cancellations(connection, shop.id, cancellation_ids) if cancellation_ids else {}
    order_ids = {ref.uuid for ref in refs if ref and ref.kind != "event"} | {
        cancellation.order_id for cancellation in made.values()
    }
    types = await orders_by_id(info, connection, order_ids)
    nodes: dict[str, Node] = {ids.of_shop(shop.id): shop_type(shop)}
    for order in types.values():
        nodes |= {node.id: node for node in nodes_of(order)}
    for source in made.values():
        cancellation = cancellation_type(types[source.order_id], source)
        nodes[cancellation.id] = cancellation
    nodes |= {event.id: event for event in await _events(info, connection, refs)}
    return [nodes.get(node_id) for node_id in node_ids]


async def _events(info: Info, connection: Connection, refs: Iterable[ids.Ref | None]) -> list[OrderEvent]:
    """The events that these ids name and the shop has, in no particular order."""
    places = {(ref.uuid, ref.positions[0]) for ref in refs if ref and ref.kind == "event"}
    found = await events.find_events(connection, info.context.caller.shop.id, places) if places else []
    return await event_types(info, connection, found) if found else []


async def cancellation_types(
    info: Info, connection: Connection, made: Sequence[domain.Cancellation]
) -> list[Cancellation]:
    """The cancellations, each with its order in its current state."""
    found = await orders_by_id(info, connection, {source.order_id for source in made})
    return [cancellation_type(found[source.order_id], source) for source in made]


async def event_types(info: Info, connection: Connection, found: Sequence[domain.OrderEvent]) -> list[OrderEvent]:
    """The events, each with its order and cancellation in their current state."""
    shop_id = info.context.caller.shop.id
    made = await orders_by_id(info, connection, {event.order_id for event in found})
    about = {event.cancellation_id for event in found if event.cancellation_id}
    cancelled = await cancellations.find_cancellations(connection, shop_id, about) if about else {}
    types = []
    for event in found:
        order = made[event.order_id]
        source = cancelled.get(event.cancellation_id) if event.cancellation_id else None
        cancellation: Cancellation | None = cancellation_type(order, source) if source else None
        types.append(event_type(order, event, cancellation))
    return types


async def timeline(info: Info, order: Order, page: PageRequest) -> OrderEventConnection:
    """A page of the events of one order."""
    return await event_page(info, page, [order])


async def event_page(info: Info, page: PageRequest, of: Iterable[Order] | None = None) -> OrderEventConnection:
    """A page of the events of these orders, or of all the shop's orders."""
    shop = info.context.caller.shop
    after = 0 if page.after is None else events.number_of(shop, page.after)
    order_ids = None if of is None else [order.source.id for order in of]
    async with info.context.reading() as connection:
        found = await events.list_events(connection, shop.id, after=after, limit=page.size + 1, order_ids=order_ids)
        types = await event_types(info, connection, found[: page.size])
    return event_connection(Page(types, has_next=len(found) > page.size, has_previous=page.after is not None))


def selects(info: Info, name: str) -> bool:
    """Whether the operation selects a field of this name anywhere below the one being resolved."""
    raw = info._raw_info  # noqa: SLF001 - strawberry's `selected_fields` copies a fragment for each spread
    nodes: list[SelectionNode] = [*raw.field_nodes]
    fragments = dict(raw.fragments)
    while nodes:
        node = nodes.pop()
        if isinstance(node, FieldNode) and node.name.value == name:
            return True
        if isinstance(node, FragmentSpreadNode):
            spread = fragments.pop(node.name.value, None)
            nodes += spread.selection_set.selections if spread else ()
        elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            nodes += node.selection_set.selections
    return False
