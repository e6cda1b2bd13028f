"""A mailbox in a folder that takes every message: what the demo has in place of a mail server."""

import asyncio
from contextlib import suppress
from pathlib import Path

from uuid_utils.compat import uuid7

from domain.mail.sending import OutgoingMessage, Sent
from domain.rules.order import value

_CAPACITY = 200
# Mails have names and addresses in them: they are for their owner alone.
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700


@value
class StoredMail:
    """`id` grows from one mail to the next."""

    id: str
    content: bytes


class Mailbox:
    """Keeps the newest 200 as files that mail programs open; it is there again after a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()  # or a mail could come to lie below one that was seen already
        for path in folder.glob("*.part"):  # of a demo that was killed
            path.unlink(missing_ok=True)

    def messages(self, after: str = "") -> list[StoredMail]:
        """Those behind the one with this id, the newest first."""
        found = []
        for path in reversed(self._paths()):
            if path.stem > after:
                with suppress(FileNotFoundError):  # newer ones have taken its place meanwhile
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
        partial.replace(partial.with_suffix(".eml"))  # so that nobody reads half of it
        for path in self._paths()[:-_CAPACITY]:
            path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.eml"))
