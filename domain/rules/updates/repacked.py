"""Units that move between packages because their source has repacked them."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from domain.rules.order import Package
from domain.rules.status import SHIPPED
from domain.rules.updates.draft import RANK, Draft
from domain.rules.updates.places import Matched
from domain.rules.updates.told import Place, Told, ToldPackage
from domain.rules.vocabulary import ImportNoteCode


def repack(draft: Draft, matched: Matched, now: Told) -> dict[tuple[int, Place], Counter[int]]:
    """Moves units to where the source tells; returns what is then where it is told, keyed like `matched`."""
    told, there = now.at(), defaultdict(Counter, matched.stay)
    going = sorted(matched.go.items(), key=lambda each: (told[each[0][1]].number or "", draft.number(each[0][0])))
    renamed = _rename_whole(draft, going)
    for (package, place), units in going:
        if place in renamed and draft.number(package) == place:
            there[package, place] = units
        # The moves before this one may have emptied the package that it leads to.
        elif _leads_back(draft, draft.packages[package], told[place]):
            where = told[place].number or "no package"
            message = f"Not moved from package {draft.number(package)} to {where}, which is less advanced"
            draft.note(ImportNoteCode.NOT_TAKEN_OVER, f"{message}: {draft.described(units)}.")
        else:
            target = _target(draft, told[place])
            draft.move(package, target, units)
            there[target, place] += units
    draft.end_empty()
    return there


def _rename_whole(draft: Draft, going: Sequence[tuple[tuple[int, Place], Counter[int]]]) -> set[Place]:
    """Packages that we numbered, and whose units all go to one that is new here, take its number; returns those."""
    live, renamed = draft.live(), set[Place]()
    for (package, place), units in going:
        is_whole = draft.packages[package].is_numbered_here and units == live[package]
        if is_whole and isinstance(place, str) and draft.named(place) is None:
            draft.note(ImportNoteCode.REPACKED, f"Package {draft.number(package)} is now {place}.")
            draft.change(package, number=place, is_numbered_here=False)
            renamed.add(place)
    return renamed


def _leads_back(draft: Draft, source: Package, to: ToldPackage) -> bool:
    """Whether the units have shipped, and their new package has not come as far."""
    target = draft.named(to.number)
    statuses = [to.status, target.status] if target and target.is_live else [to.status]
    has_come_as_far = any(RANK[status] >= RANK[source.status] for status in statuses)
    return source.status in SHIPPED and not has_come_as_far


def _target(draft: Draft, told: ToldPackage) -> int:
    """The package that units move to: a known one or a new one; without a number, one of ours in the same status."""
    if told.number is None:
        ours = [each for each in draft.least_advanced() if each.is_numbered_here and each.is_live]
        alike = [package.position for package in ours if package.status is told.status]
        return alike[0] if alike else draft.create(draft.free_number(), told.status)
    known = draft.named(told.number)
    if known is None:
        return draft.create(told.number, told.status, told)
    if not known.is_live and RANK[known.status] > RANK[told.status]:
        draft.end_empty()  # its last unit may have just left
        draft.set_status(known.position, told.status)
    return known.position
