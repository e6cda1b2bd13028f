"""A mailbox in memory that takes every message: what the demo has in place of a mail server."""

from collections import deque
from email.message import EmailMessage

from domain.mail.sending import Sent

_CAPACITY = 200


class Mailbox:
    def __init__(self) -> None:
        self._messages: deque[EmailMessage] = deque(maxlen=_CAPACITY)

    @property
    def messages(self) -> list[EmailMessage]:
        """The newest 200, newest first."""
        return list(self._messages)

    async def send(self, message: EmailMessage) -> Sent:
        self._messages.appendleft(message)
        return Sent()
