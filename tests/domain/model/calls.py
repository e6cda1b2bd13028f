"""Generated orders and calls for the model, most of them valid, so that histories go on."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from tests.domain.model.rules import (
    DIGITS,
    ORDER_WAYS,
    PACKAGE_WAYS,
    SET_ON_ORDER,
    Call,
    Entry,
    Item,
    Order,
    Package,
    amount,
    cancellable,
    why_not,
)
from tests.domain.model.shop import Model

# One of these package numbers is a prefix of others, and one is what a split would name its new package.
PACKAGES = ("A", "A-2", "A-10", "B")
MOST_ORDERS = 4
UNKNOWN = "unknown"

amounts = st.one_of(st.integers(0, 9), st.integers(0, 9_999), st.integers(0, 10**12))
reasons = st.sampled_from(("OUT_OF_STOCK", "OUT_OF_STOCK", "PRICING_ERROR", "BUYER_REQUESTED", "OTHER"))
package_statuses = st.sampled_from(
    (
        *["AWAITING_SHIPMENT"] * 4,
        *["AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED"] * 2,
        "CANCELLED",
    )
)
shipped = st.sampled_from(("IN_TRANSIT", "DELIVERED"))
order_statuses = st.sampled_from(
    (
        *["AWAITING_SHIPMENT"] * 3,
        *["UNPAID", "ON_HOLD"] * 2,
        *["COMPLETED", "CANCELLED", "PARTIALLY_SHIPPING", "IN_TRANSIT"],
    )
)
carriers = st.sampled_from((None, "Swift"))
is_live = st.sampled_from((*[True] * 9, False))
is_right = st.sampled_from((True, True, True, False))


@st.composite
def items(draw: st.DrawFn) -> Item:
    subtotal = draw(amounts)
    seller_discount = draw(st.integers(0, subtotal // draw(st.integers(1, 9))))
    platform_discount = draw(st.integers(0, subtotal - seller_discount))
    return Item(draw(st.integers(1, 8)), subtotal, seller_discount, platform_discount, draw(amounts))


@st.composite
def orders(draw: st.DrawFn, number: str) -> Order:
    """Up to three items in up to three packages, or without packages."""
    lines = draw(st.lists(items(), min_size=1, max_size=3))
    numbers = draw(st.permutations(PACKAGES))[: draw(st.integers(0, 3))]
    statuses = draw(st.sampled_from((package_statuses, package_statuses, shipped)))
    packages = {each: Package(draw(statuses), carrier=draw(carriers)) for each in numbers}
    for item, line in enumerate(lines if packages else ()):
        for _ in range(line.quantity):
            package = packages[draw(st.sampled_from(numbers))]
            (package.live if draw(is_live) else package.gone)[item] += 1
    return Order(
        number=number,
        set_to=draw(order_statuses),
        currency=draw(st.sampled_from(tuple(DIGITS))),
        prices_include_tax=draw(st.booleans()),
        has_address=draw(is_right),
        paid_at=draw(st.sampled_from((0, None))),
        items=lines,
        packages={each: package for each, package in packages.items() if package.live or package.gone},
        shipping_fee=draw(amounts),
        shipping_tax=draw(amounts),
        fees=draw(st.lists(st.tuples(st.sampled_from(("SMALL_ORDER", "HANDLING", "OTHER")), amounts), max_size=2)),
        is_collected=not draw(is_right),
    )


@st.composite
def open_orders(draw: st.DrawFn, model: Model) -> Order:
    """An order whose units can all be cancelled by item."""
    order = draw(orders(str(len(model.given) + 1)))
    packages = {number: replace(package, status="AWAITING_SHIPMENT") for number, package in order.packages.items()}
    return replace(order, set_to="AWAITING_SHIPMENT", packages=packages)


@st.composite
def arrivals(draw: st.DrawFn, model: Model) -> tuple[Order, int]:
    """A new order, a known one as it was, or another one under its number; how far its total is from its parts' sum."""
    known = sorted(model.given)
    number = str(len(known) + 1)
    if len(known) < MOST_ORDERS and draw(is_right):
        return draw(orders(number)), draw(st.sampled_from((0, 0, 0, 1)))
    number = draw(st.sampled_from(known))
    as_it_was = st.just(model.given[number])
    others = sorted(DIGITS.keys() - {model.given[number].currency})
    another = orders(number).map(lambda order: replace(order, currency=others[0]))
    return draw(st.one_of(as_it_was, with_wrong_units(model.given[number]), another)), 0


