"""The e-mail on the wire and as mail clients read it."""

import re
from dataclasses import asdict
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import compat32, default

import html5lib  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mail.address import Address, address_fault, parse_address, wire_address
from domain.mail.content import CancellationMail
from domain.mail.letter import one_line
from domain.mail.message import check_head, compose
from domain.mail.phrases import LANGUAGES, Phrases, phrases, spoken
from domain.rules.locales import locale_of
from domain.rules.order import Buyer
from domain.rules.vocabulary import CancellationReason, FeeKind
from tests.mail.samples import (
    MAILS,
    SENDER,
    SNAPSHOTS,
    a_cancelled_item,
    a_mail,
    a_mail_item,
    a_message,
    html_of,
    received,
    text_of,
)

HOSTILE = 'Ada"\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\u202e\u2028{shop}{{ 7*7 }}'


def texts(words: Phrases) -> dict[str, str]:
    """Every text of a language, keyed by name, such as "greeting" or "fees.HANDLING"."""
    plain = asdict(words)
    tables = {name: plain.pop(name) for name in ("reasons", "labels", "fees")}
    return plain | {f"{name}.{key.name}": text for name, table in tables.items() for key, text in table.items()}


def names_in(words: Phrases) -> dict[str, list[str]]:
    """The placeholders in each phrase, sorted."""
    return {name: sorted(re.findall(r"{(.*?)}", text)) for name, text in texts(words).items()}


@pytest.mark.parametrize("name", MAILS)
def test_text_and_html_are_as_in_the_snapshots(name: str) -> None:
    message = a_message(MAILS[name])

    assert text_of(message) == (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8")
    assert html_of(message) == (SNAPSHOTS / f"{name}.html").read_text(encoding="utf-8")


def test_the_headers_are_fixed_by_the_cancellation_and_the_settings() -> None:
    message = compose(a_mail(), sender=SENDER, reply_to=Address("Help", "help@shop.example"))

    assert dict(received(message).items()) == {
        "From": "Sage & Linen <orders@shop.example>",
        "Reply-To": "Help <help@shop.example>",
        "To": "Ada Buyer <ada@example.com>",
        "Subject": "Sage & Linen: part of your order 1001 was cancelled",
        "Date": "Mon, 02 Mar 2026 08:05:00 +0000",
        "Message-ID": "<cancellation-0195a1b2c3d47e8f9a0b1c2d3e4f5a6c@shop.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_0195a1b2c3d47e8f9a0b1c2d3e4f5a6c"',
    }


def test_the_envelope_is_the_sender_and_the_recipient() -> None:
    message = a_message(a_mail())

    assert (message.sender, message.recipient) == ("orders@shop.example", "ada@example.com")


def test_plain_text_is_written_as_it_is() -> None:
    head, _, body = a_message(a_mail()).content.partition(b"\r\n\r\n")

    assert b"Subject: Sage & Linen: part of your order 1001 was cancelled\r\n" in head
    assert body.startswith(b'--=_0195a1b2c3d47e8f9a0b1c2d3e4f5a6c\r\nContent-Type: text/plain; charset="utf-8"\r\n')
    assert b'\r\nContent-Type: text/html; charset="utf-8"\r\n' in body


def test_text_comes_before_html() -> None:
    message = received(a_message(a_mail()))

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    "mail",
    [*MAILS.values(), a_mail(buyer=Buyer("陽葵 🌸", "himari@example.com", "ja_JP"), shop_name="Größe & Söhne")],
    ids=[*MAILS, "other scripts"],
)
def test_the_wire_has_seven_bits_and_whole_line_ends_only(mail: CancellationMail) -> None:
    wire = a_message(mail).content

    assert wire.isascii()
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert b"\r" not in wire.replace(b"\r\n", b"")
    assert max(map(len, wire.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS)
def test_the_html_has_no_parse_error_and_nothing_that_mail_clients_refuse(mail: CancellationMail) -> None:
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html_of(a_message(mail)))

    elements = {element.tag for element in document.iter() if isinstance(element.tag, str)}
    assert elements.isdisjoint({"script", "form", "link", "iframe", "object", "base", "svg"})
    assert document.findtext("head/title") == received(a_message(mail))["Subject"]
    metas = {meta.get("name"): meta.get("content") for meta in document.iter("meta")}
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en_US", "en-US"),
        ("en_GB", "en-GB"),
        ("de_AT", "de-AT"),
        ("DE-de", "de-DE"),
        ("de", "de"),
        ("es_MX", "es-MX"),
        ("es-419", "es-419"),
        ("fr_CA", "fr-CA"),
        ("ja_JP", "ja-JP"),
        ("in_ID", "id-ID"),
        ("zh_TW", "en-US"),
        ("none", "en-US"),
    ],
)
def test_the_html_names_its_language_where_clients_keep_it(locale: str, language: str) -> None:
    mail = a_mail(buyer=Buyer("Ada Buyer", "ada@example.com", locale))

    document = html5lib.parse(html_of(a_message(mail)), namespaceHTMLElements=False)

    named = [element.get("lang") for element in document.iter() if element.get("lang")]
    assert named == [language, language]


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS)
def test_the_layout_is_made_of_tables_of_at_most_600_pixels(mail: CancellationMail) -> None:
    html = html_of(a_message(mail))

    widths = {table.get("width") for table in html5lib.parse(html, namespaceHTMLElements=False).iter("table")}
    assert widths == {"100%"}
    assert re.findall(r"max-width:\d+px", html) == ["max-width:600px"]
    assert '<!--[if mso]><table role="presentation" width="600"' in html


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS)
def test_colours_of_text_and_background_are_set_together(mail: CancellationMail) -> None:
    document = html5lib.parse(html_of(a_message(mail)), namespaceHTMLElements=False)

    styles = [element.get("style", "") for element in document.iter()]
    assert any("color:" in style for style in styles)
    assert [style for style in styles if style.count("color:") not in {0, 2}] == []
    assert [style for style in styles if ("background-color:" in style) != style.startswith("color:")] == []


