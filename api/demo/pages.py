"""The demo's pages: the steps, the mailbox, and what GraphiQL opens with."""

import email
import json
import re
from email.header import decode_header, make_header
from email.message import Message
from email.policy import default
from pathlib import Path

from babel import Locale
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from api.demo import operations, sample_shop
from api.settings import Settings
from api.transport import pages as graphiql
from domain.mail.delivery.mailbox import Mailbox, StoredMail
from domain.rules.vocabulary import RefundStatus
from domain.storage import cancellation_list
from domain.storage.cancellation_list import CancellationFilter
from domain.storage.engine.database import Database
from domain.storage.pages import PageRequest

_STATIC = Path(__file__).parent / "static"
# Mails bring their own styles, and their frames inherit the page's policy. The frames are sandboxed: no script runs.
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_REMOTE = re.compile(r' src="https?:[^"]*"')
_NO_PICTURE = ''' src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"'''
_LANGUAGE = re.compile(r'<html lang="([A-Za-z-]+)"')
_LOOKED_THROUGH = 100


def routes(settings: Settings, mailbox: Mailbox, database: Database, address: str) -> list[BaseRoute]:
    """The start page, the mailbox, their assets, and GraphiQL's configuration.

    `address` is the demo's own. Each page gets a new token, since the demo may outlive one.
    """
    templates = Jinja2Templates(_STATIC)

    async def start(request: Request) -> Response:
        context = {"steps": operations.steps(), "token": sample_shop.mint_token(settings), "address": address}
        return templates.TemplateResponse(request, "demo.html", context, headers=_SECURITY)

    def mails(request: Request) -> Response:  # outside the event loop
        shown = [_shown(mail) for mail in mailbox.messages(request.query_params.get("after", ""))]
        context = {"mails": shown, "token": sample_shop.mint_token(settings)}
        return templates.TemplateResponse(request, "mailbox.html", context, headers=_SECURITY)

    async def config(_request: Request) -> Response:
        return graphiql.config(
            headers={"Authorization": f"Bearer {sample_shop.mint_token(settings)}"}, tabs=await _tabs(database)
        )

    return [
        Route("/", start),
        Route("/mailbox", mails),
        Route("/graphiql/config.json", config),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


async def _tabs(database: Database) -> list[dict[str, str]]:
    shop = await sample_shop.demo_shop(database)
    orders = await sample_shop.moving_orders(database, shop, size=_LOOKED_THROUGH)
    open_refunds = CancellationFilter(refund_statuses=[RefundStatus.PENDING, RefundStatus.FAILED])
    async with database.reading(shop.id) as connection:
        found = await cancellation_list.list_cancellations(connection, shop, open_refunds, PageRequest(1))
    return operations.tabs(orders, found.entries[0] if found.entries else None, _sample_input())


def _sample_input() -> dict[str, object]:
    """The first order in our own format, which is also the API's."""
    with sample_shop.OWN_ORDERS.open(encoding="utf-8") as file:
        order: dict[str, object] = json.loads(file.readline())
    return order


def _shown(mail: StoredMail) -> dict[str, str]:
    """Decodes a mail as a mail program does."""
    read = email.message_from_bytes(mail.content, policy=default)
    plain = email.message_from_bytes(mail.content)  # its policy leaves headers encoded
    html, text = read.get_body(("html",)), read.get_body(("plain",))
    shown = html.get_content() if html else ""
    return {
        "id": mail.id,
        "subject": _text_of(plain, "Subject"),
        "from": _text_of(plain, "From"),
        "to": _text_of(plain, "To"),
        "date": str(plain["Date"]),
        "language": _language_of(shown),
        # Without remote pictures, as many mail programs show it.
        "html": _REMOTE.sub(_NO_PICTURE, shown),
        "text": text.get_content() if text else "",
    }


def _text_of(message: Message, header: str) -> str:
    """Uses the legacy decoder: the new one puts spaces between encoded words of a name (Python 3.11 to 3.13)."""
    return str(make_header(decode_header(message[header])))


def _language_of(html: str) -> str:
    """The English name of the language that the HTML declares."""
    found = _LANGUAGE.search(html)
    return str(Locale.parse(found[1], sep="-").get_display_name("en")) if found else ""
