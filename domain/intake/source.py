"""Opens a file or standard input as UTF-8, whatever Unicode it is in, and stops reading when told to."""

import codecs
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from select import select
from typing import Any, BinaryIO

from domain.rules.order import value

STANDARD_INPUT = Path("-")

_UTF_16 = frozenset({codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE})
# Large enough to hold the first lines of a JSON lines file when its format is detected.
_BUFFER = 2**20
# How often a reader that waits for input checks whether to stop.
_LOOK_SECONDS = 0.1


@value
class Source:
    """A file as UTF-8 without a byte order mark.

    `head` is how it begins, left in place. `bytes_read` tells how far into the file on disk so many bytes of it are; it
    may be ahead by a buffer.
    """

    head: bytes
    file: BinaryIO
    bytes_read: Callable[[int], int]


@contextmanager
def opened(path: Path, is_stopped: Callable[[], bool]) -> Iterator[Source]:
    """Raises OSError, also while the file is read. Once `is_stopped` returns True, the file ends."""
    is_input = path == STANDARD_INPUT
    raw = _Stoppable(0 if is_input else path, is_stopped, closefd=not is_input)
    with BufferedReader(raw, _BUFFER) as file:
        head = file.peek()
        if head[:2] in _UTF_16:
            with BufferedReader(_FromUtf16(file), _BUFFER) as decoded:
                yield Source(decoded.peek(), decoded, lambda _: raw.bytes_read)
            return
        mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
        file.read(mark)
        yield Source(head[mark:], file, lambda count: mark + count)


class _Stoppable(FileIO):
    """Returns partial reads, except the first, which fills the buffer: detection must not depend on a pipe's speed."""

    def __init__(self, file: Path | int, is_stopped: Callable[[], bool], *, closefd: bool) -> None:
        super().__init__(file, closefd=closefd)
        self.bytes_read = 0
        self._is_stopped = is_stopped

    def readinto(self, buffer: Any) -> int:  # any writable buffer
        view, filled, is_first = memoryview(buffer), 0, not self.bytes_read
        while filled < len(view) and self._is_ready():
            read = super().readinto(view[filled:])
            filled += read
            if not read or not is_first:
                break
        self.bytes_read += filled
        return filled

    def _is_ready(self) -> bool:
        """Waits for bytes or the end of the file; False if stopped before."""
        while not self._is_stopped():
            if select([self], [], [], _LOOK_SECONDS)[0]:
                return True
        return False


class _FromUtf16(RawIOBase):
    """UTF-16 as UTF-8. Lone surrogates are passed on: they only spoil the order that contains them."""

    def __init__(self, file: "BufferedReader[_Stoppable]") -> None:
        super().__init__()
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # any writable buffer
        # Two bytes become three at most. Half a character at the end of the file is dropped.
        while not self._left and (given := self._file.read1(len(buffer) // 2)):
            self._left = self._decoder.decode(given).encode("utf-8", "surrogatepass")
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
