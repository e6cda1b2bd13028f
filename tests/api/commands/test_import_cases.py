"""Files in the shape of real ones that were once refused or misread: each comes in as its marketplace means it."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings
from domain.mail.address import Address
from domain.mail.content import CancellationMail
from domain.mail.message import compose
from domain.mail.sending import OutgoingMessage, Sent
from domain.storage.engine.database import Database
from tests.api import conftest as served
from tests.api.commands.conftest import Command
from tests.api.commands.test_worker import working
from tests.api.conftest import on_sqlite
from tests.mail.delivery.servers import Inbox, serving
from tests.mail.samples import received, text_of
from tests.support import mailing
from tests.support.client import SECRET, Client, a_token
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS

CASES = Path(__file__).parents[2] / "support" / "cases"
on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
CREATED = (0, "created 1, updated 0, unchanged 0, rejected 0", "")
UPDATED = (0, "created 0, updated 1, unchanged 0, rejected 0", "")
UNCHANGED = (0, "created 0, updated 0, unchanged 1, rejected 0", "")

FIND = """
query ($number: String!) { orderByNumber(number: $number) {
  id number status version pricesIncludeTax collectOnDelivery cancellable itemsCancellable
  totals {
    total { amount } paid { amount } due { amount } refunded { amount } refundable { amount }
    itemTax { amount } platformDiscount { amount } fees { kind amount { amount } } }
  items { id sku productName quantity cancelledQuantity cancellableQuantity total { amount } }
  packages { number status items { quantity cancelledQuantity } }
  cancellations {
    id scope reason note refundStatus actor notification { status attempts lastError }
    refundBreakdown { total { amount } } }
  events(first: 100) { edges { node { __typename actor sequence } } } } }
"""
CANCEL_ORDER = """
mutation ($order: ID!) { cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "all" }) {
  cancellation { refundStatus refundBreakdown { total { amount } } } errors { code message } } }
"""
CANCEL_UNIT = """
mutation ($order: ID!, $item: ID!, $key: String!) { cancelItems(input: {
    orderId: $order, items: [{ itemId: $item, quantity: 1 }], reason: OUT_OF_STOCK, idempotencyKey: $key }) {
  cancellation { id refundStatus notification { status attempts lastError } refundBreakdown { total { amount } } }
  errors { code message } } }
"""
RESEND = """
mutation ($id: ID!) { resendNotification(input: { cancellationId: $id }) { errors { code } } }
"""


class Desk:
    """A seller with a shop: imports with the command, and asks and cancels through the API."""

    def __init__(self, command: Command, url: str) -> None:
        self._command, self._url = command, url

    def opens(self, name: str) -> None:
        assert self._command("shop", "create", "demo", "--name", name, database_url=self._url)[0] == 0

    def imports(self, name: str) -> tuple[int, str, str]:
        """The exit code, the last line of stdout, and stderr."""
        code, out, err = self._command("import", "--shop", "demo", str(CASES / name), database_url=self._url)
        return code, out.splitlines()[-1] if out else "", err

    def finds(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.asks(FIND, number=number)["orderByNumber"]
        return found

    def asks(self, query: str, **variables: object) -> dict[str, Any]:
        """The answer's data, with each amount as its text."""

        async def ask(client: Client) -> dict[str, Any]:
            data: dict[str, Any] = plain(await client.data(query, **variables))
            return data

        answer: dict[str, Any] = self.served(ask)
        return answer

    def cancels_a_unit(self, order: dict[str, Any], item: int = 0, key: str = "key-1") -> dict[str, Any]:
        variables = {"order": order["id"], "item": order["items"][item]["id"], "key": key}
        payload = self.asks(CANCEL_UNIT, **variables)["cancelItems"]
        assert payload["errors"] == []
        made: dict[str, Any] = payload["cancellation"]
        return made

    def cancels_all(self, order: dict[str, Any]) -> dict[str, Any]:
        payload = self.asks(CANCEL_ORDER, order=order["id"])["cancelOrder"]
        assert payload["errors"] == []
        made: dict[str, Any] = payload["cancellation"]
        return made

    def served(self, ask: Callable[[Client], Any]) -> Any:  # what the coroutine returns
        """Runs this against the served API, and checks the stored data at the end."""

        async def run() -> Any:
            settings = Settings(
                database_url=self._url, jwt_secret=SECRET, introspection=True, operation_timeout=PATIENCE_SECONDS
            )
            database = Database(self._url)
            async with served.serving(settings, database) as base:
                client = Client(base, a_token("demo"))
                answer = await ask(client)
                await client.http.aclose()
            await assert_sound(database)
            await database.close()
            return answer

        return asyncio.run(run())

    def mails(self, count: int = 1) -> list[OutgoingMessage]:
        """The mails that leave, as the mail loop composes them."""

        async def run() -> list[OutgoingMessage]:
            database, sender = Database(self._url), mailing.Script(*[Sent()] * count)
            await mailing.run(database, sender, compose=letter)
            await database.close()
            return sender.messages

        return asyncio.run(run())


