"""Addresses of services as settings have them, passwords included. Pure."""

from urllib.parse import SplitResult, urlsplit

ENCODE_PASSWORDS = "Write @, : and / of a password as %40, %3A and %2F."


def split_url(text: str) -> SplitResult | None:
    """The parts of an address with a host and, if any, a port; None for other texts.

    The library's own errors quote what they cannot read, and that may be a part of the password.
    """
    try:
        parts = urlsplit(text)
        is_address = parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_address else None
