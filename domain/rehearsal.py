"""The orders that a dry run would have stored so far."""

import sqlite3
from collections.abc import Collection, Iterable

from domain.parts import Checked, Part, checked_part
from domain.rules.order import Shop
from domain.storage.new_orders import Arrival


class Rehearsal:
    """Keeps them as they came in; on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._orders = sqlite3.connect("", isolation_level=None)  # a private temporary file
        self._orders.execute("CREATE TABLE orders (number, place, content, source_hash)")
        self._orders.execute("CREATE INDEX ix_orders_number ON orders (number)")

    def add(self, checked: Iterable[Checked]) -> None:
        rows = [
            (each.result.order.number, each.part.place, each.part.content, each.part.source_hash)
            for each in checked
            if each.part and isinstance(each.result, Arrival)
        ]
        self._orders.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)

    def seen(self, numbers: Iterable[str]) -> set[str]:
        """Those of these numbers that orders have."""
        return {number for number in numbers if self._parts(number)}

    def earlier(self, shop: Shop, numbers: Iterable[str]) -> list[Arrival]:
        """The orders with these numbers, in the order in which they were added; their ids are new each time."""
        found = [checked_part(shop, part).result for number in dict.fromkeys(numbers) for part in self._parts(number)]
        return [arrival for arrival in found if isinstance(arrival, Arrival)]

    def _parts(self, number: str) -> Collection[Part]:
        find = "SELECT place, content, source_hash FROM orders WHERE number = ? ORDER BY rowid"
        found = self._orders.execute(find, (number,))
        return [Part(place, content, source_hash, 0) for place, content, source_hash in found]

    def close(self) -> None:
        self._orders.close()
