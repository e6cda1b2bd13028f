"""Compares where live units are with where their source tells that they are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from domain.rules.order import Package, value
from domain.rules.updates.draft import RANK, Draft
from domain.rules.updates.told import Place, Told, is_split_of
from domain.rules.vocabulary import ImportNoteCode, PackageStatus

# Units by item, keyed by the package that holds them and the place that the source tells.
_Units = defaultdict[tuple[int, Place], Counter[int]]


@value
class Matched:
    """Live units by item, keyed by the package that holds them and the place that the source tells.

    Those in `stay` are there; those in `go` are to move. Of the others the source tells nothing new.
    """

    stay: Mapping[tuple[int, Place], Counter[int]]
    go: Mapping[tuple[int, Place], Counter[int]]


def match(draft: Draft, before: Told, now: Told) -> Matched:
    """Finds the place of each live unit of which the source tells something new."""
    matching = _Matching(draft, before, now)
    matching.keep_named()
    matching.keep_unnamed()
    matching.keep_what_was_split_off()
    matching.follow()
    return Matched(matching.staying, matching.going)


class _Matching:
    """Pairs live units with places, each step those that the steps before it left."""

    def __init__(self, draft: Draft, before: Told, now: Told) -> None:
        self._most_advanced = sorted(draft.by_number(), key=lambda package: -RANK[package.status])
        self._sources = [package for package in draft.by_number() if not package.is_numbered_here]
        self._here = draft.live()
        self._there = _live_there(draft, now)
        self._told = sorted(now.packages, key=lambda each: (-RANK[each.status], each.number or ""))
        self._named = {each.number: each.status for each in self._told if each.number is not None}
        self._unnamed = [each.status for each in self._told if each.number is None]
        self._more = _more(before, now)
        self._retold = _retold(before, now)
        self._without = _unnamed(now.live()) - _unnamed(before.live())
        self.staying: _Units = defaultdict(Counter)
        self.going: _Units = defaultdict(Counter)

    def keep_named(self) -> None:
        """Units stay in the package that the source names for them."""
        for package in self._most_advanced:
            if package.number in self._named:
                self._keep(package.number, [package])

    def keep_unnamed(self) -> None:
        """Units without a package stay in ours, most advanced told in most advanced here.

        Those that have left for a package, or come from one, are not among them: where statuses tell which they are.
        """
        ours = [package for package in self._most_advanced if package.is_numbered_here]
        ours.sort(key=lambda package: any(is_split_of(package, number) for number in self._named))
        here = sum((self._here[package.position] for package in ours), Counter[int]())
        surplus = here - _unnamed(self._there)
        for number, status in sorted(self._named.items()):
            alike = [package for package in ours if package.status is status]
            surplus -= self._go(number, alike, self._more[number] & surplus)
        for status in self._unnamed:
            alike = [package for package in self._sources if package.status is status]
            self._without -= self._go(status, alike, self._without)
        for told in self._told:
            if told.number is None:
                self._keep(told.place, ours)
            else:
                surplus -= self._go(told.number, ours, self._more[told.number] & surplus)

    def keep_what_was_split_off(self) -> None:
        """What was split off here stays, as if it were in the package that it was split off."""
        for number in self._named:
            self._keep(number, [package for package in self._most_advanced if is_split_of(package, number)])

    def follow(self) -> None:
        """All other units go to where they are told: their source has repacked them, or has cancelled other ones.

        Only those of items of which the source tells nothing new stay, and nothing is taken over for them.
        """
        for told in self._told:
            there = self._there[told.place].items()
            retold = Counter({item: count for item, count in there if item in self._retold})
            self._go(told.place, self._most_advanced, retold)

    def _keep(self, place: Place, packages: Iterable[Package]) -> None:
        """As many units as possible that are told at the place stay in these packages."""
        for package in packages:
            self._pair(self.staying, package, place, self._here[package.position] & self._there[place])

    def _go(self, place: Place, packages: Iterable[Package], most: Counter[int]) -> Counter[int]:
        """As many units as possible, at most these, go from these packages to the place; returns them."""
        gone = Counter[int]()
        for package in packages:
            if units := self._here[package.position] & self._there[place]:
                units &= most - gone
                gone += units
                self._pair(self.going, package, place, units)
        return gone

    def _pair(self, pairs: _Units, package: Package, place: Place, units: Counter[int]) -> None:
        if units:
            self._here[package.position] -= units
            self._there[place] -= units
            pairs[package.position, place] += units


def _more(before: Told, now: Told) -> dict[Place, Counter[int]]:
    """How many units have come to each place."""
    was, is_now = before.live(), now.live()
    return {place: is_now[place] - was[place] for place in [*is_now]}


def _retold(before: Told, now: Told) -> AbstractSet[int]:
    """The items of whose units the source tells other numbers, places or statuses than before."""
    was, is_now = (
        {(each.place, each.status, packed) for each in told.packages for packed in each.items} for told in (before, now)
    )
    return {packed.item for _, _, packed in was ^ is_now}


def _unnamed(places: Mapping[Place, Counter[int]]) -> Counter[int]:
    """The units that the source names no package for."""
    return sum((units for place, units in places.items() if isinstance(place, PackageStatus)), Counter[int]())


def _live_there(draft: Draft, now: Told) -> dict[Place, Counter[int]]:
    """The live units that the source tells, less those that are cancelled here only.

    These are missing from the package that they were cancelled in, or that it was split off, or, where the source does
    not tell of it any more, from the least advanced one that it tells.
    """
    places, gone = {place: Counter(units) for place, units in now.live().items()}, now.gone()
    told = sum(places.values(), Counter[int]())
    only_here = +Counter({item.position: told[item.position] - item.live_quantity for item in draft.order.items})
    if not only_here:
        return places
    message = f"Live at the source, but cancelled here, and stays so: {draft.described(only_here)}."
    draft.note(ImportNoteCode.CANCELLED_HERE_ONLY, message)
    left = Counter(only_here)

    def miss(place: Place, item: int, most: int) -> int:
        count = max(0, min(left[item], places[place][item], most))
        left[item] -= count
        places[place][item] -= count
        return count

    packages = draft.by_number()
    for place in places:
        if isinstance(place, str):
            parts = [package for package in packages if package.number == place or is_split_of(package, place)]
            packages = [package for package in packages if package not in parts]
            for item, count in _cancelled(parts).items():
                miss(place, item, count - gone[place][item])
    ours = [package for package in packages if package.is_numbered_here]
    told_from_least = sorted(now.packages, key=lambda each: (RANK[each.status], each.number or draft.order.number))
    unnamed = [package.place for package in told_from_least if package.number is None]
    unnamed_live, unnamed_gone, kept = _unnamed(places), _unnamed(gone), _live_beside_no_cancelled(ours)
    for item, count in _cancelled(ours).items():
        most = min(count - unnamed_gone[item], unnamed_live[item] - kept[item])
        for place in unnamed:
            most -= miss(place, item, most)
    for told_package in told_from_least:
        for item in places[told_package.place]:
            miss(told_package.place, item, left[item])
    return places


def _live_beside_no_cancelled(packages: Iterable[Package]) -> Counter[int]:
    """The live units, by item, in those packages where no unit of the item is cancelled."""
    found = Counter[int]()
    for package in packages:
        for packed in package.items:
            if not packed.cancelled_quantity:
                found[packed.item] += packed.live_quantity
    return found


def _cancelled(packages: Iterable[Package]) -> Counter[int]:
    """The cancelled units, by item."""
    found = Counter[int]()
    for package in packages:
        for packed in package.items:
            found[packed.item] += packed.cancelled_quantity
    return found
