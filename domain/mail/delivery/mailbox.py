"""A mailbox in a folder, which accepts every message: the demo's replacement for a mail server."""

import asyncio
from contextlib import suppress
from pathlib import Path

from uuid_utils.compat import uuid7

from domain.mail.sending import OutgoingMessage, Sent
from domain.rules.order import value

_CAPACITY = 200
# Mails contain names and addresses: only their owner may read them.
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700


@value
class StoredMail:
    """`id` increases with every mail."""

    id: str
    content: bytes


class Mailbox:
    """Keeps the newest 200 mails as .eml files, which survive restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()  # or a mail could get an id below one already seen
        for path in folder.glob("*.part"):  # left by a demo that was killed
            path.unlink(missing_ok=True)

    def messages(self, after: str = "") -> list[StoredMail]:
        """The mails after this id, newest first."""
        found = []
        for path in reversed(self._paths()):
            if path.stem > after:
                with suppress(FileNotFoundError):  # pushed out by newer mails meanwhile
                    found.append(StoredMail(path.stem, path.read_bytes()))
        return found

    async def send(self, message: OutgoingMessage) -> Sent:
        async with self._turn:
            await asyncio.to_thread(self._keep, message.content)
        return Sent()

    def _keep(self, content: bytes) -> None:
        self._folder.mkdir(_PRIVATE_FOLDER, exist_ok=True)
        partial = self._folder / f"{uuid7().hex}.part"
        partial.touch(_PRIVATE)
        partial.write_bytes(content)
        partial.replace(partial.with_suffix(".eml"))  # so that no reader sees half a mail
        for path in self._paths()[:-_CAPACITY]:
            path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.eml"))