@st.composite
def with_wrong_units(draw: st.DrawFn, given: Order) -> Order:
    """The order with one unit too many or too few in a package; unchanged if it has no package with live units."""
    order = deepcopy(given)
    if places := sorted(number for number, package in order.packages.items() if package.live):
        live = order.packages[draw(st.sampled_from(places))].live
        item = draw(st.sampled_from(sorted(live)))
        live[item] = draw(st.sampled_from([units for units in (live[item] + 1, live[item] - 1) if units]))
    return order


@st.composite
def selections(draw: st.DrawFn, model: Model) -> Call:
    """A selection and a reason, valid or not."""
    order = draw(st.sampled_from(in_turn(model)))
    scope = draw(st.sampled_from(("ITEMS", "ITEMS", "ITEMS", "PACKAGE", "ORDER")))
    package = draw(st.sampled_from((*order.packages, UNKNOWN))) if scope == "PACKAGE" else None
    places = st.sampled_from((None, None, *order.packages, UNKNOWN))
    items_of = st.sampled_from((*range(len(order.items)), *range(len(order.items)), len(order.items)))
    entries = st.lists(st.tuples(items_of, st.integers(0, 6), places), max_size=4)
    return Call(scope, order.number, tuple(draw(entries)) if scope == "ITEMS" else (), package, draw(reasons))


@st.composite
def right_selections(draw: st.DrawFn, model: Model) -> Call:
    """A valid selection, if there is any: mostly units of items, because cancelling an order ends its history."""
    places = right_places(model)
    if draw(st.integers(0, 9)) and places:
        number = draw(st.sampled_from([place[0] for place in places]))
        order = model.orders[number]
        of_order = st.permutations([(item, package) for its, item, package in places if its == number])
        chosen, most = draw(of_order), draw(st.integers(1, 2))
        item, place = chosen[0]
        elsewhere = cancellable(order, item) - cancellable(order, item, place)
        if draw(st.booleans()) and elsewhere:
            # All of one package and some of the others: there is only enough if the entry that names it goes first.
            rest = (item, draw(st.integers(1, elsewhere)), None)
            return Call("ITEMS", number, (rest, (item, cancellable(order, item, place), place)))
        units = [(item, draw(st.integers(1, min(3, cancellable(order, item, at)))), at) for item, at in chosen[:most]]
        if draw(st.booleans()) and len({item for item, *_ in units}) == len(units):
            return Call("ITEMS", number, tuple((item, quantity, None) for item, quantity, _ in units))
        return Call("ITEMS", number, tuple(units))
    whole = [
        (order.number, package)
        for order in model.orders.values()
        for package in (*sorted(order.packages), None)
        if not why_not(order, [order.packages[package]] if package else list(order.packages.values()))
    ]
    if not whole:
        return draw(selections(model))
    number, package = draw(st.sampled_from(whole))
    return Call("PACKAGE" if package else "ORDER", number, package=package, reason=draw(reasons))


@st.composite
def right_calls(draw: st.DrawFn, model: Model) -> tuple[str, Call]:
    """A valid selection with an unused key, or a refused call's, and with right expectations or none."""
    call = draw(right_selections(model))
    refund = total_of(model, call)
    version = model.orders[call.number].version
    return f"key-{len(model.cancellations)}", replace(
        call,
        note=draw(st.sampled_from((None, "Shelf is empty."))),
        version=draw(st.sampled_from((None, version))),
        refund=draw(st.sampled_from((None, refund, refund * Decimal("1.0")))),
    )


@st.composite
def calls(draw: st.DrawFn, model: Model) -> tuple[str, Call]:
    """A call, often with something wrong in the selection or beside it."""
    key, right = draw(right_calls(model))
    version, refund = model.orders[right.number].version, total_of(model, right)
    wrong = (
        (key, replace(right, version=version + 1)),
        (key, replace(right, refund=refund + 1)),
        (key, replace(right, version=version - 1, refund=refund + Decimal("0.0001"))),
        (key, replace(right, reason="OTHER", note="x" * 2001)),
        ("", replace(right, note="\0")),
        ("a key", right),
        ("k" * 256, right),
    )
    selected = draw(selections(model))
    return draw(st.sampled_from((*[(key, right)] * 8, *wrong, *[(key, selected)] * 8)))


