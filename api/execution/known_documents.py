"""Documents that were found valid, kept with what is known of them whoever sends them with whatever variables."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import DocumentNode

from api.execution.cost import Cost

# Of text; what is kept of it takes some seventy times as much.
_MOST_CHARACTERS = 256 * 1024


@dataclass(slots=True)
class Document:
    """A document and what it costs; `is_valid` says whether validation has seen it and found nothing."""

    node: DocumentNode
    cost: Cost
    is_trusted: bool
    is_valid: bool = False


class Documents:
    """By their text, those that were used last. One text is one node here, so that more can be known by the node."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def find(self, text: str) -> Document | None:
        document = self._kept.get(text)
        if document:
            self._kept.move_to_end(text)
        return document

    def keep(self, text: str, document: Document) -> None:
        if text not in self._kept:
            self._characters += len(text)
        self._kept[text] = document
        while self._characters > _MOST_CHARACTERS:
            left, _ = self._kept.popitem(last=False)
            self._characters -= len(left)
