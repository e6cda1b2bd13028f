"""The demo's steps: documents for GraphiQL, with variables that suit the orders at hand."""

import json
import secrets
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from domain.rules import ids
from domain.rules.eligibility import eligibility
from domain.rules.order import Cancellation, ItemEntry, Order, value
from domain.rules.splits import PackageSplit, split_package
from domain.rules.vocabulary import NotCancellableReason, PackageStatus

_DOCUMENTS = Path(__file__).parent / "static" / "operations"
_NOTHING_LEFT = "# There is nothing left to try this on: `shortship demo --reset` starts over.\n"

_Json = dict[str, Any]  # any JSON object


@value
class Step:
    """`about` is the document's leading comment, up to its first empty line."""

    title: str
    about: str
    document: str


def steps() -> list[Step]:
    """The steps in order."""
    return [_step(path) for path in sorted(_DOCUMENTS.glob("*.graphql"))]


def tabs(orders: Sequence[Order], unsettled: Cancellation | None, sample: _Json) -> list[dict[str, str]]:
    """The steps as GraphiQL tabs, each on its own order, so that no step takes another's units.

    `unsettled` is a cancellation whose refund has not been paid, `sample` an order to import under new numbers.
    """
    variables = _variables(orders, unsettled, sample)
    return [_tab(step, variables.get(step.title)) for step in steps()]


def _step(path: Path) -> Step:
    document = path.read_text(encoding="utf-8")
    about = takewhile(lambda line: line != "#", document.splitlines())
    title = path.stem.partition("-")[2].capitalize()
    return Step(title, " ".join(line.removeprefix("# ") for line in about), document)


def _tab(step: Step, variables: _Json | None) -> dict[str, str]:
    if variables:
        return {"query": step.document, "variables": json.dumps(variables, indent=2, ensure_ascii=False)}
    is_stuck = "($" in step.document
    return {"query": f"{_NOTHING_LEFT if is_stuck else ''}{step.document}", "variables": ""}


def _variables(orders: Sequence[Order], unsettled: Cancellation | None, sample: _Json) -> dict[str, _Json]:
    """Variables keyed by the step's title; absent where no order suits the step."""
    free = list(orders)
    given: dict[str, _Json] = {}

    def take(title: str, find: Callable[[Order], _Json | None]) -> None:
        for order in free:
            if found := find(order):
                free.remove(order)
                given[title] = {"input": found}
                return

    # The first step gets the first order of the list.
    take("Cancel", _one_unit)
    take("Refusal", _refused_units)
    take("Package", _waiting_package)
    take("Split", _one_unit_to_split)
    take("Order", _whole_order)
    if cancel := given.get("Cancel"):
        given["Preview"] = {name: cancel["input"][name] for name in ("orderId", "items")}
    if due := next((order for order in orders if order.due_at_door), None):
        given["Door"] = {"number": due.number}
    given["Import"] = {"input": {"orders": [sample | {"number": _new_key("order")}]}}
    given["Update"] = {"input": {"orders": _two_days(sample | {"number": _new_key("order")})}}
    if unsettled:
        paid = {"cancellationId": ids.of_cancellation(unsettled.id), "outcome": "SUCCEEDED"}
        given["Settle"] = {"input": paid | {"providerReference": _new_key("refund")}}
    return given


def _two_days(order: _Json) -> list[_Json]:
    """The order as its source tells it on two days: on the second, a unit is cancelled and the rest has shipped."""
    today = {"sourceUpdatedAt": "2026-09-24T09:00:00Z"}
    next_day = {"status": "IN_TRANSIT", "sourceUpdatedAt": "2026-09-25T09:00:00Z"}
    shipped = {"status": "IN_TRANSIT", "carrier": "DHL", "trackingNumber": "JJD0002001"}
    packages = [package | shipped | {"items": _less_one(package["items"])} for package in order["packages"]]
    return [order | today, order | next_day | {"packages": packages}]


def _less_one(items: Sequence[_Json]) -> list[_Json]:
    first, *others = items
    return [first | {"cancelledQuantity": 1}, *others]


def _one_unit(order: Order) -> _Json | None:
    for (_, item), verdict in eligibility(order).package_items.items():
        if verdict.is_cancellable:
            return _by_items(order, {"itemId": ids.of_item(order.id, item), "quantity": 1})
    return None


def _refused_units(order: Order) -> _Json | None:
    """One unit that awaits the carrier, and more units of another item than there are."""
    verdicts = eligibility(order).package_items
    why = NotCancellableReason.AWAITING_COLLECTION
    waiting = next((place for place, verdict in verdicts.items() if verdict.reason is why), None)
    few = next((place for place, verdict in verdicts.items() if verdict.is_cancellable), None)
    if not (waiting and few):
        return None
    return _by_items(order, _entry(order, *waiting, 1), _entry(order, *few, verdicts[few].quantity + 1))


def _waiting_package(order: Order) -> _Json | None:
    verdicts = eligibility(order).packages
    for package in order.packages:
        if package.status is PackageStatus.AWAITING_COLLECTION and verdicts[package.position].is_cancellable:
            package_id = ids.of_package(order.id, package.position)
            return {"packageId": package_id, "reason": "UNDELIVERABLE_ADDRESS", "idempotencyKey": _new_key("cancel")}
    return None


def _whole_order(order: Order) -> _Json | None:
    if not eligibility(order).order.is_cancellable:
        return None
    return {"orderId": ids.of_order(order.id), "reason": "BUYER_REQUESTED", "idempotencyKey": _new_key("cancel")}


def _one_unit_to_split(order: Order) -> _Json | None:
    for package in order.packages:
        most = max(package.items, key=lambda packed: packed.live_quantity)
        entry = ItemEntry(ids.of_item(order.id, most.item), 1)
        split = PackageSplit(ids.of_package(order.id, package.position), (entry,))
        if not split_package(order, split).problems:
            return {"packageId": split.package_id, "items": [{"itemId": entry.item_id, "quantity": entry.quantity}]}
    return None


def _by_items(order: Order, *entries: _Json) -> _Json:
    request = {"orderId": ids.of_order(order.id), "reason": "OUT_OF_STOCK", "items": list(entries)}
    return request | {"idempotencyKey": _new_key("cancel")}


def _entry(order: Order, package: int, item: int, quantity: int) -> _Json:
    places = {"itemId": ids.of_item(order.id, item), "packageId": ids.of_package(order.id, package)}
    return places | {"quantity": quantity}


def _new_key(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"
