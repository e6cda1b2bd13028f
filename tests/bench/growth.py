"""Whether pages and cancellations take longer among many orders."""

import asyncio
from statistics import median

from tests.bench import dataset, driver
from tests.bench.driver import Load
from tests.bench.operations import FILTERED, R1, cancelling, query, request
from tests.bench.rates import units
from tests.bench.servers import Process
from tests.bench.table import Row, spread

_FEWEST = 10_000


def growth(process: Process, token: str, url: str, *, most: int, turns: int) -> list[Row]:
    """Rates at more and more orders, each against that at the fewest."""
    counts = [count for count in (_FEWEST, 100_000, 1_000_000) if count <= most]
    measured: dict[str, list[list[float]]] = {"R1": [], "R1, filtered": [], "C1": []}
    start, sizes = 0, []
    for count in counts:
        asyncio.run(dataset.fill(url, count - start, start=start))
        start = count
        sizes.append(asyncio.run(dataset.size(url)))
        found = units(url)
        reading = {"R1": [query(R1)], "R1, filtered": [query(FILTERED)]}
        for name, bodies in reading.items():
            measured[name].append([_rate(process, token, bodies, is_repeated=True) for _ in range(turns)])
        bodies = cancelling((order, item) for order, item, _ in found)
        per_turn = len(bodies) // turns
        writing = [bodies[turn * per_turn : (turn + 1) * per_turn] for turn in range(turns)]
        measured["C1"].append([_rate(process, token, some, is_repeated=False) for some in writing])
    each = (sizes[-1] - sizes[0]) / (counts[-1] - counts[0])
    stored = Row("stored for an order, with its indexes", f"{each / 1000:.1f} kB")
    return [*(row for name, rates in measured.items() for row in _rows(name, counts, rates)), stored]


def _rate(process: Process, token: str, bodies: list[bytes], *, is_repeated: bool) -> float:
    requests = [request(process.port, token, body) for body in bodies]
    outcome = driver.run(Load(process.port, requests, 1.5, is_repeated=is_repeated))
    assert not outcome.refused, outcome.refusal
    return outcome.answered / outcome.seconds


def _rows(name: str, counts: list[int], rates: list[list[float]]) -> list[Row]:
    few = median(rates[0])
    return [
        Row(
            f"{name} at {count:,} orders",
            f"{median(found):.0f}/s",
            f"{few:.0f}/s",
            f"{few / median(found):.2f}",
            spread(found, 0),
            "1.3",
        )
        for count, found in zip(counts[1:], rates[1:], strict=True)
    ]
