"""The e-mail about what is taken off an order that nobody has paid for yet."""

from dataclasses import replace

import pytest

from domain.mail import content
from domain.mail.phrases import LANGUAGES, phrases
from domain.rules.order import Buyer
from domain.rules.vocabulary import FeeKind
from tests.mail.samples import MAILS, a_cancelled_item, a_mail, a_mail_item, a_message, html_of, received, text_of

# Every word that promises money back, in small letters.
PROMISES = {
    "de": ("erstatt", "zahlungsart", "rückzahlung"),
    "en": ("refund", "payment method", "goes back"),
    "es": ("reembols", "método de pago", "devol"),
    "fr": ("rembours", "moyen de paiement", "restitu"),
    "id": ("pengembalian", "metode pembayaran", "dikembalikan"),
    "ja": ("返金", "お支払い方法", "払い戻"),
}
NOTES = [
    (
        "de",
        "Für die stornierten Artikel wurde Ihnen nichts berechnet.",
        "An der Haustür zahlen Sie jetzt noch 12,00\xa0$.",
        "An der Haustür zahlen Sie nichts mehr.",
    ),
    (
        "en",
        "Nothing was charged for these items.",
        "The amount due at the door is now $12.00.",
        "Nothing is due at the door.",
    ),
    (
        "es",
        "No se le cobró nada por los artículos cancelados.",
        "El importe que debe pagar en la entrega es ahora de 12,00\xa0US$.",
        "Ya no tiene que pagar nada en la entrega.",
    ),
    (
        "fr",
        "Les articles annulés ne vous ont pas été facturés.",
        "Le montant à régler à la livraison est désormais de 12,00\xa0$US.",
        "Vous n’avez plus rien à régler à la livraison.",  # noqa: RUF001 - the apostrophe that is meant
    ),
    (
        "id",
        "Produk yang dibatalkan tidak dikenai biaya.",
        "Jumlah yang harus Anda bayar di tempat (COD) sekarang US$12,00.",
        "Tidak ada lagi yang perlu Anda bayar di tempat (COD).",
    ),
    (
        "ja",
        "キャンセルした商品の代金はご請求しておりません。",
        "お届け時にお支払いいただく金額は、$12.00 となります。",
        "お届け時にお支払いいただく金額はございません。",
    ),
]


@pytest.mark.parametrize(("language", "note", "due", "nothing"), NOTES, ids=[row[0] for row in NOTES])
def test_every_language_says_that_nothing_was_charged_and_what_is_due(
    language: str, note: str, due: str, nothing: str
) -> None:
    part = a_mail(buyer=Buyer("Ada", "ada@example.com", language), is_taken_off=True, due_at_door=1200)
    gone = replace(part, is_whole_order=True, due_at_door=0)

    letters = [text_of(a_message(mail)) for mail in (part, gone)]

    assert f"\n{note}\n{due}\n" in letters[0]
    assert f"\n{note}\n{nothing}\n" in letters[1]


def test_both_notes_are_in_the_html_too() -> None:
    html = html_of(a_message(a_mail(is_taken_off=True, due_at_door=1200)))

    first, second = "Nothing was charged for these items.", "The amount due at the door is now $12.00."
    assert f'padding:0 24px 12px;">{first}</td></tr>' in html
    assert f'padding:0 24px 20px;">{second}</td></tr>' in html


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("is_whole_order", [False, True], ids=["part", "whole"])
def test_no_language_promises_money_back(language: str, *, is_whole_order: bool) -> None:
    mail = a_mail(
        a_cancelled_item(seller_discount=100, platform_discount=50, tax=490),
        buyer=Buyer("Ada", "ada@example.com", language),
        shipping_fee=599,
        shipping_tax=96,
        fees=tuple((kind, 100) for kind in FeeKind),
        is_whole_order=is_whole_order,
        is_taken_off=True,
        due_at_door=0 if is_whole_order else 1200,
    )

    message = a_message(mail)

    written = (text_of(message) + html_of(message)).lower()
    assert [promise for promise in PROMISES[language] if promise in written] == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_promise_of_money_back_would_be_found(language: str) -> None:
    """Keeps the list of promises true: the mail about a refund makes the first two of them."""
    written = text_of(a_message(a_mail(buyer=Buyer("Ada", "ada@example.com", language)))).lower()

    assert [promise in written for promise in PROMISES[language][:2]] == [True, True]


def test_each_item_says_by_how_much_less_is_due() -> None:
    text = text_of(a_message(MAILS["not-paid"]))

    assert "    Price: ₫165,000\n    Seller discount: -₫76,000\n    No longer due for this item: ₫89,000\n" in text
    assert "\nWhat you no longer have to pay\n" in text
    assert "\nItems: ₫89,000\nTotal no longer due: ₫89,000\n\nNothing was charged" in text


@pytest.mark.parametrize(
    ("sample", "subject"),
    [
        ("not-paid", "Sage & Linen: part of your order 1001 was cancelled"),
        ("not-paid-de", "Sage & Linen: Ihre Bestellung 1001 wurde storniert"),
    ],
)
def test_the_subject_is_that_of_any_cancellation(sample: str, subject: str) -> None:
    assert received(a_message(MAILS[sample]))["Subject"] == subject


def test_an_order_that_is_not_collected_at_the_door_says_nothing_of_the_door() -> None:
    text = text_of(a_message(a_mail(is_taken_off=True)))

    assert "\nNothing was charged for these items.\n\nWhat still ships\n" in text
    assert "door" not in text


def test_free_units_of_an_order_collected_at_the_door_change_nothing_of_what_is_due() -> None:
    gift = a_cancelled_item("Cotton Tote Bag", variant_name=None, is_gift=True, quantity=1, subtotal=0)

    text = text_of(a_message(a_mail(gift, remaining=(a_mail_item(),), due_at_door=6980)))

    nothing = "Nothing was charged for these items, so there is nothing to refund."
    assert f"\n{nothing}\nThe amount due at the door is now $69.80.\n" in text


def test_a_refund_says_nothing_of_the_door() -> None:
    text = text_of(a_message(a_mail()))

    assert "$69.80 goes back to your original payment method." in text
    assert "door" not in text


def test_a_mail_queued_by_an_earlier_version_is_about_a_refund() -> None:
    stored = content.to_json(a_mail())
    del stored["is_taken_off"], stored["due_at_door"]

    mail = content.from_json(stored)

    assert (mail.is_taken_off, mail.due_at_door) == (False, None)
    assert mail == a_mail()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_is_no_longer_due_is_worded_otherwise_than_a_refund(language: str) -> None:
    words = phrases(language)

    assert len({words.refund, words.taken_off}) == 2
    assert len({words.refund_total, words.taken_off_total, words.item_total, words.item_taken_off}) == 4
