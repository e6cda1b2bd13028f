"""Files of every format, valid or broken, are read order by order whatever breaks."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from domain.intake.file import UnreadableFileError, read_orders
from domain.intake.json_stream import LONGEST_PART
from domain.rules.order_input import Incoming
from tests.support.closing import SAMPLES
from tests.support.patience import PATIENCE_SECONDS
from tests.support.reading import AN_ORDER, ONE, READABLE, TWO, Files, an_order, an_order_with, read_as


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


MARKETPLACE = json.loads(SAMPLES.read_bytes())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"[{ONE},{TWO}]", id="array"),
        pytest.param(json.dumps([an_order("1"), an_order("2")], indent=4), id="array for people"),
        pytest.param(f'{{"orders":[{ONE},{TWO}]}}', id="orders"),
        pytest.param(json.dumps({"orders": [an_order("1"), an_order("2")]}, indent=2), id="orders for people"),
        pytest.param(
            f'{{"shop": {{"orders": [1]}}, "orders": [{ONE}, {TWO}], "next": null}}', id="orders among others"
        ),
        pytest.param(f"{ONE}\n{TWO}\n", id="lines"),
        pytest.param(f"{ONE}\r\n\r\n{TWO}", id="lines of another system"),
        pytest.param(f"{json.dumps(an_order('1'), indent=1)}\n{json.dumps(an_order('2'), indent=1)}", id="objects"),
        pytest.param(f"{ONE}{TWO}", id="objects without a space"),
        pytest.param(f" \n\t[\n{ONE}\n,\n{TWO}\n]\n\n", id="white space everywhere"),
        pytest.param(f"[{ONE}] [{TWO}]", id="two arrays"),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with byte order mark"])
def test_orders_are_found_in_every_form(files: Files, content: str, mark: str) -> None:
    assert [name.removeprefix("line ") for name in files.names(mark + content)] == ["1", "2"]


def test_a_single_object_is_an_order(files: Files) -> None:
    assert files.names(json.dumps(an_order("1"), indent=2)) == ["1"]


def test_the_marketplaces_response_is_recognised_by_its_form(files: Files) -> None:
    numbers = [order["id"] for order in MARKETPLACE["data"]["orders"]]

    assert files.names(json.dumps(MARKETPLACE)) == numbers
    assert files.names(json.dumps(MARKETPLACE, indent=2)) == numbers
    assert (
        files.names(json.dumps({"data": {"total": 60, "orders": MARKETPLACE["data"]["orders"], "more": False}}))
        == numbers
    )


@pytest.mark.parametrize(
    "content", ["[]", '{"orders": []}', '{"data": {"orders": []}}', '{"code": 0, "data": {"orders": [ ]}}']
)
def test_no_orders_are_orders_too(files: Files, content: str) -> None:
    assert files.read(content) == []


@pytest.mark.parametrize("name", ["orders.jsonl", "ORDERS.NDJSON"])
def test_a_suffix_marks_json_lines(files: Files, name: str) -> None:
    assert files.read("", name) == []
    assert files.names(ONE, name) == ["1"]
    assert [order.name for order in files.read(f'{{"number": "x\n{TWO}', name)] == ["line 1", "2"]


def test_a_bad_line_is_one_bad_order(files: Files) -> None:
    orders = files.read(f'{ONE}\n\n{{"number": "x\n{TWO}\n7\n"text"\nnull\n{ONE[:-1]}\n[]\n\t{TWO}\n')

    assert [(order.name, isinstance(order.content, Incoming)) for order in orders] == [
        ("1", True),
        ("line 3", False),
        ("2", True),
        ("line 5", False),
        ("line 6", False),
        ("line 7", False),
        ("line 8", False),
        ("2", True),
    ]


def test_an_endless_line_is_one_bad_order(files: Files) -> None:
    endless = f'{{"number": "{"1" * (2 * LONGEST_PART)}"}}'

    orders = files.read(f"{ONE}\n{endless}\n{TWO}\n")

    assert [(order.name, isinstance(order.content, Incoming)) for order in orders] == [
        ("1", True),
        ("line 2", False),
        ("2", True),
    ]


A_STRING = "must be a string, even if it is an amount or a number."
A_WHOLE_NUMBER = "must be a whole number."
A_TIME = 'must be a time such as "2026-03-01T09:30:00Z".'
A_STATUS = (
    "must be one of UNPAID, ON_HOLD, AWAITING_SHIPMENT, PARTIALLY_SHIPPING, AWAITING_COLLECTION, IN_TRANSIT,"
    " DELIVERED, COMPLETED, CANCELLED."
)
A_FEE = "must be one of RETAIL_DELIVERY, BUYER_SERVICE, SMALL_ORDER, HANDLING, INSURANCE, DISTANCE, DEPOSIT, OTHER."


@pytest.mark.parametrize(
    ("order", "path", "what"),
    [
        pytest.param(an_order(total=20), "total", A_STRING, id="amount as a number"),
        pytest.param(an_order(total=20.5), "total", A_STRING, id="amount as a float"),
        pytest.param(an_order() | {"number": 1001}, "number", A_STRING, id="number as a number"),
        pytest.param({**an_order_with({}), "total": None}, "total", A_STRING, id="null as amount"),
        pytest.param({k: v for k, v in AN_ORDER.items() if k != "total"}, "total", "is missing.", id="missing"),
        pytest.param(an_order_with({"quantity": True}), "items.0.quantity", A_WHOLE_NUMBER, id="true as quantity"),
        pytest.param(an_order_with({"quantity": 2.0}), "items.0.quantity", A_WHOLE_NUMBER, id="float as quantity"),
        pytest.param(an_order_with({"quantity": "2"}), "items.0.quantity", A_WHOLE_NUMBER, id="text as quantity"),
        pytest.param(an_order_with({"quantity": None}), "items.0.quantity", A_WHOLE_NUMBER, id="null as quantity"),
        pytest.param(an_order_with({"isGift": "yes"}), "items.0.isGift", "must be true or false.", id="yes as flag"),
        pytest.param(an_order_with({"tax": 1}), "items.0.tax", A_STRING, id="tax as a number"),
        pytest.param(an_order(items={}), "items", "must be an array.", id="object of items"),
        pytest.param(an_order(buyer=None), "buyer", "must be an object.", id="no buyer"),
        pytest.param(an_order(buyer=["Ada"]), "buyer", "must be an object.", id="list of buyers"),
        pytest.param(an_order(status="SHIPPED"), "status", A_STATUS, id="unknown status"),
        pytest.param(an_order(fees=[{"kind": [], "amount": "1"}]), "fees.0.kind", A_FEE, id="list as kind"),
        pytest.param(an_order(placedAt=1772357400), "placedAt", A_TIME, id="Unix time"),
        pytest.param(an_order(placedAt="1772357400"), "placedAt", A_TIME, id="Unix time as text"),
        pytest.param(an_order(paidAt="yesterday"), "paidAt", A_TIME, id="yesterday"),
    ],
)
def test_each_mistake_has_its_place_and_a_sentence(files: Files, order: object, path: str, what: str) -> None:
    assert files.problem(order) == ("1001", path, f"{path} {what}")


@pytest.mark.parametrize(
    ("order", "message"),
    [
        pytest.param(17, "The order must be an object.", id="number"),
        pytest.param([], "The order must be an object.", id="list"),
        pytest.param(
            "\ud800", "The order cannot be read: unexpected end of hex escape at line 1 column 8.", id="half a pair"
        ),
    ],
)
def test_anything_but_an_order_is_named_by_its_place(files: Files, order: object, message: str) -> None:
    assert files.problem(order) == ("order 2", "", message)


@pytest.mark.parametrize("number", [None, "", "1\x1b[2J", "\u202e1", "\ud800", "1" * 101])
def test_a_number_that_cannot_be_shown_gives_way_to_the_place(files: Files, number: object) -> None:
    [order] = files.read(json.dumps([an_order() | {"number": number, "total": 1}]))

    assert order.name == "order 1"


def test_all_mistakes_are_reported_at_once(files: Files) -> None:
    [order] = files.read(json.dumps([an_order(total=1, shippingFee=0.5, items=[{"ref": "a"}])]))

    assert isinstance(order.content, tuple)
    assert [".".join(problem.path) for problem in order.content] == [
        "items.0.sku",
        "items.0.productId",
        "items.0.productName",
        "items.0.quantity",
        "items.0.subtotal",
        "shippingFee",
        "total",
    ]


def test_keys_are_spelled_as_in_the_schema(files: Files) -> None:
    order = an_order() | {"prices_include_tax": True}
    del order["pricesIncludeTax"]

    assert files.problem(order) == ("1001", "pricesIncludeTax", "pricesIncludeTax is missing.")


def test_unknown_keys_are_ignored_and_the_last_of_equal_keys_counts(files: Files) -> None:
    twice = '{"number": "0", "later": {"deep": [[1e999, NaN]]}, ' + ONE[1:]

    assert files.names(f"[{twice}]") == ["1"]


def test_problems_of_a_marketplaces_order_use_its_own_names(files: Files) -> None:
    order = MARKETPLACE["data"]["orders"][0]
    wrong = [
        order | {"id": 5764, "is_cod": "maybe"},
        order | {"line_items": {}, "recipient_address": "Ada"},
        order | {"payment": order["payment"] | {"tax": "much"}},
    ]

    orders = files.read(json.dumps({"data": {"orders": wrong}}))

    assert [
        (order.name, [problem.message for problem in order.content])
        for order in orders
        if isinstance(order.content, tuple)
    ] == [
        ("5764", ["is_cod must be true or false."]),
        ("57640007880000000", ["recipient_address must be an object.", "line_items must be an array."]),
        ("57640007880000000", ['payment.tax must be a decimal number such as "12.50".']),
    ]


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(ONE.replace('"S-1"', '"\\ud800"'), id="half a surrogate pair"),
        pytest.param(ONE.replace('"S-1"', '"\\udc00x"'), id="the other half"),
        pytest.param(ONE.encode().replace(b"S-1", b"\xff"), id="no UTF-8"),
        pytest.param(ONE.encode().replace(b"S-1", b"\xed\xa0\x80"), id="surrogate in UTF-8"),
        pytest.param(ONE.replace('"quantity": 2', f'"quantity": {"2" * 5000}'), id="endless quantity"),
        pytest.param(ONE.replace('"quantity": 2', f'"quantity": 2, "more": {"2" * 5000}'), id="endless number"),
        pytest.param(ONE.replace('"S-1"', f'"S-1", "more": {"[" * 500}{"]" * 500}'), id="deep"),
        pytest.param(ONE.replace('"quantity": 2', '"quantity": NaN'), id="NaN"),
        pytest.param(ONE.replace('"quantity": 2', '"quantity": 1e400'), id="infinite"),
    ],
)
@pytest.mark.parametrize(
    ("before", "between", "after"),
    [(b"[", b",", b"]"), (b"", b"\n", b"")],
    ids=["array", "lines"],
)
def test_text_that_no_database_can_store_is_one_bad_order(
    files: Files, order: str | bytes, before: bytes, between: bytes, after: bytes
) -> None:
    given = order.encode() if isinstance(order, str) else order

    orders = files.read(before + between.join([TWO.encode(), given, TWO.encode()]) + after)

    assert [(order.name, isinstance(order.content, Incoming)) for order in orders] == [
        ("2", True),
        ("1", False),
        ("2", True),
    ]


def test_lines_after_a_first_one_that_is_broken_are_read(files: Files) -> None:
    orders = files.read(f"{ONE[:30]}\n{TWO}\n".encode())

    assert [(order.name, isinstance(order.content, Incoming)) for order in orders] == [("line 1", False), ("2", True)]


AFTER = len(ONE)


@pytest.mark.parametrize(
    ("content", "names", "what", "place"),
    [
        pytest.param("[", [], "it ends too early", (1, 2), id="opened only"),
        pytest.param(f"[{ONE}", ["1"], "it ends too early", (1, AFTER + 2), id="without end"),
        pytest.param(f"[{ONE},\n", ["1"], "it ends too early", (2, 1), id="ends after a comma"),
        pytest.param(f'[{ONE},\n{{"number":', ["1"], "it ends too early", (2, 11), id="ends after a colon"),
        pytest.param(f'[{ONE},\n{{"a": "1', ["1"], "unterminated string starting", (2, 7), id="ends in a text"),
        pytest.param(f'[{ONE},\n{{"a": tru', ["1"], "expecting value", (2, 7), id="ends in a word"),
        pytest.param(f"[{ONE},]", ["1"], "expecting value", (1, AFTER + 3), id="comma before the end"),
        pytest.param(f"[{ONE}\n{TWO}]", ["1"], ", or ] is missing", (2, 1), id="no comma"),
        pytest.param(f"[{ONE}]}}", ["1"], "[ or { is missing", (1, AFTER + 3), id="more after the end"),
        pytest.param(f'{{"orders": [{ONE}], 7: 1}}', ["1"], '" is missing', (1, AFTER + 16), id="key is no text"),
        pytest.param(f'{{"orders": [{ONE}]', ["1"], "it ends too early", (1, AFTER + 14), id="object without end"),
        pytest.param(
            f"[{ONE}, {{'number': 1}}]",
            ["1"],
            '" is missing',
            (1, AFTER + 5),
            id="other quotes",
        ),
        pytest.param(
            f"[{ONE}, {'[' * 100_000}", ["1"], "brackets are nested too deeply", (1, AFTER + 4), id="too deep"
        ),
        pytest.param(f'[{ONE}, "\x01"]', ["1"], "invalid control character", (1, AFTER + 5), id="control character"),
    ],
)
def test_orders_before_broken_json_have_been_read(
    files: Files, content: str | bytes, names: list[str], what: str, place: tuple[int, int]
) -> None:
    line, column = place

    assert files.broken(content) == (names, f"is not JSON: {what} at line {line}, column {column}.")


def test_an_error_is_located_in_a_file_of_any_size(files: Files) -> None:
    content = json.dumps([an_order(str(number)) for number in range(3000)], indent=1)
    lines = content.count("\n") + 1

    names, message = files.broken(content.removesuffix("]") + ",\n\n  x]")

    assert len(names) == 3000
    assert message == f"is not JSON: expecting value at line {lines + 2}, column 3."


def test_reading_gives_up_on_an_endless_value(files: Files) -> None:
    names, message = files.broken(f'[{ONE}, "{"x" * (2 * LONGEST_PART)}"]')

    assert (names, message) == (
        ["1"],
        f"is not JSON: a value is longer than {LONGEST_PART:,} characters at line 1, column {len(ONE) + 4}.",
    )


def test_a_file_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"

    with pytest.raises(UnreadableFileError, match=r"cannot be read: No such file or directory\.$"):
        list(read_orders(path))


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot be read: Is a directory\.$"):
        list(read_orders(tmp_path))


def test_an_order_of_the_largest_size_is_read_whole(files: Files) -> None:
    item = AN_ORDER["items"][0] | {"productName": "\U0001f381" * 500}
    order = an_order(items=[item | {"ref": str(number)} for number in range(500)])

    assert files.names(json.dumps([order, an_order("2")])) == ["1001", "2"]
    assert files.names(json.dumps(order) + "\n" + TWO) == ["1001", "2"]


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = Thread(target=pipe.write_text, args=(f"{ONE}\n{TWO}\n",))
    writing.start()

    names = [read_as(order).name for order in read_orders(pipe)]

    writing.join()
    assert names == ["1", "2"]


@contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    kept, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, content)
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    yield
    os.dup2(kept, 0)
    os.close(kept)


def test_standard_input_is_read_as_a_file_is_and_left_open() -> None:
    with standard_input(f"{ONE}\n{TWO}".encode()):
        names = [read_as(order).name for order in read_orders(Path("-"))]
        os.fstat(0)

    assert names == ["1", "2"]


def test_nothing_on_standard_input_is_said_so() -> None:
    with standard_input(b""), pytest.raises(UnreadableFileError) as caught:
        list(read_orders(Path("-")))

    assert str(caught.value) == f"Standard input is empty; {READABLE}"


@contextmanager
def piece_by_piece(*pieces: str, is_told_at_end: bool = False) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """A pipe and its stop check, which writes the next piece before each read, and finally closes the pipe."""
    reading, writing = os.pipe()
    left = iter(pieces)

    def is_stopped() -> bool:
        piece = next(left, None)
        if piece is not None:
            writer.write(piece.encode())
            return False
        if not is_told_at_end:
            writer.close()
        return is_told_at_end

    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0) as writer:
        yield Path(f"/dev/fd/{reading}"), is_stopped


def test_the_first_bytes_in_a_pipe_do_not_decide_its_format() -> None:
    with piece_by_piece(ONE[:20], f"{ONE[20:]}\n", "{broken\n", f"{TWO}\n") as (path, is_stopped):
        orders = list(map(read_as, read_orders(path, is_stopped=is_stopped)))

    assert [(order.name, isinstance(order.content, Incoming)) for order in orders] == [
        ("1", True),
        ("line 2", False),
        ("2", True),
    ]


def test_lines_of_a_pipe_are_read_as_they_come_after_the_first_look() -> None:
    """A reader that waited for a full buffer would lose everything received when it is stopped."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 2**20)

    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0) as writer:
        orders = map(read_as, read_orders(Path(f"/dev/fd/{reading}"), is_stopped=lambda: time.monotonic() > deadline))
        writer.write(f"{ONE}\n{TWO}\n".encode().ljust(size, b"\n"))
        names = [next(orders).name, next(orders).name]
        for line in (ONE, TWO):
            writer.write(f"{line}\n".encode())
            names.append(next(orders).name)

    assert names == ["1", "2", "1", "2"]


