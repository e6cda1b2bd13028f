"""Says why units were cancelled at the marketplace (docs/rules.md, "Orders in the marketplace's format")."""

from collections.abc import Mapping, Sequence

from domain.intake.tiktok.texts import words
from domain.intake.tiktok.units import Unit
from domain.intake.tiktok.wire import LineItem, MarketplaceOrder
from domain.rules.order_input import CancelledUnitsInput
from domain.rules.texts import LONGEST_NOTE
from domain.rules.vocabulary import CancellationReason, PackageStatus

# The first that stands in the seller's words counts.
REASONS = {
    "stock": CancellationReason.OUT_OF_STOCK,
    "pric": CancellationReason.PRICING_ERROR,  # price, pricing
    "address": CancellationReason.UNDELIVERABLE_ADDRESS,
}


def cancelled_units(
    units: Sequence[Unit], refs: Mapping[int, str], order: MarketplaceOrder
) -> tuple[CancelledUnitsInput, ...]:
    """The cancelled units of each item, by reason and words; `refs` are those of the units' items, by index."""
    counted: dict[tuple[str, CancellationReason, str], int] = {}
    for index, unit in enumerate(units):
        if unit.status is PackageStatus.CANCELLED:
            key = (refs[index], *_why(unit.line, order))
            counted[key] = counted.get(key, 0) + 1
    return tuple(CancelledUnitsInput(ref, quantity, reason, said) for (ref, reason, said), quantity in counted.items())


def _why(line: LineItem, order: MarketplaceOrder) -> tuple[CancellationReason, str]:
    """What a unit does not say, its order may."""
    said = words(line.get("cancel_reason") or order.get("cancel_reason"), LONGEST_NOTE)
    initiator = line.get("cancel_user") or order.get("cancellation_initiator")
    if initiator and initiator.upper() == "BUYER":
        return CancellationReason.BUYER_REQUESTED, said
    lowered = said.lower()
    return next((REASONS[part] for part in REASONS if part in lowered), CancellationReason.OTHER), said
