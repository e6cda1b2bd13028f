"""The `shortship` command: declares its commands and options; api/commands carries them out.

Each command imports its module when it is called: help and completion are instant, and only servers load the schema.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from domain.rules.vocabulary import ShippingRefundPolicy

_POLICIES = ", ".join(ShippingRefundPolicy.__members__)

app = typer.Typer(
    help="Cancel exactly the units that are missing, over GraphQL.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # they show local variables, and with them secrets
)
shop_commands = typer.Typer(help="Create, update and list shops.", no_args_is_help=True)
app.add_typer(shop_commands, name="shop")


def main() -> None:
    """Runs the command; an error that its user can fix is one sentence on stderr and exit code 2."""
    try:
        app()
    except Exception as error:
        if not isinstance(error, _fixable()):
            raise
        typer.echo(str(error), err=True)
        raise SystemExit(2) from error


def _fixable() -> tuple[type[Exception], ...]:
    from api.settings import SettingsError
    from domain.intake.file import UnreadableFileError
    from domain.storage.engine.faults import BusyError, FileInUseError, UnavailableError

    return BusyError, FileInUseError, UnavailableError, SettingsError, UnreadableFileError


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"shortship {version('shortship')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options without a command."""


@app.command()
def serve(
    *, no_worker: Annotated[bool, typer.Option("--no-worker", help="Leave the mail to `shortship worker`.")] = False
) -> None:
    """Serve the API with the settings of the environment, and send the mail unless workers do."""
    from api.commands.databases import refuse
    from api.settings import load_settings

    settings = load_settings()
    if not settings.jwt_secret and not settings.jwks:
        refuse("No keys to verify tokens: set SHORTSHIP_JWT_SECRET or SHORTSHIP_JWKS.")

    from api.commands import serve  # only now, so that bad settings are refused at once

    serve.serve(settings, no_worker=no_worker)


@app.command()
def worker() -> None:
    """Send queued mail until stopped."""
    from api.commands import worker

    worker.work()


@app.command()
def demo(
    *,
    still: Annotated[bool, typer.Option("--still", help="Let no order change by itself.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Start over without earlier orders and mail.")] = False,
) -> None:
    """Serve a shop to play with: sample orders, GraphiQL with a token, and a mailbox."""
    from api.commands import demo

    demo.demo(is_still=still, is_reset=reset)


@app.command()
def migrate() -> None:
    """Migrate the database to this version."""
    from api.commands import databases

    databases.migrate()


@app.command()
def check() -> None:
    """Verify every invariant of the stored data, writing nothing. Exit code 1 if one is violated."""
    from api.commands import databases

    databases.check()


@shop_commands.command("create")
def create_shop(
    shop_id: Annotated[str, typer.Argument(metavar="ID", help="Identifies the shop in tokens and commands.")],
    name: Annotated[str, typer.Option(help="Name shown to buyers.")],
    shipping_refund_policy: Annotated[
        str, typer.Option(metavar="POLICY", help=f"{_POLICIES}.")
    ] = ShippingRefundPolicy.ON_FULL_CANCELLATION.name,
) -> None:
    """Create a shop."""
    from api.commands import shops

    shops.create(shop_id, name=name, policy=shipping_refund_policy)


@shop_commands.command("update")
def update_shop(
    shop_id: Annotated[str, typer.Argument(metavar="ID", help="The shop.")],
    name: Annotated[str | None, typer.Option(help="New name shown to buyers.")] = None,
    shipping_refund_policy: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY", help=f"{_POLICIES}. Applies to orders imported from now on; existing orders keep theirs."
        ),
    ] = None,
) -> None:
    """Change a shop's name or policy. Servers follow within a minute, open websockets once they reconnect."""
    from api.commands import shops

    shops.update(shop_id, name=name, policy=shipping_refund_policy)


@shop_commands.command("list")
def list_shops() -> None:
    """List the shops: ID, policy and name, separated by tabs."""
    from api.commands import shops

    shops.list_all()


@app.command(name="import")
def import_orders(
    shop: Annotated[str, typer.Option(metavar="ID", help="Shop that the orders belong to.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The marketplace's orders or our own, as JSON or JSON lines: one, an array, an object with `orders`,"
            " or the marketplace's answers; - reads standard input.",
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and store nothing.")] = False,
    problems: Annotated[
        int, typer.Option(min=0, help="Number of problems to list; the rest are counted by kind.")
    ] = 20,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="List every problem, and what was noticed or taken over.")
    ] = False,
) -> None:
    """Import orders, and bring known ones up to date.

    Exit code 1 if an order was rejected, 2 if the file cannot be read or holds an answer that is an error.
    """
    from api.commands import importing

    importing.import_orders(shop, file, is_dry_run=dry_run, most_problems=problems, is_verbose=verbose)


@app.command()
def token(
    shop: Annotated[str, typer.Option(metavar="ID", help="Shop that it is valid for.")],
    scope: Annotated[str, typer.Option(help='Scopes, such as "orders:read orders:cancel".')],
    subject: Annotated[str, typer.Option(help="Name of its user, under which actions are logged.")] = "developer",
    hours: Annotated[float, typer.Option(help="Hours until it expires; at most a year.", min=0.01, max=8784)] = 24,
) -> None:
    """Print a token, signed with the shared secret."""
    from api.commands import tokens

    tokens.mint(shop, scopes=scope.split(), subject=subject, hours=hours)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from api.schema.served import printed

    sys.stdout.write(printed())
