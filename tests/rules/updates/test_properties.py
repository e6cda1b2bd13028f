"""Whatever a source tells, and whatever was done here in between."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.rules import ids
from domain.rules.new_order import NewOrder
from domain.rules.order import ItemEntry, Order, Package, Pick, value
from domain.rules.refunds import due
from domain.rules.splits import PackageSplit, split_package
from domain.rules.status import SHIPPED, order_status
from domain.rules.updates.acts import CancelledThere, PackageMoved, Repacked
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import ImportNoteCode, OrderStatus, PackageStatus
from tests.support.builders import PLACED_AT, after
from tests.support.telling import a_told_order, a_told_package, known, stored

LIVE: list[PackageStatus] = [status for status in PackageStatus if status is not PackageStatus.CANCELLED]
NUMBERS = ("A", "B", "C")
numbers = st.sampled_from([None, *NUMBERS])
live_statuses = st.sampled_from(LIVE)
mostly = st.sampled_from([True, True, True, False])
some = settings(max_examples=60)
RANK = {status: rank for rank, status in enumerate(PackageStatus)}


@value
class Unit:
    """A unit as its source tells it: without a package's number, it has a status of its own."""

    item: int
    number: str | None
    status: PackageStatus
    is_live: bool = True


def an_order_of(units: list[Unit], status: OrderStatus, paid_at: datetime | None) -> NewOrder:
    """Cancelled units without a package are in the first of those that have none."""
    alone = [unit.status for unit in units if unit.is_live and unit.number is None]
    first = min(alone, key=RANK.__getitem__, default=PackageStatus.CANCELLED)
    places: dict[tuple[str | None, PackageStatus], dict[int, tuple[int, int]]] = {}
    for unit in units:
        held = places.setdefault((unit.number, unit.status if unit.number or unit.is_live else first), {})
        live, gone = held.get(unit.item, (0, 0))
        held[unit.item] = (live + unit.is_live, gone + (not unit.is_live))
    packages = [a_told_package(number, status, held) for (number, status), held in places.items()]
    is_delivered = {package.status for package in packages if package.is_live} == {PackageStatus.DELIVERED}
    if status is OrderStatus.COMPLETED and not is_delivered:
        status = OrderStatus.AWAITING_SHIPMENT
    return a_told_order(*packages, status=status, paid_at=paid_at)


@st.composite
def days(draw: st.DrawFn) -> tuple[NewOrder, NewOrder]:
    """Two days of one order: packages move on or back, live units move to others, and some in packages are cancelled.

    A unit without a package, or that gets another one, does not go back, and none is left without one: which one that
    was could not be told.
    """
    quantities = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    statuses: dict[str | None, PackageStatus] = {number: draw(live_statuses) for number in NUMBERS}
    first, second = [], []
    for item in (item for item, quantity in enumerate(quantities, 1) for _ in range(quantity)):
        number = draw(numbers)
        first.append(Unit(item, number, statuses.get(number, draw(live_statuses)), draw(mostly)))
    goals = [draw(numbers) or unit.number for unit in first]
    later: dict[str | None, PackageStatus] = {number: draw(live_statuses) for number in NUMBERS}
    for index, unit in enumerate(first):
        goal = goals[index]
        if unit.is_live and goal in later and goal != unit.number:
            later[goal] = max(later[goal], unit.status, key=RANK.__getitem__)
    for index, unit in enumerate(first):
        is_cancelled = not unit.is_live or (unit.number is not None and not draw(mostly))
        goal = unit.number if is_cancelled else goals[index]
        alone: PackageStatus = max(unit.status, draw(live_statuses), key=RANK.__getitem__)
        second.append(Unit(unit.item, goal, later.get(goal, alone), not is_cancelled))
    order_statuses, times = st.sampled_from(OrderStatus), st.sampled_from([None, PLACED_AT])
    return (
        an_order_of(first, draw(order_statuses), draw(times)),
        an_order_of(second, draw(order_statuses), draw(times)),
    )