def test_every_coloured_element_has_dark_colours_too() -> None:
    html = html_of(a_message(MAILS["part"]))

    coloured = [
        element.get("class", "").removesuffix(" line")
        for element in html5lib.parse(html, namespaceHTMLElements=False).iter()
        if element.get("style", "").startswith("color:")
    ]
    dark = re.findall(r"\.(\w+) { color: #\w+ !important; background-color: #\w+ !important; }", html)
    assert set(coloured) == set(dark) == {"page", "card", "muted", "faint", "badge"}


def test_only_the_items_image_is_fetched_and_it_may_be_missing() -> None:
    html = html_of(a_message(MAILS["part"]))

    images = html5lib.parse(html, namespaceHTMLElements=False).findall(".//img")
    assert [(image.get("src"), image.get("alt")) for image in images] == [
        ("https://img.example/dress.jpg", "Linen Wrap Dress"),
        ("https://img.example/dress.jpg", "Linen Wrap Dress"),
    ]
    assert {(image.get("width"), image.get("height")) for image in images} == {("64", "64")}
    assert html.count("://") == 2


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "file:///etc/passwd",
        "//img.example/a",
        "https://",
        "http://[",
        "https://img.example/a dress.jpg",
        "https://img.example/a\u00a0dress.jpg",
    ],
)
def test_other_addresses_of_images_are_left_out(url: str) -> None:
    html = html_of(a_message(a_mail(a_cancelled_item(image_url=url))))

    assert "<img" not in html


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
def test_images_are_fetched_over_http_and_https(scheme: str) -> None:
    html = html_of(a_message(a_mail(a_cancelled_item(image_url=f"{scheme}://img.example/dress.jpg"))))

    assert f'src="{scheme}://img.example/dress.jpg"' in html


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("two\nlines", "two lines"),
        ("two\u2028lines", "two lines"),
        ("two\u2029lines", "two lines"),
        ("a\x00null", "a null"),
        ("half a pair \ud83c", "half a pair \ufffd"),
        ("turned \u202eround", "turned round"),
        ("soft\u00adhyphen", "soft\u00adhyphen"),
    ],
)
def test_names_fit_on_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_names_are_escaped_in_html_and_plain_in_text() -> None:
    mail = a_mail(
        a_cancelled_item("<b>Bold</b> & 'Co'", variant_name="</td>"),
        shop_name="<i>Shop</i>",
        order_number="<1001>",
        remaining=(a_mail_item("<u>Rest</u>", image_url='https://img.example/"onerror="x'),),
    )

    html, text = html_of(a_message(mail)), text_of(a_message(mail))

    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; &#39;Co&#39;" in html
    assert "<i>" not in html
    assert "<u>" not in html
    assert '"onerror' not in html
    assert "2 × <b>Bold</b> & 'Co' (</td>)" in text  # noqa: RUF001 - the sign that is meant


