"""Downloads from an https address: whole, in time and within a size, or not at all."""

import asyncio
import logging
import socket
import ssl
from typing import Any

import httpx

# It logs the full address of each request.
logging.getLogger("httpx").setLevel(logging.WARNING)

_MOST_REDIRECTS = 5
# Compressed content could unpack to a thousand times its size.
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class DownloadError(Exception):
    """Why the download failed; the message omits the address, which may contain secrets."""


class _OwnLoop(asyncio.SelectorEventLoop):
    """Resolves names in its own thread: an executor's threads would keep the process alive until they are done."""

    async def getaddrinfo(self, *address: Any, **options: Any) -> Any:  # the function's own
        return socket.getaddrinfo(*address, **options)


def download(address: str, *, most_bytes: int, seconds: float) -> bytes:
    """Raises DownloadError. Takes at most `seconds`, except for name resolution, which nothing can interrupt."""
    with asyncio.Runner(loop_factory=_OwnLoop) as runner:
        return runner.run(_download(address, most_bytes, seconds))


async def _download(address: str, most_bytes: int, seconds: float) -> bytes:
    trust = ssl.create_default_context()
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(verify=trust, timeout=None, headers=_HEADERS) as client:  # noqa: S113 - covers all of it
            return await _follow(client, address, most_bytes)
    except TimeoutError as error:
        raise DownloadError(f"timed out after {seconds:g} seconds") from error
    except httpx.ConnectError as error:
        raise DownloadError(f"no connection: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadError(type(error).__name__) from error


async def _follow(client: httpx.AsyncClient, address: str, most_bytes: int) -> bytes:
    request = client.build_request("GET", address)
    for _ in range(_MOST_REDIRECTS + 1):
        if request.url.scheme != "https":
            raise DownloadError("redirected away from https")
        answer = await client.send(request, stream=True)
        try:
            if answer.next_request is None:
                return await _content(answer, most_bytes)
            request = answer.next_request
        finally:
            await answer.aclose()
    raise DownloadError("redirected too often")


async def _content(answer: httpx.Response, most_bytes: int) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise DownloadError(f"status {answer.status_code}")
    content = bytearray()
    async for part in answer.aiter_raw():
        content += part
        if len(content) > most_bytes:
            raise DownloadError(f"more than {most_bytes} bytes")
    return bytes(content)
