"""Cursors are valid only for the shop and the list that issued them."""

import base64
from itertools import pairwise

import pytest

from domain.rules import cursor
from domain.rules.cursor import InvalidCursorError
from domain.rules.order import Shop
from domain.rules.vocabulary import ShippingRefundPolicy
from domain.storage import events
from tests.support.in_id import in_id

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def is_refused(text: str, *, key: bytes = KEY, kind: str = "EVENT") -> bool:
    try:
        cursor.position(key, kind, text)
    except InvalidCursorError:
        return True
    return False


@pytest.mark.parametrize("position", ["0", "17", "9" * 30, "", "0195a1b2 2026-03-01T09:30:00+00:00", "é"])
def test_a_cursor_gives_its_position_back(position: str) -> None:
    text = cursor.sign(KEY, "EVENT", position)

    assert cursor.position(KEY, "EVENT", text) == position
    assert text.replace("-", "").replace("_", "").isalnum()
    assert not is_refused(text)


def test_another_shop_cannot_use_it() -> None:
    text = cursor.sign(KEY, "EVENT", "17")

    assert is_refused(text, key=OTHER_KEY)


def test_another_list_cannot_use_it() -> None:
    text = cursor.sign(KEY, "SHIP_BY", "17")

    assert is_refused(text, kind="PLACED_AT")


@pytest.mark.parametrize(
    "text",
    ["", " ", "17", "=", "====", "A", "AAAA", "A" * 16, "A" * 17, "é", "\0", "\ud800", "A" * 100_000],
    ids=in_id,
)
def test_an_unsigned_text_is_refused(text: str) -> None:
    assert is_refused(text)


@pytest.mark.parametrize("position", ["7", "17", "170"])
def test_changing_any_character_is_refused(position: str) -> None:
    text = cursor.sign(KEY, "EVENT", position)
    forged = {
        text[:index] + letter + text[index + 1 :] for index in range(len(text)) for letter in f"{ALPHABET}+/= é"
    } - {text}

    assert [each for each in sorted(forged) if not is_refused(each)] == []


@pytest.mark.parametrize("position", ["7", "17", "170"])
def test_a_longer_or_shorter_text_is_refused(position: str) -> None:
    text = cursor.sign(KEY, "EVENT", position)
    padded = base64.urlsafe_b64encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).decode()
    others = {text + "=", text + "A", text + "\n", " " + text, text[1:], *(text[:end] for end in range(len(text)))}

    assert [each for each in sorted(others | {padded} - {text}) if not is_refused(each)] == []


def test_signatures_of_cursors_all_differ() -> None:
    texts = [cursor.sign(KEY, "EVENT", str(number)) for number in range(200)]

    assert len(set(texts)) == 200
    assert all(one[:16] != other[:16] for one, other in pairwise(texts))


def test_the_cursor_of_an_event_holds_its_number_for_its_shop_alone() -> None:
    shop = Shop("demo", "Demo Shop", ShippingRefundPolicy.NEVER, KEY)
    other_shop = Shop("other", "Other Shop", ShippingRefundPolicy.NEVER, OTHER_KEY)

    text = events.cursor_of(shop, 12_345)

    assert events.number_of(shop, text) == 12_345
    with pytest.raises(InvalidCursorError):
        events.number_of(other_shop, text)
