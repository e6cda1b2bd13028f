"""Turns the parts of a file into orders to store, without parsing what is known byte for byte."""

from base64 import b85encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.intake import formats
from domain.intake.check import normalise
from domain.intake.file import FileOrder, UnreadableFileError
from domain.rules import refunds
from domain.rules.new_order import NewOrder, content_hash
from domain.rules.order import ImportNote, Shop, value
from domain.rules.order_input import Incoming
from domain.rules.outcomes import FulfillmentProblem
from domain.storage.new_orders import Arrival

# Large enough to save round trips, small enough to hold the lock on the shop's event counter only briefly.
_BATCH_ORDERS = 500
_BATCH_BYTES = 4 * 2**20
_HASH_BYTES = 16


@value
class Part:
    """An order of a file, and the hash of its bytes."""

    place: str
    content: bytes
    source_hash: bytes
    bytes_read: int


@value
class Checked:
    """An order that is ready to be stored, its problems, or the id of the known order that it is byte for byte.

    `part` is None for an order that did not come in a file, and for one that was not parsed.
    """

    name: str
    result: Arrival | tuple[FulfillmentProblem, ...] | UUID
    part: Part | None = None


def parts_of(orders: Iterable[FileOrder]) -> Iterator[list[Part]]:
    """The parts in batches; an error of the file is raised after what came before it."""
    parts: list[Part] = []
    start = 0
    try:
        for order in orders:
            parts.append(Part(order.place, order.part, _hash(order.part), order.bytes_read))
            if len(parts) == _BATCH_ORDERS or order.bytes_read - start >= _BATCH_BYTES:
                yield parts
                parts, start = [], order.bytes_read
    except UnreadableFileError:
        if parts:
            yield parts
        raise
    if parts:
        yield parts


def checked_parts(
    shop: Shop, parts: Sequence[Part], known: Mapping[bytes, tuple[str, UUID]], pending: set[str]
) -> list[Checked]:
    """The orders in these parts; `known` has the numbers and ids of those that are known byte for byte, by hash.

    A known one is parsed all the same if its number is in `pending` or is that of another order here: what it is known
    by may be about to change.
    """
    new = [index for index, part in enumerate(parts) if part.source_hash not in known]
    read = dict(zip(new, _checked(shop, [parts[index] for index in new]), strict=True))
    changing = pending | {each.result.order.number for each in read.values() if isinstance(each.result, Arrival)}
    for index, part in enumerate(parts):
        if index not in read:
            number, order_id = known[part.source_hash]
            is_changing = number in changing
            read[index] = checked_part(shop, part) if is_changing else Checked(_name(number, part), order_id)
    return [read[index] for index in range(len(parts))]


def checked_part(shop: Shop, part: Part) -> Checked:
    return _checked(shop, [part])[0]


def check(shop: Shop, given: Incoming) -> Arrival | tuple[FulfillmentProblem, ...]:
    """An order that did not come in a file."""
    order = normalise(given)
    return _arrival(shop, order, content_hash(order), given.notes) if isinstance(order, NewOrder) else order


def _checked(shop: Shop, parts: Sequence[Part]) -> list[Checked]:
    """Takes each step for all orders before the next step: code that has just run runs a quarter faster."""
    read = [formats.read(part.content) for part in parts]
    orders = [normalise(content) if isinstance(content, Incoming) else content for _, content in read]
    hashes = [content_hash(order) if isinstance(order, NewOrder) else b"" for order in orders]
    found = []
    for part, (number, content), order, its_hash in zip(parts, read, orders, hashes, strict=True):
        notes = content.notes if isinstance(content, Incoming) else ()
        result = order if isinstance(order, tuple) else _arrival(shop, order, its_hash, notes, part.source_hash)
        found.append(Checked(number or part.place, result, part))
    return found


def _arrival(
    shop: Shop,
    order: NewOrder,
    order_hash: bytes,
    notes: tuple[ImportNote, ...],
    source_hash: bytes | None = None,
) -> Arrival:
    policy = shop.shipping_refund_policy
    cancelled = refunds.due(order, policy)
    refunded = cancelled if order.is_paid and not order.collect_on_delivery else 0
    return Arrival(
        uuid7(),
        order,
        order_hash,
        source_hash,
        shipping_refund_policy=policy,
        refunded=refunded,
        taken_off=cancelled - refunded,
        notes=notes,
    )


def _hash(content: bytes) -> bytes:
    """In ASCII, which `among` asks for."""
    return b85encode(blake2b(content, digest_size=_HASH_BYTES).digest())


def _name(number: str, part: Part) -> str:
    return formats.shown(number) or part.place
