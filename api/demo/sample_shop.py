"""The demo: a shop to play with, every e-mail in a mailbox page, and packages that move by themselves."""

import asyncio
import email
import hashlib
import hmac
import json
import random
import re
import shutil
import socket
import time
from contextlib import suppress
from email.header import decode_header, make_header
from email.message import Message
from email.policy import default
from functools import partial
from pathlib import Path
from uuid import UUID

from babel import Locale
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from uuid_utils.compat import uuid7

from api import auth
from api.demo import operations
from api.settings import Settings, SettingsError
from api.transport import pages
from api.wiring import clock
from domain import cancellation, fulfillment, ingestion
from domain.mail.delivery.mailbox import Mailbox, StoredMail
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
from domain.storage import cancellation_list, order_list, shops
from domain.storage.backend import EVERY_SHOP
from domain.storage.cancellation_list import CancellationFilter
from domain.storage.database import Database
from domain.storage.faults import FileInUseError
from domain.storage.migrations import runner
from domain.storage.order_list import OrderFilter, OrderSequence
from domain.storage.pages import PageRequest

SHOP_ID = "demo"
FILE = Path("shortship-demo.db")
MAILS = Path("shortship-demo-mails")
_SAMPLES = Path(__file__).parent / "samples"
# The marketplace's own file, and orders in our own form: one for each language that mails are in, and one more.
_FILES = (_SAMPLES / "orders-tiktok.json", _SAMPLES / "orders.jsonl")

_STATIC = Path(__file__).parent / "static"
# Mails have styles of their own, and the frames that show them have the policy of the page around them; no script runs
# in those, for they are sandboxes.
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_REMOTE = re.compile(r' src="https?:[^"]*"')
_NO_PICTURE = ''' src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"'''
_LANGUAGE = re.compile(r'<html lang="([A-Za-z-]+)"')
_TOKEN_SECONDS = 24 * 3600
_MOVE_SECONDS = 5.0
_LOOKED_THROUGH = 100
# Back and forth, so that there is always something left to see and to cancel.
_NEXT = {
    PackageStatus.AWAITING_SHIPMENT: PackageStatus.AWAITING_COLLECTION,
    PackageStatus.AWAITING_COLLECTION: PackageStatus.AWAITING_SHIPMENT,
}


@value
class _Past:
    """A cancellation that was made before anybody looks: of one unit of an item, of a package, or of all."""

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


# A mail in each language, and refunds and mails that went in every way: the sixth gives nothing back, for it is a gift,
# and the last buyer has no address that could be used.
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
    """The demo's settings, on a file of its own. SettingsError off loopback."""
    if given.host not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError("The demo listens on loopback only: leave SHORTSHIP_HOST unset.")
    return given.model_copy(
        update={
            "database_url": f"sqlite:///{FILE}",
            "mail_from": given.mail_from or "Demo Shop <orders@shop.example>",
            # Its pages have a token in them, which is for no page of another site whose name leads here.
            "trusted_hosts": given.trusted_hosts or ("localhost", "127.0.0.1", "[::1]"),
            "introspection": True,
            "graphiql": True,
            "log_format": given.log_format if "log_format" in given.model_fields_set else "console",
        }
    )


def claim(settings: Settings) -> Database:
    """The demo's database, for this process alone. SettingsError where a demo runs in this folder already."""
    database = Database(settings.database_url)
    try:
        database.claim_file()
    except FileInUseError as error:
        message = "A demo runs in this folder already: use that one, or end it with Ctrl-C first."
        raise SettingsError(message) from error
    return database


def reset() -> None:
    """Removes what earlier demos left in this folder; only for whoever has claimed the database."""
    for path in (FILE, FILE.with_name(f"{FILE.name}-wal"), FILE.with_name(f"{FILE.name}-shm")):
        path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(MAILS)


def mint_token(settings: Settings) -> str:
    """A token that allows everything in the demo's shop."""
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
    """Where a browser finds it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def prepare(settings: Settings) -> Settings:
    """Tables, the shop, the sample orders and what happened to them, as far as they are not there.

    The settings have a secret then: where none is set, one that stays the same for as long as the shop is there, so
    that pages that are open outlive a restart.
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
        shop = await _shop(database)
        orders: dict[str, UUID | None] = {}
        for file in _FILES:
            async for batch in ingestion.import_file(database, shop, file, actor="import", clock=clock):
                orders |= {result.number: result.order_id for result in batch.results}
        for past in _PAST:
            if order_id := orders[past.number]:
                await _cancel(database, shop, past, order_id)
    finally:
        await database.close()
    secret = hmac.new(shop.cursor_key, b"the demo's tokens", hashlib.sha256).hexdigest()
    return settings.model_copy(update={"jwt_secret": settings.jwt_secret or secret})


