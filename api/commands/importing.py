"""`import`: imports a file of orders, and reports on it."""

import asyncio
import gc
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

from api.commands.databases import check_migrated, find_shop, on_database
from api.wiring import clock
from domain import ingestion
from domain.arriving import ImportResult
from domain.intake.source import STANDARD_INPUT
from domain.rules.order import Shop
from domain.rules.vocabulary import FulfillmentErrorCode, ImportOutcome
from domain.storage.engine.database import Database

# Orders have no cycles, so they are freed without the collector, which would take a third of the time to look at them.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000


def import_orders(shop_id: str, path: Path, *, is_dry_run: bool, most_problems: int, is_verbose: bool) -> None:
    """Exits with code 1 if an order was rejected, and as shells do if it was stopped by a signal."""
    most = None if is_verbose else most_problems
    report = Report(most, is_repeatable=_is_file(path), is_dry_run=is_dry_run)

    async def run(database: Database) -> int:
        await check_migrated(database)
        return await _import(database, await find_shop(database, shop_id), path, report)

    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    if code := on_database(run):
        raise SystemExit(code)


async def _import(database: Database, shop: Shop, path: Path, report: "Report") -> int:
    """Reports on each order as it is imported; returns the exit code."""
    stopped_by: list[signal.Signals] = []
    try:
        with _stopping(stopped_by) as stop, _progress(path) as bar:
            async for batch in ingestion.import_file(
                database, shop, path, actor="import", clock=clock, stop=stop, is_dry_run=report.is_dry_run
            ):
                for result in batch.results:
                    report.add(result)
                bar.update(TaskID(0), completed=batch.bytes_read)
    finally:
        report.end(is_stopped=bool(stopped_by))
    if stopped_by:
        return 128 + stopped_by[0]
    return int(report.counts[ImportOutcome.REJECTED] > 0)


@dataclass
class Report:
    """Prints the first problems one by one, and counts the rest by kind; without a limit prints notes, too."""

    most_problems: int | None
    is_repeatable: bool
    is_dry_run: bool
    counts: Counter[ImportOutcome] = field(default_factory=Counter)
    last: str = ""
    _listed: int = 0
    _unlisted: Counter[FulfillmentErrorCode] = field(default_factory=Counter)

    def add(self, result: ImportResult) -> None:
        self.counts[result.outcome] += 1
        self.last = result.number
        for problem in result.problems:
            if self.most_problems is None or self._listed < self.most_problems:
                self._listed += 1
                typer.echo(f"{result.number}: {problem.code.name}: {problem.message}", err=True)
            else:
                self._unlisted[problem.code] += 1
        if self.most_problems is None:
            for note in result.notes:
                typer.echo(f"{result.number}: note {note.code.name}: {note.message}", err=True)

    def end(self, *, is_stopped: bool) -> None:
        if self._unlisted:
            kinds = ", ".join(f"{count:,} {code.name}" for code, count in self._unlisted.most_common())
            total = f"{self._unlisted.total():,}"
            typer.echo(f"and {total} more: {kinds}" if self._listed else f"{total} problems: {kinds}", err=True)
        if is_stopped:
            how_far = f"after {self.counts.total():,} orders, the last of them {self.last}" if self.last else "at once"
            advice = " Run it again for the rest." if self.is_repeatable else ""
            typer.echo(f"Stopped {how_far}.{advice}", err=True)
        if self.is_dry_run:
            typer.echo("Dry run: nothing is stored.")
        typer.echo(", ".join(f"{outcome.name.lower()} {self.counts[outcome]}" for outcome in ImportOutcome))


@contextmanager
def _stopping(stopped_by: list[signal.Signals]) -> Iterator[asyncio.Event]:
    """An event, set by the first signal to stop, which is put into `stopped_by`; a second one kills the command."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def handle(number: signal.Signals) -> None:
        stopped_by.append(number)
        stop.set()
        remove_handlers()

    def remove_handlers() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, handle, number)
    try:
        yield stop
    finally:
        remove_handlers()


def _progress(path: Path) -> Progress:
    """A progress bar on a terminal; silent elsewhere."""
    columns = (BarColumn(), TaskProgressColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    bar.add_task("", total=path.stat().st_size if _is_file(path) else None)
    return bar


def _is_file(path: Path) -> bool:
    """A pipe cannot be read again."""
    return path != STANDARD_INPUT and path.is_file()
