"""A cache of validated documents, keyed by text and shared by all callers."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import DocumentNode

from api.execution.cost import Cost

# In text; the parsed documents take about seventy times as much memory.
_MOST_CHARACTERS = 256 * 1024


@dataclass(slots=True)
class Document:
    """A parsed document and its cost; `is_valid` is set once validation has passed."""

    node: DocumentNode
    cost: Cost
    is_trusted: bool
    is_valid: bool = False


class Documents:
    """The most recently used documents. Equal texts share one node, so that plans can be keyed by node."""

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
            evicted, _ = self._kept.popitem(last=False)
            self._characters -= len(evicted)
