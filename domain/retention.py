"""Deletes idempotency keys after seven days: they are only for retries."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from domain.storage import keys
from domain.storage.engine.backend import EVERY_SHOP, Connection
from domain.storage.engine.database import Database
from domain.storage.engine.faults import BusyError, UnavailableError

KEEP_KEYS = timedelta(days=7)  # docs/rules.md, "What is promised"
_SWEEP_SECONDS = 3600.0
# Let a new process start up first.
_FIRST_SWEEP_SECONDS = 60.0
# Few enough that no other transaction waits long.
_BATCH = 500

log = structlog.get_logger(__name__)


async def run(
    database: Database,
    *,
    clock: Callable[[], datetime],
    stop: asyncio.Event,
    first_after_seconds: float = _FIRST_SWEEP_SECONDS,
) -> None:
    """Sweeps every hour until `stop` is set; any number of processes may do so at once."""
    pause = first_after_seconds
    while not stop.is_set():
        try:
            async with asyncio.timeout(pause):
                await stop.wait()
        except TimeoutError:
            await _sweep_if_possible(database, clock())
        pause = _SWEEP_SECONDS


async def _sweep_if_possible(database: Database, now: datetime) -> None:
    try:
        log.info("retention.swept", keys=await sweep(database, now=now))
    except (BusyError, UnavailableError) as error:
        log.warning("retention.put_off", error=str(error))


async def sweep(database: Database, *, now: datetime) -> int:
    """Deletes the expired keys of all shops and returns their number."""

    async def work(connection: Connection) -> int:
        return await keys.delete_keys(connection, before=now - KEEP_KEYS, limit=_BATCH)

    swept = 0
    while deleted := await database.writing(EVERY_SHOP, work):
        swept += deleted
    return swept
