"""The clock and the database, which servers and commands alike are made with."""

from datetime import UTC, datetime
from typing import Any

from api.settings import Settings, SettingsError
from domain.storage.database import Database


def clock() -> datetime:
    """The one place where the time is looked up."""
    return datetime.now(UTC)  # noqa: TID251 - here it is


def database_of(settings: Settings, **options: Any) -> Database:  # those of Database
    """The database on the bus of the settings; raises SettingsError where the library for it is not installed."""
    if settings.nats_url is None:
        return Database(settings.database_url, listen_url=settings.listen_url, **options)
    try:
        from domain.storage.nats_hints import NatsHints  # noqa: PLC0415 - as with tracing
    except ImportError as error:
        raise SettingsError(not_installed("NATS_URL", "nats")) from error
    return Database(settings.database_url, hints=NatsHints(settings.nats_url), **options)


def not_installed(setting: str, extra: str) -> str:
    """What to do where a setting needs libraries that are not there."""
    return f"SHORTSHIP_{setting} needs what comes with `shortship[{extra}]`: docs/operations.md, Installing, says how."
