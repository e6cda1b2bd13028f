"""The demo's mailbox, a folder of files."""

import asyncio
from pathlib import Path

from domain.mail.delivery.mailbox import Mailbox
from domain.mail.sending import OutgoingMessage, Sent


def a_message(text: str) -> OutgoingMessage:
    return OutgoingMessage("orders@shop.example", "ada@example.com", text.encode())


async def test_what_was_sent_is_there_after_a_restart_the_newest_first_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mails"

    outcomes = [await Mailbox(folder).send(a_message(text)) for text in ("one", "two", "three")]

    found = Mailbox(folder).messages()
    assert outcomes == [Sent()] * 3
    assert [mail.content for mail in found] == [b"three", b"two", b"one"]
    assert [mail.content for mail in Mailbox(folder).messages(after=found[1].id)] == [b"three"]
    assert {path.suffix: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {".eml": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_the_newest_200_are_kept(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)

    await asyncio.gather(*(mailbox.send(a_message(str(number))) for number in range(203)))

    assert [mail.content for mail in mailbox.messages()] == [str(number).encode() for number in range(202, 2, -1)]


async def test_a_mail_that_goes_while_others_are_read_is_left_out(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    await mailbox.send(a_message("one"))
    (tmp_path / "9.eml").symlink_to(tmp_path / "gone")  # listed, but gone when it is read

    assert [mail.content for mail in mailbox.messages()] == [b"one"]


def test_what_a_killed_demo_had_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "1.part").touch()

    Mailbox(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_mailbox_that_got_nothing_is_empty_and_makes_nothing(tmp_path: Path) -> None:
    assert Mailbox(tmp_path / "mails").messages() == []
    assert list(tmp_path.iterdir()) == []
