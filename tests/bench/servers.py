"""The processes that are measured, each on the core that it is given."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import URLError

from tests.bench.operations import SECRET
from tests.support.postgresql import EmbeddedServer, GivenServer

# What PostgreSQL has by itself, but for memory: nothing of its safety is off.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
}
COMMAND = str(Path(sys.executable).parent / "shortship")
# One core is the server's; PostgreSQL and the driver have the other.
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORE = _CORES[0], _CORES[-1]
_STARTING_SECONDS = 30
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def postgresql() -> Iterator[EmbeddedServer | GivenServer]:
    """A durable server, on the core of whoever starts it; or the one that SHORTSHIP_BENCH_POSTGRESQL names."""
    os.sched_setaffinity(0, {OTHER_CORE})
    given = os.environ.pop("SHORTSHIP_BENCH_POSTGRESQL", None)  # noqa: TID251 - a setting of the benchmark alone
    server = GivenServer(given) if given else EmbeddedServer(_SETTINGS, in_memory=False)
    try:
        yield server
    finally:
        if isinstance(server, EmbeddedServer):
            server.stop()


class Process:
    """A process that serves, on a port and on the server's core."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = process

    def cpu(self) -> float:
        """Seconds of the core that it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def megabytes(self) -> float:
        """What it has in memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def on_core(core: int) -> Callable[[], None]:
    """What a new process does first, to run on that core alone."""
    return lambda: os.sched_setaffinity(0, {core})


@contextmanager
def _started(command: Sequence[str], core: int, ready: str, settings: dict[str, str]) -> Iterator[Process]:
    """A process of a command that listens on the port in PORT, as soon as it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    environment = os.environ | {"SHORTSHIP_JWT_SECRET": SECRET, "SHORTSHIP_PORT": str(port)} | settings  # noqa: TID251 - the process's
    filled = [part.replace("PORT", str(port)) for part in command]
    with subprocess.Popen(  # noqa: S603 - our own commands
        filled,
        env=environment,
        stderr=subprocess.DEVNULL,
        preexec_fn=on_core(core),  # noqa: PLW1509 - there are no threads
    ) as process:
        try:
            _wait(f"http://127.0.0.1:{port}{ready}")
            yield Process(process, port)
        finally:
            process.send_signal(signal.SIGTERM)


def product(url: str, *, core: int = SERVER_CORE) -> AbstractContextManager[Process]:
    """`shortship serve` as it is run; the mail is left to workers."""
    return _started((COMMAND, "serve", "--no-worker"), core, "/readyz", {"SHORTSHIP_DATABASE_URL": url})


def bare(url: str) -> AbstractContextManager[Process]:
    """The endpoints by hand, on uvicorn as the product is."""
    command = (sys.executable, "-m", "uvicorn", "tests.bench.bare:app", "--port", "PORT", "--no-access-log")
    return _started(command, SERVER_CORE, "/nothing", {"BENCH_DATABASE": url})


def _wait(url: str) -> None:
    give_up_at = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < give_up_at:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - of our own
        except URLError as error:
            if getattr(error, "code", None) == 404:
                return
        else:
            return
        time.sleep(0.005)
    raise TimeoutError(url)
