"""How many pages, orders and cancellations a second, beside the same by hand."""

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

# Of copies: what is copied stays as it came in.
_UNITS = """SELECT p.order_id, p.item, p.package FROM package_items p
JOIN packages k ON k.shop_id = p.shop_id AND k.order_id = p.order_id AND k.position = p.package
JOIN orders o ON o.shop_id = p.shop_id AND o.id = p.order_id
WHERE p.shop_id = $1 AND o.number LIKE '%-%'
AND k.status = 'AWAITING_SHIPMENT' AND p.quantity - p.cancelled_quantity >= 3
ORDER BY md5(p.order_id::text), p.item LIMIT 30000"""


class Turns:
    """Takes turns between the product and the bare endpoints, and notes what each of them did."""

    def __init__(self, product: Process, bare: Process, token: str, *, count: int, seconds: float) -> None:
        self._product = product
        self._bare = bare
        self._token = token
        self._count = count
        self._seconds = seconds
        self._cpu: dict[str, list[float]] = {}

    def read(self, name: str, path: str, body: bytes, goal: str) -> list[Row]:
        """A reading operation; raises AssertionError where the answers differ."""
        ours = request(self._product.port, self._token, body)
        others = request(self._bare.port, self._token, body, path)
        outcomes = [self._both([ours], [others], is_repeated=True) for _ in range(self._count)]
        answers = [orjson.loads(each.first) for each in outcomes[0]]
        assert answers[0] == answers[1], "the bare endpoint answers something else"
        return self._rows(name, outcomes, goal)

    def write(self, name: str, ours: Iterator[bytes], others: Iterator[bytes], goal: str) -> list[Row]:
        """A writing operation, whose requests are sent once each."""
        each = int(2_500 * self._seconds)
        outcomes = []
        for _ in range(self._count):
            requests = [request(self._product.port, self._token, body) for body in islice(ours, each)]
            beside = [request(self._bare.port, self._token, body, "/c1") for body in islice(others, each)]
            outcomes.append(self._both(requests, beside, is_repeated=False))
        return self._rows(name, outcomes, goal)

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
            f"{name}, CPU of the server",
            f"{median(ours):.2f} ms",
            f"{median(others):.2f} ms",
            f"{median(ratios):.2f}",
            spread(ratios),
        )
        return [ratio_row(name, "/s", *rates, goal=goal), cpu]


def units(url: str) -> list[tuple[str, int, int]]:
    """Order, item and package of units that may be cancelled, in no particular order."""

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


def on_one_order(  # noqa: PLR0913 - each of them is another thing
    process: Process, token: str, url: str, other_url: str, pgbench: Path, *, count: int, seconds: float
) -> Row:
    """All clients on one order that has units enough, beside pgbench on another database."""
    order, item, package = units(url)[-1]
    many = "UPDATE {} SET quantity = 1000000 WHERE order_id = $1 AND {} = $2"

    async def enlarge(database: str) -> None:
        connection = await asyncpg.connect(database)
        for table, column in (("package_items", "item"), ("order_items", "position")):
            await connection.execute(many.format(table, column), UUID(hex=order), item)
        await connection.close()

    async def cancelled() -> int:
        connection = await asyncpg.connect(url)
        statement = "SELECT sum(cancelled_quantity) FROM package_items WHERE order_id = $1 AND item = $2"
        found = await connection.fetchval(statement, UUID(hex=order), item)
        await connection.close()
        return int(found)

    asyncio.run(enlarge(url))
    asyncio.run(enlarge(other_url))
    before, answered = asyncio.run(cancelled()), 0
    ours, others = [], []
    for _ in range(count):
        requests = [request(process.port, token, body) for body in cancelling([(order, item)] * int(2_000 * seconds))]
        outcome = driver.run(Load(process.port, requests, seconds, is_repeated=False))
        assert not outcome.refused, outcome.refusal
        answered += outcome.answered
        ours.append(outcome.answered / outcome.seconds)
        others.append(_pgbench(pgbench, other_url, pgbench_script(UUID(hex=order), item, package), seconds))
    assert asyncio.run(cancelled()) - before == answered, "units were lost or cancelled twice"
    return ratio_row("C2: all on one order; beside: pgbench", "/s", ours, others, goal="0.5, exactly the units")


def _pgbench(command: Path, url: str, script: str, seconds: float) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        options = ["-n", "-c8", "-j1", "-M", "prepared", f"-T{max(int(seconds), 1)}", "-f", file.name, url]
        finished = subprocess.run([str(command), *options], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert finished.returncode == 0, finished.stderr[-2000:]
    [rate] = [line for line in finished.stdout.splitlines() if line.startswith("tps")]
    return float(rate.split()[2])
