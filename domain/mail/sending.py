"""A message that is ready to be sent, what its sending comes to, and who can send."""

from typing import Protocol

from domain.rules.order import value


@value
class OutgoingMessage:
    """`content` is the message, in CRLF lines of seven bits; the addresses are those of its envelope."""

    sender: str
    recipient: str
    content: bytes


@value
class Sent:
    """The server has taken the message."""


@value
class Rejected:
    """The server will never take this message for this recipient."""

    error: str


@value
class Deferred:
    """It did not work this time."""

    error: str


@value
class Unreachable:
    """No message can be sent at present: the server cannot be reached, trusted or logged in to, or refuses us."""

    error: str


Outcome = Sent | Rejected | Deferred | Unreachable


class Sender(Protocol):
    async def send(self, message: OutgoingMessage) -> Outcome:
        """Sends the message to its one recipient; several may be sent at once."""
        ...
