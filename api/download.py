"""What stands at an https address: whole, in time and not too long, or not at all. Runs in a thread of its own."""

import asyncio
import logging
import socket
import ssl
from typing import Any

import httpx

# It tells the whole address of each request.
logging.getLogger("httpx").setLevel(logging.WARNING)

_MOST_REDIRECTS = 5
# What is packed could be a thousand times as long.
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class DownloadError(Exception):
    """Why there is no content; the message tells nothing of the address, which may hold secrets."""


class _OwnLoop(asyncio.SelectorEventLoop):
    """Looks names up in its own thread: those of executors keep the process from ending until there is an answer."""

    async def getaddrinfo(self, *address: Any, **options: Any) -> Any:  # as of the function
        return socket.getaddrinfo(*address, **options)


def download(address: str, *, most_bytes: int, seconds: float) -> bytes:
    """Raises DownloadError. Within `seconds`, but for the looking up of names, which nothing ends."""
    with asyncio.Runner(loop_factory=_OwnLoop) as runner:
        return runner.run(_download(address, most_bytes, seconds))


async def _download(address: str, most_bytes: int, seconds: float) -> bytes:
    trust = ssl.create_default_context()
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(verify=trust, timeout=None, headers=_HEADERS) as client:  # noqa: S113 - over all of it
            return await _follow(client, address, most_bytes)
    except TimeoutError as error:
        raise DownloadError(f"not there within {seconds:g} seconds") from error
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
