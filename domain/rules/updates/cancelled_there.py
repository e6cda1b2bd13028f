"""Units that were cancelled at the source since it was last heard."""

from collections import Counter
from collections.abc import Mapping

from domain.rules.decision import plan
from domain.rules.order import Order, Package, Pick
from domain.rules.texts import LONGEST_NOTE, cut
from domain.rules.updates.acts import CancelledThere
from domain.rules.updates.draft import Draft
from domain.rules.updates.told import Places, Told
from domain.rules.vocabulary import CancellationReason, CancellationScope, ImportNoteCode, PackageStatus, RefundStatus


def cancel_there(draft: Draft, before: Told, now: Told) -> None:
    """Cancels as many units of each item as are cancelled there beyond those that are cancelled here."""
    order = draft.order
    missing = _missing(order, now)
    if not missing:
        return
    picks = _picks(draft, missing, now)
    planned = plan(order, picks)
    scope, package = _scope(order, picks)
    reason, note = _why(before, now, missing)
    has_refund = order.is_paid and planned.breakdown.total > 0
    draft.cancel(
        CancelledThere(
            plan=planned,
            scope=scope,
            package=package,
            reason=reason,
            note=note,
            refund_status=RefundStatus.SUCCEEDED if has_refund else RefundStatus.NOT_NEEDED,
            # Callers' keys have no spaces.
            idempotency_key=f"import {order.number} {order.version}",
        )
    )
    draft.note(ImportNoteCode.CANCELLED_THERE, f"Cancelled at the source: {draft.described(missing)}.")


def _missing(order: Order, now: Told) -> Counter[int]:
    """The units to cancel, by item."""
    gone = sum(now.gone().values(), Counter[int]())
    return +Counter({item.position: gone[item.position] - item.cancelled_quantity for item in order.items})


def _picks(draft: Draft, missing: Counter[int], now: Told) -> tuple[Pick, ...]:
    """From the packages that the source names for them, then from where it tells fewer live ones, least advanced first.

    Where it names none, what is left where it tells live units must not be taken for what is gone elsewhere.
    """
    gone, there, left, live = now.gone(), now.live(), Counter(missing), draft.live()
    taken = Counter[tuple[int, int]]()

    def take(package: Package, item: int, most: int) -> None:
        count = max(0, min(left[item], live[package.position][item], most))
        left[item] -= count
        live[package.position][item] -= count
        taken[package.position, item] += count

    for package in draft.by_number():
        for packed in package.items:
            take(package, packed.item, gone[package.number][packed.item] - packed.cancelled_quantity)
    for package in draft.least_advanced():
        for packed in package.items:
            take(package, packed.item, _surplus(package, packed.item, draft, live, there))
    picks = [
        Pick(packed.item, package.position, count)
        for package, packed in draft.order.package_items()
        if (count := taken[package.position, packed.item]) > 0
    ]
    return tuple(sorted(picks, key=lambda pick: pick.item))


def _surplus(package: Package, item: int, draft: Draft, live: Mapping[int, Counter[int]], there: Places) -> int:
    """How many more units are live here than the source tells, in this package or, if it names none, in all of ours."""
    if not package.is_numbered_here:
        return live[package.position][item] - there[package.number][item]
    ours = [each for each in draft.packages.values() if each.is_numbered_here]
    unnamed = {status: there[status][item] for status in PackageStatus}
    here = {each.position: live[each.position][item] for each in ours}
    alike = sum(here[each.position] for each in ours if each.status is package.status)
    return min(alike - unnamed[package.status], sum(here.values()) - sum(unnamed.values()))


def _scope(order: Order, picks: tuple[Pick, ...]) -> tuple[CancellationScope, int | None]:
    """How much it covers, and the package if it is exactly one."""
    units = {(pick.package, pick.item): pick.quantity for pick in picks}
    live = {
        (package.position, packed.item): packed.live_quantity
        for package, packed in order.package_items()
        if packed.live_quantity
    }
    if units == live:
        return CancellationScope.ORDER, None
    positions = {pick.package for pick in picks}
    of_them = {place: count for place, count in live.items() if place[0] in positions}
    if len(positions) == 1 and units == of_them:
        return CancellationScope.PACKAGE, picks[0].package
    return CancellationScope.ITEMS, None


def _why(before: Told, now: Told, missing: Counter[int]) -> tuple[CancellationReason, str | None]:
    """The reason of most units that are newly cancelled, and all words, for the note."""
    known = Counter[tuple[int, CancellationReason, str]]()
    for units in before.cancelled:
        known[units.item, units.reason, units.words] += units.quantity
    counts, words = Counter[CancellationReason](), dict[str, None]()
    for units in now.cancelled:
        key = (units.item, units.reason, units.words)
        fresh = units.quantity - min(known[key], units.quantity)
        known[key] -= units.quantity - fresh
        if fresh and missing[units.item]:
            counts[units.reason] += fresh
            words |= {units.words: None} if units.words else {}
    reason = max(counts, key=counts.__getitem__, default=CancellationReason.OTHER)
    return reason, cut("; ".join(words), LONGEST_NOTE) or None
