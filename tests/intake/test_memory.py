"""Memory does not grow with a file, whatever its shape and its values."""

import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path

import pytest

from domain.intake.file import UnreadableFileError, read_orders
from tests.support.closing import SAMPLES
from tests.support.reading import an_order

ORDER = json.dumps(json.loads(SAMPLES.read_bytes())["data"]["orders"][0])
START, END = '{"code": 0, "data": {"orders": [', "]}}"
ANSWER = f"{START}{ORDER},{ORDER}{END}"
Pieces = Iterable[str]


def joined(pieces: Pieces, between: str) -> Iterator[str]:
    """The pieces, and `between` between them."""
    return chain.from_iterable((between if index else "", piece) for index, piece in enumerate(pieces))


def array(count: int) -> Pieces:
    return chain("[", joined(repeat(ORDER, count), ","), "]")


def orders(count: int) -> Pieces:
    return chain(['{"orders": ['], joined(repeat(ORDER, count), ",\n"), "]}")


def answer(count: int) -> Pieces:
    return chain([START], joined(repeat(ORDER, count), ","), [END])


def answer_with_its_code_last(count: int) -> Pieces:
    return chain(['{"data": {"orders": ['], joined(repeat(ORDER, count), ","), ['], "total_count": 2}, "code": 0}'])


def array_of_answers(count: int) -> Pieces:
    return chain("[", joined(repeat(ANSWER, count // 2), ","), "]")


def array_of_long_answers(count: int) -> Pieces:
    return chain("[", answer(count // 2), ",", answer(count // 2), "]")


def lines(count: int) -> Pieces:
    return joined(repeat(ORDER, count), "\n")


def lines_of_answers(count: int) -> Pieces:
    return joined(repeat(ANSWER, count // 2), "\n\n")


def long_lines(count: int) -> Pieces:
    return chain(answer(1), "\n", answer(count - 1))


def long_lines_of_arrays(count: int) -> Pieces:
    return chain(array(1), "\n", array(count - 1))


def documents(count: int) -> Pieces:
    return joined(repeat(json.dumps(json.loads(ORDER), indent=1), count), "\n")


def orders_with_braces(count: int) -> Pieces:
    return chain(
        "[", joined((json.dumps(an_order(f"{number}}}", note="}{" * 1_300)) for number in range(count)), ","), "]"
    )


def orders_between_errors(count: int) -> Pieces:
    failed = json.dumps({"code": 7, "message": "x" * 400})
    return joined(chain.from_iterable(repeat((failed, ORDER), count)), "\n")


def orders_between_members(count: int) -> Pieces:
    """Of each object with orders, the other members take up as much."""
    members = ",".join(f'"{number}": "{"x" * 900}"' for number in range(4))
    return joined(repeat(f'{{{members}, "orders": [{ORDER}], {members}}}', count), "\n")


def orders_before_members(count: int) -> Pieces:
    members = (f'"{number}": "{"x" * 900}"' for number in range(4 * count))
    return chain([f'{{"orders": [{ORDER}], '], joined(members, ","), "}", array(count - 1))


def written(path: Path, pieces: Pieces, encoding: str) -> Path:
    with path.open("w", encoding=encoding) as file:
        file.writelines(pieces)
    return path


def counted(path: Path) -> tuple[int, int]:
    """The number of orders, and the peak of the memory in use."""
    tracemalloc.start()
    count = 0
    with suppress(UnreadableFileError):  # of errors between the orders
        for _ in read_orders(path):
            count += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return count, peak


IN_UTF_8 = (
    array,
    orders,
    answer,
    answer_with_its_code_last,
    array_of_answers,
    array_of_long_answers,
    lines,
    lines_of_answers,
    long_lines,
    long_lines_of_arrays,
    documents,
    orders_with_braces,
    orders_between_errors,
    orders_between_members,
    orders_before_members,
)
SHAPES = [pytest.param(shape, "utf-8", id=shape.__name__) for shape in IN_UTF_8]
SHAPES += [pytest.param(shape, "utf-16", id=f"{shape.__name__}_in_utf_16") for shape in (answer, lines, long_lines)]


@pytest.mark.parametrize(("shape", "encoding"), SHAPES)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, shape: Callable[[int], Pieces], encoding: str) -> None:
    small, large = (written(tmp_path / f"{count}.json", shape(count), encoding) for count in (1_000, 3_000))

    (few, low), (many, high) = counted(small), counted(large)

    assert (few, many) == (1_000, 3_000)
    assert large.stat().st_size > 8_000_000
    assert high < low + 2**18
    assert high < 8 * 2**20
