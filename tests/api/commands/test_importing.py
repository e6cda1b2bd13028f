"""`import`: its counts, its problems, and how it stops."""

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from uuid_utils.compat import uuid7

from api.commands.importing import Report
from domain.arriving import ImportResult
from domain.rules.order import ImportNote
from domain.rules.vocabulary import ImportNoteCode, ImportOutcome
from tests.api.commands.conftest import Command
from tests.support.calling import ORDER, no_shop
from tests.support.closing import SAMPLES
from tests.support.command import COMMAND
from tests.support.patience import PATIENCE_SECONDS
from tests.support.reading import READABLE


def test_an_import_reports_counts_and_rejections(command: Command, shop_folder: Path) -> None:
    orders = shop_folder / "orders.jsonl"
    bad = ORDER | {"number": "1002", "total": "19.99"}
    orders.write_bytes(b"\n".join(orjson.dumps(order) for order in (ORDER, bad)))
    (shop_folder / "cut.json").write_bytes(orjson.dumps([ORDER])[:-20])

    sample = command("import", "--shop", "demo", str(SAMPLES))
    again = command("import", "--shop", "demo", str(SAMPLES))
    rehearsed = command("import", "--shop", "demo", "orders.jsonl", "--dry-run")
    rejected = command("import", "--shop", "demo", "orders.jsonl")
    cut_off = command("import", "--shop", "demo", "cut.json")
    missing = command("import", "--shop", "demo", "missing.json")
    nobody = command("import", "--shop", "nobody", "orders.jsonl")
    older = command("import", "--shop", "Läden & Co", "orders.jsonl")

    assert sample == (0, "created 60, updated 0, unchanged 0, rejected 0\n", "")
    assert again == (0, "created 0, updated 0, unchanged 60, rejected 0\n", "")
    assert rejected[:2] == (1, "created 1, updated 0, unchanged 0, rejected 1\n")
    assert rejected[2].startswith("1002: AMOUNTS_DO_NOT_ADD_UP: ")
    assert rejected[2].count("\n") == 1
    assert rehearsed == (1, f"Dry run: nothing is stored.\n{rejected[1]}", rejected[2])
    for code, _, sentence in (cut_off, missing):
        assert (code, sentence.count("\n")) == (2, 1)
    assert nobody == (2, "", f"{no_shop('nobody')}\n")
    assert older == (2, "", "The shop 'Läden & Co' does not exist: `shortship shop list` shows the shops.\n")


def test_problems_beyond_the_first_are_counted_by_kind(command: Command, shop_folder: Path) -> None:
    orders = [ORDER | {"number": f"{number}", "total": "19.99"} for number in range(1_200)]
    (shop_folder / "orders.json").write_bytes(orjson.dumps([*orders, ORDER | {"total": "-1"}]))
    alike = "AMOUNTS_DO_NOT_ADD_UP: total is 19.99, but the parts sum to 20.00."

    code, counts, problems = command("import", "--shop", "demo", "orders.json")
    none = command("import", "--shop", "demo", "orders.json", "--problems", "0")
    everything = command("import", "--shop", "demo", "orders.json", "--verbose")
    *each, rest = problems.splitlines()

    assert (code, counts) == (1, "created 0, updated 0, unchanged 0, rejected 1201\n")
    assert each == [f"{number}: {alike}" for number in range(20)]
    assert rest == "and 1,181 more: 1,180 AMOUNTS_DO_NOT_ADD_UP, 1 INVALID_VALUE"
    assert none[2] == "1,201 problems: 1,200 AMOUNTS_DO_NOT_ADD_UP, 1 INVALID_VALUE\n"
    assert everything[:2] == (code, counts)
    assert everything[2].splitlines()[:-1] == [f"{number}: {alike}" for number in range(1_200)]


