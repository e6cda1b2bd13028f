"""Finds the orders of a JSON document, whatever they are wrapped in.

A document is an order, an array of orders, an object with `orders`, the marketplace's answer, which has them in `data`,
or an array of answers.
"""

from collections.abc import Iterator

from domain.intake.answers import LISTS, PARENT, Members
from domain.intake.formats import is_order
from domain.intake.json_stream import DocumentError, JsonStream, TooLongError
from domain.intake.kinds import kind_of
from domain.rules.order import value

_OPENING = (b"{", b"[")
_CLOSING = {b"{": b"}", b"[": b"]"}
_LEADING_ON = (b"[", b",", b":")  # to a value on the next line


@value
class Answer:
    """An object with orders, which were found before it; with a code, an error."""

    code: str = ""
    message: str = ""


@value
class Stranger:
    """A value that is neither an order nor an object with orders; `what` says what it is."""

    part: bytes
    what: str


@value
class Begun:
    """Whatever follows in this list is meant to be an order."""


class EndlessError(DocumentError):
    """An object is too long to be read; `what` says what it is."""

    def __init__(self, fault: str, what: str) -> None:
        super().__init__(fault)
        self.what = what


Found = bytes | Answer | Stranger | Begun


def found_in(stream: JsonStream) -> Iterator[Found]:
    """What the next document holds, one by one; an order is its bytes. Raises DocumentError."""
    if stream.expect("[{") == "{":
        yield from _found_in_object(stream)
        return
    is_empty = True
    for _ in stream.places():
        is_empty = False  # pragma: no mutate: None is no different
        yield from _found_in_element(stream)
    if is_empty:
        yield Begun()


def are_lines(head: bytes, *, is_named_so: bool) -> bool:
    """Whether this is how JSON lines begin: one value ends a line, or is broken off there, and another starts the next.

    No JSON document does that. In a file that is named as lines the first of them may be the only one; but a document
    that is laid out on several lines stays one.
    """
    first, newline, others = head.lstrip().partition(b"\n")
    first, has_second = first.rstrip(), others.lstrip().startswith(_OPENING)
    is_opened = first.startswith(_OPENING)
    is_closed = is_opened and first.endswith(_CLOSING[first[:1]])
    is_laid_out = is_opened and not is_closed and (first in _OPENING or (newline != b"" and not has_second))
    is_broken = first.startswith(b"{") and not first.endswith(_LEADING_ON)
    return (has_second and (is_closed or is_broken)) or (is_named_so and not is_laid_out)


def is_plainly_order(part: bytes) -> bool:
    """True for an object that needs no closer look: it has what orders have, and nothing that their wrappers have."""
    # Without a mark the order is only looked at more closely.
    is_marketplaces = b'"line_items"' in part and b'"payment"' in part  # pragma: no mutate
    is_ours = b'"items"' in part and b'"currency"' in part  # pragma: no mutate
    is_likely = is_marketplaces or is_ours  # pragma: no mutate
    return is_likely and b'"orders"' not in part and b'"data"' not in part


def _found_in_element(stream: JsonStream) -> Iterator[Found]:
    if stream.peek() == "{":
        yield from _found_in_object(stream, "an array that begins with ")
    else:
        part = stream.part()
        yield Stranger(part, f"an array that begins with {kind_of(part)}")


def _found_in_object(stream: JsonStream, place: str = "") -> Iterator[Found]:
    if part := stream.part_if(is_plainly_order):
        yield part
        return
    members = Members()
    stream.mark()
    try:
        yield from _found_in_lists(stream, members)
    except TooLongError as error:
        raise EndlessError(str(error), f"{place}{members.what()}") from error
    part = stream.take_marked()
    if part and is_order(members.names):
        yield part
    elif members.is_answer():
        yield Answer(members.error_code(), members.message())
    else:
        yield Stranger(part, f"{place}{members.what()}")


def _found_in_lists(stream: JsonStream, members: Members) -> Iterator[Found]:
    for name in _names(stream, members):
        if name in LISTS and stream.peek() == "[":
            members.has_list = True
            stream.unmark()
            yield Begun()
            yield from stream.elements()
        else:
            members.add(name, stream.part())


def _names(stream: JsonStream, members: Members) -> Iterator[str]:
    """The names of the members, and the paths of those of `data`."""
    for name in stream.members():
        if name == PARENT and stream.peek() == "{":
            members.add(name, b"{}")
            yield from (f"{name}.{inner}" for inner in stream.members())
        else:
            yield name
