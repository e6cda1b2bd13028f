"""Strategies for consistent orders of every shape, and for cancelling them step by step."""

from itertools import pairwise

from hypothesis import strategies as st

from domain.rules.order import Fee, Order, OrderItem, Pick
from domain.rules.vocabulary import FeeKind, OrderStatus, PackageStatus, ShippingRefundPolicy
from tests.support.builders import a_package, an_item, an_order

MOST = 10**15 - 1

amounts = st.one_of(st.just(0), st.integers(0, 9), st.integers(0, 9_999), st.integers(0, MOST))
units = st.one_of(st.integers(0, 3), st.integers(0, 250_000))
fees = st.lists(st.builds(Fee, st.sampled_from(FeeKind), amounts), max_size=3).map(tuple)
policies = st.sampled_from(ShippingRefundPolicy)
not_shipped = st.sampled_from((PackageStatus.AWAITING_SHIPMENT, PackageStatus.AWAITING_COLLECTION))


@st.composite
def an_item_of(draw: st.DrawFn, position: int, quantity: int) -> OrderItem:
    subtotal = draw(amounts)
    seller_discount = draw(st.integers(0, subtotal))
    platform_discount = draw(st.integers(0, subtotal - seller_discount))
    return an_item(
        position,
        quantity=quantity,
        subtotal=subtotal,
        seller_discount=seller_discount,
        platform_discount=platform_discount,
        tax=draw(amounts),
    )


@st.composite
def orders(
    draw: st.DrawFn,
    statuses: st.SearchStrategy[PackageStatus] = st.sampled_from(PackageStatus),  # noqa: B008 strategies are values
    cancelled: st.SearchStrategy[int] = units,
    policy: st.SearchStrategy[ShippingRefundPolicy] = policies,
) -> Order:
    """Up to three items in up to four packages; `cancelled` limits the cancelled units of each package item."""
    numbers = draw(st.permutations(("1001-1", "1001-10", "1001-2", "1001-21")))[: draw(st.integers(1, 4))]
    held: dict[int, dict[int, int]] = {}
    for item in range(1, draw(st.integers(1, 3)) + 1):
        places = [draw(units) for _ in numbers]
        held[item] = dict(enumerate(places if any(places) else [1, *places[1:]]))
    packages = tuple(
        a_package(
            place + 1,
            draw(statuses),
            units=(here := {item: places[place] for item, places in held.items() if places[place]}),
            cancelled={item: min(draw(cancelled), quantity) for item, quantity in here.items()},
            number=number,
        )
        for place, number in enumerate(numbers)
    )
    return an_order(
        *(draw(an_item_of(item, sum(places.values()))) for item, places in held.items()),
        packages=tuple(package for package in packages if package.items),
        status=draw(st.sampled_from((*[None] * 6, OrderStatus.UNPAID, OrderStatus.ON_HOLD))),
        policy=draw(policy),
        currency=draw(st.sampled_from(("JPY", "USD", "KWD"))),
        prices_include_tax=draw(st.booleans()),
        shipping_fee=draw(amounts),
        shipping_tax=draw(amounts),
        fees=draw(fees),
        is_paid=draw(st.booleans()),
    )


@st.composite
def parts_of(draw: st.DrawFn, order: Order) -> list[Pick]:
    """Some live units of an order, at most one pick per package item."""
    return [
        Pick(packed.item, package.position, quantity)
        for package, packed in order.package_items()
        if (quantity := draw(st.integers(0, packed.live_quantity)))
    ]


def all_of(order: Order) -> list[Pick]:
    return [
        Pick(packed.item, package.position, packed.live_quantity)
        for package, packed in order.package_items()
        if packed.live_quantity
    ]


@st.composite
def batches_of(draw: st.DrawFn, picks: list[Pick]) -> list[list[Pick]]:
    """The same units as smaller picks, in any order and any batches."""
    pieces = []
    for pick in picks:
        cuts = sorted(draw(st.sets(st.integers(1, pick.quantity), max_size=3)) | {0, pick.quantity})
        pieces += [Pick(pick.item, pick.package, end - start) for start, end in pairwise(cuts)]
    pieces = draw(st.permutations(pieces))
    ends = sorted(draw(st.sets(st.integers(0, len(pieces)), max_size=4)) | {0, len(pieces)})
    return [pieces[start:end] for start, end in pairwise(ends)]
