"""What runs beside a server, or alone in a worker: the mail, and forgetting what is not kept for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from api.settings import Settings, SettingsError
from api.wiring import clock
from domain import notification, retention
from domain.mail import message
from domain.mail.address import parse_address
from domain.mail.delivery.mailbox import Mailbox
from domain.mail.delivery.smtp import SmtpSender, smtp_settings
from domain.storage.database import Database

Loop = Callable[[Database, asyncio.Event], Awaitable[None]]


def mail_loop(sender: SmtpSender | Mailbox, settings: Settings) -> Loop:
    """Sends what is queued, from the address of the settings."""
    reply_to = parse_address(settings.mail_reply_to) if settings.mail_reply_to else None
    compose = partial(message.compose, sender=parse_address(str(settings.mail_from)), reply_to=reply_to)

    async def loop(database: Database, stop: asyncio.Event) -> None:
        await notification.run(database, sender, compose, clock=clock, stop=stop)
        if isinstance(sender, SmtpSender):
            await sender.close()

    return loop


async def retention_loop(database: Database, stop: asyncio.Event) -> None:
    """Forgets what is not kept for ever."""
    await retention.run(database, clock=clock, stop=stop)


def smtp_sender(settings: Settings) -> SmtpSender | None:
    """What sends over SMTP; None where no server is set. Raises SettingsError."""
    if not settings.smtp_url:
        return None
    if not settings.mail_from:
        raise SettingsError("SHORTSHIP_SMTP_URL needs SHORTSHIP_MAIL_FROM, the address that mails come from.")
    ca_file = Path(settings.smtp_ca_file) if settings.smtp_ca_file else None
    try:
        return SmtpSender(smtp_settings(settings.smtp_url, ca_file))
    except OSError as error:
        raise SettingsError(f"SHORTSHIP_SMTP_CA_FILE has no certificates: {error}.") from error
