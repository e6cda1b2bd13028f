"""Compares where live units are with where their source tells that they are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from domain.rules.order import Package, value
from domain.rules.updates.draft import RANK, Draft
from domain.rules.updates.told import Place, Told
from domain.rules.vocabulary import ImportNoteCode, PackageStatus

# Units by item, keyed by the package that holds them and the place that the source tells.
_Units = defaultdict[tuple[int, Place], Counter[int]]


@value
class Matched:
    """Live units by item, keyed by the package that holds them and the place that the source tells.

    Those in `stay` are there, or the source has not moved them; those in `go` are to move.
    """

    stay: Mapping[tuple[int, Place], Counter[int]]
    go: Mapping[tuple[int, Place], Counter[int]]


def match(draft: Draft, before: Told, now: Told) -> Matched:
    """Finds the place of each live unit. What the source has not changed since `before` stays as it is here."""
    matching = _Matching(draft, _live_there(draft, now))
    places = sorted(now.packages, key=lambda told: (-RANK[told.status], told.number or ""))
    was, is_now = before.live(), now.live()
    more = {place: is_now[place] - was[place] for place in {*was, *is_now}}
    less = {place: was[place] - is_now[place] for place in {*was, *is_now}}
    named = [told.number for told in places if told.number is not None]
    unnamed = [told.status for told in places if told.number is None]
    for number in named:
        matching.stay(number, [package for package in draft.by_number() if package.number == number])
    ours = [package for package in _most_advanced(draft) if package.is_numbered_here]
    ours.sort(key=lambda package: any(_is_split_of(package, number) for number in named))
    for status in unnamed:
        matching.stay(status, ours)
    for number in sorted(named):
        matching.go(number, _sources(draft, less), more[number])
    without = _unnamed(is_now) - _unnamed(was)
    for status in unnamed:
        sources = [package for package in _sources(draft, less) if not package.is_numbered_here]
        without = matching.go(status, sources, without)
    for number in named:
        matching.stay(number, [package for package in _most_advanced(draft) if _is_split_of(package, number)])
    for told in places:
        matching.stay(told.place, _most_advanced(draft))
    return Matched(matching.staying, matching.going)


class _Matching:
    """Pairs live units with places until none is left."""

    def __init__(self, draft: Draft, there: Mapping[Place, Counter[int]]) -> None:
        self._here = draft.live()
        self._there = {place: Counter(units) for place, units in there.items()}
        self.staying: _Units = defaultdict(Counter)
        self.going: _Units = defaultdict(Counter)

    def stay(self, place: Place, packages: Iterable[Package]) -> None:
        """As many units as possible that are told at the place stay in these packages."""
        for package in packages:
            units = self._here[package.position] & self._there[place]
            self._pair(self.staying, package.position, place, units)

    def go(self, place: Place, packages: Iterable[Package], most: Counter[int]) -> Counter[int]:
        """As many units as possible, at most these, go from these packages to the place; returns how many do not."""
        left = Counter(most)
        for package in packages:
            units = self._here[package.position] & self._there[place] & left
            left -= units
            self._pair(self.going, package.position, place, units)
        return left

    def _pair(self, pairs: _Units, package: int, place: Place, units: Counter[int]) -> None:
        if units:
            self._here[package] -= units
            self._there[place] -= units
            pairs[package, place] += units


def _most_advanced(draft: Draft) -> list[Package]:
    return sorted(draft.by_number(), key=lambda package: -RANK[package.status])


def _is_split_of(package: Package, number: str) -> bool:
    """Whether it was split off a package with this number here."""
    return package.is_numbered_here and package.number.startswith(f"{number}-")


def _sources(draft: Draft, less: Mapping[Place, Counter[int]]) -> list[Package]:
    """First the packages that units have left at the source, then those that we numbered, then by number."""
    return sorted(draft.by_number(), key=lambda package: (not less.get(package.number), not package.is_numbered_here))


def _unnamed(places: Mapping[Place, Counter[int]]) -> Counter[int]:
    """The units that the source names no package for."""
    return sum((units for place, units in places.items() if isinstance(place, PackageStatus)), Counter[int]())


def _live_there(draft: Draft, now: Told) -> dict[Place, Counter[int]]:
    """The live units that the source tells, less those that are cancelled here only.

    These are missing from the package that they were cancelled in or, where the source does not name it any more, from
    the least advanced one that it tells.
    """
    places, gone = {place: Counter(units) for place, units in now.live().items()}, now.gone()
    told = sum(places.values(), Counter[int]())
    only_here = +Counter({item.position: told[item.position] - item.live_quantity for item in draft.order.items})
    if not only_here:
        return places
    message = f"Live at the source, but cancelled here, and stays so: {draft.described(only_here)}."
    draft.note(ImportNoteCode.CANCELLED_HERE_ONLY, message)
    left = Counter(only_here)

    def miss(place: Place, item: int, most: int) -> None:
        count = max(0, min(left[item], places[place][item], most))
        left[item] -= count
        places[place][item] -= count

    told_from_least = sorted(now.packages, key=lambda each: (RANK[each.status], each.number or draft.order.number))
    unnamed = [package.place for package in told_from_least if package.number is None]
    for package in draft.by_number():
        here = unnamed if package.is_numbered_here else [package.number] if package.number in places else []
        for place in here:
            for packed in package.items:
                miss(place, packed.item, packed.cancelled_quantity - gone[place][packed.item])
    for told_package in told_from_least:
        for item in only_here:
            miss(told_package.place, item, left[item])
    return places
