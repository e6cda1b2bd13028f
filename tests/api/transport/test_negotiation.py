"""Content negotiation by the headers Accept and Content-Type."""

import pytest

from api.errors import RefusedError
from api.transport.negotiation import EVENT_STREAM, GRAPHQL_JSON, JSON, answer_type, check_content_type


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        (" ", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON}", GRAPHQL_JSON),
        (f"{JSON}, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};charset=utf-8, {JSON};charset=utf-8", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{JSON};q=0, */*", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, */*", GRAPHQL_JSON),
        ("text/html, */*;q=0.1", JSON),
        (EVENT_STREAM, EVENT_STREAM),
        (f"{EVENT_STREAM}, text/html", EVENT_STREAM),
        (f"{EVENT_STREAM};q=0.1", EVENT_STREAM),
        (f"{EVENT_STREAM}, {JSON}", JSON),
        (f"{JSON};q=0.1, {EVENT_STREAM}", JSON),
        (f"{GRAPHQL_JSON}, {JSON}, {EVENT_STREAM}, multipart/mixed", GRAPHQL_JSON),
        (f"{EVENT_STREAM}, */*;q=0", EVENT_STREAM),
        (f", {JSON}, ,", JSON),
        (",", JSON),
        ("*/*, " + "image/png, " * 10_000, JSON),
        ("application/json" + ";x=y" * 10_000, JSON),
    ],
)
def test_the_answer_has_the_media_type_that_the_caller_prefers(accept: str, expected: str) -> None:
    assert answer_type(accept) == expected


@pytest.mark.parametrize(
    ("accept", "status", "code"),
    [
        ("image/png", 406, "NOT_ACCEPTABLE"),
        ("text/html", 406, "NOT_ACCEPTABLE"),
        (f"{GRAPHQL_JSON};q=0", 406, "NOT_ACCEPTABLE"),
        ("*/*;q=0", 406, "NOT_ACCEPTABLE"),
        ("json", 400, "BAD_USER_INPUT"),
        ("a/b/c", 400, "BAD_USER_INPUT"),
        ("image/png, " * 10_000 + "*/*", 406, "NOT_ACCEPTABLE"),
    ],
)
def test_a_media_type_that_the_caller_refuses_is_not_sent(accept: str, status: int, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        answer_type(accept)

    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8; x=y",
    ],
)
def test_json_in_utf_8_is_accepted(content_type: str) -> None:
    check_content_type(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "json",
        "text/plain",
        "text/plain; application/json",
        "application/json-patch+json",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/*",
        "*/*",
    ],
)
def test_any_other_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_content_type(content_type)

    assert (refused.value.status, refused.value.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
