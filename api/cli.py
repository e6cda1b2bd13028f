"""The `shortship` command.

Each command imports what it needs itself: help and completion come at once, and only servers wait for the schema.
"""

import signal
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from domain.rules.vocabulary import ShippingRefundPolicy

if TYPE_CHECKING:
    from api.settings import Settings
    from domain.rules.order import Shop
    from domain.storage.database import Database
    from domain.storage.invariants.check import Violation
    from domain.storage.shops import ShopRefusal

_T = TypeVar("_T")
_POLICIES = ", ".join(ShippingRefundPolicy.__members__)
_LOOK_SECONDS = 1  # at the database, where the command works without it

app = typer.Typer(
    help="Cancels exactly the units that are missing, over GraphQL.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # they show local variables, and with them secrets
)
shop_commands = typer.Typer(help="Shops.", no_args_is_help=True)
app.add_typer(shop_commands, name="shop")


def main() -> None:
    """Runs the command; what a user can mend is one sentence on stderr and exit code 2."""
    try:
        app()
    except Exception as error:
        if not isinstance(error, _mendable()):
            raise
        _refuse(str(error))


def _mendable() -> tuple[type[Exception], ...]:
    from api.settings import SettingsError
    from domain.intake.file import UnreadableFileError
    from domain.storage.faults import BusyError, FileInUseError, UnavailableError

    return BusyError, FileInUseError, UnavailableError, SettingsError, UnreadableFileError


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"shortship {version('shortship')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Shows the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Options without a command."""


@app.command()
def serve(
    *, no_worker: Annotated[bool, typer.Option("--no-worker", help="Leaves the mail to `shortship worker`.")] = False
) -> None:
    """Serves the API with the settings of the environment, and sends the mail unless it is left to workers."""
    settings = _settings()
    if not settings.jwt_secret and not settings.jwks:
        _refuse("There are no keys to check tokens with: set SHORTSHIP_JWT_SECRET or SHORTSHIP_JWKS.")

    # Only now, so that a setting that is refused is told at once.
    import asyncio

    from api import serving
    from api.app import tracing_of

    tracing_of(settings)
    asyncio.run(_check(settings))
    serving.serve(settings, serving.listen(settings), no_worker=no_worker)


@app.command()
def worker() -> None:
    """Sends the mail that is queued, until it is told to stop."""
    import asyncio

    import structlog

    from api.loops import mail_loop, retention_loop, smtp_sender
    from api.telemetry import logs

    settings = _settings()
    logs.configure(settings.log_format)
    sender = smtp_sender(settings)
    if sender is None:
        _refuse("There is no mail server to send to: set SHORTSHIP_SMTP_URL.")

    async def work(database: "Database") -> None:
        await _check_migrated(database)
        stop = asyncio.Event()
        for told in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(told, stop.set)
        structlog.get_logger(__name__).info("worker.started")
        database.hints.start()
        await asyncio.gather(retention_loop(database, stop), mail_loop(sender, settings)(database, stop))

    _with_database(work)


@app.command(name="demo")
def demo_command(
    *,
    still: Annotated[bool, typer.Option("--still", help="Nothing happens but what you do.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begins anew: with no order and no mail of before.")] = False,
) -> None:
    """Serves a shop to play with: sample orders, GraphiQL with a token, and a mailbox."""
    import asyncio

    from api import serving
    from api.app import create_app
    from api.demo import sample_shop
    from api.loops import mail_loop
    from api.settings import SettingsError
    from api.telemetry import logs
    from domain.mail.delivery.mailbox import Mailbox

    settings = sample_shop.settings_of(_settings())
    try:
        listener = serving.listen(settings)
    except SettingsError:
        if sample_shop.FILE.exists():
            sample_shop.claim(settings)  # where another demo is what has the port, that is what to tell
        raise
    database = sample_shop.claim(settings)
    if reset:
        sample_shop.reset()
    settings = asyncio.run(sample_shop.prepare(settings))
    logs.configure(settings.log_format)
    mailbox = Mailbox(sample_shop.MAILS)
    loops = [mail_loop(mailbox, settings), *([] if still else [sample_shop.keep_moving])]
    address = sample_shop.address_of(listener)
    typer.echo(f"Open {address}/ and end it with Ctrl-C.")
    routes = sample_shop.routes(settings, mailbox, database, address)
    serving.run(settings, listener, partial(create_app, settings, database, loops=loops, routes=routes))


