"""Measures speed side by side with hand-written endpoints: `make bench`, or `make bench QUICK=1`."""

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import orjson
import sqlalchemy as sa

from api import auth
from tests.bench import dataset, driver, events, growth, largest, mail, profiling, rates
from tests.bench.driver import Load
from tests.bench.operations import R1, SECRET, SHOP, cancelling, query, request
from tests.bench.servers import COMMAND, OTHER_CORE, bare, on_both_cores, postgresql, product
from tests.bench.table import Row, show, spread
from tests.support.postgresql import EmbeddedServer, connected

# Enough turns to show the noise of slow measurements; fast ones get more.
_TURNS_OF_LONG_RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="take two minutes instead of eight; skip growth")
    parser.add_argument("--orders", type=int, default=1_000_000, help="largest number of orders to measure growth at")
    parser.add_argument("--profile", action="store_true", help="only profile R1 and C1")
    is_quick, most = (given := parser.parse_args()).quick, given.orders
    began = time.monotonic()
    with postgresql() as server, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = stack.enter_context(closing(Bench(server.url, Path(folder), is_quick=is_quick)))
        if given.profile:
            bench.profile()
            return
        rows = bench.starting()
        with on_both_cores(server):
            rows += bench.importing()
        rows += bench.side_by_side(_pgbench_of(server))
        rows.append(bench.largest())
        rows += [*bench.events(), bench.mailing()]
        rows += [] if is_quick else bench.growth(most)
    show(rows)
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")


def _pgbench_of(server: object) -> Path:
    return server.binaries / "pgbench" if isinstance(server, EmbeddedServer) else Path("pgbench")