def letter(mail: CancellationMail) -> OutgoingMessage:
    return compose(mail, sender=Address(mail.shop_name, "orders@shop.example"), reply_to=None)


def plain(content: Any) -> Any:
    """The same content, with each money object as its amount."""
    if isinstance(content, dict):
        return content["amount"] if content.keys() == {"amount"} else {k: plain(v) for k, v in content.items()}
    return [plain(each) for each in content] if isinstance(content, list) else content


def within(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """The parts of what was found that are expected, item by item."""
    return {
        name: within(found[name], part)
        if isinstance(part, dict)
        else [within(each, wanted) for each, wanted in zip(found[name], part, strict=True)]
        if isinstance(part, list) and part and isinstance(part[0], dict)
        else found[name]
        for name, part in expected.items()
    }


@pytest.fixture
def desk(command: Command, database_url: str) -> Desk:
    desk = Desk(command, database_url)
    desk.opens("Demo Shop")
    return desk


# What comes in


@on_sqlite
@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        pytest.param(
            "c02-cancelled-unit-without-package.json",
            "910000000000000002",
            {
                "status": "AWAITING_SHIPMENT",
                "totals": {"total": "30.00", "paid": "30.00", "refunded": "10.00", "refundable": "20.00"},
                "items": [{"quantity": 3, "cancelledQuantity": 1, "cancellableQuantity": 2}],
                "packages": [
                    {"number": "910000000000000002-1", "items": [{"quantity": 3, "cancelledQuantity": 1}]},
                ],
                "cancellations": [],
            },
            id="a unit says itself that it is cancelled",
        ),
        pytest.param(
            "c04-shipped-unit-without-package.json",
            "910000000000000004",
            {
                "status": "IN_TRANSIT",
                "cancellable": False,
                "itemsCancellable": False,
                "items": [{"quantity": 1, "cancellableQuantity": 0}],
                "packages": [{"number": "910000000000000004-1", "status": "IN_TRANSIT"}],
            },
            id="a unit without a package was shipped",
        ),
        pytest.param(
            "c07-item-insurance-fee.json",
            "910000000000000007",
            {"totals": {"total": "307.49", "fees": [{"kind": "INSURANCE", "amount": "7.49"}]}},
            id="insurance is a fee",
        ),
        pytest.param(
            "c12-bare-array-of-orders.json",
            "910000000000000012",
            {"status": "AWAITING_SHIPMENT", "totals": {"total": "10.00"}},
            id="a bare array is known by what its orders hold",
        ),
        pytest.param(
            "c13-unwrapped-data.json",
            "910000000000000013",
            {"status": "AWAITING_SHIPMENT", "totals": {"total": "10.00"}},
            id="the data of an answer without its wrapper",
        ),
        pytest.param(
            "c16-package-id-without-status.json",
            "910000000000000016",
            {
                "status": "AWAITING_SHIPMENT",
                "packages": [{"number": "1200000000000000016", "status": "AWAITING_SHIPMENT"}],
            },
            id="a package without a status is as far as its unit",
        ),
        pytest.param(
            "c18-product-name-with-line-break.json",
            "910000000000000018",
            {"items": [{"productName": "Linen shirt 2 pack white"}]},
            id="white space in a name becomes one space",
        ),
        pytest.param(
            "c19-empty-texts-for-amounts.json",
            "910000000000000019",
            {"totals": {"total": "10.00", "platformDiscount": "0.00", "itemTax": "0.00"}},
            id="an empty text is no amount",
        ),
        pytest.param(
            "c24-utf16.json",
            "910000000000000024",
            {"status": "AWAITING_SHIPMENT", "totals": {"total": "10.00"}},
            id="a file in UTF-16",
        ),
    ],
)
def test_an_order_comes_in_as_its_marketplace_means_it(
    desk: Desk, name: str, number: str, expected: dict[str, Any]
) -> None:
    done = desk.imports(name)

    assert done == CREATED
    assert within(desk.finds(number), expected) == expected


