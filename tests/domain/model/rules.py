"""The rules for one order (docs/rules.md), written a second time in plain values and functions, without the domain.

Statuses, reasons and codes are the schema's words. Items go by index, packages by number, and times are in hours. A
refusal is its code, its path and any details, such as "QUANTITY_EXCEEDED items/0/quantity 2".
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import floor

DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}
BLOCKED = {"UNPAID", "ON_HOLD"}
SET_ON_ORDER = {*BLOCKED, "COMPLETED"}
SHIPPED = {"IN_TRANSIT", "DELIVERED"}
PACKAGE_WAYS = {
    ("AWAITING_SHIPMENT", "AWAITING_COLLECTION"),
    ("AWAITING_COLLECTION", "AWAITING_SHIPMENT"),
    ("AWAITING_COLLECTION", "IN_TRANSIT"),
    ("IN_TRANSIT", "DELIVERED"),
}
ORDER_WAYS = {
    ("UNPAID", "ON_HOLD"),
    ("UNPAID", "AWAITING_SHIPMENT"),
    ("ON_HOLD", "AWAITING_SHIPMENT"),
    ("AWAITING_SHIPMENT", "ON_HOLD"),
    ("DELIVERED", "COMPLETED"),
}

Entry = tuple[int, int, str | None]  # item, quantity, package
Pick = tuple[int, str, int]  # item, package, quantity


@dataclass(frozen=True)
class Item:
    quantity: int
    subtotal: int
    seller_discount: int
    platform_discount: int
    tax: int


@dataclass
class Package:
    status: str
    live: Counter[int] = field(default_factory=Counter)
    gone: Counter[int] = field(default_factory=Counter)
    carrier: str | None = None

    def holds(self, item: int) -> bool:
        return self.live[item] + self.gone[item] > 0


@dataclass
class Order:
    """An order as imported, then as it is now; `set_to` is the status that it came with or was set to."""

    number: str
    set_to: str
    currency: str
    prices_include_tax: bool
    has_address: bool
    paid_at: int | None
    items: list[Item]
    packages: dict[str, Package]
    shipping_fee: int
    shipping_tax: int
    fees: list[tuple[str, int]]
    is_collected: bool = False
    is_paid: bool = True
    version: int = 1
    refunded: int = 0
    taken_off: int = 0
    updated_at: int = 0

    @property
    def status(self) -> str:
        live = {package.status for package in self.packages.values() if package.live.total()}
        if not live:
            return "CANCELLED"
        if self.set_to in SET_ON_ORDER:
            return self.set_to
        if len(live) == 1:
            return min(live)
        return "IN_TRANSIT" if live == SHIPPED else "PARTIALLY_SHIPPING"

    def give_back(self, amount: int, *, always_takes_off: bool = False) -> None:
        """What was paid is refunded, what was not is taken off."""
        if self.is_paid and not always_takes_off:
            self.refunded += amount
        else:
            self.taken_off += amount

    def charges(self) -> list[tuple[str, int]]:
        return [("SHIPPING_FEE", self.shipping_fee), ("SHIPPING_TAX", self.shipping_tax), *self.fees]

    def gone(self) -> Counter[int]:
        return sum((package.gone for package in self.packages.values()), Counter())

    def statuses(self) -> dict[str, str]:
        """Keyed by the words of their events: the packages by number, then the order."""
        packages = {
            f"PACKAGE_STATUS_CHANGED {number}": self.packages[number].status for number in sorted(self.packages)
        }
        return packages | {"ORDER_STATUS_CHANGED": self.status}


@dataclass(frozen=True)
class Call:
    """A request to cancel, without its key: equal calls are the same request."""

    scope: str
    number: str
    entries: tuple[Entry, ...] = ()
    package: str | None = None
    reason: str = "OUT_OF_STOCK"
    note: str | None = None
    version: int | None = None
    refund: Decimal | None = None


@dataclass
class Refund:
    """A line's amounts are subtotal, both discounts, tax and total; `charges` has only those that come back."""

    lines: list[tuple[Pick, list[int]]]
    charges: list[tuple[str, int]]
    total: int


# Money


def amount(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-DIGITS[currency])


def part(of: int, units: int, whole: int) -> int:
    return floor(Fraction(of * units, whole) + Fraction(1, 2))


def worth(order: Order, item: int, units: int) -> list[int]:
    """Subtotal, seller's and platform's discount, tax and price paid, for the first `units` units."""
    line = order.items[item]
    steps = [line.subtotal, line.subtotal - line.seller_discount]
    steps.append(steps[1] - line.platform_discount)
    full, less_seller, net, tax = (part(amount, units, line.quantity) for amount in (*steps, line.tax))
    return [full, full - less_seller, less_seller - net, tax, net if order.prices_include_tax else net + tax]


