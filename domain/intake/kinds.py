"""Says in words what stands where orders were expected."""

from collections.abc import Sequence

import orjson

_KINDS = {"{": "an object", "[": "an array", '"': "a text", "t": "true", "f": "false", "n": "null"}
_SIGNATURES = (
    (b"<", "HTML or XML"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip file or a spreadsheet"),
    (b"%PDF", "a PDF"),
)
_LONGEST_SAMPLE = 40
_MOST_NAMES = 5


def kind_of(part: bytes) -> str:
    """The kind of a JSON value."""
    return _KINDS.get(chr(part[0]), "a number")


def what_begins(head: bytes) -> str:
    """What has this beginning, which is no object and no array."""
    line = head.partition(b"\n")[0].strip()
    for signature, what in _SIGNATURES:
        if line.startswith(signature):
            return what
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        text = line.decode(errors="replace")[:_LONGEST_SAMPLE]
        is_text = all((letter.isprintable() and letter != "\ufffd") or letter == "\t" for letter in text)
        return f'text that is not JSON and begins with "{text}"' if is_text else "something that is no text"
    return kind_of(line)


def object_with(names: Sequence[str]) -> str:
    """An object with members of these names."""
    if not names:
        return "an empty object"
    shown = [name if name.isprintable() and len(name) <= _LONGEST_SAMPLE else "…" for name in names[:_MOST_NAMES]]
    more = [f"{len(names) - _MOST_NAMES} more members"] if len(names) > _MOST_NAMES else []
    *first, last = shown + more
    return f"an object with {', '.join(first)} and {last}" if first else f"an object with {last}"