@on_sqlite
@pytest.mark.parametrize(
    ("name", "number", "totals"),
    [
        pytest.param(
            "c01-included-tax-without-item-tax.json",
            "910000000000000001",
            {"total": "434566", "itemTax": "39506"},
            id="tax that is told at the payment alone",
        ),
        pytest.param(
            "c08-payment-platform-discount.json",
            "910000000000000008",
            {"total": "20.80", "platformDiscount": "7.20"},
            id="a discount that is told at the payment alone",
        ),
    ],
)
def test_cancelling_the_whole_order_gives_back_all_that_was_paid(
    desk: Desk, name: str, number: str, totals: dict[str, str]
) -> None:
    done = desk.imports(name)
    order = desk.finds(number)
    made = desk.cancels_all(order)

    assert done == CREATED
    assert order["pricesIncludeTax"] is True
    assert within(order["totals"], totals) == totals
    assert made == {"refundStatus": "PENDING", "refundBreakdown": {"total": totals["total"]}}


@on_both
def test_units_that_differ_by_a_cent_are_one_item(desk: Desk) -> None:
    done = desk.imports("c20-us-order-of-a-help-page.json")
    order = desk.finds("910000000000000020")
    refunds = [desk.cancels_a_unit(order, key=key)["refundBreakdown"]["total"] for key in ("key-1", "key-2")]

    assert done == CREATED
    assert order["totals"]["total"] == "115.28"
    assert [item["quantity"] for item in order["items"]] == [2]
    assert refunds == ["57.65", "57.63"]


@on_sqlite
def test_a_second_unit_that_was_free_is_an_item_of_its_own(desk: Desk) -> None:
    done = desk.imports("c25-second-unit-free.json")
    order = desk.finds("910000000000000025")
    refunds = [desk.cancels_a_unit(order, item, f"key-{item}")["refundBreakdown"]["total"] for item in (0, 1)]

    assert done == CREATED
    assert [(item["sku"], item["quantity"], item["total"]) for item in order["items"]] == [
        ("172900000000000101", 1, "20.00"),
        ("172900000000000101", 1, "0.00"),
    ]
    assert refunds == ["20.00", "0.00"]


@on_sqlite
def test_an_answer_without_orders_imports_nothing(desk: Desk) -> None:
    done = desk.imports("c22-null-orders-of-an-error.json")

    assert done == (0, "created 0, updated 0, unchanged 0, rejected 0", "")


@on_sqlite
def test_an_error_of_the_marketplace_is_told_in_its_own_words(desk: Desk) -> None:
    code, counts, said = desk.imports("c23-error-answer.json")

    assert (code, counts) == (2, "created 0, updated 0, unchanged 0, rejected 0")
    assert "105002" in said
    assert "Expired credentials." in said
    assert said.count("\n") == 1


# Payment at the door


@on_both
def test_what_is_cancelled_before_the_door_is_no_longer_due_there(desk: Desk) -> None:
    done = desk.imports("c06-cash-on-delivery.json")
    before = desk.finds("910000000000000006")
    first = desk.cancels_a_unit(before)
    between = desk.finds("910000000000000006")
    second = desk.cancels_a_unit(before, key="key-2")
    after = desk.finds("910000000000000006")
    [part, whole] = sorted(desk.mails(2), key=lambda mail: "99,000" not in text_of(mail))

    assert done == CREATED
    assert before["collectOnDelivery"] is True
    unpaid = {"total": "188000", "paid": "0", "refunded": "0", "refundable": "0"}
    assert [within(order["totals"], unpaid) for order in (before, between, after)] == [unpaid] * 3
    assert [order["totals"]["due"] for order in (before, between, after)] == ["188000", "99000", "0"]
    assert [(made["refundStatus"], made["refundBreakdown"]["total"]) for made in (first, second)] == [
        ("NOT_NEEDED", "89000"),
        ("NOT_NEEDED", "99000"),
    ]
    for mail in (part, whole):
        assert "charged" in text_of(mail)
        assert "payment method" not in text_of(mail)
        assert "*" not in text_of(mail).replace("n***n v** t***h", "*")
        assert "*" not in str(received(mail)["To"])
    assert "99,000" in text_of(part)


# Coming again


