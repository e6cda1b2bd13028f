"""Sends messages through an SMTP server, and maps its faults to outcomes."""

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

# Limits for one reply of the server, and for one message including connecting. A message claimed from the outbox must
# be sent before its lease expires.
STEP_SECONDS = 15.0
SEND_SECONDS = 40.0
# Servers close idle connections, strict ones after a minute.
_IDLE_SECONDS = 30.0
_LONGEST_ERROR = 500
# Replies, at any step, that ask for other credentials or for TLS.
_ASKS_FOR_LOGIN = frozenset({530, 534, 535, 538})
_TOO_LARGE = 552
_EXAMPLE = "smtp://user:password@host:587?tls=starttls"


class Tls(Enum):
    """The encryption of the connection; the value is its default port."""

    STARTTLS = 587
    IMPLICIT = 465
    NONE = 25


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Certificates in `ca_file` are trusted in addition to the system's."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


def smtp_settings(url: str, ca_file: Path | None = None) -> SmtpSettings:
    """Parses `smtp://user:password@host:587?tls=starttls`; a ValueError never quotes the password."""
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
        raise ValueError("tls must be starttls, implicit or none.")
    return SmtpSettings(
        host=str(parts.hostname),
        port=parts.port or tls.value,
        tls=tls,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca_file=ca_file,
    )


class SmtpSender:
    """Reuses its connections; there are as many as messages in flight."""

    def __init__(
        self, settings: SmtpSettings, *, step_seconds: float = STEP_SECONDS, send_seconds: float = SEND_SECONDS
    ) -> None:
        """Raises OSError if `ca_file` cannot be read."""
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
        """Quits every idle connection."""
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
        """An idle connection, or a new one, ready for a message."""
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
        else:  # not a valid refusal: the connection may be out of step
            connection.close()
        return _outcome(refusal)

    def _keep(self, connection: SMTP) -> None:
        """Keeps the connection for the next message, unless the server hung up."""
        if connection.is_connected:
            self._idle.append((connection, asyncio.get_running_loop().time()))


async def _quit(connection: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await connection.quit(timeout=1)
    connection.close()


def _outcome(refusal: SMTPResponseException) -> Outcome:
    """The outcome of a refusal after login, for this message or for all."""
    error = _text(refusal)
    concerns_us = isinstance(refusal, SMTPSenderRefused) and refusal.code != _TOO_LARGE
    if refusal.code in _ASKS_FOR_LOGIN or (concerns_us and _is_final(refusal.code)):
        return Unreachable(error)
    return Rejected(error) if _is_final(refusal.code) else Deferred(error)


def _is_temporary(code: int) -> bool:
    return 400 <= code <= 499  # noqa: PLR2004 as in RFC 5321


def _is_final(code: int) -> bool:
    return 500 <= code <= 599  # noqa: PLR2004 as in RFC 5321


def _text(fault: SMTPException | OSError) -> str:
    """The server's reply or the error, cleaned up and cut to fit its column."""
    text = f"{fault.code} {fault.message}" if isinstance(fault, SMTPResponseException) else str(fault)
    return one_line(text or type(fault).__name__)[:_LONGEST_ERROR]
