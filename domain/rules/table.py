"""Tables with a row for every member of an enum."""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

Word = TypeVar("Word", bound=Enum)
Row = TypeVar("Row")


def table(words: type[Word]) -> Callable[[Callable[[Word], Row]], dict[Word, Row]]:
    """Turns a function of a member into a dict of all members.

    If the function ends a `match` with `assert_never`, a missing member is a type error.
    """
    return lambda row: {word: row(word) for word in words}