@on_both
def test_an_order_that_was_cancelled_at_the_marketplace_cannot_be_refunded_again(desk: Desk) -> None:
    done = [desk.imports(f"c15-{day}.json") for day in ("day1", "day2")]
    after = desk.finds("910000000000000015")
    done.append(desk.imports("c15-day2.json"))
    again = desk.finds("910000000000000015")
    [cancellation] = after["cancellations"]
    resent = desk.asks(RESEND, id=cancellation["id"])["resendNotification"]

    assert done == [CREATED, UPDATED, UNCHANGED]
    assert (after["status"], after["version"], after["cancellable"]) == ("CANCELLED", 2, False)
    assert [item["cancellableQuantity"] for item in after["items"]] == [0]
    assert cancellation | {"id": "", "notification": ""} == {
        "id": "",
        "scope": "ORDER",
        "reason": "BUYER_REQUESTED",
        "note": "No longer needed",
        "refundStatus": "SUCCEEDED",
        "actor": "import",
        "notification": "",
        "refundBreakdown": {"total": "89000"},
    }
    assert cancellation["notification"] == {"status": "NOT_NEEDED", "attempts": 0, "lastError": None}
    assert within(after["totals"], {"refunded": "", "refundable": ""}) == {"refunded": "89000", "refundable": "0"}
    assert [edge["node"]["__typename"] for edge in after["events"]["edges"]] == [
        "OrderImported",
        "ItemsCancelled",
        "PackageStatusChanged",
        "OrderStatusChanged",
        "OrderUpdated",
    ]
    assert {edge["node"]["actor"] for edge in after["events"]["edges"]} == {"import"}
    assert again == after
    assert resent["errors"] == [{"code": "TRANSITION_NOT_ALLOWED"}]


# The mail


@on_sqlite
def test_names_arrive_in_the_headers_with_all_their_spaces(command: Command, database_url: str) -> None:
    shop = "東京セレクトショップ株式会社 公式オンラインストア 本店"
    buyer = "محمد بن عبد الله آل سعود، الرياض المملكة العربية السعودية"
    desk = Desk(command, database_url)
    desk.opens(shop)

    [imported] = desk.asks((CASES / "c26-header-loses-a-space.graphql").read_text())["importOrders"]["results"]
    desk.cancels_a_unit(desk.finds("910000000000000026"))
    [mail] = desk.mails()
    headers = {name: str(make_header(decode_header(text))) for name, text in raw_headers(mail)}

    assert imported == {"outcome": "CREATED", "errors": []}
    assert shop in headers["Subject"]
    assert headers["To"].removeprefix('"').rsplit(" <", 1)[0].removesuffix('"') == buyer
    assert headers["To"].endswith("<buyer@example.com>")


def raw_headers(mail: OutgoingMessage) -> list[tuple[str, str]]:
    """The headers unfolded and otherwise as sent."""
    head = mail.content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode("ascii")
    return [(name, text) for name, _, text in (line.partition(": ") for line in head.split("\r\n"))]


@on_sqlite
def test_a_masked_address_gets_no_mail(desk: Desk) -> None:
    done = desk.imports("c29-masked-email.json")
    made = desk.cancels_a_unit(desk.finds("910000000000000029"))

    assert done == CREATED
    assert (made["notification"]["status"], made["notification"]["attempts"]) == ("FAILED", 0)
    assert "masked" in made["notification"]["lastError"]


@on_sqlite
@pytest.mark.parametrize(
    ("sender", "seen"),
    [("orders@shop.example", "orders@shop.example"), ("orders@bücher.example", "orders@xn--bcher-kva.example")],
    ids=["an ASCII domain", "a domain beyond ASCII"],
)
def test_mail_leaves_for_an_old_address_and_from_any_domain(
    desk: Desk, database_url: str, tmp_path: Path, sender: str, seen: str
) -> None:
    done = desk.imports("c28-email-of-a-japanese-carrier.json")
    made = desk.cancels_a_unit(desk.finds("910000000000000028"))
    inbox = Inbox()

    async def send() -> None:
        async with serving(inbox) as port:
            settings = {"smtp_url": f"smtp://127.0.0.1:{port}?tls=none", "mail_from": sender}
            async with working(tmp_path, database_url=database_url, **settings):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not inbox.messages:  # noqa: ASYNC110 - another process sends it
                        await asyncio.sleep(0.02)

    asyncio.run(send())

    assert done == CREATED
    assert made["notification"]["status"] == "QUEUED"
    assert inbox.senders == [seen]
    [message] = map(message_from_bytes, inbox.messages)
    assert message["To"].endswith(' <"hana..123."@docomo.example>')
