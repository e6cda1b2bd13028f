"""A document is split into the same parts however its chunks arrive."""

import json
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.intake.json_stream import DocumentError, JsonStream

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\[]{},:\n'), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
documents = st.lists(values, max_size=5)
spellings = st.fixed_dictionaries({"indent": st.sampled_from([None, 0, 3, 40]), "ensure_ascii": st.booleans()})


class Trickle(BytesIO):
    """Returns a few bytes at a time, like a slow pipe."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))


@given(document=documents, spelling=spellings, step=st.integers(1, 40))
def test_an_array_is_split_into_its_elements(document: list[object], spelling: dict[str, int], step: int) -> None:
    stream = JsonStream(Trickle(json.dumps(document, **spelling).encode(), step))  # type: ignore[arg-type]  # as drawn

    parts = list(stream.elements())

    assert [json.loads(part) for part in parts] == document
    assert stream.peek() == ""


@given(document=st.dictionaries(texts, values, max_size=5), spelling=spellings, step=st.integers(1, 40))
def test_an_object_is_split_into_its_members(document: dict[str, object], spelling: dict[str, int], step: int) -> None:
    stream = JsonStream(Trickle(json.dumps(document, **spelling).encode(), step))  # type: ignore[arg-type]  # as drawn

    members = {key: json.loads(stream.part()) for key in stream.members()}

    assert members == document
    assert stream.peek() == ""


# Half a number is still a number; half of anything else is invalid.
unmistakable = values.filter(lambda value: not isinstance(value, int | float) or isinstance(value, bool))


@given(document=st.lists(unmistakable, min_size=1, max_size=5), step=st.integers(1, 40), data=st.data())
def test_a_document_without_its_end_is_broken_wherever_it_ends(
    document: list[object], step: int, data: st.DataObject
) -> None:
    content = json.dumps(document).encode()
    end = data.draw(st.integers(0, len(content) - 1))
    stream = JsonStream(Trickle(content[:end], step))

    parts: list[object] = []
    with pytest.raises(DocumentError, match=r"^is not JSON: "):
        parts.extend(json.loads(part) for part in stream.elements())

    assert parts == document[: len(parts)]


@given(content=st.binary(max_size=60), step=st.integers(1, 40))
def test_anything_at_all_is_an_array_or_broken(content: bytes, step: int) -> None:
    stream = JsonStream(Trickle(b"[" + content, step))

    parts: list[bytes] = []
    with suppress(DocumentError):
        parts.extend(stream.elements())

    assert all(part in content for part in parts)


def test_an_error_is_located_at_the_first_unexpected_character() -> None:
    stream = JsonStream(Trickle(b'[1,\n  {"a":\n 2},\n\n   }', 3))

    with pytest.raises(DocumentError, match=r"^is not JSON: expecting value at line 5, column 4$"):
        list(stream.elements())


def test_letters_count_once_whatever_their_bytes() -> None:
    stream = JsonStream(Trickle('["äöü🎁" 1]'.encode(), 3))

    with pytest.raises(DocumentError, match=r"^is not JSON: , or \] is missing at line 1, column 9$"):
        list(stream.elements())


def test_bytes_that_are_not_text_pass_through() -> None:
    stream = JsonStream(Trickle(b'["\xff\xed\xa0\x80", "\\ud800"]', 2))

    assert list(stream.elements()) == [b'"\xff\xed\xa0\x80"', b'"\\ud800"']


def test_numbers_of_any_length_pass_through() -> None:
    number = b"7" * 10_000

    assert list(JsonStream(BytesIO(b"[" + number + b"]")).elements()) == [number]
