"""Details of an order that have changed at their source: payment, the ship-by date, and the buyer's contact."""

from dataclasses import replace

from domain.rules.masks import is_masked_address, is_masked_name
from domain.rules.new_order import NewOrder
from domain.rules.order import Buyer, Order
from domain.rules.updates.draft import Draft
from domain.rules.updates.moved import is_release
from domain.rules.updates.told import Told
from domain.rules.vocabulary import ImportNoteCode, OrderStatus


def take_over_payment(draft: Draft, before: Told, now: Told) -> None:
    """Takes over that the order is paid, and when; done twice, it does no more."""
    order = draft.order
    draft.order = paid = replace(order, is_paid=order.is_paid or _is_told_paid(order, before, now))
    if now.paid_at and now.paid_at not in (before.paid_at, order.paid_at):
        draft.order = replace(paid, paid_at=now.paid_at)
        draft.note(ImportNoteCode.DETAILS, f"The order was paid at {now.paid_at.isoformat()}.")
    elif paid.is_paid and not order.is_paid:
        draft.note(ImportNoteCode.DETAILS, "The order is paid.")


def take_over_payment_at_the_door(draft: Draft, new: NewOrder) -> None:
    """For an order from before this was kept; nothing of it may be cancelled yet."""
    order = draft.order
    if new.collect_on_delivery and not order.collect_on_delivery and not any(i.cancelled_quantity for i in order.items):
        draft.order = replace(order, collect_on_delivery=True, is_paid=new.is_paid)
        draft.note(ImportNoteCode.DETAILS, "The buyer pays at the door.")


def take_over_details(draft: Draft, before: Told, now: Told) -> None:
    order = draft.order
    if now.ship_by not in (before.ship_by, order.ship_by):
        draft.order = order = replace(order, ship_by=now.ship_by)
        when = f"is now to be shipped by {now.ship_by.isoformat()}" if now.ship_by else "no longer has a ship-by date"
        draft.note(ImportNoteCode.DETAILS, f"The order {when}.")
    buyer = _buyer(order.buyer, before.buyer, now.buyer)
    if buyer != order.buyer:
        draft.order = replace(order, buyer=buyer)
        draft.note(ImportNoteCode.DETAILS, "The buyer's contact changed.")


def _is_told_paid(order: Order, before: Told, now: Told) -> bool:
    """Whether the source newly says that the order is paid; at the door only a time of payment says so.

    A time of payment that was known while the order was UNPAID counts from when it no longer is.
    """
    is_no_longer_unpaid = before.status is OrderStatus.UNPAID and now.status is not OrderStatus.UNPAID
    has_time = now.paid_at is not None and (now.paid_at != before.paid_at or is_no_longer_unpaid)
    return has_time or (is_release(before, now) and not order.collect_on_delivery)


def _buyer(stored: Buyer, before: Buyer, now: Buyer) -> Buyer:
    """The contact of now; a masked or empty name or address never replaces a usable one."""
    takes_name = now.name != before.name and (_is_usable_name(now.name) or not _is_usable_name(stored.name))
    takes_email = now.email != before.email and (_is_usable_email(now.email) or not _is_usable_email(stored.email))
    return Buyer(
        name=now.name if takes_name else stored.name,
        email=now.email if takes_email else stored.email,
        locale=now.locale if now.locale != before.locale else stored.locale,
    )


def _is_usable_name(name: str) -> bool:
    return bool(name) and not is_masked_name(name)


def _is_usable_email(email: str) -> bool:
    return bool(email) and not is_masked_address(email)
