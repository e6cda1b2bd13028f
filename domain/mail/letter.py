"""Writes a mail in the buyer's language: every text, in order, for the templates to lay out."""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from babel import Locale

from domain.mail.content import CancellationMail, CancelledItem, MailItem
from domain.mail.phrases import Phrases, phrases, spoken
from domain.rules import locales
from domain.rules.masks import is_masked_name
from domain.rules.order import Buyer, value

# Characters that change the direction of the text around them.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@value
class AmountRow:
    """`line` has both label and amount, for layouts without columns."""

    label: str
    amount: str
    line: str


@value
class LetterItem:
    """`amounts` run from the price to what is refunded or no longer due; empty if that is nothing."""

    quantity_and_name: str
    name: str
    variant: str | None
    image_url: str | None
    gift: str | None
    amounts: tuple[AmountRow, ...] = ()


@value
class Letter:
    """`facts` are for the buyer to quote to the seller. `amounts_total` is None if nothing is refunded or taken off.

    `subject` has the names verbatim; `document_title` is the same on one safe line, for HTML.
    """

    language: str
    subject: str
    document_title: str
    title: str
    greeting: str
    opening: str
    reason: str
    facts: tuple[str, ...]
    cancelled_heading: str
    cancelled: tuple[LetterItem, ...]
    amounts_heading: str
    amounts: tuple[AmountRow, ...]
    amounts_total: AmountRow | None
    amounts_notes: tuple[str, ...]
    remaining_heading: str
    remaining_note: str
    remaining: tuple[LetterItem, ...]
    closing: str


def letter(mail: CancellationMail) -> Letter:
    return _Writer(mail).letter()


def one_line(text: str) -> str:
    """The text on one line, without line breaks or characters that change the direction of text."""
    return text if text.isprintable() else " ".join("".join(map(_harmless, text)).split())


def _harmless(character: str) -> str:
    if character in _TURNING:
        return ""
    category = unicodedata.category(character)
    return "\ufffd" if category == "Cs" else " " if category == "Cc" else character


class _Writer:
    """Holds what every part of a letter needs: the mail, its language, and the names in its phrases."""

    def __init__(self, mail: CancellationMail) -> None:
        self._mail = mail
        self._locale = spoken(locales.locale_of(mail.buyer.locale))
        self._phrases: Phrases = phrases(self._locale.language)
        self._names = {"shop": one_line(mail.shop_name), "order": one_line(mail.order_number)}

    def letter(self) -> Letter:
        mail, words = self._mail, self._phrases
        whole = mail.is_whole_order
        subject = words.subject_whole if whole else words.subject_part
        return Letter(
            language=_language_tag(self._locale),
            subject=subject.format(shop=mail.shop_name, order=mail.order_number),
            document_title=subject.format(**self._names),
            title=words.title_whole if whole else words.title_part,
            greeting=self._greeting(mail.buyer),
            opening=(words.opening_whole if whole else words.opening_part).format(**self._names),
            reason=words.reasons[mail.reason],
            facts=(
                self._line(words.order, self._names["order"]),
                self._line(words.cancelled_at, locales.moment(mail.created_at, self._locale)),
            ),
            cancelled_heading=words.cancelled,
            cancelled=tuple(map(self._cancelled, mail.cancelled)),
            amounts_heading=self._either(words.refund, words.taken_off),
            amounts=self._sums() if mail.refund_total else (),
            amounts_total=self._total() if mail.refund_total else None,
            amounts_notes=(self._refund_note(), *self._note_on_the_door()),
            remaining_heading=words.remaining_whole if whole else words.remaining_part,
            remaining_note=self._remaining_note(),
            remaining=tuple(map(self._item, mail.remaining)),
            closing=words.closing.format(**self._names),
        )

    def _greeting(self, buyer: Buyer) -> str:
        name = one_line(buyer.name)
        if not name or is_masked_name(name):
            return self._phrases.greeting_without_name
        return self._phrases.greeting.format(buyer=name)

    def _item(self, item: MailItem) -> LetterItem:
        name = one_line(item.product_name)
        quantity = locales.number(item.quantity, self._locale)
        return LetterItem(
            quantity_and_name=self._phrases.quantity_and_name.format(quantity=quantity, name=name),
            name=name,
            variant=one_line(item.variant_name) if item.variant_name else None,
            image_url=item.image_url if item.image_url and _is_web_address(item.image_url) else None,
            gift=self._phrases.gift if item.is_gift else None,
        )

    def _cancelled(self, cancelled: CancelledItem) -> LetterItem:
        item = self._item(cancelled.item)
        return replace(item, amounts=self._amounts(cancelled)) if self._mail.refund_total else item

    def _amounts(self, cancelled: CancelledItem) -> tuple[AmountRow, ...]:
        words = self._phrases
        return (
            *self._rows_that_count(
                (words.price, cancelled.subtotal),
                (words.seller_discount, -cancelled.seller_discount),
                (words.platform_discount, -cancelled.platform_discount),
                (self._tax(words.tax_included, words.tax_on_top), cancelled.tax),
            ),
            self._row(self._either(words.item_total, words.item_taken_off), cancelled.total),
        )

    def _sums(self) -> tuple[AmountRow, ...]:
        mail, words = self._mail, self._phrases
        return (
            self._row(words.items, sum(cancelled.total for cancelled in mail.cancelled)),
            *self._rows_that_count(
                (words.shipping, mail.shipping_fee),
                (self._tax(words.shipping_tax_included, words.shipping_tax_on_top), mail.shipping_tax),
                *((words.fees[kind], fee) for kind, fee in mail.fees),
            ),
        )

    def _total(self) -> AmountRow:
        return self._row(
            self._either(self._phrases.refund_total, self._phrases.taken_off_total), self._mail.refund_total
        )

    def _refund_note(self) -> str:
        total = self._mail.refund_total
        if not total:
            return self._phrases.nothing_charged
        return self._either(self._phrases.refund_goes_to, self._phrases.not_charged).format(total=self._amount(total))

    def _note_on_the_door(self) -> tuple[str, ...]:
        due = self._mail.due_at_door
        if due is None:
            return ()
        return (self._phrases.due_at_door.format(total=self._amount(due)) if due else self._phrases.nothing_due,)

    def _remaining_note(self) -> str:
        if self._mail.is_whole_order:
            return self._phrases.remaining_nothing
        return self._phrases.remaining_items if self._mail.remaining else self._phrases.remaining_none

    def _either(self, refunded: str, taken_off: str) -> str:
        return taken_off if self._mail.is_taken_off else refunded

    def _tax(self, included: str, on_top: str) -> str:
        return included if self._mail.prices_include_tax else on_top

    def _rows_that_count(self, *rows: tuple[str, int]) -> Iterable[AmountRow]:
        return (self._row(label, minor) for label, minor in rows if minor)

    def _row(self, label: str, minor: int) -> AmountRow:
        amount = self._amount(minor)
        return AmountRow(label, amount, self._line(label, amount))

    def _line(self, label: str, text: str) -> str:
        return self._phrases.label_and_text.format(label=label, text=text)

    def _amount(self, minor: int) -> str:
        return locales.amount(minor, self._mail.currency, self._locale)


def _language_tag(locale: Locale) -> str:
    return "-".join(part for part in (locale.language, locale.script, locale.territory) if part)


def _is_web_address(url: str) -> bool:
    """True if a mail client can safely fetch it; other kinds of URLs do not belong in a mail."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and url.isprintable() and " " not in url
