"""Decides what an input changes about an order that is known (docs/rules.md, "Orders that come again")."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain.rules.new_order import NewOrder
from domain.rules.order import ImportNote, Order, value
from domain.rules.status import SET_ON_ORDER
from domain.rules.updates.acts import Act, CancelledThere, OrderMoved, PackageMoved, Repacked, Update
from domain.rules.updates.cancelled_there import cancel_there
from domain.rules.updates.details import take_over_details, take_over_payment, take_over_payment_at_the_door
from domain.rules.updates.draft import Draft
from domain.rules.updates.moved import move_packages, set_status
from domain.rules.updates.places import match
from domain.rules.updates.repacked import repack
from domain.rules.updates.same_order import retold
from domain.rules.updates.told import Told, stored_as_told
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus


@value
class Known:
    """A stored order, and what its source last told; None if it came in before that was kept."""

    order: Order
    told: Told | None
    source_updated_at: datetime | None


def update(known: Known, new: NewOrder) -> Update:
    """What has changed at the source since it was last heard, as acts; what was done here otherwise stays."""
    order, before = known.order, known.told or stored_as_told(known.order)
    now = retold(order, dict(before.deposits), new)
    if not isinstance(now, Told):
        return Update(order, order, before, known.source_updated_at, problems=(now,))
    if not new.has_locale:
        now = replace(now, buyer=replace(now.buyer, locale=before.buyer.locale))
    last, this = known.source_updated_at, new.source_updated_at
    if last and this and this < last:
        message = f"It is from {this.isoformat()}, but what it said at {last.isoformat()} is known."
        note = ImportNote(ImportNoteCode.OLDER, message)
        return Update(order, order, before, last, notes=(note,), is_older=True)
    draft = Draft(order)
    if known.told is None:
        take_over_payment_at_the_door(draft, new)
    _bring_up_to_date(draft, before, now)
    raises = sum(map(_raises_version, draft.acts)) or int(draft.order != order)
    return Update(
        before=order,
        after=replace(draft.order, version=order.version + raises),
        told=now,
        source_updated_at=this or last,
        acts=tuple(draft.acts),
        notes=tuple(draft.notes),
    )


def _bring_up_to_date(draft: Draft, before: Told, now: Told) -> None:
    first = draft.order
    if not first.collect_on_delivery:
        take_over_payment(draft, before, now)
    cancel_there(draft, before, now)
    there = repack(draft, match(draft, before, now), now)
    move_packages(draft, there, before, now)
    status = set_status(draft, before, now)
    take_over_payment(draft, before, now)
    take_over_details(draft, before, now)
    draft.order = after = draft.finished(status)
    if after.status is not first.status:
        draft.acts.append(OrderMoved(first.status, after.status))
        draft.note(ImportNoteCode.ORDER_STATUS, f"The order went from {first.status.name} to {after.status.name}.")


def _raises_version(act: Act) -> bool:
    """Statuses that only follow from other acts do not."""
    match act:
        case PackageMoved():
            return act.after is not PackageStatus.CANCELLED
        case OrderMoved():
            return act.after in SET_ON_ORDER or (act.before in SET_ON_ORDER and act.after is not OrderStatus.CANCELLED)
        case CancelledThere() | Repacked():
            return True
        case _:
            assert_never(act)
