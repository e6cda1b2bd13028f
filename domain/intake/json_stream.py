"""Splits a JSON document into parts as it is read, so that memory does not grow with the document.

Parts are bytes for the caller to parse. Numbers of any length, lone surrogates and invalid UTF-8 pass through: they
only spoil the part that contains them.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

LONGEST_PART = 16 * 2**20
_CHUNK = 2**18
# This close to the end of the text read so far, an error may only mean that a token is incomplete.
_LONGEST_TOKEN = 16
_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers stay text: their values do not matter here, and converting the longest ones would fail.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class DocumentError(Exception):
    """A fault of the document, as a phrase that follows its name."""


class JsonStream:
    """A document being read; each method but peek() and expect() consumes what it returns."""

    def __init__(self, file: BinaryIO) -> None:
        self.bytes_read = 0
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._position = 0
        self._is_complete = False
        # The position of the text in the document, counted from 1.
        self._line = 1
        self._column = 1

    def peek(self) -> str:
        """The next character that is not white space, left in place; empty at the end of the document."""
        while True:
            space = _SPACE.match(self._text, self._position)
            self._position = space.end() if space else self._position
            if self._position < len(self._text) or self._is_complete:
                return self._text[self._position : self._position + 1]
            self._read()

    def expect(self, characters: str) -> str:
        """The next character, which must be one of these, left in place."""
        character = self.peek()
        if character and character in characters:
            return character
        raise self._broken(f"{' or '.join(characters)} is missing")

    def elements(self) -> Iterator[bytes]:
        """The elements of an array."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        yield self.part()
        while self._take(",]") == ",":
            yield self.part()

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
        return self._value()[1].encode("utf-8", "surrogateescape")

    def _key(self) -> str:
        self.expect('"')
        key, _ = self._value()
        self._take(":")
        return str(key)

    def _take(self, characters: str) -> str:
        character = self.expect(characters)
        self._position += 1
        return character

    def _value(self) -> tuple[object, str]:
        """A value and its text."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except RecursionError as error:
                raise self._broken("brackets are nested too deeply") from error
            except json.JSONDecodeError as error:
                if not self._may_go_on(error):
                    what = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
                    raise self._broken(what, error.pos) from error
            else:
                # A number may continue in the next chunk.
                if self._is_complete or end < len(self._text) - _LONGEST_TOKEN:
                    text = self._text[self._position : end]
                    self._position = end
                    return value, text
            self._read()

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        if self._is_complete:
            return False
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN

    def _read(self) -> None:
        """Drops consumed text and reads on; an incomplete value is doubled each time, so that retries stay cheap."""
        left = self._text[self._position :]
        if len(left) > LONGEST_PART:
            raise self._broken(f"a value is longer than {LONGEST_PART:,} characters")
        self._line, self._column = self._place(self._position)
        chunk = self._file.read(max(_CHUNK, len(left)))
        self.bytes_read += len(chunk)
        self._is_complete = not chunk
        self._text = left + self._decoder.decode(chunk, final=self._is_complete)
        self._position = 0

    def _broken(self, what: str, position: int | None = None) -> DocumentError:
        position = self._position if position is None else position
        line, column = self._place(position)
        if self._is_complete and position >= len(self._text.rstrip()):
            what = "it ends too early"
        return DocumentError(f"is not JSON: {what} at line {line}, column {column}")

    def _place(self, position: int) -> tuple[int, int]:
        lines = self._text.count("\n", 0, position)
        if not lines:
            return self._line, self._column + position
        return self._line + lines, position - self._text.rindex("\n", 0, position)
