"""uvicorn's HTTP/1.1 and websockets, with time limits that it lacks.

Requests must arrive in time, heads must end, and clients must read what they are sent.
"""

import asyncio
import sys
from contextlib import suppress

import orjson
import structlog
from uvicorn._types import ASGI3Application, ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from api.errors import Code
from api.transport.bodies import BODY_SECONDS

_HEAD_SECONDS = 10
_LARGEST_HEAD = 64 * 1024  # bytes
# Reading the body times out first, and answers with a message.
_REST_SECONDS = BODY_SECONDS + 5

log = structlog.get_logger(__name__)


class Unread(asyncio.Protocol):
    """A mixin for uvicorn's protocols: closes a connection whose client reads none of what it was sent.

    Clients that read slowly, or have nothing to read, are left alone.
    """

    unread_seconds: float = 10

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Pauses writing as soon as the kernel takes no more, and resumes only once it has taken everything.
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        self._stop_looking()
        super().resume_writing()

    def _look_later(self) -> None:
        left = _untaken(self.transport)
        self._look = self.loop.call_later(self.unread_seconds, self._end_unless_below, left)

    def _end_unless_below(self, size: int) -> None:
        left = _untaken(self.transport)
        if left < size:
            self._look_later()
            return
        log.info("connection.unread", bytes=left)
        self.transport.abort()

    def _stop_looking(self) -> None:
        if self._look:
            self._look.cancel()
            self._look = None


def _untaken(transport: asyncio.Transport) -> int:
    """Unread bytes, including the kernel's: it takes more only once much of its megabytes has been read."""
    queued = bytearray(4)
    with suppress(OSError, ImportError):  # not on every system
        import fcntl  # noqa: PLC0415
        import termios  # noqa: PLC0415

        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queued)
    return transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)


class PatientSocket(Unread, WebSocketsSansIOProtocol):
    """A websocket without a backlog: while the client does not read, nothing more is sent to it or read from it."""

    _pong = b""

    async def send(self, message: ASGISendEvent) -> None:
        await self._taken()
        await super().send(message)

    async def receive(self) -> ASGIReceiveEvent:
        await self._taken()
        return await super().receive()

    def resume_writing(self) -> None:
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if not self.transport.is_closing():
            self.transport.write(pong)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:  # only the last of several pings must be answered (RFC 6455, 5.5.3)
            self._pong = b"".join(self.conn.data_to_send()) or self._pong

    def handle_cont(self, event: Frame) -> None:
        if event.data or event.fin:  # a message could have any number of empty frames
            super().handle_cont(event)

    async def _taken(self) -> None:
        """Waits until everything sent is read; loops because another waiter may have sent more in the meantime."""
        while not self.writable.is_set():
            await self.writable.wait()


class PatientProtocol(Unread, HttpToolsProtocol):
    """Closes a connection whose request stalls, and refuses oversized heads."""

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = True
    _head_size = 0
    _running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        super().connection_made(transport)
        self._expect_more(_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        # With pipelined requests, uvicorn notifies only the last; the running one would keep writing.
        if self._running:
            self._running.disconnected = True
            self._running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_idle() and not self._deadline:  # any byte, even a newline, ends uvicorn's own timeout
            self._expect_more(_HEAD_SECONDS)
        super().data_received(data)
        if self._is_in_head:
            self._head_size += len(data)
            if self._head_size > _LARGEST_HEAD and not self.transport.is_closing():
                self._refuse_head()

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn lets the connection be closed at once
        """Keeps the connection for the answer to a whole request: the client may have closed its own side alone.

        Once the answer has begun, the client has left.
        """
        return self._running is not None and not (self._running.more_body or self._running.response_started)

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_size = True, 0
        self._expect_more(_HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self._head_size > _LARGEST_HEAD:
            raise ValueError("The head is too large.")  # the parser passes it to `send_400_response`
        self._expect_more(_REST_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._expect_nothing()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._expect_nothing()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        if self._head_size > _LARGEST_HEAD:
            self._refuse_head()
        else:
            self._refuse("400 Bad Request", "BAD_USER_INPUT", msg)

    def _should_upgrade(self) -> bool:
        """Upgrades only what can be a websocket; any other handshake would never end.

        An upgrade takes over the connection, so a request still being answered would never learn of its end.
        """
        is_free = self._is_idle() and not self.flow.write_paused
        return bool(is_free and self.scope["method"] == "GET" and super()._should_upgrade())

    def _is_idle(self) -> bool:
        return self._running is None or self._running.response_complete

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse_head(self) -> None:
        reason = "431 Request Header Fields Too Large"
        self._refuse(reason, "PAYLOAD_TOO_LARGE", f"Headers have at most {_LARGEST_HEAD} bytes.")

    def _refuse(self, status: str, code: Code, message: str) -> None:
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    def _expect_more(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
