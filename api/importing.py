"""`shortship import`: what people are told while orders come in, and when they end it."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TaskProgressColumn, TimeRemainingColumn

from api.wiring import clock
from domain import ingestion
from domain.ingestion import ImportResult
from domain.intake.file import STANDARD_INPUT
from domain.rules.order import Shop
from domain.rules.vocabulary import FulfillmentErrorCode, ImportOutcome
from domain.storage.database import Database


async def run(database: Database, shop: Shop, path: Path, *, is_dry_run: bool, most_problems: int) -> int:
    """Imports, tells what became of it, and gives the exit code."""
    report = _Report(most_problems, is_repeatable=_is_file(path), is_dry_run=is_dry_run)
    told: list[signal.Signals] = []
    try:
        with _stopping(told) as stop, _progress(path) as bar:
            async for batch in ingestion.import_file(
                database, shop, path, actor="import", clock=clock, stop=stop, is_dry_run=is_dry_run
            ):
                for result in batch.results:
                    report.add(result)
                bar.update(TaskID(0), completed=batch.bytes_read)
    finally:
        report.end(is_stopped=bool(told))
    if told:
        return 128 + told[0]  # as shells have it
    return int(report.counts[ImportOutcome.REJECTED] > 0)


@dataclass
class _Report:
    """Tells the first problems one by one, and of the others how many there are of each kind."""

    most_problems: int
    is_repeatable: bool
    is_dry_run: bool
    counts: Counter[ImportOutcome] = field(default_factory=Counter)
    last: str = ""
    _told: int = 0
    _untold: Counter[FulfillmentErrorCode] = field(default_factory=Counter)

    def add(self, result: ImportResult) -> None:
        self.counts[result.outcome] += 1
        self.last = result.number
        for problem in result.problems:
            if self._told < self.most_problems:
                self._told += 1
                typer.echo(f"{result.number}: {problem.code.name}: {problem.message}", err=True)
            else:
                self._untold[problem.code] += 1

    def end(self, *, is_stopped: bool) -> None:
        if self._untold:
            kinds = ", ".join(f"{count:,} {code.name}" for code, count in self._untold.most_common())
            untold = f"{self._untold.total():,}"
            typer.echo(f"and {untold} more: {kinds}" if self._told else f"{untold} problems: {kinds}", err=True)
        if is_stopped:
            how_far = f"after {self.counts.total():,} orders, the last of them {self.last}" if self.last else "at once"
            advice = " Run it again for the others." if self.is_repeatable else ""
            typer.echo(f"Stopped {how_far}.{advice}", err=True)
        counts = ", ".join(f"{outcome.name.lower()} {self.counts[outcome]}" for outcome in ImportOutcome)
        typer.echo(f"{counts} (dry run: nothing is stored)" if self.is_dry_run else counts)


@contextmanager
def _stopping(told: list[signal.Signals]) -> Iterator[asyncio.Event]:
    """An event that is set with the first signal to stop, which goes to `told`; a second one ends it as it is."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def tell(number: signal.Signals) -> None:
        told.append(number)
        stop.set()
        leave()

    def leave() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, tell, number)
    try:
        yield stop
    finally:
        leave()


def _progress(path: Path) -> Progress:
    """A bar for people; silent where there is no terminal."""
    columns = (BarColumn(), TaskProgressColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    bar.add_task("", total=path.stat().st_size if _is_file(path) else None)
    return bar


def _is_file(path: Path) -> bool:
    """What was read of a pipe is gone."""
    return path != STANDARD_INPUT and path.is_file()
