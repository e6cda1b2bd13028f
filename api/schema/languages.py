"""The language that a caller prefers among those of the mails (RFC 9110, 12.5.4)."""

import re

from domain.mail.phrases import LANGUAGES
from domain.rules.locales import DEFAULT_LOCALE

# A language, with an optional region and quality.
_RANGE = re.compile(r"([a-z]{1,8}|\*)(?:-[a-z0-9-]+)?(?:\s*;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE)
_LONGEST_HEADER = 500


def preferred_language(accept_language: str) -> str:
    """The best match for an Accept-Language header; English if nothing matches.

    Regions are ignored: "de-CH" is German. Parts that do not parse are skipped.
    """
    parts = (_RANGE.fullmatch(part.strip()) for part in accept_language[:_LONGEST_HEADER].split(","))
    ranges = [(part[1].lower(), float(part[2] or 1)) for part in parts if part]
    ours = [(DEFAULT_LOCALE.language if language == "*" else language, quality) for language, quality in ranges]
    liked = [(quality, language) for language, quality in ours if quality and language in LANGUAGES]
    return max(liked, key=lambda each: each[0], default=(1, DEFAULT_LOCALE.language))[1]