def test_a_reader_that_waits_for_a_pipe_can_be_stopped() -> None:
    with piece_by_piece(f"{ONE}\n", "", f"{TWO}\n", is_told_at_end=True) as (path, is_stopped):
        orders = list(map(read_as, read_orders(path, is_stopped=is_stopped)))

    assert [order.name for order in orders] == ["1", "2"]


def test_progress_counts_blank_and_long_lines(files: Files) -> None:
    long = json.dumps(an_order("1", note="x" * 600_000))

    orders = files.read(f"{ONE}\n\n \n{long}\n[{ONE}]\n{TWO}")

    ends = [len(ONE) + 1, len(ONE) + len(long) + 5, 2 * len(ONE) + len(long) + 8]
    assert [order.bytes_read for order in orders] == [*ends, ends[-1] + len(TWO)]


@pytest.mark.parametrize("table", ["number;total\n1;2\n", "number;total"])
def test_a_table_is_none_of_lines_whatever_its_name(files: Files, table: str) -> None:
    path = files.of(table, "orders.jsonl")

    assert files.unreadable(path) == (
        [],
        f'{path} holds text that is not JSON and begins with "number;total"; {READABLE}',
    )


def test_progress_is_reported_in_bytes(files: Files) -> None:
    lines = files.read(f"{ONE}\n{TWO}\n")
    document = files.read(f"[{ONE},{TWO}]")

    assert [order.bytes_read for order in lines] == [len(ONE.encode()) + 1, len((ONE + TWO).encode()) + 2]
    assert document[-1].bytes_read == len(f"[{ONE},{TWO}]".encode())
