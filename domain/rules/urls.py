"""URLs of services in settings, which may contain passwords."""

from urllib.parse import SplitResult, urlsplit

ENCODE_PASSWORDS = "In a password, write @, : and / as %40, %3A and %2F."


def split_url(text: str) -> SplitResult | None:
    """The parts of a URL, or None unless it has a host and any port is valid.

    The library's own errors are not shown: they quote the text, which may include part of the password.
    """
    try:
        parts = urlsplit(text)
        is_address = parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_address else None
