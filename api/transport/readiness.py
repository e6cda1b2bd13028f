"""The readiness probe, which answers within a second even if the database hangs."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.errors import log_unavailable
from domain.storage.engine.database import Database
from domain.storage.engine.faults import BusyError, UnavailableError
from domain.storage.migrations import runner

_DEADLINE_SECONDS = 1


class Readiness:
    """Runs one probe of the database at a time, shared by all callers: while the database hangs, probes do too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._probe: asyncio.Task[bool] | None = None

    async def answer(self, _request: Request) -> Response:
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._look(), name="readiness")
        probe = self._probe
        await asyncio.wait([probe], timeout=_DEADLINE_SECONDS)
        is_ready = probe.done() and probe.result()
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def close(self) -> None:
        if self._probe:
            self._probe.cancel()
            await asyncio.wait([self._probe])

    async def _look(self) -> bool:
        try:
            return await runner.is_ready(self._database, patience_seconds=_DEADLINE_SECONDS)
        except (BusyError, UnavailableError) as error:
            log_unavailable(error)
            return False
