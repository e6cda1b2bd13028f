"""Sending to real SMTP servers, good and bad."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from domain.mail.delivery.smtp import SmtpSender, SmtpSettings, Tls, smtp_settings
from domain.mail.sending import Deferred, Outcome, Rejected, Sent, Unreachable
from domain.rules.order import Buyer
from tests.mail.delivery.servers import PASSWORD, Inbox, answering, serving, silent
from tests.mail.samples import a_mail, a_message
from tests.support.patience import PATIENCE_SECONDS

WITH_LOGIN = f"orders:{quote(PASSWORD, safe='')}@"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificates") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@asynccontextmanager
async def a_sender(
    port: int, tls: str = "none", *, login: str = "", ca_file: Path | None = None
) -> AsyncIterator[SmtpSender]:
    settings = smtp_settings(f"smtp://{login}localhost:{port}?tls={tls}", ca_file)
    sender = SmtpSender(settings, step_seconds=PATIENCE_SECONDS, send_seconds=2 * PATIENCE_SECONDS)
    yield sender
    await sender.close()


async def send(port: int, tls: str = "none", *, login: str = "", ca_file: Path | None = None) -> Outcome:
    """The outcome of one message."""
    async with a_sender(port, tls, login=login, ca_file=ca_file) as sender:
        return await sender.send(a_message(a_mail()))


async def test_a_message_arrives_as_it_was_made() -> None:
    inbox, message = Inbox(), a_message(a_mail())

    async with serving(inbox) as port, a_sender(port) as sender:
        outcome = await sender.send(message)

    assert outcome == Sent()
    assert inbox.messages == [message.content]
    assert (inbox.senders, inbox.recipients) == (["orders@shop.example"], ["ada@example.com"])


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("a..b@carrier.example", b'RCPT TO:<"a..b"@carrier.example>\r\n'),
        (" ada@bücher.example ", b"RCPT TO:<ada@xn--bcher-kva.example>\r\n"),
        ("o'hara+{x}@example.com", b"RCPT TO:<o'hara+{x}@example.com>\r\n"),
    ],
)
async def test_the_envelope_has_the_address_as_servers_take_it(given: str, line: bytes) -> None:
    heard: list[bytes] = []
    message = a_message(a_mail(buyer=Buyer("Ada", given, "en_US")))
    hello, ok, go_on = b"220 Hello\r\n", b"250 OK\r\n", b"354 Go on\r\n"

    async with answering(hello, ok, ok, ok, go_on, ok, heard=heard) as port, a_sender(port) as sender:
        outcome = await sender.send(message)

    assert outcome == Sent()
    assert line in heard


async def test_starttls_and_login(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    inbox = Inbox()

    async with serving(inbox, tls_context=server_tls, authenticator=inbox.authenticate, auth_required=True) as port:
        outcome = await send(port, "starttls", login=WITH_LOGIN, ca_file=ca_file)

    assert outcome == Sent()
    assert (inbox.logins, len(inbox.messages)) == (["PLAIN"], 1)


async def test_tls_from_the_first_byte(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    inbox = Inbox()

    async with serving(inbox, server_tls) as port:
        outcome = await send(port, "implicit", ca_file=ca_file)

    assert outcome == Sent()
    assert len(inbox.messages) == 1


async def test_nothing_is_sent_without_the_required_starttls(ca_file: Path) -> None:
    inbox = Inbox()

    async with serving(inbox, authenticator=inbox.authenticate, auth_require_tls=False) as port:
        outcome = await send(port, "starttls", login=WITH_LOGIN, ca_file=ca_file)

    assert isinstance(outcome, Unreachable)
    assert inbox.logins == inbox.senders == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_nothing_is_sent_to_a_server_with_an_unknown_certificate(tls: str, server_tls: ssl.SSLContext) -> None:
    inbox = Inbox()

    async with serving(
        inbox,
        server_tls if tls == "implicit" else None,
        tls_context=server_tls if tls == "starttls" else None,
        authenticator=inbox.authenticate,
    ) as port:
        outcome = await send(port, tls, login=WITH_LOGIN)

    assert isinstance(outcome, Unreachable)
    assert "certificate" in outcome.error.lower()
    assert inbox.logins == inbox.senders == []


async def test_nothing_is_sent_to_a_server_with_a_certificate_for_another_name(
    authority: trustme.CA, ca_file: Path
) -> None:
    inbox, context = Inbox(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("other.example").configure_cert(context)

    async with serving(inbox, tls_context=context, authenticator=inbox.authenticate) as port:
        outcome = await send(port, "starttls", login=WITH_LOGIN, ca_file=ca_file)

    assert isinstance(outcome, Unreachable)
    assert inbox.logins == inbox.senders == []


async def test_a_refused_login_concerns_every_message(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    inbox = Inbox()

    async with serving(inbox, tls_context=server_tls, authenticator=inbox.authenticate, auth_required=True) as port:
        outcome = await send(port, "starttls", login="orders:wrong@", ca_file=ca_file)

    assert isinstance(outcome, Unreachable)
    assert outcome.error.startswith("535")
    assert inbox.senders == []


async def test_a_missing_login_concerns_every_message(server_tls: ssl.SSLContext, ca_file: Path) -> None:
    inbox = Inbox()

    async with serving(inbox, tls_context=server_tls, authenticator=inbox.authenticate, auth_required=True) as port:
        outcome = await send(port, "starttls", ca_file=ca_file)

    assert isinstance(outcome, Unreachable)
    assert outcome.error.startswith("530")


@pytest.mark.parametrize(
    ("inbox", "expected"),
    [
        (Inbox(rcpt=["550 5.1.1 No such user"]), Rejected("550 5.1.1 No such user")),
        (Inbox(data=["554 5.7.1 Refused"]), Rejected("554 5.7.1 Refused")),
        (Inbox(rcpt=["451 4.7.1 Greylisted"]), Deferred("451 4.7.1 Greylisted")),
        (Inbox(data=["452 4.3.1 Full"]), Deferred("452 4.3.1 Full")),
        (Inbox(rcpt=["421 4.3.2 Going down"]), Deferred("421 4.3.2 Going down")),
        (Inbox(rcpt=["530 5.7.0 Log in first"]), Unreachable("530 5.7.0 Log in first")),
    ],
    ids=["550 to RCPT", "554 to DATA", "451 to RCPT", "452 to DATA", "421", "530 to RCPT"],
)
async def test_a_refusal_is_for_good_or_for_now(inbox: Inbox, expected: Outcome) -> None:
    async with serving(inbox) as port, a_sender(port) as sender:
        refused = await sender.send(a_message(a_mail()))
        next_one = await sender.send(a_message(a_mail()))

    assert refused == expected
    assert next_one == Sent()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((b"220 hi\r\n", b"250 hi\r\n", b"553 5.1.8 Not you\r\n"), Unreachable("553 5.1.8 Not you")),
        ((b"220 hi\r\n", b"250 hi\r\n", b"451 4.3.0 Later\r\n"), Deferred("451 4.3.0 Later")),
        ((b"220 hi\r\n", b"250-hi\r\n250 SIZE 1\r\n", b"552 5.3.4 Too big\r\n"), Rejected("552 5.3.4 Too big")),
        ((b"554 5.3.2 Go away\r\n",), Unreachable("554 5.3.2 Go away")),
    ],
    ids=["sender refused", "sender deferred", "too large", "refused at the door"],
)
async def test_a_refusal_of_the_sender_concerns_every_message(answers: tuple[bytes, ...], expected: Outcome) -> None:
    async with answering(*answers, b"250 reset\r\n") as port:
        outcome = await send(port)

    assert outcome == expected


async def test_a_connection_that_breaks_after_the_message_leaves_it_open() -> None:
    async with answering(b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n") as port:
        outcome = await send(port)

    assert isinstance(outcome, Deferred)


@pytest.mark.parametrize(
    "nonsense",
    [b"\xff\xfe\x00garbage\r\n", b"\r\n", b"999 what\r\n", b"250\xff\x00ok\r\n", b"x" * 100_000 + b"\r\n"],
    ids=["binary", "empty", "unknown code", "binary after a code", "endless"],
)
async def test_a_nonsense_reply_is_an_error_that_can_be_stored(nonsense: bytes) -> None:
    async with answering(b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", nonsense, nonsense) as port:
        outcome = await send(port)

    assert isinstance(outcome, Deferred)
    assert outcome.error.isprintable()
    assert len(outcome.error) <= 500


async def test_nobody_listening_concerns_every_message() -> None:
    async with silent() as port:
        pass

    outcome = await send(port)

    assert isinstance(outcome, Unreachable)


async def test_a_silent_server_times_out() -> None:
    async with silent() as port:
        settings = SmtpSettings("localhost", port, Tls.NONE)
        sender = SmtpSender(settings, step_seconds=0.05, send_seconds=PATIENCE_SECONDS)
        outcome = await sender.send(a_message(a_mail()))

    assert isinstance(outcome, Unreachable)


@pytest.mark.parametrize("answers", [(b"",), (b"220 hi\r\n", b"250 hi\r\n", b"")], ids=["greeting", "sender"])
async def test_a_message_has_a_time_limit_as_a_whole(answers: tuple[bytes, ...]) -> None:
    async with answering(*answers) as port:
        settings = SmtpSettings("localhost", port, Tls.NONE)
        sender = SmtpSender(settings, step_seconds=PATIENCE_SECONDS, send_seconds=0.1)
        outcome = await sender.send(a_message(a_mail()))

    assert outcome == Deferred("The server took longer than 0.1 seconds.")


async def test_a_connection_is_used_again() -> None:
    inbox = Inbox()

    async with serving(inbox) as port, a_sender(port) as sender:
        for _ in range(3):
            await sender.send(a_message(a_mail()))

    assert (len(inbox.messages), len(inbox.connections)) == (3, 1)


async def test_a_connection_that_broke_is_made_again() -> None:
    inbox = Inbox()

    async with serving(inbox) as port, a_sender(port) as sender:
        await sender.send(a_message(a_mail()))
        await inbox.hang_up()
        outcome = await sender.send(a_message(a_mail()))

    assert outcome == Sent()
    assert (len(inbox.messages), len(inbox.connections)) == (2, 2)


async def test_messages_at_once_use_a_connection_each() -> None:
    inbox = Inbox()

    async with serving(inbox) as port, a_sender(port) as sender:
        outcomes = await asyncio.gather(*(sender.send(a_message(a_mail())) for _ in range(5)))

    assert outcomes == [Sent()] * 5
    assert (len(inbox.messages), len(inbox.connections)) == (5, 5)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", SmtpSettings("mail.example", 587, Tls.STARTTLS)),
        ("smtp://mail.example?tls=implicit", SmtpSettings("mail.example", 465, Tls.IMPLICIT)),
        ("smtp://mail.example:2525/?tls=none", SmtpSettings("mail.example", 2525, Tls.NONE)),
        ("smtp://[::1]:25?tls=none", SmtpSettings("::1", 25, Tls.NONE)),
        ("smtp://me:p%40ss%2F@m.example", SmtpSettings("m.example", 587, Tls.STARTTLS, "me", "p@ss/")),
    ],
)
def test_settings_are_read_from_a_url(url: str, expected: SmtpSettings) -> None:
    assert smtp_settings(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "mail.example:25",
        "http://mail.example",
        "smtp://",
        "smtp://:secret@",
        "smtp://mail.example?tls=maybe",
        "smtp://mail.example?starttls=no",
        "smtp://me:secret@mail.example:port",
        "smtp://me:secret@mail.example/inbox",
    ],
)
def test_other_urls_are_refused_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"tls|port|Port") as refusal:
        smtp_settings(url)

    assert "secret" not in str(refusal.value)


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(smtp_settings("smtp://me:secret@mail.example"))