def charges(order: Order, policy: str, gone: Counter[int]) -> list[int]:
    """How much of shipping, its tax and each fee is owed in total once these units are gone."""
    amounts = [amount for _, amount in order.charges()]
    lines = sum(worth(order, item, line.quantity)[-1] for item, line in enumerate(order.items))
    if policy == "PROPORTIONAL" and lines:
        back = sum(worth(order, item, gone[item])[-1] for item in range(len(order.items)))
        return [part(amount, back, lines) for amount in amounts]
    is_over = gone.total() == sum(line.quantity for line in order.items)
    return amounts if is_over and policy != "NEVER" else [0] * len(amounts)


def total(order: Order, back: list[int], lines: list[int]) -> int:
    return sum(lines) + sum(back) - (back[1] if order.prices_include_tax else 0)


def paid(order: Order) -> int:
    lines = [worth(order, item, line.quantity)[-1] for item, line in enumerate(order.items)]
    return total(order, [amount for _, amount in order.charges()], lines)


def refund(order: Order, policy: str, picks: list[Pick], gone: Counter[int]) -> Refund:
    """The refund for these units, after those already `gone`."""
    before, gone, lines = charges(order, policy, gone), gone.copy(), []
    for item, number, quantity in picks:
        steps = zip(worth(order, item, gone[item]), worth(order, item, gone[item] + quantity), strict=True)
        lines.append(((item, number, quantity), [end - start for start, end in steps]))
        gone[item] += quantity
    back = [end - start for start, end in zip(before, charges(order, policy, gone), strict=True)]
    names = [name for name, _ in order.charges()]
    given = [(name, amount) for name, amount in zip(names, back, strict=True) if amount]
    return Refund(lines, given, total(order, back, [amounts[-1] for _, amounts in lines]))


# What may be cancelled


def why_not(order: Order, packages: list[Package], *, item: int | None = None) -> str:
    """Empty if the packages can be cancelled: some units of the item, or without one, all of their contents."""
    live = {each.status for each in packages if (each.live.total() if item is None else each.live[item])}
    if not live:
        return "ALREADY_CANCELLED"
    if order.set_to in BLOCKED:
        return order.set_to
    if "AWAITING_SHIPMENT" in live if item is not None else not live & SHIPPED:
        return ""
    return "SHIPPED" if live & SHIPPED else "AWAITING_COLLECTION"


def cancellable(order: Order, item: int, number: str | None = None) -> int:
    places = [order.packages[number]] if number else order.packages.values()
    units = sum(each.live[item] for each in places if each.status == "AWAITING_SHIPMENT")
    return 0 if order.set_to in BLOCKED else units


def verdicts(order: Order) -> list[tuple[int, str]]:
    """How many units can be cancelled, or why none: for each item, each package with its items, and the order."""
    packages = [(number, order.packages[number]) for number in sorted(order.packages)]
    everything = [package for _, package in packages]
    found = [(cancellable(order, item), why_not(order, everything, item=item)) for item in range(len(order.items))]
    for number, package in packages:
        why = why_not(order, [package])
        found.append((0 if why else package.live.total(), why))
        held = [item for item in range(len(order.items)) if package.holds(item)]
        found += [(cancellable(order, item, number), why_not(order, [package], item=item)) for item in held]
    why = why_not(order, everything)
    return [*found, (0 if why else sum(package.live.total() for package in everything), why)]


def judge(order: Order | None, call: Call) -> tuple[list[str], list[Pick]]:
    """Every refusal of the selection or, without one, its units by item, then by package number."""
    refusals: list[str] = []
    picks: list[Pick] = []
    if order is None:
        refusals.append("PACKAGE_NOT_FOUND packageId" if call.scope == "PACKAGE" else "ORDER_NOT_FOUND orderId")
    if call.scope == "ITEMS" and not call.entries:
        refusals.append("EMPTY_SELECTION items")
    if call.scope == "ITEMS" and call.reason != "OUT_OF_STOCK":
        refusals.append("REASON_NOT_ALLOWED reason")
    if call.scope == "ITEMS":
        entry_refusals, picks = judge_entries(order, call.entries)
        refusals += entry_refusals
    elif order:
        numbers = [call.package] if call.package else sorted(order.packages)
        packages = [order.packages[number] for number in numbers]
        why, path = why_not(order, packages), "packageId" if call.package else "orderId"
        shipped = [f" {number}" for number in numbers if order.packages[number].status in SHIPPED]
        which = shipped if why == "SHIPPED" and not call.package else [""]
        refusals += [f"NOT_CANCELLABLE {path} {why}{number}" for number in which if why]
        picks = [(item, number, order.packages[number].live[item]) for number in numbers for item in range(9)]
    return refusals, [] if refusals else sorted(pick for pick in picks if pick[2])


