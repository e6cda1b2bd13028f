"""What is counted, for Prometheus to fetch: by the names of operations, never by shop."""

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
from domain.storage import outbox
from domain.storage.backend import EVERY_SHOP
from domain.storage.database import Database
from domain.storage.faults import BusyError, UnavailableError

# The variable by which prometheus_client learns, while it is imported, where processes leave what they have counted.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OK = "ok"
OTHER = "other"
_MOST_NAMES = 100
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")
_LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BACKLOG_SECONDS = 1.0
# How old what is told of other processes may be.
_SAMPLE_SECONDS = 5.0
# The second number there is the process's resident memory in pages; only Linux has it.
_STATM = Path("/proc/self/statm")

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each series began is of no use to anyone


class Metrics:
    """The counters of one application, in the folder that its processes share where it has several."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._parent = os.getppid()
        self._names: set[str] = set()
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "shortship_requests",
            "Operations that ended, over every transport, and requests that were refused before they were one "
            "(without a name); the outcome is ok or the code of the first error.",
            ["operation", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "shortship_request_seconds", "How long queries and mutations took.", ["operation"], registry=registry
        )
        self._cancellations = Counter(
            "shortship_cancellations", "Cancellations that were made.", ["scope", "reason"], registry=registry
        )
        self._refunds = Counter(
            "shortship_refunds_minor_units",
            "What these cancellations give back, in minor units of the currency (cents).",
            ["currency"],
            registry=registry,
        )
        self._lag = Histogram(
            "shortship_event_lag_seconds",
            "From an event to the moment it is given to a subscriber that follows live.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self._subscribers = Gauge(
            "shortship_subscribers", "Subscriptions that are open.", registry=registry, multiprocess_mode="livesum"
        )
        self._subscribers.set(0)  # a process with this number may have left another in the folder
        self._connections = Gauge(
            "shortship_database_connections",
            "Connections for transactions that are in use, or open and idle.",
            ["purpose", "state"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._most_connections = Gauge(
            "shortship_database_connections_max",
            "How many of these connections there may be.",
            ["purpose"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._memory = Gauge(
            "shortship_resident_memory_bytes",
            "Resident memory of the processes that serve.",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def operation(self, name: str, outcome: str, seconds: float | None = None) -> None:
        """An operation has ended. A subscription has no `seconds`: it lasts as long as somebody follows."""
        known = self._known(name)
        self._requests.labels(known, outcome).inc()
        if seconds is not None:
            self._seconds.labels(known).observe(seconds)

    def refused(self, code: str) -> None:
        """A request was refused before the schema was asked to execute anything."""
        self._requests.labels("", code).inc()

    def cancelled(self, cancellation: Cancellation, currency: str) -> None:
        """A cancellation was made; one that is told again is none."""
        self._cancellations.labels(cancellation.scope.name, cancellation.reason.name).inc()
        self._refunds.labels(currency).inc(cancellation.breakdown.total)

    @contextmanager
    def subscriber(self) -> Iterator[Callable[[datetime, datetime], None]]:
        """Counts one while it is there; what it gives is to be called with an event's time and the time of now."""
        self._subscribers.inc()
        try:
            yield self._delivered
        finally:
            self._subscribers.dec()

    def sample(self, database: Database) -> None:
        """Notes what of this process is not counted but looked at."""
        for use in database.pools():
            self._connections.labels(use.purpose, "in_use").set(use.in_use)
            self._connections.labels(use.purpose, "idle").set(use.idle)
            self._most_connections.labels(use.purpose).set(use.most)
        if _STATM.exists():
            self._memory.set(int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    async def keep_sampling(self, database: Database, stop: asyncio.Event) -> None:
        """For the other processes, of which any may be asked, until `stop` is set."""
        while not stop.is_set():
            self.sample(database)
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAMPLE_SECONDS):
                    await stop.wait()

    def close(self) -> None:
        """Removes the shared folder where the process is gone that would have done so."""
        if self._folder and os.getppid() != self._parent:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _delivered(self, occurred_at: datetime, now: datetime) -> None:
        self._lag.observe(max((now - occurred_at).total_seconds(), 0))  # clocks of machines differ

    def _known(self, name: str) -> str:
        """The name, if it is among the first: clients make names up, and each would be kept for ever."""
        if name and name not in self._names:
            if len(self._names) >= _MOST_NAMES or not _NAME.fullmatch(name):
                return OTHER
            self._names.add(name)
        return name

    def exposition(self, waiting: "Waiting | None") -> bytes:
        """Prometheus' text, of all processes; without the mails that wait where nobody could tell."""
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
    """The mails that wait: how many, and for how long the oldest does."""

    depth: int
    oldest_seconds: float


class _Common(Collector):
    """What is the same whichever process is asked, and none counts."""

    def __init__(self, waiting: Waiting | None) -> None:
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("shortship_build_info", "What runs; always 1.", labels=["version", "python"])
        build.add_metric([version("shortship"), python_version()], 1)
        yield build
        if self._waiting:
            depth, oldest = self._waiting.depth, self._waiting.oldest_seconds
            yield GaugeMetricFamily("shortship_outbox_depth", "Mails that wait to be sent.", depth)
            yield GaugeMetricFamily("shortship_outbox_oldest_seconds", "For how long the oldest of them waits.", oldest)


class Age:
    """For how long something has been going on, also where the clock was set back after it began.

    It is at least as old as the time for which it has been looked at here; `timer` is in seconds, and nobody sets it.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._began_at: datetime | None = None
        self._seen_at = 0.0

    def seconds(self, began_at: datetime | None, now: datetime) -> float:
        """0 for what is not going on."""
        if began_at is None or began_at != self._began_at:
            self._began_at, self._seen_at = began_at, self._timer()
        if began_at is None:
            return 0
        return max((now - began_at).total_seconds(), self._timer() - self._seen_at)


class MetricsPage:
    """Answers Prometheus. The database is looked at once a second at most, and has a second to answer."""

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
        # There may be thousands of lines, and others are served meanwhile.
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
    """Of a process that was killed its counts stay, its open subscriptions do not."""
    for path in folder.glob("gauge_live*.db"):
        pid = int(path.stem.rpartition("_")[2])
        with suppress(FileNotFoundError):  # another process is asked at the same time
            if not _is_alive(pid):
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