def test_hostile_names_stay_names() -> None:
    mail = a_mail(
        a_cancelled_item(HOSTILE, variant_name=HOSTILE),
        buyer=Buyer(HOSTILE, "ada@example.com", HOSTILE),
        shop_name=HOSTILE,
        order_number=HOSTILE,
    )

    message = a_message(mail)

    assert "Bcc" not in received(message)
    assert [address.addr_spec for address in received(message)["To"].addresses] == ["ada@example.com"]
    assert "<script" not in html_of(message)
    assert not {"\u202e", "\u2028"} & set(text_of(message) + html_of(message))
    assert "\nBcc" not in text_of(message)
    assert "{shop}{{ 7*7 }}" in text_of(message)


def shown(header: str) -> str:
    """The text of a header, decoded word by word as in RFC 2047."""
    return str(make_header(decode_header(header)))


def name_in(header: str) -> str:
    """The name before the address in a header, without its quotes, or decoded as in `shown`."""
    phrase = header.removesuffix(">").rpartition("<")[0].removesuffix(" ")
    return re.sub(r"\\(.)", r"\1", phrase[1:-1]) if phrase.startswith('"') else shown(phrase)


# Texts that orders may have: pieces with a meaning in headers, and any characters except control characters and those
# of masked names.
NAMES = st.lists(
    st.sampled_from(
        [
            "=?utf-8?q?x=0D=0ABcc=3A_evil=40x.test=0D=0A?=",
            "=?utf-8?q?=2C_evil=40x.test?=",
            "=?iso-8859-1?b?DQpCY2M6IGV2aWxAeC50ZXN0?=",
            "=?",
            "?=",
            "Ada",
            "Größe & Söhne",
            "陽葵 🌸",
            " ",
            '"',
            "\\",
            ", evil@x.test",
            "; <evil@x.test>",
            "(comment",
            ")",
            "a group: ",
            "\u2028",
            "\u202e",
        ]
    )
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="*"), max_size=20),
    max_size=40,
).map("".join)


