"""Splits a JSON document into parts as it is read, so that memory does not grow with the document.

Parts are bytes for the caller to parse. Numbers of any length, lone surrogates and invalid UTF-8 pass through: they
only spoil the part that contains them.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from pydantic_core import SchemaValidator, ValidationError, core_schema

LONGEST_PART = 16 * 2**20
_CHUNK = 2**18
# Longer objects are rare enough for the slow way.
_LONGEST_QUICK_PART = 2**16
_FIRST_LOOK = 2**8
# This close to the end of the text read so far, an error may only mean that a token is incomplete.
_LONGEST_TOKEN = 16
_SPACE = re.compile(rb"[ \t\n\r]*+")
_PLAIN_VALUE = re.compile(rb'"[^"\\\x00-\x1f]*+"|(?:0|[1-9][0-9]*+|null)(?=[ \t\n\r,}\]])')
# Numbers stay text: their values do not matter here, and converting the longest ones would fail.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


# Checks an object and skips what is in it, several times as fast as to make it.
_OBJECT = SchemaValidator(core_schema.typed_dict_schema({}, extra_behavior="ignore"))


class DocumentError(Exception):
    """A fault of the document, as a phrase that follows its name."""


class TooLongError(DocumentError):
    """A value is too long to be held."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """About as many bytes, and none only at the end."""


class JsonStream:
    """A document being read; each method but peek() and expect() consumes what it returns."""

    def __init__(self, file: Readable, *, first_line: int = 1) -> None:
        self.bytes_read = 0
        self._file = file
        self._buffer = b""
        self._position = 0
        self._mark: int | None = None
        self._is_complete = False
        # Where the buffer starts in the document, counted from 1.
        self._line = first_line
        self._column = 1

    def peek(self) -> str:
        """The next character that is not white space, left in place; empty at the end of the document."""
        while True:
            self._position = _SPACE.match(self._buffer, self._position).end()  # type: ignore[union-attr] # it always matches
            if self._position < len(self._buffer):
                return chr(self._buffer[self._position])
            if self._is_complete:
                return ""
            self._read()

    def expect(self, characters: str) -> str:
        """The next character, which must be one of these, left in place."""
        character = self.peek()
        if character and character in characters:
            return character
        raise self._broken(f"{' or '.join(characters)} is missing")

    def elements(self) -> Iterator[bytes]:
        """The elements of an array."""
        return (self.part() for _ in self.places())

    def places(self) -> Iterator[None]:
        """Stops at each element of an array; the caller must read it before going on."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        yield
        while self._take(",]") == ",":
            yield

    def members(self) -> Iterator[str]:
        """The keys of an object; the caller must read each value before taking the next key."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        yield self._key()
        while self._take(",}") == ",":
            yield self._key()

    def part(self) -> bytes:
        """A complete value."""
        self.peek()
        while True:
            part = self._quick_part() or self._slow_part()
            if part:
                self._position += len(part)
                return part
            self._read()

    def part_if(self, is_wanted: Callable[[bytes], bool]) -> bytes:
        """An object, if it is short and wanted; otherwise nothing, and it is left in place."""
        self.peek()
        part = self._balanced()
        if not part and len(self._buffer) - self._position < _LONGEST_QUICK_PART:
            self._read()
            part = self._balanced()
        if not is_wanted(part) or not _is_valid(part):
            return b""
        self._position += len(part)
        return part

    def mark(self) -> None:
        """Keeps what is read from here on, until it is taken."""
        self.peek()
        self._mark = self._position

    def take_marked(self) -> bytes:
        """What was read since the mark; empty if it is no longer kept."""
        kept = b"" if self._mark is None else self._buffer[self._mark : self._position]
        self._mark = None
        return kept

    def unmark(self) -> None:
        self._mark = None

    def _key(self) -> str:
        self.expect('"')
        key = self.part().decode("utf-8", "surrogateescape")
        self._take(":")
        return str(json.loads(key)) if "\\" in key else key[1:-1]

    def _take(self, characters: str) -> str:
        character = self.expect(characters)
        self._position += 1
        return character

    def _quick_part(self) -> bytes:
        """A plain value or a short object; nothing if there is none, or not yet."""
        if self._buffer.startswith(b"{", self._position):
            part = self._balanced()
            return part if _is_valid(part) else b""
        plain = _PLAIN_VALUE.match(self._buffer, self._position)
        return plain.group() if plain else b""

    def _balanced(self) -> bytes:
        """The text up to where its braces balance.

        Braces in texts are counted, too, so that it is the whole of an object only if it is valid.
        """
        buffer, end, depth = self._buffer, self._position, 0
        last = end + _LONGEST_QUICK_PART
        while (brace := buffer.find(b"}", end, last)) >= 0:
            depth += buffer.count(b"{", end, brace) - 1
            end = brace + 1
            if depth <= 0:
                return buffer[self._position : end]
        return b""

    def _slow_part(self) -> bytes:
        """Any value; nothing if it may be incomplete."""
        length = _FIRST_LOOK
        while True:
            is_all = self._position + length >= len(self._buffer)
            part = self._slow_part_within(length, is_end=is_all and self._is_complete)
            if part or is_all:
                return part
            length *= 4

    def _slow_part_within(self, length: int, *, is_end: bool) -> bytes:
        text = self._buffer[self._position : self._position + length].decode("utf-8", "surrogateescape")
        try:
            _, end = _DECODER.raw_decode(text)
        except RecursionError as error:
            raise self._broken("brackets are nested too deeply") from error
        except json.JSONDecodeError as error:
            is_cut = error.msg.startswith("Unterminated string") or error.pos > len(text) - _LONGEST_TOKEN
            if is_cut and not is_end:
                return b""
            what = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
            raise self._broken(what, len(_bytes(text[: error.pos]))) from error
        # A number may continue in the next chunk.
        return _bytes(text[:end]) if is_end or end < len(text) - _LONGEST_TOKEN else b""

    def _read(self) -> None:
        """Drops consumed text and reads on; an incomplete value is doubled each time, so that retries stay cheap."""
        start = self._position if self._mark is None else self._mark
        left = self._buffer[start:]
        if len(left) > LONGEST_PART:
            line, column = self._place(start)
            what = f"is not JSON: a value is longer than {LONGEST_PART:,} characters at line {line}, column {column}"
            raise TooLongError(what)
        self._line, self._column = self._place(start)
        chunk = self._file.read(max(_CHUNK, len(left)))
        self.bytes_read += len(chunk)
        self._is_complete = not chunk
        self._buffer = left + chunk
        self._position -= start
        self._mark = None if self._mark is None else 0

    def _broken(self, what: str, offset: int = 0) -> DocumentError:
        position = self._position + offset
        line, column = self._place(position)
        if self._is_complete and position >= len(self._buffer.rstrip()):
            what = "it ends too early"
        return DocumentError(f"is not JSON: {what} at line {line}, column {column}")

    def _place(self, position: int) -> tuple[int, int]:
        lines = self._buffer.count(b"\n", 0, position)
        start = self._buffer.rindex(b"\n", 0, position) + 1 if lines else 0
        letters = len(self._buffer[start:position].decode("utf-8", "surrogateescape"))
        return self._line + lines, letters + (1 if lines else self._column)


def _is_valid(part: bytes) -> bool:
    try:
        _OBJECT.validate_json(part)
    except ValidationError:
        return False
    return True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
