"""Global ids, which clients treat as opaque.

An id has a word for its type, the hexadecimal UUID of an order or a cancellation, and for parts of an order their
positions: `item_<uuid>_2`. Each object has exactly one id, so ids are compared as text.
"""

import re
from uuid import UUID

from domain.rules.order import Order, Package, value

_PATTERN = re.compile(r"(order|item|package|packageitem|cancellation|event)_([0-9a-f]{32})((?:_[1-9][0-9]{0,8})*)")
_POSITIONS = {"order": 0, "item": 1, "package": 1, "packageitem": 2, "cancellation": 0, "event": 1}
_SHOP = "shop_"
# Safe as it is in tokens, logs, metrics, URLs, file names and shells, and never spelled two ways.
_SHOP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SHOP_ID_RULE = (
    "A shop's ID has 1 to 100 characters: letters from A to Z, digits, dots, hyphens and underscores."
    " It starts with a letter or a digit."
)


@value
class Ref:
    """An id's parts: the word for its type, the UUID and the positions."""

    kind: str
    uuid: UUID
    positions: tuple[int, ...]


def is_shop_id(text: str) -> bool:
    """True if a new shop may have this ID."""
    return _SHOP_ID.fullmatch(text) is not None


def of_shop(shop_id: str) -> str:
    return _SHOP + shop_id


def of_order(order: UUID) -> str:
    return "order_" + order.hex


def of_item(order: UUID, item: int) -> str:
    return f"item_{order.hex}_{item}"


def of_package(order: UUID, package: int) -> str:
    return f"package_{order.hex}_{package}"


def of_package_item(order: UUID, package: int, item: int) -> str:
    return f"packageitem_{order.hex}_{package}_{item}"


def of_cancellation(cancellation: UUID) -> str:
    return "cancellation_" + cancellation.hex


def of_event(order: UUID, sequence: int) -> str:
    return f"event_{order.hex}_{sequence}"


def uuid_of(text: str, kind: str) -> UUID | None:
    """The UUID in an id of this kind; None for any other text."""
    ref = parse(text)
    return ref.uuid if ref and ref.kind == kind else None


def parse(text: str) -> Ref | None:
    """The id's parts, or None if it is not one of ours. Shop ids are not parsed: compare with `of_shop`."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    kind, uuid, tail = match.groups()
    positions = tuple(int(part) for part in tail.split("_")[1:])
    return Ref(kind, UUID(hex=uuid), positions) if len(positions) == _POSITIONS[kind] else None


def find_package(order: Order, package_id: str) -> Package | None:
    """The order's package with this id."""
    return next((each for each in order.packages if of_package(order.id, each.position) == package_id), None)
