"""Mail sent by a worker: from the call through the worker's process to the buyer's mail server and back."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_postgresql
from tests.mail.delivery.servers import Inbox, serving
from tests.support.client import Client
from tests.support.command import Copy, an_environment, run
from tests.support.invariants import assert_sound
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stored import an_order_input, store

CANCEL = """
mutation ($order: ID!) { cancelOrder(input: { orderId: $order, reason: OTHER, idempotencyKey: "key" }) {
  cancellation { id notification { status } } } }
"""
MAIL = """
query ($id: ID!) { node(id: $id) { ... on Cancellation { notification { status attempts lastError sentAt } } } }
"""
RESEND = """
mutation ($id: ID!) { resendNotification(input: { cancellationId: $id }) {
  cancellation { notification { status attempts lastError } } errors { code } } }
"""
EVENTS = """
{ orderEvents { edges { node { actor ... on NotificationStatusChanged { to } } } } }
"""


@asynccontextmanager
async def working(folder: Path, **settings: str) -> AsyncIterator[Copy]:
    """A worker process; it is stopped at the end, and its stderr goes to the file `log`."""
    process = Copy("worker", folder=folder, environment=an_environment(settings), err=folder / "log")
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await ended(process)


async def ended(process: Copy) -> int:
    """Its exit code, once it has ended."""
    return await asyncio.to_thread(process.wait, PATIENCE_SECONDS)


async def notification(client: Client, cancellation_id: str, status: str) -> dict[str, Any]:
    """The notification, once it has this status."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found: dict[str, Any] = (await client.data(MAIL, id=cancellation_id))["node"]["notification"]
            if found["status"] == status:
                return found
            await asyncio.sleep(0.05)


@on_postgresql
async def test_a_worker_sends_the_mail_that_servers_leave_to_it(
    client: Client, database: Database, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    [order] = await store(database, shop, an_order_input("1001"))
    inbox = Inbox(rcpt=["550 No such mailbox"])
    made = (await client.data(CANCEL, order=f"order_{order.id.hex}"))["cancelOrder"]["cancellation"]

    async with serving(inbox) as port:
        settings = {
            "database_url": database_url,
            "smtp_url": f"smtp://127.0.0.1:{port}?tls=none",
            "mail_from": "Demo Shop <orders@shop.example>",
        }
        async with working(tmp_path, **settings) as worker:
            bounced = await notification(client, made["id"], "FAILED")
            again = (await client.data(RESEND, id=made["id"]))["resendNotification"]
            sent = await notification(client, made["id"], "SENT")
        code = worker.poll()

    assert made["notification"] == {"status": "QUEUED"}
    assert (bounced["attempts"], bounced["lastError"], bounced["sentAt"]) == (1, "550 No such mailbox", None)
    assert again["errors"] == []
    assert again["cancellation"]["notification"] == {"status": "QUEUED", "attempts": 0, "lastError": None}
    assert (sent["attempts"], sent["lastError"]) == (1, None)
    assert sent["sentAt"]
    [message] = map(message_from_bytes, inbox.messages)
    assert message["To"] == "Ada Buyer <ada@example.com>"
    assert message["Message-ID"] == f"<{made['id'].replace('_', '-')}@shop.example>"
    edges = (await client.data(EVENTS))["orderEvents"]["edges"]
    changes = [(edge["node"]["actor"], edge["node"]["to"]) for edge in edges if "to" in edge["node"]]
    assert changes == [("mail", "FAILED"), ("tester", "QUEUED"), ("mail", "SENT")]
    assert code == 0
    log = (tmp_path / "log").read_text()
    assert "worker.started" in log
    assert "ada@example.com" not in log
    await assert_sound(database)


@pytest.mark.usefixtures("sqlite_url")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "No mail server to send to: set SHORTSHIP_SMTP_URL."),
        (
            {"smtp_url": "smtp://127.0.0.1:1?tls=none"},
            "SHORTSHIP_SMTP_URL needs SHORTSHIP_MAIL_FROM, the address that mail comes from.",
        ),
        (
            {
                "smtp_url": "smtp://127.0.0.1:1?tls=none",
                "mail_from": "a@example.com",
                "database_url": "sqlite:///other.db",
            },
            "The database other.db does not exist: run `shortship migrate`.",
        ),
    ],
    ids=["no server", "no sender", "no tables"],
)
def test_a_worker_refuses_to_start_with_one_sentence(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    done = run(tmp_path, "worker", **settings)

    assert done.returncode == 2
    assert done.stderr.endswith(f"{sentence}\n")
