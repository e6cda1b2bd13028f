"""Tells by the members of an object whether it is an answer of the marketplace, and what it is if not."""

import json
import re
from collections.abc import Collection

from domain.intake.kinds import kind_of, object_with
from domain.rules.texts import LONGEST_TEXT, cut

PARENT = "data"
LISTS = ("orders", "data.orders")

_CODE, _MESSAGE, _COUNT = "code", "message", "total_count"
_TOLD = frozenset({_CODE, _MESSAGE, _COUNT, f"{PARENT}.{_COUNT}", *LISTS})
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_STARTS = frozenset(b'"-0123456789')  # of texts and numbers
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?")
_SUCCESS = re.compile(r"-?0+(\.0+)?([Ee][-+]?[0-9]+)?")
_LONGEST_TOLD = 2**16
_OF_ANSWERS = frozenset({_MESSAGE, PARENT, "request_id"})
_OF_PAGES = frozenset({"next_page_token", _COUNT})
_NONE = frozenset({None, b"0", b'"0"', b"null"})


class Members:
    """The members of an object, in their order; of `data` also its own, as `data.orders`."""

    def __init__(self) -> None:
        self.has_list = False  # pragma: no mutate: None is no different
        self._kinds: dict[str, bytes] = {}  # how the values begin
        self._told: dict[str, bytes] = {}

    @property
    def names(self) -> Collection[str]:
        return self._kinds.keys()

    def add(self, name: str, part: bytes) -> None:
        """Keeps of the values what can tell something, and after a list of orders nothing else: it may be endless."""
        if name in _TOLD and len(part) <= _LONGEST_TOLD:
            self._told[name] = part
        if not self.has_list:
            self._kinds[name] = part[:1]

    def is_answer(self) -> bool:
        """True if there are orders, maybe none, or an error in their place."""
        is_null = any(self._kinds.get(name) == b"n" for name in LISTS)
        is_page_of_none = _COUNT in self._kinds and self._is_page_of_none("")
        return self.has_list or is_null or is_page_of_none or self._is_bare_answer()

    def error_code(self) -> str:
        """Empty for success."""
        return "" if _SUCCESS.fullmatch(self._text(_CODE)) else self._shown(_CODE)

    def message(self) -> str:
        return self._shown(_MESSAGE)

    def what(self) -> str:
        """What the object is, in words."""
        for name in LISTS:
            if name in self._kinds:
                return f"an object whose {name} is {kind_of(self._kinds[name])}"
        names = [name for name, kind in self._kinds.items() if (name, kind) != (PARENT, b"{")]
        return object_with(names)

    def _is_bare_answer(self) -> bool:
        """Without a list: an error, or a success that found nothing. A code that is no number needs a message."""
        code = self._text(_CODE)
        if not code or not (len(self._kinds) == 1 or _OF_ANSWERS & self._kinds.keys()):
            return False
        data = self._kinds.get(PARENT, b"n")
        has_nothing = data == b"n" or (data == b"{" and self._is_page_of_none(f"{PARENT}."))
        if _SUCCESS.fullmatch(code):
            return has_nothing
        return _NUMBER.fullmatch(code) is not None or (has_nothing and bool(self.message()))

    def _is_page_of_none(self, prefix: str) -> bool:
        """True for a page that leaves out its list because nothing is in it."""
        names = {name.removeprefix(prefix) for name in self._kinds if name.startswith(prefix)}
        return names <= _OF_PAGES and self._told.get(prefix + _COUNT) in _NONE

    def _shown(self, name: str) -> str:
        """A text or number on one line, cut."""
        line = "".join(letter if letter.isprintable() else " " for letter in self._text(name))
        return cut(line.strip(), LONGEST_TEXT)

    def _text(self, name: str) -> str:
        """A text or number; empty if it is missing or something else."""
        part = self._told.get(name)
        if not part or part[0] not in _STARTS:
            return ""
        return str(_DECODER.decode(part.decode(errors="replace"))).strip()
