"""The running demo: its contents, its steps, and what survives a restart."""

import html
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.demo import operations, sample_shop
from api.settings import Settings
from domain.mail.delivery.mailbox import Mailbox
from domain.mail.phrases import LANGUAGES
from domain.mail.sending import OutgoingMessage
from domain.rules.vocabulary import NotificationStatus, OrderStatus, PackageStatus, RefundStatus
from domain.storage.engine.database import Database
from tests.support.calling import ask
from tests.support.client import SECRET
from tests.support.command import run, said, started
from tests.support.invariants import assert_sound, dump
from tests.support.patience import PATIENCE_SECONDS

CONTENTS = """{
  orders(first: 100) { edges { node { number status packages { status } buyer { locale } } } }
  cancellations { edges { node { refundStatus notification { status } order { buyer { locale } } } } }
}"""
# Steps that take effect once: a path in the answer, and its values in the first and the second call.
TWICE = {
    "Cancel": ("cancelItems", "replayed", [False, True]),
    "Package": ("cancelPackage", "replayed", [False, True]),
    "Order": ("cancelOrder", "replayed", [False, True]),
    "Import": ("importOrders", "results.outcome", ["CREATED", "UNCHANGED"]),
    "Settle": ("settleRefund", "cancellation.refundStatus", ["SUCCEEDED", "SUCCEEDED"]),
    "Split": ("splitPackage", "package.status", ["AWAITING_SHIPMENT", "AWAITING_SHIPMENT"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    """A demo in which only the tests act."""
    with started(folder, "demo", "--still") as (_, client):
        yield client


def token_of(client: httpx.Client) -> str:
    return client.get("/").text.split("Authorization: Bearer ")[1].split("<")[0]


def mails_in(client: httpx.Client, count: int) -> str:
    """The mailbox, once it has this many mails."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (page := client.get("/mailbox").text).count('class="mail"') < count:
        assert time.monotonic() < deadline, page
        time.sleep(0.05)
    assert page.count('class="mail"') == count
    return page


def mail_statuses(client: httpx.Client) -> set[str]:
    """The page, once no mail is in flight."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        edges = ask(client, CONTENTS, token_of(client))["data"]["cancellations"]["edges"]
        statuses = {edge["node"]["notification"]["status"] for edge in edges}
        if "QUEUED" not in statuses:
            return statuses
        assert time.monotonic() < deadline
        time.sleep(0.05)


def tabs_of(client: httpx.Client) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each step's document and variables, keyed by title."""
    tabs = client.get("/graphiql/config.json").json()["tabs"]
    prepared = [(tab["query"], orjson.loads(tab["variables"] or "{}")) for tab in tabs]
    return {step.title: tab for step, tab in zip(operations.steps(), prepared, strict=True)}


def at(data: Any, path: str) -> Any:  # any JSON
    for name in path.split("."):
        data = data[name] if isinstance(data, dict) else data[0][name]
    return data


def test_it_has_every_status_and_every_language_of_buyers_and_mails(client: httpx.Client) -> None:
    data = ask(client, CONTENTS, token_of(client))["data"]
    orders = [edge["node"] for edge in data["orders"]["edges"]]
    cancelled = [edge["node"] for edge in data["cancellations"]["edges"]]

    assert {order["status"] for order in orders} == {*OrderStatus.__members__}
    assert {package["status"] for order in orders for package in order["packages"]} == {*PackageStatus.__members__}
    assert {order["buyer"]["locale"].partition("_")[0] for order in orders} == LANGUAGES
    assert {each["refundStatus"] for each in cancelled} == {*RefundStatus.__members__}
    page = mails_in(client, len(LANGUAGES))
    assert {*re.findall(r"&lt;html lang=&#34;(\w+)", page)} == LANGUAGES
    assert "<p>Japanese (Japan)</p>" in page
    assert "Demo Shop &lt;orders@shop.example&gt;" in page
    # Every mail has passed through QUEUED; NOT_NEEDED comes with the next day.
    assert mail_statuses(client) == {*NotificationStatus.__members__} - {"QUEUED", "NOT_NEEDED"}


def test_each_step_runs_as_prepared_and_shows_what_a_second_run_does(client: httpx.Client) -> None:
    token, tabs = token_of(client), tabs_of(client)
    refused = [ask(client, tabs["Refusal"][0], token, **tabs["Refusal"][1])["data"]["cancelItems"] for _ in "12"]
    listed = ask(client, tabs["List"][0], token)["data"]["orders"]
    previewed = ask(client, tabs["Preview"][0], token, **tabs["Preview"][1])["data"]["previewCancelItems"]
    answers = {
        title: [ask(client, tabs[title][0], token, **tabs[title][1])["data"][field] for _ in "12"]
        for title, (field, _, _) in TWICE.items()
    }

    assert listed["edges"][0]["node"]["id"] == tabs["Preview"][1]["orderId"]
    assert previewed["errors"] == []
    assert [[error["code"] for error in each["errors"]] for each in refused] == [
        ["NOT_CANCELLABLE", "QUANTITY_EXCEEDED"]
    ] * 2
    assert {title: [at(each, TWICE[title][1]) for each in pair] for title, pair in answers.items()} == {
        title: expected for title, (_, _, expected) in TWICE.items()
    }
    assert [each.get("errors", []) for pair in answers.values() for each in pair] == [[]] * 2 * len(TWICE)
    assert tabs["Follow"][0].startswith("# Everything that happens")
    again = tabs_of(client)
    assert {title for title in TWICE if again[title][1] == tabs[title][1]} == set()


def test_an_order_told_on_two_days_is_created_then_brought_up_to_date(client: httpx.Client) -> None:
    token, (document, variables) = token_of(client), tabs_of(client)["Update"]

    first, again = (ask(client, document, token, **variables)["data"]["importOrders"]["results"] for _ in "12")

    assert [each["outcome"] for each in first] == ["CREATED", "UPDATED"]
    assert [note["code"] for note in first[1]["notes"]] == [
        *("CANCELLED_THERE", "PACKAGE_STATUS", "DETAILS", "DETAILS", "ORDER_STATUS"),
    ]
    assert first[1]["order"] == {
        "status": "IN_TRANSIT",
        "version": 3,
        "packages": [{"status": "IN_TRANSIT", "carrier": "DHL", "trackingNumber": "JJD0002001"}],
        "totals": {"total": {"formatted": "$153.95"}, "refunded": {"formatted": "$34.00"}},
    }
    assert [each["outcome"] for each in again] == ["UNCHANGED", "UNCHANGED"]
    assert [note["code"] for note in again[0]["notes"]] == ["OLDER"]


def test_an_order_is_shown_that_is_paid_at_the_door(client: httpx.Client) -> None:
    token, (document, variables) = token_of(client), tabs_of(client)["Door"]

    order = ask(client, document, token, **variables)["data"]["orderByNumber"]

    assert (order["number"], order["collectOnDelivery"]) == ("57640007890000004", True)
    assert {name: amount["formatted"] for name, amount in order["totals"].items()} == {
        "total": "₫188,000",
        "paid": "₫0",
        "due": "₫188,000",
        "refundable": "₫0",
    }


def test_the_start_page_has_the_steps_in_order_and_a_command_that_works(client: httpx.Client) -> None:
    page = client.get("/")
    command = html.unescape(page.text.split('<pre id="curl">')[1].split("</pre>")[0])

    titles = re.findall(r'<li><a href="[^"]*" target="_blank">(\w+)</a>', page.text)
    assert titles == [
        *("Follow", "List", "Preview", "Cancel", "Mailbox", "Refusal", "Package", "Order", "Split"),
        *("Import", "Update", "Door", "Settle"),
    ]
    assert "script-src 'self';" in page.headers["content-security-policy"]
    if not shutil.which("curl") and not os.environ.get("CI"):  # noqa: TID251 - a setting of the tests, not of the code
        pytest.skip("needs curl")
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=True, timeout=PATIENCE_SECONDS)  # noqa: S603
    assert len(orjson.loads(done.stdout)["data"]["orders"]["edges"]) == 3


def test_its_pages_are_refused_under_other_names(client: httpx.Client) -> None:
    paths = ("/", "/mailbox", "/graphiql/config.json")

    misled = [client.get(path, headers={"Host": "evil.example"}) for path in paths]

    assert [(answer.status_code, "Bearer" in answer.text) for answer in misled] == [(400, False)] * 3


def test_a_step_with_nothing_left_to_try_says_so() -> None:
    tabs = dict(
        zip((step.title for step in operations.steps()), operations.tabs([], None, {"packages": []}), strict=True)
    )

    stuck = {title for title, tab in tabs.items() if "There is nothing left to try this on" in tab["query"]}
    assert stuck == {"Preview", "Cancel", "Refusal", "Package", "Order", "Split", "Door", "Settle"}
    assert [tabs[title]["variables"] for title in stuck] == [""] * len(stuck)


@pytest.mark.parametrize("arguments", [("demo",), ("demo", "--reset")], ids=" ".join)
def test_a_second_demo_in_the_folder_is_refused_on_any_port(
    client: httpx.Client, folder: Path, arguments: tuple[str, ...]
) -> None:
    port = "0" if "--reset" in arguments else str(client.base_url.port)

    done = run(folder, *arguments, port=port)

    assert said(done) == (
        2,
        "",
        "A demo is already running in this folder: use that one, or stop it with Ctrl-C first.\n",
    )
    assert client.get("/readyz").status_code == 200


async def test_a_demo_resumes_where_it_ended_until_it_is_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = sample_shop.settings_of(Settings())

    first = await sample_shop.prepare(given)
    before = await contents(first)
    again = await sample_shop.prepare(given)
    after = await contents(again)
    modes = modes_in(tmp_path)
    await Mailbox(sample_shop.MAILS).send(OutgoingMessage("orders@shop.example", "ada@example.com", b"mail"))
    sample_shop.reset()
    left = modes_in(tmp_path)
    anew = await sample_shop.prepare(given)
    own = await sample_shop.prepare(given.model_copy(update={"jwt_secret": SECRET}))

    assert (again.jwt_secret, after) == (first.jwt_secret, before)
    assert modes == {"shortship-demo.db": 0o600}
    assert left == {}
    assert len({first.jwt_secret, anew.jwt_secret, own.jwt_secret}) == 3
    assert own.jwt_secret == SECRET


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def contents(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    database = Database(settings.database_url)
    try:
        await assert_sound(database)
        return await dump(database)
    finally:
        await database.close()


def test_the_demo_listens_on_loopback_only(tmp_path: Path) -> None:
    done = run(tmp_path, "demo", host="0.0.0.0")  # noqa: S104 - it refuses

    assert said(done) == (2, "", "The demo listens on loopback only: leave SHORTSHIP_HOST unset.\n")
    assert list(tmp_path.iterdir()) == []
