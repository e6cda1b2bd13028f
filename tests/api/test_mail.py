"""The mail that leaves over SMTP, or does not, for contacts as marketplaces give them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from functools import partial
from typing import Any

from api.loops import mail_loop, smtp_sender
from api.settings import Settings
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage import shops
from domain.storage.engine.backend import EVERY_SHOP
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite
from tests.api.schema.test_import_orders import DRESS, SIMPLE
from tests.mail.delivery.servers import Inbox, serving
from tests.support.client import Client, a_token
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import NOW

pytestmark = on_sqlite

BUYER = {"name": "Ada Buyer", "email": "buyer@example.com", "locale": "en_US"}
ORDER: dict[str, Any] = SIMPLE | {"number": "910000000000000026", "items": [DRESS], "total": "30.00"}
IMPORT = """
mutation ($orders: [OrderInput!]!) { importOrders(input: { orders: $orders }) { results {
  order { id items { id } } errors { message } } } }
"""
CANCEL = """
mutation ($order: ID!, $item: ID!) {
  cancelItems(input: { orderId: $order, items: [{ itemId: $item, quantity: 1 }], reason: OUT_OF_STOCK,
    idempotencyKey: "key-1" }) { errors { code } cancellation { id notification { status attempts lastError } } } }
"""
RESEND = """
mutation ($id: ID!) { resendNotification(input: { cancellationId: $id }) { errors { code message path } } }
"""


@asynccontextmanager
async def mailing(settings: Settings, database: Database, sender: str) -> AsyncIterator[Inbox]:
    """Sends mail from this address to a server within the block."""
    stop = asyncio.Event()
    async with serving(inbox := Inbox()) as port:
        settings = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}?tls=none", "mail_from": sender})
        transport = smtp_sender(settings)
        assert transport
        running = asyncio.ensure_future(mail_loop(transport, settings)(database, stop))
        yield inbox
        stop.set()
        await running


async def cancel_one(client: Client, buyer: dict[str, str], **more: object) -> Any:
    """Imports an order of this buyer, and returns the cancellation of one of its units."""
    imported = await client.data(IMPORT, orders=[ORDER | {"buyer": buyer} | more])
    [result] = imported["importOrders"]["results"]
    assert result["errors"] == []
    cancelled = await client.data(CANCEL, order=result["order"]["id"], item=result["order"]["items"][0]["id"])
    assert cancelled["cancelItems"]["errors"] == []
    return cancelled["cancelItems"]["cancellation"]


async def the_message(inbox: Inbox) -> bytes:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not inbox.messages:  # noqa: ASYNC110 - aiosmtpd's handler has no event
            await asyncio.sleep(0.01)
    return inbox.messages[0]


def text_in(message: bytes) -> str:
    body = message_from_bytes(message, policy=default).get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


async def test_the_names_of_shop_and_buyer_keep_every_space(
    client: Client, settings: Settings, database: Database
) -> None:
    shop = "東京セレクトショップ株式会社 公式オンラインストア 本店"
    buyer = "محمد بن عبد الله آل سعود، الرياض المملكة العربية السعودية"
    policy = ShippingRefundPolicy.ON_FULL_CANCELLATION
    make = partial(
        shops.create_shop, shop_id="tokyo", name=shop, policy=policy, cursor_key=shops.new_cursor_key(), now=NOW
    )
    await database.writing(EVERY_SHOP, make)

    async with mailing(settings, database, "orders@shop.example") as inbox:
        await cancel_one(client.with_token(a_token("tokyo")), BUYER | {"name": buyer})
        message = await the_message(inbox)

    subject = f"{shop}: part of your order 910000000000000026 was cancelled"
    head = message_from_bytes(message, policy=compat32)
    assert str(make_header(decode_header(head["Subject"]))) == subject
    assert str(make_header(decode_header(head["To"]))) == f"{buyer} <buyer@example.com>"
    assert message_from_bytes(message, policy=default)["Subject"] == subject


async def test_an_address_with_dots_of_old_carriers_gets_its_mail(
    client: Client, settings: Settings, database: Database
) -> None:
    async with mailing(settings, database, "orders@shop.example") as inbox:
        await cancel_one(client, BUYER | {"name": "山田 花子", "email": "hana..123.@docomo.example"})
        message = await the_message(inbox)

    name, _, address = str(make_header(decode_header(message_from_bytes(message, policy=compat32)["To"]))).rpartition(
        " "
    )
    assert (name, address) == ("山田 花子", '<"hana..123."@docomo.example>')
    assert inbox.recipients == ["hana..123.@docomo.example"]  # which aiosmtpd shows without its quotes


async def test_a_sender_at_a_domain_of_another_script_sends_from_its_ascii_form(
    client: Client, settings: Settings, database: Database
) -> None:
    async with mailing(settings, database, "orders@bücher.example") as inbox:
        await cancel_one(client, BUYER)
        message = await the_message(inbox)

    assert inbox.senders == ["orders@xn--bcher-kva.example"]
    assert message_from_bytes(message, policy=default)["From"] == "orders@xn--bcher-kva.example"


async def test_a_masked_address_fails_at_once_and_cannot_be_mailed_again(client: Client) -> None:
    masked = "The buyer's e-mail address is masked."

    made = await cancel_one(client, {"name": "A*** E***", "email": "v***@chat.seller-us.example", "locale": "en_US"})
    again = await client.data(RESEND, id=made["id"])

    assert made["notification"] == {"status": "FAILED", "attempts": 0, "lastError": masked}
    assert again["resendNotification"]["errors"] == [
        {"code": "INVALID_VALUE", "message": masked, "path": ["input", "cancellationId"]}
    ]


async def test_a_masked_name_is_not_shown_to_the_buyer(client: Client, settings: Settings, database: Database) -> None:
    async with mailing(settings, database, "orders@shop.example") as inbox:
        await cancel_one(client, BUYER | {"name": "A*** E***", "email": "v4bEXAMPLE@relay.example"})
        message = await the_message(inbox)

    head = message_from_bytes(message, policy=default)
    assert head["To"] == "v4bEXAMPLE@relay.example"
    assert "*" not in str(head.items()) + text_in(message)
    assert "\nHello,\n" in text_in(message)


async def test_an_order_collected_at_the_door_is_promised_no_money_back(
    client: Client, settings: Settings, database: Database
) -> None:
    async with mailing(settings, database, "orders@shop.example") as inbox:
        await cancel_one(client, BUYER, collectOnDelivery=True)
        text = text_in(await the_message(inbox))

    assert "\nNothing was charged for these items.\nThe amount due at the door is now $20.00.\n" in text
    assert "    No longer due for this item: $10.00\n" in text
    assert "refund" not in text
    assert "payment method" not in text
