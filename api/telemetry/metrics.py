"""Metrics for Prometheus, by operation name and never by shop."""

import asyncio
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from domain.rules.order import Cancellation
from domain.rules.vocabulary import RefundStatus
from domain.storage import outbox
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import BusyError, UnavailableError

# prometheus_client reads this variable at import: the folder that processes share their counts in.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OK = "ok"
OTHER = "other"
_MOST_NAMES = 100
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")
_LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BACKLOG_SECONDS = 1.0
# How stale the samples of other processes may be.
_SAMPLE_SECONDS = 5.0
# Its second number is the process's resident memory in pages; only Linux has it.
_STATM = Path("/proc/self/statm")

disable_created_metrics()  # type: ignore[no-untyped-call]  # nobody needs the time when a series began


class Metrics:
    """One application's metrics; several processes share them in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._parent = os.getppid()
        self._names: set[str] = set()
        self._registry = CollectorRegistry()
        counter, histogram = partial(Counter, registry=self._registry), partial(Histogram, registry=self._registry)
        gauge = partial(Gauge, registry=self._registry, multiprocess_mode="livesum")  # adds up over living processes
        self._requests = counter(
            "shortship_requests",
            "Operations that ended, over any transport, and requests refused before they became one (without a name), "
            "by outcome: ok, or the code of the first error.",
            ["operation", "outcome"],
        )
        self._seconds = histogram("shortship_request_seconds", "Duration of queries and mutations.", ["operation"])
        self._cancellations = counter(
            "shortship_cancellations", "New cancellations; replays are not counted.", ["scope", "reason"]
        )
        self._refunds = counter(
            "shortship_refunds_minor_units",
            "Refunds of these cancellations, in minor units of the currency (cents); not what nobody had paid.",
            ["currency"],
        )
        self._lag = histogram(
            "shortship_event_lag_seconds",
            "Time from an event until a live subscriber is given it.",
            buckets=_LAG_BUCKETS,
        )
        self._subscribers = gauge("shortship_subscribers", "Open subscriptions.")
        self._subscribers.set(0)  # an earlier process with this PID may have left its own value in the folder
        self._connections = gauge(
            "shortship_database_connections", "Connections for transactions, in use or idle.", ["purpose", "state"]
        )
        self._most_connections = gauge(
            "shortship_database_connections_max", "Maximum number of these connections.", ["purpose"]
        )
        self._memory = gauge("shortship_resident_memory_bytes", "Resident memory of the serving processes.")

    def operation(self, name: str, outcome: str, seconds: float | None = None) -> None:
        """Counts an operation that has ended. `seconds` is None for subscriptions: their duration says nothing."""
        known = self._known(name)
        self._requests.labels(known, outcome).inc()
        if seconds is not None:
            self._seconds.labels(known).observe(seconds)

    def refused(self, code: str) -> None:
        """Counts a request refused before execution."""
        self._requests.labels("", code).inc()

    def cancelled(self, cancellation: Cancellation, currency: str) -> None:
        """Counts a new cancellation; replays are not counted."""
        self._cancellations.labels(cancellation.scope.name, cancellation.reason.name).inc()
        if cancellation.refund_status is not RefundStatus.NOT_NEEDED:
            self._refunds.labels(currency).inc(cancellation.breakdown.total)

    @contextmanager
    def subscriber(self) -> Iterator[Callable[[datetime, datetime], None]]:
        """Counts a subscriber while it is connected; call the result with each event's time and the current time."""
        self._subscribers.inc()
        try:
            yield self._delivered
        finally:
            self._subscribers.dec()

    def sample(self, database: Database) -> None:
        """Sets this process's gauges."""
        for use in database.pools():
            self._connections.labels(use.purpose, "in_use").set(use.in_use)
            self._connections.labels(use.purpose, "idle").set(use.idle)
            self._most_connections.labels(use.purpose).set(use.most)
        if _STATM.exists():
            self._memory.set(int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    async def keep_sampling(self, database: Database, stop: asyncio.Event) -> None:
        """Samples until `stop` is set, since a scrape may reach any of the processes."""
        while not stop.is_set():
            self.sample(database)
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAMPLE_SECONDS):
                    await stop.wait()

    def close(self) -> None:
        """Removes the shared folder if the parent, which would have done so, is gone."""
        if self._folder and os.getppid() != self._parent:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _delivered(self, occurred_at: datetime, now: datetime) -> None:
        self._lag.observe(max((now - occurred_at).total_seconds(), 0))  # clocks are skewed

    def _known(self, name: str) -> str:
        """The name if it is among the first seen, else "other": clients choose names, and each is kept for ever."""
        if name and name not in self._names:
            if len(self._names) >= _MOST_NAMES or not _NAME.fullmatch(name):
                return OTHER
            self._names.add(name)
        return name

    def exposition(self, waiting: "Waiting | None") -> bytes:
        """All processes' metrics in Prometheus's text format; without the outbox's if `waiting` is None."""
        scraped = self._registry
        if self._folder:
            _forget_dead_processes(self._folder)
            scraped = CollectorRegistry()
            MultiProcessCollector(scraped, str(self._folder))  # type: ignore[no-untyped-call]
        common = CollectorRegistry()
        common.register(_Common(waiting))
        return generate_latest(scraped) + generate_latest(common)


