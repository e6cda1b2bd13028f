"""The Node interface, and the pages of a connection."""

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from api.errors import BadUserInputError
from api.execution.cost import DEFAULT_PAGE
from api.schema.types.scalars import described
from domain.storage.pages import Page, PageRequest

__all__ = ["Node", "PageInfo", "page_info", "page_request"]


@strawberry.interface(description="An object that node and nodes find by its id.")
class Node:
    id: strawberry.ID = described("Opaque, and unique among all objects of the shop.")


def page_request(
    *,
    limit: int,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PageRequest:
    """The page that the four arguments of a connection ask for; raises BadUserInputError."""
    if first is not None and last is not None:
        raise BadUserInputError("Give either first or last, not both.")
    size = first if last is None else last
    if size is None:
        size = min(DEFAULT_PAGE, limit)
    if not 1 <= size <= limit:
        raise BadUserInputError(f"A page has 1 to {limit} entries; {size} were asked for.")
    return PageRequest(size, is_from_back=last is not None, after=after, before=before)


def page_info(page: Page[Any], cursors: Sequence[str]) -> PageInfo:  # of any entries
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
