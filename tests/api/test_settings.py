"""Invalid settings: their errors, and what these never reveal."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api import serving
from api.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[2]
PASSWORD = "s3cr3t"


def refusals(**settings: str) -> list[str]:
    """The errors about these settings."""
    try:
        Settings.model_validate(settings)
    except ValidationError as error:
        return [fault["msg"] for fault in error.errors()]
    return []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("smtp_url", f"smtp://u:[{PASSWORD}]@h:25", "In a password, write @, : and / as %40, %3A and %2F."),
        ("smtp_url", f"smtp://u:x/{PASSWORD}@h:25", "In a password, write @, : and / as %40, %3A and %2F."),
        ("smtp_url", f"smtp://u:p@h:{PASSWORD}", "In a password, write @, : and / as %40, %3A and %2F."),
        ("smtp_url", f"smtp://:{PASSWORD}@h", "Use smtp://user:password@host:587?tls=starttls."),
        ("smtp_url", "smtp://h:0", "Use smtp://user:password@host:587?tls=starttls."),
        ("smtp_url", "smtp://h?tls=starttls&tls=none", "Use smtp://user:password@host:587?tls=starttls."),
        ("database_url", f"postgresql://user:p@ss:{PASSWORD}@host/db", "In a password, write @, : and / as %40"),
        ("database_url", f"postgresql://user:p@{PASSWORD}@host/db", "In a password, write @, : and / as %40"),
        ("database_url", f"sqlite://u:p@:{PASSWORD}@h/db", "SQLite needs a file"),
        ("database_url", f"mysql://user:{PASSWORD}@host/db", "Use sqlite:///path or postgresql://"),
        ("database_url", f"postgresql://user:{PASSWORD}@host/db?pgbouncer=true", "Unknown parameter pgbouncer"),
        ("listen_url", f"postgresql://user:p@{PASSWORD}@host/db", "In a password, write @, : and / as %40"),
        ("listen_url", f"sqlite:///{PASSWORD}", "Use postgresql://user:password@host/database."),
        ("nats_url", f"nats://u:p@ss:{PASSWORD}/x@h", "must be an address such as nats://127.0.0.1:4222"),
        ("otlp_endpoint", f"http://u:[{PASSWORD}]@h", "must be an address such as http://127.0.0.1:4318"),
        ("jwks", f"https://u:[{PASSWORD}]@h/keys", "must be a file or an https address"),
        ("jwks", f"HTTP://u:{PASSWORD}@h/keys", "must be a file or an https address"),
    ],
)
def test_errors_about_an_address_omit_its_password(name: str, value: str, sentence: str) -> None:
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
        ("listen_url", "postgresql"),
        ("nats_url", "nats"),
        ("otlp_endpoint", "https"),
        ("jwks", "https"),
    ],
)
@given(before=PIECES, within=PIECES, behind=PIECES)
def test_no_error_contains_the_password_of_an_address(
    name: str, scheme: str, before: str, within: str, behind: str
) -> None:
    said = refusals(**{name: f"{scheme}://user:{before}{PASSWORD}{within}{PASSWORD}{behind}@host/db"})

    assert PASSWORD not in " ".join(said)


@pytest.mark.parametrize("hosts", [",", " ", ", ,"])
def test_an_empty_list_of_hosts_does_not_mean_any_host(hosts: str) -> None:
    assert refusals(trusted_hosts=hosts) == ["Value error, is empty; leave it unset instead"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, without a file `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_of_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """The error about an environment with these variables; empty if there is none."""
    with monkeypatch.context() as context:
        for name, value in variables.items():
            context.setenv(name, value)
        try:
            load_settings()
        except SettingsError as error:
            return str(error)
    return ""


# Invalid values of each setting, and the error about them.
WRONG: dict[str, tuple[list[str], str]] = {
    "DATABASE_URL": (["oracle://h/d"], "Use sqlite:///path or postgresql://user:password@host/database."),
    "LISTEN_URL": (["sqlite:///shortship.db", "http://h"], "Use postgresql://user:password@host/database."),
    "PORT": (["http", "-1", "65536", "80.5", "tcp://10.0.0.1:80"], "must be a number from 0 to 65535"),
    "PROCESSES": (["two", "0", "65", "1.5"], "must be a number from 1 to 64"),
    "JWT_SECRET": (["short"], "must be at least 32 bytes long"),
    "JWKS": (["ftp://h/keys"], "must be a file or an https address"),
    "SMTP_URL": (["http://h"], "Use smtp://user:password@host:587?tls=starttls."),
    "MAIL_FROM": (["nobody"], "is not an address such as Shop name <orders@example.com>"),
    "MAIL_REPLY_TO": (["nobody"], "is not an address such as Shop name <orders@example.com>"),
    "INTROSPECTION": (["maybe", "2"], "must be on or off"),
    "GRAPHIQL": (["maybe", "2"], "must be on or off"),
    "ALLOWED_ORIGINS": ([",", ", ,"], "is empty; leave it unset instead"),
    "TRUSTED_HOSTS": ([",", ", ,"], "is empty; leave it unset instead"),
    "OTLP_ENDPOINT": (["collector"], "must be an address such as http://127.0.0.1:4318"),
    "NATS_URL": (["http://h"], "must be an address such as nats://127.0.0.1:4222"),
    "LOG_FORMAT": (["xml", "JSON"], "must be json or console"),
    "PAGE_LIMIT": (["many", "0", "1001"], "must be a number from 1 to 1000"),
    "COST_LIMIT": (["much", "0", "-5"], "must be a whole number above 0"),
    "RATE_LIMIT": (["much", "-1"], "must be a whole number, or 0 for no limit"),
    "OPERATION_TIMEOUT": (["long", "0", "nan", "3601"], "must be a number of seconds above 0 and at most 3600"),
}
# These are validated where they are used.
ANY_TEXT = {"HOST", "JWT_ISSUER", "JWT_AUDIENCE", "SMTP_CA_FILE", "TRUSTED_DOCUMENTS"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", sorted(name.upper() for name in Settings.model_fields))
def test_an_invalid_value_is_refused_in_our_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ANY_TEXT:
        assert said_of_environment(monkeypatch, **{f"SHORTSHIP_{name}": "anything"}) == ""
        return
    values, sentence = WRONG[name]

    said = {said_of_environment(monkeypatch, **{f"SHORTSHIP_{name}": value}) for value in values}

    assert said == {f"SHORTSHIP_{name}: {sentence}"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SHORTSHIP_DATABSE_URL", "did you mean SHORTSHIP_DATABASE_URL?"),
        ("shortship_databse_url", "did you mean SHORTSHIP_DATABASE_URL?"),
        ("SHORTSHIP_SECRET", "did you mean SHORTSHIP_JWT_SECRET?"),
        ("SHORTSHIP_TIMEOUT", "did you mean SHORTSHIP_OPERATION_TIMEOUT?"),
        ("SHORTSHP_PORT", "did you mean SHORTSHIP_PORT?"),
        ("SHORTSHIPPORT", "did you mean SHORTSHIP_PORT?"),
        ("SHORTSHIP_COST", "did you mean SHORTSHIP_COST_LIMIT?"),
        ("SHORTSHIP_JWT_SECRET_KEY", "did you mean SHORTSHIP_JWT_SECRET?"),
        ("SHORTSHIP_HTTP_PORT", "did you mean SHORTSHIP_PORT?"),
        ("SHORTSHIP_JWT_SERVICE_PORT", "did you mean SHORTSHIP_JWT_SECRET?"),
        ("SHORTSHIP_XYZ", "docs/settings.md lists them all."),
    ],
)
def test_a_misspelt_name_is_refused_with_the_right_one(
    name: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said_of_environment(monkeypatch, **{name: PASSWORD}) == f"{name.upper()} is not a setting; {sentence}"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "SHORTSHIP_DATABSE_URL=x",
            "SHORTSHIP_DATABSE_URL in .env is not a setting; did you mean SHORTSHIP_DATABASE_URL?",
        ),
        ("SHORTSHP_PORT=1", "SHORTSHP_PORT in .env is not a setting; did you mean SHORTSHIP_PORT?"),
        (
            "DATABASE_URL=x",
            (
                "DATABASE_URL in .env is not read: the setting is SHORTSHIP_DATABASE_URL; set that too if DATABASE_URL "
                "is for another program."
            ),
        ),
        ("DATABASE_URL=x\nSHORTSHIP_DATABASE_URL=sqlite:///x.db", ""),
        ("POSTGRES_PASSWORD=x\nSHORTSHIP_APP_PASSWORD=x\nOTEL_TRACES_SAMPLER=always_on", ""),
    ],
)
def test_misspelt_names_in_the_file_are_refused_and_names_of_others_are_not(
    line: str, sentence: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(line)

    assert said_of_environment(monkeypatch) == sentence


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "variables",
    [
        {"HOST": "10.0.0.1", "DATABASE_URL": "postgresql://h/d"},
        {
            f"SHORTSHIP_API_{name}": value
            for name, value in {
                "SERVICE_HOST": "10.0.0.1",
                "SERVICE_PORT": "8000",
                "SERVICE_PORT_HTTP": "8000",
                "PORT": "tcp://10.0.0.1:8000",
                "PORT_8000_TCP": "tcp://10.0.0.1:8000",
                "PORT_8000_TCP_PROTO": "tcp",
                "PORT_8000_TCP_PORT": "8000",
                "PORT_8000_TCP_ADDR": "10.0.0.1",
            }.items()
        },
        {
            "SHORTSHIP_SERVICE_HOST": "10.0.0.1",
            "SHORTSHIP_SERVICE_PORT": "8000",
            "SHORTSHIP_PORT_8000_TCP_ADDR": "10.0.0.1",
        },
    ],
    ids=["names without our prefix", "a service shortship-api", "a service shortship"],
)
def test_variables_of_others_in_the_environment_are_not_misspellings(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes sets variables for each Service in every container."""
    assert said_of_environment(monkeypatch, **variables) == ""


