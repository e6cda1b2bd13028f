"""Cursors: a position that only the shop that gave it out can use again. Pure (specification, section 6)."""

import base64
from hashlib import blake2b
from hmac import compare_digest

_SIGNATURE_BYTES = 12


class InvalidCursorError(ValueError):
    """The text is no cursor of this shop for this list."""


def sign(key: bytes, kind: str, position: str) -> str:
    """The cursor for a position in the list `kind`; `key` is the shop's."""
    content = position.encode()
    return base64.urlsafe_b64encode(_signature(key, kind, content) + content).decode().rstrip("=")


def position(key: bytes, kind: str, cursor: str) -> str:
    """The position that was signed; raises InvalidCursorError for anything else."""
    try:
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        content = signed[_SIGNATURE_BYTES:].decode()
    except ValueError as error:
        raise InvalidCursorError(cursor) from error
    # Base64 has several texts for the same bytes; only the one that was given out is a cursor.
    if not compare_digest(cursor, sign(key, kind, content)):
        raise InvalidCursorError(cursor)
    return content


def _signature(key: bytes, kind: str, content: bytes) -> bytes:
    return blake2b(content, key=key, person=kind.encode(), digest_size=_SIGNATURE_BYTES).digest()