def judge_entries(order: Order | None, entries: tuple[Entry, ...]) -> tuple[list[str], list[Pick]]:
    """At most one refusal per entry, in order; entries that name a package are served first."""
    refusals: dict[int, str] = {}
    taken: Counter[tuple[int, str]] = Counter()
    for index, entry in sorted(enumerate(entries), key=lambda numbered: numbered[1][2] is None):
        item, quantity, place = entry
        packages = order.packages if order else {}
        places = [number for number in sorted(packages) if place in {None, number} and packages[number].holds(item)]
        why = why_not(order, [packages[number] for number in places], item=item) if order else ""
        free = {number: cancellable(order, item, number) - taken[item, number] for number in places} if order else {}
        if order and item >= len(order.items):
            refusals[index] = "ITEM_NOT_FOUND items/{}/itemId"
        elif order and not places:
            refusals[index] = "PACKAGE_NOT_FOUND items/{}/packageId"
        elif quantity < 1:
            refusals[index] = "INVALID_QUANTITY items/{}/quantity"
        elif (item, place) in [(earlier[0], earlier[2]) for earlier in entries[:index]]:
            refusals[index] = "DUPLICATE_ITEM items/{}/itemId"
        elif why:
            refusals[index] = f"NOT_CANCELLABLE items/{{}}/itemId {why}"
        elif order and quantity > sum(free.values()):
            refusals[index] = f"QUANTITY_EXCEEDED items/{{}}/quantity {sum(free.values())}"
        else:
            for number in places:
                units = min(free[number], quantity)
                taken[item, number] += units
                quantity -= units
    return (
        [refusals[index].format(index) for index in sorted(refusals)],
        [(item, number, units) for (item, number), units in taken.items()],
    )


def complete(order: Order) -> list[str]:
    """Completes an imported order (its only package, its cancelled units); returns problems of status and units."""
    if not order.packages and order.set_to == "PARTIALLY_SHIPPING":
        return ["INVALID_VALUE status"]
    is_open = {each.status for each in order.packages.values() if each.live.total()} - {"DELIVERED", "CANCELLED"}
    refusals = ["INVALID_VALUE status"] if order.set_to == "COMPLETED" and is_open else []
    if not order.packages:
        everything = Counter({item: line.quantity for item, line in enumerate(order.items)})
        status = {"COMPLETED": "DELIVERED", "UNPAID": "AWAITING_SHIPMENT", "ON_HOLD": "AWAITING_SHIPMENT"}
        order.packages[f"{order.number}-1"] = Package(status.get(order.set_to, order.set_to), everything)
    packed: Counter[int] = sum((package.live + package.gone for package in order.packages.values()), Counter())
    for package in order.packages.values():
        if "CANCELLED" in {order.set_to, package.status} or not package.live.total():
            package.status, package.gone, package.live = "CANCELLED", package.live + package.gone, Counter()
    order.set_to = order.set_to if order.set_to in SET_ON_ORDER else ""
    order.is_paid = order.status != "UNPAID" and (
        order.paid_at is not None or (order.status != "CANCELLED" and not order.is_collected)
    )
    wrong = [item for item, line in enumerate(order.items) if packed[item] != line.quantity]
    return refusals + [f"INVALID_QUANTITY items/{item}/quantity" for item in wrong]


def split_refusals(order: Order, package: Package | None, entries: tuple[Entry, ...]) -> list[str]:
    refusals = [] if package else ["NOT_FOUND packageId"]
    if package and (package.status != "AWAITING_SHIPMENT" or order.set_to in SET_ON_ORDER):
        refusals.append("TRANSITION_NOT_ALLOWED packageId")
    if not entries:
        refusals.append("EMPTY_SELECTION items")
    is_open = not refusals
    for index, (item, quantity, _) in enumerate(entries):
        if package and not package.holds(item):
            refusals.append(f"NOT_FOUND items/{index}/itemId")
        elif quantity < 1:
            refusals.append(f"INVALID_QUANTITY items/{index}/quantity")
        elif item in [earlier[0] for earlier in entries[:index]]:
            refusals.append(f"DUPLICATE_ITEM items/{index}/itemId")
        elif package and is_open and quantity > package.live[item]:
            refusals.append(f"QUANTITY_EXCEEDED items/{index}/quantity")
    if package and not refusals and sum(entry[1] for entry in entries) == package.live.total():
        refusals.append("INVALID_VALUE items")
    return refusals


def is_key(key: str) -> bool:
    return 0 < len(key) <= 255 and all(0x21 <= ord(character) <= 0x7E for character in key)


def note_refusals(note: str) -> list[str]:
    """For generated notes, in which NUL is the only control character."""
    if len(note) > 2000:
        return ["TEXT_TOO_LONG note"]
    return ["INVALID_TEXT note"] if "\0" in note else []
