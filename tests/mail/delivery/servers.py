"""Real SMTP servers in the test's own event loop: well-behaved, broken or silent."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "p@ss:w/rd"


class Inbox:
    """An aiosmtpd handler that accepts messages, counts connections, and replies as configured."""

    def __init__(self, *, rcpt: Sequence[str] = (), data: Sequence[str] = ()) -> None:
        """Replies to the first recipients and messages; later ones are accepted."""
        self.messages: list[bytes] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.logins: list[str] = []
        self.connections: list[asyncio.BaseTransport] = []
        self._rcpt = list(rcpt)
        self._data = list(data)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if server.transport and server.transport not in self.connections:
            self.connections.append(server.transport)
        self.senders.append(address)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.recipients.append(address)
        envelope.rcpt_tos.append(address)
        return self._rcpt.pop(0) if self._rcpt else "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        answer = self._data.pop(0) if self._data else "250 OK"
        if answer.startswith("250"):
            assert isinstance(envelope.original_content, bytes)
            self.messages.append(envelope.original_content)
        return answer

    async def hang_up(self) -> None:
        """Closes every connection, and lets the client notice."""
        for connection in self.connections:
            connection.close()
        await asyncio.sleep(0.01)

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        self.logins.append(mechanism)
        return AuthResult(
            success=isinstance(login, LoginPassword) and login.password == PASSWORD.encode(), handled=False
        )


@asynccontextmanager
async def serving(inbox: Inbox, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """The port of a server; `tls` encrypts from the first byte, and the options are aiosmtpd's."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(inbox, hostname="mail.test", **options), "127.0.0.1", 0, ssl=tls
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
        await inbox.hang_up()


@asynccontextmanager
async def answering(*answers: bytes, heard: list[bytes] | None = None) -> AsyncIterator[int]:
    """The port of a server that sends each connection these replies, the first one as a greeting, and hangs up.

    After a 354 reply, the next "line" is a whole message. An empty reply keeps the client waiting. Lines received are
    added to `heard`.
    """
    lines = [] if heard is None else heard

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            writer.write(answer)
            lines.append(await reader.readuntil(b"\r\n.\r\n" if answer.startswith(b"354") else b"\r\n"))

    async with _talking(talk) as port:
        yield port


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """The port of a server that accepts connections and stays silent."""

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with _talking(talk) as port:
        yield port


@asynccontextmanager
async def _talking(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[int]:
    connections: list[asyncio.Task[Any] | None] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*filter(None, connections))
