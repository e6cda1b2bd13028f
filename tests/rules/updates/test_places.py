"""Which units are where, if the source names no package for some, and more happened to them than one thing."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from domain.rules.order import Order, Package, Pick
from domain.rules.updates.update import Known, update
from domain.rules.vocabulary import PackageStatus
from tests.rules.updates.test_repacked import packing, split, told_in_turn, with_status
from tests.support.builders import after
from tests.support.telling import Units, a_told_order, contents, stored, told_again
from tests.support.telling import a_told_package as told

AS, AC, IT, DE, CA = PackageStatus
Here = Callable[[Order], Order]
Row = tuple[
    Sequence[Package], Here | None, Sequence[Package], list[str], dict[str, tuple[PackageStatus, Units]], list[str]
]


def cancelled(item: int, package: int) -> Here:
    """One unit of the item is cancelled in the package, both given by position."""
    return lambda order: after(order, Pick(item, package, 1))


ROWS: Mapping[str, Row] = {
    "a unit leaves a package for one of ours, which was cancelled here": (
        [told(None, DE, {1: (1, 1)}), told("A", AC, {1: 2})],
        cancelled(1, 1),
        [told(None, DE, {1: 1}), told(None, AC, {1: (1, 1)}), told("A", CA, {1: (0, 1)})],
        ["A to 1001-2", "A to 1001-3", "A AWAITING_COLLECTION to CANCELLED"],
        {"1001-1": (CA, {1: (0, 2)}), "1001-2": (AC, {1: (1, 0)}), "1001-3": (DE, {1: (1, 0)}), "A": (CA, {})},
        ["REPACKED", "REPACKED", "ORDER_STATUS"],
    ),
    "a unit leaves a package, and ours stays": (
        [told(None, DE, {1: 1}), told("A", AC, {1: 1})],
        None,
        [told(None, DE, {1: 1}), told(None, IT, {1: 1})],
        ["A to 1001-2", "A AWAITING_COLLECTION to CANCELLED"],
        {"1001-1": (DE, {1: (1, 0)}), "1001-2": (IT, {1: (1, 0)}), "A": (CA, {})},
        ["REPACKED", "ORDER_STATUS"],
    ),
    "of packages of ours, the unit that its status tells has left": (
        [told(None, AC, {1: 1}), told(None, AS, {1: 1})],
        None,
        [told(None, AS, {1: 1}), told("A", IT, {1: 1})],
        ["A AWAITING_COLLECTION to IN_TRANSIT"],
        {"1001-2": (AS, {1: (1, 0)}), "A": (IT, {1: (1, 0)})},
        ["REPACKED", "PACKAGE_STATUS"],
    ),
    "one of ours is cancelled, and all others are told": (
        [told(None, AC, {1: 1}), told("A", AC, {1: 1}), told(None, IT, {1: 1}), told(None, DE, {1: 1})],
        None,
        [told(None, IT, {1: 1}), told("A", IT, {1: 1}), told(None, AS, {1: (1, 1)})],
        ["cancel PACKAGE 1001-1: 1 of 1 in 1001-1", "A AWAITING_COLLECTION to IN_TRANSIT"],
        {
            "1001-1": (CA, {1: (0, 1)}),
            "1001-3": (IT, {1: (1, 0)}),
            "1001-4": (DE, {1: (1, 0)}),
            "A": (IT, {1: (1, 0)}),
        },
        ["CANCELLED_THERE", "NOT_TAKEN_OVER", "PACKAGE_STATUS", "ORDER_STATUS"],
    ),
    "both of ours are less advanced, and one is in a package": (
        [told(None, DE, {1: 1}), told(None, IT, {1: (1, 1)})],
        None,
        [told(None, IT, {1: (1, 1)}), told("C", AC, {1: 1})],
        [],
        {"1001-1": (DE, {1: (1, 0)}), "C": (IT, {1: (1, 1)})},
        ["REPACKED", "NOT_TAKEN_OVER", "NOT_TAKEN_OVER"],
    ),
    "ours stays where a package takes the units of another": (
        [told(None, DE, {1: 1}), told("B", DE, {1: 1})],
        None,
        [told(None, DE, {1: 1}), told("A", DE, {1: 1})],
        ["B to A", "B DELIVERED to CANCELLED"],
        {"1001-1": (DE, {1: (1, 0)}), "A": (DE, {1: (1, 0)}), "B": (CA, {})},
        ["REPACKED"],
    ),
    "ours takes the number, and is further than told": (
        [told(None, IT, {1: 1}), told(None, AS, {1: 1}), told("C", AC, {1: 1})],
        None,
        [told("B", AC, {1: 1}), told(None, AS, {1: 1}), told("C", CA, {1: (0, 1)})],
        ["cancel PACKAGE C: 1 of 1 in C"],
        {"1001-2": (AS, {1: (1, 0)}), "B": (IT, {1: (1, 0)}), "C": (CA, {1: (0, 1)})},
        ["CANCELLED_THERE", "REPACKED", "NOT_TAKEN_OVER"],
    ),
    "two packages get units, one of ours and one of another": (
        [told(None, AS, {1: 2}), told("C", AS, {1: 1})],
        None,
        [told(None, AS, {1: 1}), told("A", AS, {1: 1}), told("B", AS, {1: 1})],
        ["1001-1 to A", "C to B", "C AWAITING_SHIPMENT to CANCELLED"],
        {"1001-1": (AS, {1: (1, 0)}), "A": (AS, {1: (1, 0)}), "B": (AS, {1: (1, 0)}), "C": (CA, {})},
        ["REPACKED", "REPACKED"],
    ),
    "two packages that are further get units, one of ours and one of another": (
        [told(None, AS, {1: 2}), told("C", AS, {1: 1})],
        None,
        [told(None, AS, {1: 1}), told("A", AC, {1: 1}), told("B", AC, {1: 1})],
        ["1001-1 to A", "C to B", "C AWAITING_SHIPMENT to CANCELLED"],
        {"1001-1": (AS, {1: (1, 0)}), "A": (AC, {1: (1, 0)}), "B": (AC, {1: (1, 0)}), "C": (CA, {})},
        ["REPACKED", "REPACKED", "ORDER_STATUS"],
    ),
    "what is cancelled here only is missing from its package first": (
        [told("A", AC, {1: (1, 1)}), told("B", AS, {1: (1, 1)}), told(None, CA, {1: (0, 1)})],
        cancelled(1, 1),
        [told("B", AS, {1: (1, 1)}), told(None, DE, {1: (1, 1)}), told("A", CA, {1: (0, 1)})],
        ["B to 1001-1", "B AWAITING_SHIPMENT to CANCELLED"],
        {
            "1001-1": (DE, {1: (1, 0)}),
            "1001-3": (CA, {1: (0, 1)}),
            "A": (CA, {1: (0, 2)}),
            "B": (CA, {1: (0, 1)}),
        },
        ["CANCELLED_HERE_ONLY", "REPACKED", "ORDER_STATUS"],
    ),
    "a package and ours are as far: ours stays most advanced": (
        [told("A", DE, {1: 1}), told(None, AS, {2: 1}), told(None, DE, {2: 1})],
        None,
        [told("A", DE, {1: 1}), told("C", IT, {2: 1}), told(None, IT, {2: 1})],
        ["C AWAITING_SHIPMENT to IN_TRANSIT"],
        {"1001-3": (DE, {2: (1, 0)}), "A": (DE, {1: (1, 0)}), "C": (IT, {2: (1, 0)})},
        ["REPACKED", "NOT_TAKEN_OVER", "PACKAGE_STATUS", "ORDER_STATUS"],
    ),
    "two units come to a package whose own was cancelled here": (
        [told("C", AC, {1: 1}), told("B", AC, {1: 1}), told("A", AC, {1: 1})],
        cancelled(1, 2),
        [told("B", DE, {1: 2}), told("A", CA, {1: (0, 1)})],
        [
            "B CANCELLED to DELIVERED",
            "A to B",
            "C to B",
            "A AWAITING_COLLECTION to CANCELLED",
            "C AWAITING_COLLECTION to CANCELLED",
        ],
        {"A": (CA, {}), "B": (DE, {1: (2, 1)}), "C": (CA, {})},
        ["PACKAGE_STATUS", "REPACKED", "REPACKED", "ORDER_STATUS"],
    ),
    "a unit comes back from ours, as one that was split off leaves for it": (
        [told("A", AS, {1: 1, 2: (1, 1)}), told(None, IT, {2: 1})],
        lambda order: split(order, "A", (2, 1)),
        [told(None, AC, {1: 1}), told("A", AS, {2: (2, 1)})],
        ["A to 1001-1", "A-2 to A", "A-2 AWAITING_SHIPMENT to CANCELLED"],
        {
            "1001-1": (AC, {1: (1, 0)}),
            "1001-2": (IT, {2: (1, 0)}),
            "A": (AS, {2: (1, 1)}),
            "A-2": (CA, {}),
        },
        ["REPACKED", "NOT_TAKEN_OVER", "REPACKED"],
    ),
    "units of one package go and are cancelled, and ours moves on": (
        [told("C", AC, {1: (0, 1), 2: 2}), told("A", IT, {2: 1}), told(None, AS, {2: 1})],
        None,
        [told("C", CA, {1: (0, 1)}), told(None, AC, {2: (1, 1)}), told("A", IT, {2: 1}), told("B", IT, {2: 1})],
        [
            "cancel ITEMS: 1 of 2 in C",
            "C to B",
            "C AWAITING_COLLECTION to CANCELLED",
            "1001-3 AWAITING_SHIPMENT to AWAITING_COLLECTION",
        ],
        {
            "1001-3": (AC, {2: (1, 0)}),
            "A": (IT, {2: (1, 0)}),
            "B": (IT, {2: (1, 0)}),
            "C": (CA, {1: (0, 1), 2: (0, 1)}),
        },
        ["CANCELLED_THERE", "REPACKED", "PACKAGE_STATUS"],
    ),
    "one unit comes out of a package, and another one into a third": (
        [told(None, IT, {1: 1}), told("B", AC, {1: 2}), told("C", DE, {1: 1}), told("A", DE, {1: 1})],
        None,
        [told(None, AC, {1: 1}), told("B", AC, {1: 1}), told("A", AS, {1: 2}), told(None, DE, {1: 1})],
        ["C to 1001-2", "B to A", "C DELIVERED to CANCELLED"],
        {
            "1001-1": (IT, {1: (1, 0)}),
            "1001-2": (DE, {1: (1, 0)}),
            "A": (DE, {1: (2, 0)}),
            "B": (AC, {1: (1, 0)}),
            "C": (CA, {}),
        },
        ["REPACKED", "REPACKED", "NOT_TAKEN_OVER", "NOT_TAKEN_OVER"],
    ),
    "a unit of ours is cancelled here, and one of another is told as ours": (
        [told("A", AS, {1: 2}), told(None, AS, {1: 1}), told("B", IT, {1: 1}), told(None, IT, {1: 1})],
        lambda order: with_status(after(order, Pick(1, 4, 1)), "B", DE),
        [
            told("A", AC, {1: 1}),
            told(None, AS, {1: 1}),
            told(None, DE, {1: 1}),
            told("B", CA, {1: (0, 1)}),
            told(None, IT, {1: 1}),
        ],
        [
            "A to 1001-2",
            "B to 1001-1",
            "B DELIVERED to CANCELLED",
            "1001-2 to 1001-3",
            "A AWAITING_SHIPMENT to AWAITING_COLLECTION",
        ],
        {
            "1001-1": (DE, {1: (1, 0)}),
            "1001-2": (AS, {1: (1, 0)}),
            "1001-3": (IT, {1: (1, 0)}),
            "1001-4": (CA, {1: (0, 1)}),
            "A": (AC, {1: (1, 0)}),
            "B": (CA, {}),
        },
        ["REPACKED", "REPACKED", "REPACKED", "PACKAGE_STATUS"],
    ),
    "what was split off a package of the source's is not taken for ours": (
        [told(None, AC, {1: 1}), told(None, AS, {1: 1}), told("B", AS, {1: 2})],
        lambda order: with_status(split(after(order, Pick(1, 1, 1)), "B", (1, 1)), "B-2", AC),
        [told(None, AC, {1: 1}), told(None, IT, {1: 1}), told("B", CA, {1: (0, 1)}), told(None, AS, {1: 1})],
        ["B to 1001-2", "B AWAITING_SHIPMENT to CANCELLED", "1001-2 to 1001-3"],
        {
            "1001-1": (CA, {1: (0, 1)}),
            "1001-2": (AS, {1: (1, 0)}),
            "1001-3": (IT, {1: (1, 0)}),
            "B": (CA, {}),
            "B-2": (AC, {1: (1, 0)}),
        },
        ["REPACKED", "REPACKED"],
    ),
    "what was split off moves on with its package": (
        [told("A", AS, {1: 2}), told("B", AS, {1: 2})],
        lambda order: split(split(order, "A", (1, 1)), "B", (1, 1)),
        [told("A", IT, {1: 2}), told("B", DE, {1: 2})],
        [
            "A AWAITING_SHIPMENT to IN_TRANSIT",
            "A-2 AWAITING_SHIPMENT to IN_TRANSIT",
            "B AWAITING_SHIPMENT to DELIVERED",
            "B-2 AWAITING_SHIPMENT to DELIVERED",
        ],
        {"A": (IT, {1: (1, 0)}), "A-2": (IT, {1: (1, 0)}), "B": (DE, {1: (1, 0)}), "B-2": (DE, {1: (1, 0)})},
        ["PACKAGE_STATUS", "PACKAGE_STATUS", "PACKAGE_STATUS", "PACKAGE_STATUS", "ORDER_STATUS"],
    ),
    "a unit goes to a package whose own was cancelled here": (
        [told("A", AC, {1: 3}), told("B", AC, {1: 1})],
        cancelled(1, 2),
        [told("A", AC, {1: (2, 1)}), told("B", AS, {1: 1})],
        ["B CANCELLED to AWAITING_SHIPMENT", "A to B"],
        {"A": (AC, {1: (2, 0)}), "B": (AS, {1: (1, 1)})},
        ["PACKAGE_STATUS", "REPACKED", "ORDER_STATUS"],
    ),
    "one was cancelled in one package here, and in another there": (
        [told("A", AS, {1: 1}), told("B", AS, {1: 1})],
        cancelled(1, 1),
        [told("A", IT, {1: 1}), told("B", CA, {1: (0, 1)})],
        ["A CANCELLED to IN_TRANSIT", "B to A", "B AWAITING_SHIPMENT to CANCELLED"],
        {"A": (IT, {1: (1, 1)}), "B": (CA, {})},
        ["PACKAGE_STATUS", "REPACKED", "ORDER_STATUS"],
    ),
    "one was cancelled here, and another, which has shipped, there": (
        [told("A", IT, {1: 1}), told("B", AS, {1: 1})],
        cancelled(1, 2),
        [told("A", CA, {1: (0, 1)}), told("B", AS, {1: 1})],
        [],
        {"A": (IT, {1: (1, 0)}), "B": (CA, {1: (0, 1)})},
        ["NOT_TAKEN_OVER"],
    ),
    "a package that ships keeps nothing that was cancelled there": (
        [told("A", AS, {1: 1, 2: 1}), told("B", AS, {1: 1})],
        lambda order: after(after(order, Pick(1, 2, 1)), Pick(2, 1, 1)),
        [told("A", IT, {1: (0, 1), 2: 1}), told("B", AS, {1: 1})],
        ["B CANCELLED to AWAITING_SHIPMENT", "A to B", "A AWAITING_SHIPMENT to CANCELLED"],
        {"A": (CA, {2: (0, 1)}), "B": (AS, {1: (1, 1)})},
        ["CANCELLED_HERE_ONLY", "PACKAGE_STATUS", "REPACKED"],
    ),
    "some are cancelled here only, and all others come to their package": (
        [told("A", AS, {1: 2}), told("B", AS, {1: 1}), told("C", AS, {1: 1})],
        lambda order: after(order, Pick(1, 1, 2)),
        [told("A", AS, {1: 3}), told("B", CA, {1: (0, 1)})],
        [
            "A CANCELLED to AWAITING_SHIPMENT",
            "B to A",
            "C to A",
            "B AWAITING_SHIPMENT to CANCELLED",
            "C AWAITING_SHIPMENT to CANCELLED",
        ],
        {"A": (AS, {1: (2, 2)}), "B": (CA, {}), "C": (CA, {})},
        ["CANCELLED_HERE_ONLY", "PACKAGE_STATUS", "REPACKED", "REPACKED"],
    ),
    "a package was cancelled here, and the unit of ours there": (
        [told("A", AS, {1: 1}), told(None, AS, {1: 1})],
        cancelled(1, 1),
        [told("A", AS, {1: 1}), told(None, CA, {1: (0, 1)})],
        ["A CANCELLED to AWAITING_SHIPMENT", "1001-2 to A", "1001-2 AWAITING_SHIPMENT to CANCELLED"],
        {"1001-2": (CA, {}), "A": (AS, {1: (1, 1)})},
        ["PACKAGE_STATUS", "REPACKED"],
    ),
    "a unit of ours was cancelled here, and a package there": (
        [told("A", AS, {1: 1}), told(None, AS, {1: 1})],
        cancelled(1, 2),
        [told("A", CA, {1: (0, 1)}), told(None, AS, {1: 1})],
        ["A to 1001-1", "A AWAITING_SHIPMENT to CANCELLED"],
        {"1001-1": (AS, {1: (1, 0)}), "1001-2": (CA, {1: (0, 1)}), "A": (CA, {})},
        ["REPACKED"],
    ),
    "a unit of ours that is cancelled here gets a package, and the other one of ours does not": (
        [told(None, AC, {1: 1}), told(None, AS, {1: 1})],
        cancelled(1, 2),
        [told(None, AC, {1: 1}), told("P", AS, {1: 1})],
        [],
        {"1001-1": (AC, {1: (1, 0)}), "1001-2": (CA, {1: (0, 1)})},
        ["CANCELLED_HERE_ONLY"],
    ),
    "a unit of ours that is cancelled here gets a package, and two others of ours do not": (
        [told(None, IT, {1: 1}), told(None, AC, {1: 1}), told(None, AS, {1: 1})],
        cancelled(1, 3),
        [told(None, IT, {1: 1}), told(None, AC, {1: 1}), told("P", AS, {1: 1})],
        [],
        {"1001-1": (IT, {1: (1, 0)}), "1001-2": (AC, {1: (1, 0)}), "1001-3": (CA, {1: (0, 1)})},
        ["CANCELLED_HERE_ONLY"],
    ),
    "all but those that live in others of ours may be those that are cancelled here": (
        [told(None, AC, {1: 1}), told(None, AS, {1: 2})],
        cancelled(1, 2),
        [told(None, AC, {1: 2}), told("P", AS, {1: 1})],
        [],
        {"1001-1": (AC, {1: (1, 0)}), "P": (AS, {1: (1, 1)})},
        ["CANCELLED_HERE_ONLY", "REPACKED"],
    ),
    "one of three packages is told as ours, and the others as another package": (
        [told(None, IT, {1: 2}), told("B", AC, {1: 1}), told("C", AC, {1: 1}), told("D", AC, {1: 1})],
        None,
        [told(None, AC, {1: 3}), told("A", AC, {1: 2})],
        [
            "B to 1001-2",
            "C to A",
            "D to A",
            "B AWAITING_COLLECTION to CANCELLED",
            "C AWAITING_COLLECTION to CANCELLED",
            "D AWAITING_COLLECTION to CANCELLED",
        ],
        {
            "1001-1": (IT, {1: (2, 0)}),
            "1001-2": (AC, {1: (1, 0)}),
            "A": (AC, {1: (2, 0)}),
            "B": (CA, {}),
            "C": (CA, {}),
            "D": (CA, {}),
        },
        ["REPACKED", "REPACKED", "REPACKED", "NOT_TAKEN_OVER"],
    ),
    "what is cancelled here and there in a package is not missing from it": (
        [told("Q", AS, {1: 3}), told("B", AS, {1: 1})],
        lambda order: after(order, Pick(1, 1, 1), Pick(1, 2, 1)),
        [told("Q", AS, {1: (2, 1)}), told("P", AS, {1: 1})],
        [],
        {"B": (CA, {1: (0, 1)}), "Q": (AS, {1: (2, 1)})},
        ["CANCELLED_HERE_ONLY"],
    ),
    "several of ours are cancelled here, and some of them have moved on": (
        [told(None, AC, {1: 1}), told(None, AS, {1: 3}), told("A", AS, {1: 1})],
        lambda order: after(order, Pick(1, 2, 3)),
        [told(None, AC, {1: 3}), told(None, AS, {1: 1}), told("A", AS, {1: 1})],
        [],
        {"1001-1": (AC, {1: (1, 0)}), "1001-2": (CA, {1: (0, 3)}), "A": (AS, {1: (1, 0)})},
        ["CANCELLED_HERE_ONLY"],
    ),
    "those that live in others of ours are not missing, though one more is": (
        [told(None, AC, {1: 1}), told(None, AS, {1: 2}), told("Q", AS, {1: 1}), told("B", AS, {1: 1})],
        lambda order: after(order, Pick(1, 2, 2), Pick(1, 4, 1)),
        [told(None, AC, {1: 2}), told(None, AS, {1: 1}), told("Q", AS, {1: 1}), told("P", AS, {1: 1})],
        [],
        {
            "1001-1": (AC, {1: (1, 0)}),
            "1001-2": (CA, {1: (0, 2)}),
            "B": (CA, {1: (0, 1)}),
            "Q": (AS, {1: (1, 0)}),
        },
        ["CANCELLED_HERE_ONLY"],
    ),
    "what was split off and cancelled here is missing from its package": (
        [told("A", AS, {1: 2}), told("B", AS, {1: 1})],
        lambda order: after(split(order, "A", (1, 1)), Pick(1, 3, 1)),
        [told("A", IT, {1: 2}), told("B", AS, {1: 1})],
        ["A AWAITING_SHIPMENT to IN_TRANSIT"],
        {"A": (IT, {1: (1, 0)}), "A-2": (CA, {1: (0, 1)}), "B": (AS, {1: (1, 0)})},
        ["CANCELLED_HERE_ONLY", "PACKAGE_STATUS", "ORDER_STATUS"],
    ),
    "of what was cancelled in a package and in what was split off it, one is cancelled there": (
        [told("A", AS, {1: 4}), told("B", AS, {1: 1})],
        lambda order: after(split(order, "A", (1, 2)), Pick(1, 1, 1), Pick(1, 3, 1)),
        [told("A", IT, {1: (3, 1)}), told("B", AS, {1: 1})],
        ["A AWAITING_SHIPMENT to IN_TRANSIT", "A-2 AWAITING_SHIPMENT to IN_TRANSIT"],
        {"A": (IT, {1: (1, 1)}), "A-2": (IT, {1: (1, 1)}), "B": (AS, {1: (1, 0)})},
        ["CANCELLED_HERE_ONLY", "PACKAGE_STATUS", "PACKAGE_STATUS", "ORDER_STATUS"],
    ),
    "a package that is emptied first is as far as it is told": (
        [told("B", IT, {1: 1}), told("C", IT, {2: 1})],
        None,
        [told("A", IT, {1: 1}), told("B", AS, {2: 1})],
        ["B to A", "B IN_TRANSIT to CANCELLED"],
        {"A": (IT, {1: (1, 0)}), "B": (CA, {}), "C": (IT, {2: (1, 0)})},
        ["REPACKED", "NOT_TAKEN_OVER"],
    ),
    "a package whose unit comes out first is as far as it is told": (
        [told("A", DE, {1: 1}), told("B", DE, {2: 1})],
        None,
        [told(None, DE, {1: 1}), told("A", IT, {2: 1})],
        ["A to 1001-1", "A DELIVERED to CANCELLED"],
        {"1001-1": (DE, {1: (1, 0)}), "A": (CA, {}), "B": (DE, {2: (1, 0)})},
        ["REPACKED", "NOT_TAKEN_OVER"],
    ),
    "a unit that has shipped is not left behind": (
        [told("A", IT, {1: 1}), told(None, AC, {1: 1})],
        None,
        [told(None, IT, {1: (1, 1)})],
        ["cancel PACKAGE A: 1 of 1 in A", "1001-2 AWAITING_COLLECTION to IN_TRANSIT"],
        {"1001-2": (IT, {1: (1, 0)}), "A": (CA, {1: (0, 1)})},
        ["CANCELLED_THERE", "PACKAGE_STATUS", "ORDER_STATUS"],
    ),
}


@pytest.mark.parametrize(("first", "here", "second", "expected", "is_now", "codes"), ROWS.values(), ids=ROWS)
def test_units_are_found(
    first: Sequence[Package],
    here: Here | None,
    second: Sequence[Package],
    expected: list[str],
    is_now: dict[str, tuple[PackageStatus, Units]],
    codes: list[str],
) -> None:
    one = a_told_order(*first)

    done = told_again(one, a_told_order(*second), here=here(stored(one)) if here else None)

    assert packing(done) == expected
    assert contents(done.after) == is_now
    assert [note.code.name for note in done.notes] == codes


def test_more_units_leave_a_package_once_all_that_stay_are_found() -> None:
    *_, done = told_in_turn(
        a_told_order(told(None, IT, {1: 3}), told("B", AS, {1: 2})),
        a_told_order(told(None, AS, {1: 1}), told("P", AC, {1: 2}), told("B", AS, {1: 2})),
        a_told_order(told(None, AS, {1: 2}), told("A", DE, {1: 2}), told("B", AS, {1: 1})),
    )

    assert packing(done) == ["B to 1001-2", "1001-1 to A"]
    assert contents(done.after) == {
        "1001-1": (IT, {1: (1, 0)}),
        "1001-2": (AS, {1: (1, 0)}),
        "A": (DE, {1: (2, 0)}),
        "B": (AS, {1: (1, 0)}),
    }


def test_what_is_here_only_is_missing_from_another_package_once_that_is_less_advanced() -> None:
    first = a_told_order(told("A", AC, {1: 1}), told("B", AS, {1: 1}))
    second = a_told_order(told("A", AC, {1: 1}), told("C", AS, {1: 1}))
    third = a_told_order(told("A", AC, {1: 1}), told("C", IT, {1: 1}))

    there = told_again(first, second, here=after(stored(first), Pick(1, 2, 1)))
    done = update(Known(there.after, there.told, None), third)

    assert packing(there) == []
    assert packing(done) == ["A to C", "A AWAITING_COLLECTION to CANCELLED"]
    assert contents(done.after) == {"A": (CA, {}), "B": (CA, {1: (0, 1)}), "C": (IT, {1: (1, 0)})}


def test_what_did_not_move_stays_until_its_source_changes_something() -> None:
    days = told_in_turn(
        a_told_order(told("A", IT, {1: 2, 2: 1})),
        a_told_order(told("A", IT, {1: 1, 2: 1}), told("B", AS, {1: 1})),
        a_told_order(told("A", DE, {1: 1, 2: 1}), told("B", AS, {1: 1})),
        a_told_order(told("A", DE, {1: 1}), told("B", AS, {1: 1}), told("C", DE, {2: 1})),
        a_told_order(told("A", DE, {1: 1}), told("B", DE, {1: 1}), told("C", DE, {2: 1})),
    )

    assert [packing(day) for day in days] == [[], ["A IN_TRANSIT to DELIVERED"], ["A to C"], ["A to B"]]
    codes = [[note.code.name for note in day.notes] for day in days]
    assert codes == [
        ["NOT_TAKEN_OVER"],
        ["NOT_TAKEN_OVER", "PACKAGE_STATUS", "ORDER_STATUS"],
        ["REPACKED"],
        ["REPACKED"],
    ]
