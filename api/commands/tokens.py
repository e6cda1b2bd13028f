"""`token`: signs a token with the shared secret."""

import asyncio
import time

import typer

from api import auth
from api.commands.databases import no_shop, refuse
from api.settings import Settings, load_settings
from domain.storage import shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import BusyError, UnavailableError
from domain.storage.migrations import runner

# The shop is looked up only to warn; the token does not need the database.
_LOOK_SECONDS = 1


def mint(shop_id: str, *, scopes: list[str], subject: str, hours: float) -> None:
    settings = load_settings()
    secret = settings.jwt_secret
    if not secret:
        refuse("No secret to sign with: set SHORTSHIP_JWT_SECRET.")
    if not (shop_id and subject and scopes):
        refuse("A token needs a shop, a subject and at least one scope.")
    known = [scope.value for scope in auth.Scope]
    if unknown := set(scopes).difference(known):
        refuse(f"Unknown scope {', '.join(sorted(unknown))}; the scopes are {', '.join(known)}.")
    seconds = int(hours * 3600)
    typer.echo(auth.mint(secret, shop_id=shop_id, subject=subject, scopes=scopes, seconds=seconds, now=time.time()))
    if asyncio.run(_is_unknown(settings, shop_id)):
        typer.echo(f"The token will be refused. {no_shop(shop_id)}", err=True)


async def _is_unknown(settings: Settings, shop_id: str) -> bool:
    """Whether the database has no such shop; False if it does not answer in time."""
    database = Database(settings.database_url, read_only=True)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            if not await runner.is_migrated(database):
                return False
            async with database.reading(EVERY_SHOP) as connection:
                return await shops.find_shop(connection, shop_id) is None
    except (TimeoutError, BusyError, UnavailableError):
        return False
    finally:
        await database.close()
