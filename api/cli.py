"""The `shortship` command."""

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TaskProgressColumn, TimeRemainingColumn

from api import auth, demo, logs, serving
from api.app import clock, create_app, database_of, mail_loop, retention_loop, served_schema, smtp_sender, tracing_of
from api.auth import Authenticator
from api.schema import printed
from api.settings import Settings, SettingsError
from domain import ingestion
from domain.database import EVERY_SHOP, BusyError, Database, FileInUseError, UnavailableError
from domain.ingestion import ImportResult
from domain.mail.mailbox import Mailbox
from domain.migrations import runner
from domain.order import ImportOutcome, ShippingRefundPolicy, Shop
from domain.order_file import UnreadableFileError
from domain.queries import shops
from domain.queries.shops import ShopRefusal

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

app = typer.Typer(
    help="Cancels exactly the units that are missing, over GraphQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, and with them secrets
)
shop_commands = typer.Typer(help="Shops.", no_args_is_help=True)
app.add_typer(shop_commands, name="shop")


def main() -> None:
    """Runs the command; what a user can mend is one sentence on stderr and exit code 2."""
    try:
        app()
    except (FileInUseError, UnavailableError, BusyError, UnreadableFileError, SettingsError) as error:
        _refuse(str(error))


@app.command()
def serve(
    *, no_worker: Annotated[bool, typer.Option("--no-worker", help="Leaves the mail to `shortship worker`.")] = False
) -> None:
    """Serves the API with the settings of the environment, and sends the mail unless it is left to workers."""
    settings = _settings()
    if not settings.jwt_secret and not settings.jwks:
        _refuse("There are no keys to check tokens with: set SHORTSHIP_JWT_SECRET or SHORTSHIP_JWKS.")
    tracing_of(settings)
    asyncio.run(_check(settings))
    serving.serve(settings, serving.listen(settings), no_worker=no_worker)


@app.command()
def worker() -> None:
    """Sends the mail that is queued, until it is told to stop."""
    settings = _settings()
    logs.configure(settings.log_format)
    sender = smtp_sender(settings)
    if sender is None:
        _refuse("There is no mail server to send to: set SHORTSHIP_SMTP_URL.")

    async def work(database: Database) -> None:
        await _check_migrated(database)
        stop = asyncio.Event()
        for told in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(told, stop.set)
        log.info("worker.started")
        await asyncio.gather(retention_loop(database, stop), mail_loop(sender, settings)(database, stop))

    _with_database(work)


@app.command(name="demo")
def demo_command(
    *, still: Annotated[bool, typer.Option("--still", help="Nothing happens but what you do.")] = False
) -> None:
    """Serves a shop to play with: sample orders, GraphiQL with a token, and a mailbox."""
    settings = demo.settings_of(_settings())
    listener = serving.listen(settings)
    asyncio.run(demo.prepare(settings))
    logs.configure(settings.log_format)
    database, mailbox, minted = Database(settings.database_url), Mailbox(), demo.mint_token(settings)
    loops = [mail_loop(mailbox, settings), *([] if still else [demo.keep_moving])]
    port = listener.getsockname()[1]
    typer.echo(f"Open http://{settings.host}:{port}/ and end it with Ctrl-C.")
    routes = demo.routes(mailbox, minted, database)
    database.claim_file()
    serving.run(settings, listener, partial(create_app, settings, database, loops=loops, routes=routes))


@app.command()
def migrate() -> None:
    """Brings the database's tables to what this version needs."""
    _with_database(runner.migrate, statement_seconds=None)
    typer.echo("The database is up to date.")


@app.command()
def check() -> None:
    """Verifies every invariant of the stored data; writes nothing. Exit code 1 when one does not hold."""
    # Making these statements is a tenth of the time to start, which no other command has to wait for.
    from domain.invariants import check as invariants  # noqa: PLC0415

    async def look(database: Database) -> list[invariants.Violation]:
        await _check_migrated(database)
        return await invariants.check(database)

    found = _with_database(look, read_only=True, statement_seconds=None)
    for violation in found:
        typer.echo(f"{violation.name}: {violation.sentence} {violation.place}")
    if found:
        raise SystemExit(1)
    typer.echo(f"{len(invariants.INVARIANTS)} invariants hold.")


@shop_commands.command("create")
def create_shop(
    shop_id: Annotated[str, typer.Argument(metavar="ID", help="How tokens and commands name it.")],
    name: Annotated[str, typer.Option(help="How buyers know it.")],
    shipping_refund_policy: Annotated[
        str, typer.Option(metavar="POLICY", help="ON_FULL_CANCELLATION, PROPORTIONAL or NEVER.")
    ] = ShippingRefundPolicy.ON_FULL_CANCELLATION.name,
) -> None:
    """Creates a shop."""
    if shipping_refund_policy not in ShippingRefundPolicy.__members__:
        _refuse(
            f"There is no policy {shipping_refund_policy}; take one of {', '.join(ShippingRefundPolicy.__members__)}."
        )
    policy = ShippingRefundPolicy[shipping_refund_policy]
    make = partial(
        shops.create_shop,
        shop_id=shop_id,
        name=name,
        policy=policy,
        cursor_key=shops.new_cursor_key(),
        now=clock(),
    )

    async def create(database: Database) -> Shop | ShopRefusal:
        await _check_migrated(database)
        return await database.writing(EVERY_SHOP, make)

    created = _with_database(create)
    if isinstance(created, ShopRefusal):
        _refuse(created.message)
    typer.echo(f"Created the shop {shop_id}.")


