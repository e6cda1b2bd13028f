"""The demo's shop: its sample orders, their past and their next day, and packages that move by themselves."""

import asyncio
import hashlib
import hmac
import random
import shutil
import socket
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from api import auth
from api.settings import Settings, SettingsError
from api.wiring import clock
from domain import cancellation, fulfillment, ingestion
from domain.arriving import ImportResult
from domain.rules import ids
from domain.rules.decision import CancellationRequest
from domain.rules.order import (
    ItemEntry,
    ItemsSelection,
    Order,
    OrderSelection,
    Package,
    PackageSelection,
    Selection,
    Shop,
    value,
)
from domain.rules.transitions import PackageMove, Settlement
from domain.rules.vocabulary import CancellationReason, PackageStatus, RefundStatus, ShippingRefundPolicy
from domain.storage import order_list, shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from domain.storage.engine.faults import FileInUseError
from domain.storage.migrations import runner
from domain.storage.order_list import OrderFilter, OrderSequence
from domain.storage.pages import PageRequest

SHOP_ID = "demo"
FILE = Path("shortship-demo.db")
MAILS = Path("shortship-demo-mails")
_SAMPLES = Path(__file__).parent / "samples"
OWN_ORDERS = _SAMPLES / "orders.jsonl"
# Two files of a marketplace, and orders in our own format: one for each mail language, and one more.
_FILES = (_SAMPLES / "orders-tiktok.json", _SAMPLES / "orders-more.json", OWN_ORDERS)
# What the marketplace tells of some of them a day later. Six have changed; all six are among those to ship neither
# first nor last, where no step and no moving package gets in the way.
NEXT_DAY = _SAMPLES / "orders-next-day.json"

_TOKEN_SECONDS = 24 * 3600
_MOVE_SECONDS = 5.0
_NEXT_DAY_SECONDS = 60.0
# Back and forth, so that there is always something to see and to cancel.
_NEXT = {
    PackageStatus.AWAITING_SHIPMENT: PackageStatus.AWAITING_COLLECTION,
    PackageStatus.AWAITING_COLLECTION: PackageStatus.AWAITING_SHIPMENT,
}


@value
class _Past:
    """A cancellation made before the demo opens: of one unit of an item, of a package, or of the whole order."""

    number: str
    reason: CancellationReason
    item: int | None = None
    package: int | None = None
    refund: RefundStatus | None = None

    def selection(self, order_id: UUID) -> Selection:
        if self.item:
            entry = ItemEntry(ids.of_item(order_id, self.item), 1)
            return ItemsSelection(ids.of_order(order_id), (entry,))
        if self.package:
            return PackageSelection(ids.of_package(order_id, self.package))
        return OrderSelection(ids.of_order(order_id))


# A mail in each language, and every outcome of refunds and mails: the sixth refunds nothing because it is a gift, and
# the last buyer has no usable address.
_PAST = (
    _Past("SHORT-1001", CancellationReason.OUT_OF_STOCK, item=1),
    _Past("SHORT-1002", CancellationReason.UNDELIVERABLE_ADDRESS, package=1, refund=RefundStatus.SUCCEEDED),
    _Past("SHORT-1003", CancellationReason.OUT_OF_STOCK, item=2, refund=RefundStatus.FAILED),
    _Past("SHORT-1004", CancellationReason.BUYER_REQUESTED, package=1, refund=RefundStatus.SUCCEEDED),
    _Past("SHORT-1005", CancellationReason.PRICING_ERROR, refund=RefundStatus.SUCCEEDED),
    _Past("SHORT-1006", CancellationReason.OUT_OF_STOCK, item=2),
    _Past("SHORT-1007", CancellationReason.OUT_OF_STOCK, item=1),
)


def settings_of(given: Settings) -> Settings:
    """The settings with the demo's own file; raises SettingsError off loopback."""
    if given.host not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError("The demo listens on loopback only: leave SHORTSHIP_HOST unset.")
    return given.model_copy(
        update={
            "database_url": f"sqlite:///{FILE}",
            "mail_from": given.mail_from or "Demo Shop <orders@shop.example>",
            # The pages contain a token, so another site whose name resolves here must not read them.
            "trusted_hosts": given.trusted_hosts or ("localhost", "127.0.0.1", "[::1]"),
            "introspection": True,
            "graphiql": True,
            "log_format": given.log_format if "log_format" in given.model_fields_set else "console",
        }
    )


