"""Settings that cannot be: what is said of them, and what never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.settings import Settings

PASSWORD = "s3cr3t"


def refusals(**settings: str) -> list[str]:
    """What is said of these settings; nothing where they are good."""
    try:
        Settings.model_validate(settings)
    except ValidationError as error:
        return [fault["msg"] for fault in error.errors()]
    return []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("smtp_url", f"smtp://u:[{PASSWORD}]@h:25", "Write @, : and / of a password as %40, %3A and %2F."),
        ("smtp_url", f"smtp://u:x/{PASSWORD}@h:25", "Write @, : and / of a password as %40, %3A and %2F."),
        ("smtp_url", f"smtp://u:p@h:{PASSWORD}", "Write @, : and / of a password as %40, %3A and %2F."),
        ("smtp_url", f"smtp://:{PASSWORD}@h", "Use smtp://user:password@host:587?tls=starttls."),
        ("smtp_url", "smtp://h:0", "Use smtp://user:password@host:587?tls=starttls."),
        ("smtp_url", "smtp://h?tls=starttls&tls=none", "Use smtp://user:password@host:587?tls=starttls."),
        ("database_url", f"postgresql://user:p@ss:{PASSWORD}@host/db", "Write @, : and / of a password as %40"),
        ("database_url", f"postgresql://user:p@{PASSWORD}@host/db", "Write @, : and / of a password as %40"),
        ("database_url", f"mysql://user:{PASSWORD}@host/db", "Use sqlite:///path or postgresql://"),
        ("nats_url", f"nats://u:p@ss:{PASSWORD}/x@h", "has to be an address such as nats://127.0.0.1:4222"),
        ("otlp_endpoint", f"http://u:[{PASSWORD}]@h", "has to be an address such as http://127.0.0.1:4318"),
        ("jwks", f"https://u:[{PASSWORD}]@h/keys", "has to be a file or an https address"),
        ("jwks", f"HTTP://u:{PASSWORD}@h/keys", "has to be a file or an https address"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_its_password(name: str, value: str, sentence: str) -> None:
    [said] = refusals(**{name: value})

    assert sentence in said
    assert PASSWORD not in said


PIECES = st.text("[]@:/?#%\\& .1", max_size=6)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("smtp_url", "smtp"),
        ("database_url", "postgresql"),
        ("database_url", "sqlite"),
        ("nats_url", "nats"),
        ("otlp_endpoint", "https"),
        ("jwks", "https"),
    ],
)
@given(before=PIECES, within=PIECES, behind=PIECES)
def test_no_address_brings_its_password_into_an_error(
    name: str, scheme: str, before: str, within: str, behind: str
) -> None:
    said = refusals(**{name: f"{scheme}://user:{before}{PASSWORD}{within}{PASSWORD}{behind}@host/db"})

    assert PASSWORD not in " ".join(said)


@pytest.mark.parametrize("hosts", [",", " ", ", ,"])
def test_hosts_without_a_name_are_not_taken_for_any_host(hosts: str) -> None:
    assert refusals(trusted_hosts=hosts) == ["Value error, has no word in it; leave it unset for none"]