@app.command()
def migrate() -> None:
    """Brings the database's tables to what this version needs."""
    from domain.storage.migrations import runner

    _with_database(runner.migrate, statement_seconds=None)
    typer.echo("The database is up to date.")


@app.command()
def check() -> None:
    """Verifies every invariant of the stored data; writes nothing. Exit code 1 when one does not hold."""
    from domain.storage.invariants import check as invariants

    async def look(database: "Database") -> list["Violation"]:
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
        str, typer.Option(metavar="POLICY", help=f"{_POLICIES}.")
    ] = ShippingRefundPolicy.ON_FULL_CANCELLATION.name,
) -> None:
    """Creates a shop."""
    from api.wiring import clock
    from domain.storage import shops
    from domain.storage.backend import EVERY_SHOP

    make = partial(
        shops.create_shop,
        shop_id=shop_id,
        name=name,
        policy=_policy(shipping_refund_policy),
        cursor_key=shops.new_cursor_key(),
        now=clock(),
    )

    async def create(database: "Database") -> "Shop | ShopRefusal":
        await _check_migrated(database)
        return await database.writing(EVERY_SHOP, make)

    created = _with_database(create)
    if isinstance(created, shops.ShopRefusal):
        _refuse(created.message)
    typer.echo(f"Created the shop {shop_id}.")


@shop_commands.command("update")
def update_shop(
    shop_id: Annotated[str, typer.Argument(metavar="ID", help="The shop.")],
    name: Annotated[str | None, typer.Option(help="How buyers know it from now on.")] = None,
    shipping_refund_policy: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help=f"{_POLICIES}. It holds for orders that come in from now on; those that are there keep theirs.",
        ),
    ] = None,
) -> None:
    """Changes a shop's name or policy. Servers take it within a minute, open sockets when they connect again."""
    from domain.storage import shops

    if name is None and shipping_refund_policy is None:
        _refuse("There is nothing to change: give --name or --shipping-refund-policy.")
    policy = _policy(shipping_refund_policy) if shipping_refund_policy is not None else None

    async def update(database: "Database") -> "ShopRefusal | None":
        await _check_migrated(database)
        await _find_shop(database, shop_id)
        return await database.writing(shop_id, partial(shops.update_shop, shop_id=shop_id, name=name, policy=policy))

    refusal = _with_database(update)
    if refusal:
        _refuse(refusal.message)
    typer.echo(f"Updated the shop {shop_id}.")


@shop_commands.command("list")
def list_shops() -> None:
    """Lists the shops: ID, policy and name, with tabs between them."""
    from domain.storage import shops
    from domain.storage.backend import EVERY_SHOP

    async def look(database: "Database") -> list["Shop"]:
        await _check_migrated(database)
        async with database.reading(EVERY_SHOP) as connection:
            return await shops.list_shops(connection)

    for shop in _with_database(look, read_only=True):
        typer.echo(f"{shop.id}\t{shop.shipping_refund_policy.name}\t{shop.name}")


def _policy(name: str) -> ShippingRefundPolicy:
    if name not in ShippingRefundPolicy.__members__:
        _refuse(f"There is no policy {name}; take one of {_POLICIES}.")
    return ShippingRefundPolicy[name]


