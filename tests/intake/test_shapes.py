"""Orders are found in whatever they are wrapped in, and what is no file of orders is said in one sentence."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from domain.intake.file import UnreadableFileError, read_orders
from domain.intake.json_stream import LONGEST_PART
from domain.intake.shapes import are_lines
from domain.rules.order_input import Incoming
from tests.support.closing import SAMPLES
from tests.support.reading import ONE, READABLE, TWO, Files, an_order


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


ORDERS = json.loads(SAMPLES.read_bytes())["data"]["orders"][:2]
NUMBERS = ["57640007880000000", "57640007880000001"]
PAGE = {"next_page_token": "a", "total_count": 2, "orders": ORDERS}
ANSWER = {"code": 0, "message": "Success", "request_id": "2", "data": PAGE}
EACH = [{"code": 0, "data": {"orders": [order]}} for order in ORDERS]
FAILED = {"code": 105002, "message": "Expired credentials.", "request_id": "0"}
EXPIRED = "the marketplace answered with code 105002: Expired credentials."


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param(ORDERS, id="orders"),
        pytest.param([ORDERS], id="array"),
        pytest.param([{"orders": ORDERS}], id="object"),
        pytest.param([PAGE], id="data alone"),
        pytest.param([ANSWER], id="answer"),
        pytest.param([{"data": {"orders": ORDERS}, "code": "0"}], id="code as text after the data"),
        pytest.param([[ANSWER]], id="array of an answer"),
        pytest.param([EACH], id="array of answers"),
        pytest.param(EACH, id="answers"),
        pytest.param([[order] for order in ORDERS], id="arrays"),
        pytest.param([[EACH[0], ORDERS[1]]], id="an answer and an order"),
    ],
)
@pytest.mark.parametrize(
    ("indent", "between"),
    [(None, "\n"), (None, "\r\n\n \n"), (None, ""), (1, "\n")],
    ids=["lines", "far", "near", "tall"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_marketplaces_orders_are_found_in_every_shape(
    files: Files, documents: list[object], indent: int | None, between: str, encoding: str
) -> None:
    text = between.join(json.dumps(document, indent=indent) for document in documents)

    assert files.names(text.encode(encoding)) == NUMBERS


@pytest.mark.parametrize("order", list(permutations(ANSWER)), ids=" ".join)
def test_an_answers_members_come_in_any_order(files: Files, order: tuple[str, ...]) -> None:
    assert files.names(json.dumps({name: ANSWER[name] for name in order})) == NUMBERS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_both_kinds_of_utf_16_are_read_by_their_mark(files: Files, encoding: str) -> None:
    order = json.dumps(an_order("1"), ensure_ascii=False)

    orders = files.read(f"\ufeff{order}\n{TWO}".encode(encoding))

    assert [order.name for order in orders] == ["1", "2"]
    assert [order.content.order.buyer.name for order in orders if isinstance(order.content, Incoming)] == [
        "Ada Büyer 🎁",
        "Ada Büyer 🎁",
    ]
    assert [order.bytes_read for order in orders] == [2 * len(order) + 2 * len(TWO) + 6] * 2


def test_half_a_character_spoils_its_order_alone(files: Files) -> None:
    bad = json.dumps(an_order("1", total="\ud83c"), ensure_ascii=False)

    orders = files.read(f"\ufeff{TWO}\n{bad}\n{TWO}".encode("utf-16-le", "surrogatepass") + b"\n")

    assert [isinstance(order.content, Incoming) for order in orders] == [True, False, True]


def test_an_order_is_its_exact_bytes(files: Files) -> None:
    order = json.dumps(an_order("1"), indent=3, ensure_ascii=False)
    wrapper = json.dumps(an_order("1", orders=None, data={"total": 1}))
    path = files.of(f" [ {order},\n{wrapper} ]\n{order}")

    assert [each.part.decode() for each in read_orders(path)] == [order, wrapper, order]
    assert [each.place for each in read_orders(path)] == ["order 1", "order 2", "order 3"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(b'{"a": 1}\n{"b": 2}', (True, True), id="objects"),
        pytest.param(b'\n {"a": 1} \r\n\n [1]', (True, True), id="blank lines"),
        pytest.param(b'[1]\n{"b"', (True, True), id="array and a cut object"),
        pytest.param(b'{"a": 1}', (False, True), id="one line"),
        pytest.param(b'{"a": 1}\n', (False, True), id="one line with its end"),
        pytest.param(b'{"a": 1}\nb', (False, True), id="object and a word"),
        pytest.param(b'{"a": 1', (False, True), id="cut line"),
        pytest.param(b'{"a": 1\n{"b": 2}', (True, True), id="broken line before another"),
        pytest.param(b'{"a":\n{"b": 2}}', (False, True), id="name before its object"),
        pytest.param(b'{"a": [\n{"b": 2}]}', (False, True), id="array that is opened in an object"),
        pytest.param(b'{"a": [1,\n[2]]}', (False, True), id="array that goes on in an object"),
        pytest.param(b'[{"a": 1}\n{"b": 2}]', (False, True), id="array without a comma"),
        pytest.param(b"a;b\n{}", (False, True), id="table"),
        pytest.param(b"}\n{}", (False, True), id="end of an object"),
        pytest.param(b'{\n"a": 1}', (False, False), id="object on several lines"),
        pytest.param(b'[ \n{"a": 1}]', (False, False), id="array on several lines"),
        pytest.param(b'{"a": 1,\n"b": 2}', (False, False), id="object that goes on"),
        pytest.param(b"[", (False, False), id="bracket"),
        pytest.param(b"[1,\n", (False, False), id="array to go on"),
    ],
)
def test_lines_are_told_from_a_document_by_where_values_end(head: bytes, expected: tuple[bool, bool]) -> None:
    assert (are_lines(head, is_named_so=False), are_lines(head, is_named_so=True)) == expected


def test_orders_of_json_lines_are_named_by_their_line(files: Files) -> None:
    path = files.of(f'{ONE}\n\n[{ONE},{TWO}]\n{{"orders": [{ONE}, 7]}}\n17\n{TWO}')

    assert [each.place for each in read_orders(path)] == [
        "line 1",
        "line 3, order 1",
        "line 3, order 2",
        "line 4, order 1",
        "line 4, order 2",
        "line 5",
        "line 6",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        " [ ] ",
        "[]\n[]",
        '{"orders": []}',
        '{"orders": null}',
        '{"total_count": 0}',
        '{"next_page_token": "", "total_count": "0"}',
        '{"data": {"orders": []}}',
        '{"data": {"orders": null}, "code": 0}',
        '{"code": 0, "message": "Success", "data": {"orders": null, "total_count": 0}}',
        '{"code": 0, "data": {"total_count": 0, "next_page_token": ""}}',
        '{"code": 0, "data": {}}',
        '{"code": "0.0", "data": null}',
        '{"code": 0e5, "data": null}',
        '{"code": 0, "message": "Success"}',
        '{"code": 0}',
        '[{"code": 0, "data": null}, {"orders": null}]',
    ],
)
def test_no_orders_are_orders_too(files: Files, content: str) -> None:
    assert files.read(content) == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(FAILED, EXPIRED, id="as it comes"),
        pytest.param({"data": None, "message": "Expired credentials.", "code": "105002"}, EXPIRED, id="code as text"),
        pytest.param({"code": -1, "data": {}}, "the marketplace answered with code -1: no message.", id="no message"),
        pytest.param({"code": 7}, "the marketplace answered with code 7: no message.", id="nothing else"),
        pytest.param(
            {"code": 7, "message": "a\x1b[2J\n\ud800b"},
            "the marketplace answered with code 7: a [2J  b.",
            id="message that cannot be shown",
        ),
        pytest.param({"code": 7, "message": "Why?"}, "the marketplace answered with code 7: Why?", id="question"),
        pytest.param({"code": 7, "message": "No!"}, "the marketplace answered with code 7: No!", id="exclamation"),
        pytest.param(
            {"code": "InvalidParam", "message": "Bad token.", "data": {"orders": None}},
            "the marketplace answered with code InvalidParam: Bad token.",
            id="code of words",
        ),
        pytest.param(
            {"code": "A\n1", "data": {"orders": []}},
            "the marketplace answered with code A 1: no message.",
            id="line end",
        ),
        pytest.param(
            {"code": "Denied", "message": "No access.", "data": None},
            "the marketplace answered with code Denied: No access.",
            id="code of words without a list",
        ),
        pytest.param(
            {"code": 105002.5, "data": {"x": 1}},
            "the marketplace answered with code 105002.5: no message.",
            id="decimals",
        ),
        pytest.param({"code": 1000, "message": "a"}, "the marketplace answered with code 1000: a.", id="round code"),
        pytest.param(
            {"code": 7, "message": "x" * 500}, f"the marketplace answered with code 7: {'x' * 500}.", id="full message"
        ),
        pytest.param(
            {"code": 7, "message": "x" * 65_534},
            f"the marketplace answered with code 7: {'x' * 499}…",
            id="longest message",
        ),
        pytest.param(
            {"code": 7, "message": "x" * 65_535}, "the marketplace answered with code 7: no message.", id="too long"
        ),
        pytest.param(
            {"code": 7, "message": "x" * 501},
            f"the marketplace answered with code 7: {'x' * 499}…",
            id="long message",
        ),
        pytest.param(
            {"code": 7, "message": "x" * 70_000},
            "the marketplace answered with code 7: no message.",
            id="endless message",
        ),
        pytest.param(
            {"code": 7, "message": {"text": "x"}}, "the marketplace answered with code 7: no message.", id="no text"
        ),
    ],
)
def test_an_answer_that_is_an_error_says_its_code_and_message(
    files: Files, answer: dict[str, object], sentence: str
) -> None:
    path = files.of(json.dumps(answer))

    with pytest.raises(UnreadableFileError) as caught:
        list(read_orders(path))

    assert str(caught.value) == f"{path}, answer 1: {sentence}"


def test_a_message_that_is_not_quite_utf_8_is_shown(files: Files) -> None:
    names, message = files.broken(b'{"code": 7, "message": "a\xff"}')

    assert (names, message.rpartition(": ")[2]) == ([], "a\ufffd.")


@pytest.mark.parametrize(
    ("strange", "count"),
    [
        pytest.param(["17"] * 1_000, 1_000, id="most"),
        pytest.param([f'"{"x" * (2**19 - 2)}"'] * 2, 2, id="longest"),
    ],
)
def test_orders_may_follow_much_else(files: Files, strange: list[str], count: int) -> None:
    orders = files.read(f"[{','.join(strange)},{ONE}]")

    assert [order.name for order in orders] == [*(f"order {number}" for number in range(1, count + 1)), "1"]


@pytest.mark.parametrize("indent", [None, 1])
def test_an_error_does_not_stop_other_answers(files: Files, indent: int | None) -> None:
    answers = [FAILED, EACH[0], {"code": 5, "data": {"orders": [ORDERS[1]]}}]
    path = files.of(json.dumps(answers, indent=indent))

    assert files.unreadable(path) == (
        NUMBERS,
        f"{path}, answer 1: {EXPIRED}\n{path}, answer 3: the marketplace answered with code 5: no message.",
    )


def test_an_error_in_a_line_is_named_by_it(files: Files) -> None:
    path = files.of("\n".join(map(json.dumps, [EACH[0], FAILED, EACH[1]])))

    assert files.unreadable(path) == (NUMBERS, f"{path}, line 2: {EXPIRED}")


def test_errors_beyond_the_first_are_counted(files: Files) -> None:
    path = files.of(json.dumps([FAILED] * 1_022))

    _, message = files.unreadable(path)

    assert message.splitlines()[19:] == [f"{path}, answer 20: {EXPIRED}", "And 1,002 more such errors."]


def test_a_line_that_breaks_off_does_not_stop_the_others(files: Files) -> None:
    path = files.of(f'{TWO}\n{{"orders": [{ONE},\n{TWO}\n')

    assert files.unreadable(path) == (
        ["2", "1", "2"],
        f"{path} is not JSON: it ends too early at line 2, column {len(ONE) + 14}.",
    )


def test_an_error_is_told_beside_broken_json(files: Files) -> None:
    path = files.of(f"[{json.dumps(FAILED)},\n{ONE},")

    names, message = files.unreadable(path)

    assert names == ["1"]
    assert message.splitlines() == [
        f"{path}, answer 1: {EXPIRED}",
        f"{path} is not JSON: it ends too early at line 2, column {len(ONE) + 2}.",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f'[{{"a": 1}}, 17, {ONE}, {{"b": 2}}]', id="array"),
        pytest.param(f'{{"orders": [{{"a": 1}}, 17, {ONE}, {{"b": 2}}]}}', id="object"),
        pytest.param(f'[{{"a": 1}}, 17, {{"orders": [{ONE}]}}, {{"b": 2}}]', id="answers"),
        pytest.param(f'{{"a": 1}}\n17\n{ONE}\n{{"b": 2}}', id="lines"),
    ],
)
def test_what_is_no_order_is_a_bad_one_among_orders(files: Files, content: str) -> None:
    orders = files.read(content, "orders.jsonl")

    assert [isinstance(order.content, Incoming) for order in orders] == [False, False, True, False]
    assert orders[0].bytes_read > 0


def test_an_endless_object_among_orders_breaks_the_file(files: Files) -> None:
    names, message = files.broken(f'[{ONE}, {{"a": "{"x" * 2 * LONGEST_PART}"}}]')

    assert names == ["1"]
    assert message.startswith("is not JSON: a value is longer than 16,777,216 characters at line 1, column ")


def test_an_order_with_braces_in_its_texts_is_whole(files: Files) -> None:
    orders = [an_order(f"{number}", note=text) for number, text in enumerate(["}", "{", "]}", '"}', "\\", '\\"{'])]

    assert files.names(json.dumps(orders)) == ["0", "1", "2", "3", "4", "5"]
    assert files.names(json.dumps({"orders": orders}, indent=1)) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param(" \n ", "is empty", id="white space"),
        pytest.param("\ufeff", "is empty", id="byte order mark"),
        pytest.param("number;total\n1;2\n", 'holds text that is not JSON and begins with "number;total"', id="table"),
        pytest.param(f"{'n' * 50};total", f'holds text that is not JSON and begins with "{"n" * 40}"', id="wide table"),
        pytest.param('"number","total"', 'holds text that is not JSON and begins with ""number","total""', id="quoted"),
        pytest.param("\n<!doctype html>", "holds HTML or XML", id="page"),
        pytest.param('"orders"', "holds a text", id="text"),
        pytest.param("17\n18\n", "holds a number", id="numbers"),
        pytest.param("-1.5", "holds a number", id="number"),
        pytest.param("null", "holds null", id="null"),
        pytest.param("true", "holds true", id="true"),
        pytest.param(" false ", "holds false", id="false"),
        pytest.param(b"\x1f\x8b\x08\x00", "holds a gzip file", id="gzip"),
        pytest.param(b"PK\x03\x04", "holds a zip file or a spreadsheet", id="spreadsheet"),
        pytest.param(b"%PDF-1.7", "holds a PDF", id="PDF"),
        pytest.param(b"\x00\x01", "holds something that is no text", id="control characters"),
        pytest.param(b"\xff\x00", "holds something that is no text", id="no UTF-8"),
        pytest.param(b"a\xff", "holds something that is no text", id="not quite UTF-8"),
        pytest.param("a\tb", 'holds text that is not JSON and begins with "a\tb"', id="table with tabs"),
        pytest.param("a b\nc\nd", 'holds text that is not JSON and begins with "a b"', id="words"),
        pytest.param("17\n18\nx", "holds a number", id="numbers and more"),
        pytest.param("[1, 2]", "holds an array that begins with a number", id="array of numbers"),
        pytest.param("[[]]", "holds an array that begins with an array", id="array of arrays"),
        pytest.param(
            '[{"sku": 1}, {"sku": 2}]', "holds an array that begins with an object with sku", id="array of others"
        ),
        pytest.param("{}", "holds an empty object", id="nothing"),
        pytest.param(
            '{"items": [{"sku": 1}], "page": 1, "data": 1, "total": 1}',
            "holds an object with items, page, data and total",
            id="items of something else",
        ),
        pytest.param(
            '[{"basket": {"items": []}, "payment": {}}]',
            "holds an array that begins with an object with basket and payment",
            id="items within something else",
        ),
        pytest.param('{"a": 1}{"b": 2}', "holds an object with a", id="objects in a row"),
        pytest.param('{"a": 1}\n{"b": 2}', "holds an object with a", id="objects in lines"),
        pytest.param('{"a\\n": 1, "b": 2}', "holds an object with … and b", id="name that cannot be shown"),
        pytest.param(f'{{"{"a" * 41}": 1}}', "holds an object with …", id="long name"),
        pytest.param(f'{{"{"a" * 40}": 1}}', f"holds an object with {'a' * 40}", id="longest name"),
        pytest.param(json.dumps(dict.fromkeys("abcde")), "holds an object with a, b, c, d and e", id="all names"),
        pytest.param(
            '{"code": 0, "data": {"items": [], "currency": "USD"}}',
            "holds an object with code, data.items and data.currency",
            id="order in data",
        ),
        pytest.param(
            json.dumps(dict.fromkeys("abcdefg")), "holds an object with a, b, c, d, e and 2 more members", id="names"
        ),
        pytest.param('{"orders": {}}', "holds an object whose orders is an object", id="orders are no list"),
        pytest.param('{"data": {"orders": "x"}}', "holds an object whose data.orders is a text", id="text in data"),
        pytest.param(
            '{"code": 0, "data": {"order_list": []}}', "holds an object with code and data.order_list", id="other list"
        ),
        pytest.param('{"code": 0, "data": [1]}', "holds an object with code and data", id="list as data"),
        pytest.param('{"code": 0, "items_in_stock": 1}', "holds an object with code and items_in_stock", id="code"),
        pytest.param('{"code": "A-1", "data": {"x": 1}}', "holds an object with code and data.x", id="code of words"),
        pytest.param('{"code": "A-1", "data": null}', "holds an object with code and data", id="no message"),
        pytest.param('{"code": "A-1"}', "holds an object with code", id="code of words alone"),
        pytest.param('{"code": null, "message": "x"}', "holds an object with code and message", id="no code"),
        pytest.param('{"code": true, "message": "x"}', "holds an object with code and message", id="true as code"),
        pytest.param(
            f'{{"code": "{"1" * 70_000}", "message": 1}}', "holds an object with code and message", id="endless"
        ),
        pytest.param('{"total_count": 5}', "holds an object with total_count", id="count without orders"),
        pytest.param(
            f'[{{"a": "{"x" * 2**21}"}}, {ONE}]', "holds an array that begins with an object with a", id="long"
        ),
        pytest.param(f"[{'1,' * 1_001}{ONE}]", "holds an array that begins with a number", id="orders too late"),
        pytest.param(
            f"""["{"x" * (2**19 - 2)}","{"x" * (2**19 - 1)}",{ONE}]""",
            "holds an array that begins with a text",
            id="too much before orders",
        ),
        pytest.param(
            f'{{"shop": 1, "stock": ["{"x" * LONGEST_PART}", 1]}}', "holds an object with shop", id="endless member"
        ),
    ],
)
def test_a_file_of_something_else_is_one_sentence(files: Files, content: str | bytes, found: str) -> None:
    assert files.broken(content) == ([], f"{found}; {READABLE}")
