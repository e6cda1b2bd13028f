"""What a source last told of an order, as JSON to store and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.rules.new_order import CancelledUnits
from domain.rules.order import Buyer, PackageItem
from domain.rules.updates.told import Told, ToldPackage
from domain.rules.vocabulary import CancellationReason, OrderStatus, PackageStatus


def to_json(told: Told) -> dict[str, Any]:
    """Without what is empty: every order has one of these."""
    content: dict[str, Any] = {
        "status": told.status.name,
        "buyer": [told.buyer.name, told.buyer.email, told.buyer.locale],
        "packages": [_package_to_json(package) for package in told.packages],
    }
    if told.paid_at:
        content["paidAt"] = told.paid_at.isoformat()
    if told.ship_by:
        content["shipBy"] = told.ship_by.isoformat()
    if told.deposits:
        content["deposits"] = [list(deposit) for deposit in told.deposits]
    if told.cancelled:
        content["cancelled"] = [[each.item, each.quantity, each.reason.name, each.words] for each in told.cancelled]
    return content


def from_json(content: Mapping[str, Any]) -> Told:
    return Told(
        status=OrderStatus[content["status"]],
        paid_at=_time(content.get("paidAt")),
        ship_by=_time(content.get("shipBy")),
        buyer=Buyer(*content["buyer"]),
        packages=tuple(map(_package, content["packages"])),
        deposits=tuple((item, amount) for item, amount in content.get("deposits", ())),
        cancelled=tuple(
            CancelledUnits(item, quantity, CancellationReason[reason], words)
            for item, quantity, reason, words in content.get("cancelled", ())
        ),
    )


def _package_to_json(package: ToldPackage) -> list[Any]:
    items = [[packed.item, packed.quantity, packed.cancelled_quantity] for packed in package.items]
    return [package.number, package.status.name, package.carrier, package.tracking_number, items]


def _package(parts: Sequence[Any]) -> ToldPackage:
    number, status, carrier, tracking_number, items = parts
    held = tuple(PackageItem(*packed) for packed in items)
    return ToldPackage(number, PackageStatus[status], carrier, tracking_number, held)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
