"""The demo: a shop to play with, every e-mail in a mailbox page, and packages that move by themselves."""

import asyncio
import email
import json
import random
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from email.header import decode_header, make_header
from email.policy import default
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from api import auth, ide
from api.settings import Settings, SettingsError
from api.wiring import clock
from domain import fulfillment, ids, ingestion
from domain.database import EVERY_SHOP, Database
from domain.mail.mailbox import Mailbox
from domain.mail.sending import OutgoingMessage
from domain.migrations import runner
from domain.moves import PackageMove
from domain.order import Order, Package, PackageStatus, ShippingRefundPolicy, Shop
from domain.queries import listing, shops
from domain.queries.listing import OrderFilter, OrderSequence
from domain.queries.paging import PageRequest

SHOP_ID = "demo"
FILE = Path("shortship-demo.db")
SAMPLES = Path(ingestion.__file__).parent / "samples" / "orders-tiktok.json"

_STATIC = Path(__file__).parent / "static"
# Mails have styles of their own, and the frames that show them have the policy of the page around them.
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_REMOTE = re.compile(r' src="https?:[^"]*"')
_NO_PICTURE = ''' src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"'''
_TOKEN_SECONDS = 24 * 3600
_MOVE_SECONDS = 5.0
# Back and forth, so that there is always something left to see and to cancel.
_NEXT = {
    PackageStatus.AWAITING_SHIPMENT: PackageStatus.AWAITING_COLLECTION,
    PackageStatus.AWAITING_COLLECTION: PackageStatus.AWAITING_SHIPMENT,
}


def settings_of(given: Settings) -> Settings:
    """The demo's settings: its own file, and a secret of its own where none is set. SettingsError off loopback."""
    if given.host not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError("The demo listens on loopback only: leave SHORTSHIP_HOST unset.")
    return given.model_copy(
        update={
            "database_url": f"sqlite:///{FILE}",
            "jwt_secret": given.jwt_secret or secrets.token_hex(32),
            "mail_from": given.mail_from or "Demo Shop <orders@shop.example>",
            # Its pages have a token in them, which is for no page of another site whose name leads here.
            "trusted_hosts": given.trusted_hosts or ("localhost", "127.0.0.1", "[::1]"),
            "introspection": True,
            "graphiql": True,
            "log_format": given.log_format if "log_format" in given.model_fields_set else "console",
        }
    )


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


async def prepare(settings: Settings) -> None:
    """Tables, the shop and the sample orders, as far as they are not there."""
    database = Database(settings.database_url)
    try:
        database.claim_file()
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
        async for _ in ingestion.import_file(database, shop, SAMPLES, actor="import", clock=clock):
            pass
    finally:
        await database.close()


def routes(mailbox: Mailbox, token: str, database: Database) -> list[BaseRoute]:
    """The start page, the mailbox and what they look like, and what GraphiQL shows at first."""
    templates = Jinja2Templates(_STATIC)

    async def start(request: Request) -> Response:
        context = {"operations": _operations(), "token": token}
        return templates.TemplateResponse(request, "demo.html", context, headers=_SECURITY)

    async def mails(request: Request) -> Response:
        shown = [_shown(message) for message in mailbox.messages]
        return templates.TemplateResponse(request, "mailbox.html", {"mails": shown}, headers=_SECURITY)

    async def config(_request: Request) -> Response:
        shop = await _shop(database)
        orders = await _orders(database, shop, OrderFilter(items_cancellable=True), size=1)
        return ide.config(headers={"Authorization": f"Bearer {token}"}, tabs=_tabs(orders))

    return [
        Route("/", start),
        Route("/mailbox", mails),
        Route("/graphiql/config.json", config),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


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
        page = await listing.list_orders(connection, shop, filters, OrderSequence(), PageRequest(size, is_from_back))
    return page.entries


def _operations() -> list[dict[str, str]]:
    """The steps of the demo in their order; the first line of each says what it does."""
    texts = {path.stem[2:].capitalize(): path.read_text() for path in sorted(_STATIC.glob("operations/*.graphql"))}
    return [
        {"title": title, "about": text.splitlines()[0].removeprefix("# "), "text": text}
        for title, text in texts.items()
    ]


def _tabs(orders: Sequence[Order]) -> list[dict[str, str]]:
    """The steps as tabs of GraphiQL, about the first order where they need one."""
    variables = _variables(orders)
    texts = [operation["text"] for operation in _operations()]
    used = [{name: given for name, given in variables.items() if f"${name}:" in text} for text in texts]
    return [
        {"query": text, "variables": json.dumps(names, indent=2) if names else ""}
        for text, names in zip(texts, used, strict=True)
    ]


def _variables(orders: Sequence[Order]) -> dict[str, object]:
    """One unit of the first item that has one to give."""
    if not orders:
        return {}
    order = orders[0]
    item = next(
        packed.item
        for package, packed in order.package_items()
        if package.status is PackageStatus.AWAITING_SHIPMENT and packed.live_quantity
    )
    entries = [{"itemId": ids.of_item(order.id, item), "quantity": 1}]
    order_id = ids.of_order(order.id)
    key = f"demo-{secrets.token_hex(8)}"
    request = {"orderId": order_id, "reason": "OUT_OF_STOCK", "items": entries, "idempotencyKey": key}
    return {"orderId": order_id, "items": entries, "input": request}


def _shown(message: OutgoingMessage) -> dict[str, str]:
    """As a mail program reads it."""
    read = email.message_from_bytes(message.content, policy=default)
    plain = email.message_from_bytes(message.content)  # its policy leaves headers as they came
    html, text = read.get_body(("html",)), read.get_body(("plain",))
    return {
        "subject": _text_of(plain["Subject"]),
        "to": _text_of(plain["To"]),
        "date": str(plain["Date"]),
        # As many mail programs show it: without the pictures of items, which are somewhere else.
        "html": _REMOTE.sub(_NO_PICTURE, html.get_content()) if html else "",
        "text": text.get_content() if text else "",
    }


def _text_of(header: str) -> str:
    """By the old decoder: the new one shows spaces between encoded words of a name (Python 3.11 to 3.13)."""
    return str(make_header(decode_header(header)))
