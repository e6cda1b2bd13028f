"""`migrate`, `check`, and the database that other commands work on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import typer

from api.settings import load_settings
from api.wiring import database_of
from domain.rules.ids import is_shop_id
from domain.rules.order import Shop
from domain.storage import shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.invariants import check as invariants
from domain.storage.invariants.check import Violation
from domain.storage.migrations import runner

_T = TypeVar("_T")


def migrate() -> None:
    on_database(runner.migrate, statement_seconds=None)
    typer.echo("The database is up to date.")


def check() -> None:
    """Exits with code 1 if an invariant is violated."""

    async def look(database: Database) -> list[Violation]:
        await check_migrated(database)
        return await invariants.check(database)

    found = on_database(look, read_only=True, statement_seconds=None)
    for violation in found:
        typer.echo(f"{violation.name}: {violation.sentence} {violation.place}")
    if found:
        raise SystemExit(1)
    typer.echo(f"{len(invariants.INVARIANTS)} invariants hold.")


def on_database(use: Callable[[Database], Coroutine[Any, Any, _T]], **options: Any) -> _T:  # Database's own
    """Runs it on the configured database, as the only writer of a SQLite file unless it is `read_only`."""

    async def claimed() -> _T:
        database = database_of(load_settings(), **options)
        try:
            if "read_only" not in options:
                database.claim_file()
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(claimed())


async def check_migrated(database: Database) -> None:
    if not await runner.is_migrated(database):
        lack = "is not migrated to this version" if database.exists() else "does not exist"
        refuse(f"{database.place} {lack}: run `shortship migrate`.")


async def find_shop(database: Database, shop_id: str) -> Shop:
    async with database.reading(EVERY_SHOP) as connection:
        shop = await shops.find_shop(connection, shop_id)
    if shop is None:
        refuse(no_shop(shop_id))
    return shop


def no_shop(shop_id: str) -> str:
    """The error about a missing shop, with what to do about it."""
    if not is_shop_id(shop_id):
        return f"The shop {shop_id!r} does not exist: `shortship shop list` shows the shops."
    return f"The shop {shop_id} does not exist: run `shortship shop create {shop_id} --name NAME`."


def refuse(sentence: str) -> NoReturn:
    """Ends the command over something that its user can fix."""
    typer.echo(sentence, err=True)
    raise SystemExit(2)
