"""Cursors: signed positions in a list, valid only for the shop and the list that issued them."""

import base64
from hashlib import blake2b
from hmac import compare_digest

_SIGNATURE_BYTES = 12


class InvalidCursorError(ValueError):
    """The shop did not issue this cursor for this list."""


def sign(key: bytes, kind: str, position: str) -> str:
    """The cursor for a position in the list `kind`, signed with the shop's key."""
    content = position.encode()
    return base64.urlsafe_b64encode(_signature(key, kind, content) + content).decode().replace("=", "")


def position(key: bytes, kind: str, cursor: str) -> str:
    """The signed position; raises InvalidCursorError for any other text."""
    try:
        signed = base64.urlsafe_b64decode(cursor + "==")  # surplus padding is ignored
        content = signed[_SIGNATURE_BYTES:].decode()
    except ValueError as error:
        raise InvalidCursorError from error
    # Many texts decode to the same bytes; only the one we issued is valid.
    if not compare_digest(cursor, sign(key, kind, content)):
        raise InvalidCursorError
    return content


def _signature(key: bytes, kind: str, content: bytes) -> bytes:
    return blake2b(content, key=key, person=kind.encode(), digest_size=_SIGNATURE_BYTES).digest()
