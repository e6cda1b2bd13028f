"""Reads orders from a file one by one, in memory that does not grow with the file.

A file holds our own input, as a JSON array, as {"orders": [...]}, as single objects or as JSON lines, or a
marketplace's response. An invalid order does not stop the others.
"""

import json
from collections.abc import Callable, Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from select import select
from typing import Any, BinaryIO

from domain.intake.json_stream import LONGEST_PART, DocumentError, JsonStream
from domain.rules.order import value

STANDARD_INPUT = Path("-")

_LIST_PATHS = ("orders", "data.orders")
_LINES = frozenset({".jsonl", ".ndjson"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Large enough to hold the first lines of a JSON lines file when its format is detected.
_BUFFER = 2**20
# How often a reader that waits for input checks whether to stop.
_LOOK_SECONDS = 0.1


class UnreadableFileError(Exception):
    """The file, or the rest of it, cannot be read; the message is a sentence for people."""


@value
class FileOrder:
    """One order in a file: the exact bytes of its JSON in UTF-8, and its place, such as "order 17" or "line 17"."""

    place: str
    part: bytes
    bytes_read: int


def read_orders(path: Path, *, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[FileOrder]:
    """The orders in their order; raises UnreadableFileError at broken JSON, after the orders before it.

    Once `is_stopped` returns True, reading ends as if the file ended there.
    """
    is_input = path == STANDARD_INPUT
    name = "Standard input" if is_input else path
    try:
        source = _Source(0 if is_input else path, is_stopped, closefd=not is_input)
        with BufferedReader(source, _BUFFER) as file:
            is_lines = path.suffix.lower() in _LINES or _looks_like_lines(file.peek())
            yield from _lines(file) if is_lines else _documents(JsonStream(file))
    except DocumentError as error:
        raise UnreadableFileError(f"{name} {error}.") from error
    except OSError as error:
        raise UnreadableFileError(f"{name} cannot be read: {error.strerror}.") from error


class _Source(FileIO):
    """Returns partial reads, except the first, which fills the buffer: detection must not depend on a pipe's speed."""

    def __init__(self, file: Path | int, is_stopped: Callable[[], bool], *, closefd: bool) -> None:
        super().__init__(file, closefd=closefd)
        self._is_stopped = is_stopped
        self._has_begun = False

    def readinto(self, buffer: Any) -> int:  # any writable buffer
        view, filled = memoryview(buffer), 0
        while filled < len(view) and self._is_ready():
            read = super().readinto(view[filled:])
            filled += read
            if not read or self._has_begun:
                break
        self._has_begun = True
        return filled

    def _is_ready(self) -> bool:
        """Waits for bytes or the end of the file; False if stopped before."""
        while not self._is_stopped():
            if select([self], [], [], _LOOK_SECONDS)[0]:
                return True
        return False


def _looks_like_lines(head: bytes) -> bool:
    """True if one object ends a line and another starts the next, which no JSON document allows."""
    first, _, others = head.removeprefix(_BYTE_ORDER_MARK).lstrip().partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and others.lstrip().startswith(b"{")


def _lines(file: BinaryIO) -> Iterator[FileOrder]:
    for number, (line, bytes_read) in enumerate(_bounded_lines(file), 1):
        text = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
        if text:
            yield FileOrder(f"line {number}", text, bytes_read)


def _bounded_lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Each line with the bytes read so far; a line too long for any order is cut, and so invalid."""
    bytes_read = 0
    while line := file.readline(LONGEST_PART):
        bytes_read += len(line)
        end = line
        while not end.endswith(b"\n") and (end := file.readline(LONGEST_PART)):
            bytes_read += len(end)
        yield line, bytes_read


def _documents(stream: JsonStream) -> Iterator[FileOrder]:
    """The orders of one JSON document, or of several in a row."""
    for number, part in enumerate(_all_orders(stream), 1):
        yield FileOrder(f"order {number}", part, stream.bytes_read)


def _all_orders(stream: JsonStream) -> Iterator[bytes]:
    yield from _orders(stream)
    while stream.peek():
        yield from _orders(stream)


def _orders(stream: JsonStream) -> Iterator[bytes]:
    """The orders of one document."""
    if stream.expect("[{") == "[":
        yield from stream.elements()
        return
    members: dict[str, bytes] = {}
    is_list = False
    for key in _keys(stream):
        if key in _LIST_PATHS:
            is_list = True
            yield from stream.elements()
        else:
            members[key] = stream.part()
    if not is_list:
        yield _single(members)


def _keys(stream: JsonStream) -> Iterator[str]:
    """The keys of the object, and the paths in an object that may hold a list, such as `data.orders`."""
    for key in stream.members():
        if key == "data" and stream.peek() == "{":
            yield from (f"{key}.{inner}" for inner in stream.members())
        else:
            yield key


def _single(members: dict[str, bytes]) -> bytes:
    """An order that is a document of its own, reassembled."""
    if not {"items", "line_items"} & members.keys():
        raise DocumentError(f"has no orders: it is not an order, and has no list at {' or '.join(_LIST_PATHS)}")
    return b"{%s}" % b",".join(json.dumps(key).encode() + b":" + part for key, part in members.items())
