"""The processes to measure, each pinned to a core; imports use both."""

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

# PostgreSQL's defaults apart from memory: nothing that makes it durable is off.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
}
COMMAND = str(Path(sys.executable).parent / "shortship")
# One core for the server, the other for PostgreSQL and the driver.
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORE = _CORES[0], _CORES[-1]
_STARTING_SECONDS = 30
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def postgresql() -> Iterator[EmbeddedServer | GivenServer]:
    """A durable server on this process's core, or the one at SHORTSHIP_BENCH_POSTGRESQL."""
    os.sched_setaffinity(0, {OTHER_CORE})
    given = os.environ.pop("SHORTSHIP_BENCH_POSTGRESQL", None)  # noqa: TID251 - a setting of the benchmark alone
    server = GivenServer(given) if given else EmbeddedServer(_SETTINGS, in_memory=False)
    try:
        yield server
    finally:
        if isinstance(server, EmbeddedServer):
            server.stop()


@contextmanager
def on_both_cores(server: EmbeddedServer | GivenServer) -> Iterator[None]:
    """Within the block, new processes, and new connections to our own server, use both cores."""
    processes = [0, server.process_id] if isinstance(server, EmbeddedServer) else [0]
    for each in processes:
        os.sched_setaffinity(each, {SERVER_CORE, OTHER_CORE})
    try:
        yield
    finally:
        for each in processes:
            os.sched_setaffinity(each, {OTHER_CORE})


class Process:
    """A running server process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = process

    def cpu(self) -> float:
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def megabytes(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def on_core(core: int) -> Callable[[], None]:
    """A `preexec_fn` that pins a new process to this core."""
    return lambda: os.sched_setaffinity(0, {core})


@contextmanager
def _started(command: Sequence[str], core: int, ready: str, settings: dict[str, str]) -> Iterator[Process]:
    """Starts a command, with PORT replaced by a free port, and waits until it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    environment = os.environ | {"SHORTSHIP_JWT_SECRET": SECRET, "SHORTSHIP_PORT": str(port)} | settings  # noqa: TID251 - passed on
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
    """`shortship serve` as in production, with mail left to workers."""
    return _started((COMMAND, "serve", "--no-worker"), core, "/readyz", {"SHORTSHIP_DATABASE_URL": url})


def bare(url: str) -> AbstractContextManager[Process]:
    """The hand-written endpoints, on uvicorn like the product."""
    command = (sys.executable, "-m", "uvicorn", "tests.bench.bare:app", "--port", "PORT", "--no-access-log")
    return _started(command, SERVER_CORE, "/nothing", {"BENCH_DATABASE": url})


def _wait(url: str) -> None:
    give_up_at = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < give_up_at:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
        except URLError as error:
            if getattr(error, "code", None) == 404:
                return
        else:
            return
        time.sleep(0.005)
    raise TimeoutError(url)
