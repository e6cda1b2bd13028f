"""Serves until told to stop: in this process, or in several that share one port."""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.loops import Loop, mail_loop, retention_loop, smtp_sender
from api.settings import Settings, SettingsError
from api.telemetry import logs
from api.telemetry.metrics import FOLDER_VARIABLE, Metrics
from api.transport.http1 import PatientProtocol, PatientSocket
from api.wiring import database_of
from domain.storage.engine.database import Database

_LARGEST_FRAME = 64 * 1024
# For requests in flight and sockets that do not read. A mail in flight may take 40 seconds besides.
_DRAIN_SECONDS = 10
# Longer than clients and proxies keep idle connections: a server that closes one first may cut off a request.
_KEEP_ALIVE_SECONDS = 75
_WATCH_SECONDS = 1.0
# A starting process does not answer health checks. One that takes longer is killed and restarted.
_LONGEST_START_SECONDS = 20
_FAILED_TO_START = 3
# The port is taken or needs root; other errors are about the host: another machine's, or not an address.
_ABOUT_PORT = frozenset({errno.EADDRINUSE, errno.EACCES})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Shared:
    """Shared by all processes of a server: their parent, and the folder for their metrics."""

    parent: int
    folder: Path


def listen(settings: Settings) -> socket.socket:
    """Binds the port up front, so that it cannot be taken between a check and the start; raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        settings.host.encode("idna")  # the socket does the same, but would be left open
        return socket.create_server((settings.host, settings.port), family=family)
    except (OSError, UnicodeError) as error:
        is_about_port = isinstance(error, OSError) and error.errno in _ABOUT_PORT
        cause = str(error.strerror).partition(" (")[0] if isinstance(error, OSError) else "not a host name"
        setting = "SHORTSHIP_PORT" if is_about_port else "SHORTSHIP_HOST"
        message = f"Cannot listen on {settings.host}:{settings.port}: {cause}; set {setting}."
        raise SettingsError(message) from error


def serve(settings: Settings, listener: socket.socket, *, no_worker: bool) -> None:
    """Serves the API in the configured number of processes, with the mail loop unless workers run it."""
    logs.configure(settings.log_format)
    if not no_worker and smtp_sender(settings) is None:
        log.warning("mail.stays_queued", reason="SHORTSHIP_SMTP_URL is not set")
    if settings.processes == 1:
        run(settings, listener, partial(_application, settings, no_worker=no_worker))
        return
    with TemporaryDirectory(prefix="shortship-metrics-") as folder:
        # The processes inherit it, and prometheus_client reads it there.
        os.environ[FOLDER_VARIABLE] = folder  # noqa: TID251 - set, not read
        child = partial(_child, settings, no_worker=no_worker, shared=_Shared(os.getpid(), Path(folder)))
        _log_address(listener)
        supervisor = _Supervisor(_config(settings, child), [listener])
        supervisor.run()
    if any(process.exitcode == _FAILED_TO_START for process in supervisor.processes):
        sys.exit(_FAILED_TO_START)


class _Supervisor(Multiprocess):
    """Notices at once when a process dies before its first answer, not only after the start timeout."""

    def keep_subprocess_alive(self) -> None:
        for process in self.processes:
            process.child_conn.close()  # the child has its own copy; while ours is open, the pipe outlives the child
        super().keep_subprocess_alive()


def run(settings: Settings, listener: socket.socket, application: Callable[[], Starlette]) -> None:
    """Serves in this process."""
    # uvicorn raises the signal again once all is closed; a requested stop is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = uvicorn.Server(_config(settings, application))
    _log_address(listener)
    with suppress(KeyboardInterrupt):
        server.run([listener])
    if not server.started:
        sys.exit(_FAILED_TO_START)


def _log_address(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port, pid=os.getpid())


def _config(settings: Settings, application: Callable[[], Starlette]) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.processes,
        log_config=None,
        server_header=False,
        http=PatientProtocol,
        ws=PatientSocket,
        ws_max_size=_LARGEST_FRAME,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        timeout_worker_healthcheck=_LONGEST_START_SECONDS,
    )


def _application(settings: Settings, *, no_worker: bool, shared: _Shared | None = None) -> Starlette:
    """Builds the application in the process that serves it."""
    logs.configure(settings.log_format)
    loops: list[Loop] = [retention_loop]
    sender = None if no_worker else smtp_sender(settings)
    if sender:
        loops.append(mail_loop(sender, settings))
    if shared:
        loops.append(partial(_end_with_parent, shared.parent))
    metrics = Metrics(shared.folder) if shared else None
    if metrics:
        loops.append(metrics.keep_sampling)
    database = database_of(settings)
    database.claim_file()
    application = create_app(settings, database, loops=loops, metrics=metrics)
    # Everything so far is long-lived; scanning it for garbage would block the loop for a tenth of a second.
    gc.collect()
    gc.freeze()
    return application


def _child(settings: Settings, *, no_worker: bool, shared: _Shared) -> Starlette:
    """The same in one of several processes. If one cannot start, none can: it ends them all."""
    try:
        return _application(settings, no_worker=no_worker, shared=shared)
    except Exception as error:
        log.exception("process.cannot_start")
        raise SystemExit(_FAILED_TO_START) from error


async def _end_with_parent(parent: int, _database: Database, stop: asyncio.Event) -> None:
    """Stops once the parent is killed: an orphan would hold the port without a supervisor."""
    while not stop.is_set():
        if os.getppid() != parent:
            signal.raise_signal(signal.SIGTERM)
            return
        await asyncio.sleep(_WATCH_SECONDS)