@pytest.mark.usefixtures("folder")
def test_a_misspelt_name_is_still_refused_beside_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    service = {"SHORTSHIP_SERVICE_HOST": "10.0.0.1", "SHORTSHIP_SERVICE_PORT": "8000"}

    said = said_of_environment(monkeypatch, **service, SHORTSHIP_HTTP_PORT="9000")

    assert said == "SHORTSHIP_HTTP_PORT is not a setting; did you mean SHORTSHIP_PORT?"


@pytest.mark.usefixtures("folder")
def test_every_setting_in_the_files_that_users_copy_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = ["compose.yaml", "README.md", "docs/operations.md", "docs/settings.md"]
    names = set(re.findall(r"SHORTSHIP_[A-Z_]*[A-Z]", "".join((ROOT / source).read_text() for source in sources)))

    said = {name: said_of_environment(monkeypatch, **{name: "anything"}) for name in names}

    assert [name for name, sentence in said.items() if "is not a setting" in sentence] == []
    assert {"SHORTSHIP_APP_PASSWORD", "SHORTSHIP_PORT"} <= names


def test_a_file_that_is_not_text_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_bytes(b"SHORTSHIP_HOST=\xff")

    assert said_of_environment(monkeypatch) == "The file .env is not UTF-8 text."


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("1.2.3.4", "Cannot assign requested address"),
        ("2001:db8::1", "Cannot assign requested address"),
        ("nowhere.invalid", "Name or service not known"),
        ("\N{GREEK SMALL LETTER ALPHA}" * 70, "not a host name"),
    ],
)
def test_an_address_of_another_machine_is_reported_as_the_host(host: str, cause: str) -> None:
    with pytest.raises(SettingsError) as refused:
        serving.listen(Settings(host=host, port=0))

    assert str(refused.value) == f"Cannot listen on {host}:0: {cause}; set SHORTSHIP_HOST."
