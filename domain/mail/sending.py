"""A message ready to send, the outcomes of sending it, and the protocol of senders."""

from typing import Protocol

from domain.rules.order import value


@value
class OutgoingMessage:
    """`content` is 7-bit with CRLF line ends; the addresses are the envelope's."""

    sender: str
    recipient: str
    content: bytes


@value
class Sent:
    """The server accepted the message."""


@value
class Rejected:
    """The server will never accept this message for this recipient."""

    error: str


@value
class Deferred:
    """Sending failed for now; a retry may succeed."""

    error: str


@value
class Unreachable:
    """No message can be sent for now: the server is unreachable or untrusted, or refuses our login or sender."""

    error: str


Outcome = Sent | Rejected | Deferred | Unreachable


class Sender(Protocol):
    async def send(self, message: OutgoingMessage) -> Outcome:
        """Sends the message to its recipient; may run concurrently."""
        ...
