"""Whether pages and cancellations slow down as orders pile up."""

import asyncio
from statistics import median

import asyncpg

from domain.rules import cursor
from tests.bench import dataset, driver
from tests.bench.driver import Load
from tests.bench.operations import DEEP, FILTERED, R1, RARE, SHOP, cancelling, query, request
from tests.bench.rates import units
from tests.bench.servers import Process
from tests.bench.table import Row, spread

_FEWEST = 10_000


def growth(process: Process, token: str, url: str, *, most: int, turns: int) -> list[Row]:
    """Rates with more and more orders, each compared with the rate at the fewest."""
    counts = [count for count in (_FEWEST, 100_000, 1_000_000) if count <= most]
    measured: dict[str, list[list[float]]] = {}
    start, sizes = 0, []
    for count in counts:
        asyncio.run(dataset.fill(url, count - start, start=start))
        start = count
        sizes.append(asyncio.run(dataset.size(url)))
        reading = {
            "R1": query(R1),
            "R1, filtered": query(FILTERED),
            "R1, by a rare status": query(RARE),
            "R1, from the middle": query(DEEP, after=asyncio.run(_middle(url))),
        }
        for name, body in reading.items():
            found = [_rate(process, token, [body], is_repeated=True) for _ in range(turns)]
            measured.setdefault(name, []).append(found)
        bodies = cancelling((order, item) for order, item, _ in units(url))
        per_turn = len(bodies) // turns
        writing = [bodies[turn * per_turn : (turn + 1) * per_turn] for turn in range(turns)]
        measured.setdefault("C1", []).append([_rate(process, token, some, is_repeated=False) for some in writing])
    each = (sizes[-1] - sizes[0]) / (counts[-1] - counts[0])
    stored = Row("stored for an order, with its indexes", f"{each / 1000:.1f} kB")
    return [*(row for name, rates in measured.items() for row in _rows(name, counts, rates)), stored]


async def _middle(url: str) -> str:
    """The cursor of the median order."""
    connection = await asyncpg.connect(url)
    key = await connection.fetchval("SELECT cursor_key FROM shops WHERE id = $1", SHOP)
    number, date = await connection.fetchrow(
        "SELECT id, ship_by FROM orders WHERE shop_id = $1 ORDER BY ship_by, id"
        " OFFSET (SELECT count(*) / 2 FROM orders WHERE shop_id = $1) LIMIT 1",
        SHOP,
    )
    await connection.close()
    return cursor.sign(key, "SHIP_BY", f"{number.hex} {date.isoformat()}")


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