@pytest.mark.parametrize(("most", "reported"), [(20, ""), (None, "1001: note OLDER: It is older.\n")])
def test_notes_are_listed_if_everything_is(capsys: pytest.CaptureFixture[str], most: int | None, reported: str) -> None:
    report = Report(most, is_repeatable=True, is_dry_run=False)
    note = ImportNote(ImportNoteCode.OLDER, "It is older.")

    report.add(ImportResult("1001", ImportOutcome.UNCHANGED, uuid7(), notes=(note,)))
    report.end(is_stopped=False)

    assert capsys.readouterr() == ("created 0, updated 0, unchanged 1, rejected 0\n", reported)


ANSWER = orjson.loads(SAMPLES.read_bytes())
ORDERS = ANSWER["data"]["orders"][:3]
NO_FORMAT = "it lacks line_items and payment, as the marketplace's orders have, or items, as our own orders have."
FAILED = {"code": 105002, "message": "Expired credentials.", "request_id": "0"}


@pytest.mark.parametrize(
    ("content", "code", "counts", "errors"),
    [
        pytest.param(orjson.dumps(ORDERS), 0, (3, 0), [], id="array of the marketplace's orders"),
        pytest.param(orjson.dumps({"total_count": 3, "orders": ORDERS}), 0, (3, 0), [], id="what is in data"),
        pytest.param(orjson.dumps(ANSWER).decode().encode("utf-16"), 0, (60, 0), [], id="UTF-16"),
        pytest.param(b'{"code": 0, "message": "Success", "data": {"orders": null}}', 0, (0, 0), [], id="null"),
        pytest.param(
            orjson.dumps([FAILED, ORDERS[0]]),
            2,
            (1, 0),
            ["orders.json, answer 1: the marketplace answered with code 105002: Expired credentials."],
            id="error beside an order",
        ),
        pytest.param(
            orjson.dumps([{"foo": 1}, *ORDERS]),
            1,
            (3, 1),
            [
                "order 1: INVALID_VALUE: The order is of no known format: " + NO_FORMAT,
            ],
            id="something else among orders",
        ),
        pytest.param(
            orjson.dumps([{"sku": 1}] * 500),
            2,
            (0, 0),
            [
                f"orders.json holds an array that begins with an object with sku; {READABLE}",
            ],
            id="something else",
        ),
    ],
)
def test_what_a_file_is_decides_the_exit_code(
    command: Command, shop_folder: Path, content: bytes, code: int, counts: tuple[int, int], errors: list[str]
) -> None:
    (shop_folder / "orders.json").write_bytes(content)
    created, rejected = counts

    done = command("import", "--shop", "demo", "orders.json")

    assert done[:2] == (code, f"created {created}, updated 0, unchanged 0, rejected {rejected}\n")
    assert done[2].splitlines() == errors


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_import_says_how_far_it_got(command: Command, shop_folder: Path, sent: signal.Signals) -> None:
    [item] = ORDER["items"]
    long = {"items": [item | {"productName": "n" * 500, "imageUrl": f"https://example.com/{'i' * 1_900}"}]}
    content = b"".join(orjson.dumps(ORDER | long | {"number": f"{number}"}) + b"\n" for number in range(1_999))
    importing = subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "import", "--shop", "demo", "-"],
        cwd=shop_folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert importing.stdin

    with importing:
        # It reads the last of these orders only after storing the first, and then waits for more.
        written = memoryview(content)
        while written:
            written = written[importing.stdin.write(written) :]
        importing.send_signal(sent)
        code = importing.wait(PATIENCE_SECONDS)
        out, err = (stream.read().decode() for stream in (importing.stdout, importing.stderr) if stream)
    with closing(sqlite3.connect(shop_folder / "shortship.db")) as database:
        [(stored,)] = database.execute("SELECT count(*) FROM orders")
    (shop_folder / "orders.jsonl").write_bytes(content)
    again = command("import", "--shop", "demo", "orders.jsonl")

    assert stored in {500, 1_000, 1_500}
    assert code == 128 + sent
    assert out == f"created {stored}, updated 0, unchanged 0, rejected 0\n"
    assert err == f"Stopped after {stored:,} orders, the last of them {stored - 1}.\n"  # a pipe cannot be read again
    assert again == (0, f"created {1_999 - stored}, updated 0, unchanged {stored}, rejected 0\n", "")
