"""Reads orders from a file one by one, in memory that does not grow with the file.

A file holds JSON documents or JSON lines. A bad order does not stop the others, nor does an answer that is an error.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from domain.intake.json_stream import DocumentError, JsonStream
from domain.intake.kinds import what_begins
from domain.intake.lines import Broken, found_in_lines
from domain.intake.shapes import Answer, Begun, EndlessError, Found, Stranger, are_lines, found_in
from domain.intake.source import STANDARD_INPUT, Source, opened
from domain.rules.order import value

_LINES = frozenset({".jsonl", ".ndjson"})
# A file that begins with so much that is no order is not one of orders.
_MOST_STRANGERS, _MOST_STRANGE_BYTES = 1_000, 2**20
_MOST_FAULTS = 20
_READABLE = (
    'orders can be read as one order, an array, {"orders": [...]}, the marketplace\'s answer, an array of answers, or'
    " JSON lines of these, where an order has line_items and payment (the marketplace's) or items (our own)"
)

_Located = tuple[str, Found | Broken, int]


class UnreadableFileError(Exception):
    """The file, or a part of it, cannot be read; the message is a sentence for people, or several, one a line."""


@value
class FileOrder:
    """One order in a file: the exact bytes of its JSON in UTF-8, and its place, such as "order 17" or "line 17"."""

    place: str
    part: bytes
    bytes_read: int


def read_orders(path: Path, *, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[FileOrder]:
    """The orders in their order; raises UnreadableFileError at broken JSON, after the orders before it.

    Raises it in the end if an answer told an error instead of orders, and as soon as it is clear that the file holds
    something else. Once `is_stopped` returns True, reading ends as if the file ended there.
    """
    name = "Standard input" if path == STANDARD_INPUT else str(path)
    try:
        with opened(path, is_stopped) as source:
            yield from _Reading(name).orders(_found_in(source, is_named_as_lines=path.suffix.lower() in _LINES))
    except OSError as error:
        raise UnreadableFileError(f"{name} cannot be read: {error.strerror}.") from error


def _found_in(source: Source, *, is_named_as_lines: bool) -> Iterator[_Located]:
    start = source.head.lstrip()
    if is_named_as_lines and not start:
        # No lines are no orders, but an empty document is broken.
        yield "", Begun(), 0  # pragma: no mutate: its place is never shown
    elif are_lines(source.head, is_named_so=is_named_as_lines):
        for place, found, bytes_read in found_in_lines(source.file):
            yield place, found, source.bytes_read(bytes_read)
    elif start and not start.startswith((b"{", b"[")):
        what = what_begins(start)
        yield "", Stranger(start, what), 0  # pragma: no mutate: its place is never shown
    else:
        yield from _found_in_documents(JsonStream(source.file), source.bytes_read)


def _found_in_documents(stream: JsonStream, bytes_read: Callable[[int], int]) -> Iterator[_Located]:
    orders = answers = 0
    while stream.peek():
        for found in found_in(stream):
            orders += isinstance(found, bytes | Stranger)
            answers += isinstance(found, Answer)
            place = f"answer {answers}" if isinstance(found, Answer) else f"order {orders}"
            yield place, found, bytes_read(stream.bytes_read)


def _error(answer: Answer) -> str:
    message = answer.message or "no message"
    end = "" if message.endswith((".", "!", "?", "…")) else "."
    return f"the marketplace answered with code {answer.code}: {message}{end}"


class _Reading:
    """Passes orders on, and raises what is wrong with the file when it has passed all of them.

    What is no order counts as a bad one, but only if the file has orders.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._has_orders = False  # pragma: no mutate: None is no different
        self._strangers: list[FileOrder] = []
        self._strange_bytes = 0
        self._what = ""  # pragma: no mutate: None is no different
        self._faults: list[str] = []
        self._unlisted = 0

    def orders(self, located: Iterable[_Located]) -> Iterator[FileOrder]:
        try:
            for place, found, bytes_read in located:
                yield from self._orders(place, found, bytes_read)
        except EndlessError as error:
            self._what = self._what or error.what
            if self._has_orders:
                self._add_fault(f"{self._name} {error}.")
        except DocumentError as error:
            self._add_fault(f"{self._name} {error}.")
        if self._faults:
            more = [f"And {self._unlisted:,} more such errors."] if self._unlisted else []
            raise UnreadableFileError("\n".join(self._faults + more))
        if not self._has_orders:
            self._refuse()

    def _orders(self, place: str, found: Found | Broken, bytes_read: int) -> Iterator[FileOrder]:
        if isinstance(found, Stranger) and not self._has_orders:
            self._hold(FileOrder(place, found.part, bytes_read), found.what)
            return
        self._has_orders = True
        yield from self._strangers
        self._strangers.clear()
        if isinstance(found, Broken):
            self._add_fault(f"{self._name} {found.fault}.")
        elif isinstance(found, Answer):
            if found.code:
                self._add_fault(f"{self._name}, {place}: {_error(found)}")
        elif not isinstance(found, Begun):
            yield FileOrder(place, found.part if isinstance(found, Stranger) else found, bytes_read)

    def _hold(self, stranger: FileOrder, what: str) -> None:
        """Keeps what may yet turn out to be a bad order among others."""
        self._what = self._what or what
        self._strangers.append(stranger)
        self._strange_bytes += len(stranger.part)
        if len(self._strangers) > _MOST_STRANGERS or self._strange_bytes > _MOST_STRANGE_BYTES:
            self._refuse()

    def _refuse(self) -> NoReturn:
        found = f"holds {self._what}" if self._what else "is empty"
        raise UnreadableFileError(f"{self._name} {found}; {_READABLE}.")

    def _add_fault(self, sentence: str) -> None:
        if len(self._faults) < _MOST_FAULTS:
            self._faults.append(sentence)
        else:
            self._unlisted += 1