@given(buyer_name=NAMES, shop_name=NAMES, order_number=NAMES)
def test_every_name_arrives_as_it_is_beside_one_address(buyer_name: str, shop_name: str, order_number: str) -> None:
    buyer = Buyer(buyer_name, "ada@example.com", "en_US")
    message = a_message(a_mail(buyer=buyer, shop_name=shop_name, order_number=order_number))

    plain, structured = message_from_bytes(message.content, policy=compat32), received(message)
    headers = {name: text.replace("\r\n", "") for name, text in plain.items()}
    assert shown(headers["Subject"]) == f"{shop_name}: part of your order {order_number} was cancelled"
    assert name_in(headers["To"]) == buyer_name
    assert [address.addr_spec for address in structured["To"].addresses] == ["ada@example.com"]
    assert structured.keys() == received(a_message(a_mail())).keys()
    assert max(map(len, message.content.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Ada Buyer", "Ada Buyer"),
        ("Buyer, Ada", '"Buyer, Ada"'),
        ("Jürgen Groß", "=?utf-8?b?SsO8cmdlbiBHcm/Dnw==?="),
        ("Anna-Lena Müller von und zu Groß", "Anna-Lena =?utf-8?q?M=C3=BCller?= von und zu =?utf-8?b?R3Jvw58=?="),
        ("Dr. Jürgen Groß", "=?utf-8?b?RHIuIErDvHJnZW4gR3Jvw58=?="),
        ("=?utf-8?q?x?= Ada", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= Ada"),
        (" Ada", "=?utf-8?q?_Ada?="),
        ("Ada\u3000Lee", "=?utf-8?b?QWRh44CATGVl?="),
    ],
)
def test_a_name_has_as_few_encoded_words_as_it_can(name: str, header: str) -> None:
    message = a_message(a_mail(buyer=Buyer(name, "ada@example.com", "en_US")))

    written = message_from_bytes(message.content, policy=compat32)["To"].replace("\r\n", "")
    assert written == f"{header} <ada@example.com>"
    assert received(message)["To"].addresses[0].display_name == name


def test_the_spaces_of_names_in_other_scripts_arrive() -> None:
    buyer = "محمد بن عبد الله آل سعود، الرياض المملكة العربية السعودية"
    shop = "東京セレクトショップ株式会社 公式オンラインストア 本店"
    message = a_message(a_mail(buyer=Buyer(buyer, "buyer@example.com", "en_US"), shop_name=shop))

    plain, subject = (
        message_from_bytes(message.content, policy=compat32),
        f"{shop}: part of your order 1001 was cancelled",
    )
    assert shown(plain["Subject"]) == subject
    assert message_from_bytes(message.content, policy=default)["Subject"] == subject
    assert shown(plain["To"]) == f"{buyer} <buyer@example.com>"


@given(name=NAMES)
def test_the_shops_own_addresses_are_written_the_same_way(name: str) -> None:
    address = Address(name, "orders@shop.example")

    message = received(compose(a_mail(), sender=address, reply_to=address))

    assert [each.addr_spec for header in ("From", "Reply-To") for each in message[header].addresses] == [
        "orders@shop.example",
        "orders@shop.example",
    ]
    assert message.keys() == [
        *received(a_message(a_mail())).keys()[:1],
        "Reply-To",
        *received(a_message(a_mail())).keys()[1:],
    ]


@pytest.mark.parametrize(
    "head",
    [
        "To: ada@example.com\r\nBcc: evil@x.test",
        "To: ada@example.com\r\nTo: evil@x.test",
        "to: ada@example.com",
        "To: ada@example.com\r\n\r\nBuy now",
        "To: ada@example.com\r\nno header",
        "To: ada@example.com\nBcc: evil@x.test",
        "To: ada@example.com\rBcc: evil@x.test",
        " evil@x.test\r\nTo: ada@example.com",
        "",
    ],
)
def test_a_head_with_unexpected_headers_is_not_sent(head: str) -> None:
    with pytest.raises(AssertionError, match=r"^the message has an unexpected header$"):
        check_head(head, ["To"])


@given(st.text(max_size=500), st.text(max_size=500))
def test_no_name_changes_who_gets_the_message(buyer_name: str, shop_name: str) -> None:
    mail = a_mail(buyer=Buyer(buyer_name, "ada@example.com", "en_US"), shop_name=shop_name)

    message = received(a_message(mail))

    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.com"]
    assert message.keys() == received(a_message(a_mail())).keys()


def test_very_long_names_break_into_lines() -> None:
    mail = a_mail(a_cancelled_item("Extraordinary" * 38, variant_name=None))

    message = a_message(mail)

    assert "Extraordinary" * 38 in text_of(message)
    assert "table-layout:fixed;word-break:break-word;overflow-wrap:anywhere;" in html_of(message)


def test_a_buyer_without_a_name_is_greeted_without_one() -> None:
    mail = a_mail(buyer=Buyer("", "ada@example.com", "en_US"))

    assert "\nHello,\n" in text_of(a_message(mail))
    assert received(a_message(mail))["To"] == "ada@example.com"


@pytest.mark.parametrize(
    ("currency", "minor", "shown"),
    [("JPY", 1500, "¥1,500"), ("KWD", 12345, "KWD12.345"), ("USD", 1234050, "$12,340.50"), ("IDR", 5, "IDR0.05")],
)
def test_amounts_have_the_digits_of_iso_4217(currency: str, minor: int, shown: str) -> None:
    mail = a_mail(a_cancelled_item(subtotal=minor), currency=currency)

    assert f"Total refund: {shown}\n" in text_of(a_message(mail))


def test_tax_is_shown_but_not_added_where_prices_include_it() -> None:
    text = text_of(a_message(MAILS["whole"]))

    assert "    Price: $69.80\n    Tax included: $11.14\n    Refund for this item: $69.80\n" in text
    assert "Shipping: $5.99\nTax included in shipping: $0.96\nTotal refund: $75.79\n" in text


def test_a_discount_that_rounding_made_negative_is_added() -> None:
    item = a_cancelled_item(subtotal=100, seller_discount=-1)

    text = text_of(a_message(a_mail(item)))

    assert "Price: $1.00\n    Seller discount: $0.01\n    Refund for this item: $1.01" in text


def test_a_cancelled_order_says_so_instead_of_what_still_ships() -> None:
    text = text_of(a_message(MAILS["whole"]))

    assert "Your whole order is cancelled" in text
    assert "still" not in text


def test_it_says_so_if_everything_else_was_delivered() -> None:
    text = text_of(a_message(a_mail(remaining=())))

    assert "Everything else from this order has already been delivered." in text


def test_without_a_refund_it_says_that_nothing_was_charged() -> None:
    text = text_of(a_message(MAILS["nothing-charged"]))

    assert "Nothing was charged for these items" in text
    assert "payment method" not in text
    assert "$" not in text


def test_gifts_are_listed_as_gifts() -> None:
    message = a_message(MAILS["part"])

    assert "1 × Cotton Tote Bag [Gift]" in text_of(message)  # noqa: RUF001 - the sign that is meant
    assert ">Gift</span>" in html_of(message)


@pytest.mark.parametrize("reason", CancellationReason)
def test_each_reason_has_its_sentence(reason: CancellationReason) -> None:
    sentence = phrases("en").reasons[reason]

    assert sentence in text_of(a_message(a_mail(reason=reason)))


def test_the_mails_are_in_six_languages() -> None:
    assert frozenset({"de", "en", "es", "fr", "id", "ja"}) == LANGUAGES


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_words_for_all_reasons_and_fees(language: str) -> None:
    words = phrases(language)

    assert words.reasons.keys() == set(CancellationReason)
    assert words.labels.keys() == set(CancellationReason)
    assert words.fees.keys() == set(FeeKind)
    assert "" not in texts(words).values()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_kinds_of_fees_are_told_apart(language: str) -> None:
    fees = phrases(language).fees

    assert len(set(fees.values())) == len(fees)


@pytest.mark.parametrize(
    ("language", "fees"),
    [
        ("de", ["Versicherung", "Entfernungszuschlag", "Pfand"]),
        ("en", ["Insurance", "Distance fee", "Deposit"]),
        ("es", ["Seguro", "Cargo por distancia", "Depósito por envases"]),
        ("fr", ["Assurance", "Supplément de distance", "Consigne"]),
        ("id", ["Asuransi", "Biaya jarak", "Deposit kemasan"]),
        ("ja", ["保険料", "遠距離手数料", "容器デポジット"]),
    ],
)
def test_insurance_distance_and_deposit_have_their_words(language: str, fees: list[str]) -> None:
    kinds = ((FeeKind.INSURANCE, 199), (FeeKind.DISTANCE, 300), (FeeKind.DEPOSIT, 25))
    mail = a_mail(buyer=Buyer("Ada", "ada@example.com", language), fees=kinds)

    lines = text_of(a_message(mail)).splitlines()

    assert [fee for fee in fees for line in lines if line.startswith(fee)] == fees


def test_the_seller_chooses_from_short_labels() -> None:
    labels = phrases("en").labels

    assert labels == {
        CancellationReason.OUT_OF_STOCK: "Out of stock",
        CancellationReason.PRICING_ERROR: "Pricing error",
        CancellationReason.UNDELIVERABLE_ADDRESS: "Undeliverable address",
        CancellationReason.BUYER_REQUESTED: "Buyer requested",
        CancellationReason.OTHER: "Other",
    }


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_labels_of_the_reasons_differ(language: str) -> None:
    labels = phrases(language).labels

    assert len(set(labels.values())) == len(labels)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_names_in_each_phrase_what_english_names_there(language: str) -> None:
    assert names_in(phrases(language)) == names_in(phrases("en"))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("is_whole_order", [False, True], ids=["part", "whole"])
def test_names_that_look_like_phrases_stay_names_in_every_language(language: str, *, is_whole_order: bool) -> None:
    mail = a_mail(
        a_cancelled_item("{quantity} {0} {", variant_name=None),
        buyer=Buyer("{shop.__class__} %s", "ada@example.com", language),
        shop_name="{order!r}}",
        order_number="{buyer}",
        is_whole_order=is_whole_order,
    )

    message = a_message(mail)

    text, subject = text_of(message), received(message)["Subject"]
    assert "{order!r}}" in subject
    assert "{buyer}" in subject
    assert text.count("{order!r}}") == 2
    assert text.count("{buyer}") == 3
    assert text.count("{shop.__class__} %s") == 1
    assert text.count("{quantity} {0} {") == 1


def test_french_has_a_no_break_space_before_colons() -> None:
    colons = re.findall(".:", " ".join(texts(phrases("fr")).values()))

    assert set(colons) == {"\xa0:"}


def test_japanese_puts_the_quantity_behind_the_name_and_has_wide_colons() -> None:
    text = text_of(a_message(MAILS["gift-ja"]))

    assert "\n麦わら帽子 × 2\n" in text  # noqa: RUF001 - the sign that is meant
    assert "\nご注文番号\uff1a1001\n" in text


@pytest.mark.parametrize(
    ("locale", "written_in"),
    [
        ("en_GB", "en_GB"),
        ("de_AT", "de_AT"),
        ("fr-ca", "fr_CA"),
        ("in", "id_ID"),
        ("zh_TW", "en_US"),
        ("pl_PL", "en_US"),
        ("root", "en_US"),
        ("", "en_US"),
    ],
)
def test_other_languages_fall_back_to_english(locale: str, written_in: str) -> None:
    assert str(spoken(locale_of(locale))) == written_in


def test_the_sellers_domain_may_be_of_another_script() -> None:
    sender = parse_address("orders@bücher.example")

    message = compose(a_mail(), sender=sender, reply_to=None)

    assert message.sender == received(message)["From"] == "orders@xn--bcher-kva.example"
    assert received(message)["Message-ID"].endswith("@xn--bcher-kva.example>")


def test_the_sellers_domain_may_be_long() -> None:
    sender = Address("", "orders@" + "a-rather-long-label." * 4 + "example")

    message = received(compose(a_mail(), sender=sender, reply_to=None))

    assert message["Message-ID"] == f"<cancellation-0195a1b2c3d47e8f9a0b1c2d3e4f5a6c@{sender.domain}>"


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "ada+orders@mail.example.co.uk",
        "o'hara@example.com",
        "ada@staging.test",
        "a" * 64 + "@example.com",
    ],
)
def test_ordinary_addresses_are_usable(address: str) -> None:
    assert address_fault(address) is None


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (" ada@example.com\u3000\n", "ada@example.com"),
        ("a..b@carrier.example", '"a..b"@carrier.example'),
        ("ada.@carrier.example", '"ada."@carrier.example'),
        (".ada@carrier.example", '".ada"@carrier.example'),
        ('"a..b"@carrier.example', '"a..b"@carrier.example'),
        ('"ada"@carrier.example', "ada@carrier.example"),
        ("a..b@bücher.example", '"a..b"@xn--bcher-kva.example'),
        ("hana..123.@docomo.example", '"hana..123."@docomo.example'),
    ],
)
def test_addresses_are_written_as_every_server_takes_them(given: str, written: str) -> None:
    message = a_message(a_mail(buyer=Buyer("Ada", given, "en_US")))

    assert wire_address(given) == message.recipient == written
    assert message_from_bytes(message.content, policy=compat32)["To"] == f"Ada <{written}>"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("orders@shop.example", Address("", "orders@shop.example")),
        ("Sage, Linen & Co <orders@shop.example>", Address("Sage, Linen & Co", "orders@shop.example")),
        ("Dr. Foo Inc. <orders@shop.example>", Address("Dr. Foo Inc.", "orders@shop.example")),
        (r'"The \"best\"" <orders@shop.example>', Address('The "best"', "orders@shop.example")),
        ("=?utf-8?q?=0D=0A?= <orders@shop.example>", Address("=?utf-8?q?=0D=0A?=", "orders@shop.example")),
        ("<orders@shop.example>", Address("", "orders@shop.example")),
        ('Sage "Linen" <orders@shop.example>', Address('Sage "Linen"', "orders@shop.example")),
        ('" <orders@shop.example>', Address('"', "orders@shop.example")),
        ('"" <orders@shop.example>', Address("", "orders@shop.example")),
        ("a@", None),
        ('"', None),
        ("<", None),
        ("", None),
        ("Shop <orders@shop.example> Shop", None),
        ("Shop <a@shop.example>, Shop <b@shop.example>", None),
        ('"Sage, Linen & Co" <orders@shop.example>', Address("Sage, Linen & Co", "orders@shop.example")),
        ("Bücher <orders@bücher.example>", Address("Bücher", "orders@xn--bcher-kva.example")),
        ("orders@shop.example, other@shop.example", None),
        ("orders@shop.example\r\nBcc: evil@x.test", None),
        ("jürgen@shop.example", None),
        ("orders@localhost", None),
        ("orders", None),
    ],
)
def test_a_sender_is_one_address_that_servers_take_or_none(text: str, address: Address | None) -> None:
    if address is None:
        with pytest.raises(ValueError, match=r"^is not an address such as Shop name <orders@example\.com>$"):
            parse_address(text)
    else:
        assert parse_address(text) == address


