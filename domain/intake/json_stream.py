"""Cuts a JSON document into its parts while it is read, so that memory does not grow with the document.

The parts come as bytes, to be parsed by whoever knows what they should be. Numbers of any length, halves of surrogate
pairs and bytes that are no UTF-8 go through: they are the matter of the part that has them.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

LONGEST_PART = 16 * 2**20
_CHUNK = 2**18
# So near to the end of what has been read, an error may only mean that a word, a number or an escape goes on.
_LONGEST_TOKEN = 16
_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers stay texts: nobody looks at them here, and turning the longest ones into numbers fails.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class DocumentError(Exception):
    """What is wrong with the document, to follow its name."""


class JsonStream:
    """A document on its way; every method takes what it names off its front."""

    def __init__(self, file: BinaryIO) -> None:
        self.bytes_read = 0
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._position = 0
        self._is_complete = False
        # Where the text begins in the document, counted from 1.
        self._line = 1
        self._column = 1

    def peek(self) -> str:
        """The next character that is no white space, and stays where it is; empty at the end of the document."""
        while True:
            space = _SPACE.match(self._text, self._position)
            self._position = space.end() if space else self._position
            if self._position < len(self._text) or self._is_complete:
                return self._text[self._position : self._position + 1]
            self._read()

    def expect(self, characters: str) -> str:
        """The next character, which has to be one of these, and stays where it is."""
        character = self.peek()
        if character and character in characters:
            return character
        raise self._broken(f"{' or '.join(characters)} is missing")

    def elements(self) -> Iterator[bytes]:
        """The elements of an array, one by one."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        yield self.part()
        while self._take(",]") == ",":
            yield self.part()

    def members(self) -> Iterator[str]:
        """The keys of an object, one by one; the value of each has to be taken before the next one."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        yield self._key()
        while self._take(",}") == ",":
            yield self._key()

    def part(self) -> bytes:
        """A whole value."""
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
                # A number could go on behind what has been read.
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
        """Forgets what was taken and reads on; twice as much when one value is long, so that retrying stays cheap."""
        left = self._text[self._position :]
        if len(left) > LONGEST_PART:
            raise self._broken(f"one value is longer than {LONGEST_PART} characters")
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
