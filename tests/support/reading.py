"""Reads the orders of a file as an import does."""

from pathlib import Path

from domain.intake import formats
from domain.intake.file import read_orders
from domain.rules.order_input import Incoming


def sound_orders(path: Path) -> list[Incoming]:
    """The orders of a file that can be read, before they are checked."""
    contents = [formats.read(order.part)[1] for order in read_orders(path)]
    return [content for content in contents if isinstance(content, Incoming)]
