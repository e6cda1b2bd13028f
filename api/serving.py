"""Serving until told to stop: in this process, or in several that share one port."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from api import logs
from api.app import Loop, create_app, mail_loop, retention_loop, smtp_sender
from api.protocol import PatientProtocol
from api.settings import Settings
from domain.database import Database

_LARGEST_FRAME = 64 * 1024
# For requests under way and sockets that do not read. What is being mailed may take 40 seconds beside it.
_DRAIN_SECONDS = 10
_WATCH_SECONDS = 1.0
_FAILED_TO_START = 3

log = structlog.get_logger()


def serve(settings: Settings, *, no_worker: bool) -> None:
    """The API with the mail loop, unless that is left to workers, in as many processes as the settings say."""
    logs.configure(settings.log_format)
    if not no_worker and smtp_sender(settings) is None:
        log.warning("mail.stays_queued", reason="SHORTSHIP_SMTP_URL is not set")
    application = partial(_application, settings, no_worker=no_worker)
    if settings.processes == 1:
        run(settings, application)
        return
    config = _config(settings, partial(application, parent=os.getpid()))
    supervisor = Multiprocess(config, [config.bind_socket()])
    supervisor.run()
    if any(process.exitcode == _FAILED_TO_START for process in supervisor.processes):
        sys.exit(_FAILED_TO_START)


def run(settings: Settings, application: Callable[[], Starlette]) -> None:
    """Serves in this process."""
    # uvicorn raises the signal again when all is closed; being told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = uvicorn.Server(_config(settings, application))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_FAILED_TO_START)


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
        ws_max_size=_LARGEST_FRAME,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _application(settings: Settings, *, no_worker: bool, parent: int | None = None) -> Starlette:
    """Made in the process that serves it; `parent` is the one that started it, if any."""
    logs.configure(settings.log_format)
    loops: list[Loop] = [retention_loop]
    sender = None if no_worker else smtp_sender(settings)
    if sender:
        loops.append(mail_loop(sender, settings))
    if parent:
        loops.append(partial(_end_with_parent, parent))
    database = Database(settings.database_url)
    database.claim_file()
    application = create_app(settings, database, loops=loops)
    # What is there now stays. Looking through all of it for garbage stops the loop for a tenth of a second.
    gc.collect()
    gc.freeze()
    return application


async def _end_with_parent(parent: int, _database: Database, stop: asyncio.Event) -> None:
    """A process whose parent was killed would hold the port, with nobody to start it again."""
    while not stop.is_set():
        if os.getppid() != parent:
            signal.raise_signal(signal.SIGTERM)
            return
        await asyncio.sleep(_WATCH_SECONDS)
