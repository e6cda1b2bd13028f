"""Values in the JSON of orders."""

import json
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.rules.by_name import ByName
from domain.rules.order_input import OrderInput
from domain.rules.vocabulary import CancellationScope


def test_an_enum_is_read_and_written_by_name() -> None:
    adapter = TypeAdapter(Annotated[CancellationScope, ByName])

    assert adapter.validate_json('"PACKAGE"') is CancellationScope.PACKAGE
    assert adapter.dump_python(CancellationScope.PACKAGE) == "PACKAGE"
    assert adapter.dump_json(CancellationScope.PACKAGE) == b'"PACKAGE"'


@pytest.mark.parametrize("name", ["", "package", "All live units of one package.", 1, None, [], {}])
def test_anything_but_the_name_of_a_member_is_refused(name: object) -> None:
    adapter = TypeAdapter(Annotated[CancellationScope, ByName])

    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(name)

    [problem] = refused.value.errors()
    assert (problem["type"], problem["msg"]) == ("word", "must be one of ITEMS, PACKAGE, ORDER")


@pytest.mark.parametrize("time", ["", "yesterday", "1772357400", 1772357400, None])
def test_a_time_is_text_in_iso_8601(time: object) -> None:
    adapter = TypeAdapter(OrderInput)

    with pytest.raises(ValidationError) as refused:
        adapter.validate_json(json.dumps({"placedAt": time}))

    [problem] = [error for error in refused.value.errors() if error["loc"] == ("placedAt",)]
    assert (problem["type"], problem["msg"]) == ("time", 'must be a time such as "2026-03-01T09:30:00Z"')