@app.command(name="import")
def import_orders(
    shop: Annotated[str, typer.Option(metavar="ID", help="The shop whose orders they are.")],
    file: Annotated[Path, typer.Argument(help="Orders as JSON or JSON lines, or the marketplace's answer.")],
) -> None:
    """Imports orders; running it again changes nothing. Exit code 1 when an order was rejected."""

    async def run_import(database: Database) -> Counter[ImportOutcome]:
        await _check_migrated(database)
        found = await _find_shop(database, shop)
        counts = Counter[ImportOutcome]()
        try:
            with _progress(file) as bar:
                async for batch in ingestion.import_file(database, found, file, actor="import", clock=clock):
                    counts.update(_report(result) for result in batch.results)
                    bar.update(TaskID(0), completed=batch.bytes_read)
        finally:
            typer.echo(", ".join(f"{outcome.name.lower()} {counts[outcome]}" for outcome in ImportOutcome))
        return counts

    if _with_database(run_import)[ImportOutcome.REJECTED]:
        raise SystemExit(1)


def _report(result: ImportResult) -> ImportOutcome:
    for problem in result.problems:
        typer.echo(f"{result.number}: {problem.code.name}: {problem.message}", err=True)
    return result.outcome


def _progress(file: Path) -> Progress:
    """A bar for people; silent where there is no terminal."""
    columns = (BarColumn(), TaskProgressColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    bar.add_task("", total=file.stat().st_size if file.is_file() else None)
    return bar


async def _find_shop(database: Database, shop_id: str) -> Shop:
    async with database.reading(EVERY_SHOP) as connection:
        shop = await shops.find_shop(connection, shop_id)
    if shop is None:
        _refuse(f"There is no shop {shop_id}: run `shortship shop create {shop_id} --name NAME`.")
    return shop


@app.command()
def token(
    shop: Annotated[str, typer.Option(metavar="ID", help="The shop that it is for.")],
    scope: Annotated[str, typer.Option(help='What it allows, such as "orders:read orders:cancel".')],
    subject: Annotated[str, typer.Option(help="Who uses it; what they do is logged under this name.")] = "developer",
    hours: Annotated[float, typer.Option(help="For how long; a year at the most.", min=0.01, max=8784)] = 24,
) -> None:
    """Prints a token, signed with the shared secret."""
    secret = _settings().jwt_secret
    if not secret:
        _refuse("There is no secret to sign with: set SHORTSHIP_JWT_SECRET.")
    if not (shop and subject and scope.split()):
        _refuse("A token needs a shop, a subject and at least one scope.")
    unknown = set(scope.split()) - {known.value for known in auth.Scope}
    if unknown:
        _refuse(f"There is no scope {', '.join(sorted(unknown))}; there are {', '.join(s.value for s in auth.Scope)}.")
    seconds = int(hours * 3600)
    typer.echo(auth.mint(secret, shop_id=shop, subject=subject, scopes=scope.split(), seconds=seconds, now=time.time()))


@app.command()
def schema() -> None:
    """Prints the GraphQL schema."""
    sys.stdout.write(printed())


def _settings() -> Settings:
    try:
        return Settings()
    except UnicodeDecodeError:
        _refuse("The file .env is no text in UTF-8.")
    except ValidationError as error:
        faults = [
            (str(fault["loc"][0]).upper(), fault["msg"].removeprefix("Value error, ")) for fault in error.errors()
        ]
        _refuse("; ".join(f"SHORTSHIP_{name}: {fault}" for name, fault in faults))


async def _check(settings: Settings) -> None:
    """Refuses to go on where the server would not work."""
    if settings.trusted_documents:
        served_schema(settings)
    database = database_of(settings)
    try:
        await Authenticator(settings, database).load_keys()
        if settings.processes > 1 and database.is_sqlite:
            _refuse("SHORTSHIP_PROCESSES above 1 needs PostgreSQL; SQLite takes one process that writes.")
        await _check_migrated(database)
        database.claim_file()
    finally:
        await database.close()


async def _check_migrated(database: Database) -> None:
    if not await runner.is_migrated(database):
        _refuse("The database has not the tables of this version: run `shortship migrate`.")


def _with_database(use: Callable[[Database], Coroutine[Any, Any, _T]], **options: Any) -> _T:  # those of Database
    """Runs it on the database of the settings, as the only writer of a SQLite file unless it only reads."""

    async def claimed() -> _T:
        database = database_of(_settings(), **options)
        try:
            if "read_only" not in options:
                database.claim_file()
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(claimed())


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise SystemExit(2)