@app.command(name="import")
def import_orders(
    shop: Annotated[str, typer.Option(metavar="ID", help="The shop whose orders they are.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Orders as JSON or JSON lines, or the marketplace's answer; - reads the standard input.",
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Checks everything and stores nothing.")] = False,
    problems: Annotated[int, typer.Option(min=0, help="How many problems are told one by one; others by kind.")] = 20,
) -> None:
    """Imports orders; running it again changes nothing. Exit code 1 when an order was rejected."""
    from api import importing

    async def run(database: "Database") -> int:
        await _check_migrated(database)
        found = await _find_shop(database, shop)
        return await importing.run(database, found, file, is_dry_run=dry_run, most_problems=problems)

    if code := _with_database(run):
        raise SystemExit(code)


@app.command()
def token(
    shop: Annotated[str, typer.Option(metavar="ID", help="The shop that it is for.")],
    scope: Annotated[str, typer.Option(help='What it allows, such as "orders:read orders:cancel".')],
    subject: Annotated[str, typer.Option(help="Who uses it; what they do is logged under this name.")] = "developer",
    hours: Annotated[float, typer.Option(help="For how long; a year at the most.", min=0.01, max=8784)] = 24,
) -> None:
    """Prints a token, signed with the shared secret."""
    from api import auth

    settings = _settings()
    secret = settings.jwt_secret
    if not secret:
        _refuse("There is no secret to sign with: set SHORTSHIP_JWT_SECRET.")
    if not (shop and subject and scope.split()):
        _refuse("A token needs a shop, a subject and at least one scope.")
    unknown = set(scope.split()) - {known.value for known in auth.Scope}
    if unknown:
        _refuse(f"There is no scope {', '.join(sorted(unknown))}; there are {', '.join(s.value for s in auth.Scope)}.")
    seconds = int(hours * 3600)
    typer.echo(auth.mint(secret, shop_id=shop, subject=subject, scopes=scope.split(), seconds=seconds, now=time.time()))
    if _is_unknown(settings, shop):
        typer.echo(f"The token will be refused. {_no_shop(shop)}", err=True)


@app.command()
def schema() -> None:
    """Prints the GraphQL schema."""
    from api.schema.served import printed

    sys.stdout.write(printed())


def _settings() -> "Settings":
    from api.settings import load_settings

    return load_settings()


async def _check(settings: "Settings") -> None:
    """Refuses to go on where the server would not work."""
    from api.app import served_schema
    from api.auth import Authenticator
    from api.wiring import database_of

    if settings.trusted_documents:
        served_schema(settings)
    database = database_of(settings)
    try:
        await Authenticator(settings, database).load_keys()
        if settings.processes > 1 and database.has_single_writer:
            _refuse("SHORTSHIP_PROCESSES above 1 needs PostgreSQL; SQLite takes one process that writes.")
        await _check_migrated(database)
        database.claim_file()
    finally:
        await database.close()


async def _check_migrated(database: "Database") -> None:
    from domain.storage.migrations import runner

    if not await runner.is_migrated(database):
        lack = "does not have the tables of this version" if database.exists() else "does not exist"
        _refuse(f"{database.place} {lack}: run `shortship migrate`.")


def _with_database(use: Callable[["Database"], Coroutine[Any, Any, _T]], **options: Any) -> _T:  # those of Database
    """Runs it on the database of the settings, as the only writer of a SQLite file unless it only reads."""
    import asyncio

    from api.wiring import database_of

    async def claimed() -> _T:
        database = database_of(_settings(), **options)
        try:
            if "read_only" not in options:
                database.claim_file()
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(claimed())


async def _find_shop(database: "Database", shop_id: str) -> "Shop":
    from domain.storage import shops
    from domain.storage.backend import EVERY_SHOP

    async with database.reading(EVERY_SHOP) as connection:
        shop = await shops.find_shop(connection, shop_id)
    if shop is None:
        _refuse(_no_shop(shop_id))
    return shop


def _no_shop(shop_id: str) -> str:
    from domain.rules.ids import is_shop_id

    if not is_shop_id(shop_id):
        return f"There is no shop {shop_id!r}: `shortship shop list` shows the shops."
    return f"There is no shop {shop_id}: run `shortship shop create {shop_id} --name NAME`."


def _is_unknown(settings: "Settings", shop_id: str) -> bool:
    """Whether the database has no such shop; False where it does not answer at once."""
    import asyncio

    from domain.storage import shops
    from domain.storage.backend import EVERY_SHOP
    from domain.storage.database import Database
    from domain.storage.faults import BusyError, UnavailableError
    from domain.storage.migrations import runner

    async def look() -> bool:
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

    return asyncio.run(look())


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise SystemExit(2)
