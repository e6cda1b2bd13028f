"""Packages and orders that have moved on at their source."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import zip_longest

from domain.rules.order import Package
from domain.rules.status import PAYMENT_BLOCKED, SET_ON_ORDER, SHIPPED
from domain.rules.updates.draft import RANK, Draft
from domain.rules.updates.told import Place, Told
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus

_AWAITING = PackageStatus.AWAITING_SHIPMENT
# An order is only ever taken out of UNPAID, and COMPLETED only once everything is delivered.
_NEVER_SET = frozenset({OrderStatus.UNPAID, OrderStatus.COMPLETED})


def move_packages(draft: Draft, there: Mapping[tuple[int, Place], Counter[int]], before: Told, now: Told) -> None:
    """Takes over what the source newly says of packages; `there` tells which units are where it tells."""
    for package in draft.by_number():
        places = {place: units for (position, place), units in there.items() if position == package.position}
        if places:
            _move(draft, package, _wanted(draft, package, places, before, now))
            _label(draft, package, places, before, now)


def _wanted(
    draft: Draft, package: Package, places: Mapping[Place, Counter[int]], before: Told, now: Told
) -> dict[PackageStatus, Counter[int]]:
    """The package's units by the status that they are to have, least advanced first."""
    found: defaultdict[PackageStatus, Counter[int]] = defaultdict(Counter)
    for place, units in places.items():
        told = now.at()[place].status
        # Nothing that was done here takes a package back from where it has shipped.
        is_sure = told in SHIPPED or (isinstance(place, str) and place not in before.at())
        is_ahead = is_sure and RANK[told] > RANK[package.status]  # pragma: no mutate: what is as far stays so
        for item, count in units.items():
            is_new = is_ahead or _is_new(place, item, before, now)
            found[_next(draft, package, told) if is_new else package.status] += Counter({item: count})
    return dict(sorted(found.items(), key=lambda each: RANK[each[0]]))


def _is_new(place: Place, item: int, before: Told, now: Told) -> bool:
    """Whether the source newly tells the status of the item's units there."""
    status, known = now.at()[place].status, before.at().get(place)
    if isinstance(place, str) and known:
        return known.status is not status
    was, is_now = _loose(item, before, now), _loose(item, now, before)
    # Some may have got into packages since: those whose status is told of fewer units than before.
    was -= Counter(_sorted(was - is_now)[: max(0, was.total() - is_now.total())])
    return any(pair[1] is status and pair[0] is not status for pair in zip_longest(_sorted(was), _sorted(is_now)))


def _loose(item: int, told: Told, other: Told) -> Counter[PackageStatus]:
    """The item's units, by status, that the source names no package for, or one that holds fewer on the other day."""
    live, units, others = told.live(), told.units(), other.units()
    found = Counter({status: live[status][item] for status in PackageStatus})
    for package in told.packages:
        if package.number is not None:
            more = units[package.number] - others[package.number]
            found[package.status] += min(live[package.number][item], more[item])
    return +found


def _sorted(statuses: Counter[PackageStatus]) -> list[PackageStatus]:
    return sorted(statuses.elements(), key=lambda status: -RANK[status])


def _next(draft: Draft, package: Package, status: PackageStatus) -> PackageStatus:
    """The status that a package gets when its source newly tells this one."""
    is_back = (package.status, status) == (PackageStatus.AWAITING_COLLECTION, _AWAITING)
    if RANK[status] >= RANK[package.status] or is_back:
        return status
    message = f"Package {package.number} is {package.status.name} and does not go back to {status.name}."
    draft.note(ImportNoteCode.NOT_TAKEN_OVER, message)
    return package.status


def _move(draft: Draft, package: Package, wanted: Mapping[PackageStatus, Counter[int]]) -> None:
    """The least advanced units stay, and the others are split off: only packages that we numbered have others."""
    (first, _), *others = wanted.items()
    if first is not package.status:
        draft.set_status(package.position, first)
    for status, units in others:
        target = draft.create(draft.free_number(), status)
        draft.move(package.position, target, units)


def _label(draft: Draft, package: Package, places: Mapping[Place, Counter[int]], before: Told, now: Told) -> None:
    """Takes over a carrier and a tracking number that the source newly tells."""
    for place in places:
        told, known = now.at()[place], before.at().get(place)
        for name in ("carrier", "tracking_number"):
            text, present = getattr(told, name), getattr(draft.packages[package.position], name)
            if text not in (known and getattr(known, name), present):
                draft.change(package.position, **{name: text})
                what = name.replace("_", " ")
                message = f"has a new {what}: {text}" if text else f"no longer has a {what}"
                draft.note(ImportNoteCode.DETAILS, f"Package {package.number} {message}.")


def is_release(before: Told, now: Told) -> bool:
    """Whether the source has released the order from UNPAID or ON_HOLD."""
    is_open = now.status not in PAYMENT_BLOCKED and now.status is not OrderStatus.CANCELLED
    return before.status in PAYMENT_BLOCKED and is_open


def set_status(draft: Draft, before: Told, now: Told) -> OrderStatus:
    """The status that is set on the order; AWAITING_SHIPMENT for one that follows from the packages."""
    present, told = draft.order.status, now.status
    live = {package.status for package in draft.packages.values() if package.is_live}
    if not live:
        return OrderStatus.CANCELLED
    if told is not before.status:
        if told is OrderStatus.COMPLETED and live == {PackageStatus.DELIVERED}:
            return told
        if present is OrderStatus.COMPLETED or told in _NEVER_SET:
            message = f"The order is {present.name} and does not become {told.name}."
            draft.note(ImportNoteCode.NOT_TAKEN_OVER, message)
        elif told is OrderStatus.ON_HOLD:
            return told
    # A hold that was set here stays: it is not what the source released.
    is_kept = present in SET_ON_ORDER and not (present is before.status and is_release(before, now))
    return present if is_kept else OrderStatus.AWAITING_SHIPMENT
