"""The clock and the database that servers and commands share."""

from datetime import UTC, datetime
from typing import Any

from api.settings import Settings, SettingsError
from domain.storage.engine.database import Database


def clock() -> datetime:
    """The time in UTC; nothing else reads the clock."""
    return datetime.now(UTC)  # noqa: TID251 - the one place for it


def database_of(settings: Settings, **options: Any) -> Database:  # those of Database
    """The configured database and bus; raises SettingsError if the bus's library is not installed."""
    if settings.nats_url is None:
        return Database(settings.database_url, listen_url=settings.listen_url, **options)
    try:
        from domain.storage.engine.nats_hints import NatsHints  # noqa: PLC0415 - as with tracing
    except ImportError as error:
        raise SettingsError(not_installed("NATS_URL", "nats")) from error
    return Database(settings.database_url, hints=NatsHints(settings.nats_url), **options)


def not_installed(setting: str, extra: str) -> str:
    return f"SHORTSHIP_{setting} needs the libraries of `shortship[{extra}]`: see docs/operations.md, Installing."
