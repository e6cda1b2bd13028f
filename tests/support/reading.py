"""Makes files of orders, and reads them as an import does."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.intake import formats
from domain.intake.file import FileOrder, UnreadableFileError, read_orders
from domain.rules.order import value
from domain.rules.order_input import Incoming
from domain.rules.vocabulary import FulfillmentErrorCode

AN_ORDER: dict[str, Any] = {  # JSON has no precise type
    "number": "1001",
    "status": "AWAITING_SHIPMENT",
    "currency": "USD",
    "pricesIncludeTax": True,
    "placedAt": "2026-03-01T09:30:00Z",
    "buyer": {"name": "Ada Büyer 🎁", "email": "ada@example.com"},
    "items": [
        {
            "ref": "a",
            "sku": "S-1",
            "productId": "P-1",
            "productName": 'A "dress", [long] {linen} \\',
            "quantity": 2,
            "subtotal": "20.00",
        }
    ],
    "shippingFee": "0.00",
    "shippingTax": "0.00",
    "total": "20.00",
}


def an_order(number: str = "1001", **changes: object) -> dict[str, Any]:
    return AN_ORDER | {"number": number} | changes


def an_order_with(item: dict[str, object]) -> dict[str, Any]:
    return an_order(items=[AN_ORDER["items"][0] | item])


@value
class Read:
    """An order as it was read; `name` is its number, or its place if it has none."""

    name: str
    content: formats.Content
    bytes_read: int


def read_as(order: FileOrder) -> Read:
    number, content = formats.read(order.part)
    return Read(number or order.place, content, order.bytes_read)


class Files:
    """Makes files and reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, content: str | bytes, name: str = "orders.json") -> Path:
        path = self._folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, content: str | bytes, name: str = "orders.json") -> list[Read]:
        return list(map(read_as, read_orders(self.of(content, name))))

    def names(self, content: str | bytes, name: str = "orders.json") -> list[str]:
        """The names of the orders, all of which can be read."""
        orders = self.read(content, name)
        assert [order.content for order in orders if not isinstance(order.content, Incoming)] == []
        return [order.name for order in orders]

    def problem(self, order: object) -> tuple[str, str, str]:
        """Name, path and message of the only problem with an order after another one."""
        _, found = self.read(json.dumps([an_order("0"), order]))
        assert isinstance(found.content, tuple)
        [problem] = found.content
        assert problem.code is FulfillmentErrorCode.INVALID_VALUE
        return found.name, ".".join(problem.path), problem.message

    def broken(self, content: str | bytes) -> tuple[list[str], str]:
        """The names of the orders in a file that cannot be read, and the message without the path."""
        path = self.of(content)
        names, message = self.unreadable(path)
        return names, message.removeprefix(f"{path} ")

    def unreadable(self, path: Path) -> tuple[list[str], str]:
        names: list[str] = []
        with pytest.raises(UnreadableFileError) as caught:
            names.extend(read_as(order).name for order in read_orders(path))
        return names, str(caught.value)


def sound_orders(path: Path) -> list[Incoming]:
    """The orders of a file that can be read, before they are checked."""
    contents = [formats.read(order.part)[1] for order in read_orders(path)]
    return [content for content in contents if isinstance(content, Incoming)]


ONE, TWO = json.dumps(an_order("1")), json.dumps(an_order("2"))
READABLE = (
    'orders can be read as one order, an array, {"orders": [...]}, the marketplace\'s answer, an array of answers, or'
    " JSON lines of these, where an order has line_items and payment (the marketplace's) or items (our own)."
)
