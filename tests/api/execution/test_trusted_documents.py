"""A server that runs only the operations of a folder or a file."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import build_schema, parse

from api.execution.trusted_documents import TrustedDocuments
from api.schema.served import printed
from api.settings import Settings, SettingsError
from domain.rules.order import Shop
from domain.storage.engine.database import Database
from tests.api.conftest import on_sqlite, serving
from tests.support.client import Client, a_token, hear, say

SCHEMA = build_schema(printed())
NAME = "query Name { shop { name } }"
TWO = "query Id { shop { ...S } } query Both { shop { ...S name } } fragment S on Shop { id }"
OTHER = "query Name { shop { id } }"


def known(path: Path, text: str) -> bool:
    return parse(text) in TrustedDocuments(path, SCHEMA)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("name.graphql", NAME),
        ("name.gql", f"# The shop's name\n{NAME}\n"),
        ("manifest.json", {"5f3a": NAME}),
        (
            "manifest.json",
            {"format": "apollo", "version": 1, "operations": [{"id": "1", "name": "Name", "body": NAME}]},
        ),
    ],
    ids=["graphql", "gql", "by hash", "Apollo's"],
)
@pytest.mark.parametrize("is_folder", [True, False], ids=["folder", "file"])
def test_operations_are_found_in_every_format(tmp_path: Path, name: str, content: Any, *, is_folder: bool) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else orjson.dumps(content))
    path = tmp_path if is_folder else file

    assert known(path, NAME)
    assert not known(path, OTHER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TWO, True),
        ("query Id { shop { ...S } } fragment S on Shop { id }", True),
        ("fragment S on Shop { id }\n\nquery Both{shop{...S,name}}", True),
        ("query Id { shop { ...S } } fragment S on Shop { id name }", False),
        ("query Ident { shop { ...S } } fragment S on Shop { id }", False),
    ],
    ids=["all", "one of them", "written differently", "another fragment", "another name"],
)
def test_a_file_may_have_several_operations_that_share_fragments(tmp_path: Path, text: str, *, expected: bool) -> None:
    (tmp_path / "shop.graphql").write_text(TWO)

    assert known(tmp_path, text) is expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.graphql", b"query {"),
        ("a.graphql", b"query { nothing }"),
        ("a.graphql", b"\xff"),
        ("a.json", b"{"),
        ("a.json", b"[]"),
        ("a.json", b'{"1": 5}'),
        ("a.json", b'{"operations": [{"id": "1"}]}'),
        ("a.txt", NAME.encode()),
    ],
    ids=["syntax", "unknown field", "not UTF-8", "no JSON", "list", "number", "no body", "no operations at all"],
)
def test_a_file_without_valid_operations_is_a_settings_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SettingsError, match="SHORTSHIP_TRUSTED_DOCUMENTS"):
        TrustedDocuments(tmp_path, SCHEMA)


@pytest.fixture
async def limited(settings: Settings, database: Database, shop: Shop, tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a server that runs one operation, and no introspection."""
    file = tmp_path / "name.graphql"
    file.write_text(NAME)
    async with serving(settings.model_copy(update={"trusted_documents": str(file)}), database) as base:
        client = Client(base, a_token(shop.id))
        yield client
        await client.http.aclose()


@on_sqlite
async def test_only_trusted_documents_run_unless_the_token_is_for_exploring(limited: Client) -> None:
    explorer = limited.with_token(a_token(scope="orders:read explore"))

    assert await limited.data(NAME) == {"shop": {"name": "Demo Shop"}}
    refused = [await limited.post(text) for text in (OTHER, "{ __schema { queryType { name } } }")]
    explored = await explorer.data(OTHER)

    assert [(body["errors"][0]["extensions"]["code"], "data" in body) for body in refused] == [("FORBIDDEN", False)] * 2
    assert set(explored["shop"]) == {"id"}


@on_sqlite
async def test_a_socket_runs_the_same_documents_as_post(limited: Client) -> None:
    async with limited.socket() as socket:
        await say(socket, id="1", type="subscribe", payload={"query": OTHER})
        refused = await hear(socket)
        await say(socket, id="2", type="subscribe", payload={"query": NAME})
        answered = await hear(socket)

    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")
    assert answered["payload"]["data"] == {"shop": {"name": "Demo Shop"}}