def total_of(model: Model, call: Call) -> Decimal:
    """What the call refunds, or an arbitrary amount if it is refused."""
    _, refund = model.preview(call)
    return amount(refund.total if refund else 1, model.orders[call.number].currency)


@st.composite
def calls_again(draw: st.DrawFn, model: Model) -> tuple[str, Call]:
    """A used key with its own request, the same with more zeros, or another one."""
    key = draw(st.sampled_from(sorted(model.cancellations)))
    call = model.cancellations[key].call
    same = (call, replace(call, refund=None if call.refund is None else call.refund + Decimal("0.0000")))
    others = (
        replace(call, reason="OTHER" if call.reason == "OUT_OF_STOCK" else "OUT_OF_STOCK"),
        replace(call, note="Another note."),
        replace(call, version=(call.version or 0) + 1),
        replace(call, refund=(call.refund or 0) + Decimal(1)),
        replace(call, scope="ITEMS", entries=(*call.entries, (0, 1, None))),
    )
    return key, draw(st.sampled_from((*same, *same, *others)))


@st.composite
def package_moves(draw: st.DrawFn, model: Model) -> tuple[Order, str, str, str | None]:
    """A package, a status (mostly one that it may move to) and a carrier."""
    places = [(order, number) for order in in_turn(model) for number in sorted(order.packages)]
    right = [
        (order, number, to)
        for order, number in places
        for start, to in sorted(PACKAGE_WAYS)
        if start == order.packages[number].status and order.status not in SET_ON_ORDER
    ]
    statuses = ("AWAITING_SHIPMENT", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "CANCELLED")
    wrong = [(order, number, to) for order, number in [*places, (places[0][0], UNKNOWN)] for to in statuses]
    choices = right if draw(is_right) and right else wrong
    order, number, to = draw(st.sampled_from(choices))
    return order, number, to, draw(st.sampled_from((None, None, "Brisk", "")))


@st.composite
def order_moves(draw: st.DrawFn, model: Model) -> tuple[Order, str]:
    """An order and a status, mostly one that it may move to."""
    right = [(order, to) for order in in_turn(model) for start, to in sorted(ORDER_WAYS) if start == order.status]
    statuses = ("AWAITING_SHIPMENT", "ON_HOLD", "UNPAID", "COMPLETED", "CANCELLED", "DELIVERED")
    choices = right if draw(is_right) and right else [(order, to) for order in in_turn(model) for to in statuses]
    return draw(st.sampled_from(choices))


@st.composite
def splits(draw: st.DrawFn, model: Model) -> tuple[Order, str, tuple[Entry, ...]]:
    """A package and units to split off, mostly ones that it has, counting cancelled ones now and then."""
    places = right_places(model)
    if draw(is_right) and places:
        number, item, package = draw(st.sampled_from(places))
        order = model.orders[number]
        held = order.packages[package]
        most = (
            max(1, min(held.live[item], held.live.total() - 1)) if draw(is_right) else held.live[item] + held.gone[item]
        )
        return order, package, ((item, draw(st.integers(1, most)), None),)
    order = draw(st.sampled_from(in_turn(model)))
    package = draw(st.sampled_from((*sorted(order.packages), UNKNOWN)))
    entry = st.tuples(st.integers(0, len(order.items)), st.integers(0, 6), st.none())
    return order, package, tuple(draw(st.lists(entry, max_size=3)))


def in_turn(model: Model) -> list[Order]:
    return [model.orders[number] for number in sorted(model.orders)]


def right_places(model: Model) -> list[tuple[str, int, str]]:
    """Every (order, item, package) with units that can be cancelled by item."""
    return [
        (number, item, package)
        for number, order in sorted(model.orders.items())
        for item in range(len(order.items))
        for package in sorted(order.packages)
        if cancellable(order, item, package)
    ]
