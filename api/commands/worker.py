"""`worker`: sends the mail that servers leave queued."""

import asyncio
import signal

import structlog

from api.commands.databases import check_migrated, on_database, refuse
from api.loops import mail_loop, retention_loop, smtp_sender
from api.settings import load_settings
from api.telemetry import logs
from domain.storage.engine.database import Database

log = structlog.get_logger(__name__)


def work() -> None:
    settings = load_settings()
    logs.configure(settings.log_format)
    sender = smtp_sender(settings)
    if sender is None:
        refuse("No mail server to send to: set SHORTSHIP_SMTP_URL.")
    send = mail_loop(sender, settings)

    async def run(database: Database) -> None:
        await check_migrated(database)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log.info("worker.started")
        database.hints.start()
        await asyncio.gather(retention_loop(database, stop), send(database, stop))

    on_database(run)
