"""Content negotiation (GraphQL over HTTP; RFC 9110, section 12.5.1)."""

from functools import lru_cache

from mimeparse import MimeTypeParseException, parse_mime_type, quality

from api.errors import RefusedError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"

# Best first, for clients that rate several equally.
_ANSWERS = (GRAPHQL_JSON, JSON)
_MOST_RANGES = 50
_LONGEST_RANGE = 200
# Headers to cache: clients keep sending the same ones.
_REMEMBERED = 64


def answer_type(accept: str) -> str:
    """The media type that suits an Accept header best; raises RefusedError if none does.

    Clients that accept anything get plain JSON, as they always have. Only clients that accept no JSON get a stream:
    some list everything they can read, and expect JSON for a query.
    """
    listed = [each.strip()[:_LONGEST_RANGE] for each in accept.lower().split(",") if each.strip()]
    return _answer_type(",".join(listed[:_MOST_RANGES]) or "*/*")


@lru_cache(_REMEMBERED)
def _answer_type(ranges: str) -> str:
    try:
        liked = {each: quality(each, ranges) for each in (*_ANSWERS, EVENT_STREAM)}
    except MimeTypeParseException as error:
        raise RefusedError(400, "BAD_USER_INPUT", "The Accept header is not a list of media types.") from error
    best = max(_ANSWERS, key=lambda each: (liked[each], each in ranges))
    if liked[best]:
        return best if best in ranges else JSON if liked[JSON] else best
    if liked[EVENT_STREAM]:
        return EVENT_STREAM
    raise RefusedError(406, "NOT_ACCEPTABLE", f"Accept one of {GRAPHQL_JSON}, {JSON} and {EVENT_STREAM}.")


def check_content_type(content_type: str) -> None:
    """Raises RefusedError unless it is JSON in UTF-8, which other sites' forms cannot send."""
    if len(content_type) > _LONGEST_RANGE or not _is_json(content_type):
        raise RefusedError(415, "UNSUPPORTED_MEDIA_TYPE", f"Send the request as Content-Type: {JSON}, in UTF-8.")


@lru_cache(_REMEMBERED)
def _is_json(content_type: str) -> bool:
    try:
        main, sub, parameters = parse_mime_type(content_type.lower())
    except MimeTypeParseException:
        return False
    return (main, sub) == ("application", "json") and parameters.get("charset", "utf-8") in {"utf-8", "utf8"}
