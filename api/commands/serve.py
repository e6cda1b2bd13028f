"""`serve`: the API, with the settings of the environment."""

import asyncio

from api import serving
from api.app import served_schema, tracing_of
from api.auth import Authenticator
from api.commands.databases import check_migrated, refuse
from api.settings import Settings
from api.wiring import database_of


def serve(settings: Settings, *, no_worker: bool) -> None:
    tracing_of(settings)
    asyncio.run(_check(settings))
    serving.serve(settings, serving.listen(settings), no_worker=no_worker)


async def _check(settings: Settings) -> None:
    """Refuses settings that the server could not work with."""
    if settings.trusted_documents:
        served_schema(settings)
    database = database_of(settings)
    try:
        await Authenticator(settings, database).load_keys()
        if settings.processes > 1 and database.has_single_writer:
            refuse("SHORTSHIP_PROCESSES above 1 needs PostgreSQL; SQLite takes one writing process.")
        await check_migrated(database)
        database.claim_file()
    finally:
        await database.close()
