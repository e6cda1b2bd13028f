"""The background loops of a server or a worker: sending mail, and deleting expired idempotency keys."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import structlog

from api.settings import Settings, SettingsError
from api.wiring import clock
from domain import notification, retention
from domain.mail import message
from domain.mail.address import parse_address
from domain.mail.delivery.mailbox import Mailbox
from domain.mail.delivery.smtp import SmtpSender, smtp_settings
from domain.storage.engine.database import Database

Loop = Callable[[Database, asyncio.Event], Awaitable[None]]

log = structlog.get_logger(__name__)


@asynccontextmanager
async def beside(loops: Sequence[Loop], database: Database, stop: asyncio.Event) -> AsyncIterator[None]:
    """Runs the loops beside a server; `stop` is set once it is told to stop, or at the end of the block."""
    running = [asyncio.ensure_future(loop(database, stop)) for loop in loops]
    try:
        with _set_by_signals(stop):
            yield
    finally:
        stop.set()
        for ended in await asyncio.gather(*running, return_exceptions=True):
            if ended is not None:
                log.error("loop.crashed", exc_info=ended)


@contextmanager
def _set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Sets the event at the signal that ends the server; uvicorn itself reports it only once all is drained."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)
        server = servers[signal.Signals(number)]
        if callable(server):
            server(number, frame)

    servers = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, server in servers.items():
            signal.signal(number, server)


def mail_loop(sender: SmtpSender | Mailbox, settings: Settings) -> Loop:
    """Sends queued mail from the address in the settings."""
    reply_to = parse_address(settings.mail_reply_to) if settings.mail_reply_to else None
    compose = partial(message.compose, sender=parse_address(str(settings.mail_from)), reply_to=reply_to)

    async def loop(database: Database, stop: asyncio.Event) -> None:
        await notification.run(database, sender, compose, clock=clock, stop=stop)
        if isinstance(sender, SmtpSender):
            await sender.close()

    return loop


async def retention_loop(database: Database, stop: asyncio.Event) -> None:
    """Deletes expired idempotency keys."""
    await retention.run(database, clock=clock, stop=stop)


def smtp_sender(settings: Settings) -> SmtpSender | None:
    """The sender over SMTP; None if no server is set. Raises SettingsError."""
    if not settings.smtp_url:
        return None
    if not settings.mail_from:
        raise SettingsError("SHORTSHIP_SMTP_URL needs SHORTSHIP_MAIL_FROM, the address that mail comes from.")
    ca_file = Path(settings.smtp_ca_file) if settings.smtp_ca_file else None
    try:
        return SmtpSender(smtp_settings(settings.smtp_url, ca_file))
    except OSError as error:
        raise SettingsError(f"SHORTSHIP_SMTP_CA_FILE has no certificates: {error}.") from error
