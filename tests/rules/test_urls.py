"""URLs of services in settings."""

from urllib.parse import SplitResult

import pytest

from domain.rules.urls import split_url


def test_a_url_is_split_into_its_parts() -> None:
    parts = split_url("smtp://user:p%40ss@host:587/path?tls=none")

    assert parts == SplitResult("smtp", "user:p%40ss@host:587", "/path", "tls=none", "")


@pytest.mark.parametrize("text", ["smtp://host", "smtp://host:65535", "smtp://host:1"])
def test_a_url_needs_a_host_alone(text: str) -> None:
    parts = split_url(text)

    assert parts
    assert parts.hostname == "host"


@pytest.mark.parametrize(
    "text", ["", "host", "smtp://", "smtp://:25", "smtp://host:0", "smtp://host:x", "smtp://[", "smtp://host:65536"]
)
def test_any_other_text_has_no_parts(text: str) -> None:
    assert split_url(text) is None
