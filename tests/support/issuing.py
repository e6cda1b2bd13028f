"""Good and bad tokens, and issuers that publish their keys over HTTPS or fail to."""

import asyncio
import hashlib
import hmac
import socket
import ssl
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import trustme
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tests.support.client import SECRET

Key = ECKey | OctKey | OKPKey | RSAKey
Speak = Callable[[socket.socket], None]

ES256 = ECKey.generate_key("P-256", {"kid": "es"})
RS256 = RSAKey.generate_key(2048, {"kid": "rs"})
EDDSA = OKPKey.generate_key("Ed25519", {"kid": "ed"})
UNKNOWN = ECKey.generate_key("P-256", {"kid": "unknown"})
SHARED = OctKey.import_key(SECRET)


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; None drops one. It lasts a day: some are made at collection."""
    good = {"sub": "tester", "shop": "demo", "scope": "orders:read", "exp": int(time.time()) + 86400}
    return {name: claim for name, claim in (good | changed).items() if claim is not None}


def signed(given: dict[str, Any], key: Key = SHARED, algorithm: str = "HS256", **header: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # EdDSA has newer names, which issuers do not use
        return jwt.encode({"alg": algorithm} | header, given, key, algorithms=[algorithm])


def by_hand(header: dict[str, Any] | bytes, given: dict[str, Any] | bytes, secret: bytes | None) -> str:
    """A token that no library would sign; bytes are used as they are, JSON or not."""
    parts = [part if isinstance(part, bytes) else orjson.dumps(part) for part in (header, given)]
    content = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    signature = hmac.new(secret, content.encode(), hashlib.sha256).digest() if secret else b""
    return f"{content}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def key_set(*keys: Key, named: bool = True) -> bytes:
    """The keys' public halves, without their ids unless `named`."""
    published = [key.as_dict(private=False) for key in keys]
    return orjson.dumps({"keys": [{n: v for n, v in key.items() if named or n != "kid"} for key in published]})


def answering(content: bytes, status: str = "200 OK", *headers: str) -> Speak:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return lambda connection: connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)


def publishing(*keys: Key, named: bool = True) -> Speak:
    return answering(key_set(*keys, named=named))


def repeating(first: bytes, part: bytes, pause: float) -> Speak:
    """Sends `first`, then `part` over and over until the client hangs up."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(part)
            time.sleep(pause)

    return speak


def silence(connection: socket.socket) -> None:
    connection.recv(1)  # returns when the other side hangs up


class Issuer:
    """Answers each connection with `speak`, in a thread; the requests received are in `requests`."""

    def __init__(self, speak: Speak) -> None:
        self.speak = speak
        self.requests: asyncio.Queue[bytes] = asyncio.Queue()

    @asynccontextmanager
    async def at_address(self, context: ssl.SSLContext | None) -> AsyncIterator[str]:
        """Serves plain HTTP without a context."""
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as open_ones:

            def accept() -> None:
                with suppress(OSError):  # the listener is closed
                    while True:
                        connection, _ = listener.accept()
                        conversation = Thread(target=self._converse, args=(connection, context, loop))
                        conversation.start()
                        open_ones.callback(conversation.join)
                        open_ones.callback(_hang_up, connection)

            accepting = Thread(target=accept)
            accepting.start()
            try:
                yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}/keys"
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                await asyncio.to_thread(accepting.join)
                await asyncio.to_thread(open_ones.close)

    def _converse(self, raw: socket.socket, context: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        """Talks over a copy of the socket; `_hang_up` shuts down the original."""
        with raw, suppress(OSError):  # the client has hung up
            copy = raw.dup()
            with context.wrap_socket(copy, server_side=True) if context else copy as connection:
                request = b""
                while not request.endswith(b"\r\n\r\n") and (part := connection.recv(4096)):
                    request += part
                loop.call_soon_threadsafe(self.requests.put_nowait, request)
                self.speak(connection)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # already closed
        connection.shutdown(socket.SHUT_RDWR)


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate for 127.0.0.1, and the file of the authority that signed it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return context, folder / "ca.pem"
