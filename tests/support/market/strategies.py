"""Strategies for marketplace orders: as they are at one time, and as they are later."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.support.market.orders import (
    AWAITING_COLLECTION,
    AWAITING_SHIPMENT,
    DELIVERED,
    FEES,
    IN_TRANSIT,
    MARKETS,
    STAGES,
    Market,
    MarketOrder,
    Shape,
    Unit,
)

REASONS = ("No longer needed", "Out of stock", "Pricing error", "Unable to deliver to the address", "Other", "")
WHO = ("BUYER", "SELLER", "SYSTEM", "")
_SKUS = ("7001", "7002", "7003")
_PACKAGES = ("8001", "8002", "8003")

shapes = st.builds(
    Shape,
    ids=st.sampled_from(("text", "number")),
    amounts=st.sampled_from(("text", "short", "number")),
    times=st.sampled_from(("seconds", "milliseconds", "text")),
    missing=st.sampled_from(("absent", "null", "empty")),
    words=st.sampled_from(("both", "display", "package", "lagging package", "lagging display")),
    is_spaced=st.booleans(),
)


@st.composite
def priced_units(draw: st.DrawFn, market: Market) -> list[Unit]:
    """Units of up to three SKUs; those of one SKU are paid alike, but for a cent of rounding or a free one."""
    units: list[Unit] = []
    whole = 10**market.digits
    for sku in _SKUS[: draw(st.integers(1, 3))]:
        price = draw(st.sampled_from((1, whole // 10 or 1, whole, whole * 50))) * draw(st.integers(1, 999))
        seller = draw(st.integers(0, price) | st.just(0))
        platform = draw(st.integers(0, price - seller) | st.just(0))
        deposit = draw(st.sampled_from((0, 25))) if market.region == "DE" else 0
        unit = Unit(sku, price, seller, platform, deposit=deposit)
        entries = [unit] * draw(st.integers(1, 3))
        match draw(st.sampled_from(("alike", "alike", "rounded", "free", "gift"))):
            case "rounded" if seller:
                entries.append(replace(unit, seller_discount=seller - 1))
            case "free":
                entries.append(replace(unit, seller_discount=price, platform_discount=0))
            case "gift":
                entries.append(replace(unit, seller_discount=price, platform_discount=0, is_gift=True))
            case _:
                pass
        units += entries
    if market.has_tax_on_top:
        units = [replace(unit, tax=draw(st.integers(0, unit.price // 5))) for unit in units]
    return draw(st.permutations(units))


@st.composite
def placed_units(draw: st.DrawFn, market: Market, *, is_open: bool) -> tuple[Unit, ...]:
    """The units in packages, each package at its stage; `is_open`: none has shipped, and none is cancelled."""
    stages = st.just(AWAITING_SHIPMENT) if is_open else st.sampled_from(STAGES)
    packages = {number: draw(stages) for number in _PACKAGES[: draw(st.integers(1, 3))]}
    placed = []
    for unit in draw(priced_units(market)):
        number = draw(st.sampled_from(sorted(packages)))
        is_named = market.names_packages or (packages[number] in {IN_TRANSIT, DELIVERED} and draw(st.booleans()))
        gone = not is_open and draw(st.integers(0, 4)) == 0
        placed.append(
            replace(
                unit,
                package=number if is_named else None,
                stage=packages[number],
                is_cancelled=gone,
                cancelled_by=draw(st.sampled_from(WHO)) if gone else "",
                cancelled_why=draw(st.sampled_from(REASONS)) if gone else "",
            )
        )
    return tuple(placed)


@st.composite
def market_orders(draw: st.DrawFn, number: str = "9001", *, is_open: bool = False) -> MarketOrder:
    """An order as it may be told first; `is_open`: nothing of it has shipped or is cancelled."""
    market = draw(st.sampled_from(MARKETS))
    units = draw(placed_units(market, is_open=is_open))
    stages = {unit.stage for unit in units if not unit.is_cancelled}
    set_to = None
    if stages == {AWAITING_SHIPMENT}:
        set_to = draw(st.sampled_from((None, None, None, "UNPAID", "ON_HOLD")))
    elif stages == {DELIVERED}:
        set_to = draw(st.sampled_from((None, "COMPLETED")))
    is_cod = not market.has_tax_on_top and set_to != "UNPAID" and draw(st.integers(0, 3)) == 0
    order = MarketOrder(
        number=number,
        market=market,
        units=units,
        set_to=set_to,
        is_cod=is_cod,
        paid_at=None if set_to == "UNPAID" or (is_cod and draw(st.booleans())) else 1_790_007_060,
        ship_by=draw(st.sampled_from((None, 1_790_179_800))),
        shipping_fee=draw(st.sampled_from((0, 499, 10_000))),
    )
    was_never_paid: bool = not stages and draw(st.booleans())
    return draw(_with_charges(replace(order, paid_at=None) if was_never_paid else order))


@st.composite
def _with_charges(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    has_deposits = any(unit.deposit for unit in order.units)
    known = [name for name in FEES if not (has_deposits and name == "pfand_fee")]
    fees = draw(st.dictionaries(st.sampled_from(known), st.integers(1, 999), max_size=3))
    shipping_tax = draw(st.integers(0, order.shipping_fee // 5))
    included = 0 if order.market.has_tax_on_top else draw(st.just(0) | st.integers(0, order.products // 5))
    discounts = st.just(0) if has_deposits else st.just(0) | st.integers(0, order.products)
    return replace(
        order,
        fees=tuple(fees.items()),
        shipping_tax=shipping_tax,
        included_tax=included,
        payment_discount=draw(discounts),
    )


# What may happen to an order at the marketplace; each gives the order itself where it cannot.


@st.composite
def later(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """The order after one or two things have happened there; its units and what they cost stay."""
    for _ in range(draw(st.integers(1, 2))):
        happens = draw(st.sampled_from(HAPPENINGS))
        order = draw(happens(order))
    return replace(order, updated_at=(order.updated_at or 0) + draw(st.sampled_from((0, 60))))


@st.composite
def moved_on(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """A package is a few steps further; units without a package may go one by one, and may get one now."""
    places = [place for place, unit in enumerate(order.units) if not unit.is_cancelled and unit.stage != DELIVERED]
    if not places or order.set_to:
        return order
    chosen = order.units[draw(st.sampled_from(places))]
    stage = draw(st.sampled_from(STAGES[STAGES.index(chosen.stage) + 1 :]))
    number = chosen.package
    if number is None and draw(st.booleans()):
        number = draw(st.sampled_from([each for each in _PACKAGES if each not in packages_of(order)] or ["8011"]))
    alike = [
        place
        for place, unit in enumerate(order.units)
        if not unit.is_cancelled and (unit.package, unit.stage) == (chosen.package, chosen.stage)
    ]
    if chosen.package is None:
        alike = alike[: draw(st.integers(1, len(alike)))]
    carrier, tracking = draw(st.sampled_from((("", ""), ("Swift", "TRK-1"))))
    return order.with_units(
        {
            place: replace(order.units[place], stage=stage, package=number, carrier=carrier, tracking_number=tracking)
            for place in alike
        }
    )


@st.composite
def moved_back(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """A package that awaited collection awaits shipment again."""
    packages = sorted({unit.package for unit in order.live if unit.package and unit.stage == AWAITING_COLLECTION})
    if not packages or order.set_to:
        return order
    number = draw(st.sampled_from(packages))
    return order.with_units(
        {
            place: replace(unit, stage=AWAITING_SHIPMENT)
            for place, unit in enumerate(order.units)
            if unit.package == number and not unit.is_cancelled
        }
    )


@st.composite
def cancelled(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """Some units that have not shipped are cancelled, or all of them."""
    places = [
        place
        for place, unit in enumerate(order.units)
        if not unit.is_cancelled and unit.stage in {AWAITING_SHIPMENT, AWAITING_COLLECTION}
    ]
    if not places:
        return order
    gone = draw(st.just(places) | st.lists(st.sampled_from(places), min_size=1, max_size=2, unique=True))
    who, why = draw(st.sampled_from(WHO)), draw(st.sampled_from(REASONS))
    order = order.with_units(
        {place: replace(order.units[place], is_cancelled=True, cancelled_by=who, cancelled_why=why) for place in gone}
    )
    return order if order.live else replace(order, set_to=None)


@st.composite
def repacked(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """A unit that has not shipped is in another package of the same stage."""
    places = [
        place for place, unit in enumerate(order.units) if not unit.is_cancelled and unit.stage == AWAITING_SHIPMENT
    ]
    if not places or order.set_to or not order.market.names_packages:
        return order
    place = draw(st.sampled_from(places))
    taken = {unit.package for unit in order.units if unit.stage != AWAITING_SHIPMENT or unit.is_cancelled}
    free = [number for number in (*_PACKAGES, "8009") if number not in taken]
    return order.with_units({place: replace(order.units[place], package=draw(st.sampled_from(free or ["8010"])))})


@st.composite
def set_otherwise(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """Held, released, paid or completed."""
    stages = {unit.stage for unit in order.live}
    if order.set_to == "UNPAID":
        to = draw(st.sampled_from((None, "ON_HOLD")))
        return replace(order, set_to=to, paid_at=1_790_020_000)
    if order.is_cod and order.paid_at is None and draw(st.booleans()):
        return replace(order, paid_at=1_790_030_000)
    if order.set_to == "ON_HOLD":
        return replace(order, set_to=None)
    if stages == {AWAITING_SHIPMENT}:
        return replace(order, set_to="ON_HOLD")
    return replace(order, set_to="COMPLETED") if stages == {DELIVERED} else order


@st.composite
def detailed(draw: st.DrawFn, order: MarketOrder) -> MarketOrder:
    """Another buyer's contact or ship-by, a masked or empty one among them."""
    return replace(
        order,
        name=draw(st.sampled_from((order.name, "Bea Buyer", "B** B***", ""))),
        email=draw(st.sampled_from((order.email, "bea@example.com", "b***@example.com", ""))),
        ship_by=draw(st.sampled_from((order.ship_by, 1_790_199_999))),
    )


HAPPENINGS = (moved_on, moved_on, moved_on, moved_back, cancelled, cancelled, repacked, set_otherwise, detailed)


def packages_of(order: MarketOrder) -> set[str]:
    return {unit.package for unit in order.units if unit.package}
