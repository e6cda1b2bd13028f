"""What can be set. No other module looks at the environment."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.engines import driver_url
from domain.mail.address import parse_address
from domain.mail.smtp import smtp_settings
from domain.urls import split_url

_SHORTEST_SECRET = 32


def _words(value: object) -> object:
    """A list may be written with commas or spaces; raises ValueError for a text that has nothing else."""
    words = tuple(value.replace(",", " ").split()) if isinstance(value, str) else value
    if words == () and value:
        raise ValueError("has no word in it; leave it unset for none")
    return words


def _web_address(address: str | None, example: str, *schemes: str) -> str | None:
    """The address, if it is one with such a scheme; raises ValueError."""
    if address is not None:
        parts = split_url(address)
        if parts is None or parts.scheme not in schemes:
            raise ValueError(f"has to be an address such as {example}")
    return address


class SettingsError(Exception):
    """What the settings name cannot be used; the message is for the one who set them."""


class Settings(BaseSettings):
    """Read from variables that begin with SHORTSHIP_, or a file `.env`; docs/settings.md explains each."""

    model_config = SettingsConfigDict(
        env_prefix="SHORTSHIP_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    database_url: str = "sqlite:///shortship.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    jwt_secret: str | None = None
    jwks: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    smtp_url: str | None = None
    smtp_ca_file: str | None = None
    mail_from: str | None = None
    mail_reply_to: str | None = None
    introspection: bool = False
    graphiql: bool = False
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    otlp_endpoint: str | None = None
    nats_url: str | None = None
    log_format: Literal["json", "console"] = "json"
    trusted_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    page_limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cost_limit: Annotated[int, Field(ge=1)] = 20_000
    rate_limit: Annotated[int, Field(ge=0)] = 0
    operation_timeout: Annotated[float, Field(gt=0, le=3600)] = 5
    trusted_documents: str | None = None

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        driver_url(url)
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
            raise ValueError(f"has to be at least {_SHORTEST_SECRET} bytes long")
        return secret

    @field_validator("jwks")
    @classmethod
    def _safe_source(cls, source: str | None) -> str | None:
        if source is not None and "://" in source:
            parts = split_url(source)
            if parts is None or parts.scheme != "https":
                raise ValueError("has to be a file or an https address")
        return source
