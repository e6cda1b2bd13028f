"""HTTP/1.1 as uvicorn speaks it, without its endless patience: requests have to come in time, and heads to end."""

import asyncio

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.bodies import BODY_SECONDS

_HEAD_SECONDS = 10
_LARGEST_HEAD = 64 * 1024  # bytes
# Whoever reads the body gives up first, and says so.
_REST_SECONDS = BODY_SECONDS + 5


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request does not get on, and refuses heads that do not end."""

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = True
    _head_size = 0
    _running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._expect_more(_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        # Of several requests in a row uvicorn tells the last one; the one that runs would go on writing.
        if self._running:
            self._running.disconnected = True
            self._running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_idle = self._running is None or self._running.response_complete
        if is_idle and not self._deadline:  # uvicorn's own patience ends with any byte, be it a line end
            self._expect_more(_HEAD_SECONDS)
        super().data_received(data)
        if self._is_in_head:
            self._head_size += len(data)
            if self._head_size > _LARGEST_HEAD and not self.transport.is_closing():
                self._refuse_head()

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_size = True, 0
        self._expect_more(_HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self._head_size > _LARGEST_HEAD:
            raise ValueError("The head is too large.")  # which the parser takes to `send_400_response`
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
        """Only what can be a websocket; the handshake of anything else would not end."""
        return bool(self.scope["method"] == "GET" and super()._should_upgrade())

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse_head(self) -> None:
        reason = "431 Request Header Fields Too Large"
        self._refuse(reason, "PAYLOAD_TOO_LARGE", f"Headers have at most {_LARGEST_HEAD} bytes.")

    def _refuse(self, status: str, code: str, message: str) -> None:
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
