"""docs/errors.md lists every code once, and no other."""

import inspect
import re
from enum import Enum
from typing import get_args

import pytest
from strawberry.subscriptions.protocols.graphql_transport_ws import handlers

from api import errors
from api.transport import websocket
from domain.rules.vocabulary import CancellationErrorCode, FulfillmentErrorCode, NotCancellableReason
from tests.docs.pages import ROOT, read, rows

PAGE = "docs/errors.md"


def listed(section: str) -> list[str]:
    """The codes in the first table below this heading."""
    return [row[0] for row in rows(PAGE, section)]


def test_every_code_of_the_whole_answer_is_listed() -> None:
    assert listed("The whole answer") == sorted(get_args(errors.Code))


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        ("Cancellations", CancellationErrorCode),
        ("Why not", NotCancellableReason),
        ("Fulfilment and import", FulfillmentErrorCode),
    ],
)
def test_every_code_of_the_schema_is_listed_with_advice(section: str, codes: type[Enum]) -> None:
    assert listed(section) == sorted(codes.__members__)
    assert [row for row in rows(PAGE, section) if not row[-1]] == []


def test_every_code_that_closes_a_socket_is_listed() -> None:
    sources = inspect.getsource(handlers) + inspect.getsource(websocket)
    closing = set(re.findall(r"\b(44\d\d|101\d)\b", sources)) | {"1009"}  # closed by the websockets library itself

    assert listed("Websockets") == sorted(closing)


def test_every_code_in_use_is_declared() -> None:
    """Type checkers do not see codes in dictionaries."""
    given = {
        code
        for module in (ROOT / "api").rglob("*.py")
        for code in re.findall(r'"code": "([A-Z_]+)"', module.read_text())
    }

    assert given <= set(get_args(errors.Code))


def test_the_schema_points_to_the_page() -> None:
    assert read("schema.graphql").count("docs/errors.md says what to do in each case.") == 3