class Bench:
    """One run, on databases of its own on the given server."""

    def __init__(self, url: str, folder: Path, *, is_quick: bool) -> None:
        self._server = sa.make_url(url)
        self._folder = folder
        self._turns, self._seconds = (3, 1.0) if is_quick else (5, 2.0)
        self._is_quick = is_quick
        self._token = auth.mint(
            SECRET,
            shop_id=SHOP,
            subject="bench",
            scopes=["orders:read", "orders:cancel"],
            seconds=86_400,
            now=time.time(),
        )
        self._made: list[str] = []
        self._url = self._new("main")
        self._run("migrate")
        self._run("shop", "create", SHOP, "--name", "Bench")
        (folder / "templates.jsonl").write_bytes(b"\n".join(map(orjson.dumps, dataset.templates())))
        self._run("import", "--shop", SHOP, str(folder / "templates.jsonl"))

    def profile(self) -> None:
        asyncio.run(dataset.fill(self._url, 10_000))
        units = [(order, item) for order, item, _ in rates.units(self._url)]
        profiling.profile(self._url, self._token, units)

    def starting(self) -> list[Row]:
        """Time from starting a process until it is ready."""
        times = []
        for _ in range(self._turns):
            began = time.monotonic()
            with product(self._url):
                times.append(time.monotonic() - began)
        return [Row("start to ready", f"{median(times):.2f} s", noise=spread(times), goal="1.5 s")]

    def importing(self) -> list[Row]:
        """For each kind of order, what `_imports` measures."""
        kinds = {
            "orders of 13 rows": dataset.lines,
            "small orders": dataset.small_lines,
            "marketplace orders": dataset.marketplace_answer,
        }
        return [row for kind, made in kinds.items() for row in self._imports(kind, self._files(kind, made))]

    def _imports(self, kind: str, files: dict[int, Path]) -> list[Row]:
        """Import rates into PostgreSQL, start-up excluded, and peak memory; then rates of the same files again.

        A third to two thirds of the work is PostgreSQL's, which grows with the rows of an order.
        """
        new, again, memory = [], [], ""
        for _ in range(_TURNS_OF_LONG_RUNS):
            urls = [self._new("import", template=self._url) for _ in files]
            rate, memory = self._import_rate(urls, files)
            new.append(rate)
            again.append(self._import_rate(urls, files)[0])
        return [
            Row(f"import, {kind}", f"{median(new):.0f}/s", memory, noise=spread(new, 0), goal="8000/s"),
            Row(f"again, {kind}", f"{median(again):.0f}/s", noise=spread(again, 0), goal="20000/s"),
        ]

    def _files(self, kind: str, made: Callable[[int], bytes]) -> dict[int, Path]:
        """Two files of orders, by how many they hold."""
        files = {}
        for count in (2_000, 10_000) if self._is_quick else (10_000, 40_000):
            files[count] = self._folder / f"{count} {kind}.json"
            files[count].write_bytes(made(count))
        return files

    def _import_rate(self, urls: list[str], files: dict[int, Path]) -> tuple[float, str]:
        """Orders a second, by what the larger file takes longer than the smaller one; and the peak memory of each."""
        few, many = files
        (short, small), (long, large) = [self._timed_import(*each) for each in zip(urls, files.values(), strict=True)]
        return (many - few) / (long - short), f"{large:.0f} MB at {many:,}, {small:.0f} MB at {few:,}"

    def _timed_import(self, url: str, file: Path) -> tuple[float, float]:
        """Seconds, and peak memory in megabytes."""
        script = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL,"
            " stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
        )
        began = time.monotonic()
        finished = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", script, COMMAND, "import", "--shop", SHOP, str(file)],
            env=self._environment(url),
            capture_output=True,
            check=True,
        )
        return time.monotonic() - began, float(finished.stdout)

    def side_by_side(self, pgbench: Path) -> list[Row]:
        """Alternates between the product and the bare endpoints, each writing to its own database."""
        asyncio.run(dataset.fill(self._url, 10_000))
        order = self._with_cancellations()
        other = self._new("other", template=self._url)
        found, theirs = ([unit for unit in rates.units(url) if unit[0] != order] for url in (self._url, other))
        with product(self._url) as ours, bare(other) as by_hand:
            turns = rates.Turns(ours, by_hand, self._token, count=self._turns, seconds=self._seconds)
            rows = rates.reading(turns, f"order_{order}")
            rows.append(Row("memory under R1", f"{ours.megabytes():.0f} MB", goal="150 MB"))
            rows += rates.writing(turns, found[:-1], theirs[:-1])
            rows.append(turns.on_one_order(self._url, other, pgbench))
            rows.append(self._driver(by_hand.port))
        assert self._run("check").endswith("hold.\n"), "the stored data is not sound"
        return rows

    def largest(self) -> Row:
        """Cancels the largest orders, in a database of their own."""
        url, file = self._new("largest"), self._folder / "largest.jsonl"
        file.write_bytes(largest.lines())
        self._run("migrate", url=url)
        self._run("shop", "create", SHOP, "--name", "Bench", url=url)
        self._run("import", "--shop", SHOP, str(file), url=url)
        return largest.row(url, self._token)

    def _with_cancellations(self) -> str:
        """Cancels one unit of each cancellable item of an order, and returns the order."""
        found = rates.units(self._url)
        order = found[0][0]
        bodies = cancelling((each, item) for each, item, _ in found if each == order)
        with product(self._url) as process:
            requests = [request(process.port, self._token, body) for body in bodies]
            outcome = driver.run(Load(process.port, requests, 10, connections=1, is_repeated=False))
        assert outcome.answered == len(bodies), outcome.refusal
        return order

    def _driver(self, port: int) -> Row:
        """The driver's own ceiling: answers of similar size from an endpoint that does no work."""
        load = Load(port, [request(port, self._token, query(R1), "/constant")], self._seconds)
        found = [driver.run(load) for _ in range(self._turns)]
        answered = [each.answered / each.seconds for each in found]
        return Row("driver alone, constant answers", f"{median(answered):.0f}/s", noise=spread(answered, 0))

    def events(self) -> list[Row]:
        """Latency from an event to its subscribers, in the process that made it and in another."""
        rows = []
        found = [(order, item) for order, item, _ in rates.units(self._url)]
        with product(self._url) as one, product(self._url, core=OTHER_CORE) as another:
            for where, acting, goal in (("same process", one, "10 ms"), ("other process", another, "50 ms")):
                alone: list[float] = []
                for subscribers in (1, 100, 1_000):
                    some, found = found[:10], found[10:]
                    heard = events.latencies(one.port, acting.port, self._token, some, subscribers)
                    alone = alone or heard
                    rows.append(events.row(where, subscribers, heard, alone, goal if subscribers == 1 else "2.0"))
        return rows

    def mailing(self) -> Row:
        """Sends the mail of every cancellation so far."""
        return mail.emptied(self._url)

    def growth(self, most: int) -> list[Row]:
        """The same operations, with more and more orders stored."""
        url = self._new("growth")
        self._run("migrate", url=url)
        self._run("shop", "create", SHOP, "--name", "Bench", url=url)
        self._run("import", "--shop", SHOP, str(self._folder / "templates.jsonl"), url=url)
        with product(url) as process:
            return growth.growth(process, self._token, url, most=most, turns=_TURNS_OF_LONG_RUNS)

    def _run(self, *command: str, url: str = "") -> str:
        finished = subprocess.run(  # noqa: S603 - our own command
            [COMMAND, *command], env=self._environment(url or self._url), capture_output=True, text=True, check=True
        )
        return finished.stdout

    def _environment(self, url: str) -> dict[str, str]:
        return os.environ | {"SHORTSHIP_DATABASE_URL": url, "SHORTSHIP_JWT_SECRET": SECRET}  # noqa: TID251 - passed on to a command

    def close(self) -> None:
        """Drops its databases: the server may be someone else's."""
        for name in self._made:
            asyncio.run(self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def _new(self, name: str, template: str | None = None) -> str:
        """Creates a database, optionally as a copy of the one at the URL `template`, and returns its URL."""
        name = f"shortship_bench_{name}_{secrets.token_hex(4)}"
        source = sa.make_url(template).database if template else "template1"
        asyncio.run(self._execute(f"CREATE DATABASE {name} TEMPLATE {source}"))
        self._made.append(name)
        return self._server.set(database=name).render_as_string(hide_password=False)

    async def _execute(self, statement: str) -> None:
        connection = await connected(self._server.render_as_string(hide_password=False))
        await connection.execute(statement)
        await connection.close()


if __name__ == "__main__":
    main()