@st.composite
def any_days(draw: st.DrawFn) -> NewOrder:
    """An order of the same three units on any day: in any packages, with any statuses, and some of them cancelled."""
    statuses: dict[str | None, PackageStatus] = {number: draw(live_statuses) for number in NUMBERS}
    units = []
    for item in (1, 1, 2):
        number = draw(numbers)
        units.append(Unit(item, number, statuses.get(number, draw(live_statuses)), draw(mostly)))
    return an_order_of(units, draw(st.sampled_from(OrderStatus)), PLACED_AT)


@st.composite
def some_of(draw: st.DrawFn, package: Package) -> list[tuple[int, int]]:
    """Some live units of one item, as (item, count), or none."""
    live = [packed for packed in package.items if packed.live_quantity]
    chosen = draw(st.lists(st.sampled_from(live), max_size=1)) if live else []
    return [(packed.item, draw(st.integers(1, packed.live_quantity))) for packed in chosen]


@st.composite
def acts_here(draw: st.DrawFn, order: Order) -> Order:
    """The order after some of its units were cancelled or split off, and packages moved, here."""
    order = draw(cancelled_here(order))
    for package in order.packages:
        for item, count in draw(some_of(package)):
            split = PackageSplit(
                ids.of_package(order.id, package.position), (ItemEntry(ids.of_item(order.id, item), count),)
            )
            order = split_package(order, split).order or order
    return draw(moved_here(order))


@st.composite
def cancelled_here(draw: st.DrawFn, order: Order) -> Order:
    """What has shipped is never cancelled here."""
    for package in order.packages:
        for item, count in draw(some_of(package)) if package.status not in SHIPPED else []:
            order = after(order, Pick(item, package.position, count))
    return order


@st.composite
def moved_here(draw: st.DrawFn, order: Order) -> Order:
    """Packages may be anywhere by now, but what has shipped never goes back."""
    packages = []
    for package in order.packages:
        status = draw(live_statuses)
        is_back = package.status in SHIPPED and RANK[status] < RANK[package.status]
        packages.append(replace(package, status=status) if package.is_live and not is_back else package)
    return replace(order, packages=tuple(packages), status=order_status(order.status, tuple(packages)))


def live_units(packages: Iterable[Package], *, by_number: bool) -> Counter[tuple[object, PackageStatus, int]]:
    """Live units by package number, or None if it is ours, by status, and by item."""
    found = Counter[tuple[object, PackageStatus, int]]()
    for package in packages:
        number = None if package.is_numbered_here or not by_number else package.number
        for packed in package.items:
            found[number, package.status, packed.item] += packed.live_quantity
    return +found


def units_from(status: PackageStatus, order: Order) -> Counter[int]:
    """Live units that have come at least that far, by item."""
    found = Counter[int]()
    for package, packed in order.package_items():
        if RANK[package.status] >= RANK[status]:
            found[packed.item] += packed.live_quantity
    return found


def gone_since(before: Order, after: Order) -> dict[int, int]:
    """Units cancelled in between, by item."""
    return {
        i.position: j.cancelled_quantity - i.cancelled_quantity for i, j in zip(before.items, after.items, strict=True)
    }


@some
@given(days())
def test_all_is_as_the_source_tells_unless_it_leads_back(both: tuple[NewOrder, NewOrder]) -> None:
    first, second = both

    done = update(known(first), second)

    codes = {note.code for note in done.notes}
    assume(not codes & {ImportNoteCode.NOT_TAKEN_OVER, ImportNoteCode.CANCELLED_HERE_ONLY})
    assert live_units(done.after.packages, by_number=True) == live_units(second.packages, by_number=True)


@some
@given(days(), st.data())
def test_where_as_many_are_cancelled_here_as_there_all_else_is_as_the_source_tells(
    both: tuple[NewOrder, NewOrder], data: st.DataObject
) -> None:
    """Whichever packages they were cancelled in."""
    first, second = both
    here = data.draw(cancelled_here(stored(first)))

    done = update(known(first, order=here), second)

    codes = {note.code for note in done.notes}
    assume(not codes & {ImportNoteCode.NOT_TAKEN_OVER, ImportNoteCode.CANCELLED_HERE_ONLY})
    assert live_units(done.after.packages, by_number=True) == live_units(second.packages, by_number=True)