def claim(settings: Settings) -> Database:
    """The demo's database, locked by this process; raises SettingsError if a demo already runs in this folder."""
    database = Database(settings.database_url)
    try:
        database.claim_file()
    except FileInUseError as error:
        message = "A demo is already running in this folder: use that one, or stop it with Ctrl-C first."
        raise SettingsError(message) from error
    return database


def reset() -> None:
    """Removes what earlier demos left in this folder; the caller has claimed the database."""
    for path in (FILE, FILE.with_name(f"{FILE.name}-wal"), FILE.with_name(f"{FILE.name}-shm")):
        path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(MAILS)


def mint_token(settings: Settings) -> str:
    """A token with all scopes for the demo's shop."""
    scopes = [scope.value for scope in auth.Scope]
    return auth.mint(
        str(settings.jwt_secret),
        shop_id=SHOP_ID,
        subject="demo",
        scopes=scopes,
        seconds=_TOKEN_SECONDS,
        now=time.time(),
    )


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def prepare(settings: Settings) -> Settings:
    """Creates the tables, the shop, the sample orders and their past where missing.

    Returns the settings with a secret. If none is set, it is derived from the shop, so open pages survive a restart.
    """
    database = Database(settings.database_url)
    try:
        await runner.migrate(database)
        make = partial(
            shops.create_shop,
            shop_id=SHOP_ID,
            name="Demo Shop",
            policy=ShippingRefundPolicy.ON_FULL_CANCELLATION,
            cursor_key=shops.new_cursor_key(),
            now=clock(),
        )
        await database.writing(EVERY_SHOP, make)
        shop = await demo_shop(database)
        orders: dict[str, UUID | None] = {}
        for file in _FILES:
            orders |= {result.number: result.order_id for result in await _import(database, shop, file)}
        for past in _PAST:
            if order_id := orders[past.number]:
                await _cancel(database, shop, past, order_id)
    finally:
        await database.close()
    secret = hmac.new(shop.cursor_key, b"the demo's tokens", hashlib.sha256).hexdigest()
    return settings.model_copy(update={"jwt_secret": settings.jwt_secret or secret})


async def _import(database: Database, shop: Shop, file: Path) -> list[ImportResult]:
    batches = ingestion.import_file(database, shop, file, actor="import", clock=clock)
    return [result async for batch in batches for result in batch.results]


async def _cancel(database: Database, shop: Shop, past: _Past, order_id: UUID) -> None:
    """Cancels once: at later starts the idempotency key is known."""
    request = CancellationRequest(past.selection(order_id), past.reason, f"demo-{past.number}")
    outcome = await cancellation.cancel(database, shop, request, cancellation_id=uuid7(), actor="demo", now=clock())
    if outcome.cancellation and past.refund and not outcome.replayed:
        settlement = Settlement(ids.of_cancellation(outcome.cancellation.id), past.refund, f"refund-{past.number}")
        await fulfillment.settle_refund(database, shop, settlement, actor="demo", now=clock())


async def bring_next_day(database: Database, stop: asyncio.Event, *, seconds: float = _NEXT_DAY_SECONDS) -> None:
    """Imports the next day once the demo has run for that long; changes nothing if an earlier demo did."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
        return
    await _import(database, await demo_shop(database), NEXT_DAY)


async def keep_moving(database: Database, stop: asyncio.Event) -> None:
    """Moves a package every few seconds, among the orders to ship last."""
    shop = await demo_shop(database)
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _MOVE_SECONDS)
            return
        orders = await moving_orders(database, shop, size=10, is_from_back=True)
        movable = [(order, package) for order in orders for package in order.packages if package.status in _NEXT]
        if movable:
            order, package = random.choice(movable)  # noqa: S311 - a demo, no secret
            await _move(database, shop, order, package)


async def _move(database: Database, shop: Shop, order: Order, package: Package) -> None:
    move = PackageMove(ids.of_package(order.id, package.position), _NEXT[package.status])
    await fulfillment.update_package_status(database, shop, move, actor="demo", now=clock())


async def demo_shop(database: Database) -> Shop:
    async with database.reading(SHOP_ID) as connection:
        shop = await shops.find_shop(connection, SHOP_ID)
    if shop is None:
        raise LookupError("the demo's shop")
    return shop


async def moving_orders(database: Database, shop: Shop, *, size: int, is_from_back: bool = False) -> list[Order]:
    """Orders with packages that the demo moves: those to ship first, or those to ship last."""
    filters, page = OrderFilter(package_statuses=list(_NEXT)), PageRequest(size, is_from_back)
    async with database.reading(shop.id) as connection:
        return (await order_list.list_orders(connection, shop, filters, OrderSequence(), page)).entries
