"""The settings. No other module reads the environment."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from domain.mail.address import parse_address
from domain.mail.delivery.smtp import smtp_settings
from domain.rules.urls import split_url
from domain.storage.engine.database import database_address
from domain.storage.engine.postgresql_address import PostgresqlAddress

_SHORTEST_SECRET = 32
_PREFIX = "SHORTSHIP_"
# They have our prefix but belong to others: compose.yaml, the tests and the benchmark.
_OF_OTHERS = frozenset(f"{_PREFIX}{name}" for name in ("APP_PASSWORD", "TEST_POSTGRESQL", "BENCH_POSTGRESQL"))
_SERVICE_HOST, _SERVICE_PORT = "_SERVICE_HOST", "_SERVICE_PORT"
# The suffixes of the variables that Kubernetes sets for each Service.
_SERVICE_LINK = re.compile(rf"{_SERVICE_HOST}|{_SERVICE_PORT}(_\w+)?|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?")
# How similar a misspelt name is to its setting. With our prefix it is ours, so less is enough to suggest one.
_ALIKE = 0.88
_ALIKE_WITHOUT_PREFIX = 0.5


def _words(value: object) -> object:
    """Splits a list at commas and spaces; raises ValueError if there is nothing else."""
    words = tuple(value.replace(",", " ").split()) if isinstance(value, str) else value
    if words == () and value:
        raise ValueError("is empty; leave it unset instead")
    return words


def _web_address(address: str | None, example: str, *schemes: str) -> str | None:
    """The address unchanged; raises ValueError unless it has one of the schemes."""
    if address is not None:
        parts = split_url(address)
        if parts is None or parts.scheme not in schemes:
            raise ValueError(f"must be an address such as {example}")
    return address


class SettingsError(Exception):
    """A setting cannot be used; the message is for the person who set it."""


_Switch = Annotated[bool, Field(description="on or off")]


class Settings(BaseSettings):
    """Read from variables that begin with SHORTSHIP_, or from a file `.env`; docs/settings.md explains each.

    A field's description completes the error "must be ...".
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    database_url: str = "sqlite:///shortship.db"
    listen_url: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="a number from 0 to 65535")] = 8000
    processes: Annotated[int, Field(ge=1, le=64, description="a number from 1 to 64")] = 1
    jwt_secret: str | None = None
    jwks: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    smtp_url: str | None = None
    smtp_ca_file: str | None = None
    mail_from: str | None = None
    mail_reply_to: str | None = None
    introspection: _Switch = False
    graphiql: _Switch = False
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    otlp_endpoint: str | None = None
    nats_url: str | None = None
    log_format: Annotated[Literal["json", "console"], Field(description="json or console")] = "json"
    trusted_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    page_limit: Annotated[int, Field(ge=1, le=1000, description="a number from 1 to 1000")] = 100
    cost_limit: Annotated[int, Field(ge=1, description="a whole number above 0")] = 20_000
    rate_limit: Annotated[int, Field(ge=0, description="a whole number, or 0 for no limit")] = 0
    operation_timeout: Annotated[
        float, Field(gt=0, le=3600, description="a number of seconds above 0 and at most 3600")
    ] = 5
    trusted_documents: str | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Changes no source, but raises SettingsError if one of them contains a misspelt name."""
        known = {f"{_PREFIX}{name.upper()}" for name in cls.model_fields}
        _refuse_misspelt(known, _names(env_settings), _names(dotenv_settings))
        return super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        database_address(url)
        return url

    @field_validator("listen_url")
    @classmethod
    def _known_listener(cls, url: str | None) -> str | None:
        if url is not None:
            PostgresqlAddress(url)
        return url

    @field_validator("nats_url")
    @classmethod
    def _known_bus(cls, url: str | None) -> str | None:
        return _web_address(url, "nats://127.0.0.1:4222", "nats", "tls")

    @field_validator("otlp_endpoint")
    @classmethod
    def _known_collector(cls, address: str | None) -> str | None:
        return _web_address(address, "http://127.0.0.1:4318", "http", "https")

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, url: str | None) -> str | None:
        if url is not None:
            smtp_settings(url)
        return url

    @field_validator("mail_from", "mail_reply_to")
    @classmethod
    def _one_address(cls, text: str | None) -> str | None:
        if text is not None:
            parse_address(text)
        return text

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, secret: str | None) -> str | None:
        if secret is not None and len(secret.encode()) < _SHORTEST_SECRET:
            raise ValueError(f"must be at least {_SHORTEST_SECRET} bytes long")
        return secret

    @field_validator("jwks")
    @classmethod
    def _safe_source(cls, source: str | None) -> str | None:
        if source is not None and "://" in source:
            parts = split_url(source)
            if parts is None or parts.scheme != "https":
                raise ValueError("must be a file or an https address")
        return source


def load_settings() -> Settings:
    """The settings of the environment; raises SettingsError, whose message repeats no value."""
    try:
        return Settings()
    except UnicodeDecodeError:
        raise SettingsError("The file .env is not UTF-8 text.") from None
    except OSError as error:
        raise SettingsError(f"The file .env cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        refusals = ((str(fault["loc"][0]), str(fault["msg"])) for fault in error.errors())
        raise SettingsError("; ".join(_in_our_words(name, message) for name, message in refusals)) from None


def _in_our_words(name: str, message: str) -> str:
    """Replaces pydantic's messages by our descriptions; our own validators' messages stay."""
    values = Settings.model_fields[name].description
    sentence = f"must be {values}" if values else message.removeprefix("Value error, ")
    return f"{_PREFIX}{name.upper()}: {sentence}"


def _names(source: PydanticBaseSettingsSource) -> list[str]:
    """The names of all variables there, ours or not."""
    if not isinstance(source, EnvSettingsSource):
        return []
    return [name.upper() for name in source.env_vars]


def _refuse_misspelt(known: set[str], environment: Iterable[str], file: Iterable[str]) -> None:
    """Raises SettingsError for names that were meant as settings but would be ignored.

    In the file, that includes a setting without its prefix; in the environment, such names are others': HOST, PORT.
    """
    environment, file = list(environment), list(file)
    links = _service_links(environment)
    faults = [fault for name in environment if name not in links and (fault := _misspelling(name, name, known))]
    faults += [fault for name in file if (fault := _misspelling(name, f"{name} in .env", known))]
    for name in file:
        meant = f"{_PREFIX}{name}"
        if meant in known and meant not in environment and meant not in file:
            faults.append(
                f"{name} in .env is not read: the setting is {meant}; set that too if {name} is for another program."
            )
    if faults:
        raise SettingsError(" ".join(faults))


def _service_links(names: list[str]) -> set[str]:
    """The names that Kubernetes set: for each Service it sets both the host and the port."""
    hosts = [name.removesuffix(_SERVICE_HOST) for name in names if name.endswith(_SERVICE_HOST)]
    services = [service for service in hosts if f"{service}{_SERVICE_PORT}" in names]
    return {name for name in names for service in services if _SERVICE_LINK.fullmatch(name.removeprefix(service))}


def _misspelling(name: str, place: str, known: set[str]) -> str | None:
    if name in known or name in _OF_OTHERS:
        return None
    if not name.startswith(_PREFIX):
        nearest = get_close_matches(name, known, n=1, cutoff=_ALIKE)
        return f"{place} is not a setting; did you mean {nearest[0]}?" if nearest else None
    rests = [setting.removeprefix(_PREFIX) for setting in known]
    rest = name.removeprefix(_PREFIX)
    # A missing or extra word at the end comes before any other similarity: COST means COST_LIMIT, not HOST.
    begun = [each for each in rests if f"{each}_".startswith(f"{rest}_") or rest.startswith(f"{each}_")]
    nearest = get_close_matches(rest, begun, n=1, cutoff=0) or get_close_matches(
        rest, rests, n=1, cutoff=_ALIKE_WITHOUT_PREFIX
    )
    hint = f"did you mean {_PREFIX}{nearest[0]}?" if nearest else "docs/settings.md lists them all."
    return f"{place} is not a setting; {hint}"