@some
@given(st.lists(any_days(), min_size=2, max_size=4))
def test_no_unit_that_has_shipped_goes_back(several: list[NewOrder]) -> None:
    """Whatever the source tells, and in whatever order packages swap their units."""
    first, *others = several
    last = known(first)
    for other in others:
        done = update(last, other)
        for status in SHIPPED:
            before, after = (units_from(status, order) for order in (last.order, done.after))
            assert before - after <= Counter(gone_since(last.order, done.after))
        assert done.after.status == order_status(done.after.status, done.after.packages)
        last = Known(done.after, done.told, None)


@some
@given(days(), st.data())
def test_units_and_money_are_conserved(both: tuple[NewOrder, NewOrder], data: st.DataObject) -> None:
    first, second = both
    here = data.draw(acts_here(stored(first)))

    done = update(known(first, order=here), second).after

    held, gone = Counter[int](), Counter[int]()
    for package, packed in done.package_items():
        held[packed.item] += packed.quantity
        gone[packed.item] += packed.cancelled_quantity
        assert 0 <= packed.cancelled_quantity <= packed.quantity
        assert packed.quantity
        assert package.is_live or package.status is PackageStatus.CANCELLED
    told_gone = {item.position: item.cancelled_quantity for item in second.items}
    was_gone = {item.position: item.cancelled_quantity for item in here.items}
    assert held == {item.position: item.quantity for item in here.items}
    assert +gone == +Counter({item: max(was_gone[item], told_gone[item]) for item in held})
    assert {item.position: item.cancelled_quantity for item in done.items} == {item: gone[item] for item in held}
    assert done.refunded + done.taken_off == due(done, done.shipping_refund_policy)
    assert len({package.number for package in done.packages}) == len(done.packages)


@some
@given(days(), st.data())
def test_what_is_told_twice_is_done_once(both: tuple[NewOrder, NewOrder], data: st.DataObject) -> None:
    first, second = both
    here = data.draw(acts_here(stored(first)))
    done = update(known(first, order=here), second)
    later = data.draw(acts_here(done.after))

    again = update(Known(later, done.told, None), second)

    assert again.acts == ()
    assert again.after == later
    assert {note.code for note in again.notes} <= {ImportNoteCode.CANCELLED_HERE_ONLY}


@some
@given(days(), st.data())
def test_no_package_goes_back_but_to_awaiting_shipment(both: tuple[NewOrder, NewOrder], data: st.DataObject) -> None:
    first, second = both
    here = data.draw(acts_here(stored(first)))

    done = update(known(first, order=here), second)

    steps = {
        (act.before, act.after)
        for act in done.acts
        if isinstance(act, PackageMoved) and RANK[act.after] < RANK[act.before]
    }
    back = (PackageStatus.AWAITING_COLLECTION, PackageStatus.AWAITING_SHIPMENT)
    assert steps <= {back, *((PackageStatus.CANCELLED, status) for status in LIVE)}


@some
@given(days(), st.data())
def test_the_acts_say_all_that_is_done(both: tuple[NewOrder, NewOrder], data: st.DataObject) -> None:
    """Each act starts where the one before it ended, and the version rises with each that is not only a consequence."""
    first, second = both
    here = data.draw(acts_here(stored(first)))

    done = update(known(first, order=here), second)

    statuses = {package.position: package.status for package in here.packages}
    raises = 0
    for act in done.acts:
        match act:
            case CancelledThere():
                statuses |= {package.position: package.status for package in act.plan.ended_packages}
                raises += 1
            case Repacked():
                statuses.setdefault(act.new_package, PackageStatus.AWAITING_SHIPMENT)
                raises += 1
            case PackageMoved():
                assert statuses[act.package] in (act.before, PackageStatus.AWAITING_SHIPMENT)
                statuses[act.package] = act.after
                raises += act.after is not PackageStatus.CANCELLED
    assert {package.position for package in done.after.packages} == {*statuses}
    assert raises <= done.after.version - here.version <= raises + 1
