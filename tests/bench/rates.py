"""Pages, orders and cancellations per second, beside the bare endpoints."""

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import orjson

from tests.bench import driver
from tests.bench.driver import Load
from tests.bench.operations import R1, R2, SHOP, cancelling, query, request
from tests.bench.servers import Process
from tests.bench.statements import pgbench_script
from tests.bench.table import Row, ratio_row, spread

# Units of copies only: the templates must stay as imported.
_UNITS = """SELECT p.order_id, p.item, p.package FROM package_items p
JOIN packages k ON k.shop_id = p.shop_id AND k.order_id = p.order_id AND k.position = p.package
JOIN orders o ON o.shop_id = p.shop_id AND o.id = p.order_id
WHERE p.shop_id = $1 AND o.number LIKE '%-%'
AND k.status = 'AWAITING_SHIPMENT' AND p.quantity - p.cancelled_quantity >= 3
ORDER BY md5(p.order_id::text), p.item LIMIT 30000"""


class Turns:
    """Alternates between the product and the bare endpoints, and compares their rates and CPU time."""

    def __init__(self, product: Process, bare: Process, token: str, *, count: int, seconds: float) -> None:
        self._product = product
        self._bare = bare
        self._token = token
        self._count = count
        self._seconds = seconds
        self._cpu: dict[str, list[float]] = {}

    def read(self, name: str, path: str, body: bytes, goal: str) -> list[Row]:
        """Measures a query; raises AssertionError if the answers differ."""
        ours = request(self._product.port, self._token, body)
        others = request(self._bare.port, self._token, body, path)
        outcomes = [self._both([ours], [others], is_repeated=True) for _ in range(self._count)]
        answers = [orjson.loads(each.first) for each in outcomes[0]]
        assert answers[0] == answers[1], "the bare endpoint's answer differs"
        return self._rows(name, outcomes, goal)

    def write(self, name: str, ours: Iterator[bytes], others: Iterator[bytes], goal: str) -> list[Row]:
        """Measures a mutation, sending each request once."""
        each = int(2_500 * self._seconds)
        outcomes = []
        for _ in range(self._count):
            requests = [request(self._product.port, self._token, body) for body in islice(ours, each)]
            beside = [request(self._bare.port, self._token, body, "/c1") for body in islice(others, each)]
            outcomes.append(self._both(requests, beside, is_repeated=False))
        return self._rows(name, outcomes, goal)

    def on_one_order(self, url: str, other_url: str, pgbench: Path) -> Row:
        """Sends all cancellations to one order with plenty of units, beside pgbench on another database."""
        order, item, package = units(url)[-1]
        order_id = UUID(hex=order)
        for database in (url, other_url):
            asyncio.run(_enlarge(database, order_id, item))
        script = pgbench_script(order_id, item, package)
        before, answered = asyncio.run(_cancelled(url, order_id, item)), 0
        ours, others = [], []
        for _ in range(self._count):
            bodies = cancelling([(order, item)] * int(2_000 * self._seconds))
            requests = [request(self._product.port, self._token, body) for body in bodies]
            outcome = driver.run(Load(self._product.port, requests, self._seconds, is_repeated=False))
            assert not outcome.refused, outcome.refusal
            answered += outcome.answered
            ours.append(outcome.answered / outcome.seconds)
            others.append(_pgbench(pgbench, other_url, script, self._seconds))
        assert asyncio.run(_cancelled(url, order_id, item)) - before == answered, "units were lost or cancelled twice"
        return ratio_row("C2: all clients on one order, beside pgbench", "/s", ours, others, goal="0.5, units exact")

    def _both(
        self, ours: list[bytes], others: list[bytes], *, is_repeated: bool
    ) -> tuple[driver.Outcome, driver.Outcome]:
        return (
            self._one("ours", self._product, ours, is_repeated=is_repeated),
            self._one("others", self._bare, others, is_repeated=is_repeated),
        )

    def _one(self, name: str, process: Process, requests: list[bytes], *, is_repeated: bool) -> driver.Outcome:
        before = process.cpu()
        outcome = driver.run(Load(process.port, requests, self._seconds, is_repeated=is_repeated))
        assert not outcome.refused, outcome.refusal
        self._cpu.setdefault(name, []).append((process.cpu() - before) / outcome.answered * 1000)
        return outcome

    def _rows(self, name: str, outcomes: list[tuple[driver.Outcome, driver.Outcome]], goal: str) -> list[Row]:
        rates = [[each.answered / each.seconds for each in side] for side in zip(*outcomes, strict=True)]
        ours, others = self._cpu.pop("ours"), self._cpu.pop("others")
        ratios = [other / mine for mine, other in zip(ours, others, strict=True)]
        cpu = Row(
            f"{name}, server CPU per call",
            f"{median(ours):.2f} ms",
            f"{median(others):.2f} ms",
            f"{median(ratios):.2f}",
            spread(ratios),
        )
        return [ratio_row(name, "/s", *rates, goal=goal), cpu]


def units(url: str) -> list[tuple[str, int, int]]:
    """The order, item and package of units that may be cancelled, in no meaningful order."""

    async def find() -> list[tuple[str, int, int]]:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(_UNITS, SHOP)
        await connection.close()
        return [(row[0].hex, row[1], row[2]) for row in rows]

    return asyncio.run(find())


def reading(turns: Turns, order_id: str) -> list[Row]:
    return [
        *turns.read("R1: 20 orders", "/r1", query(R1), "0.5"),
        *turns.read("R2: one order", "/r2", query(R2, id=order_id), "0.5"),
    ]


def writing(turns: Turns, found: list[tuple[str, int, int]], others: list[tuple[str, int, int]]) -> list[Row]:
    ours = iter(cancelling((order, item) for order, item, _ in found * 3))
    beside = iter(cancelling((order, item) for order, item, _ in others * 3))
    return turns.write("C1: one unit", ours, beside, "0.7")


async def _enlarge(url: str, order_id: UUID, item: int) -> None:
    many = "UPDATE {} SET quantity = 1000000 WHERE order_id = $1 AND {} = $2"
    connection = await asyncpg.connect(url)
    for table, column in (("package_items", "item"), ("order_items", "position")):
        await connection.execute(many.format(table, column), order_id, item)
    await connection.close()


async def _cancelled(url: str, order_id: UUID, item: int) -> int:
    statement = "SELECT sum(cancelled_quantity) FROM package_items WHERE order_id = $1 AND item = $2"
    connection = await asyncpg.connect(url)
    found = await connection.fetchval(statement, order_id, item)
    await connection.close()
    return int(found)


def _pgbench(command: Path, url: str, script: str, seconds: float) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        options = ["-n", "-c8", "-j1", "-M", "prepared", f"-T{max(int(seconds), 1)}", "-f", file.name, url]
        finished = subprocess.run([str(command), *options], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert finished.returncode == 0, finished.stderr[-2000:]
    [rate] = [line for line in finished.stdout.splitlines() if line.startswith("tps")]
    return float(rate.split()[2])
