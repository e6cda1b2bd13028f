"""Finds the orders of JSON lines. A bad line does not stop the others."""

from collections.abc import Iterator
from typing import BinaryIO

from domain.intake.json_stream import DocumentError, JsonStream
from domain.intake.kinds import what_begins
from domain.intake.shapes import Answer, Begun, Found, Stranger, found_in, is_plainly_order
from domain.rules.order import value

_OPENING = (b"{", b"[")
# Longer lines are read in pieces.
_PIECE = 2**18


@value
class Broken:
    """The rest of a line cannot be read; `fault` is a phrase that follows the file's name."""

    fault: str


def found_in_lines(file: BinaryIO) -> Iterator[tuple[str, Found | Broken, int]]:
    """What the lines hold, one by one, each with its place and how many bytes were read by then."""
    number = bytes_read = 0
    while head := file.readline(_PIECE):
        number += 1
        text, is_whole = head.strip(), head.endswith(b"\n") or len(head) < _PIECE
        if is_whole and not text:
            bytes_read += len(head)
            continue
        if is_whole and text.startswith(b"{") and is_plainly_order(text):
            bytes_read += len(head)
            yield f"line {number}", text, bytes_read
            continue
        line = _Line(head, file if not is_whole else None)
        for place, found in _placed(_found_in(line, text, number), f"line {number}", is_list=text.startswith(b"[")):
            yield place, found, bytes_read + line.bytes_read
        line.skip()
        bytes_read += line.bytes_read


class _Line:
    """A line as a file: its beginning, and the rest of it in another file, if there is any."""

    def __init__(self, head: bytes, rest: BinaryIO | None) -> None:
        self.bytes_read = len(head)
        self._next = head
        self._rest = rest

    def read(self, _: int) -> bytes:
        piece, self._next = self._next, b""
        if not piece and self._rest:
            piece = self._rest.readline(_PIECE)
            self.bytes_read += len(piece)
            if not piece or piece.endswith(b"\n"):
                self._rest = None
        return piece.removesuffix(b"\n")

    def skip(self) -> None:
        """Reads what is left."""
        while self.read(_PIECE):
            pass


def _found_in(line: _Line, head: bytes, number: int) -> Iterator[Found | Broken]:
    """`head` is the line, or the beginning of a long one."""
    if head and not head.startswith(_OPENING):
        yield Stranger(head, what_begins(head))
        return
    stream, has_found = JsonStream(line, first_line=number), False
    try:
        while stream.peek():
            for found in found_in(stream):
                has_found = True
                yield found
    except DocumentError as error:
        yield Broken(str(error)) if has_found else head


def _placed(
    found_in_line: Iterator[Found | Broken], line: str, *, is_list: bool
) -> Iterator[tuple[str, Found | Broken]]:
    """The orders of a list are counted."""
    orders = 0
    for found in found_in_line:
        is_list = is_list or isinstance(found, Begun)
        orders += isinstance(found, bytes | Stranger)
        is_counted = is_list and not isinstance(found, Answer)
        yield f"{line}, order {orders}" if is_counted else line, found