def test_a_domain_of_other_scripts_is_written_in_ascii() -> None:
    mail = a_mail(buyer=Buyer("Ada", "ada@bücher.example", "de_DE"))

    message = a_message(mail)

    assert message.recipient == "ada@xn--bcher-kva.example"
    assert received(message)["To"] == "Ada <ada@xn--bcher-kva.example>"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "ada@localhost",
        "ada@example.invalid",
        "ada ada@example.com",
        "Ada <ada@example.com>",
        '"Ada Buyer"@example.com',
        '"ada,eve"@example.com',
        "=?utf-8?q?=2C_evil=40x.test?=@example.com",
        '"=?utf-8?q?=2C..evil=40x.test?="@example.com',
        "a" * 62 + "..@example.com",
        "ada@example.com,eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "jürgen@example.com",
        "ada@[127.0.0.1]",
        "\ud800@example.com",
        "a" * 1000 + "@example.com",
    ],
)
def test_an_invalid_address_is_unusable_and_gets_no_message(address: str) -> None:
    mail = a_mail(buyer=Buyer("Ada", address, "en_US"))

    assert address_fault(address) == "The buyer has no usable e-mail address."
    with pytest.raises(ValueError, match=r"^The buyer has no usable e-mail address\.$"):
        a_message(mail)