async def _cancel(database: Database, shop: Shop, past: _Past, order_id: UUID) -> None:
    """Once, for at every other start its key is known."""
    request = CancellationRequest(past.selection(order_id), past.reason, f"demo-{past.number}")
    outcome = await cancellation.cancel(database, shop, request, cancellation_id=uuid7(), actor="demo", now=clock())
    if outcome.cancellation and past.refund and not outcome.replayed:
        told = Settlement(ids.of_cancellation(outcome.cancellation.id), past.refund, f"refund-{past.number}")
        await fulfillment.settle_refund(database, shop, told, actor="demo", now=clock())


def routes(settings: Settings, mailbox: Mailbox, database: Database, address: str) -> list[BaseRoute]:
    """The start page, the mailbox and what they look like, and what GraphiQL shows at first.

    `address` is where the demo is found. Each page has a token of its own, for a demo may run for longer than one.
    """
    templates = Jinja2Templates(_STATIC)

    async def start(request: Request) -> Response:
        context = {"steps": operations.steps(), "token": mint_token(settings), "address": address}
        return templates.TemplateResponse(request, "demo.html", context, headers=_SECURITY)

    def mails(request: Request) -> Response:  # outside the event loop
        shown = [_shown(mail) for mail in mailbox.messages(request.query_params.get("after", ""))]
        context = {"mails": shown, "token": mint_token(settings)}
        return templates.TemplateResponse(request, "mailbox.html", context, headers=_SECURITY)

    async def config(_request: Request) -> Response:
        return pages.config(headers={"Authorization": f"Bearer {mint_token(settings)}"}, tabs=await _tabs(database))

    return [
        Route("/", start),
        Route("/mailbox", mails),
        Route("/graphiql/config.json", config),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


async def _tabs(database: Database) -> list[dict[str, str]]:
    shop = await _shop(database)
    orders = await _orders(database, shop, OrderFilter(package_statuses=list(_NEXT)), size=_LOOKED_THROUGH)
    open_refunds = CancellationFilter(refund_statuses=[RefundStatus.PENDING, RefundStatus.FAILED])
    async with database.reading(shop.id) as connection:
        found = await cancellation_list.list_cancellations(connection, shop, open_refunds, PageRequest(1))
    return operations.tabs(orders, found.entries[0] if found.entries else None, _sample_input())


def _sample_input() -> dict[str, object]:
    """The first order in our own form, which is that of the API too."""
    with _FILES[1].open(encoding="utf-8") as file:
        order: dict[str, object] = json.loads(file.readline())
    return order


async def keep_moving(database: Database, stop: asyncio.Event) -> None:
    """Moves a package of the orders that ship last, every few seconds."""
    shop = await _shop(database)
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _MOVE_SECONDS)
            return
        orders = await _orders(database, shop, OrderFilter(package_statuses=list(_NEXT)), size=10, is_from_back=True)
        movable = [(order, package) for order in orders for package in order.packages if package.status in _NEXT]
        if movable:
            order, package = random.choice(movable)  # noqa: S311 - a demo, no secret
            await _move(database, shop, order, package)


async def _move(database: Database, shop: Shop, order: Order, package: Package) -> None:
    move = PackageMove(ids.of_package(order.id, package.position), _NEXT[package.status])
    await fulfillment.update_package_status(database, shop, move, actor="demo", now=clock())


async def _shop(database: Database) -> Shop:
    async with database.reading(SHOP_ID) as connection:
        shop = await shops.find_shop(connection, SHOP_ID)
    if shop is None:
        raise LookupError("the demo's shop")
    return shop


async def _orders(
    database: Database, shop: Shop, filters: OrderFilter, *, size: int, is_from_back: bool = False
) -> list[Order]:
    async with database.reading(shop.id) as connection:
        page = await order_list.list_orders(connection, shop, filters, OrderSequence(), PageRequest(size, is_from_back))
    return page.entries


def _shown(mail: StoredMail) -> dict[str, str]:
    """As a mail program reads it."""
    read = email.message_from_bytes(mail.content, policy=default)
    plain = email.message_from_bytes(mail.content)  # its policy leaves headers as they came
    html, text = read.get_body(("html",)), read.get_body(("plain",))
    shown = html.get_content() if html else ""
    return {
        "id": mail.id,
        "subject": _text_of(plain, "Subject"),
        "from": _text_of(plain, "From"),
        "to": _text_of(plain, "To"),
        "date": str(plain["Date"]),
        "language": _language_of(shown),
        # As many mail programs show it: without the pictures of items, which are somewhere else.
        "html": _REMOTE.sub(_NO_PICTURE, shown),
        "text": text.get_content() if text else "",
    }


def _text_of(message: Message, header: str) -> str:
    """By the old decoder: the new one shows spaces between encoded words of a name (Python 3.11 to 3.13)."""
    return str(make_header(decode_header(message[header])))


def _language_of(html: str) -> str:
    """What the HTML says that it is in, in English."""
    found = _LANGUAGE.search(html)
    return str(Locale.parse(found[1], sep="-").get_display_name("en")) if found else ""
