"""Sends messages to an SMTP server with aiosmtplib, and tells what each fault there means for a message."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from domain.mail.letter import one_line
from domain.mail.sending import Deferred, Outcome, OutgoingMessage, Rejected, Sent, Unreachable
from domain.rules.urls import ENCODE_PASSWORDS, split_url

# One answer of the server, and one message with all that it takes to connect. A message that is claimed from the
# outbox has to be through before its lease ends.
STEP_SECONDS = 15.0
SEND_SECONDS = 40.0
# Servers close connections that say nothing, the strict ones after a minute.
_IDLE_SECONDS = 30.0
_LONGEST_ERROR = 500
# Replies that ask for other credentials or for TLS, at whatever step they come.
_ASKS_FOR_LOGIN = frozenset({530, 534, 535, 538})
_TOO_LARGE = 552
_EXAMPLE = "smtp://user:password@host:587?tls=starttls"


class Tls(Enum):
    """How the connection is encrypted; the value is the port that goes with it."""

    STARTTLS = 587
    IMPLICIT = 465
    NONE = 25


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where to send and how. Certificates in `ca_file` are trusted beside the system's."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


def smtp_settings(url: str, ca_file: Path | None = None) -> SmtpSettings:
    """Those of `smtp://user:password@host:587?tls=starttls`; a ValueError says what is wrong, without the password."""
    parts = split_url(url)
    if parts is None:
        raise ValueError(f"Use {_EXAMPLE}. {ENCODE_PASSWORDS}")
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(given)
    tls = {member.name.lower(): member for member in Tls}.get(options.pop("tls", "starttls"))
    is_more = len(given) > 1 or options or parts.path not in {"", "/"} or parts.fragment
    if parts.scheme != "smtp" or is_more or (parts.password and not parts.username):
        raise ValueError(f"Use {_EXAMPLE}.")
    if tls is None:
        raise ValueError("tls is starttls, implicit or none.")
    return SmtpSettings(
        host=str(parts.hostname),
        port=parts.port or tls.value,
        tls=tls,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca_file=ca_file,
    )


class SmtpSender:
    """Keeps its connections open from message to message, as many as send at once."""

    def __init__(
        self, settings: SmtpSettings, *, step_seconds: float = STEP_SECONDS, send_seconds: float = SEND_SECONDS
    ) -> None:
        """OSError when the file of certificates cannot be read."""
        self._settings = settings
        self._step_seconds = step_seconds
        self._send_seconds = send_seconds
        self._tls_context = ssl.create_default_context()
        if settings.ca_file:
            self._tls_context.load_verify_locations(settings.ca_file)
        self._idle: list[tuple[SMTP, float]] = []

    async def send(self, message: OutgoingMessage) -> Outcome:
        try:
            async with asyncio.timeout(self._send_seconds):
                return await self._send(message)
        except TimeoutError:
            return Deferred(f"The server took longer than {self._send_seconds:g} seconds.")

    async def close(self) -> None:
        """Says goodbye on every connection that is not in use."""
        connections = [connection for connection, _ in self._idle]
        self._idle.clear()
        await asyncio.gather(*map(_quit, connections))

    async def _send(self, message: OutgoingMessage) -> Outcome:
        try:
            connection = await self._connection()
        except (SMTPException, OSError) as fault:
            return Unreachable(_text(fault))
        try:
            await connection.sendmail(message.sender, [message.recipient], message.content)
        except SMTPRecipientsRefused as fault:
            return self._refused(connection, fault.recipients[0])
        except SMTPResponseException as fault:
            return self._refused(connection, fault)
        except (SMTPException, OSError) as fault:
            connection.close()
            return Deferred(_text(fault))
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return Sent()

    async def _connection(self) -> SMTP:
        """One that is open and not in use, or a new one, ready to take a message."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, since = self._idle.pop()
            if connection.is_connected and now - since < _IDLE_SECONDS:
                return connection
            connection.close()
        settings = self._settings
        connection = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.tls is Tls.IMPLICIT,
            start_tls=settings.tls is Tls.STARTTLS,
            tls_context=self._tls_context,
            timeout=self._step_seconds,
        )
        await connection.connect()
        return connection

    def _refused(self, connection: SMTP, refusal: SMTPResponseException) -> Outcome:
        if _is_temporary(refusal.code) or _is_final(refusal.code):
            self._keep(connection)
        else:  # no refusal that SMTP knows: unclear what the server says next
            connection.close()
        return _outcome(refusal)

    def _keep(self, connection: SMTP) -> None:
        """For the next message, unless the server has hung up."""
        if connection.is_connected:
            self._idle.append((connection, asyncio.get_running_loop().time()))


async def _quit(connection: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await connection.quit(timeout=1)
    connection.close()


def _outcome(refusal: SMTPResponseException) -> Outcome:
    """What a refusal after the log-in means: for this message, or for all of them."""
    error = _text(refusal)
    concerns_us = isinstance(refusal, SMTPSenderRefused) and refusal.code != _TOO_LARGE
    if refusal.code in _ASKS_FOR_LOGIN or (concerns_us and _is_final(refusal.code)):
        return Unreachable(error)
    return Rejected(error) if _is_final(refusal.code) else Deferred(error)


def _is_temporary(code: int) -> bool:
    return 400 <= code <= 499  # noqa: PLR2004 as RFC 5321 divides the replies


def _is_final(code: int) -> bool:
    return 500 <= code <= 599  # noqa: PLR2004 the same


def _text(fault: SMTPException | OSError) -> str:
    """What the server said, or what happened; servers say anything, and it has to fit into a column."""
    text = f"{fault.code} {fault.message}" if isinstance(fault, SMTPResponseException) else str(fault)
    return one_line(text or type(fault).__name__)[:_LONGEST_ERROR]
