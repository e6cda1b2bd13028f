"""A mailbox in memory that takes every message: what the demo has in place of a mail server."""

from collections import deque

from domain.mail.sending import OutgoingMessage, Sent

_CAPACITY = 200


class Mailbox:
    def __init__(self) -> None:
        self._messages: deque[OutgoingMessage] = deque(maxlen=_CAPACITY)

    @property
    def messages(self) -> list[OutgoingMessage]:
        """The newest 200, newest first."""
        return list(self._messages)

    async def send(self, message: OutgoingMessage) -> Sent:
        self._messages.appendleft(message)
        return Sent()