@dataclass(frozen=True)
class Waiting:
    """Mails waiting to be sent: their number and the age of the oldest."""

    depth: int
    oldest_seconds: float


class _Common(Collector):
    """Metrics that are the same in every process."""

    def __init__(self, waiting: Waiting | None) -> None:
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("shortship_build_info", "Running version; always 1.", labels=["version", "python"])
        build.add_metric([version("shortship"), python_version()], 1)
        yield build
        if self._waiting:
            depth, oldest = self._waiting.depth, self._waiting.oldest_seconds
            yield GaugeMetricFamily("shortship_outbox_depth", "Mails waiting to be sent.", depth)
            yield GaugeMetricFamily("shortship_outbox_oldest_seconds", "Age of the oldest waiting mail.", oldest)


class Age:
    """How long something has lasted, even if the clock was set back after it began.

    The age never falls below the time that it has been observed for; `timer` is in seconds and monotonic.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._began_at: datetime | None = None
        self._seen_at = 0.0

    def seconds(self, began_at: datetime | None, now: datetime) -> float:
        """0 if `began_at` is None."""
        if began_at is None or began_at != self._began_at:
            self._began_at, self._seen_at = began_at, self._timer()
        if began_at is None:
            return 0
        return max((now - began_at).total_seconds(), self._timer() - self._seen_at)


class MetricsPage:
    """Answers Prometheus. It queries the database at most once a second, and gives it a second to answer."""

    def __init__(self, metrics: Metrics, database: Database, clock: Callable[[], datetime]) -> None:
        self._metrics = metrics
        self._database = database
        self._clock = clock
        self._turn = asyncio.Lock()
        self._looked_at = -math.inf
        self._age = Age()
        self._waiting: Waiting | None = None

    async def answer(self, _request: Request) -> Response:
        async with self._turn:
            if time.monotonic() - self._looked_at >= _BACKLOG_SECONDS:
                self._waiting = await self._look()
                self._looked_at = time.monotonic()
        self._metrics.sample(self._database)
        # There may be thousands of lines, so this runs outside the loop.
        text = await asyncio.to_thread(self._metrics.exposition, self._waiting)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _look(self) -> Waiting | None:
        try:
            async with asyncio.timeout(_BACKLOG_SECONDS), self._database.reading(EVERY_SHOP) as connection:
                backlog = await outbox.backlog(connection)
        except (TimeoutError, BusyError, UnavailableError):
            return None
        return Waiting(backlog.depth, self._age.seconds(backlog.oldest_at, self._clock()))


def _forget_dead_processes(folder: Path) -> None:
    """Drops the gauges of killed processes, such as open subscriptions; their counters stay."""
    for path in folder.glob("gauge_live*.db"):
        pid = int(path.stem.rpartition("_")[2])
        with suppress(FileNotFoundError):  # another process may be scraped at the same time
            if not _is_alive(pid):
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
