"""Sample mails and their snapshots; `python -m tests.mail.samples` rewrites the snapshots."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from uuid import UUID

from domain.mail.address import Address
from domain.mail.content import CancellationMail, CancelledItem, MailItem
from domain.mail.message import compose
from domain.mail.sending import OutgoingMessage
from domain.rules.order import Buyer
from domain.rules.vocabulary import CancellationReason, FeeKind

SNAPSHOTS = Path(__file__).parent / "snapshots"
SENDER = Address("Sage & Linen", "orders@shop.example")
CANCELLED_AT = datetime(2026, 3, 2, 8, 5, tzinfo=UTC)


def a_mail_item(
    product_name: str = "Linen Wrap Dress",
    variant_name: str | None = None,
    *,
    image_url: str | None = None,
    is_gift: bool = False,
    quantity: int = 1,
) -> MailItem:
    return MailItem(product_name, variant_name, image_url, is_gift, quantity)


def a_cancelled_item(  # noqa: PLR0913 a builder has a parameter for every field
    product_name: str = "Linen Wrap Dress",
    *,
    variant_name: str | None = "Sage, M",
    image_url: str | None = "https://img.example/dress.jpg",
    is_gift: bool = False,
    quantity: int = 2,
    subtotal: int = 6980,
    seller_discount: int = 0,
    platform_discount: int = 0,
    tax: int = 0,
    total: int | None = None,
) -> CancelledItem:
    """The total is for prices that include tax."""
    item = a_mail_item(product_name, variant_name, image_url=image_url, is_gift=is_gift, quantity=quantity)
    net = subtotal - seller_discount - platform_discount
    return CancelledItem(item, subtotal, seller_discount, platform_discount, tax, net if total is None else total)


def a_mail(  # noqa: PLR0913 a builder has a parameter for every field
    *cancelled: CancelledItem,
    buyer: Buyer = Buyer("Ada Buyer", "ada@example.com", "en_US"),  # noqa: B008 a frozen value
    shop_name: str = "Sage & Linen",
    order_number: str = "1001",
    currency: str = "USD",
    prices_include_tax: bool = True,
    reason: CancellationReason = CancellationReason.OUT_OF_STOCK,
    shipping_fee: int = 0,
    shipping_tax: int = 0,
    fees: tuple[tuple[FeeKind, int], ...] = (),
    refund_total: int | None = None,
    remaining: tuple[MailItem, ...] = (),
    is_whole_order: bool = False,
    is_taken_off: bool = False,
    due_at_door: int | None = None,
) -> CancellationMail:
    cancelled = cancelled or (a_cancelled_item(),)
    parts = [item.total for item in cancelled] + [shipping_fee] + [amount for _, amount in fees]
    return CancellationMail(
        order_id=UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6b"),
        cancellation_id=UUID("0195a1b2c3d47e8f9a0b1c2d3e4f5a6c"),
        shop_name=shop_name,
        order_number=order_number,
        buyer=buyer,
        currency=currency,
        prices_include_tax=prices_include_tax,
        created_at=CANCELLED_AT,
        reason=reason,
        cancelled=cancelled,
        shipping_fee=shipping_fee,
        shipping_tax=shipping_tax,
        fees=fees,
        refund_total=sum(parts) if refund_total is None else refund_total,
        remaining=remaining,
        is_whole_order=is_whole_order,
        is_taken_off=is_taken_off,
        due_at_door=due_at_door,
    )


def a_message(mail: CancellationMail) -> OutgoingMessage:
    return compose(mail, sender=SENDER, reply_to=None)


def received(message: OutgoingMessage) -> EmailMessage:
    """The message as the recipient parses it."""
    return message_from_bytes(message.content, policy=SMTP)


def text_of(message: OutgoingMessage) -> str:
    return _body_of(message, "plain")


def html_of(message: OutgoingMessage) -> str:
    return _body_of(message, "html")


def _body_of(message: OutgoingMessage, kind: str) -> str:
    body = received(message).get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


MAILS = {
    "part": a_mail(
        a_cancelled_item(seller_discount=698, platform_discount=350, tax=490, total=6422),
        a_cancelled_item("Cotton Tote Bag", variant_name=None, image_url=None, is_gift=True, quantity=1, subtotal=0),
        prices_include_tax=False,
        shipping_fee=364,
        shipping_tax=30,
        fees=((FeeKind.HANDLING, 61),),
        refund_total=6877,
        remaining=(
            a_mail_item("Linen Wrap Dress", "Sage, M", image_url="https://img.example/dress.jpg"),
            a_mail_item("Straw Hat", quantity=1200),
        ),
    ),
    "whole": a_mail(
        a_cancelled_item(tax=1114),
        shipping_fee=599,
        shipping_tax=96,
        reason=CancellationReason.BUYER_REQUESTED,
        is_whole_order=True,
    ),
    "nothing-charged": a_mail(
        a_cancelled_item("Cotton Tote Bag", variant_name=None, is_gift=True, quantity=1, subtotal=1500, total=0),
        remaining=(a_mail_item("Linen Wrap Dress", "Sage, M"),),
    ),
    "long-names": a_mail(
        a_cancelled_item(
            "Extraordinary" * 38, variant_name="Superlong" * 55, image_url="https://img.example/dress.jpg"
        ),
        a_cancelled_item("Linen Wrap Dress with a name of many words " * 11, variant_name=None, image_url=None),
        buyer=Buyer("Hubert" * 80, "ada@example.com", "en_US"),
        shop_name="Sage&Linen" * 50,
        order_number="5764" * 25,
        remaining=(a_mail_item("Extraordinary" * 38, quantity=1_000_000),),
    ),
    "package-de": a_mail(
        a_cancelled_item("Leinenkleid", variant_name="Salbei, M", seller_discount=698, tax=1003),
        a_cancelled_item("Strohhut", variant_name=None, image_url=None, quantity=1, subtotal=124900, tax=19942),
        buyer=Buyer("Greta Müller", "greta@example.com", "de_DE"),
        currency="EUR",
        reason=CancellationReason.UNDELIVERABLE_ADDRESS,
        remaining=(a_mail_item("Geschirrtuch aus Halbleinen", "3er-Pack", quantity=4),),
    ),
    "order-fr": a_mail(
        a_cancelled_item("Robe portefeuille en lin", variant_name="Sauge, M", tax=1163),
        buyer=Buyer("Élise Dupont", "elise@example.com", "fr_FR"),
        currency="EUR",
        reason=CancellationReason.BUYER_REQUESTED,
        shipping_fee=590,
        shipping_tax=98,
        fees=((FeeKind.BUYER_SERVICE, 99),),
        is_whole_order=True,
    ),
    "share-of-shipping-es": a_mail(
        a_cancelled_item("Vestido cruzado de lino", variant_name="Salvia, M", platform_discount=500, tax=1125),
        buyer=Buyer("Lucía García", "lucia@example.com", "es_ES"),
        currency="EUR",
        reason=CancellationReason.PRICING_ERROR,
        shipping_fee=245,
        shipping_tax=43,
        fees=((FeeKind.SMALL_ORDER, 50),),
    ),
    "gift-ja": a_mail(
        a_cancelled_item(
            "リネンのラップワンピース", variant_name="セージ・M", subtotal=13960, seller_discount=1396, tax=1142
        ),
        a_cancelled_item(
            "コットントートバッグ", variant_name=None, image_url=None, is_gift=True, quantity=1, subtotal=0
        ),
        buyer=Buyer("佐藤 陽葵", "himari@example.com", "ja_JP"),
        currency="JPY",
        remaining=(a_mail_item("麦わら帽子", quantity=2),),
    ),
    "thousands-id": a_mail(
        a_cancelled_item(
            "Gaun linen",
            variant_name="Hijau, M",
            subtotal=125_000_000,
            seller_discount=500_000,
            tax=13_695_000,
            total=138_195_000,
        ),
        buyer=Buyer("Dewi Lestari", "dewi@example.com", "id_ID"),
        currency="IDR",
        prices_include_tax=False,
        reason=CancellationReason.OTHER,
        remaining=(a_mail_item("Topi jerami", quantity=1200),),
    ),
    "not-paid": a_mail(
        a_cancelled_item("Linen shirt", variant_name="Sand, M", quantity=1, subtotal=165_000, seller_discount=76_000),
        buyer=Buyer("n***n v** t***h", "relay@example.com", "en_US"),
        currency="VND",
        remaining=(a_mail_item("Linen shirt", "Sand, M"),),
        is_taken_off=True,
        due_at_door=99_000,
    ),
    "not-paid-de": a_mail(
        a_cancelled_item("Leinenkleid", variant_name="Salbei, M", tax=1114),
        buyer=Buyer("Greta Müller", "greta@example.com", "de_DE"),
        currency="EUR",
        shipping_fee=590,
        shipping_tax=94,
        fees=((FeeKind.INSURANCE, 199), (FeeKind.DEPOSIT, 25)),
        is_whole_order=True,
        is_taken_off=True,
        due_at_door=0,
    ),
    "not-paid-es": a_mail(
        a_cancelled_item("Vestido cruzado de lino", variant_name="Salvia, M", tax=963),
        buyer=Buyer("Lucía García", "lucia@example.com", "es_MX"),
        currency="MXN",
        fees=((FeeKind.DISTANCE, 1500),),
        remaining=(a_mail_item("Sombrero de paja"),),
        is_taken_off=True,
        due_at_door=24_990,
    ),
    "not-paid-fr": a_mail(
        a_cancelled_item("Robe portefeuille en lin", variant_name="Sauge, M", tax=1163),
        buyer=Buyer("Élise Dupont", "elise@example.com", "fr_FR"),
        currency="EUR",
        is_whole_order=True,
        is_taken_off=True,
        due_at_door=0,
    ),
    "not-paid-id": a_mail(
        a_cancelled_item("Gaun linen", variant_name="Hijau, M", subtotal=25_000_000, tax=2_477_500),
        buyer=Buyer("Dewi Lestari", "dewi@example.com", "id_ID"),
        currency="IDR",
        remaining=(a_mail_item("Topi jerami"),),
        is_taken_off=True,
        due_at_door=18_900_000,
    ),
    "not-paid-ja": a_mail(
        a_cancelled_item("リネンのラップワンピース", variant_name="セージ・M", subtotal=13960, tax=1269),
        a_cancelled_item(
            "コットントートバッグ", variant_name=None, image_url=None, is_gift=True, quantity=1, subtotal=0
        ),
        buyer=Buyer("佐藤 陽葵", "himari@example.com", "ja_JP"),
        currency="JPY",
        remaining=(a_mail_item("麦わら帽子", quantity=2),),
        is_taken_off=True,
        due_at_door=4_980,
    ),
}


def write_snapshots() -> None:
    for name, mail in MAILS.items():
        message = a_message(mail)
        (SNAPSHOTS / f"{name}.txt").write_text(text_of(message), encoding="utf-8")
        (SNAPSHOTS / f"{name}.html").write_text(html_of(message), encoding="utf-8")


if __name__ == "__main__":
    write_snapshots()
