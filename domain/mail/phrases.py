"""Translations for mails and cancellation reasons, one file per language."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated

from babel import Locale
from pydantic import ConfigDict, TypeAdapter, with_config

from domain.rules.by_name import ByName
from domain.rules.locales import DEFAULT_LOCALE
from domain.rules.order import value
from domain.rules.vocabulary import CancellationReason, FeeKind

_TRANSLATIONS = files("domain.mail") / "translations"
LANGUAGES = frozenset(file.name.removesuffix(".toml") for file in _TRANSLATIONS.iterdir())


@with_config(ConfigDict(extra="forbid"))
@value
class Phrases:
    """`part` is for a cancellation that leaves live units in the order, `whole` for one that leaves none.

    `taken_off` stands in place of `refund` where nothing had been paid.
    `reasons` are sentences for the buyer; `labels` are short, for the seller to choose from.
    """

    subject_part: str
    subject_whole: str
    title_part: str
    title_whole: str
    greeting: str
    greeting_without_name: str
    opening_part: str
    opening_whole: str
    order: str
    cancelled_at: str
    label_and_text: str
    quantity_and_name: str
    gift: str
    cancelled: str
    price: str
    seller_discount: str
    platform_discount: str
    tax_on_top: str
    tax_included: str
    item_total: str
    item_taken_off: str
    refund: str
    items: str
    shipping: str
    shipping_tax_on_top: str
    shipping_tax_included: str
    refund_total: str
    refund_goes_to: str
    nothing_charged: str
    taken_off: str
    taken_off_total: str
    not_charged: str
    due_at_door: str
    nothing_due: str
    remaining_part: str
    remaining_whole: str
    remaining_items: str
    remaining_none: str
    remaining_nothing: str
    closing: str
    reasons: dict[Annotated[CancellationReason, ByName], str]
    labels: dict[Annotated[CancellationReason, ByName], str]
    fees: dict[Annotated[FeeKind, ByName], str]


def spoken(locale: Locale) -> Locale:
    """The locale to write in: this one, or en_US if its language is not translated."""
    return locale if locale.language in LANGUAGES else DEFAULT_LOCALE


@cache
def phrases(language: str) -> Phrases:
    """The phrases in one of LANGUAGES."""
    text = (_TRANSLATIONS / f"{language}.toml").read_text(encoding="utf-8")
    return TypeAdapter(Phrases).validate_python(tomllib.loads(text))
