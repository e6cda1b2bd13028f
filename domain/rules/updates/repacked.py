"""Units that move between packages because their source has repacked them."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from domain.rules.order import Package
from domain.rules.updates.draft import RANK, Draft
from domain.rules.updates.places import Matched
from domain.rules.updates.told import Place, Told, ToldPackage
from domain.rules.vocabulary import ImportNoteCode, PackageStatus

_SHIPPED_RANK = RANK[PackageStatus.IN_TRANSIT]


def repack(draft: Draft, matched: Matched, now: Told) -> dict[tuple[int, Place], Counter[int]]:
    """Moves units to where the source tells; returns what is then where it is told, keyed like `matched`."""
    told, there = now.at(), defaultdict[tuple[int, Place], Counter[int]](Counter)
    for pair, units in matched.stay.items():
        there[pair] += units
    moves: defaultdict[Place, dict[int, Counter[int]]] = defaultdict(dict)
    for (package, place), units in matched.go.items():
        if _leads_back(draft, draft.packages[package], told[place]):
            where = told[place].number or "no package"
            message = f"Not moved from package {draft.packages[package].number} to {where}, which is less advanced"
            draft.note(ImportNoteCode.NOT_TAKEN_OVER, f"{message}: {draft.described(units)}.")
        else:
            moves[place][package] = units
    for place, sources in sorted(moves.items(), key=lambda each: told[each[0]].number or ""):
        target = _target(draft, told[place], sources)
        for source, moved in _by_number(draft, sources):
            if source != target:
                draft.move(source, target, moved)
            there[target, place] += moved
    draft.end_empty()
    return there


def _leads_back(draft: Draft, source: Package, to: ToldPackage) -> bool:
    """Whether the units have shipped, and their new package has not come as far."""
    target = draft.named(to.number) if to.number else None
    reached = max(RANK[to.status], RANK[target.status] if target and target.is_live else 0)
    return RANK[source.status] >= _SHIPPED_RANK and reached < RANK[source.status]


def _target(draft: Draft, told: ToldPackage, sources: Mapping[int, Counter[int]]) -> int:
    """The package that they move to: a known one, one that takes the number, or a new one."""
    if told.number is None:
        ours = (
            package
            for package in draft.by_number()
            if package.is_numbered_here and package.is_live and package.status is told.status
        )
        return next((package.position for package in ours), 0) or draft.create(draft.free_number(), told.status)
    if known := draft.named(told.number):
        if not known.is_live:
            draft.end_empty()  # its last unit may have just left
            draft.set_status(known.position, told.status)
        return known.position
    live = draft.live()
    for source, units in _by_number(draft, sources):
        if draft.packages[source].is_numbered_here and units == live[source]:
            _rename(draft, source, told.number)
            return source
    return draft.create(told.number, told.status, told)


def _rename(draft: Draft, package: int, number: str) -> None:
    message = f"Package {draft.packages[package].number} is now {number}."
    draft.note(ImportNoteCode.REPACKED, message)
    draft.change(package, number=number, is_numbered_here=False)


def _by_number(draft: Draft, sources: Mapping[int, Counter[int]]) -> list[tuple[int, Counter[int]]]:
    return sorted(sources.items(), key=lambda each: draft.packages[each[0]].number)
